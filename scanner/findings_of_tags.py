"""Findings of one product: what of its tags appeared, moved, changed account, carries more, or is gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scanner.finding_words import feature_in_words, kinds_in_words, listed, on_pages, pages, product_name, tag_name
from scanner.findings_of_containers import held_changes, held_in_words, only_held, sleeps, title_of_held, with_cause
from scanner.model import DriftEntry, Finding, Severity, SightingKind, TagKey, Verdict
from scanner.scene import (
    FIRST_PARTY,
    Product,
    Scene,
    events_of,
    main_category,
    make_finding,
    of_kind,
    pages_of,
    sends_of,
    with_leaks,
)
from scanner.severity import (
    lower,
    severity_of_feature,
    severity_of_move,
    severity_of_presence,
    severity_of_removal,
    severity_of_script_change,
    severity_of_server_copy,
    worst,
)
from scanner.sighting_words import SERVER_COPY

_COPY_KEY = "server-copy:"
_WAYS = (SightingKind.ENDPOINT, SightingKind.HOST, SightingKind.SCRIPT, SightingKind.COOKIE)


@dataclass(slots=True)
class _Unit:
    """One account of the product, with all ways out it takes."""

    tag: TagKey
    entries: list[DriftEntry]

    @property
    def pages(self) -> frozenset[str]:
        return frozenset(page for entry in self.entries for page in entry.pages)

    @property
    def pages_before(self) -> int:
        return max(entry.pages_before for entry in self.entries)

    @property
    def pages_after(self) -> int:
        return max(entry.pages_after for entry in self.entries)


class _Rest:
    """What is left of the product's entries; whoever takes an entry has it alone."""

    def __init__(self, entries: Iterable[DriftEntry]) -> None:
        self.entries = list(entries)

    def take(
        self,
        tag: TagKey,
        verdict: Verdict,
        within: frozenset[str] | None = None,
        kinds: tuple[SightingKind, ...] = tuple(SightingKind),
    ) -> list[DriftEntry]:
        """Take what belongs to `tag`, or to no account at all; only what happened `within` these pages, if given."""
        taken = [
            entry
            for entry in self.entries
            if entry.verdict is verdict
            and entry.identity.kind in kinds
            and (entry.identity.tag is None or entry.identity.tag.account in (tag.account, None))
            and (within is None or within.issuperset(entry.pages))
        ]
        self.drop(taken)
        return taken

    def beyond(self, tag: TagKey, pages: frozenset[str]) -> list[DriftEntry]:
        """Take what the very tag does where it is no news itself: somebody approved it there, but not this."""
        taken = [
            entry
            for entry in self.entries
            if entry.identity.tag == tag
            and entry.verdict is Verdict.ADDED
            and tag.account is not None
            and not pages.issuperset(entry.pages)
        ]
        self.drop(taken)
        return taken

    def drop(self, entries: Sequence[DriftEntry]) -> None:
        gone = {id(entry) for entry in entries}
        self.entries = [entry for entry in self.entries if id(entry) not in gone]


def product_findings(product: Product, entries: Sequence[DriftEntry], scene: Scene) -> list[Finding]:
    """Return the findings of one product's drift; together they hold every entry once."""
    added = _units(entries, Verdict.ADDED)
    removed = _units(entries, Verdict.REMOVED)
    # Of a tag that came or went it is a consequence, not a matter of its own; a first scan lists it as one.
    moving = () if scene.present else {*added, *removed}
    copies = [e for e in entries if _is_server_copy(e) and _told_under(e, TagKey(*product), scene) not in moving]
    entries = [entry for entry in entries if entry not in copies]
    rest = _Rest(entry for entry in entries if entry.identity.kind is not SightingKind.TAG)
    found = _moves(added, removed, rest, scene) + _account_changes(added, removed, rest, scene)
    new = sorted(added.values(), key=lambda unit: (unit.tag.account is None, -len(unit.pages), str(unit.tag)))
    found += [_presence(unit, rest, scene) for unit in new]
    found += [_removal(unit, rest, scene) for unit in sorted(removed.values(), key=lambda unit: str(unit.tag))]
    found += _leftovers(rest, TagKey(*product), scene)
    found += [_server_copy(entry, TagKey(*product), scene) for entry in copies]
    return [_with_server_copy(with_leaks(with_cause(finding, scene))) for finding in found]


