"""What the fixture server answers: values only, and the menu of misbehaviours."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from enum import StrEnum


class Fate(StrEnum):
    """How an answer reaches the browser."""

    ANSWER = "answer"
    DROP = "drop"
    """The connection is closed without a byte."""
    PARTIAL = "partial"
    """Less body than the Content-Length promised, then the connection is closed."""
    BROKEN_CHUNK = "broken-chunk"
    HANG = "hang"
    """No byte, ever; ends when the browser lets go."""
    HEAD_THEN_HANG = "head-then-hang"
    """Headers and the body that there is, then silence on an open connection."""
    DRIP = "drip"
    """The body, a byte every 10 ms."""
    ENDLESS = "endless"
    """The body again and again until the browser lets go."""
    EVENT_STREAM = "event-stream"
    """The body, then the stream is closed: an EventSource asks again, and is then answered with 204."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    fate: Fate = Fate.ANSWER

    def with_headers(self, *headers: tuple[str, str]) -> Reply:
        return replace(self, headers=(*self.headers, *headers))


GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect id="r" width="9" height="9"/></svg>'

TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "json": "application/json",
    "xml": "application/xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
    "mp4": "video/mp4",
    "vtt": "text/vtt",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "stream": "text/event-stream",
}
EMPTY = {
    "html": b"<!doctype html><title>empty</title>",
    "js": b"/* empty */",
    "css": b"/* empty */",
    "gif": GIF,
    "svg": SVG,
    "json": b"{}",
    "vtt": b"WEBVTT\n\n",
    "txt": b"ok",
    "zip": b"PK\x05\x06" + bytes(18),
    "stream": b"data: hello\n\n",
}


def extension_of(path: str) -> str:
    """Return the extension of a path without its query, lower-case; empty if it has none."""
    name = path.partition("?")[0].rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def typed(path: str, body: bytes | str, *headers: tuple[str, str]) -> Reply:
    """Return an answer whose type follows from the path's extension (HTML without one)."""
    content = body.encode() if isinstance(body, str) else body
    return Reply(200, (("Content-Type", TYPES.get(extension_of(path), TYPES["html"])), *headers), content)


def default_reply(path: str) -> Reply:
    """Return what an address nobody described answers: something harmless of the fitting type, else 204."""
    extension = extension_of(path)
    if extension in TYPES:
        return typed(path, EMPTY.get(extension, b""))
    return Reply(204)


def redirect(target: str, status: int = 302, *headers: tuple[str, str]) -> Reply:
    return Reply(status, (("Location", target), *headers))


HTML = (("Content-Type", TYPES["html"]),)
_PAGE = b"<!doctype html><html lang=en><title>A page</title><h1>A page</h1><p>Some words about nothing.</p></html>"
_LOGIN = (
    b"<!doctype html><html lang=en><title>Sign in</title><h1>Sign in to continue</h1><form method=post>"
    b"<input name=username autocomplete=username><input type=password name=password>"
    b"<button>Sign in</button></form></html>"
)
_BOT_WALL = (
    b"<!doctype html><html lang=en><head><title>Just a moment...</title></head><body><h1>Checking your browser</h1>"
    b"<p>Verify you are human by completing the action below.</p><div id=cf-challenge class=cf-turnstile></div>"
    b"<noscript>Enable JavaScript and cookies to continue</noscript></body></html>"
)
_ACCESS_DENIED = (
    b"<!doctype html><html><head><title>Access Denied</title></head><body><h1>Access Denied</h1>"
    b"You don't have permission to access this page on this server. "
    b"Reference #18.4d2c1202.1700000000.1a2b3c4</body></html>"
)

MENU: dict[str, Reply] = {
    "good": Reply(200, HTML, _PAGE),
    "drop": Reply(fate=Fate.DROP),
    "partial": Reply(200, HTML, _PAGE, Fate.PARTIAL),
    "broken-chunk": Reply(200, HTML, _PAGE, Fate.BROKEN_CHUNK),
    "hang": Reply(fate=Fate.HANG),
    "head-then-hang": Reply(200, HTML, _PAGE[:60], Fate.HEAD_THEN_HANG),
    "drip": Reply(200, HTML, _PAGE, Fate.DRIP),
    "endless": Reply(200, HTML, b"<p>and on it goes</p>" * 50, Fate.ENDLESS),
    "redirect-loop": redirect("?"),
    "500": Reply(500, HTML, b"<!doctype html><title>Internal Server Error</title><h1>Internal Server Error</h1>"),
    "503": Reply(503, HTML, b"<!doctype html><title>Down for maintenance</title><h1>Back soon</h1>"),
    "404": Reply(404, HTML, b"<!doctype html><title>Page not found</title><h1>Page not found</h1>"),
    "401": Reply(401, (*HTML, ("WWW-Authenticate", 'Basic realm="staff"')), b"<!doctype html><title>401</title>"),
    "403-bot-wall": Reply(403, (*HTML, ("Server", "cloudflare"), ("CF-Mitigated", "challenge")), _BOT_WALL),
    "403-access-denied": Reply(403, HTML, _ACCESS_DENIED),
    "200-bot-wall": Reply(200, HTML, _BOT_WALL),
    "login": Reply(200, HTML, _LOGIN),
    "members-only": redirect("/login?next=%2F"),
    "gzip": Reply(200, (*HTML, ("Content-Encoding", "gzip")), gzip.compress(_PAGE)),
    "wrong-encoding": Reply(200, (*HTML, ("Content-Encoding", "gzip")), _PAGE),
    "wrong-charset": Reply(
        200,
        (("Content-Type", "text/html; charset=utf-8"),),
        b"<!doctype html><title>F\xfcr \xc4rzte</title>",
    ),
    "huge": Reply(200, HTML, b"<!doctype html><title>Huge</title>" + b"<p>word word word word</p>\n" * 400_000),
    "empty": Reply(200, HTML),
    "pdf": Reply(200, (("Content-Type", "application/pdf"),), b"%PDF-1.4\n%%EOF\n"),
    "download": Reply(
        200,
        (("Content-Type", "application/zip"), ("Content-Disposition", 'attachment; filename="x.zip"')),
        EMPTY["zip"],
    ),
}
"""Named misbehaviours (and a good answer to compare with), for any address."""
