"""The line between Playwright and the browser: what passes, what is kept back, and what happens when one hangs up."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from scanner.browser.channel import ChannelError, NoAnswer, Params
from scanner.browser.wire import Wire, WireChannel

OURS_FROM = 1 << 30
PAGE = {"targetId": "T1", "type": "page", "browserContextId": "C1", "url": ""}


@dataclass
class Heard:
    """A listener that wants every kind of target but `refused`."""

    refused: str = ""
    events: list[str] = field(default_factory=list)
    channels: list[WireChannel] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def adopt(self, channel: WireChannel, _info: Params) -> bool:
        self.channels.append(channel)
        channel.tell("First.command")
        return channel.kind != self.refused

    def on_event(self, channel: WireChannel, method: str, _params: Params) -> None:
        self.events.append(f"{channel.session_id} {method}")

    def lose(self, channel: WireChannel) -> None:
        self.lost.append(channel.session_id)


class End:
    """One of the two that talk over the wire: Playwright with its socket, or the browser with its pipes."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._rest = b""
        self._got: list[Any] = []

    def say(self, **message: Any) -> None:
        os.write(self._write, json.dumps(message).encode() + b"\0")

    def say_raw(self, raw: bytes) -> None:
        os.write(self._write, raw)

    async def hears(self) -> Any:
        """The next message; None: the other one hung up."""
        while not self._got:
            data = await asyncio.wait_for(asyncio.to_thread(os.read, self._read, 65536), 5)
            if not data:
                return None
            *whole, self._rest = (self._rest + data).split(b"\0")
            self._got += [json.loads(message) for message in whole]
        return self._got.pop(0)

    def hang_up(self) -> None:
        os.close(self._write)


@asynccontextmanager
async def line() -> AsyncIterator[tuple[Wire, End, End]]:
    (theirs_in, ours_in), (theirs_out, ours_out) = (
        [end.detach() for end in socket.socketpair()] for _ in ("commands", "events")
    )
    commands, commands_out = os.pipe()
    events_in, events = os.pipe()
    wire = Wire()
    await wire.start(ours_in, ours_out, commands_out, events_in)
    try:
        yield wire, End(theirs_out, theirs_in), End(commands, events)
    finally:
        wire.close()
        await asyncio.sleep(0)


async def test_both_hear_each_other_and_neither_hears_our_own_talk() -> None:
    async with line() as (wire, playwright, browser):
        playwright.say(id=1, method="Browser.getVersion")
        assert await browser.hears() == {"id": 1, "method": "Browser.getVersion"}
        asking = asyncio.ensure_future(wire.root.call("SystemInfo.getProcessInfo"))
        asked = await browser.hears()
        assert asked["id"] > OURS_FROM
        browser.say(id=asked["id"], result={"processInfo": []})
        browser.say(id=1, result={"product": "x"})
        assert await asking == {"processInfo": []}
        assert await playwright.hears() == {"id": 1, "result": {"product": "x"}}


async def test_a_page_is_told_our_commands_before_playwright_hears_of_it() -> None:
    async with line() as (wire, playwright, browser):
        heard = Heard()
        wire.register("C1", heard)
        browser.say(method="Target.attachedToTarget", params={"sessionId": "S1", "targetInfo": PAGE})
        assert (await playwright.hears())["params"]["sessionId"] == "S1"
        assert (await browser.hears())["method"] == "First.command", "nothing was awaited in between"
        browser.say(method="Network.requestWillBeSent", params={}, sessionId="S1")
        browser.say(method="Page.frameNavigated", params={}, sessionId="S1")
        assert (await playwright.hears())["method"] == "Page.frameNavigated", "the network is for us alone"
        assert heard.events == ["S1 Network.requestWillBeSent", "S1 Page.frameNavigated"]


async def test_what_playwright_would_undo_is_answered_in_the_browsers_stead() -> None:
    async with line() as (wire, playwright, browser):
        wire.register("C1", Heard())
        browser.say(method="Target.attachedToTarget", params={"sessionId": "S1", "targetInfo": PAGE})
        await playwright.hears()
        await browser.hears()
        playwright.say(id=7, method="Network.enable", sessionId="S1")
        assert await playwright.hears() == {"id": 7, "result": {}, "sessionId": "S1"}
        world = {"source": "", "worldName": "__playwright_utility_world_page@1"}
        playwright.say_raw(
            json.dumps(
                {"id": 8, "method": "Page.addScriptToEvaluateOnNewDocument", "params": world, "sessionId": "S1"},
                separators=(",", ":"),  # as Playwright writes
            ).encode()
            + b"\0"
        )
        assert await playwright.hears() == {"id": 8, "result": {}, "sessionId": "S1"}
        playwright.say(id=9, method="Network.enable", sessionId="nobody's of ours")
        assert (await browser.hears())["id"] == 9, "what we do not listen to is Playwright's own business"


