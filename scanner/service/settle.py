"""The use case "draw the consequences of a finished scan": incidents and messages about them, once for each scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scanner.incidents import update
from scanner.model import Delivery, IncidentChange, ScanRecord, ScanState
from scanner.ports import Store
from scanner.service.compare import Comparison

ComposeFor = Callable[[Comparison, Sequence[IncidentChange]], Sequence[Delivery]]
"""Comparison and its incident changes, with ids → messages. Pure."""


def settle(store: Store, comparison: Comparison, compose: ComposeFor) -> bool:
    """Enter what `comparison` means for the site's incidents, with the messages about it, in one transaction.

    False: another process, or this one before it was killed, has done it already.
    """
    scan = comparison.scan
    if store.is_settled(scan.id):
        return False
    changes = update(
        scan.site,
        store.incidents(scan.site, open_only=True),
        comparison.snapshot,
        comparison.findings,
        comparison.drift,
        comparison.before,
        comparison.approval,
    )
    return store.settle(scan.id, changes, lambda entered: compose(comparison, entered), scan.started_at)


def unsettled(store: Store, site: str) -> tuple[ScanRecord, ...]:
    """Return finished scans whose consequences were never drawn, oldest first: the process was killed in between.

    Scans before the newest settled one are history; of a store that never settled anything only the newest counts.
    """
    left: list[ScanRecord] = []
    for scan in store.scans(site):
        if scan.state is ScanState.RUNNING:
            continue
        if store.is_settled(scan.id):
            return tuple(reversed(left))
        left.append(scan)
    return tuple(left[:1])
