"""A timeline's lanes as SVG: they stretch with the window, text keeps its size. Pure.

Positions across are per cent of the width, so that one drawing fits a phone and a wide screen; the area itself
lies in a nested picture of its own that may be stretched. Colours come from classes, as in `reports.charts`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from markupsafe import Markup

from reports import words
from reports.escape import one_line
from reports.site_pages.model import DayState
from reports.site_pages.timeline import Lane, Step, Timeline
from reports.site_pages.window import ExposureWindow

_LANE_PX = 40
_TOP_PX = 8
"""Room for the incident's bar above the area."""
_LAST_LABEL = 0.97
"""A label that began further right would be cut."""
_LOWEST = 9
"""Of 100: however few the pages, a tag that is there is seen to be there."""


def lane_picture(lane: Lane, timeline: Timeline) -> Markup:
    """Draw one lane; its title and description say the same in words."""
    parts: list[Markup] = [
        Markup('<rect class="thin" x="{:.2f}%" width="{:.2f}%" height="100%"/>').format(
            left * 100, (right - left) * 100
        )
        for left, right in timeline.thin
    ]
    if lane.steps:
        parts.append(
            Markup(
                '<svg y="{}" height="{}" width="100%" viewBox="0 0 1000 100" preserveAspectRatio="none">'
                '<path class="there" d="{}"/><path class="sent" d="{}"/></svg>'
            ).format(
                _TOP_PX,
                _LANE_PX - _TOP_PX,
                _area((step, step.pages) for step in lane.steps),
                _area((step, step.sent) for step in lane.steps),
            )
        )
    parts += [_line("approval", mark.at, mark.words) for mark in timeline.approvals]
    parts += [_line("rules", mark.at, mark.words) for mark in timeline.rules]
    for window in lane.windows:
        incident = window.case.incident
        told = f"Incident {incident.id}, {incident.finding.severity.value}: {one_line(incident.finding.title, 120)}"
        parts.append(
            Markup(
                '<g class="window {} {}"><title>{}</title><rect x="{:.2f}%" y="1" width="{:.2f}%" height="5" rx="2.5"/>'
                '<circle cx="{:.2f}%" cy="3.5" r="3.5"/></g>'
            ).format(
                incident.finding.severity.value,
                "open" if window.open else "over",
                told,
                window.left * 100,
                max(window.right - window.left, 0.004) * 100,
                window.left * 100,
            )
        )
    return Markup(
        '<svg class="lane {}" height="{}" width="100%" role="img" focusable="false">'
        "<title>{}</title><desc>{}</desc>{}</svg>"
    ).format(
        lane.tone,
        _LANE_PX if lane.steps else 2 * _TOP_PX,
        one_line(lane.name, 120),
        lane_words(lane, timeline),
        Markup("").join(parts),
    )


def lane_words(lane: Lane, timeline: Timeline) -> str:
    """Say in a sentence or two what a lane shows."""
    told: list[str] = []
    if lane.first and lane.last:
        there = (
            f"on {words.count(lane.pages_now, 'page')} now" if lane.pages_now else f"last seen {words.day(lane.last)}"
        )
        told.append(
            f"In {lane.scans:,} of {words.count(timeline.scans, 'scan')} since {words.day(lane.first)}, "
            f"at most on {words.count(lane.peak, 'page')}, {there}."
        )
    for window in lane.windows[:5]:
        incident = window.case.incident
        how = "open since" if window.open else "was there from"
        until = "" if window.open else f" to {words.day(incident.last_seen_at)}"
        told.append(f"Incident {incident.id} {how} {words.day(incident.first_seen_at)}{until}.")
    return " ".join(told)


def _area(heights: Iterable[tuple[Step, int]]) -> str:
    """One box a run of equal numbers; the lane's own peak is its full height."""
    pairs = list(heights)
    peak = max((step.pages for step, _ in pairs), default=0) or 1
    boxes = []
    for step, pages in pairs:
        if pages:
            left, width = step.left * 1000, (step.right - step.left) * 1000
            height = max(100 * pages / peak, _LOWEST)
            boxes.append(f"M{left:.1f} 100v-{height:.0f}h{width:.1f}v{height:.0f}z")
    return "".join(boxes)