async def test_workers_are_ours_alone_and_so_is_what_they_start() -> None:
    async with line() as (wire, playwright, browser):
        heard = Heard()
        wire.register("C1", heard)
        browser.say(method="Target.attachedToTarget", params={"sessionId": "S1", "targetInfo": PAGE})
        await playwright.hears()
        worker = {"targetId": "T2", "type": "worker", "url": ""}
        browser.say(
            method="Target.attachedToTarget",
            params={"sessionId": "S2", "targetInfo": worker, "waitingForDebugger": True},
            sessionId="S1",
        )
        inner = {"targetId": "T3", "type": "iframe", "url": ""}
        browser.say(method="Target.attachedToTarget", params={"sessionId": "S3", "targetInfo": inner}, sessionId="S2")
        browser.say(method="Page.loadEventFired", params={}, sessionId="S3")
        browser.say(method="Target.detachedFromTarget", params={"sessionId": "S2"}, sessionId="S1")
        browser.say(method="Page.loadEventFired", params={}, sessionId="S1")
        assert (await playwright.hears())["sessionId"] == "S1", "of the rest it was not told"
        assert [(c.session_id, c.is_ours_alone, c.was_held) for c in heard.channels] == [
            ("S1", False, False),
            ("S2", True, True),
            ("S3", True, False),
        ]
        assert heard.lost == ["S2", "S3"], "what was reached through a worker goes with it"
        assert [channel.closed for channel in heard.channels] == [False, True, True]


@pytest.mark.parametrize("info", [{**PAGE, "browserContextId": "another"}, {**PAGE, "type": "webview"}])
async def test_what_nobody_wants_is_left_to_playwright(info: Params) -> None:
    async with line() as (wire, playwright, browser):
        wire.register("C1", Heard(refused="webview"))
        browser.say(method="Target.attachedToTarget", params={"sessionId": "S1", "targetInfo": info})
        assert (await playwright.hears())["method"] == "Target.attachedToTarget"
        browser.say(method="Network.requestWillBeSent", params={}, sessionId="S1")
        assert (await playwright.hears())["method"] == "Network.requestWillBeSent"


async def test_messages_in_pieces_and_in_no_language_pass_on() -> None:
    async with line() as (wire, playwright, browser):
        long = json.dumps({"id": 3, "result": {"body": "x" * 300_000}}).encode() + b"\0"
        saying = asyncio.to_thread(
            lambda: [browser.say_raw(long[at : at + 50_000]) for at in range(0, len(long), 50_000)]
        )
        said, heard = await asyncio.gather(saying, playwright.hears())
        assert len(said) == 7
        assert len(heard["result"]["body"]) == 300_000
        browser.say_raw(b'{"id": 4, "result": {"value": "\\ud800"}}\0')
        assert (await playwright.hears())["id"] == 4
        asking = asyncio.ensure_future(wire.root.call("Half.aPair", {"of": "\ud800"}))
        asked = await browser.hears()
        assert asked["params"] == {"of": "\ud800"}, "half a surrogate pair, as pages write them"
        browser.say(id=asked["id"], result={"value": "\udfff"})
        assert await asking == {"value": "\udfff"}
        browser.say_raw(b'["not a message"]\0{"id": 5, "result": {}}\0')
        assert await playwright.hears() == ["not a message"]
        assert (await playwright.hears())["id"] == 5, "what is not understood does not cut the line"


async def test_when_the_browser_is_gone_everybody_is_told() -> None:
    async with line() as (wire, playwright, browser):
        asking = asyncio.ensure_future(wire.root.call("SystemInfo.getProcessInfo"))
        await browser.hears()
        browser.hang_up()
        with pytest.raises(ChannelError, match="gone"):
            await asking
        assert await playwright.hears() is None
        with pytest.raises(ChannelError, match="closed"):
            await wire.root.call("Browser.getVersion")


async def test_a_browser_that_has_hung_up_before_we_are_there_is_hung_up_on() -> None:
    (theirs_in, ours_in), (theirs_out, ours_out) = (
        [end.detach() for end in socket.socketpair()] for _ in ("commands", "events")
    )
    commands, commands_out = os.pipe()
    events_in, events = os.pipe()
    os.close(commands)
    os.close(events)
    await Wire().start(ours_in, ours_out, commands_out, events_in)
    await asyncio.sleep(0.05)
    for end in (theirs_in, theirs_out):
        assert os.read(end, 1) == b"", "nobody is at the other end any more"
        os.close(end)


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    async with line() as (wire, _, browser):
        with pytest.raises(NoAnswer, match=r"Browser\.getVersion"):
            await wire.root.call("Browser.getVersion", timeout_s=0.05)
        late = await browser.hears()
        asking = asyncio.ensure_future(wire.root.call("Browser.getVersion"))
        again = await browser.hears()
        browser.say(id=late["id"], result={"product": "late"})
        browser.say(id=again["id"], error={"message": "no such thing"})
        with pytest.raises(ChannelError, match="no such thing"):
            await asking
