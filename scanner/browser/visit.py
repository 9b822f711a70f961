"""One visit from the address bar to the exit events, as one `PageCapture`. Trouble on the page is an outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from scanner.browser.arrival import Arrival
from scanner.browser.bodies import BodyKeeper, ScriptContents
from scanner.browser.channel import Channel, ChannelError, Params
from scanner.browser.cookies import CleanSlate, unix_time
from scanner.browser.farewell import take_leave
from scanner.browser.guests import Guests, close_strays
from scanner.browser.interact import leave
from scanner.browser.recorder import Recorder
from scanner.browser.site_headers import SiteHeaders
from scanner.browser.stage import Stage
from scanner.browser.state import PageState, read_state
from scanner.browser.stay import Stay
from scanner.browser.stop import Stop
from scanner.browser.summary import Seen, as_capture
from scanner.browser.targets import Targets
from scanner.browser.virtual_time import Dwell
from scanner.browser.wire import Wire
from scanner.model import PageCapture, StopReason, VisitTask, Wanted
from scanner.urls import host_of, same_site

_SETUP_TIMEOUT_S = 15.0
_STATE_TIMEOUT_S = 10.0
_LEAVE_TIMEOUT_S = 3.0
_EXIT_TIME_MS = 2_000
_MAX_DOCUMENTS = 4
_CRASH_PATIENCE_S = 5.0
"""How long a page that cannot be interrupted may take to crash."""
_SHARED_WORKER_S = 0.4
"""Real time for shared workers, whose clock is not ours: between script and first request there is silence."""
_GRACE_S = 8.0
"""What the end of a visit may take on top of its deadline: closing, cookies, bodies under way."""


@dataclass(slots=True)
class Place:
    """Where visits happen, one after the other: a warm context of one browser."""

    context: BrowserContext
    parked: Page
    """An empty page that keeps the context's window open: opening a window costs more than opening a page."""
    slate: CleanSlate
    wire: Wire
    context_id: str
    """As the browser calls the context."""
    browser_version: str
    hints: dict[str, Any] | None
    notes: tuple[str, ...] = ()
    """What is the same for every visit here and must be said."""
    stage: Stage | None = None
    """The page of the next visit, when the last one left it fit for use."""
    left_origins: frozenset[str] = frozenset()
    """Origins whose storage the last visit may have written to."""


@dataclass(frozen=True, slots=True)
class VisitSetting:
    """What all visits of a fleet have in common."""

    wanted: Wanted
    own_domains: tuple[str, ...] = ()
    headers: SiteHeaders = field(default_factory=SiteHeaders)
    scripts: ScriptContents = field(default_factory=ScriptContents)
    service_workers_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Visited:
    capture: PageCapture
    place_is_sound: bool
    """False: the context must not be used again."""


async def context_id_of(page: Page) -> str:
    """Return what the browser calls the context of `page`."""
    session = await page.context.new_cdp_session(page)
    info = await session.send("Target.getTargetInfo")
    await session.detach()
    return str(info["targetInfo"]["browserContextId"])


async def visit(place: Place, task: VisitTask, setting: VisitSetting, *, hold_requests: bool = False) -> Visited:
    """Visit one page. Never raises for anything the page or the browser does; cancellation passes through.

    `hold_requests`: stop every request on its way out and let it go again. That switches the HTTP cache off, but
    shows bodies that are hidden otherwise: Blobs of workers and popups that ran before we could listen, and files.
    """
    run = _Visit(place, task, setting, hold_requests)
    try:
        return await run.run()
    finally:
        run.let_go()


