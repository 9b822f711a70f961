"""Leave a page for good, without it saying so a second time.

The visit has told the page that its visitor leaves, and has recorded what it sent then. When the page really goes it
is told again, by the browser, and by then nobody can listen: a document that has been replaced answers to no debugger,
and neither its scripts nor its requests can be stopped from outside. So every frame carries, in a world of our own
that its scripts cannot see, a listener ahead of all others that keeps the real events back once we are gone.

`unload` has no such listener: browsers report everybody who listens for it, to the site as well. A page that does so
itself is closed with its scripts switched off instead of being replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from scanner.browser.channel import Channel, ChannelError

WORLD = "reader"
World = tuple[Channel, int]
"""The channel of a frame and the id of our script context in it."""

KEEP_BACK = """for (const kind of ['pagehide', 'beforeunload', 'visibilitychange', 'freeze', 'pageswap'])
  addEventListener(kind, event => {
    if (globalThis.gone && event.isTrusted) event.stopImmediatePropagation(); }, true)"""

# What a page keeps for as long as its tab is open would make the next visitor a second-time one.
_GONE = """(() => { globalThis.gone = true; try { sessionStorage.clear(); } catch (e) {}
  if (window === top) window.name = ''; return true; })()"""
_TIMEOUT_S = 2.0


async def take_leave(worlds: Sequence[World]) -> bool:
    """See to it that these frames stay silent when they are replaced. False: one of them did not answer."""

    async def leave(channel: Channel, context_id: int) -> bool:
        params = {"expression": _GONE, "contextId": context_id, "returnByValue": True}
        try:
            answer = await channel.call("Runtime.evaluate", params, _TIMEOUT_S)
        except ChannelError:
            return False
        return answer.get("result", {}).get("value") is True

    return all(await asyncio.gather(*(leave(channel, context_id) for channel, context_id in worlds)))
