"""The page that visits happen in, one after the other, listened to from its first moment on.

Opening a page, and the cold renderer that comes with it, costs more than everything a visit does in it. So a page is
used a few times: between two visits it shows nothing, forgets its session's storage and runs no script. Its clock is
the reason why it is only a few: a renderer's virtual time cannot be switched off again, so each visit leaves it half
a minute fast, and tags must not see a date that is minutes wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from scanner.browser.channel import SessionChannel
from scanner.browser.guests import Doorway
from scanner.browser.targets import Targets

VISITS_PER_PAGE = 6
_RESET_TIMEOUT_S = 3.0
_NOTHING = "about:blank"


@dataclass(slots=True)
class Stage:
    """One page with its debugging session; `enter` before each visit, `reset` after it."""

    page: Page
    channel: SessionChannel
    doorway: Doorway
    context_id: str
    visits: int = 0

    @classmethod
    async def open(cls, context: BrowserContext, targets: Targets) -> Stage:
        """Open a page and listen to it and to its children.

        Raises:
            ChannelError, PlaywrightError: the browser opens none.
        """
        page = await context.new_page()
        doorway = Doorway(context, page)
        channel = SessionChannel(await context.new_cdp_session(page), "page")
        await targets.attach(channel)
        info = await channel.call("Target.getTargetInfo")
        return cls(page, channel, doorway, str(info["targetInfo"].get("browserContextId")))

    @property
    def is_worn(self) -> bool:
        return self.visits >= VISITS_PER_PAGE or self.page.is_closed()

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
