"""What changed between two scans of one site, and what nobody can tell.

One sighting proves presence; only a page seen whole (`Outcome.OK`) proves absence. So a page that failed, was blocked
or cut short loses nothing, and what it shows for the first time is news only where the older scan saw that page whole,
or where the older scan saw the identity nowhere at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from scanner.model import (
    GONE_STATUSES,
    Drift,
    DriftEntry,
    Identity,
    Outcome,
    PageInventory,
    ScanKind,
    ScanState,
    Sighting,
    Snapshot,
    Unverified,
    Verdict,
)
from scanner.older_scans import LIMITS
from scanner.second_look import confirmed

_LEFT_OUT = frozenset({"robots", "out-of-scope", "excluded", "not-html", "trap", "off-site", "redirect"})
"""Reasons for which an address is no page of the site any more; the other reasons are the scan's own limits."""
_MOST_LOADERS = 10
_MOST_EXAMPLES = 3
_MOST_DETAILS = 12
_ORDER = {verdict: number for number, verdict in enumerate((Verdict.ADDED, Verdict.REMOVED, Verdict.CHANGED))}

Pages = Mapping[str, PageInventory]
Where = dict[Identity, dict[str, Sighting]]
"""Every identity with the pages it was seen on."""


def compare(before: Snapshot, after: Snapshot) -> Drift:
    """Say what each page gained and lost, put together over the site; a scan against itself is empty.

    - *Added*: seen now, and not seen on a page that the older scan saw whole; or seen nowhere in the older scan, which
      counts on every page, new ones included. New pages that bring only what the site has elsewhere are no drift.
    - *Removed*: seen before, and not seen now on a page that exists and was seen whole.
    - *Changed*: the versions seen now and then have nothing in common, and neither scan saw several at once.

    Raises:
        ValueError: the snapshots were matched with different rules, so every difference may be the rules'.
    """
    if before.rules_digest != after.rules_digest:
        raise ValueError("re-match the older captures first: the rule sets differ")
    old_pages = {page.page: page for page in before.pages}
    new_pages = {page.page: page for page in after.pages}
    old, new = _where(before.pages), _where(after.pages)
    something_whole = any(page.outcome is Outcome.OK for page in before.pages)
    never_read = _never_read(before.pages)
    gone, unreached = _missing(old_pages, new_pages, after)
    there = {url: page for url, page in old_pages.items() if url not in gone}
    left = _left_alone(before.pages, new_pages, after)
    additions = _additions(old, new, there, something_whole, never_read, left)
    entries = [
        *additions.entries,
        *_removals(old, new, new_pages, gone, left),
        *_changes(old, new),
    ]
    return Drift(
        entries=tuple(sorted(entries, key=lambda entry: (_ORDER[entry.verdict], entry.identity.sort_key))),
        unverified=_unverified(new_pages, gone, unreached, additions.unproven),
        new_pages=tuple(sorted(new_pages.keys() - old_pages.keys())),
        gone_pages=tuple(sorted(page for page in gone if old_pages[page].status not in GONE_STATUSES)),
    )


def _where(pages: tuple[PageInventory, ...]) -> Where:
    where: Where = {}
    # Pages share their sightings, so most identities are known objects: hashing each would take most of the time.
    met: dict[int, dict[str, Sighting]] = {}
    for page in pages:
        for sighting in page.sightings:
            seen = met.get(id(sighting.identity))
            if seen is None:
                seen = met[id(sighting.identity)] = where.setdefault(sighting.identity, {})
            seen[page.page] = sighting
    return where


# --------------------------------------------------------------------------- tag-manager containers


def _never_read(pages: Iterable[PageInventory]) -> frozenset[str]:
    """Containers that the scan met and nowhere read whole: what they hold now, they may have held then."""
    pages = tuple(pages)
    unread = {tag.account or "" for page in pages for tag in page.unread}
    for page in pages if unread else ():
        here = {tag.account or "" for tag in page.unread}
        unread -= {holder for sighting in page.sightings for holder in _holders(sighting)} - here
    return frozenset(unread)


