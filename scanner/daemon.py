"""`tagdrift run`: scans every site at its times, until somebody asks to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from scanner.clockwork.timetable import Timetable
from scanner.config import Config
from scanner.errors import Exit, Interrupted, SiteBusy, TagdriftError
from scanner.fleet.places import Places
from scanner.model import Outcome, ScanKind, SiteConfig
from scanner.service.compare import Comparison
from scanner.service.scan import Progress
from scanner.service.schedule import alarms, last_times, of_alarm
from scanner.wiring import App

UPKEEP_EVERY_S = 60.0
"""How often waiting messages are tried."""
HEALTH_EVERY_S = 900.0
"""How often it is looked at whether the sites are still watched."""
_WORST = (Exit.BUG, Exit.USAGE, Exit.CANNOT, Exit.DRIFT, Exit.COVERAGE, Exit.CLEAN)

Verdict = Callable[[App, Comparison, SiteConfig], Exit]
"""What a scan's result is as an exit code."""


@dataclass(slots=True, eq=False)
class _Edition:
    """One reading of the configuration with the parts that were built from it."""

    config: Config
    app: App
    closing: contextlib.ExitStack
    users: int = 0
    retired: bool = False

    @contextlib.contextmanager
    def in_use(self) -> Iterator[App]:
        """Keep the parts open while a scan needs them, also if there is a newer edition by then."""
        self.users += 1
        try:
            yield self.app
        finally:
            self.users -= 1
            self.close_if_done()

    def close_if_done(self) -> None:
        if self.retired and not self.users:
            self.closing.close()


