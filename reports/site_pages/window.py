"""An incident's exposure window: between which moments it began and ended, as far as scans can tell. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports import words
from scanner.model import Incident, IncidentState


@dataclass(frozen=True, slots=True)
class ExposureWindow:
    absent_before: datetime | None
    """The last scan that saw its pages whole without it; None: no scan ever did."""
    first_seen: datetime
    last_seen: datetime
    absent_after: datetime | None
    """The first scan that saw its pages whole without it again; None: none yet, or it was approved."""
    began: str
    """A sentence."""
    ended: str
    """A sentence."""


def window_of(incident: Incident) -> ExposureWindow:
    """Return both bounds at either end, as times and in words."""
    gone = incident.closed_at if incident.state is IncidentState.CLOSED else None
    first, last = words.minute(incident.first_seen_at), words.minute(incident.last_seen_at)
    if incident.last_absent_at is None:
        began = f"It was there on {first}, when it was first seen; no scan ever saw these pages whole without it."
    else:
        began = f"It began between {words.minute(incident.last_absent_at)}, last seen absent, and {first}, first seen."
    if gone is not None:
        ended = f"It ended between {last}, last seen, and {words.minute(gone)}, first seen absent again."
    elif incident.state is IncidentState.ACCEPTED and incident.closed_at is not None:
        ended = f"It was last seen on {last} and was approved on {words.minute(incident.closed_at)}."
    elif incident.absent_scans:
        ended = f"It was last seen on {last}; one full scan since then has not seen it, and a second one has to agree."
    else:
        ended = f"It was last seen on {last}, and nothing says that it has gone."
    return ExposureWindow(
        absent_before=incident.last_absent_at,
        first_seen=incident.first_seen_at,
        last_seen=incident.last_seen_at,
        absent_after=gone,
        began=began,
        ended=ended,
    )
