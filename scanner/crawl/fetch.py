"""One bounded GET. Whatever goes wrong is a value."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, or why there is none."""

    url: str
    """Where the answer came from, after redirects; the address asked for when there was none."""
    status: int | None
    """None: no answer."""
    body: bytes = b""
    """Content encoding undone; cut at the cap."""
    cut: bool = False
    trouble: str | None = None
    """Why there is no answer, or why it ended early, in words; None if all is well."""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def why_not(self) -> str:
        """What to tell a person when the answer is of no use."""
        return self.trouble or f"HTTP {self.status}"


async def fetch(client: httpx.AsyncClient, url: str, *, max_bytes: int, deadline_s: float) -> Fetched:
    """GET `url` and read at most `max_bytes`, in at most `deadline_s` whatever the server does. Never raises
    for what a server or an address can cause."""
    status: int | None = None
    final_url = url
    body = bytearray()
    try:
        async with asyncio.timeout(deadline_s), client.stream("GET", url) as response:
            status, final_url = response.status_code, str(response.url)
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > max_bytes:
                    return Fetched(final_url, status, bytes(body[:max_bytes]), cut=True)
    except TimeoutError:
        trouble = f"no complete answer in {deadline_s:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
        trouble = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    else:
        return Fetched(final_url, status, bytes(body))
    return Fetched(final_url, status, bytes(body), cut=True, trouble=trouble)
