"""Which tag was on how many pages over time: the numbers behind the lanes of a site's timeline. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from reports.inventory import tag_name, tag_words
from reports.model import Names
from reports.site_pages.model import Case, SiteHistory
from reports.site_pages.state import finished_full, saw_enough
from scanner.model import (
    Category,
    IncidentState,
    Profile,
    ScanRecord,
    Severity,
    TagCount,
    TagKey,
)

MOST_LANES = 30
"""Drawn; the table beside them has all, up to `_MOST_ROWS`."""
_MOST_ROWS = 200
Share = Callable[[datetime], float]


@dataclass(frozen=True, slots=True)
class Step:
    """A run of scans with the same numbers; `left` and `right` are shares of the time shown, 0 to 1."""

    left: float
    right: float
    pages: int
    sent: int


@dataclass(frozen=True, slots=True)
class Window:
    """How long an incident lasted."""

    case: Case
    left: float
    right: float
    open: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One tag, or what belongs to no tag."""

    key: TagKey | None
    name: str
    vendor: str
    category: Category
    steps: tuple[Step, ...]
    peak: int
    pages_now: int
    """In the newest scan."""
    sent_now: int
    scans: int
    """In how many scans it was."""
    first: datetime | None
    last: datetime | None
    windows: tuple[Window, ...] = ()

    @property
    def tone(self) -> str:
        """Class of its colour: the severity of the worst open incident, `past` for closed ones, else `calm`."""
        is_open = [window.case.incident.finding.severity for window in self.windows if window.open]
        if is_open:
            return min(is_open, key=lambda severity: severity.rank).value
        return "past" if self.windows else "calm"


@dataclass(frozen=True, slots=True)
class Mark:
    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Timeline:
    profile: str
    """Which visitor; empty when there is only one."""
    began: datetime
    ended: datetime
    scans: int
    seen_now: int
    """Pages of which anything was seen in the newest scan."""
    lanes: tuple[Lane, ...]
    more_lanes: int
    thin: tuple[tuple[float, float], ...]
    """Where scans saw too little: fewer pages then do not mean that a tag went."""
    approvals: tuple[Mark, ...]
    rules: tuple[Mark, ...]
    """Where the rules changed between two scans, so that numbers may jump without the site having changed."""
    ticks: tuple[Mark, ...]
    """Days or months along the time shown."""


@dataclass(slots=True)
class _Drawing:
    counts: list[tuple[float, float, TagCount]] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)


def timelines(history: SiteHistory, names: Names, *, only: TagKey | None = None) -> tuple[Timeline, ...]:
    """Return a timeline for each kind of visitor that scanned the site, the newest first, at most three.

    `only`: the lane of this tag alone.
    """
    full = finished_full(history.scans, history.narrow)
    scans = [scan for scan in reversed(full) if scan.id in history.counts]
    visitors = list(dict.fromkeys(scan.profile for scan in reversed(scans)))[:3]
    return tuple(
        _timeline(
            history,
            [scan for scan in scans if scan.profile == visitor],
            names,
            visitor_words(visitor) if len(visitors) > 1 else "",
            only,
        )
        for visitor in visitors
    )


def visitor_words(profile: Profile) -> str:
    """`desktop visitor, consent accepted, with Global Privacy Control`."""
    consent = {"none": "consent banner left alone", "accepted": "consent accepted", "rejected": "consent rejected"}
    parts = [f"{profile.device.value} visitor", consent[profile.consent.value]]
    return ", ".join(parts + (["with Global Privacy Control"] if profile.gpc else []))


def _timeline(
    history: SiteHistory, scans: Sequence[ScanRecord], names: Names, profile: str, only: TagKey | None
) -> Timeline:
    began, ended = scans[0].started_at, scans[-1].started_at + _usual_gap(scans)
    span = ended - began

    def share(moment: datetime) -> float:
        return min(max((moment - began) / span, 0.0), 1.0)

    edges = [share(scan.started_at) for scan in scans] + [1.0]
    drawings: dict[TagKey, _Drawing] = {}
    for number, scan in enumerate(scans):
        for count in history.counts[scan.id]:
            if only is None or count.tag == only:
                drawing = drawings.setdefault(count.tag, _Drawing())
                drawing.counts.append((edges[number], edges[number + 1], count))
                drawing.times.append(scan.started_at)
    windows = _windows(history.cases, share, began)
    categories = {picture.tag: picture.category for picture in history.summary.pictures} if history.summary else {}
    lanes = [
        _lane(key, drawing, names, categories.get(key), windows.pop(key, []), scans[-1])
        for key, drawing in drawings.items()
    ]
    lanes.sort(key=_order)
    if only is None and (others := [window for own in windows.values() for window in own]):
        lanes.append(_lane_of_others(others))
    thin = [saw_enough(scan, history.coverage_threshold) for scan in scans]
    return Timeline(
        profile=profile,
        began=began,
        ended=scans[-1].started_at,
        scans=len(scans),
        seen_now=scans[-1].coverage.ok + scans[-1].coverage.partial,
        lanes=tuple(lanes[:_MOST_ROWS]),
        more_lanes=max(len(lanes) - _MOST_ROWS, 0),
        thin=tuple(_joined((edges[n], edges[n + 1]) for n, enough in enumerate(thin) if not enough)),
        approvals=tuple(
            Mark(share(approval.at), f"approved by {approval.who}: {approval.why}")
            for approval in reversed(history.approvals)
            if approval.at >= began
        ),
        rules=tuple(
            Mark(share(after.started_at), "tagdrift's rules changed here")
            for before, after in pairwise(scans)
            if before.rules_digest != after.rules_digest
        ),
        ticks=tuple(Mark(share(tick), told) for tick, told in _ticks(began, scans[-1].started_at)),
    )


