"""What reports say of approvals: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from reports.model import Names, ReportView
from scanner.model import Identity
from scanner.service.compare import Comparison

_MOST = 10


def left_out_in_words(comparison: Comparison) -> tuple[str, ...]:
    """One sentence for each approval in force, as a report's caveats; the longest lists are cut and say by how much."""
    entries = comparison.approved.entries if comparison.approved is not None else ()
    told = [f"Left out: {entry.subject}{_where(entry.pages)}, {entry.words.rstrip('.')}." for entry in entries[:_MOST]]
    if len(entries) > _MOST:
        told.append(f"{len(entries) - _MOST} more approvals are in force: tagdrift approvals lists them.")
    return tuple(told)


def of_vendors(comparison: Comparison, vendors: Collection[str]) -> Comparison:
    """Return what `comparison` says of these vendors' tags, for people who are told of nothing else."""

    def theirs(identity: Identity) -> bool:
        return identity.tag is not None and identity.tag.vendor in vendors

    found = tuple(one for one in comparison.findings if one.tag is not None and one.tag.vendor in vendors)
    told = {(entry.verdict, entry.identity) for one in found for entry in one.entries}
    drift = comparison.drift
    if drift is not None:
        entries = (
            entry for entry in drift.entries if theirs(entry.identity) or (entry.verdict, entry.identity) in told
        )
        drift = replace(drift, entries=tuple(entries))
    pages = tuple(
        replace(page, sightings=tuple(s for s in page.sightings if theirs(s.identity)))
        for page in comparison.snapshot.pages
    )
    return replace(
        comparison,
        findings=found,
        drift=drift,
        snapshot=replace(comparison.snapshot, pages=pages),
        approved=None,
        left_out=(),
    )


def vendors_in_words(vendors: Collection[str], names: Names) -> tuple[str, ...]:
    """Say in a caveat that the report is not the whole one."""
    known = {vendor: name for (vendor, _product), (name, _) in names.items()}
    told = ", ".join(known.get(vendor, vendor) for vendor in sorted(vendors))
    return (f"This report is about {told} only: whatever else is on the site is told to others.",)


def _where(pages: Sequence[str]) -> str:
    if not pages:
        return ""
    more = f" and {len(pages) - 3} more" if len(pages) > 3 else ""
    return f" on {', '.join(pages[:3])}{more}"


def with_caveats(view: ReportView, caveats: Sequence[str]) -> ReportView:
    """The view with further sentences that limit its verdict."""
    if not caveats:
        return view
    return replace(view, verdict=replace(view.verdict, caveats=(*view.verdict.caveats, *caveats)))
