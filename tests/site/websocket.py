"""The server's side of a WebSocket (RFC 6455), as little of it as a browser needs to talk."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from base64 import b64encode
from collections.abc import Callable

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str, on_message: Callable[[bytes], None]
) -> None:
    """Shake hands, greet, and hand every text or binary message to `on_message` until the browser hangs up."""
    accept = b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        + frame(TEXT, b"welcome")
    )
    await writer.drain()
    message = b""
    while True:
        final, opcode, payload = await read_frame(reader)
        if opcode == CLOSE:
            writer.write(frame(CLOSE, payload[:2]))
            await writer.drain()
            return
        if opcode == PING:
            writer.write(frame(PONG, payload))
            await writer.drain()
        elif opcode in (CONTINUATION, TEXT, BINARY):
            message += payload
            if final:
                on_message(message)
                message = b""


async def read_frame(reader: asyncio.StreamReader) -> tuple[bool, int, bytes]:
    """Read one frame; return (is it a message's last, opcode, unmasked payload)."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
    payload = await reader.readexactly(length)
    return bool(first & 0x80), first & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one unmasked, final frame; payloads below 64 KiB."""
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    return head + b"\x7e" + struct.pack("!H", len(payload)) + payload
