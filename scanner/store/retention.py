"""What may go from a site's history. Pure: both stores carry out the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner.model import Profile, Retention, ScanState


@dataclass(frozen=True, slots=True)
class Past:
    """What the plan needs to know of one scan."""

    scan_id: int
    state: ScanState
    started_at: datetime
    profile: Profile


@dataclass(frozen=True, slots=True)
class Plan:
    whole: frozenset[int]
    """Scans that keep every capture."""
    expired: frozenset[int]
    """Scans that go, but for their pages with findings."""


def plan(scans: Sequence[Past], approved: Sequence[int], now: datetime, retention: Retention) -> Plan:
    """Say what stays of a site's scans (newest first), given its approved scans (newest approval first).

    Whole, because a later comparison needs their captures (both sides are matched with the same rules): every
    running scan, and for each profile the newest finished scan, the newest complete one, and the baseline.
    Expired is what is neither whole, nor among the newest `keep_scans`, nor younger than `keep_days`.
    """
    profiles = {past.scan_id: past.profile for past in scans}
    newest: dict[tuple[Profile, str], int] = {}
    for past in scans:
        if past.state is not ScanState.RUNNING:
            newest.setdefault((past.profile, "finished"), past.scan_id)
        if past.state is ScanState.COMPLETE:
            newest.setdefault((past.profile, "complete"), past.scan_id)
    for scan_id in approved:
        if scan_id in profiles:
            newest.setdefault((profiles[scan_id], "baseline"), scan_id)
    running = {past.scan_id for past in scans if past.state is ScanState.RUNNING}
    whole = running | set(newest.values())
    oldest_kept = now - timedelta(days=retention.keep_days)
    beyond = [past for past in scans if past.state is not ScanState.RUNNING][retention.keep_scans :]
    expired = {past.scan_id for past in beyond if past.scan_id not in whole and past.started_at < oldest_kept}
    return Plan(frozenset(whole), frozenset(expired))
