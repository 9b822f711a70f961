"""`tagdrift run`: the scheduler in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from reports.escape import one_line
from scanner.cli.options import config_option
from scanner.cli.output import exit_code, view_of
from scanner.config import DEFAULT_PATH, Config, load_config
from scanner.daemon import Daemon
from scanner.errors import Exit, UsageError
from scanner.model import SiteConfig
from scanner.service.compare import Comparison
from scanner.wiring import App


@click.command()
@config_option
@click.option("--once", is_flag=True, help="Scan every site of the configuration once, now, and leave.")
def run(config_path: Path | None, once: bool) -> None:
    """Scan the sites of the configuration at their times, in the foreground.

    \b
    SIGTERM, Ctrl-C   stop: scans under way are parked and gone on with at the next start; twice: end at once
    SIGHUP            read the configuration again; one with problems is refused and the old one stays

    Every event is a line on standard error. Exits 0 when it was asked to stop, with --once as the worst of the scans.
    """
    path = config_path or DEFAULT_PATH
    if not path.exists():
        raise UsageError(f"{path}: there is no such file", hint="docs/configuration.md shows how to write one")

    def read() -> Config:
        config = load_config(path, site_secrets=True, mail_secrets=True)
        if not once:
            _require_schedule(config)
        return config

    async def watch() -> Exit:
        daemon = Daemon(read, _say, _verdict)
        return await (daemon.run_once() if once else daemon.run())

    raise SystemExit(asyncio.run(watch()))


def _require_schedule(config: Config) -> None:
    if not any(site.schedule.full for site in config.sites):
        raise UsageError(
            "no site of the configuration has a schedule",
            hint='give it one: schedule: {full: "30 2 * * *"}, or scan all sites once with --once',
        )


def _verdict(app: App, comparison: Comparison, site: SiteConfig) -> Exit:
    return exit_code(view_of(app, comparison, site))


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens
        sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {one_line(text)}\n")
        sys.stderr.flush()
