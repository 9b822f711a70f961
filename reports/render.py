"""The report as one HTML page that needs nothing but itself. Pure."""

from __future__ import annotations

from reports.html import asset, environment, origin_of, security_policy
from reports.model import FindingView, ReportView
from scanner.model import Severity

MAX_CARDS = 40
"""Findings that are told in full; the others get a line each."""
MAX_FLOWS = 12
"""Findings that get a picture."""


def render_html(view: ReportView) -> str:
    """Return the whole report as one self-contained HTML document.

    Nothing is loaded from anywhere, and the page's own security policy forbids it: text of a scanned page that
    slipped through the escaping could neither run nor phone home. Long lists are cut and say by how much.
    """
    style, script = asset("report.css"), asset("report.js")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            view=view,
            origin=origin_of(view.start_url),
            style=style,
            script=script,
            policy=security_policy(style, script),
            big=_is_big,
            MAX_CARDS=MAX_CARDS,
            MAX_FLOWS=MAX_FLOWS,
        )
    )


def _is_big(view: FindingView) -> bool:
    return view.finding.severity.rank <= Severity.MEDIUM.rank and bool(view.sends or view.finding.tag)