def _usual_gap(scans: Sequence[ScanRecord]) -> timedelta:
    gaps_s = [(after.started_at - before.started_at).total_seconds() for before, after in pairwise(scans)]
    return timedelta(seconds=max(median(gaps_s), 60)) if gaps_s else timedelta(days=1)


def _lane(
    key: TagKey,
    drawing: _Drawing,
    names: Names,
    category: Category | None,
    windows: list[Window],
    newest: ScanRecord,
) -> Lane:
    now = drawing.counts[-1][2] if drawing.times[-1] == newest.started_at else TagCount(key, 0)
    known = next((window.case.incident.finding.category for window in windows), Category.OTHER)
    return Lane(
        key=key,
        name=tag_name(key, names),
        vendor=tag_words(key, names)[0],
        category=category or known,
        steps=_steps(drawing.counts),
        peak=max(count.pages for _, _, count in drawing.counts),
        pages_now=now.pages,
        sent_now=now.sent,
        scans=len(drawing.times),
        first=drawing.times[0],
        last=drawing.times[-1],
        windows=tuple(windows),
    )


def _lane_of_others(windows: list[Window]) -> Lane:
    ordered = tuple(sorted(windows, key=lambda window: (window.left, window.case.incident.id)))
    return Lane(None, "Other incidents", "", Category.OTHER, (), 0, 0, 0, 0, None, None, ordered)


def _steps(counts: Sequence[tuple[float, float, TagCount]]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for left, right, count in counts:
        last = steps[-1] if steps else None
        if last and (last.right, last.pages, last.sent) == (left, count.pages, count.sent):
            steps[-1] = Step(last.left, right, last.pages, last.sent)
        else:
            steps.append(Step(left, right, count.pages, count.sent))
    return tuple(steps)


def _windows(cases: Sequence[Case], share: Share, began: datetime) -> dict[TagKey | None, list[Window]]:
    """Incidents by tag; those that were over before the time shown are left out."""
    found: dict[TagKey | None, list[Window]] = {}
    for case in reversed(cases):
        incident = case.incident
        is_open = incident.state is IncidentState.OPEN
        if not is_open and incident.last_seen_at < began:
            continue
        right = 1.0 if is_open else share(incident.last_seen_at)
        window = Window(case, share(incident.first_seen_at), right, is_open)
        found.setdefault(incident.finding.tag, []).append(window)
    return found


def _order(lane: Lane) -> tuple[int, bool, int, int, str]:
    """What somebody has to look at, then what is there, the worst category first."""
    severities = [window.case.incident.finding.severity.rank for window in lane.windows if window.open]
    worst = min(severities, default=len(Severity))
    return (worst, not lane.pages_now, list(Category).index(lane.category), -lane.peak, lane.name)


def _joined(stretches: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for left, right in stretches:
        if joined and joined[-1][1] == left:
            joined[-1] = (joined[-1][0], right)
        else:
            joined.append((left, right))
    return joined


_MOST_TICKS = 12
_LONGEST_IN_DAYS = 100
"""A longer time is told in months."""


def _ticks(began: datetime, ended: datetime) -> list[tuple[datetime, str]]:
    """First days of months; single days where the time shown is short."""
    began, ended = began.astimezone(UTC), ended.astimezone(UTC)
    days = (ended - began).days
    if days < _LONGEST_IN_DAYS:
        step = max(-(-days // 8), 1)
        first = began.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        found = [first + timedelta(days=n) for n in range(0, days + 1, step)]
        shown = [tick for tick in found if tick < ended] or [began]
        return [(tick, f"{tick.day} {_SHORT_MONTHS[tick.month - 1]}") for tick in shown]
    numbers = range(began.year * 12 + began.month, ended.year * 12 + ended.month)
    firsts = [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in numbers]
    return [
        (tick, f"{_SHORT_MONTHS[tick.month - 1]} {tick.year}" if tick.month == 1 else _SHORT_MONTHS[tick.month - 1])
        for tick in firsts[:: -(-len(firsts) // _MOST_TICKS)]
    ]


_SHORT_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
