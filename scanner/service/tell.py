"""Who is told what about a scan: from incident changes to messages for the outbox. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.mail import MailContent, News, Notice, Told, chat_text, digest, notice, worst_first
from reports.mail_message import Envelope, mail_bytes, message_id, thread_of
from reports.model import ReportView
from reports.render import render_html
from scanner.config import MailConfig, MailRoute
from scanner.model import Delivery, Incident, IncidentChange, IncidentChangeKind, IncidentState, Severity, SiteConfig
from scanner.patterns import any_fits
from scanner.service.compare import Comparison
from scanner.service.health import (
    HealthState,
    SiteHealth,
    alert,
    alert_key,
    heartbeat,
    heartbeat_key,
    recovery,
)

_GRAVE = Severity.HIGH
"""A violation of this severity is told although it was seen once only."""
Vendors = frozenset[str] | None
"""Ids; None: all of them."""
Recipient = tuple[str, str]
"""Channel (`mail` | `chat`) and address or name."""


def news_of(change: IncidentChange, at: datetime, remind_after: timedelta | None) -> News | None:
    """Say why somebody is to be told of `change` at `at`; None: no news.

    An incident nobody was told of yet is new whatever happened in this scan. One that was seen once only is no news
    before it is confirmed, unless it is grave and forbidden: then what was received was received.
    """
    incident = change.incident
    if incident.state is IncidentState.CLOSED:
        return News.CLOSED if change.kind is IncidentChangeKind.CLOSED and incident.told_at is not None else None
    if incident.state is not IncidentState.OPEN:
        return None
    if not incident.confirmed and not (incident.finding.violation and incident.finding.severity.rank <= _GRAVE.rank):
        return None
    if incident.told_at is None:
        return News.OPENED
    if change.kind is IncidentChangeKind.WORSENED:
        return News.WORSENED
    due = remind_after is not None and at - incident.told_at >= remind_after
    return News.REMINDER if due and not incident.absent_scans else None


def audience(mail: MailConfig, site: str, severity: Severity | None, vendor: str | None) -> tuple[Recipient, ...]:
    """Return who is told of something, each once. None for severity or vendor: it has none."""
    taken = [route for route in mail.routes if _fits(route, site, severity, vendor)]
    if taken:
        told: list[Recipient] = [("mail", address) for route in taken for address in route.to]
        told += [("chat", name) for route in taken for name in route.chat]
    else:
        named = {name for route in mail.routes for name in route.chat}
        told = [("mail", address) for address in mail.to]
        told += [("chat", name) for name in mail.chat if name not in named]
    # The case of an address' letters matters to nobody in practice.
    return tuple({(channel, name.casefold()): (channel, name) for channel, name in told}.values())


def vendors_of(mail: MailConfig, site: str, recipient: Recipient) -> Vendors:
    """Return the vendors to which the routes of `site` narrow what a recipient is told; None: nothing narrows it."""
    channel, name = recipient
    told = [route for route in mail.routes if any_fits(site, route.site) and name.casefold() in _names(route, channel)]
    if not told or not all(route.vendor for route in told):
        return None
    everybody = mail.to if channel == "mail" else ()
    if name.casefold() in {one.casefold() for one in everybody}:
        return None  # gets what no route takes, too
    return frozenset(vendor for route in told for vendor in route.vendor)


def _names(route: MailRoute, channel: str) -> set[str]:
    return {name.casefold() for name in (route.to if channel == "mail" else route.chat)}


def _fits(route: MailRoute, site: str, severity: Severity | None, vendor: str | None) -> bool:
    return (
        any_fits(site, route.site)
        and (route.severity is None or (severity is not None and severity.rank <= route.severity.rank))
        and (not route.vendor or vendor in route.vendor)
    )


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes the messages about one scan; all it needs is in it."""

    mail: MailConfig
    site: SiteConfig
    health: SiteHealth
    """After the scan."""
    report: Callable[[Vendors], ReportView]
    """The scan's report, as far as it speaks of these vendors; made only when somebody is told."""
    now: datetime

    def news(self, change: IncidentChange, at: datetime) -> News | None:
        return news_of(change, at, self.mail.remind_after)

    def messages(self, comparison: Comparison, told: Sequence[Told], open_count: int) -> list[Delivery]:
        """Return the digests for everybody concerned, and what is to be said about the scan itself."""
        made = self._digests(comparison, told) if told else []
        for key, said in self._notices(quiet=not told and not open_count):
            made += notices(self.mail, self.site.name, key, said, self.now)
        return made

    def preview(self, incidents: Sequence[Incident]) -> tuple[MailContent, bytes]:
        """Return the mail about `incidents` as if they were new, else the heartbeat, and the message to the first."""
        recipient = next(iter(self.mail.to), self.mail.sender)
        identity = ("preview", self.site.name, self.now.isoformat())
        own = message_id(self.mail.sender, *identity)
        envelope = Envelope(self.mail.sender, recipient, self.site.name, own, self.now, self.mail.reply_to)
        if incidents:
            report = self.report(None)
            content = digest([Told(News.OPENED, incident) for incident in incidents], report)
            return content, mail_bytes(envelope, content, render_html(report))
        content = notice(heartbeat(self.health, self.mail.heartbeat or timedelta(days=7)))
        return content, mail_bytes(envelope, content)

    def _digests(self, comparison: Comparison, told: Sequence[Told]) -> list[Delivery]:
        reports: dict[Vendors, tuple[ReportView, str]] = {}
        scan = comparison.scan
        made: list[Delivery] = []
        for group, recipients in _groups(self.mail, self.site.name, told).items():
            for channel, name in recipients:
                vendors = vendors_of(self.mail, self.site.name, (channel, name))
                if vendors not in reports:
                    report = self.report(vendors)
                    reports[vendors] = report, render_html(report)
                report, html = reports[vendors]
                content = digest(group, report)
                identity = _identity(self.site.name, scan.id, scan.started_at, name)
                earlier = [
                    message_id(
                        self.mail.sender,
                        *_identity(self.site.name, one.incident.opened_scan, one.incident.first_seen_at, name),
                    )
                    for one in worst_first(group)
                    if one.incident.opened_scan != scan.id
                ]
                key = f"digest of {self.site.name}: scan {scan.id} of {scan.started_at.isoformat()} for {name}"
                if channel == "chat":
                    made.append(_chat(key, name, content.subject, chat_text(group, report), self.now))
                else:
                    made.append(_mail(self.mail, key, name, self.site.name, identity, content, self.now, earlier, html))
        return made

    def _notices(self, *, quiet: bool) -> Iterable[tuple[str, Notice]]:
        health = self.health
        if health.state is not HealthState.WELL:
            yield alert_key(health), alert(health)
        elif health.recovered:
            yield alert_key(health), recovery(health)
        elif quiet and self.mail.heartbeat is not None and health.last is not None:
            at = health.last.started_at
            yield heartbeat_key(health.site, at, self.mail.heartbeat), heartbeat(health, self.mail.heartbeat)


