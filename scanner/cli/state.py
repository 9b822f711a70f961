"""Commands on finished scans: diff, report, history."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from reports.escape import one_line
from scanner.cli.options import (
    Terminal,
    exit_zero_option,
    fail_on_option,
    print_json,
    state_options,
    width_of_output,
    write_option,
)
from scanner.cli.output import exit_code, show, write_formats
from scanner.cli.pages import write_pages
from scanner.cli.target import stored_site
from scanner.errors import UsageError
from scanner.model import ScanRecord
from scanner.service.compare import newest_scan
from scanner.wiring import App

site_argument = click.argument("site", metavar="SITE")


@click.command()
@site_argument
@state_options
@click.option(
    "--against",
    type=click.Choice(["baseline", "last"]),
    default="baseline",
    show_default=True,
    help="The approved baseline (else the last full scan), or the last full scan in any case.",
)
@click.option("--scan", "scan_id", type=int, help="Look at this scan instead of the newest. `history` lists them.")
@write_option
@fail_on_option
@exit_zero_option
def diff(
    site: str,
    config_path: Path | None,
    store_url: str | None,
    as_json: bool,
    against: str,
    scan_id: int | None,
    wanted_formats: tuple[tuple[str, Path], ...],
    fail_on: str | None,
    exit_zero: bool,
) -> None:
    """Compare the newest scan of SITE with its baseline; nothing is visited.

    SITE is a name of the configuration, or the host name or URL that was scanned.
    """
    chosen = stored_site(config_path, store_url, site)
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, **chosen.house) as app:
        scan = scan_called(app, chosen.site.name, scan_id)
        comparison = app.compare(chosen.site.name, scan, chosen.site.own_domains, with_last=against == "last")
        view = show(app, comparison, chosen.site, as_json=as_json, report_dir=None, document="diff")
        write_formats(view, wanted_formats)
        raise SystemExit(exit_code(view, exit_zero=exit_zero, fail_on=fail_on))


@click.command()
@click.argument("site", metavar="[SITE]", required=False)
@state_options
@click.option(
    "--report",
    "--out",
    "report_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("tagdrift-report"),
    show_default=True,
    help="Write report.html and report.json into this directory.",
)
@click.option("--scan", "scan_id", type=int, help="Report this scan instead of the newest.")
@click.option(
    "--site-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write pages to look at about all sites into this directory: index.html is the first.",
)
def report(
    site: str | None,
    config_path: Path | None,
    store_url: str | None,
    as_json: bool,
    report_dir: Path,
    scan_id: int | None,
    site_dir: Path | None,
) -> None:
    """Write the report of SITE's newest scan again, or pages about all sites; nothing is visited. Exits 0 whatever
    it says."""
    if site is None and site_dir is None:
        raise UsageError("which site?", hint="tagdrift report SITE, or tagdrift report --site-dir DIR for all of them")
    if site_dir is not None:
        write_pages(site_dir, config_path, store_url, as_json=as_json and site is None)
    if site is None:
        return
    chosen = stored_site(config_path, store_url, site)
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, **chosen.house) as app:
        scan = scan_called(app, chosen.site.name, scan_id)
        comparison = app.compare(chosen.site.name, scan, chosen.site.own_domains)
        show(app, comparison, chosen.site, as_json=as_json, report_dir=report_dir, document="report")


@click.command()
@click.argument("site", metavar="[SITE]", required=False)
@state_options
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Show so many scans.")
def history(site: str | None, config_path: Path | None, store_url: str | None, as_json: bool, limit: int) -> None:
    """List the scans of SITE with their coverage, and who approved which; without SITE, the sites."""
    chosen = stored_site(config_path, store_url, site or "-")
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, **chosen.house) as app:
        if site is None:
            _sites(app, as_json=as_json)
            return
        name = chosen.site.name
        scans = app.store.scans(name, limit)
        if not scans:
            newest_scan(app.store, name)  # raises with the names that are known
        approvals = app.store.approvals(name)
        if as_json:
            print_json(
                {
                    "format": 1,
                    "document": "history",
                    "site": name,
                    "scans": [_scan_document(scan) for scan in scans],
                    "approvals": [
                        {"scan": a.scan_id, "who": a.who, "why": a.why, "at": a.at.isoformat()} for a in approvals
                    ],
                }
            )
            return
        table = Table("scan", "began", "kind", "state", "pages seen whole", "approved", box=None, padding=(0, 2, 0, 0))
        for scan in scans:
            approval = next((a for a in approvals if a.scan_id == scan.id), None)
            table.add_row(
                str(scan.id),
                f"{scan.started_at:%Y-%m-%d %H:%M} UTC",
                scan.kind.value,
                scan.state.value,
                f"{scan.coverage.ok} of {scan.coverage.planned}",
                Text(one_line(f"by {approval.who}: {approval.why}", 80) if approval else ""),
            )
        Terminal(width=width_of_output(), highlight=False).print(table)


def _sites(app: App, *, as_json: bool) -> None:
    names = app.store.sites()
    if as_json:
        print_json({"format": 1, "document": "sites", "sites": list(names)})
    else:
        click.echo("\n".join(map(one_line, names)) if names else "no scans yet: tagdrift scan URL")


def scan_called(app: App, site: str, scan_id: int | None) -> ScanRecord | None:
    """Return the scan with this id. Raises `UsageError` if it is not one of `site`."""
    if scan_id is None:
        return None
    scan = app.store.scan(scan_id)
    if scan is None or scan.site != site:
        raise UsageError(f"scan {scan_id} is not a scan of {site}", hint=f"tagdrift history {site}")
    return scan


def _scan_document(scan: ScanRecord) -> dict[str, object]:
    return {
        "id": scan.id,
        "kind": scan.kind.value,
        "state": scan.state.value,
        "started_at": scan.started_at.isoformat(),
        "ended_at": scan.ended_at.isoformat() if scan.ended_at else None,
        "planned": scan.coverage.planned,
        "ok": scan.coverage.ok,
        "partial": scan.coverage.partial,
        "failed": scan.coverage.failed,
        "blocked": scan.coverage.blocked,
        "unvisited": scan.coverage.unvisited,
        "note": scan.note,
    }
