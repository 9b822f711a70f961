"""The store in memory: for tests of the use cases, and for runs that keep nothing. Behaves as the SQL store does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import RLock
from types import MappingProxyType

from scanner.errors import StoreError
from scanner.model import (
    Approval,
    ApprovalEvent,
    Coverage,
    Delivery,
    DeliveryState,
    Incident,
    IncidentChange,
    IncidentEntry,
    PageCapture,
    PageInventory,
    Profile,
    Retention,
    ScanKind,
    ScanRecord,
    ScanState,
    ScanSummary,
    SkippedPage,
    TagCount,
)
from scanner.ports import Compose
from scanner.store.casebook_memory import Casebook
from scanner.store.chain import START, ApprovalLog, Evidence, Leaf, Link, link_of, manifest_of, problems
from scanner.store.codec import text_bytes
from scanner.store.documents import CAPTURE, INVENTORY, SKIPPED, capture_digest, digest
from scanner.store.lease import Lease, decide
from scanner.store.retention import plan


@dataclass(slots=True)
class _Visit:
    leaf: Leaf
    capture: PageCapture | None
    inventory: PageInventory
    rules_digest: str


@dataclass(slots=True)
class _Scan:
    record: ScanRecord
    last_activity_at: datetime
    visits: dict[str, _Visit] = field(default_factory=dict)
    summary: ScanSummary | None = None


class MemoryStore:
    """Implements `scanner.ports.Store`. Threads may share it."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._scans: dict[int, _Scan] = {}
        self._last_id = 0
        self._leases: dict[str, Lease] = {}
        self._approvals: list[Approval] = []
        self._approval_events: list[ApprovalEvent] = []
        self._links: dict[str, list[Link]] = {}
        self._removed: dict[int, bytes | None] = {}
        self._casebook = Casebook()

    # -- leases

    def acquire_lease(self, site: str, holder: str, now: datetime, ttl_s: int) -> None:
        with self._lock:
            self._leases[site] = decide(self._leases.get(site), site, holder, now, ttl_s)

    def release_lease(self, site: str, holder: str) -> None:
        with self._lock:
            if site in self._leases and self._leases[site].holder == holder:
                del self._leases[site]

    # -- scans

    def begin_scan(
        self,
        site: str,
        now: datetime,
        profile: Profile,
        tool_version: str,
        rules_digest: str,
        config_digest: str,
        kind: ScanKind = ScanKind.FULL,
    ) -> ScanRecord:
        with self._lock:
            self._last_id += 1
            record = ScanRecord(
                id=self._last_id,
                site=site,
                state=ScanState.RUNNING,
                started_at=now,
                profile=profile,
                tool_version=tool_version,
                rules_digest=rules_digest,
                config_digest=config_digest,
                kind=kind,
            )
            self._scans[record.id] = _Scan(record, now)
            return record

    def running_scan(self, site: str) -> ScanRecord | None:
        return next((record for record in self.scans(site) if record.state is ScanState.RUNNING), None)

    def last_activity(self, scan_id: int) -> datetime:
        with self._lock:
            return self._known(scan_id).last_activity_at

    def finish_scan(
        self,
        scan_id: int,
        state: ScanState,
        now: datetime,
        coverage: Coverage,
        skipped: Sequence[SkippedPage],
        note: str | None = None,
    ) -> ScanRecord:
        if state is ScanState.RUNNING:
            raise ValueError("a finished scan is complete or incomplete")
        with self._lock:
            scan = self._open(scan_id)
            scan.record = replace(
                scan.record, state=state, ended_at=now, coverage=coverage, skipped=tuple(skipped), note=note
            )
            links = self._links.setdefault(scan.record.site, [])
            leaves = [visit.leaf for visit in scan.visits.values()]
            previous = links[-1].hash if links else START
            links.append(link_of(scan.record, leaves, previous, self._approved(scan.record.site)))
            return scan.record

    def scan(self, scan_id: int) -> ScanRecord | None:
        with self._lock:
            return self._scans[scan_id].record if scan_id in self._scans else None

    def scans(self, site: str, limit: int | None = None, *, with_skipped: bool = True) -> tuple[ScanRecord, ...]:
        with self._lock:
            found = [scan.record for scan in self._scans.values() if scan.record.site == site]
        newest = tuple(reversed(found))[:limit]
        return newest if with_skipped else tuple(replace(record, skipped=()) for record in newest)

    def sites(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted({scan.record.site for scan in self._scans.values()}))

    # -- visits

    def save_visit(self, scan_id: int, capture: PageCapture, inventory: PageInventory, rules_digest: str) -> None:
        if capture.page != inventory.page:
            raise ValueError(f"capture of {capture.page!r} with the inventory of {inventory.page!r}")
        leaf = _leaf(capture, inventory)
        ended_at = capture.started_at + timedelta(milliseconds=capture.duration_ms)
        with self._lock:
            scan = self._open(scan_id)
            scan.visits[capture.page] = _Visit(leaf, capture, inventory, rules_digest)
            scan.last_activity_at = max(scan.last_activity_at, ended_at)

    def save_inventories(self, scan_id: int, inventories: Sequence[PageInventory], rules_digest: str) -> None:
        with self._lock:
            visits = self._known(scan_id).visits
            for inventory in inventories:
                if inventory.page not in visits:
                    raise StoreError(f"scan {scan_id} has no visit of {inventory.page}")
            for inventory in inventories:
                visits[inventory.page].inventory = inventory
                visits[inventory.page].rules_digest = rules_digest

    def visited_pages(self, scan_id: int) -> frozenset[str]:
        with self._lock:
            return frozenset(self._scans[scan_id].visits) if scan_id in self._scans else frozenset()

    def captures(self, scan_id: int, pages: Sequence[str] | None = None) -> Iterator[PageCapture]:
        wanted = None if pages is None else frozenset(pages)
        for visit in self._sorted_visits(scan_id):
            if visit.capture is not None and (wanted is None or visit.capture.page in wanted):
                yield visit.capture

    def inventories(self, scan_id: int, pages: Sequence[str] | None = None) -> Iterator[tuple[PageInventory, str]]:
        wanted = None if pages is None else frozenset(pages)
        for visit in self._sorted_visits(scan_id):
            if wanted is None or visit.inventory.page in wanted:
                yield visit.inventory, visit.rules_digest

    # -- scans in numbers

    def save_summary(self, scan_id: int, summary: ScanSummary) -> None:
        with self._lock:
            self._known(scan_id).summary = summary

    def summary(self, scan_id: int) -> ScanSummary | None:
        with self._lock:
            return self._scans[scan_id].summary if scan_id in self._scans else None

    def tag_counts(self, site: str) -> Mapping[int, tuple[TagCount, ...]]:
        with self._lock:
            scans = [scan for scan in self._scans.values() if scan.record.site == site]
            return {scan.record.id: scan.summary.tags for scan in scans if scan.summary is not None}

    # -- baseline and approvals

    def approve(self, approval: Approval) -> None:
        with self._lock:
            scan = self._known(approval.scan_id).record
            if scan.site != approval.site:
                raise StoreError(f"scan {scan.id} is of {scan.site}, not of {approval.site}")
            if scan.state is ScanState.RUNNING:
                raise StoreError(f"scan {scan.id} is still running", hint="approve it when it is finished")
            self._approvals.append(approval)

    def baseline(self, site: str) -> Approval | None:
        return next(iter(self.approvals(site)), None)

    def approvals(self, site: str) -> tuple[Approval, ...]:
        with self._lock:
            return tuple(approval for approval in reversed(self._approvals) if approval.site == site)

    def log_approvals(self, events: Sequence[ApprovalEvent]) -> None:
        with self._lock:
            self._approval_events.extend(events)

    def approval_log(self) -> tuple[ApprovalEvent, ...]:
        with self._lock:
            return tuple(self._approval_events)

    # -- incidents

    def settle(self, scan_id: int, changes: Sequence[IncidentChange], compose: Compose, at: datetime) -> bool:
        with self._lock:
            if scan_id not in self._scans:
                raise StoreError(f"there is no scan {scan_id} in the store")
            return self._casebook.settle(scan_id, changes, compose, at)

    def is_settled(self, scan_id: int) -> bool:
        return scan_id in self._casebook.settled

    def incidents(self, site: str | None = None, *, open_only: bool = False) -> tuple[Incident, ...]:
        with self._lock:
            return self._casebook.find(site, open_only=open_only)

    def incident(self, incident_id: int) -> Incident | None:
        return self._casebook.incidents.get(incident_id)

    def incident_history(self, incident_id: int) -> tuple[IncidentEntry, ...]:
        with self._lock:
            return tuple(entry for entry in self._casebook.entries if entry.incident_id == incident_id)

    # -- the outbox

    def record(self, deliveries: Sequence[Delivery]) -> int:
        with self._lock:
            return self._casebook.record(deliveries)

    def due(self, now: datetime, limit: int = 100) -> tuple[Delivery, ...]:
        with self._lock:
            return self._casebook.due(now)[:limit]

    def claim(self, delivery_id: int, now: datetime, until: datetime) -> bool:
        with self._lock:
            return self._casebook.claim(delivery_id, now, until)

    def sent(self, delivery_id: int, now: datetime) -> None:
        with self._lock:
            self._casebook.change(delivery_id, state=DeliveryState.SENT, sent_at=now, error=None)

    def not_sent(self, delivery_id: int, error: str, next_try_at: datetime | None) -> None:
        with self._lock:
            if next_try_at is None:
                self._casebook.change(delivery_id, state=DeliveryState.GIVEN_UP, error=error)
            else:
                self._casebook.change(delivery_id, next_try_at=next_try_at, error=error)

    def deliveries(self, limit: int = 100) -> tuple[Delivery, ...]:
        with self._lock:
            return tuple(reversed(self._casebook.outbox.values()))[:limit]

    # -- upkeep

    def thin(
        self,
        site: str,
        now: datetime,
        retention: Retention,
        keep_pages: frozenset[str] = frozenset(),
        keep_visits: Mapping[int, frozenset[str]] = MappingProxyType({}),
    ) -> int:
        with self._lock:
            past = self.scans(site)
            todo = plan(past, [approval.scan_id for approval in self.approvals(site)], now, retention)
            gone = 0
            for one in past:
                visits = self._scans[one.id].visits
                kept = keep_pages | keep_visits.get(one.id, frozenset())
                going = [page for page in visits if page not in kept]
                if one.id not in todo.whole:
                    gone += sum(visits[page].capture is not None for page in going)
                    for page in going:
                        visits[page].capture = None
                if one.id in todo.expired:
                    self._expire(one.id, going)
            return gone

    def _expire(self, scan_id: int, going: Sequence[str]) -> None:
        visits = self._scans[scan_id].visits
        if scan_id not in self._removed:
            manifest = manifest_of(visit.leaf for visit in visits.values())
            self._removed[scan_id] = manifest if len(going) < len(visits) else None
        for page in going:
            del visits[page]
        if not visits:
            del self._scans[scan_id]

    def check(self) -> tuple[str, ...]:
        return ()

    def verify_chain(self, site: str) -> tuple[str, ...]:
        with self._lock:
            links = self._links.get(site, [])
            linked = {link.scan_id for link in links}
            finished = sorted(scan.id for scan in self.scans(site) if scan.state is not ScanState.RUNNING)
            unlinked = [scan_id for scan_id in finished if scan_id not in linked]
            evidence = [self._evidence(link.scan_id) for link in links]
            return problems(links, evidence, unlinked, self._approved(site))

    def _approved(self, site: str) -> ApprovalLog:
        return ApprovalLog(self.approvals(site)[::-1], self.approval_log())

    def _evidence(self, scan_id: int) -> Evidence:
        scan = self._scans.get(scan_id)
        removed = scan_id in self._removed
        if scan is None:
            return Evidence(None, removed=removed)
        leaves = tuple(visit.leaf for visit in scan.visits.values())
        skipped = digest(SKIPPED.dumps(scan.record.skipped))
        return Evidence(scan.record, skipped, leaves, removed, self._removed.get(scan_id))

    def scan_hash(self, scan_id: int) -> str | None:
        with self._lock:
            links = (link for links in self._links.values() for link in links)
            return next((link.hash for link in links if link.scan_id == scan_id), None)

    def hashes(self, site: str) -> tuple[tuple[int, str], ...]:
        with self._lock:
            return tuple((link.scan_id, link.hash) for link in self._links.get(site, []))

    def close(self) -> None:
        """Nothing to close; what was stored is gone with the object."""

    def _sorted_visits(self, scan_id: int) -> list[_Visit]:
        with self._lock:
            visits = self._scans[scan_id].visits if scan_id in self._scans else {}
            return [replace(visits[page]) for page in sorted(visits)]

    def _known(self, scan_id: int) -> _Scan:
        if scan_id not in self._scans:
            raise StoreError(f"there is no scan {scan_id} in the store")
        return self._scans[scan_id]

    def _open(self, scan_id: int) -> _Scan:
        scan = self._known(scan_id)
        if scan.record.state is not ScanState.RUNNING:
            raise StoreError(f"scan {scan_id} is finished: nothing can be added to it")
        return scan


def _leaf(capture: PageCapture, inventory: PageInventory) -> Leaf:
    document, parts = CAPTURE.dump(capture)
    return Leaf(
        digest(text_bytes(capture.page)),
        digest(INVENTORY.dumps(inventory)),
        capture_digest(document, [digest(part) for part in parts]),
    )
