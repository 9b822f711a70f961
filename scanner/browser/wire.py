"""The line between one browser and Playwright, with a reader of our own on it.

Playwright drives the browser through a pipe. We stand in the middle of that pipe: everything the browser says is read
here before Playwright hears of it, and our own commands go to the same debugging sessions that Playwright opened. So
each target has one session instead of two, nothing that Playwright could have seen is missed by us, and every page,
frame and worker is listened to before it runs, since Playwright lets it go only after our commands were sent.

Of targets that it does not need (workers of all kinds) and of what is only for us (the network above all) Playwright
is not told.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from scanner.browser.channel import CALL_TIMEOUT_S, ChannelError, NoAnswer, Params

_FIRST_ID = 1 << 30
"""Playwright counts its commands from one; ours must not be taken for them."""
_END = b"\0"
_TOO_MUCH = 64 * 1024 * 1024
"""What may wait for Playwright before the browser has to wait, too."""
_DRIVEN = ("page", "iframe")
"""Targets that Playwright drives. It would let go of the others, and ours with them: a session is shared."""
_OURS = ("Network.", "Fetch.", "Audits.", "Debugger.", "Performance.")
_OURS_TOO = ("Runtime.consoleAPICalled", "Log.entryAdded", "Emulation.virtualTimeBudgetExpired")
_SAID_BY_US = (b'"Network.enable"', b'"Emulation.setUserAgentOverride"', b'"Browser.setWindowBounds"')
"""Playwright's commands that would undo what we told the session, or its window."""
_ITS_WORLD = b'"worldName":"__playwright_utility_world'
"""In Playwright's commands that want a script context of its own in every document, which nothing of ours needs: its
`evaluate` runs in the page's own. One context costs as much as a small script file."""
_METHOD_WITHIN = 120
"""Bytes from a command's beginning within which its method stands."""


class Listener(Protocol):
    """Whose targets these are: one visit."""

    def adopt(self, channel: WireChannel, info: Params) -> bool:
        """Listen to a new target, with its first commands. False: it is not wanted."""
        ...

    def on_event(self, channel: WireChannel, method: str, params: Params) -> None: ...

    def lose(self, channel: WireChannel) -> None:
        """A target is gone."""
        ...


class WireChannel:
    """One target's end of the line."""

    def __init__(self, wire: Wire, session_id: str, kind: str, target_id: str, parent: WireChannel | None) -> None:
        self.kind = kind
        self.target_id = target_id
        self.session_id = session_id
        self.parent = parent
        self.closed = False
        self.was_held = False
        """It ran nothing before we listened."""
        self.is_ours_alone = False
        """Playwright does not know of it."""
        self.listener: Listener | None = None
        self._wire = wire
        self._waiting: set[int] = set()

    def is_within(self, other: WireChannel) -> bool:
        """Say whether this is `other`, or a target that was reached through it."""
        at: WireChannel | None = self
        while at is not None and at is not other:
            at = at.parent
        return at is other

    async def call(self, method: str, params: Params | None = None, timeout_s: float = CALL_TIMEOUT_S) -> Params:
        if self.closed:
            raise ChannelError("closed")
        number, answer = self._wire.ask(self, method, params)
        self._waiting.add(number)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as error:
            raise NoAnswer(f"{method}: no answer within {timeout_s} s") from error
        finally:
            self._waiting.discard(number)
            self._wire.forget(number)

    def tell(self, method: str, params: Params | None = None) -> None:
        if not self.closed:
            self._wire.tell(self, method, params)

    def close(self) -> None:
        """Stop talking, or the target is gone: nobody who waits will get an answer."""
        self.closed = True
        for number in list(self._waiting):
            self._wire.give_up(number)


