"""Let the page live its seconds without waiting for them.

Every renderer has a clock of its own, and so has every worker: the page sets the pace, frames in other
processes and workers get the same budget, and a second, shorter round lets what they said to each
other arrive. A request that never answers stops the clock: then it is set running without waiting,
and the visit says so.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from scanner.browser.channel import Channel, ChannelError, Params
from scanner.browser.recorder import Recorder
from scanner.browser.targets import Targets

_SECOND_ROUND_MS = 5_000
_STREAM_PATIENCE_S = 0.4
_POLL_S = 0.05


@dataclass(slots=True)
class Dwell:
    """The clock of one visit's page and what became of it."""

    targets: Targets
    recorder: Recorder
    stall_s: float
    """How long nothing may happen on the network before waiting requests are given up."""
    passed_ms: int = 0
    stalled: bool = False
    """Some request never answered; time went on without it."""
    hung: bool = False
    """The page did not let its clock run."""
    _expired: asyncio.Event = field(default_factory=asyncio.Event)
    _started: set[str] = field(default_factory=set)

    def on_event(self, channel: Channel, method: str, params: Params) -> None:
        if method == "Emulation.virtualTimeBudgetExpired" and channel is self.targets.root:
            self._expired.set()

    async def advance(self, budget_ms: int, deadline: float) -> None:
        """Let `budget_ms` of page time pass; `deadline` is on the monotonic clock.

        Sets `stalled` when requests had to be given up, `hung` when the page's clock never got there.
        """
        root = self.targets.root
        if root is None or budget_ms <= 0:
            return
        for child in self.targets.children():
            child.tell("Emulation.setVirtualTimePolicy", _policy(budget_ms))
        await self._run(root, budget_ms, deadline)
        self.passed_ms += 0 if self.hung else budget_ms
        if self.targets.children() and not self.hung:
            for child in self.targets.children():
                fresh = child.session_id not in self._started
                child.tell("Emulation.setVirtualTimePolicy", _policy(budget_ms if fresh else _SECOND_ROUND_MS))
                self._started.add(child.session_id)
            await self._run(root, _SECOND_ROUND_MS, deadline)

    async def _run(self, root: Channel, budget_ms: int, deadline: float) -> None:
        self._expired.clear()
        began = time.monotonic()
        try:
            # A page in an endless loop does not even take the command.
            await root.call("Emulation.setVirtualTimePolicy", _policy(budget_ms), self._patience(deadline))
        except ChannelError:
            self.hung = True
            return
        forced_at: float | None = None
        while not self._expired.is_set():
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._expired.wait()
            except TimeoutError:
                now = time.monotonic()
                quiet_s = now - max(self.recorder.last_activity, began, forced_at or 0)
                if now >= deadline or (quiet_s > self.stall_s and not await self._alive(root, deadline)):
                    self.hung = True
                    return
                if forced_at is None and self._give_up_waiting(quiet_s):
                    forced_at = now
                    root.tell("Emulation.setVirtualTimePolicy", _policy(budget_ms, "advance"))

    def _patience(self, deadline: float) -> float:
        return max(0.1, min(self.stall_s, deadline - time.monotonic()))

    async def _alive(self, root: Channel, deadline: float) -> bool:
        try:
            await root.call("Runtime.evaluate", {"expression": "1"}, self._patience(deadline))
        except ChannelError:
            return False
        return True

    def _give_up_waiting(self, quiet_s: float) -> bool:
        """Say whether to stop waiting for requests: open streams by nature, or silence for too long."""
        if not self.recorder.unanswered() and self.recorder.streams() and quiet_s > _STREAM_PATIENCE_S:
            return True
        if quiet_s > self.stall_s:
            self.stalled = bool(self.recorder.unanswered())
            return True
        return False


def _policy(budget_ms: int, policy: str = "pauseIfNetworkFetchesPending") -> Params:
    return {"policy": policy, "budget": budget_ms}
