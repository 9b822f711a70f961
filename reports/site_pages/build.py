"""From values to files: the overview, a site's pages, an incident's page. Pure.

Every page stands alone: it brings its style and script, and loads nothing. Links between the pages are relative, so
that the directory opens from disk and from any web server.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import groupby
from typing import Any

from markupsafe import Markup

from reports.html import asset, environment, origin_of, security_policy
from reports.inventory import tag_name, tag_words
from reports.model import FindingView, PageGroup
from reports.site_pages import lanes
from reports.site_pages.evidence import picture_type
from reports.site_pages.flows import COLUMNS, flow_picture, flows_of
from reports.site_pages.matrix import matrix_of
from reports.site_pages.model import Case, Evidence, File, Making, OpenIncident, SiteCard, SiteHistory
from reports.site_pages.names import INDEX, incident_name, month_name, site_folder
from reports.site_pages.state import card_of, saw_enough, worst_first
from reports.site_pages.timeline import MOST_LANES, timelines
from reports.site_pages.window import window_of
from reports.view import finding_sends
from scanner.canonical import page_template
from scanner.model import IncidentChangeKind, IncidentState, ScanKind, ScanRecord

_MOST_OPEN = 200
"""Open incidents on the overview; the sites' own pages have all."""
_MOST_CASES = 300
"""Incidents in a site's list."""


def overview_file(cards: Sequence[SiteCard], incidents: Sequence[OpenIncident], making: Making) -> File:
    """Return the first page: every site, the worst first, and what is open."""
    ordered = sorted(cards, key=lambda card: (card.state.rank, [s.rank for s, _ in card.open], card.site))
    shown = worst_first(incidents)
    return INDEX, _render(
        "site_overview.html.j2",
        making,
        cards=ordered,
        open_incidents=shown[:_MOST_OPEN],
        more_incidents=max(len(shown) - _MOST_OPEN, 0),
        days_bar=lanes.days_bar,
        days_words=lanes.days_words,
    )


def site_files(history: SiteHistory, making: Making) -> Iterator[File]:
    """Yield a site's page and its months of scans, without the pages of its incidents."""
    folder = site_folder(history.site)
    months = _months(history)
    names = list(months)
    shared: dict[str, Any] = {
        "history": history,
        "origin": origin_of(history.start_url),
        "months": [(month, month_name(month)) for month in names],
        "enough": lambda scan: saw_enough(scan, history.coverage_threshold),
        "narrow": history.narrow,
        "incident_name": incident_name,
    }
    summary = history.summary
    card = card_of(history, making.generated_at)
    flows = flows_of(summary, making.names) if summary else None
    yield (
        f"{folder}/{INDEX}",
        _render(
            "site_page.html.j2",
            making,
            **shared,
            card=card,
            timelines=timelines(history, making.names),
            lane_picture=lanes.lane_picture,
            axis_picture=lanes.axis_picture,
            MOST_LANES=MOST_LANES,
            cases=sorted(history.cases, key=_open_and_worst_first),
            MOST_CASES=_MOST_CASES,
            matrix=matrix_of(summary, making.names) if summary else None,
            flows=flows,
            flow_picture=flow_picture(flows) if flows else Markup(""),
            COLUMNS=COLUMNS,
            rows=months[names[0]] if names else [],
            month=names[0] if names else "",
        ),
    )
    for month in names[1:]:
        yield (
            f"{folder}/{month_name(month)}",
            _render("site_scans.html.j2", making, **shared, month=month, rows=months[month]),
        )


def incident_file(history: SiteHistory, case: Case, evidence: Evidence | None, making: Making) -> File:
    """Return the page of one incident; `evidence` is None when no visit with it is kept any more."""
    incident = case.incident
    finding = incident.finding
    groups = _groups(finding.pages)
    view = FindingView(
        finding=finding,
        name=tag_name(finding.tag, making.names) if finding.tag else finding.title,
        vendor=tag_words(finding.tag, making.names)[0] if finding.tag else None,
        product=tag_words(finding.tag, making.names)[1] if finding.tag else None,
        pages_seen=len(finding.pages),
        groups=groups,
        since=(),
        sends=finding_sends(finding),
        request=None,
    )
    return f"{site_folder(history.site)}/{incident_name(incident.id)}", _render(
        "site_incident.html.j2",
        making,
        pictures=bool(evidence and evidence.screenshot),
        history=history,
        origin=origin_of(history.start_url),
        case=case,
        incident=incident,
        view=view,
        window=window_of(incident),
        timelines=timelines(history, making.names, only=finding.tag) if finding.tag else (),
        lane_picture=lanes.lane_picture,
        axis_picture=lanes.axis_picture,
        window_picture=lanes.window_picture,
        evidence=evidence,
        screenshot=_embedded(evidence.screenshot) if evidence and evidence.screenshot else None,
        rest_is=f"all of them with: tagdrift incident {incident.id} --json",
    )


def _open_and_worst_first(case: Case) -> tuple[bool, int, bool, int]:
    incident = case.incident
    is_open = incident.state is IncidentState.OPEN
    finding = incident.finding
    return (not is_open, finding.severity.rank if is_open else 0, not (is_open and finding.violation), -incident.id)


def _render(template: str, making: Making, *, pictures: bool = False, **values: Any) -> bytes:
    style, script = asset("report.css", "site.css"), asset("report.js", "site.js")
    page = (
        environment()
        .get_template(template)
        .render(
            making=making,
            style=style,
            script=script,
            policy=security_policy(style, script, pictures=pictures),
            **values,
        )
    )
    return page.encode("utf-8")


def _embedded(content: bytes) -> Markup:
    kind = picture_type(content)
    return Markup("data:{};base64,{}").format(kind, base64.b64encode(content).decode("ascii"))


def _groups(pages: Sequence[str]) -> tuple[PageGroup, ...]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        grouped[page_template(page)].append(page)
    return tuple(
        PageGroup(template, tuple(sorted(own)))
        for template, own in sorted(grouped.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    )


# --------------------------------------------------------------------------- scans by month


@dataclass(frozen=True, slots=True)
class ScanRow:
    """A full scan, or the light scans of one stretch of a day."""

    scans: tuple[ScanRecord, ...]
    """Newest first; more than one only for light scans."""
    news: tuple[tuple[str, int], ...]
    """(what it did, incident)."""


def _months(history: SiteHistory) -> dict[str, list[ScanRow]]:
    """Month → its rows, newest first. A year of scans every ten minutes must not fill pages: light scans share rows."""
    news = _news_by_scan(history.cases)
    months: dict[str, list[ScanRow]] = {}
    for (day, kind), group in groupby(history.scans, key=lambda scan: (_day(scan), scan.kind)):
        scans = tuple(group)
        for together in (scans,) if kind is ScanKind.LIGHT else ((scan,) for scan in scans):
            told = tuple(one for scan in together for one in news.get(scan.id, ()))
            months.setdefault(day[:7], []).append(ScanRow(together, told))
    return months


def _day(scan: ScanRecord) -> str:
    return scan.started_at.astimezone(UTC).date().isoformat()


def _news_by_scan(cases: Sequence[Case]) -> Mapping[int, list[tuple[str, int]]]:
    """Scan id → (what it did, incident), but for mere sightings."""
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for case in cases:
        for entry in case.entries:
            if entry.kind is not IncidentChangeKind.UPDATED:
                found[entry.scan_id].append((entry.kind.value, case.incident.id))
    return found
