"""`tagdrift evidence INCIDENT`, `tagdrift evidence verify FILE` and `tagdrift verify SITE`."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import click

from reports.escape import one_line
from scanner.cli.options import config_option, print_json, state_options, store_option
from scanner.cli.target import must_be_known, stored_site
from scanner.errors import Exit, UsageError
from scanner.service.evidence import verify_evidence, write_evidence
from scanner.wiring import App

_HASH = re.compile(r"[0-9a-f]{64}")


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
        packed = write_evidence(app.store, app.judge, incident, policy, app.clock.now(), path, accepted)
    for line in packed.missing:
        click.echo(f"not included: {one_line(line)}", err=True)
    click.echo(one_line(str(path)))
    click.echo(f"manifest SHA-256 {packed.manifest_digest}: kept elsewhere, it vouches for the file", err=True)


@evidence.command("verify")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify_file(path: Path) -> None:
    """Check every file in an evidence archive against its manifest. Exits 1 if something was changed.

    Who made another manifest, too, could have changed anything: compare its SHA-256 with the one that was noted when
    the archive was made.
    """
    checked = verify_evidence(path)
    problems = checked.problems
    for problem in problems:
        click.echo(one_line(problem))
    if problems:
        raise SystemExit(Exit.DRIFT)
    click.echo(f"every file is what the manifest says\nmanifest SHA-256 {checked.manifest_digest}")


@click.command()
@click.argument("site", metavar="[SITE]", required=False)
@state_options
@click.option(
    "--hash", "known", metavar="SHA-256", help="A scan's hash from a mail or an evidence archive: is it there?"
)
def verify(site: str | None, config_path: Path | None, store_url: str | None, as_json: bool, known: str | None) -> None:
    """Check the store, and the hash chain over the scans of SITE (or of all sites), for tampering. Exits 1 if so.

    Who can write to the store could make the whole chain anew, or cut off its end. Only a hash that was kept elsewhere
    shows that: give it with --hash.
    """
    if known is not None and not _HASH.fullmatch(known.strip().lower()):
        raise UsageError(f"--hash {known}: that is no SHA-256", hint="64 digits from 0 to f, as in a mail's last lines")
    chosen = stored_site(config_path, store_url, site or "-")
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging) as app:
        if site:
            must_be_known(chosen, app.store)
        sites = (chosen.site.name,) if site else app.store.sites()
        problems = {"store": app.store.check()}
        problems |= {name: app.store.verify_chain(name) for name in sites}
        chains = {name: app.store.hashes(name) for name in sites}
    hashes = {name: chain[-1][1] if chain else None for name, chain in chains.items()}
    if known is not None and known.strip().lower() not in {value for chain in chains.values() for _, value in chain}:
        cut = f"no scan has the hash {known.strip()}: scans were cut off the end of the chain, or it was made anew"
        problems["chain"] = (cut,)
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
            click.echo(f"{one_line(name)}: newest scan {value or '(none is finished)'}")
        if not wrong:
            click.echo("the store is sound, and the scans are what was recorded")
    raise SystemExit(Exit.DRIFT if wrong else Exit.CLEAN)
