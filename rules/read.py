"""From a request that a rule matched to what it says: accounts, events, consent, exposures, and the rest."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, MutableMapping
from urllib.parse import unquote_plus

from rules.compiled import NAME_LENGTH, TEST_LENGTH, ReadyRule, compact, glob_pattern
from rules.decode import Field, flatten, parse_json, to_text
from rules.decoders import apply_decoders
from rules.exposure import form_of, stands_for_nobody, tidy
from rules.message import Message
from rules.model import Feature, FieldRole, Ref, ValueTest
from rules.page_address import clicked, searched
from scanner.model import Detection, Exposure, ExposureKind
from scanner.request_headers import basic_user

_ADDRESSES = (ExposureKind.PAGE_URL, ExposureKind.REFERRER)
_EMPTY = frozenset({"", "{}", "[]"})
WHOLE_PATH = "(path)"
"""Where a rule says what the URL's own path gives away: the digest of an address, the name of a video."""
WHOLE_QUERY = "(query)"
"""The same for the query as it stands, where its parts have no names (`?4sBoston&7sUS`)."""
Values = MutableMapping[str, list[tuple[str, int]]]
"""Field path → (value, item) in the request's order."""


def read(ready: ReadyRule, message: Message, *, first_party: bool) -> tuple[Detection, ...]:
    """Return one detection per account the request names (usually one)."""
    rule = ready.rule
    fields = message.fields
    if rule.decode:
        fields = message.opened_by(ready.steps, rule.items)
        for name in (WHOLE_PATH, WHOLE_QUERY):
            fields += apply_decoders((name, name, _whole(name, message), -1), ready.steps(name))
    values: dict[str, list[tuple[str, int]]] = {}
    for path, _, value, item in fields:
        known = values.get(path)
        if known is None:
            values[path] = [(value, item)]
        else:
            known.append((value, item))
    for name in (WHOLE_PATH, WHOLE_QUERY):
        whole = ready.exact_roles.get(name)
        if whole is not None:
            text = _whole(name, message)
            if text and (whole.pattern is None or whole.pattern.search(text[:TEST_LENGTH])):
                fields = [*fields, (name, name, text, -1)]
    exposures, other = _sort_fields(ready, fields, values)
    events_by_account = _events(ready, message, values)
    if ready.standard_events:
        # A name the site made up may say what the vendor's own names never would.
        custom = {event for events in events_by_account.values() for event in events} - ready.standard_events
        exposures += tuple(Exposure(ExposureKind.EVENT_NAME, ready.event_field, name) for name in sorted(custom))
    consent = tuple(
        (name, found[0])
        for name, refs, field in ready.consent
        if (field is None or field in values) and (found := first_of(refs, message, values)) and found[0]
    )
    dedup = first_of(rule.dedup, message, values) if rule.dedup else []
    features = _features(rule.features, values) if rule.features else []
    if rule.response_features and message.record.response_body is not None:
        features += response_features(rule.response_features, message.record.response_body)
    return tuple(
        Detection(
            rule=rule.id,
            vendor=rule.vendor.id,
            product=rule.product.id,
            category=rule.product.category,
            kind=rule.kind,
            account=account,
            event=events[0] if events else None,
            events=tuple(events),
            first_party_collection=first_party,
            consent=consent,
            exposures=exposures,
            other=other,
            features=tuple(dict.fromkeys(features)),
            dedup_id=dedup[0] if dedup else None,
            status=rule.status,
            duplicate_of=rule.duplicate_of,
        )
        for account, events in events_by_account.items()
    )


def _whole(name: str, message: Message) -> str:
    return message.path if name == WHOLE_PATH else message.record.url.partition("?")[2].partition("#")[0]


# --------------------------------------------------------------------------- values


def first_of(refs: Iterable[Ref], message: Message, values: Values) -> list[str]:
    """Return the values of the first reference that yields any."""
    for ref in refs:
        found = _resolve(ref, message, values)
        if found:
            return found
    return []


