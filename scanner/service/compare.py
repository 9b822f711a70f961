"""Use cases on finished scans: re-match, compare, approve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol

from scanner.approvals import Acceptances, Approved, LeftOut, without_approved
from scanner.causes import with_causes
from scanner.drift import compare
from scanner.errors import UsageError
from scanner.findings import findings, inventory_findings
from scanner.house_rules import HouseRules, sieve
from scanner.model import (
    Approval,
    Drift,
    Finding,
    Outcome,
    PageCapture,
    PageInventory,
    ScanKind,
    ScanRecord,
    ScanState,
    Sighting,
    SightingKind,
    Snapshot,
    StopReason,
    TagKey,
    Verdict,
)
from scanner.older_scans import best_to_go_by
from scanner.policy import Policy, Violation, violations
from scanner.ports import Store
from scanner.service.baselines import baseline_in_force
from scanner.service.history import with_history
from scanner.severity_rules import overridden
from scanner.violations import judged, worst_first

NOTHING_ACCEPTED = Acceptances()
NO_HOUSE_RULES = HouseRules()
OBSERVE = Policy(preset="observe")
"""Forbids nothing."""

PageKind = Callable[[str, str | None], str | None]


class Judge(Protocol):
    """Today's rules, applied to captures. Pure."""

    @property
    def digest(self) -> str: ...

    @property
    def names(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """(vendor id, product id) → (vendor name, product name)."""
        ...

    @property
    def page_kind(self) -> PageKind: ...

    def inventory(self, capture: PageCapture, own_domains: Sequence[str] = ()) -> PageInventory: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """A scan, what it is compared with, and what follows."""

    snapshot: Snapshot
    baseline: ScanRecord | None
    """The scan on the older side; None when there is nothing to compare with."""
    approval: Approval | None
    """Set when the older side is an approved baseline, not merely the previous scan."""
    drift: Drift | None
    findings: tuple[Finding, ...]
    """Of the drift; without an older side, of what is there. Violations of the policy are among them."""
    before: Snapshot | None = None
    """The older side's inventories, under the same rules."""
    approved: Approved | None = field(default=None, compare=False)
    """The approvals file, as far as it is in force for this scan."""
    left_out: tuple[LeftOut, ...] = ()
    """Drift that it covers: neither in `drift` nor in `findings`."""

    @property
    def scan(self) -> ScanRecord:
        return self.snapshot.scan


RULES_MOVED_ON = "its capture is no longer kept whole and the rules have changed since, so it cannot be compared"


def snapshot_of(
    store: Store,
    scan: ScanRecord,
    judge: Judge,
    own_domains: Sequence[str] = (),
    stored: Iterable[tuple[PageInventory, str]] | None = None,
) -> Snapshot:
    """Return the scan's inventories under today's rules, matching captures again where needed.

    `stored`: what `store.inventories` says, if somebody has read it already.

    A page whose inventory is older than the rules and whose capture has been thinned out proves nothing any more:
    it comes back as `partial`, without sightings.
    """
    pages: dict[str, PageInventory] = {}
    stale: dict[str, PageInventory] = {}
    for inventory, digest in store.inventories(scan.id) if stored is None else stored:
        (pages if digest == judge.digest else stale)[inventory.page] = inventory
    if stale:
        renewed: list[PageInventory] = []
        shared = Sharing()
        for capture in store.captures(scan.id, sorted(stale)):
            fresh = shared.inventory(judge.inventory(capture, own_domains))
            pages[fresh.page] = fresh
            renewed.append(fresh)
            del stale[capture.page]
        if renewed:
            store.save_inventories(scan.id, renewed, judge.digest)
        for page, inventory in stale.items():
            pages[page] = replace(
                inventory,
                outcome=Outcome.PARTIAL,
                stop_reason=StopReason.RECORDER_GAP,
                detail=RULES_MOVED_ON,
                sightings=(),
            )
    return Snapshot(scan, judge.digest, tuple(pages[page] for page in sorted(pages)))


class Sharing:
    """Most sightings and scripts are the same on every page of a site: one object for all keeps 2,000 pages small."""

    def __init__(self) -> None:
        self._known: dict[Sighting, Sighting] = {}
        self._scripts: dict[tuple[tuple[str, str], ...] | None, tuple[tuple[str, str], ...] | None] = {}

    def inventory(self, inventory: PageInventory) -> PageInventory:
        known = self._known
        return replace(
            inventory,
            sightings=tuple([known.setdefault(s, s) for s in inventory.sightings]),
            scripts=self._scripts.setdefault(inventory.scripts, inventory.scripts),
        )


def older_side(
    store: Store, scan: ScanRecord, *, with_last: bool = False, acceptances: Acceptances = NOTHING_ACCEPTED
) -> tuple[ScanRecord | None, Approval | None]:
    """Return what `scan` is compared with: the approved baseline, else the last full scan of the same profile.

    `with_last` passes over the baseline. The baseline itself is compared with the last full scan before it. A scan that
    saw less than half of its pages whole, or only a part of the site, is passed over, too: after an outage the site is
    compared with what it was before. Only where there is no better one it serves, if it saw any page whole.
    `acceptances` tell whether the approval of the baseline is still in force.
    """
    approval = None if with_last else baseline_in_force(store, acceptances, scan.site, scan.started_at.date())
    if approval is not None and approval.scan_id != scan.id:
        approved = store.scan(approval.scan_id)
        if approved is not None:
            return approved, approval
    chosen = best_to_go_by(earlier_scans(store, scan), scan.config_digest)
    return (store.scan(chosen.id) if chosen else None), None


def earlier_scans(store: Store, scan: ScanRecord) -> list[ScanRecord]:
    """Return the finished full scans before `scan`, of its profile, that saw any page whole; newest first."""
    return [
        one
        for one in store.scans(scan.site, with_skipped=False)
        if one.id < scan.id
        and one.state is not ScanState.RUNNING
        and one.kind is ScanKind.FULL
        and one.profile == scan.profile
        and one.coverage.ok
    ]


def compare_scans(
    store: Store,
    judge: Judge,
    scan: ScanRecord,
    older: ScanRecord | None,
    approval: Approval | None = None,
    own_domains: Sequence[str] = (),
    policy: Policy = OBSERVE,
    house: HouseRules = NO_HOUSE_RULES,
) -> Comparison:
    """Compare `scan` with `older` under today's rules, and judge it by `policy`, as of the day of the scan.

    What an approved baseline already had was accepted with it: it is no violation where it was then. What the approvals
    file covers is neither drift nor violation, as long as the approval lasts.
    """
    today = scan.started_at.date()
    after = snapshot_of(store, scan, judge, own_domains)
    if older is None:
        return judged_alone(judge, after, policy, house)
    before = snapshot_of(store, older, judge, own_domains)
    pages = {page.page: page for side in (before, after) for page in side.pages}
    approved = house.in_force(scan.site, today)
    site = after
    if before is not None and scan.kind is ScanKind.LIGHT:
        site = _site_as_known(_last_of_the_site(store, judge, scan, own_domains) if approval else before, after)
    present = inventory_findings(
        site, page_kind=judge.page_kind, names=judge.names, older=before, without=sieve(approved, pages.get)
    )
    broken = _violations(policy, after, judge, house, today)
    drift = compare(before, after)
    entries, left_out = without_approved(drift.entries, approved, pages.get)
    drift = replace(drift, entries=entries)
    looked_at = None if site is after else after
    found = findings(drift, before, site, page_kind=judge.page_kind, names=judge.names, looked_at=looked_at)
    # What was allowed when the baseline was approved was not accepted against a rule: when the allowance is over it is
    # news.
    then = min(approval.at.date(), today) if approval is not None else today
    accepted = _violations(policy, before, judge, house, then) if approval is not None else ()
    told = _weighed(judged(found, present, broken, accepted), house, after, judge)
    told = with_causes(told, before, after, judge.names)
    told = with_history(store, told, after, earlier_scans(store, scan))
    return Comparison(after, older, approval, drift, told, before, approved, left_out)


def judged_alone(
    judge: Judge, after: Snapshot, policy: Policy = OBSERVE, house: HouseRules = NO_HOUSE_RULES
) -> Comparison:
    """Judge a scan that nothing can be compared with, or recorded traffic, as of its own day."""
    today = after.scan.started_at.date()
    pages = {page.page: page for page in after.pages}
    approved = house.in_force(after.scan.site, today)
    present = inventory_findings(
        after, page_kind=judge.page_kind, names=judge.names, without=sieve(approved, pages.get)
    )
    broken = _violations(policy, after, judge, house, today)
    told = _weighed(judged(present, present, broken, ()), house, after, judge)
    return Comparison(after, None, None, None, with_causes(told, None, after, judge.names), approved=approved)


def _weighed(found: tuple[Finding, ...], house: HouseRules, after: Snapshot, judge: Judge) -> tuple[Finding, ...]:
    """The findings with the owner's own severities, worst first."""
    if not house.severities:
        return found
    pages = {page.page: page for page in after.pages}

    def kind_of(page: str) -> str | None:
        known = pages.get(page)
        return (known.kind if known else None) or judge.page_kind(page, known.title if known else None)

    return worst_first(overridden(found, house.severities, kind_of))


def _last_of_the_site(store: Store, judge: Judge, scan: ScanRecord, own_domains: Sequence[str]) -> Snapshot | None:
    """The last full scan: newer than an approved baseline it may well be."""
    last = best_to_go_by(earlier_scans(store, scan))
    return snapshot_of(store, last, judge, own_domains) if last is not None else None


def _site_as_known(before: Snapshot | None, after: Snapshot) -> Snapshot:
    """A light scan, and the pages it left alone as they were before: "on 3 pages" is not "nowhere else"."""
    if before is None:
        return after
    visited = {page.page for page in after.pages}
    left = (page for page in before.pages if page.page not in visited)
    return replace(after, pages=tuple(sorted((*after.pages, *left), key=lambda page: page.page)))


def _violations(
    policy: Policy, snapshot: Snapshot, judge: Judge, house: HouseRules, today: date
) -> tuple[Violation, ...]:
    site = snapshot.scan.site
    return violations(
        policy,
        snapshot.pages,
        today=today,
        consent=snapshot.scan.profile.consent,
        page_kind=judge.page_kind,
        approved=house.in_force(site, today),
        lapsed=house.lapsed(site, today),
    )


def newest_scan(store: Store, site: str) -> ScanRecord:
    """Return the newest finished full scan of `site`. Raises `UsageError` naming the sites that are known."""
    for scan in store.scans(site):
        if scan.state is not ScanState.RUNNING and scan.kind is ScanKind.FULL:
            return scan
    known = store.sites()
    hint = f"known sites: {', '.join(known)}" if known else "run `tagdrift scan URL` first"
    raise UsageError(f"no finished scan of {site!r} in the store", hint=hint)


def tags_before(store: Store, comparison: Comparison) -> frozenset[TagKey]:
    """Return the tags that appeared in `comparison` and that a scan before its older side has seen."""
    if comparison.drift is None or comparison.baseline is None:
        return frozenset()
    appeared = {
        entry.identity.tag
        for entry in comparison.drift.entries
        if entry.verdict is Verdict.ADDED and entry.identity.kind is SightingKind.TAG
    }
    found: set[TagKey] = set()
    for scan in store.scans(comparison.scan.site):
        if scan.id >= comparison.baseline.id or not appeared - found:
            continue
        for inventory, _digest in store.inventories(scan.id):
            found |= {s.identity.tag for s in inventory.sightings if s.identity.tag in appeared and s.identity.tag}
    return frozenset(found)
