"""`tagdrift policy test`: which rule decides about what."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from reports.escape import one_line
from scanner.canonical import canonical_url
from scanner.cli.options import Terminal, print_json, state_options, width_of_output
from scanner.cli.target import Target, stored_site
from scanner.errors import UsageError
from scanner.model import (
    ConsentState,
    Outcome,
    PageCapture,
    Profile,
    RequestRecord,
    ScanKind,
    ScanRecord,
    ScanState,
    Snapshot,
)
from scanner.policy import Policy, violations
from scanner.policy_read import read_policy
from scanner.service.compare import newest_scan, snapshot_of
from scanner.service.policy_test import Decision, decisions, remarks
from scanner.service.policy_test import Outcome as Ruled
from scanner.urls import is_third_party
from scanner.wiring import App

_SOME_PAGE = "https://www.clinic.example/"


@click.group()
def policy() -> None:
    """See what the policy makes of things."""


@policy.command("test")
@click.argument("url", required=False)
@click.option("--site", "site_name", metavar="NAME", help="Test everything that the site's newest scan saw.")
@state_options
@click.option("--page", help="The page that sends URL; with --site, only this page.  [default: the site's start page]")
@click.option("--body", help="What a request to URL carries in its body.")
@click.option(
    "--consent",
    type=click.Choice([state.value for state in ConsentState]),
    help="Judge as if the visitor had answered the consent banner like this.  [default: the site's profile]",
)
@click.option("--vendor", help="Show only this vendor.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([outcome.value for outcome in Ruled]),
    help="Show only what is decided like this. Repeatable.",
)
def test(
    url: str | None,
    site_name: str | None,
    config_path: Path | None,
    store_url: str | None,
    as_json: bool,
    page: str | None,
    body: str | None,
    consent: str | None,
    vendor: str | None,
    only: tuple[str, ...],
) -> None:
    """Show which policy rule decides about what, as of today: why it is forbidden, allowed, approved, or undecided.

    URL is a request, such as a tag's beacon, or a page of the newest scan. Nothing is visited. Exits 0 whatever is
    forbidden.

    \b
      tagdrift policy test 'https://ct.pinterest.com/v3/?tid=2612000000001&event=lead'
      tagdrift policy test https://www.clinic.example/appointments
      tagdrift policy test --site clinic --only forbidden
    """
    if url is None and site_name is None:
        raise UsageError("test what?", hint="tagdrift policy test URL, or tagdrift policy test --site NAME")
    chosen = stored_site(config_path, store_url, site_name or _only_name(config_path, store_url))
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, **chosen.house) as app:
        rules = read_policy(chosen.policy or {}, chosen.config.policy_places if chosen.config else ())
        today = app.clock.now().date()
        snapshot, tested = _tested(app, chosen, url, page, body, site_name, consent)
        made = [
            one
            for one in _decisions(app, rules, snapshot, today)
            if (vendor is None or (one.tag is not None and vendor in (one.tag.vendor, one.tag.product)))
            and (not only or one.outcome.value in only)
        ]
        odd = tuple(remarks(rules, app.judge.names, today))
    if as_json:
        print_json(
            {
                "format": 1,
                "document": "policy-test",
                "tested": tested,
                "scan": snapshot.scan.id or None,
                "today": today.isoformat(),
                "preset": rules.preset,
                "decisions": [_document(one) for one in made],
                "remarks": list(odd),
            }
        )
        return
    click.echo(f"{one_line(tested, 300)}, preset {rules.preset}, as of {today}")
    _print(made)
    for remark in odd:
        click.echo(one_line(remark, 300), err=True)


def _only_name(config_path: Path | None, store_url: str | None) -> str:
    """The configuration's only site; a name of nobody if there are none or several."""
    config = stored_site(config_path, store_url, "-").config
    return config.sites[0].name if config is not None and len(config.sites) == 1 else "-"


def _tested(
    app: App, chosen: Target, url: str | None, page: str | None, body: str | None, site_name: str | None,
    consent: str | None,
) -> tuple[Snapshot, str]:  # fmt: skip
    """Return what is judged, and what it is in words."""
    if url is None or body is None:
        names = (site_name,) if site_name else app.store.sites()
        wanted = url or page
        for name in names if wanted is not None else ():
            assert wanted is not None
            snapshot = _scanned(app, chosen, name, wanted)
            if snapshot is not None:
                return _under(snapshot, consent), f"{wanted} as scan {snapshot.scan.id} of {name} saw it"
    if url is None:
        if page is not None:
            raise UsageError(f"{page} is no page of the newest scan", hint=f"tagdrift policy test --site {site_name}")
        assert site_name is not None
        scan = newest_scan(app.store, chosen.site.name)
        snapshot = snapshot_of(app.store, scan, app.judge, chosen.site.own_domains)
        return _under(snapshot, consent), f"scan {scan.id} of {scan.site}: {len(snapshot.pages)} pages"
    if "://" not in url or canonical_url(url) is None:
        raise UsageError(f"{url!r} is no URL", hint="write it as in https://ct.pinterest.com/v3/?tid=1&event=lead")
    known = chosen.site.start[0] if chosen.site.name != "-" else _SOME_PAGE
    sender = page or known
    if not is_third_party(url, sender, chosen.site.own_domains) and not body and page is None:
        raise UsageError(
            f"{url} is no page of the newest scan, and as a request it would stay on the site",
            hint="scan it first; or name the page that sends it with --page",
        )
    return _request(app, chosen, url, sender, body, consent), f"a request to {url} on {sender}"