def _resolve(ref: Ref, message: Message, values: Values) -> list[str]:
    if ref.path is not None:
        raw = _groups(ref.path, message.path)
    elif ref.host is not None:
        raw = _groups(ref.host, message.host)
    elif ref.header is not None:
        raw = [value for name, value in message.record.headers if name == ref.header]
        if ref.basic_user:
            raw = list(filter(None, map(basic_user, raw)))
    elif ref.join is not None:
        parts = [next(iter(_at(path, values)), "") for path in ref.fields]
        raw = [ref.join.join(part for part in parts if part)] if parts and parts[0] else []
    else:
        raw = [value for path in ref.fields for value in _at(path, values)]
    if ref.index is not None:
        raw = raw[ref.index : ref.index + 1]
    if ref.pattern is not None:
        raw = [text for value in raw for text in _groups(ref.pattern, value)]
    if ref.split is not None:
        raw = [part.strip() for value in raw for part in value.split(ref.split, 100)]
    found = [_finish(ref, value) for value in raw if value]
    if found and ref.constant is not None:
        return [ref.constant]
    if not found and ref.default is not None:
        return [ref.default]
    return found


def _finish(ref: Ref, value: str) -> str:
    if ref.case == "upper":
        value = value.upper()
    elif ref.case == "lower":
        value = value.lower()
    for text, word in ref.names:
        if text in (value, "*"):
            value = word
            break
    return value if value.startswith(ref.prefix) else ref.prefix + value


def _groups(pattern: re.Pattern[str], text: str) -> list[str]:
    found = pattern.search(text[:TEST_LENGTH])
    if found is None:
        return []
    return ["".join(group or "" for group in found.groups())] if found.groups() else [found[0]]


def _at(path: str, values: Values) -> list[str]:
    """Values at a path or glob."""
    if "*" in path:
        names = glob_pattern(path)
        return [value for name, pairs in values.items() if names.fullmatch(name[:NAME_LENGTH]) for value, _ in pairs]
    return [value for value, _ in values.get(path, ())]


# --------------------------------------------------------------------------- accounts and events


def _events(ready: ReadyRule, message: Message, values: Values) -> dict[str | None, list[str]]:
    """Events in the request's order, by account."""
    rule = ready.rule
    items = _items(rule.items, values) if rule.items else []
    accounts: list[str | None]
    if not items:
        accounts = [*dict.fromkeys(first_of(rule.account, message, values))] or [None]
        found = first_of(rule.event, message, values)
        # Without `items` the first value counts, unless the reference itself splits a value into several events.
        events = found if any(ref.split or "*" in "".join(ref.fields) for ref in rule.event) else found[:1]
        return {account: [_spelling(ready, e) for e in events] for account in accounts}
    result: dict[str | None, list[str]] = {}
    for item in items:
        accounts = [*dict.fromkeys(first_of(rule.account, message, item))] or [None]
        events = first_of(rule.event, message, item)[:1]
        for account in accounts:
            result.setdefault(account, []).extend(_spelling(ready, e) for e in events)
    return result


def _items(items: str, values: Values) -> list[Values]:
    """The values of each line or list element, its own hiding the shared ones. One pass, however many there are."""
    prefix = "" if items in ("lines", "*") else items + "."
    shared: dict[str, list[tuple[str, int]]] = {}
    own: dict[int, dict[str, list[tuple[str, int]]]] = {}
    for path, pairs in values.items():
        numbered = path.startswith(prefix) or path == items
        for pair in pairs:
            home = own.setdefault(pair[1], {}) if numbered and pair[1] >= 0 else shared
            home.setdefault(path, []).append(pair)
    return [ChainMap(own[number], shared) for number in sorted(own)]


def _spelling(ready: ReadyRule, event: str) -> str:
    return ready.loose_spelling.get(compact(event), event) if ready.loose_spelling else event


# --------------------------------------------------------------------------- roles


