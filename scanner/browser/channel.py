"""Talk with one debugging target: the page, or a child that is reached through its parent.

Playwright hands out a session for a page only. Its children (frames in other processes, workers)
are attached without flattening and spoken to by messages inside messages, to any depth.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from playwright.async_api import CDPSession
from playwright.async_api import Error as PlaywrightError

Params = dict[str, Any]
Listener = Callable[["Channel", str, Params], None]

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


class SessionChannel:
    """The channel over a Playwright `CDPSession`."""

    def __init__(self, session: CDPSession, kind: str, target_id: str = "") -> None:
        self.kind = kind
        self.target_id = target_id
        self.closed = False
        self._session = session
        # The public session copies every event, once for each listener, looking for objects of its own: none are in
        # there, and it cost a fifth of this process's time. The inner emitter is the same one without that.
        self._events: Any = getattr(session, "_impl_obj", session)
        self._tasks = Tasks()
        self._listening: list[tuple[str, Callable[[Params], None]]] = []

    def listen(self, methods: tuple[str, ...], listener: Listener) -> None:
        """Call `listener` for each event in `methods` (Playwright subscribes by name)."""
        for method in methods:
            handler = self._handler(method, listener)
            self._listening.append((method, handler))
            self._events.on(method, handler)

    def deafen(self) -> None:
        """Call nobody any more; the session stays open and can be listened to anew."""
        for method, handler in self._listening:
            self._events.remove_listener(method, handler)
        self._listening.clear()

    def _handler(self, method: str, listener: Listener) -> Callable[[Params], None]:
        return lambda params: listener(self, method, params)

    async def call(self, method: str, params: Params | None = None, timeout_s: float = CALL_TIMEOUT_S) -> Params:
        if self.closed:
            raise ChannelError("closed")
        try:
            async with asyncio.timeout(timeout_s):
                return dict(await self._session.send(method, params or {}) or {})
        except TimeoutError as error:
            raise NoAnswer(f"{method}: no answer within {timeout_s} s") from error
        except PlaywrightError as error:
            raise ChannelError(f"{method}: {error.message}") from error

    def tell(self, method: str, params: Params | None = None) -> None:
        if not self.closed:
            self._tasks.start(self._quietly(method, params))

    async def _quietly(self, method: str, params: Params | None) -> None:
        try:
            await self.call(method, params)
        except ChannelError:
            return  # nobody waits for this answer; what depends on it is noticed where it is missing

    def close(self) -> None:
        """Stop talking. The session itself ends with its page."""
        self.closed = True
        self._tasks.cancel()


class ChildChannel:
    """A target inside another one, reached by `Target.sendMessageToTarget` over its parent."""

    def __init__(self, parent: Channel, session_id: str, kind: str, target_id: str, listener: Listener) -> None:
        self.kind = kind
        self.target_id = target_id
        self.session_id = session_id
        self.closed = False
        self.listening = False
        """The target has answered its first command: from here on its events reach us."""
        self._parent = parent
        self._listener = listener
        self._next_id = 0
        self._waiting: dict[int, asyncio.Future[Params]] = {}

    def _message(self, method: str, params: Params | None) -> tuple[int, Params]:
        self._next_id += 1
        text = json.dumps({"id": self._next_id, "method": method, "params": params or {}})
        return self._next_id, {"sessionId": self.session_id, "message": text}

    async def call(self, method: str, params: Params | None = None, timeout_s: float = CALL_TIMEOUT_S) -> Params:
        if self.closed:
            raise ChannelError("closed")
        number, message = self._message(method, params)
        answer: asyncio.Future[Params] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._parent.tell("Target.sendMessageToTarget", message)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as error:
            raise NoAnswer(f"{method}: no answer within {timeout_s} s") from error
        finally:
            self._waiting.pop(number, None)

    def tell(self, method: str, params: Params | None = None) -> None:
        if not self.closed:
            self._parent.tell("Target.sendMessageToTarget", self._message(method, params)[1])

    def receive(self, text: str) -> None:
        """Take one message that the parent passed on."""
        message = json.loads(text)
        number = message.get("id")
        if number is None:
            self._listener(self, message["method"], message.get("params", {}))
            return
        self.listening = True
        answer = self._waiting.pop(number, None)
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(ChannelError(str(message["error"].get("message"))))
        else:
            answer.set_result(message.get("result", {}))

    def close(self) -> None:
        """The target is gone: nobody who waits will get an answer."""
        self.closed = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ChannelError("the target is gone"))
        self._waiting.clear()