def _scanned(app: App, chosen: Target, site: str, page: str) -> Snapshot | None:
    """The page as the newest full scan of `site` saw it; None if it did not."""
    finished = (one for one in app.store.scans(site) if one.state is not ScanState.RUNNING)
    scan = next((one for one in finished if one.kind is ScanKind.FULL), None)
    if scan is None:
        return None
    names = {page, canonical_url(page) or page} & app.store.visited_pages(scan.id)
    if not names:
        return None
    snapshot = snapshot_of(app.store, scan, app.judge, chosen.site.own_domains)
    return Snapshot(scan, snapshot.rules_digest, tuple(one for one in snapshot.pages if one.page in names))


def _under(snapshot: Snapshot, consent: str | None) -> Snapshot:
    if consent is None:
        return snapshot
    scan = replace(snapshot.scan, profile=replace(snapshot.scan.profile, consent=ConsentState(consent)))
    return replace(snapshot, scan=scan)


def _request(app: App, chosen: Target, url: str, page: str, body: str | None, consent: str | None) -> Snapshot:
    now = app.clock.now()
    request = RequestRecord(url, "GET" if body is None else "POST", "ping" if body else "image", (body or "").encode())
    capture = PageCapture(page, page, page, Outcome.OK, now, requests=(request,))
    profile = Profile(consent=ConsentState(consent)) if consent else chosen.site.profile
    scan = ScanRecord(0, chosen.site.name, ScanState.COMPLETE, now, profile=profile)
    return Snapshot(scan, app.judge.digest, (app.judge.inventory(capture, chosen.site.own_domains),))


def _decisions(app: App, rules: Policy, snapshot: Snapshot, today: date) -> tuple[Decision, ...]:
    broken = violations(
        rules,
        snapshot.pages if snapshot.scan.id else (),
        today=today,
        consent=snapshot.scan.profile.consent,
        page_kind=app.judge.page_kind,
    )
    return decisions(app.rulings(snapshot, rules, today), (one for one in broken if one.missing))


def _document(one: Decision) -> dict[str, Any]:
    rule, approval = one.rule, one.acceptance
    return {
        "decision": one.outcome.value,
        "kind": one.kind,
        "vendor": one.tag.vendor if one.tag else None,
        "product": one.tag.product if one.tag else None,
        "account": one.tag.account if one.tag else None,
        "host": one.host,
        "exposure": one.exposure,
        "fields": list(one.fields),
        "pages": list(one.pages),
        "rule": {
            "action": rule.action.value,
            "number": rule.number or None,
            "place": rule.place,
            "name": rule.name,
            "reason": rule.reason,
            "who": rule.who,
            "contract": rule.contract,
            "until": rule.until.isoformat() if rule.until else None,
        }
        if rule
        else None,
        "approval": {
            "id": approval.id,
            "place": approval.place,
            "who": approval.who,
            "why": approval.why,
            "until": approval.until.isoformat() if approval.until else None,
        }
        if approval
        else None,
    }


def _print(made: list[Decision]) -> None:
    if not made:
        click.echo("nothing that a rule could decide about")
        return
    table = Table("decision", "what", "pages", "decided by", "why", box=None, padding=(0, 2, 0, 0))
    for one in made:
        table.add_row(*(Text(one_line(text, 160)) for text in (one.outcome.value, _what(one), _pages(one), *_why(one))))
    Terminal(width=max(width_of_output(), 120), highlight=False).print(table)


def _what(one: Decision) -> str:
    if one.kind == "requirement" and one.rule is not None:
        rule = one.rule
        return ", ".join((*rule.vendor, *rule.product, *rule.account, *rule.category, *rule.host)) or "a tag"
    return f"{one.subject} ({', '.join(one.fields)})" if one.fields else one.subject


def _pages(one: Decision) -> str:
    return "/" + one.pages[0].partition("://")[2].partition("/")[2] if len(one.pages) == 1 else str(len(one.pages))


def _why(one: Decision) -> tuple[str, str]:
    if one.acceptance is not None:
        return f"approval {one.acceptance.id} ({one.acceptance.place})", one.acceptance.words
    rule = one.rule
    if rule is None:
        return "no rule", "what no rule speaks of is allowed"
    who = f" ({', '.join(filter(None, (rule.who, rule.contract)))})" if rule.who or rule.contract else ""
    until = f", until {rule.until}" if rule.until else ""
    name = f"rule {rule.number}, {rule.place or 'configuration'}" if rule.number else rule.place or rule.name
    return name, f"{rule.reason or rule.action.value}{who}{until}"
