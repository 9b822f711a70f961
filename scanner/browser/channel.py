"""Talk with one debugging target: the page, a frame in another process, a worker, the browser itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

Params = dict[str, Any]

CALL_TIMEOUT_S = 10.0


class ChannelError(Exception):
    """The target refused, is gone, or did not answer in time. Handled inside this room, never passed on."""


class NoAnswer(ChannelError):
    """The target did not answer in time; it may still do what it was told."""


class Channel(Protocol):
    """One target's end of the line."""

    kind: str
    """page | iframe | worker | shared_worker | service_worker | popup | browser"""
    target_id: str
    closed: bool

    async def call(self, method: str, params: Params | None = None, timeout_s: float = CALL_TIMEOUT_S) -> Params:
        """Send a command and return its result.

        Raises:
            ChannelError: the target refused, is gone, or did not answer within `timeout_s`.
        """
        ...

    def tell(self, method: str, params: Params | None = None) -> None:
        """Send a command whose answer does not matter. Commands keep their order."""
        ...


class Tasks:
    """Tasks that nobody waits for, kept alive until they end and cancelled with their owner."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        for task in list(self._running):
            task.cancel()
