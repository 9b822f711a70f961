"""`tagdrift scan`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from scanner.cli.options import exit_zero_option, fail_on_option, state_options, write_option
from scanner.cli.output import exit_code, show, write_formats
from scanner.cli.progress import watching
from scanner.cli.spool import HarSpool
from scanner.cli.target import target
from scanner.wiring import App


@click.command()
@click.argument("url", required=False)
@click.option("--site", "site_name", metavar="NAME", help="Scan this site of the configuration.")
@state_options
@click.option(
    "--report",
    "report_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the HTML and JSON report here.",
)
@click.option("--max-pages", type=click.IntRange(min=1), help="Visit at most so many pages.")
@click.option(
    "--resolve",
    "resolve",
    multiple=True,
    metavar='"HOST_PATTERN IP:PORT"',
    help='Connect to IP:PORT for hosts like the pattern ("*" is every host). Repeatable.',
)
@click.option("--insecure", is_flag=True, help="Accept TLS certificates that do not check out.")
@click.option(
    "--har",
    "har_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all recorded traffic, bodies included, as one HAR file. It may hold personal data.",
)
@click.option(
    "--page-time", "page_time_s", type=click.FloatRange(0, 600), help="Seconds of page time to dwell. [default: 30]"
)
@click.option("--ignore-robots", is_flag=True, help="Do not obey robots.txt: for one's own site.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
@write_option
@fail_on_option
@exit_zero_option
def scan(
    url: str | None,
    site_name: str | None,
    config_path: Path | None,
    store_url: str | None,
    as_json: bool,
    report_dir: Path | None,
    max_pages: int | None,
    resolve: tuple[str, ...],
    insecure: bool,
    har_path: Path | None,
    page_time_s: float | None,
    ignore_robots: bool,
    quiet: bool,
    wanted_formats: tuple[tuple[str, Path], ...],
    fail_on: str | None,
    exit_zero: bool,
) -> None:
    """Visit every page of a site, record what it loads and sends, and compare with the approved state.

    Name a URL, or a site of the configuration; --site says that it is one. Without an approved baseline the last full
    scan is what the new one is compared with.

    \b
      tagdrift scan https://www.clinic.example
      tagdrift scan --site clinic --report out/
      tagdrift scan https://staging.clinic.example --resolve "* 127.0.0.1:8443" --insecure
    """
    chosen = target(config_path, store_url, url=url, site_name=site_name)
    site = chosen.adjusted(
        max_pages=max_pages, resolve=resolve, insecure=insecure, page_time_s=page_time_s, ignore_robots=ignore_robots
    )
    with (
        App.open(
            chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, chosen.config, **chosen.house
        ) as app,
        HarSpool(har_path) as spool,
    ):
        with watching(quiet=quiet) as observe:
            comparison = asyncio.run(app.scan(site, observe=observe, keep=spool.keep))
        spool.write()
        view = show(app, comparison, site, as_json=as_json, report_dir=report_dir, document="scan")
        write_formats(view, wanted_formats)
        raise SystemExit(exit_code(view, exit_zero=exit_zero, fail_on=fail_on))