class _Visit:
    def __init__(self, place: Place, task: VisitTask, setting: VisitSetting, hold_requests: bool) -> None:
        self.place = place
        self.hold_requests = hold_requests
        self.task = task
        self.setting = setting
        self.limits = task.limits
        self.started_at = datetime.now(UTC)
        self.deadline = time.monotonic() + task.limits.visit_timeout_ms / 1000
        self.bodies = BodyKeeper(task.limits, setting.wanted, setting.scripts)
        self.recorder = Recorder(task.limits, self.bodies)
        self.targets = Targets(
            self.recorder,
            place.hints,
            ("*",) if hold_requests else setting.headers.patterns(),
            service_workers_allowed=setting.service_workers_allowed,
        )
        # Short visits cannot wait long for silent pages.
        self.stall_s = min(task.limits.stall_ms, task.limits.visit_timeout_ms / 5) / 1000
        self.dwell = Dwell(self.targets, self.recorder, self.stall_s)
        self.arrival = Arrival(
            self.targets, self.recorder, self.dwell, task, self.deadline, self.stall_s, self._crashed
        )
        self.targets.hooks += [self.dwell.on_event, self._on_paused, setting.headers.on_event, self.arrival.on_event]
        self.targets.on_attached = self.dwell.on_attached
        self.guests: Guests | None = None
        self.stage: Stage | None = None
        self.reusable = False
        self.state: PageState | None = None
        self.cookies: Sequence[Mapping[str, Any]] = ()
        self.stay = Stay(self.targets, self.dwell, task, self.deadline, self._crashed)
        self.stop: Stop | None = None
        self.final_url = task.url
        self.sound = True

    # ------------------------------------------------------------------ the whole

    async def run(self) -> Visited:
        try:
            async with asyncio.timeout(self.limits.visit_timeout_ms / 1000 + _GRACE_S):
                await self._look()
        except Stop as stop:
            self.stop = stop
        except TimeoutError:
            self.stop = Stop(StopReason.VISIT_TIMEOUT, "the visit took longer than its limit")
            self.sound = False
        except PlaywrightError as error:
            self.stop = self._browser_trouble(error)
            self.sound = False
        if self._crashed() and (self.stop is None or self.stop.reason is StopReason.VISIT_TIMEOUT):
            self.stop = Stop(StopReason.CRASHED, "the page crashed its renderer")
        await self._finish()
        return Visited(as_capture(self._seen()), self.sound)

    async def _look(self) -> None:
        page = await self._open()
        assert self.guests is not None
        await self.arrival.at(page, self.guests)
        self.final_url = page.url
        await self._live(page)
        await self._read(page)
        await self._say_goodbye(page)

    async def _open(self) -> Page:
        place = self.place
        old, place.stage = place.stage, None
        try:
            async with asyncio.timeout(_SETUP_TIMEOUT_S):
                stage = None if old is None or old.is_worn or self.hold_requests else old
                if stage is not None:
                    await place.slate.restore(stage.channel, place.left_origins)
                    stage = stage if await stage.enter(self.task.url) else None
                place.wire.register(place.context_id, self.targets)
                if stage is not None:
                    self.targets.listen_to(stage.channel)
                else:
                    stage = await Stage.open(place.context, self.targets)
                    if old is not None:
                        # Closed first, it would leave its window to the parked page, which would be drawn for nothing.
                        await old.close()
                    await place.slate.restore(stage.channel, place.left_origins)
                self.stage = stage
                # In a new renderer it costs nothing; elsewhere it is worth it once for each kind of page.
                if stage.visits == 0 or self.task.screenshot:
                    await self.targets.setters.listen(stage.channel)
                stage.doorway.guests = self.guests = Guests(place.context, stage.page, self.recorder, self.targets)
        except (TimeoutError, ChannelError) as error:
            self.sound = False
            raise Stop(StopReason.BROWSER_GONE, "the browser opened no page") from error
        stage.visits += 1
        self.arrival.on_used_page = self.stay.on_used_page = stage.visits > 1
        return stage.page

    # ------------------------------------------------------------------ living

    async def _live(self, page: Page) -> None:
        """Interact and dwell; when the page went elsewhere by itself, do the same there."""
        for _ in range(_MAX_DOCUMENTS):
            documents = len(self.recorder.documents)
            if self._is_off_site(page.url) or self.dwell.hung:
                break
            await self.stay.on_document()
            if self._crashed():
                raise Stop(StopReason.CRASHED, "the page crashed its renderer")
            if not self.dwell.sound or len(self.recorder.documents) == documents:
                break
            await self.arrival.next_document(page)
        await self.stay.let_frames_pass(self.arrival.loaded_at)
        self.final_url = page.url

    def _is_off_site(self, url: str) -> bool:
        return not same_site(host_of(url), host_of(self.task.url), self.setting.own_domains)

    # ------------------------------------------------------------------ reading and leaving

    async def _read(self, page: Page) -> None:
        if self.dwell.hung and not await self.dwell.interrupt():
            await self._crash_may_follow()
            return
        if not self.arrival.committed:
            return  # what stands there is the last visit's
        self.final_url = page.url
        timeout_s = min(_STATE_TIMEOUT_S, max(1.0, self._left_s()))
        self.state = await read_state(self.targets, self.setting.wanted.globals, timeout_s)
        self.recorder.on_peers(self.state.peers if self.state is not None else ())

    async def _crash_may_follow(self) -> None:
        """What no interruption ends is not a script: a renderer may take a while to choke on what it was given."""
        until = min(time.monotonic() + _CRASH_PATIENCE_S, self.deadline + _GRACE_S / 2)
        while not self._crashed() and time.monotonic() < until:
            await asyncio.sleep(0.05)

    async def _say_goodbye(self, page: Page) -> None:
        assert self.guests is not None
        assert self.targets.root is not None
        if self.dwell.hung:
            return
        await self.guests.settle_popups(min(_LEAVE_TIMEOUT_S, self._left_s()))
        await leave(self.targets.root, page, min(_LEAVE_TIMEOUT_S, self._left_s()))
        passed, stalled, late = self.dwell.passed_ms, self.dwell.stalled, self.dwell.timed_out
        await self.dwell.advance(_EXIT_TIME_MS, min(self.deadline, time.monotonic() + self.limits.drain_ms / 1000))
        # What happens after the goodbye is not part of the dwell: only the drain's own limit counts.
        self.dwell.passed_ms, self.dwell.stalled, self.dwell.hung, self.dwell.timed_out = passed, stalled, False, late
        await self._drain()
        self.dwell.count_unanswered()
        worlds = self.state.worlds if self.state is not None else ()
        spoilt = self.hold_requests or self.guests.popups or self.guests.is_flooded or self.dwell.stalled
        spoilt = spoilt or self.recorder.attempts.unload_awaited
        self.reusable = not spoilt and len(page.frames) == len(worlds) and await take_leave(worlds)
        if not self.reusable:
            # It is closed: scripts that are switched off do not hear of that.
            for channel in (self.targets.root, *self.targets.children("iframe")):
                if channel is not None:
                    channel.tell("Emulation.setScriptExecutionDisabled", {"value": True})

    async def _drain(self) -> None:
        """Wait until the last beacons are under way and their answers in, but never longer than the limit."""
        until = time.monotonic() + self.limits.drain_ms / 1000
        if await self.targets.shared_workers_ran(self.stall_s):
            await asyncio.sleep(_SHARED_WORKER_S)
        while self.recorder.unanswered() and time.monotonic() < until:
            await asyncio.sleep(0.01)
        await self.bodies.settle(max(0.05, min(_GRACE_S, until - time.monotonic() + 2.0)))

    async def _finish(self) -> None:
        """Keep what there is, close what is open. Everything here has a short deadline of its own."""
        if not await self.bodies.settle(2.0):
            self.bodies.abandon()
        if self.guests is not None:
            try:
                async with asyncio.timeout(3.0):
                    self.cookies = await self.place.slate.cookies()
            except (ChannelError, TimeoutError):
                self.targets.gaps.append("the cookies could not be read")  # unknown, not none
                self.sound = False
        self.place.left_origins = self.state.origins if self.state is not None else frozenset()
        if self._crashed() or self.dwell.hung or self.state is None:
            self.sound = False  # a place where something went wrong is not used again
        if self.stage is not None:
            self.targets.setters.stop(self.stage.channel)
        stage = self.stage if self.sound and self.reusable and self.stop is None else None
        frames = self.targets.children("iframe")
        if stage is not None and await (stage.stop(frames) if self._is_quiet() else stage.reset()):
            self.place.stage = stage
        self._hang_up()
        if not self.sound:
            return
        kept = (self.place.parked, self.place.stage.page) if self.place.stage is not None else (self.place.parked,)
        self.sound = await close_strays(self.place.context, *kept)

    def _hang_up(self) -> None:
        self.place.wire.unregister(self.place.context_id)
        if self.stage is not None:
            self.stage.doorway.guests = None
            if self.stage is not self.place.stage:
                self.stage.hang_up()
        self.targets.close()
        if self.guests is not None:
            self.guests.leave()

    def let_go(self) -> None:
        """Forget everything that could keep running, also when the visit was cancelled."""
        self.bodies.abandon()
        self._hang_up()

    # ------------------------------------------------------------------ small things

    def _is_quiet(self) -> bool:
        """Nothing is under way that could make the page speak again: it need not be replaced while we listen."""
        others = any(child.kind != "iframe" for child in self.targets.children())
        return not others and self.recorder.is_quiet() and not (self.state and self.state.peers)

    def _on_paused(self, _channel: Channel, method: str, params: Params) -> None:
        if method == "Fetch.requestPaused":
            self.recorder.on_paused(params)

    def _left_s(self) -> float:
        return max(0.05, self.deadline - time.monotonic())

    def _crashed(self) -> bool:
        return self.targets.crashed or (self.guests is not None and self.guests.crashed)

    def _browser_trouble(self, error: PlaywrightError) -> Stop:
        if self._crashed():
            return Stop(StopReason.CRASHED, "the page crashed its renderer")
        return Stop(StopReason.BROWSER_GONE, f"the browser went away ({error.message.splitlines()[0][:200]})")

    def _gaps(self) -> list[str]:
        # A window that a page writes into tells of its first requests only that there were some.
        untold = self.recorder.untold()
        gaps = list(self.targets.gaps)
        if untold > 0:
            gaps.append(f"nobody told what {untold} request(s) were")
        if self.recorder.came_early or self.targets.strangers:
            gaps.append("the page visited before this one was still sending")
        return gaps

    def _seen(self) -> Seen:
        return Seen(
            task=self.task,
            started_at=self.started_at,
            final_url=self.final_url,
            duration_ms=self.recorder.elapsed_ms(),
            page_time_ms=self.dwell.passed_ms,
            recorder=self.recorder,
            setters=self.targets.setters,
            bodies=self.bodies,
            notes=self.place.notes + (self.guests.notes() if self.guests else ()),
            state=self.state,
            screenshot=self.stay.screenshot,
            cookies=self.cookies,
            now_s=unix_time(),
            stop_reason=self.stop.reason if self.stop else None,
            stop_detail=self.stop.detail if self.stop else None,
            hung=self.dwell.hung,
            timed_out=self.dwell.timed_out,
            stalled=self.dwell.stalled,
            gaps=tuple(self._gaps()),
            own_domains=self.setting.own_domains,
            wanted_headers=self.setting.wanted.headers,
            browser=self.place.browser_version,
        )
