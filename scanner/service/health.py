"""Is anybody still looking? What the scans of a site say about themselves, and the notices about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from reports import words
from reports.mail import Notice
from scanner.model import ScanKind, ScanRecord, ScanState, SiteConfig
from scanner.older_scans import narrow


class HealthState(StrEnum):
    WELL = "well"
    THIN = "thin"
    """Fewer pages were seen whole than the coverage threshold asks for."""
    BLOCKED = "blocked"
    """Mostly because a bot wall, a captcha or a login page stood in front of them."""
    FAILED = "failed"
    """No page was seen whole."""
    OVERDUE = "overdue"
    """The last finished scan is too long ago."""
    NEVER = "never"
    """There is no finished scan."""


@dataclass(frozen=True, slots=True)
class SiteHealth:
    site: str
    state: HealthState
    last: ScanRecord | None
    """The newest finished scan."""
    since: ScanRecord | None
    """The first scan of the present run of bad ones; None when the last one was well."""
    recovered: bool = False
    """The last scan is well, and the one before it was not."""
    last_well: ScanRecord | None = None


def state_of(scan: ScanRecord, threshold: float) -> HealthState:
    """Judge one finished scan by its coverage; `threshold` is a share of the planned pages, 0 to 1."""
    coverage = scan.coverage
    if coverage.ok and coverage.ratio >= threshold:
        return HealthState.WELL
    if coverage.blocked * 2 >= max(coverage.planned - coverage.ok, 1):
        return HealthState.BLOCKED
    return HealthState.THIN if coverage.ok else HealthState.FAILED


def site_health(
    site: SiteConfig, scans: Sequence[ScanRecord], now: datetime | None = None, overdue_after: timedelta | None = None
) -> SiteHealth:
    """Return the health of `site` by its scans, newest first; with `now` also whether they have stopped."""
    # A light scan sees too little to vouch for a site, and so does one of five pages that somebody made by hand.
    few = narrow(scans)
    finished = [
        scan
        for scan in scans
        if scan.state is not ScanState.RUNNING and scan.kind is ScanKind.FULL and scan.id not in few
    ]
    if not finished:
        return SiteHealth(site.name, HealthState.NEVER, None, None)
    states = [state_of(scan, site.coverage_threshold) for scan in finished]
    bad = next((n for n, state in enumerate(states) if state is HealthState.WELL), len(states))
    last = finished[0]
    state = states[0]
    if now is not None and overdue_after is not None and now - (last.ended_at or last.started_at) > overdue_after:
        state = HealthState.OVERDUE
    return SiteHealth(
        site=site.name,
        state=state,
        last=last,
        since=finished[bad - 1] if bad else None,
        recovered=states[0] is HealthState.WELL and len(states) > 1 and states[1] is not HealthState.WELL,
        last_well=finished[bad] if bad < len(finished) else None,
    )


def alert_key(health: SiteHealth) -> str:
    """Name the state: as long as it lasts the key is the same, so that it is told once."""
    first = health.since or health.last
    since = f"scan {first.id} of {first.started_at.isoformat()}" if first else "the beginning"
    return f"health of {health.site}: {health.state} since {since}"


def heartbeat_key(site: str, at: datetime, every: timedelta) -> str:
    """Name the span of time that `at` lies in: one heartbeat each. Weeks begin on Mondays, UTC."""
    monday = datetime(1970, 1, 5, tzinfo=UTC)
    return f"heartbeat of {site}: {(at - monday) // every} of {every.total_seconds():.0f} s"


def sentence(health: SiteHealth) -> str:
    """Say how the site's scans are, in one line."""
    last = health.last
    if last is None:
        return "no scan has ever been finished"
    pages = f"{last.coverage.ok:,} of {words.count(last.coverage.planned, 'page')} seen whole"
    when = words.minute(last.ended_at or last.started_at)
    match health.state:
        case HealthState.OVERDUE:
            return f"no scan since {when}"
        case HealthState.BLOCKED:
            return f"the site blocks the scan: {pages}"
        case HealthState.FAILED:
            return f"the site cannot be scanned: {pages}"
        case HealthState.THIN:
            return f"too few pages can be seen: {pages}"
        case _:
            return f"{pages}, {when}"


_ADVICE = {
    HealthState.OVERDUE: "Does cron or `tagdrift run` still run? `tagdrift doctor` checks the machine.",
    HealthState.NEVER: "Is cron or `tagdrift run` set up? `tagdrift doctor` checks the machine.",
    HealthState.BLOCKED: "Ask whoever runs the site to let the scanner in, or give it a session (`storage_state`).",
    HealthState.FAILED: "Does the site answer? `tagdrift report` says what went wrong on each page.",
    HealthState.THIN: "`tagdrift report` says which pages could not be seen and why.",
}


def alert(health: SiteHealth) -> Notice:
    """Return the notice that nobody can vouch for the site at the moment."""
    said = sentence(health)
    facts = _facts(health.last)
    if health.last_well is not None:
        facts += (("Last good scan", words.minute(health.last_well.started_at)),)
    return Notice(
        subject=f"[Not watched] {health.site}: {said}",
        tone="high",
        label="Not watched",
        headline=f"{health.site}: {said}",
        sentences=("Until this is mended, silence about the site means nothing: a tag could come back unseen.",),
        facts=facts,
        hint=_ADVICE[health.state],
    )


def cannot_run(site: str, why: str) -> Notice:
    """Return the notice that a scan could not even begin."""
    return Notice(
        subject=f"[Not watched] {site}: the scan could not run",
        tone="high",
        label="Not watched",
        headline=f"{site}: the scan could not run",
        sentences=("Until this is mended, silence about the site means nothing: a tag could come back unseen.",),
        facts=(("Why", why),),
        hint="`tagdrift doctor` checks the machine.",
    )


def recovery(health: SiteHealth) -> Notice:
    said = sentence(health)
    return Notice(
        subject=f"[Watched again] {health.site}: {said}",
        tone="good",
        label="Watched again",
        headline=f"{health.site} can be scanned again: {said}",
        facts=_facts(health.last),
    )


def heartbeat(health: SiteHealth, every: timedelta) -> Notice:
    last = health.last
    pages = f"{last.coverage.ok:,} of {words.count(last.coverage.planned, 'page')}" if last else "no page"
    return Notice(
        subject=f"[All is well] {health.site}: no incident, {pages} seen whole",
        tone="good",
        label="All is well",
        headline=f"{health.site}: no incident is open",
        facts=_facts(last),
        hint=f"This message comes every {_span(every)} while all is well, so that you know that somebody is looking.",
    )


def _facts(last: ScanRecord | None) -> tuple[tuple[str, str], ...]:
    if last is None:
        return ()
    c = last.coverage
    troubles = ((c.partial, "seen in part"), (c.failed, "failed"), (c.blocked, "blocked"), (c.unvisited, "not reached"))
    rest = "".join(f", {number:,} {what}" for number, what in troubles if number)
    return (
        ("Last scan", words.minute(last.started_at)),
        ("Coverage", f"{c.ok:,} of {words.count(c.planned, 'page')} seen whole ({words.percent(c.ratio)}){rest}"),
    )


def _span(every: timedelta) -> str:
    hours = round(every.total_seconds() / 3600)
    if hours % 24:
        return words.count(hours, "hour")
    return "day" if hours == 24 else words.count(hours // 24, "day")
