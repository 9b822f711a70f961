"""WebRTC: connections that a page opened to servers and peers. No request tells of them, but the page's memory does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from scanner.browser.channel import Channel, ChannelError

_TIMEOUT_S = 2.0
_MAX_PEERS = 50

# "stun:host:port" has no place for a host where other addresses have one.
_DESCRIBE = """function () {
  const out = [];
  for (const peer of this) try {
    for (const server of peer.getConfiguration().iceServers || [])
      for (const url of [].concat(server.urls))
        out.push([String(url).replace(/^(stuns?|turns?):(?!\\/\\/)/i, '$1://'), peer.connectionState === 'connected']);
  } catch (e) {}
  return out.slice(0, 200);
}"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that a page named to find peers by."""

    url: str
    is_open: bool
    """Something may have passed that is not shown to us."""


async def read_peers(channel: Channel) -> tuple[Peer, ...]:
    """Return what live connections of one page or frame were told to use; empty: none, or it does not answer."""
    try:
        answer = await channel.call("Performance.getMetrics", timeout_s=_TIMEOUT_S)
        counted = {str(metric["name"]): metric["value"] for metric in answer.get("metrics", ())}
        if not counted.get("RTCPeerConnections"):
            return ()
        prototype = await _object(channel, "RTCPeerConnection.prototype")
        found = await channel.call("Runtime.queryObjects", {"prototypeObjectId": prototype}, timeout_s=_TIMEOUT_S)
        described = await channel.call(
            "Runtime.callFunctionOn",
            {"objectId": found["objects"]["objectId"], "functionDeclaration": _DESCRIBE, "returnByValue": True},
            timeout_s=_TIMEOUT_S,
        )
        value = described.get("result", {}).get("value")
    except (ChannelError, KeyError):
        return ()
    if not isinstance(value, list):
        return ()
    peers = (Peer(str(url)[:2_000], bool(is_open)) for url, is_open in value)
    return tuple(dict.fromkeys(peers))[:_MAX_PEERS]


async def read_all_peers(channels: list[Channel]) -> tuple[Peer, ...]:
    """The same of several frames."""
    found = await asyncio.gather(*(read_peers(channel) for channel in channels))
    return tuple(dict.fromkeys(peer for peers in found for peer in peers))


async def _object(channel: Channel, expression: str) -> str:
    answer = await channel.call("Runtime.evaluate", {"expression": expression}, timeout_s=_TIMEOUT_S)
    return str(answer["result"]["objectId"])