def _holders(sighting: Sighting) -> frozenset[str]:
    return frozenset(words for name, words in sighting.details if name == "container")


def _only_held(sighting: Sighting, containers: Collection[str]) -> bool:
    """Say whether nothing but one of `containers` shows this."""
    return sighting.evidence == ("container",) and not _holders(sighting).isdisjoint(containers)


# --------------------------------------------------------------------------- the three verdicts


@dataclass(slots=True)
class _Additions:
    entries: list[DriftEntry] = field(default_factory=list)
    unproven: dict[str, int] = field(default_factory=dict)
    """Page → how many identities it shows that the older scan may have overlooked there."""


def _additions(
    old: Where,
    new: Where,
    old_pages: Pages,
    something_whole: bool,
    never_read: frozenset[str],
    left: Mapping[Identity, int],
) -> _Additions:
    """`old_pages` leaves out pages that are gone: what their "not found" page shows is no news of theirs.

    `never_read`: containers of the older scan of which nobody knows what they held.
    """
    result = _Additions()
    for identity, seen in new.items():
        had = old.get(identity, {})
        nowhere = not had and something_whole
        news: list[str] = []
        for page in seen.keys() - had.keys():
            older = old_pages.get(page)
            if never_read and _only_held(seen[page], never_read):
                continue
            if nowhere or (older is not None and older.outcome is Outcome.OK):
                news.append(page)
            elif older is not None or not had:
                result.unproven[page] = result.unproven.get(page, 0) + 1
        if news:
            strangers = tuple(sorted(page for page in news if page not in old_pages))
            now = len(seen) + left.get(identity, 0)
            result.entries.append(_entry(Verdict.ADDED, identity, news, seen, len(had), now, strangers))
    return result


def _removals(
    old: Where, new: Where, new_pages: Pages, gone: frozenset[str], left: Mapping[Identity, int]
) -> list[DriftEntry]:
    whole = {page.page for page in new_pages.values() if page.outcome is Outcome.OK} - gone
    entries = []
    for identity, had in old.items():
        seen = new.get(identity, {})
        lost = [page for page in had.keys() - seen.keys() if page in whole and _would_show(had[page], new_pages[page])]
        if lost:
            entries.append(_entry(Verdict.REMOVED, identity, lost, had, len(had), len(seen) + left.get(identity, 0)))
    return entries


def _would_show(sighting: Sighting, page: PageInventory) -> bool:
    """Say whether a page seen whole would show it again: not if it stood in a container that could not be read."""
    return not page.unread or not _only_held(sighting, {tag.account or "" for tag in page.unread})


def _changes(old: Where, new: Where) -> list[DriftEntry]:
    entries = []
    for identity, seen in new.items():
        had = old.get(identity)
        if not had:
            continue
        then, now = _versions(had), _versions(seen)
        if len(then) == 1 and len(now) == 1 and then != now:
            pages = [page for page, sighting in seen.items() if sighting.version]
            (before,), (after,) = then, now
            entries.append(
                _entry(Verdict.CHANGED, identity, pages, seen, len(had), len(seen), before=before, after=after)
            )
    return entries


def _versions(seen: Mapping[str, Sighting]) -> frozenset[str]:
    return frozenset(part for s in seen.values() if s.version for part in s.version.split("+"))


