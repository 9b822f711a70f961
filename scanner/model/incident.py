"""A finding's life, from the scan that found it to the one that found it gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scanner.model.finding import Finding
from scanner.model.inventory import Identity


class IncidentState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    """No longer there: its pages were seen whole without it, twice."""
    ACCEPTED = "accepted"
    """Somebody approved a state that has it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong on a site, from the scan that found it to the one that found it gone.

    The exposure window has two bounds at either end: between `last_absent_at` and `first_seen_at` it began,
    between `last_seen_at` and `closed_at` it ended.
    """

    id: int
    """Given by the store; 0 until it is saved."""
    site: str
    finding: Finding
    """As last seen, with all pages, fields and events seen so far."""
    state: IncidentState
    identities: tuple[Identity, ...]
    """What has to be absent for the incident to be over, sorted by `sort_key`. Empty: a single event, such as a
    changed script, that is over with the next full scan."""
    opened_scan: int
    first_seen_at: datetime
    last_seen_at: datetime
    last_absent_at: datetime | None = None
    """When a scan last saw its pages whole without it; None: no scan ever did."""
    closed_at: datetime | None = None
    """When a scan first saw all its pages whole without it (closed) or when it was approved (accepted)."""
    last_scan: int = 0
    absent_scans: int = 0
    """Full scans in a row that saw all its pages whole without it."""
    seen_scans: int = 1
    confirmed: bool = True
    """False: seen once, and not again when its pages were visited a second time."""
    told_at: datetime | None = None
    """When a message about it was last put into the outbox."""
    recent: tuple[bool, ...] = ()
    """Whether each of the last ten full scans that could tell saw it, oldest first."""
    comes_and_goes: bool = False
    """It was missing on pages seen whole and came back: one or two scans without it prove nothing."""
    last_seen_scan: int = 0
    """The newest scan that saw it; 0: entered before this was kept."""
    evidence_scans: tuple[int, ...] = ()
    """Scans whose captures of its pages are kept: where it opened and where it became worse."""


class IncidentChangeKind(StrEnum):
    OPENED = "opened"
    WORSENED = "worsened"
    UPDATED = "updated"
    """Seen again, nothing new about it."""
    CLOSED = "closed"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class IncidentChange:
    kind: IncidentChangeKind
    incident: Incident
    reasons: tuple[str, ...] = ()
    """For WORSENED: in words, e.g. `on 3 more pages`, `also sends phone numbers`."""


@dataclass(frozen=True, slots=True)
class IncidentEntry:
    """One line of an incident's history."""

    incident_id: int
    scan_id: int
    at: datetime
    """When the scan began."""
    kind: IncidentChangeKind
    reasons: tuple[str, ...] = ()
