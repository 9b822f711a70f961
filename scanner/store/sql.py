"""The store in SQLite or PostgreSQL. Every public method is one transaction; see `docs/store.md` for the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, Engine, delete, select, update

from scanner.model import (
    Approval,
    ApprovalEvent,
    Coverage,
    Delivery,
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
from scanner.store import approval_log, audit, casebook, reading, recording, summaries, thinning
from scanner.store import blobs as content
from scanner.store.codec import CodecError
from scanner.store.documents import INVENTORY
from scanner.store.engine import transaction
from scanner.store.lease import Lease, decide
from scanner.store.tables import (
    chain_links,
    leases,
    scans,
)


class SqlStore:
    """Implements `scanner.ports.Store` on a migrated database. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _reading(self) -> AbstractContextManager[Connection]:
        return transaction(self._engine, writes=False)

    def _writing(self) -> AbstractContextManager[Connection]:
        return transaction(self._engine, writes=True)

    # -- leases

    def acquire_lease(self, site: str, holder: str, now: datetime, ttl_s: int) -> None:
        with self._writing() as connection:
            # The first of several processes inserts the row; the others wait for it, and then read it.
            new = asdict(decide(None, site, holder, now, ttl_s))
            if connection.execute(content.insert_new(connection, leases).returning(leases.c.site), new).first():
                return
            row = connection.execute(select(leases).where(leases.c.site == site).with_for_update()).mappings().one()
            lease = decide(Lease(**row), site, holder, now, ttl_s)
            connection.execute(update(leases).where(leases.c.site == site), asdict(lease))

    def release_lease(self, site: str, holder: str) -> None:
        with self._writing() as connection:
            connection.execute(delete(leases).where(leases.c.site == site, leases.c.holder == holder))

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
        with self._writing() as connection:
            return recording.begin_scan(
                connection,
                site,
                now,
                profile,
                tool_version=tool_version,
                rules_digest=rules_digest,
                config_digest=config_digest,
                kind=kind,
            )

    def running_scan(self, site: str) -> ScanRecord | None:
        query = select(scans).where(scans.c.site == site, scans.c.state == ScanState.RUNNING.value)
        with self._reading() as connection:
            return next(reading.scan_records(connection, query.order_by(scans.c.id.desc()).limit(1)), None)

    def last_activity(self, scan_id: int) -> datetime:
        with self._reading() as connection:
            at: datetime | None = connection.scalar(select(scans.c.last_activity_at).where(scans.c.id == scan_id))
        if at is None:
            raise recording.unknown_scan(scan_id)
        return at

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
        with self._writing() as connection:
            return recording.finish_scan(connection, scan_id, state, now, coverage, skipped, note)

    def scan(self, scan_id: int) -> ScanRecord | None:
        with self._reading() as connection:
            return reading.scan_record(connection, scan_id)

    def scans(self, site: str, limit: int | None = None, *, with_skipped: bool = True) -> tuple[ScanRecord, ...]:
        query = select(scans).where(scans.c.site == site).order_by(scans.c.id.desc()).limit(limit)
        with self._reading() as connection:
            return tuple(reading.scan_records(connection, query, with_skipped=with_skipped))

    def sites(self) -> tuple[str, ...]:
        with self._reading() as connection:
            return tuple(sorted(connection.execute(select(scans.c.site).distinct()).scalars()))

    # -- visits

    def save_visit(self, scan_id: int, capture: PageCapture, inventory: PageInventory, rules_digest: str) -> None:
        if capture.page != inventory.page:
            raise ValueError(f"capture of {capture.page!r} with the inventory of {inventory.page!r}")
        visit = recording.encode_visit(capture, inventory)
        with self._writing() as connection:
            recording.save_visit(connection, scan_id, visit, rules_digest)

    def save_inventories(self, scan_id: int, inventories: Sequence[PageInventory], rules_digest: str) -> None:
        encoded = recording.encode_inventories(inventories)
        with self._writing() as connection:
            recording.save_inventories(connection, scan_id, encoded, rules_digest)

    def visited_pages(self, scan_id: int) -> frozenset[str]:
        with self._reading() as connection:
            return frozenset(page for _, page in reading.visited(connection, scan_id))

    def captures(self, scan_id: int, pages: Sequence[str] | None = None) -> Iterator[PageCapture]:
        wanted = None if pages is None else frozenset(pages)
        with self._reading() as connection:
            kept = reading.visited(connection, scan_id, with_capture=True)
        for page_id, page in kept:
            if wanted is not None and page not in wanted:
                continue
            with self._reading() as connection:
                found = reading.packed_capture(connection, scan_id, page_id)
                if found is None:
                    continue  # thinned out meanwhile
                try:
                    capture = reading.load_capture(*found)
                except CodecError as error:
                    raise CodecError(f"capture of {page} in scan {scan_id}: {error}") from error
            yield capture

    def inventories(self, scan_id: int, pages: Sequence[str] | None = None) -> Iterator[tuple[PageInventory, str]]:
        wanted = None if pages is None else frozenset(pages)
        with self._reading() as connection:
            known = reading.visited(connection, scan_id)
        if wanted is not None:
            known = [(page_id, page) for page_id, page in known if page in wanted]
        load = INVENTORY.reader()
        for batch in content.batches(known, 100):
            page_ids = [page_id for page_id, _ in batch]
            with self._reading() as connection:
                found = reading.inventory_batch(connection, scan_id, page_ids, load)
            yield from (found[page_id] for page_id in page_ids if page_id in found)

    # -- scans in numbers

    def save_summary(self, scan_id: int, summary: ScanSummary) -> None:
        with self._writing() as connection:
            recording.known_scan(connection, scan_id)
            content.keep_sweeper_out(connection)
            summaries.save(connection, scan_id, summary)

    def summary(self, scan_id: int) -> ScanSummary | None:
        with self._reading() as connection:
            return summaries.summary(connection, scan_id)

    def tag_counts(self, site: str) -> Mapping[int, tuple[TagCount, ...]]:
        with self._reading() as connection:
            return summaries.tag_counts(connection, site)

    # -- baseline and approvals

    def approve(self, approval: Approval) -> None:
        with self._writing() as connection:
            approval_log.enter(connection, approval, recording.known_scan(connection, approval.scan_id))

    def baseline(self, site: str) -> Approval | None:
        return next(iter(self.approvals(site)), None)

    def approvals(self, site: str) -> tuple[Approval, ...]:
        with self._reading() as connection:
            return approval_log.of_site(connection, site)

    def log_approvals(self, events: Sequence[ApprovalEvent]) -> None:
        with self._writing() as connection:
            approval_log.log(connection, events)

    def approval_log(self) -> tuple[ApprovalEvent, ...]:
        with self._reading() as connection:
            return approval_log.events(connection)

    # -- incidents

    def settle(self, scan_id: int, changes: Sequence[IncidentChange], compose: Compose, at: datetime) -> bool:
        with self._writing() as connection:
            recording.known_scan(connection, scan_id)
            return casebook.settle(connection, scan_id, changes, compose, at)

    def is_settled(self, scan_id: int) -> bool:
        with self._reading() as connection:
            return casebook.is_settled(connection, scan_id)

    def incidents(self, site: str | None = None, *, open_only: bool = False) -> tuple[Incident, ...]:
        with self._reading() as connection:
            return tuple(casebook.find_incidents(connection, site, open_only=open_only))

    def incident(self, incident_id: int) -> Incident | None:
        with self._reading() as connection:
            return next(casebook.find_incidents(connection, incident_id=incident_id), None)

    def incident_history(self, incident_id: int) -> tuple[IncidentEntry, ...]:
        with self._reading() as connection:
            return casebook.history(connection, incident_id)

    # -- the outbox

    def record(self, deliveries: Sequence[Delivery]) -> int:
        with self._writing() as connection:
            return casebook.record(connection, deliveries)

    def due(self, now: datetime, limit: int = 100) -> tuple[Delivery, ...]:
        with self._reading() as connection:
            return casebook.due(connection, now, limit)

    def claim(self, delivery_id: int, now: datetime, until: datetime) -> bool:
        with self._writing() as connection:
            return casebook.claim(connection, delivery_id, now, until)

    def sent(self, delivery_id: int, now: datetime) -> None:
        with self._writing() as connection:
            casebook.sent(connection, delivery_id, now)

    def not_sent(self, delivery_id: int, error: str, next_try_at: datetime | None) -> None:
        with self._writing() as connection:
            casebook.not_sent(connection, delivery_id, error, next_try_at)

    def deliveries(self, limit: int = 100) -> tuple[Delivery, ...]:
        with self._reading() as connection:
            return casebook.newest(connection, limit)

    # -- upkeep

    def thin(
        self,
        site: str,
        now: datetime,
        retention: Retention,
        keep_pages: frozenset[str] = frozenset(),
        keep_visits: Mapping[int, frozenset[str]] = MappingProxyType({}),
    ) -> int:
        with self._writing() as connection:
            return thinning.thin(connection, site, now, retention, keep_pages, keep_visits)

    def check(self) -> tuple[str, ...]:
        with self._reading() as connection:
            return tuple(audit.check(connection))

    def verify_chain(self, site: str) -> tuple[str, ...]:
        with self._reading() as connection:
            return audit.verify_chain(connection, site)

    def scan_hash(self, scan_id: int) -> str | None:
        with self._reading() as connection:
            found: str | None = connection.scalar(select(chain_links.c.hash).where(chain_links.c.scan_id == scan_id))
            return found

    def hashes(self, site: str) -> tuple[tuple[int, str], ...]:
        query = select(chain_links.c.scan_id, chain_links.c.hash).where(chain_links.c.site == site)
        with self._reading() as connection:
            return tuple((scan_id, value) for scan_id, value in connection.execute(query.order_by(chain_links.c.id)))

    def close(self) -> None:
        self._engine.dispose()
