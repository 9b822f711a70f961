"""Builds the real parts and puts them together. The only place that knows which implementation is used."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Self

from rules.load import load_rules
from scanner import __version__
from scanner.approvals_file import read_file
from scanner.clock import SystemClock
from scanner.config import Config
from scanner.errors import CannotRun, Interrupted, ProblemsError, SiteBusy
from scanner.fleet.places import Places
from scanner.house_rules import HouseRules
from scanner.incidents import evidence_visits
from scanner.judging import Judging
from scanner.mailroom import Mailroom
from scanner.model import (
    Approval,
    PageCapture,
    Retention,
    ScanKind,
    ScanRecord,
    ScanState,
    SiteConfig,
    SiteSchedule,
    Snapshot,
    TagKey,
)
from scanner.older_scans import best_to_go_by
from scanner.policy import Policy, Ruling, rulings
from scanner.policy_read import read_policy
from scanner.ports import Clock, Store
from scanner.service.approving import ApprovalDesk
from scanner.service.compare import Comparison, compare_scans, newest_scan, older_side, tags_before
from scanner.service.judge import RulesJudge
from scanner.service.light import light_pages, light_site
from scanner.service.scan import Observer, ScanRun, why_not_resumed
from scanner.service.scan_summary import summarise
from scanner.service.settle import settle, unsettled
from scanner.severity_rules import SeverityRule
from scanner.store import open_store


@dataclass(frozen=True, slots=True)
class App:
    """Everything a command needs, wired. Use as a context manager, so that the store is closed."""

    store: Store
    load_judge: Callable[[], RulesJudge]
    """Loads the rules when it is called for the first time: half of the commands need none."""
    clock: Clock
    policy: Policy
    mailroom: Mailroom | None = None
    """None: nobody is told."""
    approvals: Path | None = None
    """The approvals file, read anew whenever something is compared; None: there is none."""
    severities: tuple[SeverityRule, ...] = ()

    @classmethod
    @contextmanager
    def open(
        cls,
        store_url: str,
        rule_paths: Sequence[str] = (),
        policy: Mapping[str, Any] | None = None,
        judging: Judging | None = None,
        config: Config | None = None,
        approvals: Path | None = None,
        severities: tuple[SeverityRule, ...] = (),
    ) -> Iterator[Self]:
        """Open the store. The rules are loaded when they are first asked for.

        `policy` is a configuration's policy section; without one the healthcare preset holds. `judging` is what it
        says of identities and health terms: every command that compares needs the same. `config` is for commands that
        tell people: its `mail` section says whom. `approvals` and `severities` are the configuration's, by default that
        of `config`.
        Raises `StoreError` for the store; `judge` raises `ProblemsError` for rule files."""

        @cache
        def load_judge() -> RulesJudge:
            return RulesJudge(load_rules(rule_paths), judging or Judging())

        store = open_store(store_url)
        clock = SystemClock()
        mailroom = None
        if config is not None:
            approvals, severities = approvals or config.approvals_file, severities or config.severities
        if config is not None and config.mail is not None and config.path is not None:
            mailroom = Mailroom(store, clock, lambda: load_judge().names, config.mail, config.path)
        try:
            yield cls(store, load_judge, clock, read_policy(policy or {}), mailroom, approvals, severities)
        finally:
            store.close()

    @property
    def judge(self) -> RulesJudge:
        return self.load_judge()

    async def scan(
        self,
        site: SiteConfig,
        *,
        observe: Observer,
        keep: Callable[[PageCapture], None] = lambda _capture: None,
        kind: ScanKind = ScanKind.FULL,
        stop: asyncio.Event | None = None,
        places: Places | None = None,
    ) -> Comparison:
        """Scan `site` and compare the result with its baseline, or the last full scan.

        Ctrl-C and SIGTERM end the browsers and raise `Interrupted`; finished visits stay saved. So does `stop`, if it
        is given; signals are then the caller's. Visits wait for one of `places`, which several scans may share. A
        light scan becomes a full one as long as there is none to go by, or one was interrupted and can be gone on with.
        """
        from scanner.fleet.visitors import discover_as_visitor, fleet_for  # see there: every other command is quicker

        house = await asyncio.to_thread(self._read_house_rules, site)
        only = await asyncio.to_thread(self._light_pages, site) if kind is ScanKind.LIGHT else None
        run = ScanRun(
            site=site if only is None else light_site(site),
            store=self.store,
            fleet=fleet_for(site, self.judge.rules.wanted(), places),
            judge=self.judge,
            clock=self.clock,
            discover=discover_as_visitor,
            tool_version=__version__,
            config_digest=config_digest(site),
            observe=observe,
            keep=keep,
            only=only,
            house=house,
            stop=stop or asyncio.Event(),
        )
        try:
            with _stop_signals(run.stop) if stop is None else contextlib.nullcontext():
                scan = await run.run()
        except (Interrupted, SiteBusy):
            raise
        except CannotRun as error:
            if self.mailroom is not None:
                await asyncio.to_thread(self.mailroom.could_not_scan, site, error)
            raise
        comparison = await asyncio.to_thread(self._consequences, site, scan)
        await asyncio.to_thread(self._thin, site)
        if self.mailroom is not None:
            if scan.kind is ScanKind.FULL:
                await asyncio.to_thread(self.mailroom.scanned, site, scan)
            else:
                await asyncio.to_thread(self.mailroom.send)
        return comparison

    def _thin(self, site: SiteConfig) -> None:
        evidence = evidence_visits(self.store.incidents(site.name))
        self.store.thin(site.name, self.clock.now(), site.retention, keep_visits=evidence)

    def resumable(self, site: SiteConfig) -> bool:
        """Say whether a full scan of `site` was interrupted and can be gone on with."""
        left = self.store.running_scan(site.name)
        if left is None or left.kind is ScanKind.LIGHT:
            return False
        return why_not_resumed(self.store, left, site, config_digest(site), self.clock.now()) is None

    def _light_pages(self, site: SiteConfig) -> tuple[str, ...] | None:
        scans = [
            one
            for one in self.store.scans(site.name)
            if one.state is not ScanState.RUNNING and one.profile == site.profile
        ]
        full = [one for one in scans if one.kind is ScanKind.FULL and one.coverage.visited]
        if not full or self.resumable(site):
            return None
        base = best_to_go_by(full) or full[0]
        since = [one for one in reversed(scans) if one.kind is ScanKind.LIGHT and one.id > base.id]
        return light_pages(
            (inventory for inventory, _digest in self.store.inventories(base.id)),
            (inventory for one in since for inventory, _digest in self.store.inventories(one.id)),
            self.store.incidents(site.name, open_only=True),
            len(since),
        )

    def _consequences(self, site: SiteConfig, scan: ScanRecord) -> Comparison:
        for left in unsettled(self.store, site.name):
            if left.id < scan.id:
                self._settle(site, self.compare(site.name, left, site.own_domains))
        comparison = self.compare(site.name, scan, site.own_domains)
        self._settle(site, comparison)
        self.desk().notice()
        if scan.kind is ScanKind.FULL:
            self.store.save_summary(scan.id, summarise(comparison.snapshot.pages))
        return comparison

    def _settle(self, site: SiteConfig, comparison: Comparison) -> None:
        room = self.mailroom
        settle(self.store, comparison, room.teller(site, comparison, self.returned(comparison)) if room else None)

    def compare(
        self, site: str, scan: ScanRecord | None = None, own_domains: Sequence[str] = (), *, with_last: bool = False
    ) -> Comparison:
        """Compare `scan` (default: the newest finished one) with the baseline, else with the last full scan."""
        scan = scan or newest_scan(self.store, site)
        house = self.house_rules()
        older, approval = older_side(self.store, scan, with_last=with_last, acceptances=house.acceptances)
        return compare_scans(self.store, self.judge, scan, older, approval, own_domains, self.policy, house)

    def desk(self) -> ApprovalDesk:
        return ApprovalDesk(self.store, self.clock, self.approvals)

    def _read_house_rules(self, site: SiteConfig) -> HouseRules:
        """Find out before the first visit that the approvals file is wrong; and tell people, as of any such trouble."""
        try:
            return self.house_rules()
        except ProblemsError as error:
            if self.mailroom is not None:
                self.mailroom.could_not_scan(site, error)
            raise

    def house_rules(self) -> HouseRules:
        """What the owner decided, as the files say now. Raises `ProblemsError` for an approvals file that is wrong."""
        return HouseRules(read_file(self.approvals), self.severities)

    def rulings(self, snapshot: Snapshot, policy: Policy | None = None, today: date | None = None) -> Iterator[Ruling]:
        """Yield which rule decides about each thing of `snapshot`; approvals included. `today`: the day of its scan."""
        scan, house = snapshot.scan, self.house_rules()
        today = today or scan.started_at.date()
        approved, lapsed = house.in_force(scan.site, today), house.lapsed(scan.site, today)
        for page in snapshot.pages:
            yield from rulings(
                policy or self.policy,
                page,
                today=today,
                consent=scan.profile.consent,
                page_kind=self.judge.page_kind,
                approved=approved,
                lapsed=lapsed,
            )

    def returned(self, comparison: Comparison) -> frozenset[TagKey]:
        """Tags that appeared now and that some scan before the baseline has seen: they are back."""
        return tags_before(self.store, comparison)

    def approve(self, scan: ScanRecord, *, who: str, why: str, site: SiteConfig, until: date | None = None) -> Approval:
        """Make `scan` the site's baseline; see `scanner.service.approving`."""
        return self.desk().approve_state(
            scan, who=who, why=why, until=until, coverage_threshold=site.coverage_threshold
        )


def config_digest(site: SiteConfig) -> str:
    """Say in one number what a scan of `site` would visit and how; secrets are not part of it.

    An interrupted scan is resumed only under the same digest.
    """
    plain = replace(site, extra_headers=(), http_credentials=None, storage_state=None, retention=Retention())
    plain = replace(plain, schedule=SiteSchedule())
    return hashlib.sha256(repr(plain).encode()).hexdigest()


@contextmanager
def _stop_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    added: list[signal.Signals] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError):  # not the main thread: somebody else handles signals
            loop.add_signal_handler(number, stop.set)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)
