"""The site that is measured: pages of about thirty requests, most of them cacheable, as real ones are."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

from tests.site.mechanisms import FIRST
from tests.site.reply import GIF, TYPES, Reply, extension_of
from tests.site.server import FixtureServer, Received, Responder

CACHEABLE = ("Cache-Control", "public, max-age=86400, immutable")
TAGS = """
<script async src="https://connect.facebook.net/en_US/fbevents.js"></script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-ABCDE12345"></script>
"""
SHARED_JS = "var sum = 0; for (var i = 0; i < 20000; i++) sum += Math.sqrt(i);" + "/* some library code */" * 1000
SHARED_CSS = "".join(f".c{i}{{margin:{i % 7}px;padding:{i % 5}px;color:#{i % 1000:03d}}}" for i in range(800))
BEACONS = {
    "connect.facebook.net": (
        'new Image().src = "https://www.facebook.com/tr/?id=100200300400500&ev=PageView&dl="'
        ' + encodeURIComponent(location) + "&ts=" + Date.now();'
    ),
    "www.googletagmanager.com": (
        'setTimeout(() => navigator.sendBeacon("https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDE12345&cid=1.2",'
        'new Blob(["en=page_view&dl=" + encodeURIComponent(location)])), 1000);'
        'addEventListener("scroll", () => navigator.sendBeacon("https://www.google-analytics.com/g/collect?v=2'
        '&tid=G-ABCDE12345&cid=1.2&en=scroll"), {once: true});'
    ),
}


@dataclass(frozen=True, slots=True)
class BenchSite:
    """`pages` pages below `/b/`; about thirty requests each, of which four beacons and the page cannot be cached."""

    pages: int

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(f"{FIRST}/b/{number:04d}" for number in range(self.pages))

    def respond(self, request: Received) -> Reply:
        parts = urlsplit(request.url)
        if parts.path.startswith("/b/"):
            return Reply(200, (("Content-Type", TYPES["html"]),), self._page(int(parts.path[3:])).encode())
        extension = extension_of(parts.path)
        body = {
            "js": SHARED_JS + BEACONS.get(parts.netloc, ""),
            "css": SHARED_CSS,
        }.get(extension, "").encode() or GIF  # fmt: skip
        if parts.netloc in ("www.googletagmanager.com", "connect.facebook.net"):
            return Reply(200, (("Content-Type", TYPES["js"]), CACHEABLE), (SHARED_JS + BEACONS[parts.netloc]).encode())
        if not extension:
            return Reply(204)
        return Reply(200, (("Content-Type", TYPES.get(extension, "image/gif")), CACHEABLE), body)

    def _page(self, number: int) -> str:
        styles = "".join(f'<link rel=stylesheet href="/s{i}.css">' for i in range(3))
        scripts = "".join(f'<script src="/s{i}.js"></script>' for i in range(6))
        images = "".join(f'<img src="/i{i}.gif" width=9 height=9 alt="">' for i in range(13))
        words = "".join(f"<p class=c{i}>Some words about the health of families, paragraph {i}.</p>" for i in range(60))
        links = "".join(f'<a href="/b/{n:04d}">Page {n}</a> ' for n in range(number + 1, min(number + 6, self.pages)))
        return (
            f"<!doctype html><html lang=en><head><title>Page {number}</title>{styles}{TAGS}</head>"
            f"<body><h1>Page {number}</h1>{images}{words}{links}{scripts}</body></html>"
        )


@dataclass(frozen=True, slots=True)
class Served:
    port: int
    spki_sha256: str


@contextmanager
def served(responder: Responder) -> Iterator[Served]:
    """Serve from a process of its own, so that neither its time nor its memory is taken for the scanner's."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(responder, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(10)
        if process.is_alive():
            process.kill()


def _serve(responder: Responder, pipe: Connection) -> None:
    with FixtureServer(responder=responder) as server:
        pipe.send(Served(server.port, server.spki_sha256))
        pipe.recv()