class Wire:
    """One browser's line. `start` before Playwright says its first word."""

    def __init__(self) -> None:
        self.root = WireChannel(self, "", "browser", "", None)
        self._channels: dict[str, WireChannel] = {}
        self._listeners: dict[str, Listener] = {}
        """By browser context id."""
        self._held_for: dict[str, list[WireChannel]] = {}
        """Browser context id → shared and service workers to let go with its visit."""
        self._attaching: set[str] = set()
        self._answers: dict[int, asyncio.Future[Params]] = {}
        self._last_id = _FIRST_ID
        self._forwarded: dict[str, bool] = {}
        self._to_browser: _Outbox | None = None
        self._to_playwright: _Outbox | None = None
        self._sources: list[asyncio.ReadTransport] = []

    async def start(self, commands_in: int, events_out: int, commands_out: int, events_in: int) -> None:
        """Stand in the line from now on. File descriptors: Playwright's ends (in, out), then the browser's."""
        loop = asyncio.get_running_loop()
        to_playwright = _Flow()
        commands, _ = await loop.connect_write_pipe(_Flow, os.fdopen(commands_out, "wb", 0))
        events, _ = await loop.connect_write_pipe(lambda: to_playwright, os.fdopen(events_out, "wb", 0))
        events.set_write_buffer_limits(high=_TOO_MUCH)
        self._to_browser, self._to_playwright = _Outbox(commands), _Outbox(events)
        for fd, pass_on in ((events_in, self._from_browser), (commands_in, self._from_playwright)):
            source, _ = await loop.connect_read_pipe(_messages(pass_on, self.close), os.fdopen(fd, "rb", 0))
            self._sources.append(source)
        to_playwright.source = self._sources[0]
        if self.root.closed:
            self.close()  # a browser that ends at once hangs up before we are there

    # ------------------------------------------------------------------ whose is what

    def register(self, context_id: str, listener: Listener) -> None:
        """New pages and workers of this browser context are `listener`'s."""
        self._listeners[context_id] = listener

    def unregister(self, context_id: str) -> None:
        self._listeners.pop(context_id, None)
        for channel in self._held_for.pop(context_id, ()):
            # As long as somebody is attached, the next visit's worker of the same name is taken for this one.
            self.root.tell("Target.detachFromTarget", {"sessionId": channel.session_id})

    async def open_target(self, url: str) -> WireChannel:
        """Open a page of our own, of which Playwright knows nothing.

        Raises:
            ChannelError: the browser does not let us.
        """
        target = str((await self.root.call("Target.createTarget", {"url": url}))["targetId"])
        self._attaching.add(target)
        try:
            attached = await self.root.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        finally:
            self._attaching.discard(target)
        channel = WireChannel(self, str(attached["sessionId"]), "page", target, None)
        channel.is_ours_alone = True
        self._channels[channel.session_id] = channel
        return channel

    async def close_target(self, channel: WireChannel) -> None:
        await self.root.call("Target.closeTarget", {"targetId": channel.target_id})

    async def process_ids(self) -> dict[str, int]:
        """Return pid by process type (`browser` and others); empty when the browser does not answer."""
        try:
            answer = await self.root.call("SystemInfo.getProcessInfo", timeout_s=5.0)
        except ChannelError:
            return {}
        return {str(process["type"]): int(process["id"]) for process in answer.get("processInfo", ())}

    # ------------------------------------------------------------------ speaking

    def ask(self, channel: WireChannel, method: str, params: Params | None) -> tuple[int, asyncio.Future[Params]]:
        number = self.tell(channel, method, params)
        answer: asyncio.Future[Params] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        return number, answer

    def tell(self, channel: WireChannel, method: str, params: Params | None) -> int:
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": params or {}}
        if channel.session_id:
            message["sessionId"] = channel.session_id
        if self._to_browser is not None:
            self._to_browser.put(_as_json(message))
        return self._last_id

    def forget(self, number: int) -> None:
        self._answers.pop(number, None)

    def give_up(self, number: int) -> None:
        answer = self._answers.pop(number, None)
        if answer is not None and not answer.done():
            answer.set_exception(ChannelError("the target is gone"))

    # ------------------------------------------------------------------ passing on

    def _from_playwright(self, raw: bytes) -> None:
        beginning = raw[:_METHOD_WITHIN]
        if any(method in beginning for method in _SAID_BY_US) or _ITS_WORLD in raw:
            message = _from_json(raw)
            if message.get("sessionId") in self._channels:
                self._pass_to_playwright(
                    _as_json({"id": message["id"], "result": {}, "sessionId": message["sessionId"]})
                )
                return
        if self._to_browser is not None:
            self._to_browser.put(raw)

    def _from_browser(self, raw: bytes) -> None:
        try:
            message = _from_json(raw)
            number = message.get("id")
            if number is None:
                passes = self._hear(message["method"], message.get("sessionId", ""), message.get("params", {}))
            elif number < _FIRST_ID:
                passes = True
            else:
                self._answer(number, message)
                passes = False
        except (ValueError, TypeError, LookupError, AttributeError):
            passes = True  # the line must hold, whatever one message is like
        if passes:
            self._pass_to_playwright(raw)

    def _pass_to_playwright(self, raw: bytes) -> None:
        if self._to_playwright is not None:
            self._to_playwright.put(raw)

    def _answer(self, number: int, message: Params) -> None:
        answer = self._answers.pop(number, None)
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(ChannelError(str(message["error"].get("message"))))
        else:
            answer.set_result(message.get("result", {}))

    def _hear(self, method: str, session_id: str, params: Params) -> bool:
        """Take in one event. True: it is for Playwright as well."""
        channel = self._channels.get(session_id)
        passes = True
        if method == "Target.attachedToTarget":
            passes = self._attached(channel, session_id, params)
        elif method == "Target.detachedFromTarget":
            passes = self._detached(params)
        if channel is None:
            return passes
        if channel.listener is not None:
            channel.listener.on_event(channel, method, params)
        return passes and not channel.is_ours_alone and self._is_forwarded(method)

    def _is_forwarded(self, method: str) -> bool:
        known = self._forwarded.get(method)
        if known is None:
            known = self._forwarded[method] = not (method.startswith(_OURS) or method in _OURS_TOO)
        return known

    def _attached(self, parent: WireChannel | None, parent_id: str, params: Params) -> bool:
        info: Params = params["targetInfo"]
        session_id, target_id, kind = str(params["sessionId"]), str(info["targetId"]), str(info["type"])
        if target_id in self._attaching:
            return False
        if parent_id and parent is None:
            return True
        context_id = str(info.get("browserContextId"))
        listener = parent.listener if parent is not None else self._listeners.get(context_id)
        if listener is None:
            return True
        channel = WireChannel(self, session_id, kind, target_id, parent)
        channel.listener = listener
        channel.was_held = bool(params.get("waitingForDebugger"))
        channel.is_ours_alone = kind not in _DRIVEN or (parent is not None and parent.is_ours_alone)
        self._channels[session_id] = channel
        if not listener.adopt(channel, info):
            del self._channels[session_id]
            return True
        if parent is None and channel.is_ours_alone:
            self._held_for.setdefault(context_id, []).append(channel)
        return not channel.is_ours_alone

    def _detached(self, params: Params) -> bool:
        channel = self._channels.get(str(params["sessionId"]))
        if channel is None:
            return True
        # What was reached through it is gone as well, and nobody says so.
        for gone in [one for one in self._channels.values() if one.is_within(channel)]:
            del self._channels[gone.session_id]
            if gone.listener is not None:
                gone.listener.lose(gone)
            gone.close()
        return not channel.is_ours_alone

    def close(self) -> None:
        """Hang up on both ends, as when one of them does: nobody who waits will get an answer."""
        for end in (self._to_browser, self._to_playwright, *self._sources):
            if end is not None:
                end.close()
        self._to_browser = self._to_playwright = None
        self._sources.clear()
        for channel in (self.root, *self._channels.values()):
            channel.close()


