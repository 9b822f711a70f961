"""The use case "scan one site": frontier → fleet → store, continuously, until nothing is left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from scanner.crawl.frontier import Frontier
from scanner.crawl.politeness import Gate
from scanner.errors import Interrupted, SiteBusy, TagdriftError
from scanner.house_rules import HouseRules
from scanner.model import (
    Coverage,
    Outcome,
    PageCapture,
    PageInventory,
    ScanKind,
    ScanRecord,
    ScanState,
    SightingKind,
    SiteConfig,
    Snapshot,
    VisitTask,
)
from scanner.older_scans import best_to_go_by
from scanner.ports import Clock, Fleet, Store
from scanner.service.compare import NO_HOUSE_RULES, Judge, Sharing
from scanner.service.confirm import OlderSide, SecondVisits, read_ahead, surprising_pages
from scanner.service.holder import is_dead, new_holder

if TYPE_CHECKING:  # it brings a web client along, and commands that do not scan know this module, too
    from scanner.crawl.discover import Discovery

LEASE_S = 120
"""A process that died on another machine blocks its site for at most this long."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running scan stands; handed to an observer after every change."""

    planned: int
    done: int
    ok: int
    tags: tuple[str, ...]
    """Tags seen so far, `vendor/product account`, sorted."""
    page: str | None = None
    """The page just finished; None for other news."""
    outcome: Outcome | None = None
    detail: str | None = None
    note: str | None = None
    """Anything else a person should read, e.g. that a scan is being resumed."""


Observer = Callable[[Progress], None]
Discover = Callable[[SiteConfig], Awaitable["Discovery"]]


