"""A short Markdown summary: for a pull request's comment or a CI job's summary page."""

from __future__ import annotations

import re

from reports import words
from reports.escape import one_line
from reports.model import FindingView, ReportView
from scanner.model import Verdict

MOST_FINDINGS = 25
MOST_PAGES = 5
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~@-])")


def render_markdown(view: ReportView) -> str:
    """Return the verdict, a table of findings, and what is unverified."""
    lines = [f"## tagdrift: {_text(view.site)}", "", f"**{_text(view.verdict.sentence)}**"]
    if view.verdict.caveats:
        lines += ["", *(f"- {_text(caveat)}" for caveat in view.verdict.caveats)]
    findings = view.findings
    if findings:
        lines += ["", "| severity | what | account | pages | sends |", "|---|---|---|---|---|"]
        lines += [_row(found) for found in findings[:MOST_FINDINGS]]
        if len(findings) > MOST_FINDINGS:
            lines += ["", f"… and {len(findings) - MOST_FINDINGS} more findings in the full report."]
    c = view.coverage
    lines += ["", f"Coverage: {c.ok:,} of {words.count(c.planned, 'page')} seen whole ({words.percent(c.ratio)})."]
    for group in view.unverified:
        shown = ", ".join(_text(page) for page in group.pages[:MOST_PAGES])
        more = f" and {len(group.pages) - MOST_PAGES} more" if len(group.pages) > MOST_PAGES else ""
        lines.append(f"- unverified, {_text(group.reason)}: {shown}{more}")
    return "\n".join(lines) + "\n"


def _row(found: FindingView) -> str:
    finding = found.finding
    gone = "gone: " if finding.verdict is Verdict.REMOVED else ""
    account = _text((finding.tag.account or "") if finding.tag else "")
    # What only stands in the page or was stopped on its way is no sending.
    sends = _text(words.listing([send.words for send in found.sends if send.left], 4))
    against = " (policy)" if finding.violation else ""
    against += ", seen once" if found.once else ", since before" if found.standing else ""
    title = f"{gone}{_text(finding.title)}"
    return f"| {finding.severity}{against} | {title} | {account} | {len(finding.pages)} | {sends} |"


def _text(text: str) -> str:
    """Inert in Markdown and in the HTML it becomes: no link, no mention, no table cell of its own."""
    return _SPECIAL.sub(r"\\\1", one_line(text, 300))
