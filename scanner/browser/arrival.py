"""Get to a page: until it is loaded, or until it is clear that it never will be."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from scanner.browser.channel import Channel, Params
from scanner.browser.guests import Guests
from scanner.browser.outcome import transport_failure
from scanner.browser.recorder import Recorder
from scanner.browser.stop import Stop
from scanner.browser.targets import Targets
from scanner.browser.virtual_time import Dwell
from scanner.model import StopReason, VisitTask

_LOADING_MS = 100
"""Page time granted at once while a document loads. Short: what a script asks of the browser is answered in real time,
and must be there before the page's own timers have run. Later steps are half as long as what has passed before."""
_QUICKLY_MS = 1_000
"""Page time that may pass faster than real time while a document loads: what it waits for may not be on our clock."""
_LOADING_S = 0.5
"""How often to look whether anything still happens."""


def loading_step_ms(passed_ms: int) -> int:
    """Return how much page time to grant next to a document that loads since `passed_ms`.

    >>> [loading_step_ms(passed) for passed in (0, 100, 300, 450, 675)]
    [100, 100, 150, 225, 337]
    """
    return max(_LOADING_MS, passed_ms // 2)


@dataclass(slots=True)
class Arrival:
    """One visit's way to its documents. `deadline` is on the monotonic clock."""

    targets: Targets
    recorder: Recorder
    dwell: Dwell
    task: VisitTask
    deadline: float
    stall_s: float
    """How long nothing may happen before a page is asked whether it is still there."""
    crashed: Callable[[], bool]
    on_used_page: bool = False
    """The page was used by other visits before: it knows no clock but the debugger's."""
    committed: bool = False
    """The page shows a document of this visit, no longer the one of the visit before."""
    loaded_at: float = 0.0
    """When the address bar's document was loaded, or given up, on the monotonic clock."""
    _loading: bool = False

    async def at(self, page: Page, guests: Guests) -> None:
        """Go to the task's address and wait for the load event.

        Raises:
            Stop: there is no page to stay on.
            PlaywrightError: the browser or the page is gone.
        """
        timeout_ms = self._timeout_ms()
        self._loading = True
        load = asyncio.ensure_future(page.goto(self.task.url, wait_until="load", timeout=timeout_ms))
        try:
            await self._until_loaded(load)
        except PlaywrightTimeout:
            if self.recorder.main_document() is None:
                raise Stop(
                    StopReason.NAVIGATION_TIMEOUT, f"the page did not answer within {timeout_ms / 1000:.0f} s"
                ) from None
            self.dwell.give_up_pending()
        except PlaywrightError as error:
            await self._after_failure(page, guests, error)
        finally:
            load.cancel()
            with contextlib.suppress(PlaywrightError, asyncio.CancelledError):
                await load
            self._loading = False
            self.loaded_at = time.monotonic()
        if not (self.committed or self.dwell.hung):
            raise Stop(StopReason.NAVIGATION_TIMEOUT, "the answer did not become a page in time")

    def on_event(self, channel: Channel, method: str, params: Params) -> None:
        """In a page that was used before, documents live in virtual time from their first moment."""
        if method != "Page.frameNavigated" or channel is not self.targets.root:
            return
        frame = params["frame"]
        if not frame.get("parentId") and frame.get("url") != "about:blank":
            self.committed = True
            if self.on_used_page and self._loading:
                self.dwell.begin(min(_LOADING_MS, self.task.limits.page_time_ms))

    async def next_document(self, page: Page) -> bool:
        """Wait for the document that the page itself went to; False when there is none."""
        try:
            await page.wait_for_load_state("load", timeout=min(self._timeout_ms(), self.stall_s * 1000))
        except PlaywrightTimeout:
            self.dwell.give_up_pending()
        except PlaywrightError:
            return False
        answered = self.recorder.main_document() is not None
        return answered and self.committed and page.url.startswith(("http:", "https:"))

    async def _until_loaded(self, load: asyncio.Future[Any]) -> None:
        """Wait for the load event, but not for a subresource that never answers."""
        while True:
            quickly = self.dwell.begun_ms < _QUICKLY_MS
            if quickly:
                await self.dwell.until_paused(load, _LOADING_S)
            else:
                await asyncio.wait({load}, timeout=_LOADING_S)
            if load.done():
                load.result()
                return
            if self.crashed():
                raise Stop(StopReason.CRASHED, "the page crashed its renderer")
            if self.dwell.paused:
                self.dwell.begin(loading_step_ms(self.dwell.begun_ms) if quickly else round(_LOADING_S * 1000))
            answered = self.recorder.main_document() is not None
            if answered and self._silent_s() > self.stall_s:
                if not await self.dwell.alive(self.deadline):
                    self.dwell.hung = True
                    return
                if self._silent_s() > self.stall_s and not load.done():
                    self.dwell.give_up_pending()
                    return

    async def _after_failure(self, page: Page, guests: Guests, error: PlaywrightError) -> None:
        message = error.message
        if self.crashed() or "crashed" in message:
            raise Stop(StopReason.CRASHED, "the page crashed its renderer")
        if page.is_closed() or "has been closed" in message:
            raise error
        if guests.downloads or "Download is starting" in message:
            raise Stop(StopReason.DOWNLOAD, "the address starts a download")
        document = self.recorder.main_document()
        if "ERR_ABORTED" in message and document is not None and document.status in (204, 205):
            raise Stop(StopReason.NOT_HTML, f"the server answers without a page (HTTP {document.status})")
        interrupted = "interrupted by another navigation" in message or "ERR_ABORTED" in message
        if not (interrupted and await self.next_document(page)):
            raise Stop(*transport_failure(message))

    def _silent_s(self) -> float:
        return time.monotonic() - self.recorder.last_activity

    def _timeout_ms(self) -> float:
        return min(self.task.limits.navigation_timeout_ms, max(50.0, (self.deadline - time.monotonic()) * 1000))
