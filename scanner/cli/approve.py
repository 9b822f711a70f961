"""`tagdrift approve` and `tagdrift approvals`."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from reports.escape import one_line
from scanner.approvals import Acceptance, Standing
from scanner.approvals_log import Difference
from scanner.approvals_write import document_of
from scanner.cli.options import Terminal, print_json, state_options, width_of_output
from scanner.cli.state import scan_called
from scanner.cli.target import Target, must_be_known, stored_site
from scanner.errors import UsageError
from scanner.model import Approval, ExposureKind, ScanRecord
from scanner.service.accepting import (
    Terms,
    acceptance_of_finding,
    acceptance_of_incident,
    acceptance_of_vendor,
    finding_called,
)
from scanner.service.baselines import baseline_in_force, why_not
from scanner.service.compare import newest_scan
from scanner.wiring import App


class Day(click.ParamType[date]):
    """A day of the calendar, `2027-03-31`."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no day such as 2027-03-31", param, ctx)


@click.command()
@click.argument("site", metavar="SITE")
@state_options
@click.option("--reason", required=True, help="Why it is accepted, or taken back. Kept in the file and the audit log.")
@click.option("--who", default=None, help="Who decides.  [default: the user who is logged in]")
@click.option("--until", type=Day(), help="Last day on which the approval counts.")
@click.option("--contract", default="", help="The agreement that covers it, such as a BAA number.")
@click.option(
    "--finding", "key", metavar="KEY", help="Approve one finding of `tagdrift diff`, by its key or a part of it."
)
@click.option("--incident", "number", type=int, metavar="N", help="Approve the finding of this incident.")
@click.option("--vendor", help="Approve a vendor or a product of it, such as meta, meta-pixel or meta/meta-pixel.")
@click.option("--product", help="Approve this product only.")
@click.option("--account", multiple=True, help="Approve this account of the vendor only. Repeatable.")
@click.option("--host", multiple=True, help="Approve a third-party domain that no rule knows. Repeatable.")
@click.option("--pages", multiple=True, metavar="GLOB", help="Only on pages like this, e.g. '/landing/*'. Repeatable.")
@click.option(
    "--sends",
    multiple=True,
    type=click.Choice([kind.value for kind in ExposureKind]),
    help="The vendor may get this kind of information and no other. Repeatable.  [default: whatever it gets]",
)
@click.option("--scan", "scan_id", type=int, help="Look at this scan instead of the newest.")
@click.option("--revoke", metavar="ID", help="Take the approval with this id back; it stays in the file as a trace.")
@click.option("--restore", metavar="ID", help="Put an approval that was taken out of the file back.")
def approve(
    site: str,
    config_path: Path | None,
    store_url: str | None,
    as_json: bool,
    reason: str,
    who: str | None,
    until: date | None,
    contract: str,
    key: str | None,
    number: int | None,
    vendor: str | None,
    product: str | None,
    account: tuple[str, ...],
    host: tuple[str, ...],
    pages: tuple[str, ...],
    sends: tuple[str, ...],
    scan_id: int | None,
    revoke: str | None,
    restore: str | None,
) -> None:
    """Accept the state of SITE's newest scan as the baseline, or one finding, or a vendor on some pages.

    The approval is written into the approvals file (tagdrift-approvals.yaml beside the configuration) and into the
    store's audit log. Without --finding, --incident, --vendor or --host the whole state is accepted: later scans are
    compared with it. A scan that saw too few pages whole is refused. Nothing else ever changes a baseline.

    \b
      tagdrift approve clinic --reason "reviewed with counsel"
      tagdrift approve clinic --finding tag:pinterest --reason "campaign of spring" --until 2027-06-30
      tagdrift approve clinic --vendor meta-pixel --account 123456789012345 --pages '/careers/*' --reason "no patients"
      tagdrift approve clinic --revoke 93ba7a4874 --reason "the campaign is over"
    """
    chosen = stored_site(config_path, store_url, site)
    if who is not None and not who.strip():
        raise UsageError("an approval needs a name", hint="without --who it is the user who is logged in")
    terms = Terms(who or user(), reason, until, contract, pages)
    selects = bool(vendor or product or account or host)
    asked = [key is not None, number is not None, selects, revoke is not None, restore is not None]
    if sum(asked) > 1:
        raise UsageError("approve one thing at a time: a finding, an incident, a vendor or host, or an id")
    if not any(asked) and (pages or contract):
        raise UsageError("--pages and --contract need a finding, a vendor or a host", hint="a whole state has no parts")
    if sends and not selects:
        raise UsageError("--sends needs a vendor or a host", hint="a finding is approved with what it sends")
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, **chosen.house) as app:
        app.desk().notice()
        if revoke is not None:
            _say_entry(app.desk().revoke(revoke, who=terms.who, why=reason), "taken back", as_json=as_json)
            return
        if restore is not None:
            _say_entry(app.desk().restore(restore, who=terms.who, why=reason), "put back", as_json=as_json)
            return
        if selects:
            entry = acceptance_of_vendor(
                app.judge.names,
                chosen.site.name,
                terms,
                vendor=vendor,
                product=product,
                account=account,
                host=host,
                sends=sends,
            )
            _say_entry(app.desk().approve(entry), "approved", as_json=as_json)
            return
        scan = scan_called(app, chosen.site.name, scan_id) or newest_scan(app.store, chosen.site.name)
        if key is not None or number is not None:
            entry = _of_finding(app, chosen, scan, key, number, terms)
            _say_entry(app.desk().approve(entry), "approved", as_json=as_json)
            return
        approval = app.approve(scan, who=terms.who, why=reason, site=chosen.site, until=until)
    _say_state(approval, as_json=as_json)


