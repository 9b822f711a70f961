"""`tagdrift mail …` and `tagdrift check-health`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.escape import one_line
from reports.mail import Notice, notice
from reports.mail_message import Envelope, mail_bytes, message_id
from scanner.cli.options import config_option, print_json, state_options, store_option, width_of_output
from scanner.cli.target import Target, must_be_known, stored_site
from scanner.config_mail import OVERDUE_AFTER, address_problem
from scanner.errors import Exit, UsageError
from scanner.mailroom import Mailroom
from scanner.model import Delivery, DeliveryState, SiteConfig
from scanner.service.health import HealthState, sentence, site_health
from scanner.service.outbox import stuck
from scanner.wiring import App

_HINT = "docs/mail.md shows the `mail` section of a configuration"


@click.group()
def mail() -> None:
    """Send, try out and look at the mails about findings."""


@mail.command()
@config_option
@store_option
def flush(config_path: Path | None, store_url: str | None) -> None:
    """Send what waits in the outbox and is due. Exits 4 if a message could not be sent."""
    chosen = stored_site(config_path, store_url, "-")
    with _open(chosen) as app:
        done = _room(app).send()
    click.echo(f"{len(done.sent)} sent, {len(done.failed)} failed")
    raise SystemExit(Exit.CANNOT if done.failed else Exit.CLEAN)


@mail.command("test")
@click.option("--to", "recipients", multiple=True, metavar="ADDRESS", help="Not to everybody, but here. Repeatable.")
@config_option
@store_option
def try_out(recipients: tuple[str, ...], config_path: Path | None, store_url: str | None) -> None:
    """Send a test message at once, to everybody who may ever get one. Exits 4 if anybody cannot be reached."""
    for address in recipients:
        if (problem := address_problem(address)) is not None:
            raise UsageError(f"--to {address}: {problem}", hint="an address alone, such as officer@clinic.example")
    chosen = stored_site(config_path, store_url, "-")
    with _open(chosen) as app:
        room = _room(app)
        now = app.clock.now()
        content = notice(
            Notice(
                subject="[Test] tagdrift can send mail",
                tone="info",
                label="Test",
                headline="tagdrift can send mail",
                sentences=("If you can read this, messages about findings will reach you, too.",),
            )
        )
        everybody = tuple(("mail", address) for address in recipients) or _everybody(room)
        failed = 0
        with room.couriers() as (smtp, chat):
            for channel, name in everybody:
                own = message_id(room.mail.sender, "test", name, now.isoformat())
                envelope = Envelope(room.mail.sender, name, "test", own, now, room.mail.reply_to)
                sent = content.text.encode() if channel == "chat" else mail_bytes(envelope, content)
                message = Delivery(f"test for {name}", channel, name, content.subject, sent, now, now)
                failure = (chat if channel == "chat" else smtp).deliver(message)
                failed += failure is not None
                click.echo(f"{'FAIL' if failure else 'ok  '} {one_line(name, 80)}{f'  {failure}' if failure else ''}")
    raise SystemExit(Exit.CANNOT if failed else Exit.CLEAN)


@mail.command()
@click.argument("site", metavar="SITE")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("tagdrift-mail"),
    show_default=True,
    help="Write mail.eml, mail.html and mail.txt into this directory.",
)
@config_option
@store_option
def preview(site: str, folder: Path, config_path: Path | None, store_url: str | None) -> None:
    """Write the mail about SITE's open incidents as it would look if they had just been found; nothing is sent."""
    chosen = stored_site(config_path, store_url, site)
    with _open(chosen) as app:
        room = _room(app)
        comparison = app.compare(chosen.site.name, own_domains=chosen.site.own_domains)
        teller = room.teller(chosen.site, comparison, app.returned(comparison))
        content, message = teller.preview(app.store.incidents(chosen.site.name, open_only=True))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mail.eml").write_bytes(message)
    (folder / "mail.html").write_text(content.html, encoding="utf-8")
    (folder / "mail.txt").write_text(content.text, encoding="utf-8")
    click.echo(f"{one_line(content.subject)}\n{folder / 'mail.eml'}\n{folder / 'mail.html'}\n{folder / 'mail.txt'}")


