"""One scan of one site: what it covers, what it skipped, and all its pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scanner.model.inventory import PageInventory
from scanner.model.site import Profile


@dataclass(frozen=True, slots=True)
class SkippedPage:
    """An address that was known and not visited, because."""

    url: str
    reason: str
    """robots | out-of-scope | excluded | template-limit | page-limit | depth | duration | not-html | trap |
    stopped | off-site | gone (answers 404 or 410) | redirect (leads to a page that was visited already)"""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a scan can speak about, and what it cannot."""

    planned: int = 0
    ok: int = 0
    partial: int = 0
    failed: int = 0
    blocked: int = 0
    excluded: tuple[tuple[str, int], ...] = ()
    """(reason, how many addresses), sorted."""
    limited_templates: tuple[tuple[str, int], ...] = ()
    """(template, addresses left out) where the pages-per-template limit cut in."""
    unvisited: int = 0
    """Planned but never reached: the scan was stopped."""

    @property
    def visited(self) -> int:
        return self.ok + self.partial + self.failed + self.blocked

    @property
    def ratio(self) -> float:
        """Share of planned pages seen whole, 0 to 1; 0 when nothing was planned."""
        return self.ok / self.planned if self.planned else 0.0


class ScanState(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """Closed without having visited all it planned."""


class ScanKind(StrEnum):
    FULL = "full"
    """Of every page that is known or found."""
    LIGHT = "light"
    """Of a few chosen pages, between two full scans. It speaks of these pages only: it is never a baseline, nothing is
    compared with it, and what it did not visit is as it was."""


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One scan of one site, as the store knows it."""

    id: int
    site: str
    state: ScanState
    started_at: datetime
    ended_at: datetime | None = None
    coverage: Coverage = Coverage()
    skipped: tuple[SkippedPage, ...] = ()
    profile: Profile = Profile()
    tool_version: str = ""
    rules_digest: str = ""
    note: str | None = None
    config_digest: str = ""
    kind: ScanKind = ScanKind.FULL


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The inventories of one scan under one set of rules."""

    scan: ScanRecord
    rules_digest: str
    pages: tuple[PageInventory, ...] = ()
    """Sorted by page."""
