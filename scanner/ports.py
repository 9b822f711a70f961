"""What the use cases need from the outside world, as narrow Protocols. `wiring` chooses the real parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from scanner.model import (
    Approval,
    ApprovalEvent,
    Coverage,
    Delivery,
    DeliveryFailure,
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
    VisitTask,
)

Compose = Callable[[Sequence[IncidentChange]], Sequence[Delivery]]
"""Incident changes, with ids → messages about them."""


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""
        ...


class Fleet(Protocol):
    """Visits pages. Used as an async context manager; leaving it ends every process it started."""

    @property
    def capacity(self) -> int:
        """How many visits may run at the same time."""
        ...

    async def visit(self, task: VisitTask) -> PageCapture:
        """Visit one page, with one retry in a fresh browser. Trouble on the page is an outcome, never an exception."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Store(Protocol):
    """Everything that outlives a process. Every method is one transaction; all raise `StoreError`.

    Called from worker threads (`asyncio.to_thread`), one writer per scan. What a method saved when it returns
    survives `kill -9` and a power cut. An unknown scan is a `StoreError` to every writer and to `last_activity`;
    the other readers answer None or nothing.
    """

    # -- leases: one scan per site at a time
    def acquire_lease(self, site: str, holder: str, now: datetime, ttl_s: int) -> None:
        """Take or renew the site's lease. Raises `SiteBusy` (naming the holder and since when) if another holds it.

        A lease that its holder let expire is taken over; a late renewal by the old holder is then refused.
        """
        ...

    def release_lease(self, site: str, holder: str) -> None:
        """Give the lease back; nothing happens if somebody else holds it by now."""
        ...

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
    ) -> ScanRecord: ...

    def running_scan(self, site: str) -> ScanRecord | None:
        """The scan a killed or interrupted process left open, newest first; None if there is none."""
        ...

    def last_activity(self, scan_id: int) -> datetime:
        """When the scan's newest visit ended, or when the scan began."""
        ...

    def save_visit(self, scan_id: int, capture: PageCapture, inventory: PageInventory, rules_digest: str) -> None:
        """Save one visit whole: capture and inventory in one transaction. Saving the same page again replaces it.

        Raises `StoreError` if the scan is finished: nothing can be added to it, its hash is in the chain.
        """
        ...

    def save_inventories(self, scan_id: int, inventories: Sequence[PageInventory], rules_digest: str) -> None:
        """Replace inventories after re-matching with other rules; the scan may be finished, the visits must exist.

        The inventories as first recorded stay beside them: the hash chain speaks of those.
        """
        ...

    def finish_scan(
        self,
        scan_id: int,
        state: ScanState,
        now: datetime,
        coverage: Coverage,
        skipped: Sequence[SkippedPage],
        note: str | None = None,
    ) -> ScanRecord:
        """Close a running scan as COMPLETE or INCOMPLETE and append it to the site's hash chain."""
        ...

    def scan(self, scan_id: int) -> ScanRecord | None: ...

    def scans(self, site: str, limit: int | None = None, *, with_skipped: bool = True) -> tuple[ScanRecord, ...]:
        """Newest first. The lists of addresses that were not visited may be long: `with_skipped` says if they come."""
        ...

    def sites(self) -> tuple[str, ...]:
        """Every site with a scan in the store, sorted."""
        ...

    # -- visits
    def visited_pages(self, scan_id: int) -> frozenset[str]: ...

    def captures(self, scan_id: int, pages: Sequence[str] | None = None) -> Iterator[PageCapture]:
        """Stream the captures that are still kept whole, sorted by page; memory holds one at a time.

        `pages`: only these, as far as they are there. No transaction stays open between two captures.
        """
        ...

    def inventories(self, scan_id: int, pages: Sequence[str] | None = None) -> Iterator[tuple[PageInventory, str]]:
        """Stream (inventory, rules digest it was made with), sorted by page; `pages`: only these."""
        ...

    # -- scans in numbers
    def save_summary(self, scan_id: int, summary: ScanSummary) -> None:
        """Keep what a scan boils down to; it replaces an older summary and is no part of the hash chain."""
        ...

    def summary(self, scan_id: int) -> ScanSummary | None:
        """None: nobody has made one."""
        ...

    def tag_counts(self, site: str) -> Mapping[int, tuple[TagCount, ...]]:
        """Scan id → `tags` of its summary, for every scan of the site that has one. Equal ones are one object."""
        ...

    # -- baseline and approvals
    def approve(self, approval: Approval) -> None:
        """Make a finished scan of the site its baseline and write the audit log, together."""
        ...

    def baseline(self, site: str) -> Approval | None:
        """The newest approval; whether it is still in force `service.baselines` knows."""
        ...

    def approvals(self, site: str) -> tuple[Approval, ...]:
        """Newest first; never changed or deleted, the database itself refuses to."""
        ...

    def log_approvals(self, events: Sequence[ApprovalEvent]) -> None:
        """Add to the audit log; nothing in it is ever changed or deleted, the database itself refuses to."""
        ...

    def approval_log(self) -> tuple[ApprovalEvent, ...]:
        """Oldest first, of every site."""
        ...

    # -- incidents
    def settle(self, scan_id: int, changes: Sequence[IncidentChange], compose: Compose, at: datetime) -> bool:
        """Enter what a finished scan means for its site's incidents and record the messages about it, all or nothing.

        New incidents get their ids first; then `compose` (pure) makes the messages from the changes. A scan is
        settled once: the second time nothing happens and False comes back.
        """
        ...

    def is_settled(self, scan_id: int) -> bool: ...

    def incidents(self, site: str | None = None, *, open_only: bool = False) -> tuple[Incident, ...]:
        """Newest first."""
        ...

    def incident(self, incident_id: int) -> Incident | None: ...

    def incident_history(self, incident_id: int) -> tuple[IncidentEntry, ...]:
        """Oldest first."""
        ...

    # -- the outbox
    def record(self, deliveries: Sequence[Delivery]) -> int:
        """Put messages into the outbox, but for those whose key is there already; return how many were new."""
        ...

    def due(self, now: datetime, limit: int = 100) -> tuple[Delivery, ...]:
        """Return waiting messages whose time has come, oldest first."""
        ...

    def claim(self, delivery_id: int, now: datetime, until: datetime) -> bool:
        """Take one waiting message for an attempt that ends before `until`; False if somebody else has it.

        The attempt is counted before it is made. A process that dies in the middle leaves the message
        waiting from `until` on.
        """
        ...

    def sent(self, delivery_id: int, now: datetime) -> None: ...

    def not_sent(self, delivery_id: int, error: str, next_try_at: datetime | None) -> None:
        """Enter a failed attempt; without a time for the next one the message is given up."""
        ...

    def deliveries(self, limit: int = 100) -> tuple[Delivery, ...]:
        """Newest first."""
        ...

    # -- upkeep
    def thin(
        self,
        site: str,
        now: datetime,
        retention: Retention,
        keep_pages: frozenset[str] = frozenset(),
        keep_visits: Mapping[int, frozenset[str]] = MappingProxyType({}),
    ) -> int:
        """Drop captures that no later comparison needs, and scans beyond the retention; return how many captures went.

        Captures stay of every running scan, of `keep_pages` in every scan, of `keep_visits` (scan → pages: the evidence
        of incidents), and, for each profile, of the baseline, the newest finished scan of each kind and the newest
        complete full one. Inventories stay, until a scan is neither among the newest `keep_scans` nor younger than
        `keep_days`: then it goes, but for what `keep_pages` and `keep_visits` name. Light scans do not count among the
        newest, and go after a month.
        """
        ...

    def check(self) -> tuple[str, ...]:
        """What is wrong with the store, in words; empty when it is sound (`PRAGMA integrity_check` and the like)."""
        ...

    def verify_chain(self, site: str) -> tuple[str, ...]:
        """Where the site's finished scans, and what was approved before each, differ from what the hash chain recorded.

        In words; empty when nowhere.
        """
        ...

    def scan_hash(self, scan_id: int) -> str | None:
        """The hash of a finished scan's link, hex: printed or mailed, it vouches for that scan and all before it."""
        ...

    def hashes(self, site: str) -> tuple[tuple[int, str], ...]:
        """(scan, its hash) of the site's finished scans in the order of the chain, removed ones among them."""
        ...

    def close(self) -> None: ...


class Courier(Protocol):
    """Carries finished messages, each to its one recipient."""

    @property
    def longest_s(self) -> float:
        """How long one attempt may take at most; longer than that nobody else need wait for it."""
        ...

    def deliver(self, message: Delivery) -> DeliveryFailure | None:
        """Try once. None: the other side has taken the message."""
        ...

    def close(self) -> None: ...
