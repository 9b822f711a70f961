"""A mechanism: one way a page can make a browser send something, as data.

In every text `{M}` stands for `m=NAME` (the parameter that says whose request it is), `{NAME}` for the name, `{F}` for
the site's own origin, `{T}` for a tracker's, `{E}` for a cross-site embed's, `{A}` `{B}` `{C}` for further strangers'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from tests.site.reply import Reply, typed

FIRST = "https://www.clinic.test"
PLACES = {
    "{F}": FIRST,
    "{T}": "https://t.tracker.test",
    "{E}": "https://frame.embed.test",
    "{A}": "https://a.hop-one.test",
    "{B}": "https://b.hop-two.test",
    "{C}": "https://c.hop-three.test",
    "{W}": "wss://live.socket.test",
}


class Seen(StrEnum):
    """What must have become of an expected request."""

    RECEIVED = "received"
    BLOCKED = "blocked"
    """The browser refused to send it; the record must hold the attempt, marked `blocked`."""
    FAILED = "failed"
    """It did not reach the server, or got no answer; the record must hold it with its failure."""


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart/form-data body, whatever its boundary: (field, content) in order."""

    fields: tuple[tuple[str, bytes], ...]


Body = bytes | Multipart | None
"""None: any body will do, as long as record and server agree."""


@dataclass(frozen=True, slots=True)
class Expected:
    method: str
    url: str
    body: Body = b""
    seen: Seen = Seen.RECEIVED


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One page of the fixture site, and what it must make the browser send."""

    name: str
    replies: Mapping[str, Reply]
    """The page and its parts, keyed as `FixtureServer` wants them."""
    expected: tuple[Expected, ...]
    outcomes: frozenset[str]
    """What the visit may end as."""
    service_workers: bool
    visit_timeout_ms: int
    cookies: tuple[str, ...]
    """Cookie names that must be found after the visit."""
    endless: bool
    """The page never stops sending, so every visit is cut off in the middle."""
    hides_body: bool
    """One body is shown by no interface of the browser: the record must say `None`, and the visit that it lost one."""

    @property
    def url(self) -> str:
        return f"{FIRST}/m/{self.name}"


def mechanism(
    name: str,
    html: str | bytes | Reply,
    *expected: str | tuple[str, Body] | tuple[str, Body, Seen],
    assets: Mapping[str, str | bytes | Reply] | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    outcomes: str = "ok",
    service_workers: bool = False,
    visit_timeout_ms: int = 40_000,
    cookies: tuple[str, ...] = (),
    endless: bool = False,
    hides_body: bool = False,
) -> Mechanism:
    """Build a mechanism. An expectation is `METHOD URL`, or a pair or triple with body and fate."""

    def fill(text: str) -> str:
        for token, place in (*PLACES.items(), ("{M}", f"m={name}"), ("{NAME}", name)):
            text = text.replace(token, place)
        return text

    def reply(path: str, content: str | bytes | Reply, *more: tuple[str, str]) -> Reply:
        filled = tuple((key, fill(value)) for key, value in more)
        match content:
            case Reply():
                own = tuple((key, fill(value)) for key, value in content.headers)
                body = fill(content.body.decode("latin-1")).encode("latin-1")
                return Reply(content.status, (*own, *filled), body, content.fate)
            case str():
                return typed(path, fill(content), *filled)
            case bytes():
                return typed(path, fill(content.decode("latin-1")).encode("latin-1"), *filled)

    page = (
        html if isinstance(html, (Reply, bytes)) else f"<!doctype html><html lang=en><title>{name}</title><body>{html}"
    )
    replies = {_key(f"{FIRST}/m/{name}"): reply(f"/m/{name}", page, *headers)}
    for url, content in (assets or {}).items():
        replies[_key(fill(url))] = reply(fill(url), content)
    return Mechanism(
        name=name,
        replies=replies,
        expected=tuple(_expected(entry, fill) for entry in expected),
        outcomes=frozenset(outcomes.split()),
        service_workers=service_workers,
        visit_timeout_ms=visit_timeout_ms,
        cookies=cookies,
        endless=endless,
        hides_body=hides_body,
    )


def script(code: str) -> str:
    return f"<script>{code}</script>"


def _expected(entry: str | tuple[str, Body] | tuple[str, Body, Seen], fill: object) -> Expected:
    assert callable(fill)
    line, body, seen = (entry, b"", Seen.RECEIVED) if isinstance(entry, str) else (*entry, Seen.RECEIVED)[:3]
    method, url = fill(line).split(" ", 1)
    return Expected(method, url, body, seen)


def _key(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def flatten(*groups: tuple[Mechanism, ...]) -> Iterator[Mechanism]:
    """Yield all mechanisms; names must be unique."""
    names: set[str] = set()
    for group in groups:
        for entry in group:
            assert entry.name not in names, f"two mechanisms are called {entry.name}"
            names.add(entry.name)
            yield entry