@dataclass(slots=True)
class ScanRun:
    """One scan of one site, from lease to finished record. Use once: `await ScanRun(...).run()`."""

    site: SiteConfig
    store: Store
    fleet: Fleet
    judge: Judge
    clock: Clock
    discover: Discover
    tool_version: str
    config_digest: str
    observe: Observer = lambda _progress: None
    keep: Callable[[PageCapture], None] = lambda _capture: None
    """Called with every capture, those of addresses that turn out to be no pages included."""
    only: tuple[str, ...] | None = None
    """The pages of a light scan; None for a full one."""
    house: HouseRules = NO_HOUSE_RULES
    """What is approved when the scan begins is not looked at twice."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to end the scan after the visits under way; what is left stays unvisited."""

    _holder: str = field(default_factory=new_holder)
    _tags: set[str] = field(default_factory=set)
    _ok: int = 0
    _done: int = 0
    _seen: dict[str, PageInventory] = field(default_factory=dict)
    """What was found so far, by page: as it is in the store, without being read again."""
    _sharing: Sharing = field(default_factory=Sharing)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _read_robots: Callable[[Iterable[str]], Awaitable[None]] | None = None
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One writer per scan."""

    async def run(self) -> ScanRecord:
        """Scan and return the finished record.

        Raises:
            SiteBusy: another process scans this site.
            Interrupted: `stop` was set; finished visits are saved and the next run goes on from there.
        """
        await self._take_lease()
        try:
            return await self._run()
        finally:
            await asyncio.to_thread(self.store.release_lease, self.site.name, self._holder)

    async def _take_lease(self) -> None:
        try:
            await self._lease()
        except SiteBusy as busy:
            if busy.holder is None or not is_dead(busy.holder):
                raise
            # Killed on this machine: nobody is left to wait for.
            await asyncio.to_thread(self.store.release_lease, self.site.name, busy.holder)
            await self._lease()

    async def _lease(self) -> None:
        await asyncio.to_thread(self.store.acquire_lease, self.site.name, self._holder, self.clock.now(), LEASE_S)

    async def _run(self) -> ScanRecord:
        found = await self._unless_stopped(self.discover(self.site))
        expected = await asyncio.to_thread(self._expected)
        frontier = Frontier(self.site, refusal=found.refusal, expected=expected)
        gate = Gate(self.site, found.crawl_delay_s)
        frontier.add_start()
        for source, urls in found.pages if self.only is None else (("list", self.only),):
            frontier.add(urls, source)
        self._read_robots = found.read_robots
        scan = await self._open_scan(frontier)
        async with self.fleet:
            await self._until_done_or_stopped(self._crawl(scan, frontier, gate), frontier)
        coverage = frontier.coverage()
        state = ScanState.INCOMPLETE if coverage.unvisited else ScanState.COMPLETE
        return await asyncio.to_thread(
            self.store.finish_scan,
            scan.id,
            state,
            self.clock.now(),
            coverage,
            frontier.skipped(),
            "; ".join((*self._extent(expected), *found.notes)) or None,
        )

    def _extent(self, expected: tuple[str, ...]) -> tuple[str, ...]:
        if self.only is None:
            return ()
        return (f"a light scan of {len(self.only)} pages; the last full one saw {len(expected)}",)

    async def _until_done_or_stopped(self, crawling: Coroutine[None, None, None], frontier: Frontier) -> None:
        """Crawl until nothing is left, somebody asks to stop, or the lease is lost."""
        crawl = asyncio.create_task(crawling)
        renewal = asyncio.create_task(self._renew_lease())
        others = [asyncio.create_task(self.stop.wait()), renewal, asyncio.create_task(self._end_of_time(frontier))]
        try:
            await asyncio.wait({crawl, others[0], renewal}, return_when=asyncio.FIRST_COMPLETED)
            if not crawl.done():
                crawl.cancel()
                await asyncio.wait({crawl})
            if renewal.done():
                renewal.result()  # says why the lease could not be renewed
            if crawl.cancelled():
                raise self._interrupted()
            _first_error(crawl)
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _unless_stopped(self, finding: Awaitable[Discovery]) -> Discovery:
        """Wait for what is asked before the first visit: a silent server must not hold back somebody who stops."""
        looking = asyncio.ensure_future(finding)
        stopped = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({looking, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not looking.done():
                looking.cancel()
                await asyncio.wait({looking})
            if looking.cancelled():
                raise self._interrupted()
            return looking.result()
        finally:
            stopped.cancel()

    def _interrupted(self) -> Interrupted:
        return Interrupted(
            f"the scan of {self.site.name} was stopped after {self._done} pages, which are saved",
            hint="run the same command again to go on from there",
        )

    async def _renew_lease(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 4)
            await self._lease()

    async def _end_of_time(self, frontier: Frontier) -> None:
        await asyncio.sleep(self.site.max_duration_s)
        frontier.stop("duration")
        await self._wake()

    def _expected(self) -> tuple[str, ...]:
        """The pages of the last full scan: limits keep room for them, so that both scans see the same pages."""
        last = best_to_go_by(self.store.scans(self.site.name, with_skipped=False))
        return tuple(sorted(self.store.visited_pages(last.id))) if last is not None else ()

    # ------------------------------------------------------------------ begin

    async def _open_scan(self, frontier: Frontier) -> ScanRecord:
        """Resume what a killed process left, close it if it is too old or differs, or begin anew."""
        left = await asyncio.to_thread(self.store.running_scan, self.site.name)
        if left is not None:
            why = await asyncio.to_thread(self._why_not_resumed, left)
            if why is None:
                await asyncio.to_thread(self._resume, left, frontier)
                return left
            await asyncio.to_thread(self._close_left, left, frontier, f"interrupted and not resumed: {why}")
        return await asyncio.to_thread(
            self.store.begin_scan,
            self.site.name,
            self.clock.now(),
            self.site.profile,
            self.tool_version,
            self.judge.digest,
            self.config_digest,
            ScanKind.FULL if self.only is None else ScanKind.LIGHT,
        )

    def _why_not_resumed(self, left: ScanRecord) -> str | None:
        if left.kind is ScanKind.LIGHT:
            return "a light scan is soon begun anew"
        why = why_not_resumed(self.store, left, self.site, self.config_digest, self.clock.now())
        return why if self.only is None else why or "a light scan came first"

    def _close_left(self, left: ScanRecord, frontier: Frontier, note: str) -> None:
        seen = Counter(inventory.outcome for inventory, _digest in self.store.inventories(left.id))
        coverage = Coverage(
            planned=sum(seen.values()) + 1,  # at least one page was still to come
            ok=seen[Outcome.OK],
            partial=seen[Outcome.PARTIAL],
            failed=seen[Outcome.FAILED],
            blocked=seen[Outcome.BLOCKED],
            unvisited=1,
        )
        self.store.finish_scan(left.id, ScanState.INCOMPLETE, self.clock.now(), coverage, (), note)

    def _resume(self, scan: ScanRecord, frontier: Frontier) -> None:
        # What is visited is known from the captures, and so are the links that led on from there.
        for capture in self.store.captures(scan.id):
            frontier.restore(capture)
            self._note(capture, self.judge.inventory(capture, self.site.own_domains))
        self._report(planned=frontier.planned, note=f"going on with scan {scan.id}: {self._done} pages are visited")

    # ------------------------------------------------------------------ the crawl itself

    async def _crawl(self, scan: ScanRecord, frontier: Frontier, gate: Gate) -> None:
        ahead = asyncio.create_task(asyncio.to_thread(read_ahead, self.store, scan, self.house))
        try:
            await self._visit_all(scan, frontier, gate)
            if not frontier.coverage().unvisited:  # else its time is up
                await self._look_again(scan, frontier, gate, ahead)
        finally:
            # A second or two: nothing may read on when the store is closed.
            await asyncio.gather(ahead, return_exceptions=True)

    async def _look_again(
        self, scan: ScanRecord, frontier: Frontier, gate: Gate, ahead: asyncio.Task[OlderSide | None]
    ) -> None:
        """Visit a few pages a second time where there was something new; a scan without news visits none."""
        after = Snapshot(scan, self.judge.digest, tuple(self._seen[page] for page in sorted(self._seen)))
        older, own_domains = await ahead, self.site.own_domains
        pages = await asyncio.to_thread(surprising_pages, self.store, self.judge, after, older, own_domains, self.house)
        if not pages:
            return
        count = f"{len(pages)} pages" if len(pages) > 1 else "one page"
        self._report(planned=frontier.planned, note=f"visiting {count} again: is what is new there to stay?")

        async def save(capture: PageCapture, inventory: PageInventory) -> None:
            async with self._writing:
                await asyncio.to_thread(self.store.save_visit, scan.id, capture, inventory, self.judge.digest)

        visits = SecondVisits(self.site, self.store, self.fleet, self.judge, gate, self.keep, save)
        await visits.look(scan, pages)

    async def _visit_all(self, scan: ScanRecord, frontier: Frontier, gate: Gate) -> None:
        async with asyncio.TaskGroup() as tasks:
            # Two more than browsers can take: saving one visit overlaps with the next.
            for _ in range(self.fleet.capacity + 2):
                tasks.create_task(self._work(scan, frontier, gate))

    async def _work(self, scan: ScanRecord, frontier: Frontier, gate: Gate) -> None:
        while True:
            async with self._news:
                while (task := frontier.next()) is None and not frontier.finished:
                    await self._news.wait()
            if task is None:
                return
            try:
                async with gate.slot(task.url):
                    capture = await self.fleet.visit(task)
                await self._finish(scan, task, capture, frontier)
            finally:
                await self._wake()

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _finish(self, scan: ScanRecord, task: VisitTask, capture: PageCapture, frontier: Frontier) -> None:
        if self._read_robots is not None:
            await self._read_robots(frontier.origins(capture))
        page = frontier.done(task, capture)
        self.keep(capture)
        if page is None:
            return
        capture = replace(capture, page=page)
        inventory = await asyncio.to_thread(self.judge.inventory, capture, self.site.own_domains)
        async with self._writing:
            await asyncio.to_thread(self.store.save_visit, scan.id, capture, inventory, self.judge.digest)
        self._note(capture, inventory)
        self._report(planned=frontier.planned, page=page, outcome=capture.outcome, detail=capture.detail)

    # ------------------------------------------------------------------ news for people

    def _note(self, capture: PageCapture, inventory: PageInventory) -> None:
        self._done += 1
        self._seen[inventory.page] = self._sharing.inventory(inventory)
        self._ok += capture.outcome is Outcome.OK
        # As the report counts them: a cookie or an event need not say which account it belongs to.
        self._tags.update(str(s.identity.tag) for s in inventory.sightings if s.identity.kind is SightingKind.TAG)

    def _report(
        self,
        *,
        planned: int = 0,
        page: str | None = None,
        outcome: Outcome | None = None,
        detail: str | None = None,
        note: str | None = None,
    ) -> None:
        self.observe(
            Progress(
                planned=max(planned, self._done),
                done=self._done,
                ok=self._ok,
                tags=tuple(sorted(self._tags)),
                page=page,
                outcome=outcome,
                detail=detail,
                note=note,
            )
        )


def why_not_resumed(store: Store, left: ScanRecord, site: SiteConfig, config_digest: str, now: datetime) -> str | None:
    """Say why the full scan `left`, which was interrupted, cannot be gone on with; None if it can."""
    age_s = (now - store.last_activity(left.id)).total_seconds()
    if left.config_digest != config_digest:
        return "the configuration has changed"
    return f"no visit for {age_s / 3600:.1f} hours" if age_s > site.resume_max_age_s else None


def _first_error(crawl: asyncio.Task[None]) -> None:
    """Raise what ended the crawl: a full disk is one error, however many workers met it."""
    try:
        crawl.result()
    except BaseExceptionGroup as group:
        known, unknown = group.split(TagdriftError)
        if unknown is not None or known is None:
            raise
        raise _leaf(known) from None


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