def _of_finding(
    app: App, chosen: Target, scan: ScanRecord, key: str | None, number: int | None, terms: Terms
) -> Acceptance:
    site = chosen.site.name
    comparison = app.compare(site, scan, chosen.site.own_domains)
    seen = comparison.snapshot
    if key is not None:
        return acceptance_of_finding(finding_called(comparison.findings, key), seen, app.rulings(seen), terms)
    incident = app.store.incident(number) if number is not None else None
    if incident is None or incident.site != site:
        raise UsageError(f"there is no incident {number} of {site}", hint=f"tagdrift incidents {site} --all")
    return acceptance_of_incident(incident, seen, app.rulings(seen), terms)


def user() -> str:
    """The user who is logged in, as the system calls them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in many containers
        return "unknown"


def _say_entry(entry: Acceptance, did: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"format": 1, "document": "approval", "did": did, "approval": _document(entry)})
        return
    where = one_line(f" on pages like {', '.join(entry.pages)}" if entry.pages else " on every page", 300)
    until = f", until {entry.until}" if entry.until else ""
    click.echo(f"{entry.id}: {did}: {one_line(entry.subject, 200)}{where}{until}")


def _say_state(approval: Approval, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "format": 1,
                "document": "approval",
                "site": approval.site,
                "scan": approval.scan_id,
                "who": approval.who,
                "why": approval.why,
                "at": approval.at.isoformat(),
                "until": approval.until.isoformat() if approval.until else None,
                "id": approval.id,
            }
        )
        return
    until = f", until {approval.until}" if approval.until else ""
    click.echo(
        one_line(f"scan {approval.scan_id} of {approval.site} is the baseline now, approved by {approval.who}{until}")
    )


def _document(entry: Acceptance) -> dict[str, Any]:
    return {"id": entry.id, **document_of(entry)}


@click.command()
@click.argument("site", metavar="[SITE]", required=False)
@state_options
@click.option("--all", "with_past", is_flag=True, help="Expired and revoked ones, too.")
def approvals(
    site: str | None, config_path: Path | None, store_url: str | None, as_json: bool, with_past: bool
) -> None:
    """List what is accepted, by whom, why, and until when: on SITE, or on all sites.

    Reads the approvals file, and the store for baselines. Where the file and the store's audit log disagree, says how,
    and what counts. A file with mistakes in it is refused with their lines (exit 2).
    """
    chosen = stored_site(config_path, store_url, site or "-")
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, **chosen.house) as app:
        if site:
            must_be_known(chosen, app.store)
        acceptances = app.desk().read()
        differences = app.desk().differences()
        today = app.clock.now().date()
        sites = (chosen.site.name,) if site else app.store.sites()
        states = [
            (one, why_not(app.store, one, acceptances, today)) for name in sites for one in app.store.approvals(name)
        ]
        baselines = {name: baseline_in_force(app.store, acceptances, name, today) for name in sites}
    entries = [
        (entry, entry.standing(today))
        for entry in acceptances.entries
        if entry.scan is None and (site is None or entry.speaks_of(chosen.site.name))
    ]
    if as_json:
        _print_list(chosen, entries, states, baselines, differences, today)
        return
    shown = [(entry, standing) for entry, standing in entries if with_past or standing is Standing.IN_FORCE]
    current = [(one, past) for one, past in states if with_past or one in baselines.values()]
    if shown or current:
        _print_table(shown, current, baselines)
    else:
        click.echo("nothing is approved")
    hidden = len(entries) - len(shown)
    if hidden:
        click.echo(f"and {hidden} expired or revoked: --all lists them")
    for one in differences:
        click.echo(f"{one.approval_id}: {one_line(one.words, 300)}", err=True)


def _print_table(
    entries: list[tuple[Acceptance, Standing]],
    states: list[tuple[Approval, str | None]],
    baselines: dict[str, Approval | None],
) -> None:
    table = Table("id", "site", "what", "pages", "state", "until", "who", "why", box=None, padding=(0, 2, 0, 0))
    for approval, past in states:
        state = "baseline" if approval == baselines.get(approval.site) else past or "earlier baseline"
        until = approval.until.isoformat() if approval.until else ""
        what = f"the whole state of scan {approval.scan_id}"
        _row(table, approval.id, approval.site, what, "all", state, until, approval.who, approval.why)
    for entry, standing in entries:
        until = entry.until.isoformat() if entry.until else ""
        sites, pages = ", ".join(entry.site) or "all", ", ".join(entry.pages) or "all"
        why = f"{entry.why} ({entry.contract})" if entry.contract else entry.why
        _row(table, entry.id, sites, entry.subject, pages, standing.value, until, entry.who, why)
    Terminal(width=max(width_of_output(), 120), highlight=False).print(table)


def _row(table: Table, *texts: str) -> None:
    table.add_row(*(Text(one_line(text, 100)) for text in texts))


def _print_list(
    chosen: Target,
    entries: list[tuple[Acceptance, Standing]],
    states: list[tuple[Approval, str | None]],
    baselines: dict[str, Approval | None],
    differences: tuple[Difference, ...],
    today: date,
) -> None:
    print_json(
        {
            "format": 1,
            "document": "approvals",
            "file": str(chosen.house["approvals"]),
            "today": today.isoformat(),
            "approvals": [
                {**_document(entry), "state": standing.value, "place": entry.place} for entry, standing in entries
            ],
            "baselines": [
                {
                    "id": one.id,
                    "site": one.site,
                    "scan": one.scan_id,
                    "who": one.who,
                    "why": one.why,
                    "at": one.at.isoformat(),
                    "until": one.until.isoformat() if one.until else None,
                    "state": "in-force" if one == baselines.get(one.site) else "past",
                    "because": past,
                }
                for one, past in states
            ],
            "disagreements": [{"id": one.approval_id, "what": one.words} for one in differences],
        }
    )
