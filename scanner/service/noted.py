"""What reports say of approvals: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reports.model import ReportView
from scanner.service.compare import Comparison

_MOST = 10


def left_out_in_words(comparison: Comparison) -> tuple[str, ...]:
    """One sentence for each approval in force, as a report's caveats; the longest lists are cut and say by how much."""
    entries = comparison.approved.entries if comparison.approved is not None else ()
    told = [f"Left out: {entry.subject}{_where(entry.pages)}, {entry.words.rstrip('.')}." for entry in entries[:_MOST]]
    if len(entries) > _MOST:
        told.append(f"{len(entries) - _MOST} more approvals are in force: tagdrift approvals lists them.")
    return tuple(told)


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