# Pages may put half a surrogate pair into a text. JSON has a way of writing that, which only the slower one knows.
def _from_json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw.decode())


def _as_json(message: Params) -> bytes:
    try:
        return orjson.dumps(message)
    except orjson.JSONEncodeError:
        return json.dumps(message).encode()


class _Outbox:
    """What is said in one turn of the event loop goes out together: each message alone would wake up the other side."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._waiting: list[bytes] = []

    def put(self, message: bytes) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting += (message, _END)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._waiting and not self._transport.is_closing():
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()


class _Flow(asyncio.BaseProtocol):
    """The writing end: when too much waits, the source has to wait."""

    def __init__(self) -> None:
        self.source: asyncio.ReadTransport | None = None

    def pause_writing(self) -> None:
        if self.source is not None:
            self.source.pause_reading()

    def resume_writing(self) -> None:
        if self.source is not None:
            self.source.resume_reading()


def _messages(on_message: Callable[[bytes], None], on_end: Callable[[], None]) -> Callable[[], _Messages]:
    return lambda: _Messages(on_message, on_end)


class _Messages(asyncio.Protocol):
    """The reading end: one call for each message."""

    def __init__(self, on_message: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._begun: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        whole = data.split(_END)
        if len(whole) == 1:
            self._begun.append(data)
            return
        whole[0] = b"".join((*self._begun, whole[0]))
        rest = whole.pop()
        self._begun = [rest] if rest else []
        for message in whole:
            self._on_message(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_end()
