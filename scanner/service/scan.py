"""The use case "scan one site": frontier → fleet → store, continuously, until nothing is left."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from scanner.canonical import canonical_url
from scanner.crawl.discover import Discovery
from scanner.crawl.frontier import Frontier
from scanner.crawl.politeness import Gate
from scanner.errors import Interrupted
from scanner.model import Outcome, PageCapture, PageInventory, ScanRecord, ScanState, SiteConfig, VisitTask
from scanner.ports import Clock, Fleet, Store
from scanner.service.compare import Judge
from scanner.urls import host_of, is_third_party

LEASE_S = 120
"""A dead process blocks its site for at most this long."""


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
Discover = Callable[[SiteConfig], Awaitable[Discovery]]


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
    """Called with every capture once it is saved."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to end the scan after the visits under way; what is left stays unvisited."""

    _holder: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")
    _tags: set[str] = field(default_factory=set)
    _ok: int = 0
    _done: int = 0
    _active: int = 0
    _discovering: bool = True
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> ScanRecord:
        """Scan and return the finished record.

        Raises:
            SiteBusy: another process scans this site.
            Interrupted: `stop` was set; finished visits are saved and the next run goes on from there.
        """
        await self._lease()
        try:
            return await self._run()
        finally:
            await asyncio.to_thread(self.store.release_lease, self.site.name, self._holder)

    async def _lease(self) -> None:
        await asyncio.to_thread(self.store.acquire_lease, self.site.name, self._holder, self.clock.now(), LEASE_S)

    async def _run(self) -> ScanRecord:
        frontier = Frontier(self.site)
        gate = Gate(self.site)
        frontier.add(self.site.start, source="start", depth=0)
        scan = await self._open_scan(frontier)
        side_tasks = [asyncio.create_task(self._renew_lease()), asyncio.create_task(self._end_of_time(frontier))]
        try:
            async with self.fleet:
                crawl = asyncio.create_task(self._crawl(scan, frontier, gate))
                stopped = asyncio.create_task(self.stop.wait())
                await asyncio.wait({crawl, stopped}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
                if not crawl.done():
                    crawl.cancel()
                    await asyncio.wait({crawl})
                if crawl.cancelled():
                    raise Interrupted(
                        f"the scan of {self.site.name} was stopped after {self._done} pages, which are saved",
                        hint="run the same command again to go on from there",
                    )
                crawl.result()  # a bug in a worker surfaces here
        finally:
            for task in side_tasks:
                task.cancel()
            await asyncio.gather(*side_tasks, return_exceptions=True)
        return await self._close_scan(scan, frontier)

    async def _renew_lease(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 4)
            await self._lease()

    async def _end_of_time(self, frontier: Frontier) -> None:
        await asyncio.sleep(self.site.max_duration_s)
        frontier.close("duration")
        await self._wake()

    # ------------------------------------------------------------------ begin and end

    async def _open_scan(self, frontier: Frontier) -> ScanRecord:
        """Resume what a killed process left, close it if it is too old or differs, or begin anew."""
        left = await asyncio.to_thread(self.store.running_scan, self.site.name)
        if left is not None:
            age_s = (self.clock.now() - await asyncio.to_thread(self.store.last_activity, left.id)).total_seconds()
            if age_s <= self.site.resume_max_age_s and left.config_digest == self.config_digest:
                await self._resume(left, frontier)
                return left
            why = "another configuration" if left.config_digest != self.config_digest else f"{age_s / 3600:.1f} hours ago"
            await asyncio.to_thread(
                self.store.finish_scan, left.id, ScanState.INCOMPLETE, self.clock.now(), left.coverage, (),
                f"interrupted ({why}), closed by the next scan",
            )
        return await asyncio.to_thread(
            self.store.begin_scan, self.site.name, self.clock.now(), self.site.profile, self.tool_version,
            self.judge.digest, self.config_digest,
        )

    async def _resume(self, scan: ScanRecord, frontier: Frontier) -> None:
        def replay() -> int:
            # What is visited is known from the captures, and so are the links that led on from there.
            count = 0
            for capture in self.store.captures(scan.id):
                frontier.restore(capture)
                self._note(capture, self.judge.inventory(capture, self.site.own_domains))
                count += 1
            return count

        count = await asyncio.to_thread(replay)
        self._report(note=f"going on with scan {scan.id}: {count} pages are already visited")

    async def _close_scan(self, scan: ScanRecord, frontier: Frontier) -> ScanRecord:
        coverage = frontier.coverage()
        state = ScanState.COMPLETE if not coverage.unvisited else ScanState.INCOMPLETE
        return await asyncio.to_thread(
            self.store.finish_scan, scan.id, state, self.clock.now(), coverage, frontier.skipped(),
            "; ".join(frontier.notes()) or None,
        )

    # ------------------------------------------------------------------ the crawl itself

    async def _crawl(self, scan: ScanRecord, frontier: Frontier, gate: Gate) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._discover(frontier, gate))
            # Two more than browsers can take: saving one visit overlaps with the next.
            for _ in range(self.fleet.capacity + 2):
                tasks.create_task(self._work(scan, frontier, gate))

    async def _discover(self, frontier: Frontier, gate: Gate) -> None:
        try:
            found = await self.discover(self.site)
            gate.slow_down(found.crawl_delay_s)
            frontier.learn(found)
        finally:
            self._discovering = False
            await self._wake()

    async def _work(self, scan: ScanRecord, frontier: Frontier, gate: Gate) -> None:
        while True:
            task = frontier.next()
            if task is None:
                if not self._active and not self._discovering:
                    await self._wake()
                    return
                async with self._news:
                    # Re-checked under the lock: news between `next()` and here would be missed otherwise.
                    if not frontier.waiting and (self._active or self._discovering):
                        await self._news.wait()
                continue
            self._active += 1
            try:
                async with gate.slot(host_of(task.url)):
                    capture = await self.fleet.visit(task)
                await self._finish(scan, task, capture, frontier)
            finally:
                self._active -= 1
                await self._wake()

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _finish(self, scan: ScanRecord, task: VisitTask, capture: PageCapture, frontier: Frontier) -> None:
        capture, alias_of = self._by_final_url(task, capture, frontier)
        if alias_of is not None:
            frontier.is_alias(task, alias_of)
            self._report(note=f"{task.page} redirects to {alias_of}")
            return
        inventory = await asyncio.to_thread(self.judge.inventory, capture, self.site.own_domains)
        await asyncio.to_thread(self.store.save_visit, scan.id, capture, inventory, self.judge.digest)
        frontier.done(task, capture)
        self.keep(capture)
        self._note(capture, inventory)
        self._report(
            planned=frontier.planned, page=capture.page, outcome=capture.outcome, detail=capture.detail,
        )

    def _by_final_url(
        self, task: VisitTask, capture: PageCapture, frontier: Frontier
    ) -> tuple[PageCapture, str | None]:
        """The final URL counts: a plain redirect within the site is the page it leads to.

        Returns the capture (renamed where needed) and, if that page is known anyway, its name. A redirect through a
        third party, and a document that ran before it sent the visitor on, are pages of their own: they may have sent something.
        """
        final = canonical_url(capture.final_url, hash_routes=self.site.hash_routes)
        if not final or final == task.page or is_third_party(final, task.page, self.site.own_domains):
            return capture, None
        documents = [r for r in capture.requests if r.type == "document" and r.context == "page"]
        hops = [r for r in documents if canonical_url(r.url, hash_routes=self.site.hash_routes) != final]
        if any(r.status is None or not 300 <= r.status < 400 for r in hops):
            return capture, None
        if any(is_third_party(r.url, task.page, self.site.own_domains) for r in hops):
            return capture, None
        if frontier.knows(final):
            return capture, final
        frontier.rename(task, final)
        return replace(capture, page=final), None

    # ------------------------------------------------------------------ news for people

    def _note(self, capture: PageCapture, inventory: PageInventory) -> None:
        self._done += 1
        self._ok += capture.outcome is Outcome.OK
        self._tags.update(str(s.identity.tag) for s in inventory.sightings if s.identity.tag is not None)

    def _report(
        self, *, planned: int = 0, page: str | None = None, outcome: Outcome | None = None, detail: str | None = None,
        note: str | None = None,
    ) -> None:
        self.observe(
            Progress(
                planned=max(planned, self._done), done=self._done, ok=self._ok, tags=tuple(sorted(self._tags)),
                page=page, outcome=outcome, detail=detail, note=note,
            )
        )
