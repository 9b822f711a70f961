"""From a comparison to what is printed, written and returned as exit code."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reports.escape import one_line
from reports.formats import FORMATS
from reports.jsonable import report_document
from reports.model import ReportState, ReportView
from reports.render import render_html
from reports.text import full
from reports.view import build_view
from scanner import __version__
from scanner.cli.options import print_json, width_of_output
from scanner.errors import Exit
from scanner.model import Severity, SiteConfig
from scanner.service.compare import Comparison
from scanner.service.noted import left_out_in_words, with_caveats
from scanner.wiring import App


@dataclass(frozen=True, slots=True)
class Written:
    html: Path
    json: Path


def view_of(app: App, comparison: Comparison, site: SiteConfig) -> ReportView:
    view = build_view(
        site=site.name,
        start_url=site.start[0],
        scan=comparison.scan,
        baseline=comparison.baseline,
        drift=comparison.drift,
        findings=comparison.findings,
        snapshot=comparison.snapshot,
        names=app.judge.names,
        generated_at=app.clock.now(),
        tool_version=__version__,
        approval=comparison.approval,
        coverage_threshold=site.coverage_threshold,
        returned=app.returned(comparison),
    )
    return with_caveats(view, left_out_in_words(comparison))


def print_report(view: ReportView, *, width: int) -> None:
    colour = sys.stdout.isatty()
    click.echo(full(view, width, colour=colour).rstrip("\n"), color=colour)


def write_report(view: ReportView, folder: Path) -> Written:
    """Write `report.html` and `report.json` into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = Written(folder / "report.html", folder / "report.json")
    paths.html.write_text(render_html(view), encoding="utf-8")
    paths.json.write_text(json.dumps(report_document(view), indent=2) + "\n", encoding="utf-8")
    return paths


def show(
    app: App, comparison: Comparison, site: SiteConfig, *, as_json: bool, report_dir: Path | None, document: str
) -> ReportView:
    """Print text or JSON to standard output, and write the report files if asked for; return what they say."""
    view = view_of(app, comparison, site)
    if report_dir is not None:
        click.echo(f"report: {write_report(view, report_dir).html}", err=True)
    if as_json:
        body: dict[str, Any] = report_document(view)
        print_json({**body, "document": document})
    else:
        print_report(view, width=width_of_output())
    return view


def write_formats(view: ReportView, wanted: tuple[tuple[str, Path], ...]) -> None:
    """Write the report in further formats, each to its file."""
    for name, path in wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
        # CSV brings its own line ends.
        path.write_text(FORMATS[name](view), encoding="utf-8", newline="")
        click.echo(f"{name}: {one_line(str(path))}", err=True)


_EXITS = {
    ReportState.CLEAN: Exit.CLEAN,
    ReportState.FIRST_SCAN: Exit.CLEAN,
    ReportState.DRIFT: Exit.DRIFT,
    ReportState.VIOLATIONS: Exit.DRIFT,
    ReportState.UNVERIFIED: Exit.COVERAGE,
}


def exit_code(view: ReportView, *, exit_zero: bool = False, fail_on: str | None = None) -> Exit:
    """0 nothing to report, 1 drift or violations, 3 nothing seen but too few pages seen whole.

    `fail_on`: findings below this severity do not count, those of it or worse always do. Without it a first scan says
    what is there, and only what the policy forbids makes it fail.
    """
    code = _EXITS[view.verdict.state]
    if fail_on is not None:
        limit = Severity(fail_on).rank
        grave = any(found.finding.severity.rank <= limit for found in view.findings)
        if code is Exit.DRIFT and not grave:
            code = Exit.CLEAN
        elif view.verdict.state is ReportState.FIRST_SCAN and grave:
            code = Exit.DRIFT
    return Exit.CLEAN if exit_zero and code is Exit.DRIFT else code
