"""`tagdrift doctor`: can this machine do the job, and if not, what is missing?"""

from __future__ import annotations

import asyncio
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from reports.escape import one_line
from reports.words import count
from rules.load import load_rules
from scanner import __version__
from scanner.browser.launch import DriverTrouble, find_browser
from scanner.browser.launch import install_browser as install_a_browser
from scanner.browser.trial import try_browser
from scanner.cli.options import print_json, state_options
from scanner.cli.target import configuration
from scanner.config import DEFAULT_STORE, Config
from scanner.errors import CannotRun, Exit, TagdriftError
from scanner.fleet.sandbox import sandbox_trouble
from scanner.store import open_store

LEAST_FREE_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    said: str
    hint: str | None = None


@click.command()
@state_options
@click.option("--install-browser", is_flag=True, help="Install a browser if there is none, and check nothing else.")
def doctor(config_path: Path | None, store_url: str | None, as_json: bool, install_browser: bool) -> None:
    """Check this machine: Python, browser, rules, configuration, store, disk. Exits 4 if something is missing."""
    if install_browser:
        _install_browser()
        return
    config: Config | None = None

    def read_configuration() -> str:
        nonlocal config
        config = configuration(config_path)
        return count(len(config.sites), "site") if config else "none: a URL alone works without"

    checks = [
        _check("python", _python),
        _check("browser", _browser),
        _check("configuration", read_configuration),
        _check("rules", lambda: _rules(config)),
        _check("store", lambda: _store(store_url or (config.store_url if config else DEFAULT_STORE))),
        _check("disk", _disk),
    ]
    if as_json:
        print_json(
            {
                "format": 1,
                "document": "doctor",
                "version": __version__,
                "ok": all(check.ok for check in checks),
                "checks": [{"name": c.name, "ok": c.ok, "said": c.said, "hint": c.hint} for c in checks],
            }
        )
    else:
        for check in checks:
            mark = click.style("ok  ", fg="green") if check.ok else click.style("FAIL", fg="red")
            click.echo(f"{mark} {check.name:<14} {one_line(check.said)}")
            if check.hint:
                click.echo(f"     {'':<14} → {one_line(check.hint)}")
    raise SystemExit(Exit.CLEAN if all(check.ok for check in checks) else Exit.CANNOT)


def _install_browser() -> None:
    try:
        found = find_browser()
        click.echo(f"browser: {found.version or found.path}", err=True)
    except CannotRun:
        click.echo("no Chromium or Chrome found; installing one", err=True)
        found = install_a_browser()
        click.echo(f"browser: {found.version or found.path}", err=True)


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, said=look())
    except TagdriftError as error:
        return Check(name, ok=False, said=error.message, hint=error.hint)
    except OSError as error:
        return Check(name, ok=False, said=str(error))


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}, tagdrift {__version__}"


def _browser() -> str:
    found = find_browser()
    try:
        asyncio.run(try_browser(found))
    except DriverTrouble:
        raise
    except TagdriftError as error:
        if (hint := sandbox_trouble()) is not None:
            raise CannotRun(error.message, hint=hint) from error
        raise
    return f"{found.version or found.path} starts ({found.path})"


def _rules(config: Config | None) -> str:
    rules = load_rules(config.rule_paths if config else ())
    return f"{len(rules.vendors)} vendors, {len(rules.rules) + len(rules.page_rules)} rules"


def _store(url: str) -> str:
    path = url.removeprefix("sqlite:///")
    if path != url and not Path(path).exists():
        # Looking must not leave an empty database behind.
        folder = Path(path).resolve().parent
        if not folder.is_dir():
            raise CannotRun(f"the store's directory {folder} does not exist", hint=f"mkdir -p {folder}")
        return f"{path} will be made by the first scan"
    store = open_store(url)
    try:
        problems = store.check()
        if problems:
            raise CannotRun("; ".join(problems), hint="restore the store from a backup")
        sites = store.sites()
        return f"sound, {count(len(sites), 'site')}"
    finally:
        store.close()


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free
    if free < LEAST_FREE_BYTES:
        raise CannotRun(f"only {free // 2**20} MiB free here", hint="make room: the store grows with each new page")
    return f"{free // 2**30} GiB free"
