"""`tagdrift incidents` and `tagdrift incident N`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from reports.escape import one_line
from reports.mail import certainty
from scanner.cli.options import Terminal, print_json, state_options, width_of_output
from scanner.cli.target import must_be_known, stored_site
from scanner.errors import UsageError
from scanner.model import Incident, IncidentEntry, IncidentState
from scanner.wiring import App


@click.command()
@click.argument("site", metavar="[SITE]", required=False)
@state_options
@click.option("--all", "with_closed", is_flag=True, help="Closed and accepted ones, too.")
def incidents(
    site: str | None, config_path: Path | None, store_url: str | None, as_json: bool, with_closed: bool
) -> None:
    """List open incidents, newest first: of SITE, or of all sites."""
    chosen = stored_site(config_path, store_url, site or "-")
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging) as app:
        if site:
            must_be_known(chosen, app.store)
        found = app.store.incidents(chosen.site.name if site else None, open_only=not with_closed)
    if as_json:
        print_json({"format": 1, "document": "incidents", "incidents": [document(incident) for incident in found]})
        return
    if not found:
        click.echo("no incidents" if with_closed else "no open incidents")
        return
    table = Table(
        "no.", "site", "state", "severity", "what", "pages", "since", "last seen", box=None, padding=(0, 2, 0, 0)
    )
    for incident in found:
        table.add_row(
            str(incident.id),
            Text(one_line(incident.site, 40)),
            incident.state.value,
            incident.finding.severity.value,
            Text(one_line(incident.finding.title, 100)),
            str(len(incident.finding.pages)),
            f"{incident.first_seen_at:%Y-%m-%d}",
            f"{incident.last_seen_at:%Y-%m-%d}",
        )
    Terminal(width=width_of_output(), highlight=False).print(table)


@click.command()
@click.argument("number", type=int)
@state_options
def incident(number: int, config_path: Path | None, store_url: str | None, as_json: bool) -> None:
    """Show incident NUMBER: what it is, its exposure window, its pages, its history."""
    chosen = stored_site(config_path, store_url, "-")
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging) as app:
        found = app.store.incident(number)
        entries = app.store.incident_history(number)
    if found is None:
        raise UsageError(f"there is no incident {number}", hint="tagdrift incidents --all")
    if as_json:
        told = {"format": 1, "document": "incident", **document(found), "history": [_entry(e) for e in entries]}
        print_json(told)
        return
    finding = found.finding
    click.echo(f"Incident {found.id} of {one_line(found.site)}: {one_line(finding.title)}")
    click.echo(
        f"  state      {found.state.value}, {finding.severity.value}"
        + (", against the policy" if finding.violation else "")
    )
    click.echo(f"  window     {window(found)}")
    for name, values in (
        ("certainty", certainty(found)),
        ("brought by", (finding.cause,) if finding.cause else ()),
        ("besides", finding.also_changed),
        ("account", (finding.tag.account,) if finding.tag and finding.tag.account else ()),
        ("events", finding.events),
        ("loaded by", finding.loaders),
        ("sends", tuple(f"{kind} in {field}" for kind, field in finding.sends)),
    ):
        for value in values:
            click.echo(f"  {name:<10} {one_line(str(value))}")
    click.echo(f"  pages      {len(finding.pages)}")
    for page in finding.pages[:20]:
        click.echo(f"             {one_line(page)}")
    if len(finding.pages) > 20:
        click.echo(f"             and {len(finding.pages) - 20} more, all of them with --json")
    click.echo("  history")
    for entry in entries:
        reasons = f": {one_line('; '.join(entry.reasons))}" if entry.reasons else ""
        click.echo(f"    {_minute(entry.at)}  scan {entry.scan_id}  {entry.kind.value}{reasons}")


def window(incident: Incident) -> str:
    """Say between which moments it began and ended, as far as scans can tell."""
    began = f"seen since {_minute(incident.first_seen_at)}"
    if incident.last_absent_at is not None:
        began = f"began between {_minute(incident.last_absent_at)} and {_minute(incident.first_seen_at)}"
    if incident.state is IncidentState.CLOSED and incident.closed_at is not None:
        return f"{began}; ended between {_minute(incident.last_seen_at)} and {_minute(incident.closed_at)}"
    return f"{began}; last seen {_minute(incident.last_seen_at)}"


def document(incident: Incident) -> dict[str, Any]:
    finding = incident.finding
    return {
        "id": incident.id,
        "site": incident.site,
        "state": incident.state.value,
        "severity": finding.severity.value,
        "violation": finding.violation,
        "title": finding.title,
        "key": finding.key,
        "vendor": finding.tag.vendor if finding.tag else None,
        "product": finding.tag.product if finding.tag else None,
        "account": finding.tag.account if finding.tag else None,
        "owner": finding.owner,
        "pages": list(finding.pages),
        "events": list(finding.events),
        "loaders": list(finding.loaders),
        "sends": [{"kind": kind, "field": field} for kind, field in finding.sends],
        "window": {
            "last_absent_at": _iso(incident.last_absent_at),
            "first_seen_at": _iso(incident.first_seen_at),
            "last_seen_at": _iso(incident.last_seen_at),
            "closed_at": _iso(incident.closed_at) if incident.state is not IncidentState.OPEN else None,
        },
        "opened_scan": incident.opened_scan,
        "last_scan": incident.last_scan,
        "seen_scans": incident.seen_scans,
        "confirmed": incident.confirmed,
        "comes_and_goes": incident.comes_and_goes,
        "recent": list(incident.recent),
        "cause": finding.cause or None,
        "also_changed": list(finding.also_changed),
    }


def _entry(entry: IncidentEntry) -> dict[str, Any]:
    return {
        "scan": entry.scan_id,
        "at": entry.at.isoformat(),
        "kind": entry.kind.value,
        "reasons": list(entry.reasons),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
