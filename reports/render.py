"""The report as one HTML page that needs nothing but itself. Pure."""

from __future__ import annotations

import base64
import hashlib
from functools import cache, lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import charts, words
from reports.escape import one_line
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
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            view=view,
            origin=_origin(view.start_url),
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=(
                f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
                "base-uri 'none'; form-action 'none'"
            ),
        )
    )


def _asset(name: str) -> str:
    return (files("reports") / "templates" / name).read_text("utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every text that is put into the page passes here first: nothing invisible, nothing endless.
        finalize=lambda value: (
            value if isinstance(value, Markup) or not isinstance(value, str) else one_line(value, 1_500)
        ),
    )
    environment.globals.update(words=words, charts=charts, MAX_CARDS=MAX_CARDS, MAX_FLOWS=MAX_FLOWS)
    environment.filters.update(short=one_line, page=_page, change=words.change, big=_is_big)
    return environment


@lru_cache(maxsize=20_000)
def _page(url: str, origin: str) -> Markup:
    """A page's address as a link, without the site's own scheme and host in front; only web addresses are links."""
    text = url.removeprefix(origin) if origin and url.startswith(f"{origin}/") else url
    if len(url) > 1_500 or not url.startswith(("https://", "http://")):
        return Markup("<span>{}</span>").format(one_line(text, 160))
    return Markup('<a href="{}" rel="noreferrer noopener">{}</a>').format(one_line(url, 2_000), one_line(text, 160))


def _is_big(view: FindingView) -> bool:
    return view.finding.severity.rank <= Severity.MEDIUM.rank and bool(view.sends or view.finding.tag)
