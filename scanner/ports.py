"""What the use cases need from the outside world, as narrow Protocols. `wiring` chooses the real parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from scanner.model import (
    Approval,
    Coverage,
    PageCapture,
    PageInventory,
    Profile,
    Retention,
    ScanRecord,
    ScanState,
    SkippedPage,
    VisitTask,
)


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

    Called from worker threads (`asyncio.to_thread`), one writer per scan.
    """

    # -- leases: one scan per site at a time
    def acquire_lease(self, site: str, holder: str, now: datetime, ttl_s: int) -> None:
        """Take or renew the site's lease. Raises `SiteBusy` (naming the holder and since when) if another holds it."""
        ...

    def release_lease(self, site: str, holder: str) -> None: ...

    # -- scans
    def begin_scan(
        self, site: str, now: datetime, profile: Profile, tool_version: str, rules_digest: str, config_digest: str
    ) -> ScanRecord: ...

    def running_scan(self, site: str) -> ScanRecord | None:
        """The scan a killed or interrupted process left open, newest first; None if there is none."""
        ...

    def last_activity(self, scan_id: int) -> datetime:
        """When the scan's newest visit was saved, or when it began."""
        ...

    def save_visit(self, scan_id: int, capture: PageCapture, inventory: PageInventory, rules_digest: str) -> None:
        """Save one visit whole: capture and inventory in one transaction. Saving the same page again replaces it."""
        ...

    def save_inventories(self, scan_id: int, inventories: Sequence[PageInventory], rules_digest: str) -> None:
        """Replace inventories after re-matching with other rules."""
        ...

    def finish_scan(
        self,
        scan_id: int,
        state: ScanState,
        now: datetime,
        coverage: Coverage,
        skipped: Sequence[SkippedPage],
        note: str | None = None,
    ) -> ScanRecord: ...

    def scan(self, scan_id: int) -> ScanRecord | None: ...

    def scans(self, site: str, limit: int | None = None) -> tuple[ScanRecord, ...]:
        """Newest first."""
        ...

    def sites(self) -> tuple[str, ...]:
        """Every site ever scanned, sorted."""
        ...

    # -- visits
    def visited_pages(self, scan_id: int) -> frozenset[str]: ...

    def captures(self, scan_id: int, pages: Sequence[str] | None = None) -> Iterator[PageCapture]:
        """Stream the captures that are still kept whole, sorted by page; memory holds one at a time."""
        ...

    def inventories(self, scan_id: int) -> Iterator[tuple[PageInventory, str]]:
        """Stream (inventory, rules digest it was made with), sorted by page."""
        ...

    # -- baseline and approvals
    def approve(self, approval: Approval) -> None:
        """Make a scan the site's baseline and write the audit log, together."""
        ...

    def baseline(self, site: str) -> Approval | None: ...

    def approvals(self, site: str) -> tuple[Approval, ...]:
        """Newest first; never deleted."""
        ...

    # -- upkeep
    def thin(self, site: str, now: datetime, retention: Retention, keep_pages: frozenset[str]) -> int:
        """Drop captures that neither the baseline, the newest scan, nor `keep_pages` need, and scans
        older than the retention. Inventories stay. Returns how many captures went."""
        ...

    def check(self) -> tuple[str, ...]:
        """What is wrong with the store, in words; empty when it is sound (`PRAGMA integrity_check` and the like)."""
        ...

    def close(self) -> None: ...


class Courier(Protocol):
    """Carries one finished message to one recipient."""

    def deliver(self, recipient: str, subject: str, text: str, html: str | None) -> None: ...
