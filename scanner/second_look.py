"""A surprise is looked at twice: which pages are visited again, and what two visits of one page say together. Pure.

Each visit is a first-time visitor's. What both saw is confirmed; what one of two whole visits saw was really there,
once. A second visit that saw too little says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from scanner.model import (
    Drift,
    DriftEntry,
    Identity,
    Outcome,
    PageCapture,
    PageInventory,
    SecondLook,
    Sighting,
    SightingKind,
    Verdict,
)

PAGES_OF_A_SURPRISE = 3
"""Pages, of different templates where there are, that are visited again for something that is on many."""
MOST_PAGES = 12
"""Visited again in one scan, whatever came up: a site's relaunch is no reason to crawl it twice."""
_FIELDS = tuple(field.name for field in fields(SecondLook))
_ORDER = (
    SightingKind.TAG, SightingKind.FIELD, SightingKind.EVENT, SightingKind.FEATURE, SightingKind.HOST,
    SightingKind.CONTAINER_TAG, SightingKind.ENDPOINT, SightingKind.SCRIPT, SightingKind.COOKIE,
)  # fmt: skip


# --------------------------------------------------------------------------- captures


def with_second_look(first: PageCapture, second: PageCapture) -> PageCapture:
    """Return `first` with what the second visit of the same page saw."""
    look = SecondLook(**{name: getattr(second, name) for name in _FIELDS})
    return replace(first, second_look=look, screenshot=second.screenshot or first.screenshot)


def visits_of(capture: PageCapture) -> tuple[PageCapture, ...]:
    """The one or two visits of a page, each as a capture of its own."""
    look = capture.second_look
    if look is None:
        return (capture,)
    again = {name: getattr(look, name) for name in _FIELDS}
    return replace(capture, second_look=None), replace(capture, second_look=None, screenshot=None, **again)


# --------------------------------------------------------------------------- inventories


def together(first: PageInventory, second: PageInventory) -> PageInventory:
    """Put two visits of a page together: everything that either saw, each with whether both did."""
    mine = {sighting.identity: sighting for sighting in first.sightings}
    others = {sighting.identity: sighting for sighting in second.sightings}
    sightings = [
        _together(mine.get(identity), others.get(identity), first.outcome, second.outcome)
        for identity in sorted({*mine, *others}, key=lambda identity: identity.sort_key)
    ]
    return replace(
        first,
        sightings=tuple(sightings),
        scripts=tuple(sorted({*(first.scripts or ()), *(second.scripts or ())})),
        unread=tuple(sorted({*first.unread, *second.unread}, key=str)),
        looked_again=second.outcome,
    )


def _together(first: Sighting | None, second: Sighting | None, then: Outcome, now: Outcome) -> Sighting:
    if first is not None and second is not None:
        versions = {part for s in (first, second) if s.version for part in s.version.split("+")}
        return replace(
            first,
            version="+".join(sorted(versions)) or None,
            evidence=tuple(sorted({*first.evidence, *second.evidence})),
            details=tuple(sorted({*first.details, *second.details})),
            seen_again=True,
        )
    if first is not None:
        return replace(first, seen_again=False if now is Outcome.OK else None)
    assert second is not None
    return replace(second, seen_again=False if then is Outcome.OK else None)


# --------------------------------------------------------------------------- which pages


def pages_to_look_at(drift: Drift, pages: Mapping[str, PageInventory]) -> tuple[str, ...]:
    """Choose the pages to visit again for what `drift` says appeared or changed, the weightiest first.

    `pages`: the newer scan's, by address. Those that were visited twice already (a scan that is gone on with) count
    and are not chosen again.
    """
    looked = [page for page, inventory in pages.items() if inventory.looked_again is not None]
    chosen: list[str] = []
    surprises = [entry for entry in drift.entries if entry.verdict is not Verdict.REMOVED]
    for entry in sorted(surprises, key=lambda entry: _ORDER.index(entry.identity.kind)):
        room = MOST_PAGES - len(looked) - len(chosen)
        chosen += _more_pages(entry, [*looked, *chosen], pages)[: max(room, 0)]
    return tuple(chosen)


def _more_pages(entry: DriftEntry, taken: Iterable[str], pages: Mapping[str, PageInventory]) -> list[str]:
    """Choose what is missing to look at `entry` often enough: one page of each template, then any."""
    have = [page for page in taken if page in entry.pages]
    templates = {pages[page].template for page in have if page in pages}
    free = [page for page in entry.pages if page in pages and page not in have]
    more: list[str] = []
    for page in free:
        if pages[page].template not in templates:
            templates.add(pages[page].template)
            more.append(page)
    more += [page for page in free if page not in more]
    return more[: max(PAGES_OF_A_SURPRISE - len(have), 0)]


# --------------------------------------------------------------------------- what it comes to

VISITS_THAT_CONFIRM = 3
"""What so many visits of different pages saw was there more than once, also if the second looks did not meet it."""


def confirmed(sightings: Iterable[Sighting]) -> bool | None:
    """Say what the second looks make of one identity: True, False (seen once), or None (nobody looked twice)."""
    sightings = tuple(sightings)
    looks = {sighting.seen_again for sighting in sightings}
    if True in looks:
        return True
    if False in looks:
        return len(sightings) >= VISITS_THAT_CONFIRM
    return None


def wavers(pages: Iterable[PageInventory], identities: frozenset[Identity]) -> bool:
    """Say whether one of `identities` was seen by one of two visits of a page, and by more visits elsewhere."""
    found: dict[Identity, list[Sighting]] = {}
    for page in pages:
        for sighting in page.sightings:
            if sighting.identity in identities:
                found.setdefault(sighting.identity, []).append(sighting)
    return any(confirmed(seen) and any(s.seen_again is False for s in seen) for seen in found.values())
