"""The use case "draw the consequences of a finished scan": incidents and messages about them, once for each scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from reports.mail import News, Told
from scanner.incidents import update
from scanner.model import Delivery, IncidentChange, IncidentState, ScanRecord, ScanState
from scanner.ports import Store
from scanner.service.compare import Comparison


class Tells(Protocol):
    """Says what is news, and makes the messages about it. Pure."""

    def news(self, change: IncidentChange, at: datetime) -> News | None: ...

    def messages(self, comparison: Comparison, told: Sequence[Told], open_count: int) -> Sequence[Delivery]:
        """`told` is what is news; `open_count` says how many incidents of the site are open now."""
        ...


def settle(store: Store, comparison: Comparison, teller: Tells | None = None) -> bool:
    """Enter what `comparison` means for the site's incidents, with the messages about it, in one transaction.

    Without a `teller` nobody is told. False: another process, or this one before it was killed, has done it already.
    """
    scan = comparison.scan
    if store.is_settled(scan.id):
        return False
    everything = store.incidents(scan.site)
    known = tuple(one for one in everything if one.state is IncidentState.OPEN)
    changes = update(
        scan.site,
        known,
        comparison.snapshot,
        comparison.findings,
        comparison.drift,
        comparison.before,
        comparison.approval,
        tuple(one for one in everything if one.state is IncidentState.CLOSED),
        comparison.approved,
    )
    if teller is None:
        return store.settle(scan.id, changes, lambda _entered: (), scan.started_at)
    news = [teller.news(change, scan.started_at) for change in changes]
    marked = [
        replace(change, incident=replace(change.incident, told_at=scan.started_at)) if one else change
        for change, one in zip(changes, news, strict=True)
    ]

    def compose(entered: Sequence[IncidentChange]) -> Sequence[Delivery]:
        told = [
            Told(one, change.incident, change.reasons)
            for change, one in zip(entered, news, strict=True)
            if one is not None
        ]
        now_open = {incident.id for incident in known}
        for change in entered:
            (now_open.add if change.incident.state is IncidentState.OPEN else now_open.discard)(change.incident.id)
        return teller.messages(comparison, told, len(now_open))

    return store.settle(scan.id, marked, compose, scan.started_at)


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
