"""Turns drift into what a person reads: one finding per tag with all its consequences, worst first.

A tag that appears brings its events, fields, cookies, hosts, scripts and endpoints along: that is one finding, not
forty. What no rule knows is put together by its owner, or else by its registrable domain. Every entry of the drift
stands in exactly one finding.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from scanner.drift import details_of
from scanner.finding_words import Names
from scanner.findings_of_containers import with_cause
from scanner.findings_of_strangers import stranger_findings
from scanner.findings_of_tags import product_findings
from scanner.model import (
    Drift,
    DriftEntry,
    Finding,
    Identity,
    PageInventory,
    Sighting,
    Snapshot,
    Verdict,
)
from scanner.page_kinds import PageKindOf, default_page_kind
from scanner.scene import Product, Scene, domain_of, with_leaks
from scanner.second_look import confirmed

_VERDICT_ORDER = {Verdict.ADDED: 0, Verdict.CHANGED: 1, Verdict.REMOVED: 2}


def findings(
    drift: Drift,
    before: Snapshot,
    after: Snapshot,
    page_kind: PageKindOf = default_page_kind,
    names: Names | None = None,
    looked_at: Snapshot | None = None,
) -> tuple[Finding, ...]:
    """Return what a person should look at between two scans, worst first; empty for an empty drift.

    `page_kind` says of which sensitive kind a page is; `names` gives products their display names, ids stand in.
    `looked_at`: of a light scan the pages that it visited; `after` is then the site as it is known.
    """
    scene = Scene.of(before, after, page_kind, names or {}, looked_at)
    return _sorted(_of_entries(drift.entries, scene))


def inventory_findings(
    snapshot: Snapshot,
    page_kind: PageKindOf = default_page_kind,
    names: Names | None = None,
    older: Snapshot | None = None,
    without: Callable[[Sequence[DriftEntry]], Sequence[DriftEntry]] = tuple,
) -> tuple[Finding, ...]:
    """Return what is on the site, as for a scan that nothing can be compared with: same shape, same severities.

    `older` only tells on how many pages it was before: what was there all the time has not appeared. `without` leaves
    out what somebody approved.
    """
    scene = Scene.of(None, snapshot, page_kind, names or {})
    return _sorted(_of_entries(without(_present(snapshot, older)), scene))


def _of_entries(entries: Sequence[DriftEntry], scene: Scene) -> list[Finding]:
    by_product: dict[Product, list[DriftEntry]] = defaultdict(list)
    strangers: list[DriftEntry] = []
    for entry in entries:
        tag = entry.identity.tag
        if tag is not None:
            by_product[tag.vendor, tag.product].append(entry)
    moved = {(product, entry.verdict) for product, of_it in by_product.items() for entry in of_it}
    for entry in entries:
        if entry.identity.tag is None:
            candidates = scene.products_at.get(domain_of(entry.identity), ())
            product = next((p for p in candidates if (p, entry.verdict) in moved), None)
            (by_product[product] if product else strangers).append(entry)
    found = [f for product, of_it in sorted(by_product.items()) for f in product_findings(product, of_it, scene)]
    return found + [with_leaks(with_cause(finding, scene)) for finding in stranger_findings(strangers, scene)]


def _present(snapshot: Snapshot, older: Snapshot | None) -> list[DriftEntry]:
    """Everything that is there, written as if it had just appeared, but for the number of pages that had it."""
    had = Counter(sighting.identity for page in (older.pages if older else ()) for sighting in page.sightings)
    where: dict[Identity, list[tuple[PageInventory, Sighting]]] = defaultdict(list)
    for page in snapshot.pages:
        for sighting in page.sightings:
            where[sighting.identity].append((page, sighting))
    return [_present_entry(identity, seen, had[identity]) for identity, seen in where.items()]


def _present_entry(identity: Identity, seen: list[tuple[PageInventory, Sighting]], pages_before: int) -> DriftEntry:
    sightings = [sighting for _, sighting in seen]
    return DriftEntry(
        verdict=Verdict.ADDED,
        identity=identity,
        pages=tuple(sorted(page.page for page, _ in seen)),
        pages_before=pages_before,
        pages_after=len(seen),
        loaders=tuple(dict.fromkeys(word for s in sightings for word in s.loaders))[:10],
        owner=next((s.owner for s in sightings if s.owner), None),
        category=sightings[0].category,
        evidence=tuple(sorted({e for s in sightings for e in s.evidence})),
        examples=tuple(dict.fromkeys(example for s in sightings for example in s.examples))[:3],
        details=details_of(sightings),
        confirmed=confirmed(sightings),
    )


def _sorted(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(
        sorted(found, key=lambda f: (f.severity.rank, _VERDICT_ORDER[f.verdict], -len(f.pages), f.title, f.key))
    )
