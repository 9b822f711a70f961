"""Browsers on this machine: started, kept warm, recycled, replaced, and all gone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import psutil
from playwright.async_api import Browser, Playwright
from playwright.async_api import Error as PlaywrightError

from scanner.browser.bodies import ScriptContents
from scanner.browser.cookies import CleanSlate, parse_storage_state
from scanner.browser.launch import FoundBrowser, find_browser, launch_on_wire, start_playwright
from scanner.browser.settings import BrowserSettings, client_hints, context_options, user_agent_for
from scanner.browser.site_headers import SiteHeaders
from scanner.browser.third_party_cookies import allow_third_party_cookies, site_patterns
from scanner.browser.visit import Place, Visited, VisitSetting, context_id_of, visit
from scanner.browser.wire import Wire
from scanner.errors import CannotRun
from scanner.model import Outcome, PageCapture, SiteConfig, StopReason, VisitTask, Wanted
from scanner.urls import host_of

_CLOSE_TIMEOUT_S = 8.0
_VISITS_PER_BROWSER = 400
_MEMORY_PER_BROWSER = 3 * 1024**3
_VISITS_BETWEEN_MEMORY_CHECKS = 20
_SLOTS_PER_BROWSER = 8

_WAITING = (StopReason.PENDING_REQUESTS, StopReason.VISIT_TIMEOUT, StopReason.PAGE_HUNG)
_PARTS = ("image", "script", "stylesheet", "font", "document", "media")
_RETRIED = frozenset(
    {
        StopReason.VISIT_TIMEOUT,
        StopReason.NAVIGATION_TIMEOUT,
        StopReason.PAGE_HUNG,
        StopReason.CRASHED,
        StopReason.BROWSER_GONE,
        StopReason.DNS,
        StopReason.CONNECTION,
        StopReason.BODY_LOST,
        StopReason.RECORDER_GAP,
    }
)


@dataclass(slots=True, eq=False)
class _Engine:
    """One running browser and how worn it is."""

    browser: Browser
    wire: Wire
    pid: int | None
    version: str
    cookies_allowed: bool
    visits: int = 0
    users: int = 0
    retired: bool = False
    """No new contexts; closed when its last user leaves."""


@dataclass(slots=True, eq=False)
class _Slot:
    """A place for one visit at a time."""

    number: int
    engine: _Engine | None = None
    place: Place | None = None


@dataclass(slots=True)
class _Bench:
    """The engines of a fleet, by number."""

    engines: dict[int, _Engine] = field(default_factory=dict)
    locks: dict[int, asyncio.Lock] = field(default_factory=dict)


class LocalFleet:
    """Implements `ports.Fleet` with browsers of this machine.

    Each slot has a warm context of its own (HTTP cache kept, cookies and storage cleared), so every
    visit is a first-time visitor's and no two visits share a renderer's clock.
    """

    def __init__(
        self,
        site: SiteConfig,
        wanted: Wanted,
        *,
        browsers: int | None = None,
        settings: BrowserSettings | None = None,
    ) -> None:
        """`settings` None: made from `site` and the browser found on this machine when the fleet is entered.

        Raises:
            UsageError: the site's storage state is not one.
        """
        self._site = site
        self._settings = settings
        scripts = ScriptContents(tuple(sign.encode() for sign in wanted.script_signs))
        self._setting = VisitSetting(
            wanted, site.own_domains, SiteHeaders.of(site), scripts, site.service_workers_allowed
        )
        self._cookie_patterns = site_patterns(site.start, site.own_domains)
        self._storage_state = parse_storage_state(site.storage_state)
        self._capacity = max(1, site.concurrency)
        self._browsers = max(1, browsers or -(-self._capacity // _SLOTS_PER_BROWSER))
        self._bench = _Bench()
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        self._slots: list[_Slot] = []
        self._playwright: Playwright | None = None
        self._closing = False

    @property
    def capacity(self) -> int:
        return self._capacity

    async def __aenter__(self) -> Self:
        if self._settings is None:
            found: FoundBrowser = await asyncio.to_thread(find_browser)
            self._settings = BrowserSettings.of(self._site, found.path)
        self._playwright = await start_playwright()
        # What is loaded by now stays (rules above all). A collection that walks through it lets every page wait for a
        # sixth of a second.
        gc.collect()
        gc.freeze()
        self._slots = [_Slot(number) for number in range(self._capacity)]
        for slot in reversed(self._slots):
            self._free.put_nowait(slot)
        try:
            await self._engine_for(0)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second Ctrl-C must not leave browsers behind.
        closing = asyncio.ensure_future(self._close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing
            raise

    # ------------------------------------------------------------------ visits

    async def visit(self, task: VisitTask) -> PageCapture:
        """Visit one page; what a fresh browser might cure is tried a second time, and the better sight counts.

        A task that is a second attempt already is not tried again.
        """
        first = await self._visit_once(task, unused=task.fresh)
        if self._closing or task.attempt > 1 or not _worth_a_retry(first):
            return first
        # A body that was hidden from us is seen by holding every request, which costs the cache. Prompts for a
        # password are heard of in the same way.
        hidden = first.stop_reason is StopReason.BODY_LOST
        hold = hidden or _may_ask_for_a_password(first)
        second = await self._visit_once(
            replace(task, attempt=task.attempt + 1), fresh=not hold, unused=task.fresh, hold_requests=hold
        )
        if hidden and len(second.requests) < len(first.requests):
            return first  # holding requests hid some of them
        return _better(first, second)

    async def _visit_once(
        self, task: VisitTask, *, fresh: bool = False, unused: bool = False, hold_requests: bool = False
    ) -> PageCapture:
        """`fresh`: in a browser that has not been used yet; `unused`: in such a context, its cache included."""
        slot = await self._free.get()
        visited: Visited | None = None
        try:
            if fresh:
                await self._retire(slot)
            elif unused:
                await self._drop_place(slot)
            place = await self._place(slot)
            visited = await visit(place, task, self._setting, hold_requests=hold_requests)
            return visited.capture
        finally:
            if visited is None or not visited.place_is_sound:
                await asyncio.shield(self._drop_place(slot))
            elif slot.engine is not None:
                slot.engine.visits += 1
                await self._check_wear(slot.engine)
            self._free.put_nowait(slot)

    async def _place(self, slot: _Slot) -> Place:
        """The slot's warm context; a new one where there is none or its browser is worn or gone."""
        engine = slot.engine
        if slot.place is not None and engine is not None and engine.browser.is_connected() and not engine.retired:
            return slot.place
        await self._drop_place(slot)
        for last_try in (False, True):
            engine = await self._engine_for(slot.number % self._browsers)
            try:
                async with asyncio.timeout(20):
                    slot.place = await self._new_place(engine)
            except (PlaywrightError, TimeoutError) as error:
                await self._kill(engine)
                if last_try:
                    raise CannotRun("the browser does not open pages", hint="run: tagdrift doctor") from error
                continue
            slot.engine = engine
            engine.users += 1
            break
        assert slot.place is not None
        return slot.place

    async def _new_place(self, engine: _Engine) -> Place:
        assert self._settings is not None
        options = context_options(self._settings)
        if self._storage_state is not None:
            options["storage_state"] = self._storage_state
        context = await engine.browser.new_context(**options)  # type: ignore[arg-type]
        hints = {
            "userAgent": user_agent_for(self._settings.profile, engine.version, sys.platform),
            "userAgentMetadata": client_hints(self._settings.profile, engine.version, sys.platform),
        }
        parked = await context.new_page()
        context_id = await context_id_of(parked)
        return Place(
            context=context,
            parked=parked,
            slate=CleanSlate(context, engine.wire.root, context_id, self._storage_state),
            wire=engine.wire,
            context_id=context_id,
            browser_version=f"Chromium {engine.version}",
            hints=hints,
            notes=() if engine.cookies_allowed else ("third-party cookies were blocked by the browser",),
        )

    async def _drop_place(self, slot: _Slot) -> None:
        """Close the slot's context; when it does not go, its browser goes."""
        place, engine = slot.place, slot.engine
        slot.place, slot.engine = None, None
        if engine is None:
            return
        engine.users -= 1
        if place is not None and engine.browser.is_connected():
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await place.context.close()
            except (PlaywrightError, TimeoutError):
                await self._kill(engine)
                return
        if engine.retired and engine.users <= 0:
            await self._kill(engine)

    # ------------------------------------------------------------------ browsers

    async def _engine_for(self, number: int) -> _Engine:
        lock = self._bench.locks.setdefault(number, asyncio.Lock())
        async with lock:
            engine = self._bench.engines.get(number)
            if engine is not None and engine.browser.is_connected() and not engine.retired:
                return engine
            if self._playwright is None or self._settings is None or self._closing:
                raise CannotRun("the fleet is closed")
            browser, wire = await launch_on_wire(self._playwright, self._settings)
            cookies_allowed = await allow_third_party_cookies(wire, self._cookie_patterns)
            pid = (await wire.process_ids()).get("browser")
            engine = _Engine(browser, wire, pid, browser.version, cookies_allowed)
            self._bench.engines[number] = engine
            return engine

    async def _retire(self, slot: _Slot) -> None:
        """See to it that the slot's next visit gets a browser that has not been used yet."""
        engine = slot.engine
        if engine is None:
            engine = self._bench.engines.get(slot.number % self._browsers)
        if engine is not None and engine.visits > 0:
            engine.retired = True
        await self._drop_place(slot)

    async def _check_wear(self, engine: _Engine) -> None:
        if engine.visits >= _VISITS_PER_BROWSER:
            engine.retired = True
        elif engine.visits % _VISITS_BETWEEN_MEMORY_CHECKS == 0 and engine.pid is not None:
            used_bytes = await asyncio.to_thread(_memory_bytes, engine.pid)
            engine.retired = engine.retired or used_bytes > _MEMORY_PER_BROWSER

    async def _kill(self, engine: _Engine) -> None:
        """End a browser: politely, then by force. Other slots notice that it is gone and get a new one."""
        engine.retired = True
        family = _family(engine.pid) if engine.pid else []
        with contextlib.suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await engine.browser.close()
        await asyncio.to_thread(_end, family)
        engine.wire.close()

    async def _close(self) -> None:
        self._closing = True
        gc.unfreeze()
        engines = list(self._bench.engines.values())
        self._bench.engines.clear()
        await asyncio.gather(*(self._kill(engine) for engine in engines))
        if self._playwright is not None:
            with contextlib.suppress(PlaywrightError, TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self._playwright.stop()
            self._playwright = None


def _worth_a_retry(capture: PageCapture) -> bool:
    return capture.outcome is not Outcome.OK and (capture.stop_reason in _RETRIED or _may_ask_for_a_password(capture))


def _may_ask_for_a_password(capture: PageCapture) -> bool:
    """Say whether a part of the page, from its own host, is not answered: of a prompt that waits nobody tells."""
    host = host_of(capture.final_url)
    waits = capture.outcome is Outcome.PARTIAL and capture.stop_reason in _WAITING
    return waits and any(
        request.type in _PARTS and (request.status, request.failure) == (None, None) and host_of(request.url) == host
        for request in capture.requests
    )


def _better(first: PageCapture, second: PageCapture) -> PageCapture:
    """The sight that shows more: a better outcome, else more requests, else the later one."""
    rank = {Outcome.OK: 3, Outcome.PARTIAL: 2, Outcome.BLOCKED: 1, Outcome.FAILED: 0}

    def mark(capture: PageCapture) -> tuple[int, int]:
        return rank[capture.outcome], len(capture.requests)

    return first if mark(first) > mark(second) else second


def _family(pid: int) -> list[psutil.Process]:
    """The browser process and all its descendants; empty when it is gone or not ours."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.pid != os.getpid():
            return [process, *process.children(recursive=True)]
    return []


def _memory_bytes(pid: int) -> int:
    total = 0
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def _is_gone(process: psutil.Process) -> bool:
    """Ended, although its parent may not have taken note of it yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _end(family: list[psutil.Process]) -> None:
    """Kill what is left of a browser that was told to close. Process objects know reused ids apart."""
    _, alive = psutil.wait_procs([process for process in family if not _is_gone(process)], timeout=2)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=2)
