"""`tagdrift demo`: the whole line on a clinic that ships with the package. Nothing leaves the machine."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from reports.escape import one_line
from scanner.cli.options import width_of_output
from scanner.cli.output import print_report, view_of, write_report
from scanner.cli.progress import watching
from scanner.config import site_from_url
from scanner.demo import ClinicSite
from scanner.errors import Exit
from scanner.model import VisitLimits
from scanner.wiring import App


@click.command()
@click.option(
    "--report",
    "report_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-report"),
    show_default=True,
    help="Where the HTML and JSON reports go.",
)
@click.option("--serve", is_flag=True, help="Keep the clinic running afterwards, to look at it in a browser.")
def demo(report_dir: Path, serve: bool) -> None:
    """Scan the bundled clinic, let marketing reinstall the Pinterest Tag, scan again, show the drift.

    The clinic and the vendor's hosts run on this machine only. Exits 0 when the drift was found as it should be.
    """
    with tempfile.TemporaryDirectory(prefix="tagdrift-demo-") as folder, ClinicSite() as clinic:
        site = replace(
            site_from_url(clinic.start_url),
            name="riverside-clinic",
            resolve=clinic.resolve_rules,
            requests_per_second=50.0,
            insecure=True,  # the clinic made its certificate a moment ago
            limits=VisitLimits(drain_ms=300),
        )
        with App.open(f"sqlite:///{Path(folder) / 'demo.db'}") as app:
            _say("1. The clinic's website is clean. First scan:")
            with watching(quiet=False) as observe:
                first = asyncio.run(app.scan(site, observe=observe))
            seen = first.scan.coverage
            app.approve(first.scan, who="demo", why="the state that the compliance officer approved", site=site)
            _say(f"   {seen.ok} of {seen.planned} pages seen whole; approved as the baseline.")
            _say("2. Marketing sets up a new campaign and reinstalls the Pinterest Tag …")
            clinic.reinstall_pinterest()
            _say("3. The next scan:")
            with watching(quiet=False) as observe:
                second = asyncio.run(app.scan(site, observe=observe))
            click.echo()
            view = view_of(app, second, site)
            print_report(view, width=width_of_output())
            paths = write_report(view, report_dir)
        click.echo()
        click.echo(f"The HTML report: {one_line(str(paths.html.resolve()))}")
        if serve:
            _say(f"The clinic answers at http://127.0.0.1:{clinic.port}/ until you press Ctrl-C.")
            click.pause("press any key to stop it")
        if not any(finding.tag is not None and finding.tag.vendor == "pinterest" for finding in second.findings):
            _say("The demo did not find the tag: that is a bug.")
            raise SystemExit(Exit.BUG)


def _say(text: str) -> None:
    click.echo(text, err=True)