@mail.command("list")
@state_options
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Show so many messages.")
def list_messages(config_path: Path | None, store_url: str | None, as_json: bool, limit: int) -> None:
    """List the outbox: what waits, what was sent, what was given up and why. Newest first."""
    chosen = stored_site(config_path, store_url, "-")
    with _open(chosen) as app:
        found = app.store.deliveries(limit)
    if as_json:
        print_json({"format": 1, "document": "outbox", "messages": [_document(message) for message in found]})
        return
    if not found:
        click.echo("the outbox is empty")
        return
    table = Table("state", "made", "to", "subject", "tries", "next or error", box=None, padding=(0, 2, 0, 0))
    for message in found:
        waits = f"{_minute(message.next_try_at)}  " if message.state is DeliveryState.WAITING else ""
        table.add_row(
            message.state.value,
            _minute(message.created_at),
            Text(one_line(message.recipient, 60)),
            Text(one_line(message.subject, 100)),
            str(message.attempts),
            Text(f"{waits}{one_line(message.error or '', 160)}"),
        )
    Console(width=width_of_output(), highlight=False).print(table)


@click.command("check-health")
@click.option("--site", "site_name", metavar="NAME", help="Look at this site only.")
@state_options
def check_health(site_name: str | None, config_path: Path | None, store_url: str | None, as_json: bool) -> None:
    """Are the sites still watched? Looks at the age and the coverage of their last scans, and at the outbox.

    Whoever is told of a site's scans is told once when it is not; where no mail is configured, the output and the
    exit code alone tell. Meant for a cron job of its own. Exits 4 if a site is not watched or a message is stuck.
    """
    chosen = stored_site(config_path, store_url, site_name or "-")
    with _open(chosen) as app:
        room, store, now = app.mailroom, app.store, app.clock.now()
        healths = [
            room.check(site) if room else site_health(site, store.scans(site.name), now, OVERDUE_AFTER)
            for site in _sites(chosen, app, site_name)
        ]
        if room:
            room.send()
        troubles = stuck(app.store.deliveries(1_000), app.clock.now())
    well = all(health.state is HealthState.WELL for health in healths) and not troubles
    if as_json:
        print_json(
            {
                "format": 1,
                "document": "health",
                "ok": well,
                "sites": [{"site": h.site, "state": h.state.value, "said": sentence(h)} for h in healths],
                "stuck": [_document(message) for message in troubles],
            }
        )
    else:
        for health in healths:
            mark = "ok  " if health.state is HealthState.WELL else "FAIL"
            click.echo(f"{mark} {one_line(health.site, 60):<24} {sentence(health)}")
        for message in troubles:
            said = f"{message.state.value} since {_minute(message.created_at)}: {one_line(message.error or '', 160)}"
            click.echo(f"FAIL message to {one_line(message.recipient, 60)} {said}")
    raise SystemExit(Exit.CLEAN if well else Exit.CANNOT)


def _open(chosen: Target) -> AbstractContextManager[App]:
    return App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging, chosen.config, **chosen.house)


def _room(app: App) -> Mailroom:
    if app.mailroom is None:
        raise UsageError("no mail is configured", hint=_HINT)
    return app.mailroom


def _everybody(room: Mailroom) -> tuple[tuple[str, str], ...]:
    mail = room.mail
    found = [("mail", address) for address in mail.to]
    found += [("mail", address) for route in mail.routes for address in route.to]
    found += [("chat", name) for name in mail.chat]
    return tuple(dict.fromkeys(found))


def _sites(chosen: Target, app: App, name: str | None) -> tuple[SiteConfig, ...]:
    if name is not None:
        must_be_known(chosen, app.store)
        return (chosen.site,)
    if chosen.config is not None and chosen.config.sites:
        return chosen.config.sites
    return tuple(SiteConfig(name=known, start=(f"https://{known}/",)) for known in app.store.sites())


def _document(message: Delivery) -> dict[str, object]:
    return {
        "id": message.id,
        "channel": message.channel,
        "recipient": message.recipient,
        "subject": message.subject,
        "state": message.state.value,
        "created_at": message.created_at.isoformat(),
        "next_try_at": message.next_try_at.isoformat() if message.state is DeliveryState.WAITING else None,
        "attempts": message.attempts,
        "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        "error": message.error,
    }


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