def _units(entries: Iterable[DriftEntry], verdict: Verdict) -> dict[TagKey, _Unit]:
    units: dict[TagKey, _Unit] = {}
    for entry in entries:
        tag = entry.identity.tag
        if entry.identity.kind is SightingKind.TAG and entry.verdict is verdict and tag is not None:
            units.setdefault(tag, _Unit(tag, [])).entries.append(entry)
    named = [tag for tag in units if tag.account is not None]
    nameless = next((tag for tag in units if tag.account is None), None)
    if len(named) == 1 and nameless is not None:
        # Pages on which only the vendor's loader ran belong to the one account that came or went.
        units[named[0]].entries += units.pop(nameless).entries
    return units


# --------------------------------------------------------------------------- the same tag, otherwise


def _moves(added: dict[TagKey, _Unit], removed: dict[TagKey, _Unit], rest: _Rest, scene: Scene) -> list[Finding]:
    """A tag that leaves by another way: through the site's own host, or straight to the vendor again."""
    found = []
    for tag in [tag for tag in added if tag in scene.tags_before]:
        unit, old = added[tag], removed.get(tag)
        to_first_party = all(entry.identity.role == FIRST_PARTY for entry in unit.entries)
        swapped = old is not None and bool(old.pages & unit.pages)
        joined = to_first_party and not any(entry.pages_before for entry in unit.entries)
        if not swapped and not joined:
            continue
        entries = list(unit.entries)
        if swapped and old is not None:
            entries += old.entries
            del removed[tag]
            entries += rest.take(tag, Verdict.REMOVED, old.pages, _WAYS)
        del added[tag]
        entries += rest.take(tag, Verdict.ADDED, unit.pages, _WAYS)
        name, where = tag_name(tag, scene.names), scene.on(len(unit.pages))
        if not to_first_party:
            title = f"{name} now reports straight to the vendor {where}"
        elif swapped:
            title = f"{name} moved behind another address, out of the vendor's own hosts, {where}"
        else:
            title = f"{name} now also collects through an address that is not the vendor's {where}"
        judged = severity_of_move(main_category(unit.entries), to_first_party)
        found.append(
            make_finding(f"moved:{_key(tag)}", judged, Verdict.CHANGED, title, tag, entries, tuple(sorted(unit.pages)))
        )
    return found


def _account_changes(
    added: dict[TagKey, _Unit], removed: dict[TagKey, _Unit], rest: _Rest, scene: Scene
) -> list[Finding]:
    """Another account of the same product where one was before."""
    found = []
    for tag in sorted(added, key=str):
        unit = added[tag]
        old = next((u for u in sorted(removed.values(), key=lambda u: str(u.tag)) if u.pages & unit.pages), None)
        if old is None or old.tag == tag or tag in scene.tags_before:
            continue
        del added[tag], removed[old.tag]
        both = [*unit.entries, *rest.take(tag, Verdict.ADDED, unit.pages)]
        judged = severity_of_presence(scene.case(both, main_category(unit.entries)))
        both += [*old.entries, *rest.take(old.tag, Verdict.REMOVED, old.pages)]
        name, where = product_name(tag, scene.names), scene.on(len(unit.pages))
        if tag.account is None:
            judged = (Severity.LOW, "The vendor's script still loads; whom it reports to was not seen.")
            title = f"{name} still loads, but no longer names account {old.tag.account} {where}"
        elif old.tag.account is None:
            title = f"{name} now reports to account {tag.account} {where}; before it named none"
        else:
            title = f"{name} changed its account from {old.tag.account} to {tag.account} {where}"
        found.append(
            make_finding(f"account:{_key(tag)}", judged, Verdict.CHANGED, title, tag, both, tuple(sorted(unit.pages)))
        )
    return found


# --------------------------------------------------------------------------- there, or gone


