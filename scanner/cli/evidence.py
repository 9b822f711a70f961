"""`tagdrift evidence INCIDENT`, `tagdrift evidence verify FILE` and `tagdrift verify SITE`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from reports.escape import one_line
from scanner.cli.options import config_option, print_json, state_options, store_option
from scanner.cli.target import must_be_known, stored_site
from scanner.errors import Exit, UsageError
from scanner.service.evidence import verify_evidence, write_evidence
from scanner.wiring import App


class _NumberPacks(click.Group):
    """`evidence 12` is short for `evidence pack 12`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0].isdigit():
            args = ["pack", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_NumberPacks, options_metavar="", subcommand_metavar="INCIDENT | verify FILE")
def evidence() -> None:
    """Pack an incident's evidence into one file (`evidence 12`), or check such a file (`evidence verify FILE`)."""


@evidence.command("pack")
@click.argument("number", type=int, metavar="INCIDENT")
@config_option
@store_option
@click.option("-o", "--out", "path", type=click.Path(dir_okay=False, path_type=Path), help="[default: incident-N.zip]")
def pack(number: int, config_path: Path | None, store_url: str | None, path: Path | None) -> None:
    """Write recorded traffic, decoded findings, policy, approvals and versions of INCIDENT into a zip file.

    The file holds request bodies as they were sent, so it may hold personal data.
    """
    chosen = stored_site(config_path, store_url, "-")
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, **chosen.house) as app:
        incident = app.store.incident(number)
        if incident is None:
            raise UsageError(f"there is no incident {number}", hint="tagdrift incidents --all")
        path = path or Path(f"incident-{number}.zip")
        path.parent.mkdir(parents=True, exist_ok=True)
        policy = {**(chosen.policy or {"preset": "healthcare"}), "severity": [asdict(one) for one in app.severities]}
        accepted = app.desk().read()
        missing = write_evidence(app.store, app.judge, incident, policy, app.clock.now(), path, accepted)
    for line in missing:
        click.echo(f"not included: {one_line(line)}", err=True)
    click.echo(one_line(str(path)))


@evidence.command("verify")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify_file(path: Path) -> None:
    """Check every file in an evidence archive against its manifest. Exits 1 if something was changed."""
    problems = verify_evidence(path)
    for problem in problems:
        click.echo(one_line(problem))
    if problems:
        raise SystemExit(Exit.DRIFT)
    click.echo("every file is what the manifest says")


@click.command()
@click.argument("site", metavar="[SITE]", required=False)
@state_options
def verify(site: str | None, config_path: Path | None, store_url: str | None, as_json: bool) -> None:
    """Check the store, and the hash chain over the scans of SITE (or of all sites), for tampering. Exits 1 if so."""
    chosen = stored_site(config_path, store_url, site or "-")
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging) as app:
        if site:
            must_be_known(chosen, app.store)
        sites = (chosen.site.name,) if site else app.store.sites()
        problems = {"store": app.store.check()}
        problems |= {name: app.store.verify_chain(name) for name in sites}
        newest = {name: scan for name in sites if (scan := next(iter(app.store.scans(name, 1)), None)) is not None}
        hashes = {name: app.store.scan_hash(scan.id) for name, scan in newest.items()}
    wrong = any(problems.values())
    if as_json:
        print_json(
            {
                "format": 1,
                "document": "verify",
                "ok": not wrong,
                "problems": {name: list(found) for name, found in problems.items()},
                "hashes": hashes,
            }
        )
    else:
        for name, found in problems.items():
            for problem in found:
                click.echo(f"{one_line(name)}: {one_line(problem)}")
        for name, value in hashes.items():
            click.echo(f"{one_line(name)}: newest scan {value or '(still running)'}")
        if not wrong:
            click.echo("the store is sound, and the scans are what was recorded")
    raise SystemExit(Exit.DRIFT if wrong else Exit.CLEAN)
