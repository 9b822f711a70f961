"""A site of any number of pages on which a known share misbehaves, page by page foreseeable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tests.site.mechanisms import FIRST
from tests.site.reply import MENU, Fate, Reply, typed
from tests.site.server import Received

CRASH = (
    "<script>let e = document.body; for (let i = 0; i < 60000; i++) { const d = document.createElement('div');"
    "e.append(d); e = d } document.body.offsetHeight</script>"
)
"""Nested so deeply that laying it out overruns the renderer's stack: an honest crash, cheap and without any hook."""


@dataclass(frozen=True, slots=True)
class BulkSite:
    """`pages` pages below `/p/`, each linking to the next ten; of every hundred some hang, crash, fail or never end."""

    pages: int
    hang_percent: int = 5
    crash_percent: int = 5
    error_percent: int = 5
    endless_percent: int = 2

    def kind(self, number: int) -> str:
        """Return hang | crash | error | endless | good. Page 0 is good by default: all the others hang on it."""
        # Spread over the site by a step that shares no factor with a hundred.
        rest = (number * 37 + 50) % 100
        for kind, share in (
            ("hang", self.hang_percent),
            ("crash", self.crash_percent),
            ("error", self.error_percent),
            ("endless", self.endless_percent),
        ):
            if rest < share:
                return kind
            rest -= share
        return "good"

    @property
    def kinds(self) -> Counter[str]:
        return Counter(self.kind(number) for number in range(self.pages))

    def url(self, number: int) -> str:
        return f"{FIRST}/p/{number:04d}"

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(self.url(number) for number in range(self.pages))

    def respond(self, request: Received) -> Reply | None:
        """Answer the site's own addresses; everything else gets the server's harmless defaults."""
        parts = urlsplit(request.url)
        if parts.path == "/robots.txt":
            return typed("/robots.txt", "User-agent: *\nDisallow:\n")
        if parts.netloc != urlsplit(FIRST).netloc or not parts.path.startswith("/p/"):
            return None
        number = int(parts.path.removeprefix("/p/"))
        if number >= self.pages:
            return MENU["404"]
        match self.kind(number):
            case "hang":
                return Reply(fate=Fate.HANG)
            case "error":
                return MENU["500"]
            case "endless":
                return replace(typed("/", self._page(number)), fate=Fate.ENDLESS)
            case "crash":
                return typed("/", self._page(number) + CRASH)
            case _:
                return typed("/", self._page(number))

    def _page(self, number: int) -> str:
        links = "".join(
            f'<li><a href="/p/{n:04d}">Page {n}</a>' for n in range(number + 1, min(number + 11, self.pages))
        )
        return (
            f"<!doctype html><html lang=en><title>Page {number}</title><h1>Page {number}</h1><ul>{links}</ul>"
            f'<img src="https://t.tracker.test/i.gif?page={number}" alt="">'
        )