def _presence(unit: _Unit, rest: _Rest, scene: Scene) -> Finding:
    product = (unit.tag.vendor, unit.tag.product)
    others = sorted({t for t in scene.tags_before if (t.vendor, t.product) == product and t != unit.tag}, key=str)
    new_to_site = not others and unit.tag not in scene.tags_before
    beyond = rest.beyond(unit.tag, unit.pages)
    entries = unit.entries + rest.take(unit.tag, Verdict.ADDED, None if new_to_site else unit.pages)
    rest.entries += beyond
    category = main_category(unit.entries)
    severity, reason = severity_of_presence(scene.case(entries, category))
    for feature in of_kind(entries, SightingKind.FEATURE):
        of_feature = severity_of_feature(feature.identity.subject, category)
        if of_feature[0].rank < severity.rank:
            severity, reason = of_feature
    name, where = tag_name(unit.tag, scene.names), scene.on(len(unit.pages))
    kept = [other.account for other in others if other.account and other in scene.tags_after]
    if only_held(unit.entries) and not unit.pages_before:
        title = title_of_held(name, entries, where, scene)
    elif scene.present:
        title = f"{name} is {where}"
    elif unit.pages_before:
        title = (
            f"{name} spread to {len(unit.pages):,} more {'page' if len(unit.pages) == 1 else 'pages'}, "
            f"it is now {on_pages(unit.pages_after, scene.page_total)}"
        )
    elif kept and unit.tag.account:
        title = f"{name} appeared {where}, beside {listed(kept)}"
    else:
        title = f"{name} appeared {where}"
    return make_finding(
        f"tag:{_key(unit.tag)}",
        (severity, reason),
        Verdict.ADDED,
        title,
        unit.tag,
        entries,
        tuple(sorted(unit.pages)),
        category,
    )


def _removal(unit: _Unit, rest: _Rest, scene: Scene) -> Finding:
    altogether = unit.tag not in scene.tags_after
    entries = unit.entries + rest.take(unit.tag, Verdict.REMOVED, None if altogether else unit.pages)
    name, count = tag_name(unit.tag, scene.names), len(unit.pages)
    if altogether:
        title = f"{name} disappeared from {pages(count)}"
    else:
        title = f"{name} disappeared from {count:,} of the {pages(max(count, unit.pages_before))} that had it"
    category = main_category(unit.entries)
    return make_finding(
        f"gone:tag:{_key(unit.tag)}",
        severity_of_removal(category, altogether),
        Verdict.REMOVED,
        title,
        unit.tag,
        entries,
        tuple(sorted(unit.pages)),
        category,
    )


# --------------------------------------------------------------------------- a known tag does more, or less


def _leftovers(rest: _Rest, product: TagKey, scene: Scene) -> list[Finding]:
    groups: dict[tuple[Verdict, TagKey], list[DriftEntry]] = defaultdict(list)
    for entry in rest.entries:
        groups[entry.verdict, _told_under(entry, product, scene)].append(entry)
    found = []
    for (verdict, tag), entries in sorted(groups.items(), key=lambda group: (group[0][0].value, str(group[0][1]))):
        if verdict is Verdict.ADDED:
            features = of_kind(entries, SightingKind.FEATURE)
            found += [_features(tag, features, scene)] if features else []
            others = [entry for entry in entries if entry.identity.kind is not SightingKind.FEATURE]
            found += [_content(tag, others, scene)] if others else []
        elif verdict is Verdict.REMOVED:
            found.append(_less(tag, entries, scene))
        else:
            held = of_kind(entries, SightingKind.CONTAINER_TAG)
            if held:
                judged, title = held_changes(tag_name(tag, scene.names), held, scene)
                found.append(make_finding(f"held:{_key(tag)}", judged, verdict, title, tag, held))
            others = [entry for entry in entries if entry.identity.kind is not SightingKind.CONTAINER_TAG]
            found += [_changed(tag, others, scene)] if others else []
    return found


def _told_under(entry: DriftEntry, product: TagKey, scene: Scene) -> TagKey:
    """The tag an entry is told under; what names no account goes to the product's only one."""
    tag = entry.identity.tag or product
    if tag.account is not None:
        return tag
    known = {t for t in scene.tags_after | scene.tags_before if (t.vendor, t.product) == (tag.vendor, tag.product)}
    named = {t for t in known if t.account is not None}
    return named.pop() if len(named) == 1 else tag


def _content(tag: TagKey, entries: list[DriftEntry], scene: Scene) -> Finding:
    category = main_category(entries)
    sends, events = sends_of(entries), events_of(entries)
    severity, reason = severity_of_presence(scene.case(entries, category))
    held = of_kind(entries, SightingKind.CONTAINER_TAG)
    if sleeps(entries):
        severity, reason = Severity.LOW, "The container holds it and does not fire it."
    elif len(held) == len(entries) and any(e.identity.role == tag.account for e in held):
        severity, reason = severity_of_script_change(category, known=True)
    elif not sends and of_kind(entries, SightingKind.EVENT):
        severity = lower(severity, 1)
    elif not sends and not held:
        severity, reason = Severity.LOW, "A tag that was there before reaches its vendor by another address or script."
    name, where = tag_name(tag, scene.names), scene.on(len(pages_of(entries)))
    title = f"{name} {'' if scene.present else 'now '}{_does(entries, tag, kinds_in_words(sends), events)} {where}"
    return make_finding(f"content:{_key(tag)}", (severity, reason), Verdict.ADDED, title, tag, entries, None, category)


