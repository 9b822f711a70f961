"""How a site stands, now and on each of the last days. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from reports.site_pages.model import Case, DayState, OpenIncident, SiteCard, SiteHistory, SiteState
from reports.site_pages.names import incident_path, site_folder
from scanner.model import Incident, IncidentState, ScanKind, ScanRecord, ScanState, Severity

DAYS = 30


def finished_full(scans: Iterable[ScanRecord], narrow: frozenset[int] = frozenset()) -> list[ScanRecord]:
    """The scans that can speak for the whole site, in their order; `narrow` ones cannot."""
    return [
        scan
        for scan in scans
        if scan.kind is ScanKind.FULL and scan.state is not ScanState.RUNNING and scan.id not in narrow
    ]


def saw_enough(scan: ScanRecord, threshold: float) -> bool:
    """Say whether silence in this scan means anything."""
    return scan.state is ScanState.COMPLETE and scan.coverage.ok > 0 and scan.coverage.ratio >= threshold


def open_cases(cases: Iterable[Case]) -> list[Case]:
    return [case for case in cases if case.incident.state is IncidentState.OPEN]


def card_of(history: SiteHistory, now: datetime) -> SiteCard:
    """Return what the overview says of a site; `now` is the last of the days."""
    last = next(iter(finished_full(history.scans, history.narrow)), None)
    is_open = open_cases(history.cases)
    severities = Counter(case.incident.finding.severity for case in is_open)
    enough = last is not None and saw_enough(last, history.coverage_threshold)
    if any(case.incident.finding.violation for case in is_open):
        state = SiteState.VIOLATIONS
    elif is_open:
        state = SiteState.DRIFT
    elif last is None:
        state = SiteState.NEVER
    else:
        state = SiteState.QUIET if enough else SiteState.UNVERIFIED
    return SiteCard(
        site=history.site,
        start_url=history.start_url,
        folder=site_folder(history.site),
        state=state,
        last=last,
        running=any(scan.state is ScanState.RUNNING for scan in history.scans),
        open=tuple((severity, severities[severity]) for severity in Severity if severities[severity]),
        days=tuple(days_of(history, now)),
        enough=enough,
    )


def days_of(history: SiteHistory, now: datetime) -> Iterable[tuple[date, DayState]]:
    """Yield each of the last days, oldest first, in UTC."""
    today = now.astimezone(UTC).date()
    scanned: dict[date, bool] = defaultdict(bool)
    for scan in finished_full(history.scans, history.narrow):
        scanned[scan.started_at.astimezone(UTC).date()] |= saw_enough(scan, history.coverage_threshold)
    windows = [(open_days(case.incident, today), case.incident.finding.severity) for case in history.cases]
    for back in range(DAYS - 1, -1, -1):
        day = today - timedelta(days=back)
        worst = min((severity.rank for (first, last), severity in windows if first <= day <= last), default=None)
        if worst is not None:
            yield day, DayState(list(Severity)[min(worst, Severity.LOW.rank)].value)
        elif day in scanned:
            yield day, DayState.QUIET if scanned[day] else DayState.THIN
        else:
            yield day, DayState.NONE


def open_days(incident: Incident, today: date) -> tuple[date, date]:
    """First and last day on which an incident was there, as far as scans have seen it."""
    first = incident.first_seen_at.astimezone(UTC).date()
    if incident.state is IncidentState.OPEN:
        return first, today
    return first, incident.last_seen_at.astimezone(UTC).date()


def open_incidents(history: SiteHistory) -> list[OpenIncident]:
    """Return the site's open incidents for the overview."""
    return [
        OpenIncident(
            site=history.site,
            number=case.incident.id,
            path=incident_path(history.site, case.incident.id),
            severity=case.incident.finding.severity,
            violation=case.incident.finding.violation,
            title=case.incident.finding.title,
            pages=len(case.incident.finding.pages),
            since=case.incident.first_seen_at,
        )
        for case in open_cases(history.cases)
    ]


def worst_first(incidents: Sequence[OpenIncident]) -> list[OpenIncident]:
    return sorted(incidents, key=lambda one: (not one.violation, one.severity.rank, -one.pages, one.site, one.number))
