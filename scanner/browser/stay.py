"""A person's stay on a page: a first look, a picture, the first touches, half a minute, and frames that are drawn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from scanner.browser.channel import Channel
from scanner.browser.interact import scroll_to_end, wake
from scanner.browser.sight import take_screenshot
from scanner.browser.targets import Targets
from scanner.browser.virtual_time import Dwell
from scanner.model import Device, VisitTask

_INPUT_TIMEOUT_S = 3.0
_SCROLL_TIMEOUT_S = 8.0
_SCREENSHOT_TIMEOUT_S = 5.0
_FIRST_LOOK_MS = 1_000
"""What a person needs to see the page before touching it: what is measured of its drawing ends with the first touch."""
_FIRST_LOOK_S = 0.1
"""The same in a page whose clock is still everybody's."""
_EARLY_MS = 3_000
_FRAMES_S = 0.7
"""Real time on the page: frames are drawn at the screen's pace, whatever the page's clock says."""
_FRAME_STEPS = 3
_FRAME_STEP_S = 0.1
_FRAME_STEP_MS = 250


@dataclass(slots=True)
class Stay:
    """One visit's time on its documents. `deadline` is on the monotonic clock."""

    targets: Targets
    dwell: Dwell
    task: VisitTask
    deadline: float
    crashed: Callable[[], bool]
    on_used_page: bool = False
    """The page was used by other visits before: its clock is the debugger's from the first moment."""
    screenshot: bytes | None = None

    async def on_document(self) -> None:
        """Interact with what the page shows and dwell there. A page that is not drawn is only dwelt on: a gap."""
        root = self.targets.root
        assert root is not None
        limits = self.task.limits
        before_ms = self.dwell.passed_ms
        await self.dwell.settle(self.deadline)
        drawn = await self._look_first()
        if not self._goes_on():
            return
        if self.task.screenshot:
            # Before the first scroll: the top of the page, with everything that a second has brought.
            self.screenshot = await take_screenshot(root, self.task.profile, min(_SCREENSHOT_TIMEOUT_S, self._left_s()))
        total_ms = limits.page_time_ms - (self.dwell.passed_ms - before_ms)
        if not (limits.interact and drawn):
            await self.dwell.advance(total_ms, self.deadline)
            return
        if await self._wake(root):
            await scroll_to_end(root, min(_SCROLL_TIMEOUT_S, self._left_s()))
        # Scripts that start late listen late: a moment later the page sees the person move again.
        early_ms = min(_EARLY_MS, total_ms)
        await self.dwell.advance(early_ms, self.deadline)
        if not self._goes_on():
            return
        await self._wake(root, again=True)
        await self.dwell.advance(total_ms - early_ms, self.deadline)

    async def let_frames_pass(self, loaded_at: float) -> None:
        """Give what waits for frames their real time, the page's clock going on in small steps: no clock, no frame."""
        least = time.monotonic() + _FRAME_STEPS * _FRAME_STEP_S
        until = min(max(loaded_at + _FRAMES_S, least), self.deadline)
        while self._goes_on() and (left_s := until - time.monotonic()) > 0:
            await asyncio.sleep(min(_FRAME_STEP_S, left_s))
            await self.dwell.advance(_FRAME_STEP_MS, self.deadline)

    async def _look_first(self) -> bool:
        """Let the page be drawn, and let it hear of that, before it is touched. False: it is not drawn."""
        if not self.on_used_page:
            await asyncio.sleep(min(_FIRST_LOOK_S, self._left_s()))
            return True
        if not await self.dwell.until_drawn(self.deadline):
            # Nothing observes it, no input reaches it: it is read all the same, and does not prove absence.
            self.targets.gaps.append("the browser did not draw the page")
            return False
        await self.dwell.advance(min(_FIRST_LOOK_MS, self.task.limits.page_time_ms), self.deadline)
        # A clock that stopped in between stops the drawing, too.
        if not await self.dwell.until_drawn(self.deadline, still=True):
            self.targets.gaps.append("the browser stopped drawing the page")
            return False
        return True

    async def _wake(self, root: Channel, *, again: bool = False) -> bool:
        by_touch = self.task.profile.device is Device.MOBILE
        return await wake(root, min(_INPUT_TIMEOUT_S, self._left_s()), touch_screen=by_touch, again=again)

    def _goes_on(self) -> bool:
        return self.dwell.sound and not self.crashed()

    def _left_s(self) -> float:
        return max(0.05, self.deadline - time.monotonic())