@dataclass(slots=True, eq=False)
class Daemon:
    """Use once: `await Daemon(...).run()`, in the main thread, whose signals it takes."""

    read: Callable[[], Config]
    """Read and check the configuration with its secrets. Raises `ProblemsError`."""
    say: Callable[[str], None]
    """Write one line of the log."""
    verdict: Verdict
    _edition: _Edition | None = None
    _timetable: Timetable | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _reload: asyncio.Event = field(default_factory=asyncio.Event)
    _scans: Places = field(default_factory=Places)
    _visits: Places = field(default_factory=Places)
    _sites: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _under_way: set[asyncio.Task[Exit]] = field(default_factory=set)
    """Scans that run and scans that wait for their turn."""
    _running: int = 0
    _next_health_s: float = 0.0
    """On the event loop's clock."""

    async def run(self) -> Exit:
        """Scan at the sites' times until SIGTERM or SIGINT, then park what is under way; return `Exit.CLEAN`.

        Raises:
            TagdriftError: it could not even begin: configuration, store, schedule file.
        """
        with self._signals():
            try:
                await self._begin()
                await self._until_stopped()
            finally:
                await self._end()
        self.say("stopped")
        return Exit.CLEAN

    async def run_once(self) -> Exit:
        """Scan every site of the configuration once, and return the worst result."""
        with self._signals():
            try:
                edition = await self._adopt(await asyncio.to_thread(self._open))
                for site in edition.config.sites:
                    self._start(site, ScanKind.FULL)
                codes = await asyncio.gather(*self._under_way)
                await self._upkeep(edition)
            finally:
                await self._end()
        return min(codes, key=_WORST.index, default=Exit.CLEAN)

    # ------------------------------------------------------------------ life

    async def _begin(self) -> None:
        edition = await self._adopt(await asyncio.to_thread(self._open))
        self._timetable = Timetable(_schedule_file(edition.config), self._rung, self.say)
        self._timetable.start()
        await self._set_alarms(edition)
        self.say(f"running: {', '.join(self._times())}")
        for site in edition.config.sites:
            if site.schedule.full is not None and await asyncio.to_thread(edition.app.resumable, site):
                self._start(site, ScanKind.FULL)
        self._timetable.go()

    async def _until_stopped(self) -> None:
        while not self._stop.is_set():
            waits = [asyncio.ensure_future(event.wait()) for event in (self._stop, self._reload)]
            await asyncio.wait(waits, timeout=UPKEEP_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            if self._stop.is_set():
                return
            if self._reload.is_set():
                self._reload.clear()
                await self._read_again()
            elif self._edition is not None:
                await self._upkeep(self._edition)

    async def _end(self) -> None:
        self._stop.set()
        if self._timetable is not None:
            self._timetable.pause()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._timetable is not None:
            self._timetable.close()
        if self._edition is not None:
            self._edition.retired = True
            self._edition.close_if_done()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        try:
            yield
        finally:
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self.say("asked twice: ending at once")
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
            os._exit(Exit.CANNOT)
        count = self._running  # those that wait for their turn have nothing to park
        parked = f"; parking {count} scan{'s' if count > 1 else ''}, ask again to end at once" if count else ""
        self.say(f"asked to stop{parked}")
        self._stop.set()

    # ------------------------------------------------------------------ configuration

    def _open(self) -> _Edition:
        config = self.read()
        closing = contextlib.ExitStack()
        opened = App.open(config.store_url, config.rule_paths, config.policy, config.judging, config)
        app = closing.enter_context(opened)
        if app.mailroom is not None:
            app = replace(app, mailroom=replace(app.mailroom, say=self.say))
        return _Edition(config, app, closing)

    async def _adopt(self, edition: _Edition) -> _Edition:
        old, self._edition = self._edition, edition
        if old is not None:
            old.retired = True
            old.close_if_done()
        await self._scans.resize(edition.config.scans_at_once)
        await self._visits.resize(edition.config.browsers)
        return edition

    async def _read_again(self) -> None:
        assert self._edition is not None
        try:
            new = await asyncio.to_thread(self._open)
        except TagdriftError as error:
            for line in error.message.splitlines():
                self.say(f"new configuration refused: {line}")
            self.say("the old configuration stays in force")
            return
        if _schedule_file(new.config) != _schedule_file(self._edition.config):
            self.say("the schedule file stays where it is until the next start")
        await self._set_alarms(await self._adopt(new))
        self.say(f"new configuration in force: {', '.join(self._times())}")

    async def _set_alarms(self, edition: _Edition) -> None:
        assert self._timetable is not None
        last = await asyncio.to_thread(_last_scans, edition)
        self._timetable.set(alarms(edition.config.sites, last, edition.app.clock.now()))

    def _times(self) -> list[str]:
        assert self._timetable is not None
        times = self._timetable.next_times()
        return [f"{name} at {times[name]:%Y-%m-%d %H:%M:%S %Z}" for name in sorted(times)] or ["nothing is scheduled"]

    # ------------------------------------------------------------------ scans

    async def _rung(self, alarm: str) -> None:
        """A site's time has come. Returns when its scan is over, so that the next time does not begin another."""
        name, kind = of_alarm(alarm)
        edition = self._edition
        site = next((site for site in edition.config.sites if site.name == name), None) if edition else None
        if site is None or self._stop.is_set():
            return
        if kind is ScanKind.LIGHT and self._sites[name].locked():
            self.say(f"{name}: no light scan now, another one is under way")
            return
        await asyncio.wait({self._start(site, kind)})

    def _start(self, site: SiteConfig, kind: ScanKind) -> asyncio.Task[Exit]:
        task = asyncio.create_task(self._scan(site, kind))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _scan(self, site: SiteConfig, kind: ScanKind) -> Exit:
        async with self._sites[site.name], self._scans.one():
            if self._stop.is_set():
                return Exit.CANNOT
            assert self._edition is not None
            with self._edition.in_use() as app:
                self.say(f"{site.name}: {kind} scan is due")
                self._running += 1
                try:
                    return await self._scan_with(app, site, kind)
                finally:
                    self._running -= 1

    async def _scan_with(self, app: App, site: SiteConfig, kind: ScanKind) -> Exit:
        try:
            comparison = await app.scan(
                site, observe=self._observer(site.name), kind=kind, stop=self._stop, places=self._visits
            )
        except SiteBusy as busy:
            self.say(f"{site.name}: left out, {busy.message}; tried again at its next time")
            return busy.exit_code
        except Interrupted as stopped:
            self.say(f"{site.name}: {stopped.message}")
            return stopped.exit_code
        except TagdriftError as error:
            self.say(f"{site.name}: could not be scanned: {error.message}")
            return error.exit_code
        except Exception:  # noqa: BLE001 - one site's trouble must not end the watch over the others
            for line in traceback.format_exc().splitlines():
                self.say(f"{site.name}: {line}")
            self.say(f"{site.name}: this is a bug in tagdrift; please report it with the lines above")
            return Exit.BUG
        code = await asyncio.to_thread(self.verdict, app, comparison, site)
        self.say(f"{site.name}: {_told(comparison)}")
        return code

    def _observer(self, name: str) -> Callable[[Progress], None]:
        def observe(news: Progress) -> None:
            if news.note:
                self.say(f"{name}: {news.note}")
            if news.outcome is not None and news.outcome is not Outcome.OK:
                self.say(f"{name}: {news.outcome} {news.page}" + (f": {news.detail}" if news.detail else ""))

        return observe

    # ------------------------------------------------------------------ upkeep

    async def _upkeep(self, edition: _Edition) -> None:
        """Look at the sites' health, and try the messages that wait."""
        with edition.in_use() as app:
            if app.mailroom is None:
                return
            try:
                for site in edition.config.sites if self._health_is_due() else ():
                    if site.schedule.full is not None and await asyncio.to_thread(_may_be_missed, app, site):
                        await asyncio.to_thread(app.mailroom.check, site)
                await asyncio.to_thread(app.mailroom.send)
            except TagdriftError as error:
                self.say(f"upkeep: {error.message}")

    def _health_is_due(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        due = now_s >= self._next_health_s
        if due:
            self._next_health_s = now_s + HEALTH_EVERY_S
        return due


def _may_be_missed(app: App, site: SiteConfig) -> bool:
    """A site that was never scanned has just been set up: its first scan is waited for."""
    return any(scan.ended_at is not None for scan in app.store.scans(site.name, 1))


def _last_scans(edition: _Edition) -> dict[tuple[str, ScanKind], datetime]:
    sites = edition.config.sites
    return {when: at for site in sites for when, at in last_times(edition.app.store.scans(site.name)).items()}


def _schedule_file(config: Config) -> Path:
    if config.schedule_file is not None:
        return config.schedule_file
    store = config.store_url.partition("?")[0].removeprefix("sqlite:///")
    if store != config.store_url and store != ":memory:":
        return Path(store).with_name(f"{Path(store).stem}-schedule.db")
    return (config.path.parent if config.path else Path()) / "tagdrift-schedule.db"


def _told(comparison: Comparison) -> str:
    scan = comparison.scan
    took = (scan.ended_at - scan.started_at if scan.ended_at else timedelta()).total_seconds()
    found = len(comparison.findings)
    what = "nothing to compare with yet" if comparison.drift is None else f"{found} finding{'s' if found != 1 else ''}"
    broken = sum(finding.violation for finding in comparison.findings)
    return (
        f"{scan.kind} scan {scan.id} is {scan.state} after {took:.0f} s: {scan.coverage.ok} of {scan.coverage.planned}"
        f" pages seen whole, {what}" + (f", {broken} against the policy" if broken else "")
    )
