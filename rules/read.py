"""From a request that a rule matched to what it says: accounts, events, consent, exposures, and the rest."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import unquote_plus

from rules.compiled import SILENT, WHOLE_PATH, ReadyRule, compact
from rules.decode import Field, flatten, parse_json, to_text
from rules.decoders import apply_decoders
from rules.exposure import form_of, stands_for_nobody, tidy
from rules.message import Message, indexed
from rules.model import Feature, FieldRole
from rules.page_address import clicked, searched
from rules.refs import groups
from rules.values import TEST_LENGTH, Values, passes, values_at
from scanner.model import Detection, Exposure, ExposureKind

_ADDRESSES = (ExposureKind.PAGE_URL, ExposureKind.REFERRER)
_CLICK = ExposureKind.CLICK_ID.value
_SEARCH = ExposureKind.SEARCH_QUERY.value
_EMPTY = frozenset({"", "{}", "[]"})


def read(ready: ReadyRule, message: Message, *, first_party: bool) -> tuple[Detection, ...]:
    """Return one detection per account the request names (usually one)."""
    rule = ready.rule
    fields, values = _opened(ready, message)
    exposures, other = _sort_fields(ready, _with_whole(ready, fields, message), values)
    events_by_account = _events(ready, message, fields, values)
    if ready.standard_events:
        # A name the site made up may say what the vendor's own names never would.
        custom = {event for events in events_by_account.values() for event in events} - ready.standard_events
        exposures += tuple(Exposure(ExposureKind.EVENT_NAME, ready.event_field, name) for name in sorted(custom))
    consent: list[tuple[str, str]] = []
    for name, reader, field in ready.consent:
        if (field is None or field in values) and (found := reader(message, values)) and found[0]:
            consent.append((name, found[0]))
    dedup = ready.dedup(message, values)
    features = _features(rule.features, values) if rule.features else []
    if rule.response_features and message.record.response_body is not None:
        features += response_features(rule.response_features, message.record.response_body)
    return tuple(
        [
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
                consent=tuple(consent),
                exposures=exposures,
                other=other,
                features=tuple(dict.fromkeys(features)),
                dedup_id=dedup[0] if dedup else None,
                status=rule.status,
                duplicate_of=rule.duplicate_of,
            )
            for account, events in events_by_account.items()
        ]
    )


def _opened(ready: ReadyRule, message: Message) -> tuple[list[Field], Values]:
    """The fields as this rule opens them, and their values."""
    rule = ready.rule
    if rule.decode:
        fields = message.opened_by(ready.steps, rule.items)
        for name, steps in ready.whole_steps:
            fields += apply_decoders((name, name, _whole(name, message), -1), steps)
        return fields, indexed(fields)
    return message.fields, message.values


def _with_whole(ready: ReadyRule, fields: list[Field], message: Message) -> list[Field]:
    for name, role in ready.whole_roles:
        text = _whole(name, message)
        if text and (role.pattern is None or role.pattern.search(text[:TEST_LENGTH])):
            fields = [*fields, (name, name, text, -1)]
    return fields


def _whole(name: str, message: Message) -> str:
    return message.path if name == WHOLE_PATH else message.record.url.partition("?")[2].partition("#")[0]


# --------------------------------------------------------------------------- accounts and events


def _events(ready: ReadyRule, message: Message, fields: list[Field], values: Values) -> dict[str | None, Sequence[str]]:
    """Events in the request's order, by account."""
    rule = ready.rule
    items = _items(rule.items, fields) if rule.items else []
    accounts: Iterable[str | None]
    if not items:
        accounts = dict.fromkeys(ready.account(message, values)) or (None,)
        # Without `items` the first value counts, unless the reference itself splits a value into several events.
        events = ready.event(message, values)
        events = [_spelling(ready, event) for event in (events if ready.several_events else events[:1])]
        return dict.fromkeys(accounts, events)
    result: dict[str | None, list[str]] = {}
    for item in items:
        accounts = dict.fromkeys(ready.account(message, item)) or (None,)
        events = ready.event(message, item)[:1]
        for account in accounts:
            result.setdefault(account, []).extend(_spelling(ready, event) for event in events)
    return {**result}


def _items(items: str, fields: list[Field]) -> list[ChainMap[str, list[str]]]:
    """The values of each line or list element, its own hiding the shared ones. One pass, however many there are."""
    prefix = "" if items in ("lines", "*") else items + "."
    by_path: dict[str, list[Field]] = {}
    for field in fields:
        by_path.setdefault(field[0], []).append(field)
    shared: dict[str, list[str]] = {}
    own: dict[int, dict[str, list[str]]] = {}
    for path, same in by_path.items():
        numbered = path.startswith(prefix) or path == items
        for _, _, value, item in same:
            home = own.setdefault(item, {}) if numbered and item >= 0 else shared
            home.setdefault(path, []).append(value)
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
    memo, role_of = ready.role_memo, ready.role
    for path, name, value, _ in fields:
        role = memo[path] if path in memo else role_of(path)
        if role is SILENT:
            continue
        if role is not None and role.only is not None:
            role = role.of(value[:TEST_LENGTH])
            if role is not None and role.kind is None and role.role != "other":
                continue
        if role is None or role.kind is None:
            if value not in _EMPTY:
                other.append((name, value))
        elif value:
            exposure = expose(role, name, value, values)
            if exposure is not None:
                exposures.setdefault((role.role, name, exposure.value), exposure)
                if role.kind in _ADDRESSES and "?" in value:
                    searches += _searches(exposure)
                    for param, click in clicked(exposure.value[:TEST_LENGTH]):
                        found = Exposure(ExposureKind.CLICK_ID, f"{name}.{param}", click)
                        exposures.setdefault((_CLICK, found.field, click), found)
    if searches:
        named = [unquote_plus(e.value) for e in exposures.values() if e.kind is ExposureKind.SEARCH_QUERY]
        for search in searches:
            if not any(search.value in words for words in named):
                exposures.setdefault((_SEARCH, search.field, search.value), search)
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
        value = next(iter(groups(role.pattern, value)), value)
    if "%" in value:
        value = tidy(value)
    if not value.strip():
        return None
    form, digest = (role.form, role.hash) if role.form is not None else form_of(role.kind, value)
    automatic = role.automatic
    if automatic is not None and role.automatic_when:
        holding = (passes(test, values_at(test.path, values)) is not test.absent for test in role.automatic_when)
        automatic = automatic if all(holding) else None
    return Exposure(role.kind, name, value, form, digest, automatic, stands_for_nobody(role.kind, value))


# --------------------------------------------------------------------------- features


def _features(features: tuple[Feature, ...], values: Values) -> list[str]:
    return [name for feature in features for name in _feature_names(feature, values_at(feature.path or "", values))]


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
            values = indexed(flatten(parse_json(text[text.find("{") :]) if "{" in text else None))
        found += _feature_names(feature, values_at(feature.path, values))
    return sorted(set(found))


def _feature_names(feature: Feature, texts: Iterable[str], *, whole: bool = False) -> list[str]:
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
