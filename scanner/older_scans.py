"""Which of a site's earlier scans a later one goes by: what saw too little of the site is passed over. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.model import ScanKind, ScanRecord, ScanState

_ENOUGH = 0.5
"""Share of its pages that a scan must have seen whole."""
_AS_WIDE = 0.9
"""Share of the pages of the widest scan that one with a limit must have visited to count as one of the whole site."""
_LATEST = 10
"""Scans among which the widest is looked for: a limit that stays is the site's new measure after so many."""
LIMITS = frozenset({"page-limit", "template-limit", "depth", "duration", "stopped"})
"""Reasons to leave pages out that are the scan's own, and not the site's."""


def best_to_go_by(scans: Sequence[ScanRecord], config_digest: str = "") -> ScanRecord | None:
    """Return the newest complete full scan of `scans` (newest first) that saw the site, and not only a part of it.

    After an outage that is the scan before it; after a scan of a few pages (`--max-pages 5`) the last one of all of
    them, unless the scan that asks is under the same configuration (`config_digest`). Where there is none, the newest
    one that saw any page whole will do; None: there is nothing to go by.
    """
    complete = [one for one in scans if _is_full(one) and one.coverage.ok]
    enough = [one for one in complete if one.coverage.ratio >= _ENOUGH]
    widest = max((one.coverage.visited for one in enough[:_LATEST]), default=0)
    wide = (
        one
        for one in enough
        if not was_limited(one) or one.config_digest == config_digest or one.coverage.visited >= _AS_WIDE * widest
    )
    return next(wide, None) or next(iter(complete), None)


def narrow(scans: Sequence[ScanRecord]) -> frozenset[int]:
    """Return the ids of those of `scans` (newest first) that their own limits kept to a part of the site.

    A person looks at five pages with `--max-pages 5`: that says nothing about how the site is. A limit that stays is
    the site's new measure after some scans.
    """
    complete = [one for one in scans if _is_full(one) and one.coverage.ok]
    found: set[int] = set()
    for at, one in enumerate(complete):
        if was_limited(one):
            before = complete[at + 1 : at + 1 + _LATEST]
            widest = max((earlier.coverage.visited for earlier in before), default=0)
            if one.coverage.visited < _AS_WIDE * widest:
                found.add(one.id)
    return frozenset(found)


def _is_full(scan: ScanRecord) -> bool:
    return scan.state is ScanState.COMPLETE and scan.kind is ScanKind.FULL


def was_limited(scan: ScanRecord) -> bool:
    """Say whether the scan left pages out for its own limits' sake."""
    return any(reason in LIMITS and count for reason, count in scan.coverage.excluded)