def notices(mail: MailConfig, site: str, key: str, said: Notice, now: datetime) -> list[Delivery]:
    """Return the messages that say `said` to everybody who is told of the site's scans; `key` names the state."""
    content = notice(said)
    made: list[Delivery] = []
    for channel, name in audience(mail, site, None, None):
        own = f"{key} for {name}"
        if channel == "chat":
            made.append(_chat(own, name, content.subject, content.text, now))
        else:
            made.append(_mail(mail, own, name, site, (own,), content, now))
    return made


def _groups(mail: MailConfig, site: str, told: Sequence[Told]) -> dict[tuple[Told, ...], list[Recipient]]:
    """Put together who gets the same digest."""
    own: dict[Recipient, list[Told]] = defaultdict(list)
    for one in told:
        tag = one.incident.finding.tag
        for recipient in audience(mail, site, one.incident.finding.severity, tag.vendor if tag else None):
            own[recipient].append(one)
    groups: dict[tuple[Told, ...], list[Recipient]] = defaultdict(list)
    for recipient, incidents in own.items():
        groups[tuple(incidents)].append(recipient)
    return dict(groups)


def _identity(site: str, scan_id: int, started_at: datetime, recipient: str) -> tuple[str, ...]:
    """What a digest's Message-ID is made of; the time tells a new store's scan 1 from an old one's."""
    return ("digest", site, str(scan_id), started_at.isoformat(), recipient)


def _mail(
    mail: MailConfig,
    key: str,
    recipient: str,
    site: str,
    identity: Sequence[str],
    content: MailContent,
    now: datetime,
    earlier: Sequence[str] = (),
    report_html: str | None = None,
) -> Delivery:
    own = message_id(mail.sender, *identity)
    envelope = Envelope(mail.sender, recipient, site, own, now, mail.reply_to, thread_of(earlier, own))
    return Delivery(key, "mail", recipient, content.subject, mail_bytes(envelope, content, report_html), now, now)


def _chat(key: str, name: str, subject: str, text: str, now: datetime) -> Delivery:
    return Delivery(f"{key} (chat)", "chat", name, subject, text.encode(), now, now)
