"""What a person should look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scanner.model.detection import Category, TagKey
from scanner.model.drift import DriftEntry, Verdict


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should look at: a tag's drift with all its consequences in one place."""

    key: str
    """Stable between scans: the same trouble has the same key."""
    severity: Severity
    verdict: Verdict
    title: str
    """One sentence, e.g. `Pinterest Tag 2612… appeared on 14 pages`."""
    tag: TagKey | None
    owner: str | None
    category: Category
    pages: tuple[str, ...]
    loaders: tuple[str, ...] = ()
    sends: tuple[tuple[str, str], ...] = ()
    """(exposure kind, field path), sorted: what it carries."""
    events: tuple[str, ...] = ()
    entries: tuple[DriftEntry, ...] = ()
    reason: str = ""
    """Why this severity."""
    violation: bool = False
    """Breaks a policy rule, whatever the baseline says."""
    rule: str | None = None
    """The policy rule that decided."""
    confirmed: bool | None = None
    """As `DriftEntry.confirmed`, for the finding as a whole."""
    seen_in: tuple[int, int] | None = None
    """(scans that saw it, scans that could tell), of the last ten, this one included; None: not counted."""
    comes_and_goes: bool = False
    """Seen on a share of visits: A/B tests, sampling."""
    cause: str = ""
    """Who brought it, in words; empty when nothing tells."""
    also_changed: tuple[str, ...] = ()
    """What else is new or different on its pages since the older scan, in words: scripts, containers, hosts."""
