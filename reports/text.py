"""The report for terminals and mails' text halves. Pure: width and colour are asked for, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from rich.cells import cell_len, chop_cells

from reports import words
from reports.escape import one_line
from reports.model import FindingView, OtherView, ReportState, ReportView
from scanner.model import Outcome

STATES = {
    ReportState.CLEAN: "CLEAN",
    ReportState.DRIFT: "DRIFT",
    ReportState.VIOLATIONS: "VIOLATIONS",
    ReportState.UNVERIFIED: "UNVERIFIED",
    ReportState.FIRST_SCAN: "FIRST SCAN",
}
_COLOURS = {
    "clean": "1;32", "drift": "1;33", "violations": "1;31", "unverified": "1;33", "first-scan": "1;36",
    "critical": "1;31", "high": "31", "medium": "33", "low": "36", "info": "2", "heading": "1", "faint": "2",
}  # fmt: skip
_NARROWEST = 30


def summary(view: ReportView, width: int = 80, *, colour: bool = False) -> str:
    """Return the verdict, the findings a line each and the coverage, as lines of at most `width` columns."""
    sheet = _Sheet(width, colour)
    _verdict(sheet, view)
    for finding in view.findings[:12]:
        sheet.labelled(finding.finding.severity.value, finding.finding.title)
    sheet.more(len(view.findings) - 12, "finding")
    if view.findings:
        sheet.blank()
    _coverage_line(sheet, view)
    return sheet.text()


def full(view: ReportView, width: int = 80, *, colour: bool = False) -> str:
    """Return the whole report as lines of at most `width` columns; long lists are cut and say by how much."""
    sheet = _Sheet(width, colour)
    _verdict(sheet, view)
    _findings(sheet, "What appeared" if view.baseline else "What stands out", view.appeared, view)
    if view.changed or view.other_changes:
        _findings(sheet, "What changed", view.changed, view)
        for entry in view.other_changes[:30]:
            pages = words.count(len(entry.pages), "page")
            sheet.bullet(f"{entry.verdict.value}: {words.change(entry.identity)} ({pages})")
        sheet.more(len(view.other_changes) - 30, "change")
    if view.once:
        _findings(sheet, "Seen once, not confirmed", view.once, view)
    if view.standing:
        _findings(sheet, "Against the policy since before", view.standing, view)
    if view.baseline:
        _findings(sheet, "What disappeared", view.removed, view)
    _unverified(sheet, view)
    sheet.heading("Coverage")
    _coverage_line(sheet, view)
    for reason, number in view.coverage.excluded[:30]:
        sheet.bullet(f"{words.count(number, 'known address', 'known addresses')} not visited: {words.reason(reason)}")
    for template, number in view.coverage.limited_templates[:30]:
        sheet.bullet(f"{words.count(number, 'page')} left out of {template}")
    sheet.more(len(view.coverage.limited_templates) - 30, "template")
    _inventory(sheet, view)
    return sheet.text()


class _Sheet:
    """Lines on their way out. Whatever is put in is made harmless here, before any colour is added."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = max(width, _NARROWEST)
        self.colour = colour
        self.lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self.lines).strip("\n") + "\n"

    def blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def heading(self, text: str) -> None:
        self.blank()
        self.put(text.upper(), style="heading")

    def bullet(self, text: str, level: int = 0) -> None:
        self.put(text, first="  " * level + "- ", rest="  " * level + "  ")

    def labelled(self, label: str, text: str) -> None:
        """A severity in its own column."""
        indent = " " * 10
        self.put(text, first=f"{label:<10}", rest=indent, style=label)

    def fact(self, name: str, text: str) -> None:
        self.put(text, first=f"  {name + ':':<11}", rest=" " * 13)

    def more(self, number: int, what: str) -> None:
        if number > 0:
            self.put(f"… and {words.count(number, what)} more, all of them in the JSON report", first="  ", rest="  ")

    def put(self, text: str, first: str = "", rest: str = "", style: str = "", limit: int = 1_000) -> None:
        lines = wrap(one_line(text, limit), self.width - max(cell_len(first), cell_len(rest)))
        for number, line in enumerate(lines):
            shown = (first if number == 0 else rest) + line
            self.lines.append(f"\x1b[{_COLOURS[style]}m{shown}\x1b[0m" if self.colour and style in _COLOURS else shown)


def wrap(text: str, width: int) -> list[str]:
    """Break `text` at spaces into lines of at most `width` terminal cells; longer words are cut.

    Cells, not characters: a Chinese character takes two, a combining accent none.
    """
    lines: list[str] = []
    line, used = "", 0
    for word in text.split():
        for piece in chop_cells(word, width) if cell_len(word) > width else [word]:
            size = cell_len(piece)
            if line and used + 1 + size > width:
                lines.append(line)
                line, used = "", 0
            line, used = (f"{line} {piece}", used + 1 + size) if line else (piece, size)
    return [*lines, line] if line else lines or [""]


