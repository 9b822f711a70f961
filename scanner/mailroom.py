"""Builds the parts that tell people, and puts them together: couriers, outbox, pings. Part of the wiring."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from reports.deliver.chat import ChatCourier
from reports.deliver.ping import ping
from reports.deliver.smtp import SmtpCourier
from reports.escape import one_line
from reports.mail import Notice
from reports.model import Names, ReportView
from reports.view import build_view
from scanner import __version__
from scanner.config import MailConfig, load_config
from scanner.errors import TagdriftError
from scanner.model import ScanRecord, ScanState, SiteConfig, TagKey
from scanner.ports import Clock, Courier, Store
from scanner.service.compare import Comparison
from scanner.service.health import HealthState, SiteHealth, alert, alert_key, cannot_run, site_health
from scanner.service.noted import left_out_in_words, of_vendors, vendors_in_words, with_caveats
from scanner.service.outbox import Flushed, flush
from scanner.service.tell import Teller, Vendors, notices


def say(text: str) -> None:
    """Tell a person on standard error."""
    sys.stderr.write(f"tagdrift: {one_line(text)}\n")


@dataclass(frozen=True, slots=True)
class Mailroom:
    """Everything about telling people. Nothing here fails a scan: what goes wrong is said on standard error."""

    store: Store
    clock: Clock
    names_of: Callable[[], Names]
    """The rules' names of vendors and products."""
    mail: MailConfig
    """Without its secrets."""
    config_path: Path
    """Where they are read from, at the moment a message is sent."""
    say: Callable[[str], None] = say

    def teller(self, site: SiteConfig, comparison: Comparison, returned: frozenset[TagKey]) -> Teller:
        """Return who makes the messages about the scan of `comparison`."""
        scan = comparison.scan
        now = self.clock.now()

        def report(vendors: Vendors) -> ReportView:
            told = comparison if vendors is None else of_vendors(comparison, vendors)
            view = build_view(
                site=site.name,
                start_url=site.start[0],
                scan=scan,
                baseline=comparison.baseline,
                drift=told.drift,
                findings=told.findings,
                snapshot=told.snapshot,
                names=self.names_of(),
                generated_at=now,
                tool_version=__version__,
                approval=comparison.approval,
                coverage_threshold=site.coverage_threshold,
                returned=returned,
            )
            view = replace(view, scan_hash=self.store.scan_hash(scan.id))
            narrowed = () if vendors is None else vendors_in_words(vendors, self.names_of())
            return with_caveats(view, (*narrowed, *left_out_in_words(told)))

        scans = [one for one in self.store.scans(site.name) if one.id <= scan.id]
        return Teller(self.mail, site, site_health(site, scans), report, now)

    # -- after a scan
    def scanned(self, site: SiteConfig, scan: ScanRecord) -> None:
        """Send what is due and tell the dead-man's switch how the scan went."""
        self.send()
        health = site_health(site, [scan])
        self._ping(site.name, ok=health.state is HealthState.WELL and scan.state is ScanState.COMPLETE)

    def could_not_scan(self, site: SiteConfig, error: TagdriftError) -> None:
        """Tell people once that a scan could not run, until one is finished again."""
        try:
            last = next((scan for scan in self.store.scans(site.name) if scan.state is not ScanState.RUNNING), None)
            since = f"scan {last.id} of {last.started_at.isoformat()}" if last else "the beginning"
            self._record(site.name, f"cannot scan {site.name} since {since}", cannot_run(site.name, error.message))
        except TagdriftError as worse:
            self.say(f"nobody could be told: {worse.message}")
        self.send()
        self._ping(site.name, ok=False)

    # -- from outside
    def check(self, site: SiteConfig) -> SiteHealth:
        """Return the site's health as of now; if it is not well, see to it that people are told once."""
        health = site_health(site, self.store.scans(site.name), self.clock.now(), self.mail.overdue_after)
        if health.state is not HealthState.WELL:
            self._record(site.name, alert_key(health), alert(health))
        return health

    def send(self) -> Flushed:
        """Try what is due once. Never raises for what a server, a secret or the store does."""
        try:
            with self.couriers() as (smtp, chat):
                done = flush(self.store, {"mail": smtp, "chat": chat}, self.clock)
        except TagdriftError as error:
            self.say(f"no message was sent: {error.message}")
            return Flushed()
        for failed in done.failed:
            again = f"tried again at {failed.next_try_at:%Y-%m-%d %H:%M} UTC" if failed.next_try_at else "given up"
            self.say(f"not sent to {failed.message.recipient} ({again}): {failed.failure}")
        return done

    @contextmanager
    def couriers(self) -> Iterator[tuple[Courier, Courier]]:
        """Yield the couriers for mail and chat, with their secrets. Raises `ProblemsError` if one is missing."""
        mail = load_config(self.config_path, site_secrets=False, mail_secrets=True).mail or self.mail
        server = mail.smtp
        smtp = SmtpCourier(
            server.host,
            server.port,
            sender=mail.sender,
            security=server.security,
            username=server.username,
            password=server.password.reveal() if server.password else None,
            timeout_s=server.timeout_s,
            ca_file=server.ca_file,
        )
        try:
            yield smtp, ChatCourier({name: secret.reveal() for name, secret in mail.chat.items() if secret})
        finally:
            smtp.close()

    def _record(self, site: str, key: str, said: Notice) -> None:
        self.store.record(notices(self.mail, site, key, said, self.clock.now()))

    def _ping(self, site: str, *, ok: bool) -> None:
        if not self.mail.pings:
            return
        try:
            mail = load_config(self.config_path, site_secrets=False, mail_secrets=True).mail
        except TagdriftError as error:
            self.say(f"no ping: {error.message}")
            return
        if mail is not None and mail.ping is not None and (trouble := ping(mail.ping.reveal(), site, ok=ok)):
            self.say(trouble)
