"""What a report says, as frozen values; every format is a rendering of one `ReportView`.

The values hold everything: it is the renderers that cap long lists, and they say so where they do.
Text is as the scanned pages wrote it, hence hostile; renderers make it harmless (`reports.escape`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scanner.model import (
    Approval,
    Category,
    Coverage,
    DriftEntry,
    Finding,
    Outcome,
    PageInventory,
    ScanRecord,
    TagKey,
)

Names = Mapping[tuple[str, str], tuple[str, str]]
"""(vendor id, product id) → (vendor name, product name)."""


class ReportState(StrEnum):
    CLEAN = "clean"
    DRIFT = "drift"
    VIOLATIONS = "violations"
    UNVERIFIED = "unverified"
    """Nothing was found, and too little was seen to say that there is nothing."""
    FIRST_SCAN = "first-scan"


@dataclass(frozen=True, slots=True)
class VerdictView:
    state: ReportState
    sentence: str
    """One sentence; the first thing anybody reads."""
    caveats: tuple[str, ...] = ()
    """Whole sentences that limit it: what was not seen, what was left out."""


@dataclass(frozen=True, slots=True)
class Sends:
    """One kind of information, and the fields that carry it."""

    kind: str
    form: str
    """plain | hashed | encoded | encrypted; empty when unknown."""
    words: str
    """`hashed e-mail addresses`"""
    fields: tuple[str, ...]
    """Sorted."""
    left: bool = True
    """False: nothing of it was seen to leave the browser, which stopped the attempt or never made it."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as an example, with nothing in it that could name a person."""

    address: str
    """Scheme, host and path."""
    parameters: tuple[tuple[str, str], ...]
    """(name, masked value) in the request's order."""


@dataclass(frozen=True, slots=True)
class PageGroup:
    template: str
    """The addresses' common shape (`/doctors/{slug}`); empty when unknown."""
    pages: tuple[str, ...]
    """Sorted."""


@dataclass(frozen=True, slots=True)
class FindingView:
    finding: Finding
    name: str
    """`Pinterest Tag 2612…`, or the finding's title when no tag is concerned."""
    vendor: str | None
    """The vendor's name; None when no tag is concerned."""
    product: str | None
    pages_seen: int
    """What `finding.pages` are a part of: the pages of which anything was seen."""
    groups: tuple[PageGroup, ...]
    """The finding's pages by template, most pages first."""
    since: tuple[str, ...]
    """Whole sentences: between which scans it came or went."""
    sends: tuple[Sends, ...]
    """Worst first."""
    request: RequestView | None
    """None when no request was kept as an example."""
    standing: bool = False
    """It was there before as well: told for the policy's sake, not as news."""
    once: bool = False
    """Seen once, and not when its pages were visited again at once: it was there, and may never be again."""


@dataclass(frozen=True, slots=True)
class TagView:
    """One tag of the inventory."""

    key: TagKey
    vendor: str
    product: str
    category: Category
    owner: str | None
    pages: tuple[str, ...]
    """Sorted."""
    events: tuple[tuple[str, int], ...]
    """(event, on how many pages), most pages first."""
    sends: tuple[Sends, ...]
    fields: tuple[tuple[str, str], ...]
    """(exposure kind, field), sorted."""
    first_party: bool
    """It collects on the site's own hosts."""
    evidence: tuple[str, ...]
    loaders: tuple[str, ...]
    features: tuple[str, ...]
    endpoints: tuple[str, ...]

    @property
    def sent(self) -> bool:
        """Something was seen to leave the browser, and not only a trace of the tag in the page."""
        return "request" in self.evidence


@dataclass(frozen=True, slots=True)
class VendorView:
    vendor: str
    name: str
    tags: tuple[TagView, ...]


@dataclass(frozen=True, slots=True)
class OtherView:
    """A third party, script, cookie or tag inside a container."""

    subject: str
    owner: str | None
    category: Category
    tag: str | None
    """The tag it belongs to, in words; None when nobody claims it."""
    pages: int
    versions: int
    """How many different contents a script had."""
    loaders: tuple[str, ...] = ()
    """Who loaded it, or set it, nearest first."""


@dataclass(frozen=True, slots=True)
class InventoryView:
    vendors: tuple[VendorView, ...] = ()
    """Most pages first."""
    third_parties: tuple[OtherView, ...] = ()
    scripts: tuple[OtherView, ...] = ()
    cookies: tuple[OtherView, ...] = ()
    container_tags: tuple[OtherView, ...] = ()

    @property
    def tags(self) -> tuple[TagView, ...]:
        return tuple(tag for vendor in self.vendors for tag in vendor.tags)


@dataclass(frozen=True, slots=True)
class UnverifiedGroup:
    outcome: Outcome | None
    """None: not reached in this scan."""
    reason: str
    """In words."""
    pages: tuple[str, ...]
    """Sorted."""


@dataclass(frozen=True, slots=True)
class ReportView:
    site: str
    start_url: str
    scan: ScanRecord
    baseline: ScanRecord | None
    approval: Approval | None
    """Given when the baseline is an approved state and not merely the previous scan."""
    verdict: VerdictView
    appeared: tuple[FindingView, ...]
    """Worst first: what appeared; on a first scan, what stands out."""
    changed: tuple[FindingView, ...]
    removed: tuple[FindingView, ...]
    other_changes: tuple[DriftEntry, ...]
    """Drift that no finding speaks of."""
    unverified: tuple[UnverifiedGroup, ...]
    """Most pages first."""
    new_pages: tuple[str, ...]
    gone_pages: tuple[str, ...]
    coverage: Coverage
    inventory: InventoryView
    pages: tuple[PageInventory, ...]
    """Sorted by page."""
    names: Names
    generated_at: datetime
    tool_version: str
    once: tuple[FindingView, ...] = ()
    """What was seen once and is not confirmed."""
    standing: tuple[FindingView, ...] = ()
    """What is there against the policy, and was before."""
    scan_hash: str | None = None
    """Of the scan's link in the store's hash chain; None: nobody asked for it."""

    @property
    def present(self) -> tuple[FindingView, ...]:
        """All but what disappeared, in the report's order."""
        return self.appeared + self.changed + self.once + self.standing

    @property
    def findings(self) -> tuple[FindingView, ...]:
        """All of them, in the report's order."""
        return self.present + self.removed

    @property
    def unverified_count(self) -> int:
        return sum(len(group.pages) for group in self.unverified)
