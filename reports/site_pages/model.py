"""What the pages are made from, as plain values. Text in them is as scanned pages wrote it, hence hostile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from reports.model import Names
from scanner.model import Approval, ApprovalEvent, Incident, IncidentEntry, ScanRecord, ScanSummary, Severity, TagCount

File = tuple[str, bytes]
"""(path below the directory, with forward slashes; content)."""


@dataclass(frozen=True, slots=True)
class Making:
    """What every page says about its own making."""

    names: Names
    tool_version: str
    generated_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with its history."""

    incident: Incident
    entries: tuple[IncidentEntry, ...] = ()
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """All that the pages of one site are drawn from; no page of the site was read for it."""

    site: str
    start_url: str
    scans: tuple[ScanRecord, ...]
    """Newest first, running ones and light ones among them."""
    counts: Mapping[int, tuple[TagCount, ...]]
    """Scan id → on how many pages each tag was, as far as it is known."""
    summary: ScanSummary | None
    """Of `summary_scan`."""
    summary_scan: ScanRecord | None
    """The newest finished full scan of the whole site."""
    cases: tuple[Case, ...] = ()
    """Newest first."""
    approvals: tuple[Approval, ...] = ()
    """Newest first."""
    log: tuple[ApprovalEvent, ...] = ()
    """What was approved, edited and taken back for this site, newest first."""
    coverage_threshold: float = 0.9
    undrawn: int = 0
    """Full scans of which nobody has made numbers yet."""
    narrow: frozenset[int] = frozenset()
    """Full scans that their own limits kept to a part of the site: they stand in the list of scans and nowhere else."""


class SiteState(StrEnum):
    """How a site stands, worst first."""

    VIOLATIONS = "violations"
    DRIFT = "drift"
    UNVERIFIED = "unverified"
    """Nothing is open, and the last full scan saw too little to say that there is nothing."""
    NEVER = "never"
    QUIET = "quiet"

    @property
    def rank(self) -> int:
        return list(SiteState).index(self)


class DayState(StrEnum):
    """What one day of a site was like."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    THIN = "thin"
    """No incident was open, and no full scan of that day saw enough."""
    QUIET = "quiet"
    NONE = "none"
    """No full scan ended that day and nothing was open."""


@dataclass(frozen=True, slots=True)
class SiteCard:
    """A site on the overview."""

    site: str
    start_url: str
    folder: str
    state: SiteState
    last: ScanRecord | None
    """The newest finished full scan."""
    running: bool
    open: tuple[tuple[Severity, int], ...]
    """Open incidents by severity, worst first; only those there are."""
    days: tuple[tuple[date, DayState], ...]
    """The last 30, oldest first."""
    enough: bool
    """The last full scan came to its end and saw at least the threshold."""

    @property
    def open_count(self) -> int:
        return sum(number for _, number in self.open)


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An open incident on the overview."""

    site: str
    number: int
    path: str
    severity: Severity
    violation: bool
    title: str
    pages: int
    since: datetime


@dataclass(frozen=True, slots=True)
class EvidenceField:
    """One field of a request as the rules read it."""

    field: str
    words: str
    """What it carries: `hashed e-mail addresses`; for an account or event, that."""
    value: str
    """Masked, but for accounts and event names."""


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    address: str
    """Scheme, host and path."""
    method: str
    type: str
    answer: str
    """`200 from 192.0.2.7:443`, or why there was none."""
    fields: tuple[EvidenceField, ...]
    raw: tuple[str, ...]
    """The request line, headers and body, line by line, every value masked."""
    initiators: tuple[tuple[str, str], ...]
    """(kind, where), nearest first."""
    chain: tuple[str, ...]
    """The same in words."""
    started_ms: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One visit of one page that an incident was seen on."""

    page: str
    scan_id: int
    visited_at: datetime
    browser: str | None
    requests: tuple[EvidenceRequest, ...]
    """Those that belong to the incident; the telling ones first."""
    more_requests: int = 0
    """How many others there were."""
    traces: tuple[str, ...] = ()
    """What of it stood in the page without a request, in words."""
    screenshot: bytes | None = None
    """PNG or JPEG."""
    no_screenshot: str = ""
    """Why there is none; a sentence."""
