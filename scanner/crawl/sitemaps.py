"""Reads all sitemaps of a site, in any depth, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from scanner.crawl.fetch import fetch
from scanner.crawl.robots import RobotsFile, origin_of
from scanner.crawl.sitemap_format import MAX_SITEMAP_BYTES, Sitemap, read_sitemap
from scanner.model import SiteConfig
from scanner.urls import host_of, same_site


@dataclass(frozen=True, slots=True)
class SitemapLimits:
    """Where reading ends, whatever a site offers. What was found until then counts."""

    max_sitemaps: int = 1_000
    max_pages: int = 500_000
    max_total_bytes: int = 512 * 1024 * 1024
    max_nesting: int = 5
    fetch_s: float = 60.0
    total_s: float = 300.0


@dataclass(frozen=True, slots=True)
class SitemapPages:
    """What a site's sitemaps name."""

    pages: tuple[str, ...] = ()
    """In their order, without repetitions; not yet judged by scope."""
    sitemaps: tuple[str, ...] = ()
    """The sitemaps that were read."""
    notes: tuple[str, ...] = ()
    """What went wrong or was left out, one sentence each. Nothing here is fatal."""


async def read_sitemaps(
    site: SiteConfig, client: httpx.AsyncClient, files: Iterable[RobotsFile], limits: SitemapLimits | None = None
) -> SitemapPages:
    """Read the sitemaps that the robots.txt `files` name; an origin that names none is asked for `/sitemap.xml`."""
    search = _Search(site, client, limits or SitemapLimits())
    try:
        async with asyncio.timeout(search.limits.total_s):
            await search.run(files)
    except TimeoutError:
        search.notes.append(f"reading sitemaps was ended after {search.limits.total_s:g} s")
    return SitemapPages(tuple(search.pages), tuple(search.read), tuple(search.notes))


@dataclass(frozen=True, slots=True)
class _Candidate:
    url: str
    nesting: int = 0
    guessed: bool = False
    """Nobody named it: that it is not there is no news."""


class _Search:
    def __init__(self, site: SiteConfig, client: httpx.AsyncClient, limits: SitemapLimits) -> None:
        self.limits = limits
        self.pages: dict[str, None] = {}
        self.read: list[str] = []
        self.notes: list[str] = []
        self._site = site
        self._client = client
        self._queue: deque[_Candidate] = deque()
        self._seen: set[str] = set()
        self._bytes = 0

    async def run(self, files: Iterable[RobotsFile]) -> None:
        for file in files:
            self._enqueue(file.sitemaps)
            if not file.sitemaps:
                self._queue.append(_Candidate(f"{file.origin}/sitemap.xml", guessed=True))
        while self._queue:
            if (why := self._exhausted()) is not None:
                self.notes.append(f"{why}; {len(self._queue)} sitemaps or more were not read")
                return
            await self._take(self._queue.popleft())

    def _exhausted(self) -> str | None:
        if len(self._seen) >= self.limits.max_sitemaps:
            return f"the site names more than {self.limits.max_sitemaps:,} sitemaps"
        if len(self.pages) >= self.limits.max_pages:
            return f"sitemaps name more than {self.limits.max_pages:,} pages"
        if self._bytes >= self.limits.max_total_bytes:
            return f"sitemaps are larger than {self.limits.max_total_bytes // 2**20} MiB together"
        return None

    def _enqueue(self, urls: tuple[str, ...], nesting: int = 0) -> None:
        for url in urls[: self.limits.max_sitemaps]:
            if len(self._queue) < 2 * self.limits.max_sitemaps:
                self._queue.append(_Candidate(url, nesting))

    async def _take(self, candidate: _Candidate) -> None:
        url = candidate.url
        if url in self._seen or not origin_of(url):
            return
        self._seen.add(url)
        answer = await fetch(self._client, url, max_bytes=MAX_SITEMAP_BYTES, deadline_s=self.limits.fetch_s)
        self._bytes += len(answer.body)
        self._seen.add(answer.url)
        if not answer.ok:
            if not candidate.guessed:
                self.notes.append(f"sitemap {url} cannot be read: {answer.why_not}")
            return
        sitemap = await asyncio.to_thread(read_sitemap, answer.body, answer.url)
        if candidate.guessed and not sitemap.pages and not sitemap.sitemaps:
            return
        self._enter(candidate, sitemap)
        if answer.cut or sitemap.trouble:
            why = answer.trouble or sitemap.trouble or "it is too large"
            self.notes.append(f"sitemap {url} could not be read whole: {why}")

    def _enter(self, candidate: _Candidate, sitemap: Sitemap) -> None:
        self.read.append(candidate.url)
        room = self.limits.max_pages - len(self.pages)
        self.pages.update(dict.fromkeys(sitemap.pages[:room]))
        # robots.txt may name a sitemap anywhere (many are built elsewhere); from there on it stays among friends.
        friends = [url for url in sitemap.sitemaps if self._may_follow(candidate.url, url)]
        if len(friends) < len(sitemap.sitemaps):
            strangers = len(sitemap.sitemaps) - len(friends)
            self.notes.append(f"sitemap {candidate.url} names {strangers} sitemaps on other sites; not read")
        if candidate.nesting < self.limits.max_nesting:
            self._enqueue(tuple(friends), candidate.nesting + 1)
        elif friends:
            self.notes.append(f"sitemap {candidate.url} is nested too deep; what it names was not read")

    def _may_follow(self, parent: str, child: str) -> bool:
        hosts = (host_of(parent), *map(host_of, self._site.start))
        return any(same_site(host_of(child), host, self._site.own_domains) for host in hosts)