def _entry(
    verdict: Verdict,
    identity: Identity,
    pages: Iterable[str],
    seen: Mapping[str, Sighting],
    pages_before: int,
    pages_after: int,
    pages_new: tuple[str, ...] = (),
    *,
    before: str | None = None,
    after: str | None = None,
) -> DriftEntry:
    ordered = tuple(sorted(pages))
    sightings = [seen[page] for page in ordered]
    return DriftEntry(
        verdict=verdict,
        identity=identity,
        pages=ordered,
        pages_new=pages_new,
        pages_before=pages_before,
        pages_after=pages_after,
        loaders=tuple(dict.fromkeys(word for s in sightings for word in s.loaders))[:_MOST_LOADERS],
        owner=next((s.owner for s in sightings if s.owner), None),
        category=sightings[0].category,
        evidence=tuple(sorted({e for s in sightings for e in s.evidence})),
        examples=tuple(dict.fromkeys(example for s in sightings for example in s.examples))[:_MOST_EXAMPLES],
        before=before,
        after=after,
        details=details_of(sightings),
        confirmed=None if verdict is Verdict.REMOVED else confirmed(sightings),
    )


def details_of(sightings: Iterable[Sighting]) -> tuple[tuple[str, str], ...]:
    """Put the details of several sightings together: unique, sorted, at most twelve of a name."""
    named: dict[str, set[str]] = defaultdict(set)
    for sighting in sightings:
        for name, words in sighting.details:
            named[name].add(words)
    return tuple((name, words) for name in sorted(named) for words in sorted(named[name])[:_MOST_DETAILS])


# --------------------------------------------------------------------------- pages


def _left_alone(old: Iterable[PageInventory], new_pages: Pages, after: Snapshot) -> Mapping[Identity, int]:
    """Count on how many pages that a light scan did not mean to visit each identity stands, as far as anybody knows."""
    if after.scan.kind is not ScanKind.LIGHT:
        return {}
    return Counter(s.identity for page in old if page.page not in new_pages for s in page.sightings)


def _missing(old_pages: Pages, new_pages: Pages, after: Snapshot) -> tuple[frozenset[str], dict[str, str]]:
    """Split what the newer scan does not have of the older one into gone for good and not reached (with the reason)."""
    skipped = {page.url: page.reason for page in after.scan.skipped}
    coverage = after.scan.coverage
    limited = frozenset(template for template, _ in coverage.limited_templates)
    cut_short = after.scan.state is not ScanState.COMPLETE or coverage.unvisited > 0
    limits = sorted(reason for reason, count in coverage.excluded if reason in LIMITS and count)
    gone: set[str] = set()
    unreached: dict[str, str] = {}
    for page, older in old_pages.items():
        newer = new_pages.get(page)
        if newer is not None:
            if newer.status in GONE_STATUSES:
                gone.add(page)
            continue
        if after.scan.kind is ScanKind.LIGHT:
            continue  # never meant to be visited: it is as it was
        reason = skipped.get(page)
        if reason is None and older.template in limited:
            reason = "template-limit"
        if reason is None and limits:
            reason = limits[0]
        if reason is None and cut_short:
            reason = "stopped"
        if reason is None or reason in _LEFT_OUT:
            gone.add(page)
        else:
            unreached[page] = f"not reached in the newer scan: {reason}"
    return frozenset(gone), unreached


def _unverified(
    new_pages: Pages, gone: frozenset[str], unreached: Mapping[str, str], unproven: Mapping[str, int]
) -> tuple[Unverified, ...]:
    found = {page: Unverified(page, None, reason) for page, reason in unreached.items()}
    for page, count in unproven.items():
        what = "one thing" if count == 1 else f"{count} things"
        reason = f"shows {what} that the older scan, which did not see this page whole, may have overlooked"
        found[page] = Unverified(page, new_pages[page].outcome, reason)
    for page, inventory in new_pages.items():
        if inventory.outcome is not Outcome.OK and page not in gone and inventory.status not in GONE_STATUSES:
            found[page] = Unverified(page, inventory.outcome, _why(inventory))
    return tuple(found[page] for page in sorted(found))


def _why(inventory: PageInventory) -> str:
    stop = inventory.stop_reason.value if inventory.stop_reason else inventory.outcome.value
    return f"{stop}: {inventory.detail}" if inventory.detail else stop