def _line(kind: str, at: float, told: str) -> Markup:
    return Markup('<g class="{}"><title>{}</title><line x1="{:.2f}%" x2="{:.2f}%" y1="0" y2="100%"/></g>').format(
        kind, one_line(told, 200), at * 100, at * 100
    )


def axis_picture(timeline: Timeline) -> Markup:
    """Draw the dates below the lanes; decoration for those who see, the lanes say their dates in words."""
    tick = Markup('<g class="{}"><line x1="{x}%" x2="{x}%" y1="0" y2="5"/><text x="{x}%" y="18">{}</text></g>')
    ticks = [
        tick.format("tick odd" if number % 2 else "tick", mark.words, x=f"{mark.at * 100:.2f}")
        for number, mark in enumerate(timeline.ticks)
        if mark.at < _LAST_LABEL
    ]
    return Markup('<svg class="axis" height="22" width="100%" aria-hidden="true" focusable="false">{}</svg>').format(
        Markup("").join(ticks)
    )


def window_picture(window: ExposureWindow) -> Markup:
    """Draw the exposure window: certain where it was seen, hatched where it may have been. Times are not to scale."""
    certain_from = 24 if window.absent_before else 4
    certain_to = 76 if window.absent_after else 96
    parts = [Markup('<rect class="base" x="0" y="12" width="100%" height="10" rx="5"/>')]
    if window.absent_before:
        parts.append(Markup('<rect class="maybe" x="8%" y="12" width="{}%" height="10"/>').format(certain_from - 8))
    if window.absent_after:
        parts.append(
            Markup('<rect class="maybe" x="{}%" y="12" width="{}%" height="10"/>').format(certain_to, 92 - certain_to)
        )
    parts.append(
        Markup('<rect class="surely" x="{}%" y="8" width="{}%" height="18" rx="5"/>').format(
            certain_from, certain_to - certain_from
        )
    )
    if window.absent_before:
        parts.append(Markup('<circle class="absent" cx="8%" cy="17" r="6"/>'))
    if window.absent_after:
        parts.append(Markup('<circle class="absent" cx="92%" cy="17" r="6"/>'))
    return Markup(
        '<svg class="exposure" width="100%" height="34" role="img" focusable="false">'
        "<title>Exposure window</title><desc>{} {}</desc>{}</svg>"
    ).format(window.began, window.ended, Markup("").join(parts))


_DAY_HEIGHTS = {
    DayState.CRITICAL: 24,
    DayState.HIGH: 24,
    DayState.MEDIUM: 20,
    DayState.LOW: 16,
    DayState.THIN: 12,
    DayState.QUIET: 8,
    DayState.NONE: 2,
}
_DAY_WORDS = {
    DayState.CRITICAL: "with a critical incident open",
    DayState.HIGH: "with a high one",
    DayState.MEDIUM: "with a medium one",
    DayState.LOW: "with a low one",
    DayState.THIN: "on which too little was seen",
    DayState.QUIET: "quiet",
    DayState.NONE: "without a scan",
}


def days_words(days: Sequence[tuple[date, DayState]]) -> str:
    """`Last 30 days: 26 quiet, 3 with a high one, 1 without a scan`."""
    counts = Counter(state for _, state in days)
    parts = [f"{counts[state]} {_DAY_WORDS[state]}" for state in DayState if counts[state]]
    return f"Last {len(days)} days: {', '.join(parts)}"


def days_bar(days: Sequence[tuple[date, DayState]]) -> Markup:
    """Draw a bar a day, high where something is open; one path a colour, since an overview has many of these."""
    boxes: dict[DayState, list[str]] = {}
    for number, (_, state) in enumerate(days):
        height = _DAY_HEIGHTS[state]
        boxes.setdefault(state, []).append(f"M{number * 5} {24 - height}h4v{height}h-4z")
    paths = [Markup('<path class="{}" d="{}"/>').format(f"day-{s.value}", "".join(parts)) for s, parts in boxes.items()]
    return Markup('<svg class="days" viewBox="0 0 {} 24" role="img" focusable="false" aria-label="{}">{}</svg>').format(
        len(days) * 5 - 1, days_words(days), Markup("").join(paths)
    )
