"""A loopback server for every host name at once, with TLS and without on one port, whose log is the ground truth.

A browser reaches it with `--resolve "* 127.0.0.1:PORT" --insecure`. It runs in a thread of its own, so tests of
either colour can use it. What it received is written down before anything is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.site import websocket
from tests.site.reply import Fate, Reply, default_reply

MAX_HEAD_BYTES = 1024 * 1024
TLS_HELLO = b"\x16"


@dataclass(frozen=True, slots=True)
class Received:
    """One request that reached the server, or one WebSocket frame the browser sent (`method` is then FRAME)."""

    method: str
    url: str
    """Absolute, as it stood on the wire; the host as in the Host header."""
    headers: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)
    body: bytes = b""
    complete: bool = True
    """False: the browser hung up before the whole body was here."""

    @property
    def mechanism(self) -> str | None:
        """Who is meant to have caused it: the parameter `m`, else the page's own path `/m/NAME`; None: nobody's."""
        parts = urlsplit(self.url)
        named = parse_qs(parts.query, encoding="latin-1").get("m")
        if named:
            return named[0]
        return parts.path.split("/")[2] if parts.path.startswith("/m/") else None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


Responder = Callable[[Received], Reply | None]


class FixtureServer:
    """Serve `replies`, a mapping of `host/path?query` (or `host/path`, or `/path` for every host) to answers.

    `responder` is asked first and may answer None. Used as a context manager; `port` is known inside.
    """

    def __init__(self, replies: Mapping[str, Reply] | None = None, responder: Responder | None = None) -> None:
        self.replies: dict[str, Reply] = dict(replies or {})
        self.responder = responder
        self.log: list[Received] = []
        self.port = 0
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        certificate = authority.issue_cert(
            "*.test", "*.example", "localhost", "127.0.0.1", key_type=trustme.KeyType.ECDSA
        )
        self.spki_sha256 = _spki(certificate.cert_chain_pems[0].bytes())
        """Base64, for `--ignore-certificate-errors-spki-list`: makes this one certificate trusted, caching included."""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._tls)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._streamed: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="fixture-server", daemon=True)
        self._ready = threading.Event()

    # -- life
    def start(self) -> int:
        """Bind to a free port of the loopback interface and return it."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._thread.start()
        self._ready.wait(10)
        return self.port

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._main.cancel)
            self._thread.join(10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- what was received
    def received(self, mechanism: str) -> list[Received]:
        """Return everything that names this mechanism, in the order of arrival."""
        return [entry for entry in list(self.log) if entry.mechanism == mechanism]

    # -- inside the thread
    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._main = self._loop.create_task(self._accept())
        self._loop.call_soon(self._ready.set)
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._main)
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._listener.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _accept(self) -> None:
        while True:
            connection, _ = await self._loop.sock_accept(self._listener)
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._connection(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connection(self, connection: socket.socket) -> None:
        writer: asyncio.StreamWriter | None = None
        try:
            secure = await self._first_byte(connection) == TLS_HELLO
            reader = asyncio.StreamReader(limit=MAX_HEAD_BYTES)
            protocol = asyncio.StreamReaderProtocol(reader)
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._tls if secure else None
            )
            writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
            while await self._exchange(reader, writer, "https" if secure else "http"):
                pass
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, EOFError):
            pass  # the browser went away in the middle, which is its right
        finally:
            if writer is None:
                connection.close()
            else:
                writer.transport.abort() if self._loop.is_closed() else writer.close()

    async def _first_byte(self, connection: socket.socket) -> bytes:
        ready = asyncio.Event()
        self._loop.add_reader(connection, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_reader(connection)
        first = connection.recv(1, socket.MSG_PEEK)
        if not first:
            raise EOFError
        return first

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, scheme: str) -> bool:
        """Handle one request; say whether the connection may carry another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        headers = tuple((name.strip(), value.strip()) for name, _, value in (h.partition(":") for h in head[1:] if h))
        lower = {name.lower(): value for name, value in headers}
        url = f"{scheme}://{lower.get('host', '')}{target}"
        if lower.get("upgrade", "").lower() == "websocket":
            self.log.append(Received(method, url, headers))
            key = lower["sec-websocket-key"]
            await websocket.serve(reader, writer, key, lambda body: self.log.append(Received("FRAME", url, (), body)))
            return False
        body, complete = await _read_body(reader, lower)
        entry = Received(method, url, headers, body, complete)
        self.log.append(entry)
        return complete and await self._answer(entry, self._choose(entry), reader, writer)

    def _choose(self, entry: Received) -> Reply:
        chosen = self.responder(entry) if self.responder else None
        if chosen is not None:
            return chosen
        parts = urlsplit(entry.url)
        host, path = (parts.netloc.rpartition("@")[2]).lower(), parts.path
        target = f"{path}?{parts.query}" if parts.query else path
        for key in (f"{host}{target}", f"{host}{path}", path):
            if key in self.replies:
                return self.replies[key]
        return default_reply(path)

    async def _answer(
        self, entry: Received, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if entry.method == "OPTIONS" and reply.fate is Fate.ANSWER and reply.status < 400:
            reply = Reply(204, tuple(h for h in reply.headers if h[0].lower().startswith("access-control")))
        head = _head(entry, reply)
        match reply.fate:
            case Fate.DROP:
                return False
            case Fate.HANG:
                await reader.read()
            case Fate.PARTIAL:
                await _send(writer, head, f"Content-Length: {len(reply.body) + 1000}\r\n\r\n".encode(), reply.body)
            case Fate.BROKEN_CHUNK:
                await _send(writer, head, b"Transfer-Encoding: chunked\r\n\r\n", b"ZZZ\r\n", reply.body)
            case Fate.HEAD_THEN_HANG:
                await _send(writer, head, b"Content-Length: 100000000\r\n\r\n", reply.body)
                await reader.read()
            case Fate.DRIP:
                await _send(writer, head, f"Connection: close\r\nContent-Length: {len(reply.body)}\r\n\r\n".encode())
                for byte in reply.body:
                    await _send(writer, bytes([byte]))
                    await asyncio.sleep(0.01)
            case Fate.ENDLESS:
                await _send(writer, head, b"Transfer-Encoding: chunked\r\n\r\n")
                while not reader.at_eof():
                    await _send(writer, f"{len(reply.body):x}\r\n".encode(), reply.body, b"\r\n")
                    await asyncio.sleep(0.02)
            case Fate.EVENT_STREAM if entry.url in self._streamed:
                await _send(writer, b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            case Fate.EVENT_STREAM:
                self._streamed.add(entry.url)
                await _send(writer, head, b"Connection: close\r\n\r\n", reply.body)
            case Fate.ANSWER:
                length = b"" if reply.status in (204, 304) else f"Content-Length: {len(reply.body)}\r\n".encode()
                await _send(writer, head, length, b"\r\n", b"" if entry.method == "HEAD" else reply.body)
                return True
        return False


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """Return the request's body and whether all of it came."""
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readuntil(b"\r\n")
            return body, True
        return await reader.readexactly(int(headers.get("content-length", 0))), True
    except asyncio.IncompleteReadError as cut:
        return cut.partial, False


async def _send(writer: asyncio.StreamWriter, *parts: bytes) -> None:
    writer.write(b"".join(parts))
    await writer.drain()


def _head(entry: Received, reply: Reply) -> bytes:
    """Status line and headers without the length and the empty line. Everything may be read by every origin."""
    names = {name.lower() for name, _ in reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Fixture", *(f"{name}: {value}" for name, value in reply.headers)]
    if "cache-control" not in names:
        lines.append("Cache-Control: no-store")
    if "access-control-allow-origin" not in names:
        lines.append(f"Access-Control-Allow-Origin: {entry.header('Origin') or '*'}")
        if entry.header("Origin"):
            lines.append("Access-Control-Allow-Credentials: true")
        if entry.method == "OPTIONS":
            lines.append(f"Access-Control-Allow-Headers: {entry.header('Access-Control-Request-Headers') or '*'}")
            lines.append(f"Access-Control-Allow-Methods: {entry.header('Access-Control-Request-Method') or 'GET'}")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")


def _spki(pem: bytes) -> str:
    key = x509.load_pem_x509_certificate(pem).public_key()
    return b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()
