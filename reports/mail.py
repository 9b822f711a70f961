"""What a mail says: a digest of one site's incidents, or a notice about its scans; subject, HTML and text. Pure.

Text of scanned pages is hostile: everything passes `reports.escape` on its way into any of the three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from css_inline import CSSInliner
from jinja2 import Environment

from reports import words
from reports.charts import loader_name
from reports.escape import header, one_line
from reports.html import asset, new_environment
from reports.inventory import tag_name
from reports.model import Names, ReportView
from reports.view import finding_sends
from scanner.model import Incident, IncidentState, Severity

MAX_HTML_BYTES = 95_000
"""Gmail cuts a mail's HTML at about 102 kB."""
_MOST_CARDS = 12
"""Incidents told in full; the others get a line each."""
_MOST_LINES = 40
_MOST_PAGES = 5
_MOST_CHANGES = 4


class News(StrEnum):
    """Why somebody is told of an incident; the most urgent first."""

    OPENED = "opened"
    WORSENED = "worsened"
    REMINDER = "reminder"
    CLOSED = "closed"


LABELS = {
    News.OPENED: "New",
    News.WORSENED: "Worse",
    News.REMINDER: "Still there",
    News.CLOSED: "Gone",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One incident somebody is told of, and why."""

    news: News
    incident: Incident
    reasons: tuple[str, ...] = ()
    """What is worse, in words."""


@dataclass(frozen=True, slots=True)
class MailContent:
    subject: str
    """One line, safe for a header."""
    text: str
    html: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A message about the scans themselves rather than about what they found."""

    subject: str
    tone: str
    """good | high | info: its colour."""
    label: str
    """`All is well`"""
    headline: str
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    """The next step."""


@dataclass(frozen=True, slots=True)
class IncidentView:
    """One incident in words."""

    number: int
    news: News
    label: str
    severity: Severity
    headline: str
    """`Pinterest Tag 2612000000001 appeared on 14 of 14 pages`"""
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    """(name, lines)"""
    pages: tuple[str, ...]
    page_count: int


def worst_first(told: Sequence[Told]) -> tuple[Told, ...]:
    """What is over comes last, however bad it was."""
    order = list(News)
    return tuple(
        sorted(
            told,
            key=lambda t: (
                t.news is News.CLOSED,
                t.incident.finding.severity.rank,
                order.index(t.news),
                -len(t.incident.finding.pages),
                t.incident.id,
            ),
        )
    )


def digest(told: Sequence[Told], report: ReportView) -> MailContent:
    """Return the mail about `told`, which must not be empty, as found by the scan of `report`."""
    views = tuple(incident_view(one, report.names) for one in worst_first(told))
    first = views[0]
    more = f" (+{len(views) - 1} more)" if len(views) > 1 else ""
    severity = "Gone" if first.news is News.CLOSED else words.SEVERITIES[first.severity]
    pages = "" if "page" in first.headline else f" ({words.count(first.page_count, 'page')})"
    room = 150 - len(report.site)
    subject = header(f"[{severity}] {report.site}: {header(first.headline, room)}{pages}{more}")
    lead = _lead(views)
    return MailContent(
        subject=subject,
        text=digest_text(views, report, lead),
        html=_digest_html(views, report, lead),
        urgent=first.news is not News.CLOSED and first.severity.rank <= Severity.HIGH.rank,
    )


def incident_view(told: Told, names: Names) -> IncidentView:
    incident = told.incident
    finding = incident.finding
    sends = finding_sends(finding)
    left = tuple(send.words for send in sends if send.left)
    tried = tuple(send.words for send in sends if not send.left)
    facts: list[tuple[str, tuple[str, ...]]] = [
        ("Worse", tuple(told.reasons)),
        ("Against", (words.ends(words.capital(finding.rule)),) if finding.violation and finding.rule else ()),
        ("Sends", (words.listing(left, 8),) if left else ()),
        ("Attempts", (words.listing(tried, 8),) if tried else ()),
        ("Events", (words.listing([one_line(event, 80) for event in finding.events], 6),) if finding.events else ()),
        ("Goes to", (finding.owner,) if finding.owner else ()),
        ("Brought by", (one_line(finding.cause, 200),) if finding.cause else ()),
        ("Loaded by", tuple(one_line(loader_name(loader), 160) for loader in finding.loaders[:3])),
        ("Also new", tuple(one_line(change, 200) for change in finding.also_changed[:_MOST_CHANGES])),
        ("When", window(incident)),
        ("Certainty", certainty(incident)),
        ("Why", (finding.reason,)),
    ]
    if told.news is News.CLOSED:  # what made it bad was told when it came
        facts = [(name, lines) for name, lines in facts if name in ("Goes to", "When")]
    return IncidentView(
        number=incident.id,
        news=told.news,
        label=LABELS[told.news],
        severity=finding.severity,
        headline=_headline(told, names),
        facts=tuple((name, lines) for name, lines in facts if any(lines)),
        pages=finding.pages[:_MOST_PAGES],
        page_count=len(finding.pages),
    )


def window(incident: Incident) -> tuple[str, ...]:
    """Say between which moments it began and ended, as far as scans can tell; whole sentences."""
    first = words.minute(incident.first_seen_at)
    if incident.last_absent_at is not None:
        began = f"Began between {_short(incident.last_absent_at)} and {first}."
    else:
        began = f"First seen {first}; no scan ever saw these pages without it."
    if incident.state is IncidentState.CLOSED and incident.closed_at is not None:
        ended = f"Ended between {_short(incident.last_seen_at)} and {words.minute(incident.closed_at)}."
        return (began, ended)
    seen = "" if incident.last_seen_at == incident.first_seen_at else words.minute(incident.last_seen_at)
    return (began, f"Last seen {seen}.") if seen else (began,)


def certainty(incident: Incident) -> tuple[str, ...]:
    """Say how often it was seen, where that is not every time; whole sentences."""
    if not incident.confirmed:
        return ("Seen once, not confirmed: when its pages were visited again at once, it was not there.",)
    if incident.comes_and_goes:
        seen, of = sum(incident.recent), len(incident.recent)
        return (f"It comes and goes: seen in {seen} of the last {words.count(of, 'scan')}.",)
    return ()


def _short(moment: datetime) -> str:
    return words.minute(moment).removesuffix(" UTC")


def _headline(told: Told, names: Names) -> str:
    finding = told.incident.finding
    name = tag_name(finding.tag, names) if finding.tag else ""
    pages = words.count(len(finding.pages), "page")
    match told.news:
        case News.CLOSED if name:
            return f"{name} is gone from {pages}"
        case News.REMINDER if name:
            return f"{name} is still on {pages}"
        case News.WORSENED if name:
            return f"{name} is now on {pages}"
        case News.OPENED if not told.incident.confirmed:
            return f"Seen once: {finding.title}".rstrip(". ")
        case News.CLOSED:
            return f"Over: {finding.title}"
        case News.REMINDER:
            return f"Still so: {finding.title}"
        case _:
            return finding.title.rstrip(". ")


def _lead(views: Sequence[IncidentView]) -> str:
    counts = [(news, sum(view.news is news for view in views)) for news in News]
    phrases = {
        News.OPENED: ("1 new{}", "{:,} new{}"),
        News.WORSENED: ("1{} has become worse", "{:,}{} have become worse"),
        News.REMINDER: ("1{} is still there", "{:,}{} are still there"),
        News.CLOSED: ("1{} is over", "{:,}{} are over"),
    }
    parts: list[str] = []
    for news, number in counts:
        if number:
            # Said once: `1 new incident, 2 are over`.
            noun = "" if parts else " incident" if number == 1 else " incidents"
            parts.append(phrases[news][0].format(noun) if number == 1 else phrases[news][1].format(number, noun))
    return words.capital(words.ends(words.listing(parts, 9)))


# --------------------------------------------------------------------------- text


def digest_text(views: Sequence[IncidentView], report: ReportView, lead: str) -> str:
    lines = [f"{report.site}: {lead}", f"Scan of {words.minute(report.scan.started_at)}", ""]
    for view in views[:_MOST_LINES]:
        lines.append(f"[{view.label.upper()} · {words.SEVERITIES[view.severity]}] {view.headline}")
        if view in views[:_MOST_CARDS]:
            for name, told in view.facts:
                lines += [f"  {name if number == 0 else '':<10} {line}" for number, line in enumerate(told)]
            lines += [
                f"  {'Pages' if number == 0 else '':<10} {one_line(page, 160)}"
                for number, page in enumerate(view.pages)
            ]
            if view.page_count > len(view.pages):
                lines.append(f"  {'':<10} and {words.count(view.page_count - len(view.pages), 'more page')}")
        lines += [f"  {'More':<10} tagdrift incident {view.number}", ""]
    if len(views) > _MOST_LINES:
        lines += [f"and {words.count(len(views) - _MOST_LINES, 'more incident')}: tagdrift incidents", ""]
    lines += [coverage_words(report), *aside(report), *report.verdict.caveats, "", "The report is attached."]
    if report.scan_hash:
        lines += [f"Scan {report.scan.id}, SHA-256 {report.scan_hash}", VOUCHES]
    return _plain(lines)


VOUCHES = "Whoever keeps this can show that no scan up to this one was changed: tagdrift verify --hash SHA-256."


def chat_text(told: Sequence[Told], report: ReportView) -> str:
    """Return the digest in a few lines, for chats; each line is harmless by itself."""
    lines = []
    for view in [incident_view(one, report.names) for one in worst_first(told)][:_MOST_CARDS]:
        facts = dict(view.facts)
        detail = "; ".join(line for name in ("Worse", "Sends") for line in facts.get(name, ()))
        lines.append(
            f"{view.label} · {words.SEVERITIES[view.severity]}: {header(view.headline)} (incident {view.number})"
        )
        if detail:
            lines.append(f"  {header(detail)}")
    if len(told) > _MOST_CARDS:
        lines.append(f"and {words.count(len(told) - _MOST_CARDS, 'more incident')}: tagdrift incidents")
    return _plain([*lines, coverage_words(report)])


def coverage_words(report: ReportView) -> str:
    coverage = report.coverage
    return (
        f"{coverage.ok:,} of {words.count(coverage.planned, 'page')} seen whole ({words.percent(coverage.ratio)}); "
        f"{words.count(report.unverified_count, 'page')} unverified."
    )


def aside(report: ReportView) -> tuple[str, ...]:
    """Say what is in the report and in no mail: what is not sure, and what is no news; at most one sentence."""
    parts = []
    if report.once:
        parts.append(f"{words.count(len(report.once), 'finding')} seen once and not confirmed")
    if report.standing:
        parts.append(f"{words.count(len(report.standing), 'finding')} against the policy since before")
    return (f"The report also has {words.listing(parts)}.",) if parts else ()


def _plain(lines: Sequence[str]) -> str:
    return "\n".join(one_line(line, 1_000).rstrip() for line in lines) + "\n"


# --------------------------------------------------------------------------- HTML


def _digest_html(views: Sequence[IncidentView], report: ReportView, lead: str) -> str:
    cards = _MOST_CARDS
    while True:
        html = _render(
            "mail_digest.html.j2",
            tone="good" if views[0].news is News.CLOSED else views[0].severity.value,
            views=views[:cards],
            others=views[cards : cards + _MOST_LINES],
            rest=max(len(views) - cards - _MOST_LINES, 0),
            report=report,
            lead=lead,
            coverage=coverage_words(report),
            aside=aside(report),
            vouches=VOUCHES,
        )
        if len(html.encode()) <= MAX_HTML_BYTES or cards == 0:
            return html
        cards //= 2


def notice(told: Notice) -> MailContent:
    """Return the mail that says `told`."""
    width = max((len(name) for name, _ in told.facts), default=0)
    lines = [told.headline, "", *told.sentences, *([""] if told.sentences else [])]
    lines += [f"  {name:<{width}}  {value}" for name, value in told.facts]
    if told.hint:
        lines += ["", told.hint]
    return MailContent(
        subject=header(told.subject),
        text=_plain(lines),
        html=_render("mail_notice.html.j2", tone=told.tone, notice=told),
        urgent=told.tone == "high",
    )


def _render(name: str, **values: object) -> str:
    plain = _environment().get_template(name).render(**values, style=asset("mail.css"))
    return _inliner().inline(plain)


@cache
def _inliner() -> CSSInliner:
    # The style element stays for what cannot be inlined: dark mode and narrow windows.
    return CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


@cache
def _environment() -> Environment:
    environment = new_environment(longest_text=600)
    environment.globals["LABELS"] = LABELS
    return environment
