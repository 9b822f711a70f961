"""Let the page live its seconds without waiting for them.

The debugging protocol grants a target a *budget* of virtual time; its timers then run at full speed, pausing only
for requests under way. Four properties of the browser shape this file:

- Every renderer has a clock, and so has every worker. Clocks of one process advance together, as far as the
  slowest allows: a worker whose budget is used up stops the page that shares its process. So workers get a new
  budget whenever theirs ends while the page's runs, and the page is always started first.
- Frames in other processes have clocks of their own and get what the page got.
- A second budget does not replace the first: the first still stops the clock when it ends. So nobody gets a
  budget before the last one has ended.
- A request that never answers stops the clock. Then it is set running without waiting, and the visit says so.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from scanner.browser.channel import Channel, ChannelError, NoAnswer, Params
from scanner.browser.recorder import Recorder
from scanner.browser.targets import Targets
from scanner.browser.wire import WireChannel

_LATE_ROUND_MS = 10_000
_MAX_LATE_ROUNDS = 3
_WORKER_BUDGET_MS = 60_000
_STREAM_PATIENCE_S = 0.4
_FRAME_PATIENCE_S = 1.0
_POLL_S = 0.05
_LAST_PATIENCE_S = 1.0
_DRAWING_PATIENCE_S = 2.0
_FRAME_S = 0.1
_FRAME_MS = 100
_FRAME = "new Promise(done => requestAnimationFrame(() => done(true)))"
# The second frame begins when the first one was drawn.
_TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"


@dataclass(slots=True)
class Dwell:
    """The clock of one visit's page and what became of it."""

    targets: Targets
    recorder: Recorder
    stall_s: float
    """How long nothing may happen before a silent page, or a request that never answers, is given up."""
    passed_ms: int = 0
    stalled: bool = False
    """Some request never answered; time went on without it."""
    hung: bool = False
    """The page did not let its clock run."""
    timed_out: bool = False
    """The page was alive, but the visit's time was over."""
    given_up: set[str] = field(default_factory=set)
    """Ids of requests that are not waited for any more."""
    begun_ms: int = 0
    """Granted by `begin` and not yet waited for by `settle`."""
    _expired: asyncio.Event = field(default_factory=asyncio.Event)
    _running: bool = False
    _total_ms: int = 0
    _granted_ms: dict[str, int] = field(default_factory=dict)
    """By child session: what it was granted so far."""
    _spending: set[str] = field(default_factory=set)
    """Child sessions whose budget has not ended."""

    def on_event(self, channel: Channel, method: str, params: Params) -> None:
        if method != "Emulation.virtualTimeBudgetExpired":
            return
        if channel is self.targets.root:
            self._expired.set()
        elif isinstance(channel, WireChannel):
            self._spending.discard(channel.session_id)
            if self._running and not self._expired.is_set():
                self._grant(channel)

    def begin(self, budget_ms: int) -> None:
        """Let page time pass while a document loads. Called when one is there: an empty page would spend it at once.

        A budget that has not ended is left alone, one that has is followed by another: a page that goes elsewhere
        must not find its clock standing still.
        """
        root = self.targets.root
        if root is None or budget_ms <= 0 or (self.begun_ms and not self._expired.is_set()):
            return
        self._expired.clear()
        self._running = True
        self.begun_ms += budget_ms
        self._total_ms += budget_ms
        root.tell("Emulation.setVirtualTimePolicy", _policy(budget_ms))
        for child in self.targets.children():
            self._grant(child)

    async def until_paused(self, or_until: asyncio.Future[Any], timeout_s: float) -> None:
        """Wait until what was begun is spent, `or_until` is done or `timeout_s` is over."""
        spent = asyncio.ensure_future(self._expired.wait())
        await asyncio.wait({spent, or_until}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        spent.cancel()

    @property
    def paused(self) -> bool:
        """What was begun is spent: the page's clock stands still."""
        return self.begun_ms > 0 and self._expired.is_set()

    async def settle(self, deadline: float) -> None:
        """Wait for the end of what was begun. Sets the same as `advance`."""
        root = self.targets.root
        if root is None or not self.begun_ms:
            return
        try:
            await self._until_expired(root, deadline)
        except ChannelError:
            self.hung = True
        finally:
            self._running = False
        self.passed_ms += self.begun_ms if self.sound else 0
        self.begun_ms = 0

    async def until_drawn(self, deadline: float, *, still: bool = False) -> bool:
        """Wait until the page is drawn for the first time; `still`: again. False: it is not, though it answers.

        On a busy machine the clock may stop before that, and a page whose clock stands still is never drawn then: it
        takes no input and runs no animation frame. So it is given a little time again and again.
        """
        root = self.targets.root
        if root is None:
            return False
        patience_s = min(_DRAWING_PATIENCE_S, self._patience(deadline))
        drawn = asyncio.ensure_future(
            root.call(
                "Runtime.evaluate", {"expression": _FRAME if still else _TWO_FRAMES, "awaitPromise": True}, patience_s
            )
        )
        while self.sound and not (await asyncio.wait({drawn}, timeout=_FRAME_S))[0]:
            await self.advance(_FRAME_MS, deadline)
        drawn.cancel()
        answer = (await asyncio.gather(drawn, return_exceptions=True))[0]
        return not (self.sound and isinstance(answer, NoAnswer))

    def on_attached(self, child: Channel) -> None:
        """A new child joins the time that passes: its process may have a clock that an earlier visit stopped."""
        if self._running and isinstance(child, WireChannel):
            self._grant(child)

    async def advance(self, budget_ms: int, deadline: float) -> None:
        """Let `budget_ms` of page time pass; `deadline` is on the monotonic clock.

        Sets `stalled` when requests had to be given up, `hung` when the page's clock never got there.
        """
        if self.targets.root is None or budget_ms <= 0:
            return
        await self._run(self.targets.root, budget_ms, deadline)
        self.passed_ms += budget_ms if self.sound else 0
        for _ in range(_MAX_LATE_ROUNDS):
            late = [c for c in self.targets.children() if c.session_id not in self._granted_ms]
            if not self.sound or not late:
                break
            await self._run(self.targets.root, min(budget_ms, _LATE_ROUND_MS), deadline)
        if self.sound:
            await self._wait_for_frames(deadline)

    @property
    def sound(self) -> bool:
        """The page's clock went as far as it was told."""
        return not (self.hung or self.timed_out)

    def _grant(self, child: WireChannel) -> None:
        if child.session_id in self._spending:
            return
        had_ms = self._granted_ms.get(child.session_id, 0)
        budget_ms = self._total_ms - had_ms if child.kind == "iframe" else _WORKER_BUDGET_MS
        if budget_ms <= 0:
            return
        self._granted_ms[child.session_id] = had_ms + budget_ms
        self._spending.add(child.session_id)
        child.tell("Emulation.setVirtualTimePolicy", _policy(budget_ms))

    async def _run(self, root: Channel, budget_ms: int, deadline: float) -> None:
        self._expired.clear()
        self._running = True
        self._total_ms += budget_ms
        try:
            # A page in an endless loop does not even take the command.
            await root.call("Emulation.setVirtualTimePolicy", _policy(budget_ms), self._patience(deadline))
            for child in self.targets.children():
                self._grant(child)
            await self._until_expired(root, deadline)
        except ChannelError:
            self.hung = True
        finally:
            self._running = False

    async def _until_expired(self, root: Channel, deadline: float) -> None:
        began = time.monotonic()
        forced_at: float | None = None
        while not self._expired.is_set():
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._expired.wait()
            except TimeoutError:
                quiet_s = time.monotonic() - max(self.recorder.last_activity, began, forced_at or 0)
                if quiet_s > self.stall_s:
                    # The answer comes after every event under way: what looks silent may only be slow.
                    if not await self.alive(deadline):
                        self.hung = True
                        return
                    quiet_s = time.monotonic() - max(self.recorder.last_activity, began, forced_at or 0)
                    if forced_at is not None and quiet_s > self.stall_s:
                        self.hung = True
                        return
                now = time.monotonic()
                if now >= deadline:
                    self.hung = not await self.alive(now + _LAST_PATIENCE_S)
                    self.timed_out = not self.hung
                    return
                # A page that asks again and again is never quiet: then the clock must not wait for it.
                busy = now - began > self.stall_s
                if not self._expired.is_set() and forced_at is None and (busy or self._give_up_waiting(quiet_s)):
                    if busy:
                        self._give_up_endless()
                    forced_at = time.monotonic()
                    self._go_on_without_waiting(root)

    def _go_on_without_waiting(self, root: Channel) -> None:
        for channel in (root, *self.targets.children()):
            channel.tell("Emulation.setVirtualTimePolicy", {"policy": "advance"})

    def _give_up_waiting(self, quiet_s: float) -> bool:
        """Say whether to stop waiting for requests: open streams by nature, or silence for too long."""
        waiting = any(draft.request_id not in self.given_up for draft in self.recorder.unanswered())
        lasting = bool(self.given_up or self.recorder.streams())
        if not waiting and lasting and quiet_s > _STREAM_PATIENCE_S:
            return True
        if quiet_s > self.stall_s:
            self.give_up_pending()
            return True
        return False

    async def _wait_for_frames(self, deadline: float) -> None:
        """Frames in other processes may need a moment longer than the page."""
        until = min(deadline, time.monotonic() + _FRAME_PATIENCE_S)
        pushed = False
        while any(frame.session_id in self._spending for frame in self.targets.children("iframe")):
            now = time.monotonic()
            if now >= until and pushed:
                return
            if now >= until:
                pushed, until = True, min(deadline, now + _FRAME_PATIENCE_S / 2)
                for frame in self.targets.children("iframe"):
                    frame.tell("Emulation.setVirtualTimePolicy", {"policy": "advance"})
            await asyncio.sleep(_POLL_S / 5)

    def _patience(self, deadline: float) -> float:
        return max(0.1, min(self.stall_s, deadline - time.monotonic()))

    async def alive(self, deadline: float) -> bool:
        """Say whether the page's main thread still answers."""
        root = self.targets.root
        try:
            if root is not None:
                await root.call("Runtime.evaluate", {"expression": "1"}, self._patience(deadline))
        except ChannelError:
            return False
        return root is not None

    async def interrupt(self, timeout_s: float = 2.0) -> bool:
        """Break an endless loop, so that the browser tells what the page sent before it. True: the page is back.

        The renderer hands its messages over when a task ends, and a loop never does.
        """
        root = self.targets.root
        if root is None:
            return False
        root.tell("Runtime.terminateExecution")
        return await self.alive(time.monotonic() + timeout_s)

    def give_up_pending(self) -> None:
        """Wait no longer for what is unanswered now."""
        self._give_up({draft.request_id for draft in self.recorder.unanswered()})

    def count_unanswered(self) -> None:
        """At the end: what had its time and was never answered. What the answer would have brought is not known."""
        latest_ms = self.recorder.elapsed_ms() - self.stall_s * 1000
        self._give_up({draft.request_id for draft in self.recorder.unanswered() if draft.started_ms <= latest_ms})

    def _give_up_endless(self) -> None:
        """Wait no longer for answers that began long ago and do not end. Requests that wait for their turn may come."""
        latest_ms = self.recorder.elapsed_ms() - self.stall_s * 1000
        endless = {d.request_id for d in self.recorder.unanswered() if d.status and d.started_ms <= latest_ms}
        self._give_up(endless)

    def _give_up(self, request_ids: set[str]) -> None:
        self.stalled = self.stalled or bool(request_ids)
        self.given_up |= request_ids


def _policy(budget_ms: int) -> Params:
    return {"policy": "pauseIfNetworkFetchesPending", "budget": budget_ms}
