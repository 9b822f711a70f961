"""What may go from a site's history. Pure: both stores carry out the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner.model import Profile, Retention, ScanKind, ScanRecord, ScanState
from scanner.older_scans import best_to_go_by

LIGHT_DAYS = 30
"""Light scans may come every few minutes: older ones go, but for the evidence of incidents."""


@dataclass(frozen=True, slots=True)
class Plan:
    whole: frozenset[int]
    """Scans that keep every capture."""
    expired: frozenset[int]
    """Scans that go, but for the evidence of incidents."""


def plan(scans: Sequence[ScanRecord], approved: Sequence[int], now: datetime, retention: Retention) -> Plan:
    """Say what stays of a site's scans (newest first), given its approved scans (newest approval first).

    Whole, because a later comparison needs their captures (both sides are matched with the same rules): every
    running scan, and for each profile the newest finished scan of each kind, the newest complete full one, the newest
    one that saw the whole site (not one of a few pages, nor of an outage), and the baseline. Expired is what is neither
    whole, nor among the newest `keep_scans`, nor younger than `keep_days`. Light scans take no full scan's place among
    the newest; they expire after `LIGHT_DAYS`, or `keep_days` if less.
    """
    profiles = {past.id: past.profile for past in scans}
    newest: dict[tuple[Profile, str], int] = {}
    for past in scans:
        if past.state is not ScanState.RUNNING:
            newest.setdefault((past.profile, f"finished {past.kind}"), past.id)
        if past.state is ScanState.COMPLETE and past.kind is ScanKind.FULL:
            newest.setdefault((past.profile, "complete"), past.id)
    for profile in set(profiles.values()):
        to_go_by = best_to_go_by([past for past in scans if past.profile == profile])
        if to_go_by is not None:
            newest[profile, "to go by"] = to_go_by.id
    for scan_id in approved:
        if scan_id in profiles:
            newest.setdefault((profiles[scan_id], "baseline"), scan_id)
    running = {past.id for past in scans if past.state is ScanState.RUNNING}
    whole = running | set(newest.values())
    oldest_kept = now - timedelta(days=retention.keep_days)
    finished = [past for past in scans if past.state is not ScanState.RUNNING]
    beyond = [past for past in finished if past.kind is ScanKind.FULL][retention.keep_scans :]
    expired = {past.id for past in beyond if past.id not in whole and past.started_at < oldest_kept}
    oldest_light = now - timedelta(days=min(LIGHT_DAYS, retention.keep_days))
    light = (past for past in finished if past.kind is ScanKind.LIGHT and past.started_at < oldest_light)
    expired |= {past.id for past in light if past.id not in whole}
    return Plan(frozenset(whole), frozenset(expired))
