"""Reports for other programs: SARIF, JUnit XML, CSV and a Markdown summary. Pure: a view in, text out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reports.formats.csv_table import render_csv
from reports.formats.junit import render_junit
from reports.formats.markdown import render_markdown
from reports.formats.sarif import render_sarif
from reports.model import ReportView

FORMATS: Mapping[str, Callable[[ReportView], str]] = {
    "sarif": render_sarif,
    "junit": render_junit,
    "csv": render_csv,
    "markdown": render_markdown,
}
"""Name on the command line → renderer."""

__all__ = ["FORMATS"]
