"""What changed between two scans, and what nobody can tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scanner.model.detection import Category
from scanner.model.inventory import Identity
from scanner.model.visit import Outcome


class Verdict(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class DriftEntry:
    """One identity that appeared, disappeared or changed, with all its pages."""

    verdict: Verdict
    identity: Identity
    pages: tuple[str, ...]
    """Sorted; the pages the verdict is proven for."""
    pages_new: tuple[str, ...] = ()
    """For ADDED: pages that were not in the older scan at all (new pages, not news on old pages)."""
    pages_before: int = 0
    """On how many pages the older scan had it."""
    pages_after: int = 0
    loaders: tuple[str, ...] = ()
    owner: str | None = None
    category: Category = Category.OTHER
    evidence: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    before: str | None = None
    """For CHANGED: the older version."""
    after: str | None = None
    details: tuple[tuple[str, str], ...] = ()
    """Of its sightings, unique, sorted: of the newer scan, for REMOVED of the older."""
    confirmed: bool | None = None
    """True: seen in a second visit, or (REMOVED) missing in two scans. False: seen once, and not when its page was
    visited again; or missing in one scan so far. None: nobody looked twice."""


@dataclass(frozen=True, slots=True)
class Unverified:
    page: str
    outcome: Outcome | None
    """None: the page was not reached in the newer scan."""
    reason: str


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed between two scans of one site, and what nobody can tell."""

    entries: tuple[DriftEntry, ...] = ()
    unverified: tuple[Unverified, ...] = ()
    new_pages: tuple[str, ...] = ()
    gone_pages: tuple[str, ...] = ()
    """Pages of the older scan that no longer exist (404, 410) or are no longer linked."""

    @property
    def empty(self) -> bool:
        """True when nothing appeared, disappeared or changed (unverified pages do not count)."""
        return not self.entries
