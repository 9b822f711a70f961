"""robots.txt as RFC 9309 has it: what it forbids, how slow it wants us, which sitemaps it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx
from protego import Protego

from scanner.canonical import canonical_url
from scanner.crawl.fetch import Fetched, fetch
from scanner.urls import host_of

PRODUCT_TOKEN = "tagdrift"  # noqa: S105 - RFC 9309's word for a crawler's name
"""The name under which a site can address us in its robots.txt; else the rules for `*` count."""
MAX_ROBOTS_BYTES = 512 * 1024
"""RFC 9309 asks for at least 500 KiB; what is beyond is ignored."""
_DEADLINE_S = 20.0
_MOST_ORIGINS = 200


@dataclass(frozen=True, slots=True)
class RobotsFile:
    """What one origin's robots.txt says."""

    origin: str
    rules: Protego | None = None
    """None: there is none, so everything is allowed, unless `unreachable` says otherwise."""
    unreachable: str | None = None
    """Why it could not be read although it may exist; then everything counts as forbidden."""

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Addresses of its `Sitemap` lines; many sites write them without their host."""
        found: dict[str, None] = {}
        for line in self.rules.sitemaps if self.rules else ():
            try:
                found[urljoin(f"{self.origin}/", line)] = None
            except ValueError:
                continue
        return tuple(found)

    @property
    def crawl_delay_s(self) -> float | None:
        """Seconds the site wants between visits, by `Crawl-delay` or `Request-rate`; None if it does not say."""
        if self.rules is None:
            return None
        rate = self.rules.request_rate(PRODUCT_TOKEN)
        per_request = rate.seconds / rate.requests if rate and rate.requests else None
        return max((s for s in (self.rules.crawl_delay(PRODUCT_TOKEN), per_request) if s is not None), default=None)


def read_robots(origin: str, answer: Fetched) -> RobotsFile:
    """Judge the answer to `<origin>/robots.txt`.

    An answer of success is read. 4xx, and more redirects than five, mean that there is none: all is allowed. 5xx, 429
    and no answer mean that nobody knows: all is forbidden until it can be read.
    """
    if answer.ok and answer.trouble is None:
        return RobotsFile(origin, Protego.parse(answer.body.decode("utf-8-sig", "replace")))
    if answer.status is not None and 400 <= answer.status < 500 and answer.status != 429:
        return RobotsFile(origin)
    if answer.trouble is not None and answer.trouble.startswith(httpx.TooManyRedirects.__name__):
        return RobotsFile(origin)
    return RobotsFile(origin, unreachable=answer.why_not)


class Robots:
    """The robots.txt files of all origins of one scan. `refusal` is what the frontier asks."""

    def __init__(self, *, obey: bool = True) -> None:
        self._obey = obey
        self._files: dict[str, RobotsFile] = {}

    def unknown(self, urls: Iterable[str]) -> tuple[str, ...]:
        """Return the origins of `urls` whose files were not read yet; none beyond 200 origins."""
        origins = dict.fromkeys(filter(None, map(origin_of, urls)))
        room = max(0, _MOST_ORIGINS - len(self._files))
        return tuple([origin for origin in origins if origin not in self._files][:room])

    async def load(self, client: httpx.AsyncClient, urls: Iterable[str]) -> tuple[RobotsFile, ...]:
        """Read the files of those origins of `urls` that are not known yet, and return them."""
        fresh: list[RobotsFile] = []
        for origin in self.unknown(urls):
            answer = await fetch(client, f"{origin}/robots.txt", max_bytes=MAX_ROBOTS_BYTES, deadline_s=_DEADLINE_S)
            self._files[origin] = read_robots(origin, answer)
            fresh.append(self._files[origin])
        return tuple(fresh)

    def add(self, file: RobotsFile) -> None:
        self._files[file.origin] = file

    def refusal(self, page: str, is_start: bool) -> str | None:
        """Say why `page` must not be visited; None if it may.

        Where robots.txt cannot be reached, start pages are visited all the same: somebody asked for them by
        name, and a server that is down shall show as a failed page, not as an empty scan.
        """
        file = self._files.get(origin_of(page))
        if not self._obey or file is None:
            return None
        if file.unreachable is not None:
            return None if is_start else f"robots.txt cannot be read ({file.unreachable})"
        if file.rules is None or file.rules.can_fetch(page, PRODUCT_TOKEN):
            return None
        return "robots.txt disallows it"

    def crawl_delay_s(self, host: str) -> float | None:
        """Return the longest delay in seconds that an origin of `host` asks for; None without one, or if not obeyed."""
        if not self._obey:
            return None
        delays = [file.crawl_delay_s for origin, file in self._files.items() if host_of(origin) == host]
        return max((delay for delay in delays if delay is not None), default=None)


def origin_of(url: str) -> str:
    """Return `scheme://host[:port]` of the canonical address, or `""` if `url` is none."""
    parts = urlsplit(canonical_url(url))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