def _does(entries: Sequence[DriftEntry], tag: TagKey, kinds: tuple[str, ...], events: tuple[str, ...]) -> str:
    parts = []
    if kinds:
        parts.append(f"sends {listed(kinds)}")
    if events:
        parts.append(f"reports {listed(events)}")
    parts += held_in_words(of_kind(entries, SightingKind.CONTAINER_TAG), tag)
    cookies = [e.identity.subject for e in of_kind(entries, SightingKind.COOKIE)]
    if cookies and not parts:
        parts.append(f"sets {'the cookie' if len(cookies) == 1 else 'the cookies'} {listed(cookies)}")
    ways = of_kind(entries, SightingKind.ENDPOINT, SightingKind.SCRIPT, SightingKind.HOST)
    if ways and not parts:
        parts.append(f"uses {listed([entry.identity.subject for entry in ways])}")
    return " and ".join(parts) or "reports events without a name"


def _features(tag: TagKey, entries: list[DriftEntry], scene: Scene) -> Finding:
    """What was switched on together is one matter."""
    names = sorted({entry.identity.subject for entry in entries})
    were = "was" if len(names) == 1 else "were"
    title = f"{tag_name(tag, scene.names)}: {listed([feature_in_words(name) for name in names])} {were} switched on"
    judged = [severity_of_feature(name, main_category(entries)) for name in names]
    severity = worst(*(level for level, _ in judged))
    reason = next(reason for level, reason in judged if level is severity)
    return make_finding(
        f"feature:{_key(tag)}:{'+'.join(names)[:200]}", (severity, reason), Verdict.ADDED, title, tag, entries
    )


def _is_server_copy(entry: DriftEntry) -> bool:
    return entry.identity.kind is SightingKind.FEATURE and entry.identity.subject == SERVER_COPY


def _with_server_copy(finding: Finding) -> Finding:
    if finding.verdict is Verdict.REMOVED or finding.key.startswith(_COPY_KEY):
        return finding
    if not any(_is_server_copy(entry) for entry in finding.entries if entry.verdict is Verdict.ADDED):
        return finding
    return replace(finding, reason=f"{finding.reason} A server probably sends the same events (de-duplication id).")


def _server_copy(entry: DriftEntry, product: TagKey, scene: Scene) -> Finding:
    tag = _told_under(entry, product, scene)
    name = tag_name(tag, scene.names)
    if entry.verdict is Verdict.REMOVED:
        judged = (Severity.INFO, "Its events no longer carry a de-duplication id.")
        title = f"{name}: the tag and a server's interface no longer seem to run side by side"
    else:
        judged = severity_of_server_copy(entry.category)
        title = f"{name}: tag and server API run side by side {'' if scene.present else 'now '}{_on([entry])}"
    return make_finding(f"{_COPY_KEY}{_key(tag)}", judged, entry.verdict, title, tag, [entry])


def _less(tag: TagKey, entries: list[DriftEntry], scene: Scene) -> Finding:
    told = [entry.identity.subject for entry in entries]
    title = f"{tag_name(tag, scene.names)} no longer shows {listed(sorted(told))} {_on(entries)}"
    judged = (Severity.INFO, "The tag is still there and does less than before.")
    return make_finding(f"less:{_key(tag)}", judged, Verdict.REMOVED, title, tag, entries)


def _changed(tag: TagKey, entries: list[DriftEntry], scene: Scene) -> Finding:
    name = tag_name(tag, scene.names)
    judged = [severity_of_script_change(entry.category, known=True) for entry in entries]
    severity = worst(*(severity for severity, _ in judged))
    reason = next(reason for level, reason in judged if level is severity)
    subjects = sorted({entry.identity.subject for entry in entries})
    title = f"{name}: the content of {listed(subjects)} changed {_on(entries)}"
    return make_finding(f"script:{_key(tag)}", (severity, reason), Verdict.CHANGED, title, tag, entries)


def _on(entries: Sequence[DriftEntry]) -> str:
    return f"on {pages(len(pages_of(entries)))}"


def _key(tag: TagKey) -> str:
    return f"{tag.vendor}/{tag.product}:{tag.account or ''}"
