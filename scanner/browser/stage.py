"""The page that visits happen in, one after the other, listened to from its first moment on.

Opening a page, and the cold renderer that comes with it, costs more than everything a visit does in it. So a page is
used a few times: between two visits it forgets its session's storage and runs no script. Its clock is the reason why
it is only a few: a renderer's virtual time cannot be switched off again, so each visit leaves it half a minute fast,
and tags must not see a date that is wrong by more than the five minutes that servers commonly put up with.

A document that has nothing under way is left standing, its clock and its scripts stopped, until the next visit
replaces it. Any other is replaced by an empty one at once: while it lives somebody has to listen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urldefrag

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from scanner.browser.channel import Channel, ChannelError
from scanner.browser.guests import Doorway
from scanner.browser.sight import see_little
from scanner.browser.targets import Targets
from scanner.browser.wire import WireChannel

VISITS_PER_PAGE = 9
_RESET_TIMEOUT_S = 3.0
_WINDOW_TIMEOUT_S = 2.0
_NOTHING = "about:blank"
_HAS_WINDOW = """new Promise(done => {
  const look = () => outerWidth ? done() : setTimeout(look, 5); look(); })"""


@dataclass(slots=True)
class Stage:
    """One page with its debugging session; `enter` before each visit, `reset` after it."""

    page: Page
    channel: WireChannel
    doorway: Doorway
    visits: int = 0
    is_stopped: bool = False
    """It still shows the last visit's document, whose scripts are switched off."""

    @classmethod
    async def open(cls, context: BrowserContext, targets: Targets) -> Stage:
        """Open a page, to which `targets` listen from its first moment on.

        Raises:
            ChannelError, PlaywrightError: the browser opens none.
        """
        page = await context.new_page()
        channel = targets.root
        if channel is None:
            raise ChannelError("nobody told of the new page")
        await _hide_frame(channel)
        see_little(channel)
        await _until_it_has_a_window(channel)
        return cls(page, channel, Doorway(context, page))

    @property
    def is_worn(self) -> bool:
        return self.visits >= VISITS_PER_PAGE or self.page.is_closed()

    async def stop(self, frames: Sequence[Channel]) -> bool:
        """Let the document stand without running scripts, in the `frames` of other processes neither.

        False: the page must not be used again.
        """
        told = [
            channel.call("Emulation.setScriptExecutionDisabled", {"value": True}, _RESET_TIMEOUT_S)
            for channel in (self.channel, *frames)
        ]
        if any(isinstance(answer, BaseException) for answer in await asyncio.gather(*told, return_exceptions=True)):
            return False
        self.is_stopped = True
        return not self.page.is_closed()

    async def enter(self, url: str) -> bool:
        """Make ready for going to `url`. False: the page must not be used."""
        if not self.is_stopped:
            return True
        self.is_stopped = False
        if urldefrag(self.page.url).url == urldefrag(url).url and not await self.reset():
            return False  # to go to where one is already would load nothing, or ask whether anything has changed
        try:
            await self.channel.call("Emulation.setScriptExecutionDisabled", {"value": False}, _RESET_TIMEOUT_S)
        except ChannelError:
            return False
        return True

    async def reset(self) -> bool:
        """Show nothing, so that the next visit finds an empty page. False: the page must not be used again."""
        try:
            async with asyncio.timeout(_RESET_TIMEOUT_S):
                await self.page.goto(_NOTHING)
        except (PlaywrightError, TimeoutError):
            return False
        return not self.page.is_closed()

    async def close(self) -> None:
        self.hang_up()
        with contextlib.suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_RESET_TIMEOUT_S):
                await self.page.close()

    def hang_up(self) -> None:
        """Stop listening and talking for good; the page itself is closed by somebody else."""
        self.doorway.close()
        self.channel.close()


async def _until_it_has_a_window(channel: WireChannel) -> None:
    """Wait until the page knows its window's size: scripts that find none know that no person is there."""
    with contextlib.suppress(ChannelError):
        params = {"expression": _HAS_WINDOW, "awaitPromise": True}
        await channel.call("Runtime.evaluate", params, _WINDOW_TIMEOUT_S)


async def _hide_frame(channel: WireChannel) -> None:
    """Show the page's window without tabs and address bar.

    Drawing those takes a quarter of the time of going to a page. The page can tell by the display mode alone: it is
    that of a visitor who has pressed F11.
    """
    with contextlib.suppress(ChannelError):  # it only saves time
        window = await channel.call("Browser.getWindowForTarget", timeout_s=_WINDOW_TIMEOUT_S)
        bounds = {"windowId": window["windowId"], "bounds": {"windowState": "fullscreen"}}
        await channel.call("Browser.setWindowBounds", bounds, _WINDOW_TIMEOUT_S)