def _sort_fields(
    ready: ReadyRule, fields: list[Field], values: Values
) -> tuple[tuple[Exposure, ...], tuple[tuple[str, str], ...]]:
    exposures: dict[tuple[str, str, str], Exposure] = {}
    other: list[tuple[str, str]] = []
    searches: list[Exposure] = []
    role_memo, role_of = ready.role_memo, ready.role
    for path, name, value, _ in fields:
        role = role_memo[path] if path in role_memo else role_of(path)
        if role is not None and role.only is not None:
            role = role.of(value[:TEST_LENGTH])
        if role is None:
            if value not in _EMPTY:
                other.append((name, value))
        elif role.kind is not None:
            if value:
                exposure = expose(role, name, value, values)
                if exposure is not None:
                    exposures.setdefault((exposure.kind, name, exposure.value), exposure)
                    if role.kind in _ADDRESSES and "?" in value:
                        searches += _searches(exposure)
                        for param, click in clicked(exposure.value[:TEST_LENGTH]):
                            found = Exposure(ExposureKind.CLICK_ID, f"{name}.{param}", click)
                            exposures.setdefault((found.kind, found.field, click), found)
        elif role.role == "other" and value not in _EMPTY:
            other.append((name, value))
    if searches:
        named = [unquote_plus(e.value) for e in exposures.values() if e.kind is ExposureKind.SEARCH_QUERY]
        for search in searches:
            if not any(search.value in words for words in named):
                exposures.setdefault((search.kind, search.field, search.value), search)
    return tuple(exposures.values()), tuple(other)


def _searches(address: Exposure) -> Iterable[Exposure]:
    """What the address of a page says that somebody searched for."""
    for param, words in searched(address.value[:TEST_LENGTH]):
        yield Exposure(ExposureKind.SEARCH_QUERY, f"{address.field}.{param}", words)


def expose(role: FieldRole, name: str, value: str, values: Values) -> Exposure | None:
    """Turn one field into an exposure; None when the value says that nothing was sent."""
    if role.kind is None:
        return None
    if role.nothing is not None and role.nothing.search(value[:TEST_LENGTH]):
        return None
    if role.pattern is not None:
        value = next(iter(_groups(role.pattern, value)), value)
    if "%" in value:
        value = tidy(value)
    if not value.strip():
        return None
    form, digest = (role.form, role.hash) if role.form is not None else form_of(role.kind, value)
    automatic = role.automatic
    if automatic is not None and role.automatic_when and not _all_hold(role.automatic_when, values):
        automatic = None
    return Exposure(role.kind, name, value, form, digest, automatic, stands_for_nobody(role.kind, value))


def _all_hold(tests: tuple[ValueTest, ...], values: Values) -> bool:
    def holds(test: ValueTest) -> bool:
        found = _at(test.path, values)
        if test.pattern is not None:
            met = any(test.pattern.search(value[:TEST_LENGTH]) for value in found)
        else:
            met = not test.values.isdisjoint(found) if test.values else bool(found)
        return met is not test.absent

    return all(holds(test) for test in tests)


# --------------------------------------------------------------------------- features


def _features(features: tuple[Feature, ...], values: Values) -> list[str]:
    return [name for feature in features for name in _feature_names(feature, _at(feature.path or "", values))]


def response_features(features: tuple[Feature, ...], body: bytes) -> list[str]:
    """Return the features that a config response switches on, sorted and unique."""
    text = to_text(body)
    values: Values | None = None
    found: list[str] = []
    for feature in features:
        if feature.path is None:
            found += _feature_names(feature, [text], whole=True)
            continue
        if values is None:
            values = {}
            for path, _, value, item in flatten(parse_json(text[text.find("{") :]) if "{" in text else None):
                values.setdefault(path, []).append((value, item))
        found += _feature_names(feature, _at(feature.path, values))
    return sorted(set(found))


def _feature_names(feature: Feature, texts: list[str], *, whole: bool = False) -> list[str]:
    names: list[str] = []
    for text in texts:
        if feature.bit is not None:
            if text.isdigit() and len(text) < 19 and int(text) & feature.bit:
                names.append(feature.name)
        elif feature.pattern is not None:
            matches = feature.pattern.finditer(text if whole else text[:TEST_LENGTH])
            names += [_fill(feature.name, match) for match, _ in zip(matches, range(500), strict=False)]
        elif text.lower() not in ("", "0", "false", "null", "no", "off"):
            names.append(feature.name)
    return names


_SLOT = re.compile(r"\{(\d)\}")


def _fill(name: str, match: re.Match[str]) -> str:
    groups: Callable[[re.Match[str]], str] = lambda slot: match[int(slot[1])] or ""  # noqa: E731
    return _SLOT.sub(groups, name)[:300]