def _verdict(sheet: _Sheet, view: ReportView) -> None:
    state = view.verdict.state
    sheet.put(f"{STATES[state]} · {one_line(view.site, 80)} · {words.minute(view.scan.started_at)}", style=state.value)
    sheet.blank()
    sheet.put(view.verdict.sentence)
    for caveat in view.verdict.caveats:
        sheet.put(caveat)
    sheet.blank()


def _coverage_line(sheet: _Sheet, view: ReportView) -> None:
    c = view.coverage
    if not c.planned:
        sheet.put("No page was planned, so this scan says nothing about the site.")
        return
    troubles = (
        (c.partial, Outcome.PARTIAL), (c.failed, Outcome.FAILED), (c.blocked, Outcome.BLOCKED), (c.unvisited, None)
    )  # fmt: skip
    rest = "".join(f", {number:,} {words.OUTCOMES[outcome]}" for number, outcome in troubles if number)
    sheet.put(f"{c.ok:,} of {words.count(c.planned, 'page')} seen whole ({words.percent(c.ratio)}){rest}.")


def _findings(sheet: _Sheet, title: str, views: Sequence[FindingView], report: ReportView) -> None:
    sheet.heading(f"{title} ({len(views)})")
    for view in views[:40]:
        f = view.finding
        sheet.labelled(f.severity.value, f.title)
        if f.reason:
            sheet.fact("why", f.reason + (f" ({f.rule})" if f.rule else ""))
        if f.owner and f.owner != view.vendor:
            sheet.fact("owner", f.owner)
        sheet.fact("since", " ".join(view.since))
        if f.cause:
            sheet.fact("cause", one_line(f.cause, 300))
        if f.loaders:
            sheet.fact("loaded by", words.listing(_brief(f.loaders), 4))
        for change in f.also_changed:
            sheet.fact("besides", one_line(change, 300))
        for send in view.sends[:12]:
            sheet.fact("sends" if send.left else "attempts", f"{send.words} in {words.listing(_brief(send.fields), 4)}")
        sheet.more(len(view.sends) - 12, "kind")
        if f.events:
            sheet.fact("events", words.listing(_brief(f.events), 6))
        sheet.fact("pages", f"{len(f.pages):,} of {view.pages_seen:,}")
        _pages(sheet, f.pages, report.start_url, 8)
        sheet.blank()
    sheet.more(len(views) - 40, "finding")
    if not views:
        sheet.put("None." if report.verdict.state is not ReportState.UNVERIFIED else "None seen; too little was seen.")


def _unverified(sheet: _Sheet, view: ReportView) -> None:
    sheet.heading(f"What is unverified ({view.unverified_count:,})")
    if not view.unverified:
        sheet.put("No page." if view.coverage.ok else "Everything: no page was seen whole.")
    for group in view.unverified[:20]:
        outcome = "in doubt" if group.outcome is Outcome.OK else words.OUTCOMES[group.outcome]
        sheet.bullet(f"{words.count(len(group.pages), 'page')} {outcome}: {group.reason}")
        _pages(sheet, group.pages, view.start_url, 5)
    sheet.more(len(view.unverified) - 20, "reason")


def _inventory(sheet: _Sheet, view: ReportView) -> None:
    tags = view.inventory.tags
    sheet.heading(f"Tags ({len(tags)})")
    for tag in tags[:60]:
        name = f"{tag.product} {tag.key.account}" if tag.key.account else tag.product
        trace = "" if tag.sent else ", not seen to send"
        own = ", collects on the site's own hosts" if tag.first_party else ""
        sheet.bullet(f"{name} ({words.CATEGORIES[tag.category]}{own}{trace}): {words.count(len(tag.pages), 'page')}")
        if any(send.left for send in tag.sends):
            sheet.put(
                words.listing([send.words for send in tag.sends if send.left], 8), first="  sends ", rest="        "
            )
    sheet.more(len(tags) - 60, "tag")
    _others(sheet, "Third parties", view.inventory.third_parties)
    _others(sheet, "Scripts", view.inventory.scripts)
    _others(sheet, "Cookies", view.inventory.cookies, ", set by ")


def _others(sheet: _Sheet, title: str, others: Sequence[OtherView], by: str | None = None) -> None:
    if not others:
        return
    sheet.heading(f"{title} ({len(others)})")
    for other in others[:60]:
        owner = other.owner or other.tag or "owner unknown"
        setter = by + one_line(other.loaders[0], 120) if by and other.loaders else ""
        pages = words.count(other.pages, "page")
        sheet.bullet(f"{one_line(other.subject, 160)} ({one_line(owner, 80)}): {pages}{setter}")
    sheet.more(len(others) - 60, title.lower().rstrip("s"))


def _pages(sheet: _Sheet, pages: Sequence[str], start_url: str, limit: int) -> None:
    try:
        parts = urlsplit(start_url)
        origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    except ValueError:
        origin = ""
    for page in pages[:limit]:
        own = origin and page.startswith(f"{origin}/")
        sheet.put(page.removeprefix(origin) if own else page, first="    ", rest="    ", limit=200)
    sheet.more(len(pages) - limit, "page")


def _brief(texts: Iterable[str]) -> list[str]:
    return [one_line(text, 120) for text in texts]
