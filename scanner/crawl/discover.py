"""What is known of a site before the first visit: robots.txt, sitemaps, URL lists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scanner.crawl.http import make_client
from scanner.crawl.lists import read_url_list
from scanner.crawl.robots import Robots, RobotsFile
from scanner.crawl.sitemaps import SitemapLimits, SitemapPages, read_sitemaps
from scanner.model import SiteConfig

DESKTOP_USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
"""What a person's browser says: servers that answer visitors shall answer this, too."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What to begin a scan with. `refusal` and `crawl_delay_s` are what the frontier and the gate ask for."""

    site: SiteConfig
    robots: Robots
    pages: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(source as in `VisitTask.source`, addresses in order) of every source that names pages; not judged by scope."""
    sitemaps: tuple[str, ...] = ()
    """The sitemaps that were read."""
    notes: tuple[str, ...] = ()
    """What went wrong or was left out, one sentence each. Nothing here is fatal."""
    user_agent: str = DESKTOP_USER_AGENT

    def refusal(self, page: str, is_start: bool) -> str | None:
        """Say why robots.txt forbids `page`; None if it does not."""
        return self.robots.refusal(page, is_start)

    def crawl_delay_s(self, host: str) -> float | None:
        """Return the seconds between visits that `host` asks for; None if it does not, or is not obeyed."""
        return self.robots.crawl_delay_s(host)

    async def read_robots(self, origins: Iterable[str]) -> None:
        """Read robots.txt of origins met on the way. Call it with `Frontier.origins(capture)` before `done`.

        Costs nothing where all are known, which is always so with the scopes `host` and `path` after the first
        visits. An origin whose file was never read forbids nothing.
        """
        unknown = self.robots.unknown(origins)
        if unknown:
            async with make_client(self.site, user_agent=self.user_agent) as client:
                await self.robots.load(client, unknown)


async def discover(
    site: SiteConfig, *, user_agent: str | None = None, limits: SitemapLimits | None = None
) -> Discovery:
    """Read robots.txt of every start origin, the site's URL lists and, if its config wants them, all sitemaps.

    Troubles become notes, never exceptions: a site without a readable sitemap is crawled by its links.
    """
    agent = user_agent or site.profile.user_agent or DESKTOP_USER_AGENT
    robots = Robots(obey=site.obey_robots)
    async with make_client(site, user_agent=agent) as client:
        files = await robots.load(client, site.start)
        mapped = await read_sitemaps(site, client, files, limits) if site.sitemaps else SitemapPages()
    listed, list_notes = await asyncio.to_thread(_listed, site)
    notes = (
        *(_unreachable(file) for file in files if file.unreachable and site.obey_robots),
        *mapped.notes,
        *list_notes,
    )
    sources = (("list", listed), ("sitemap", mapped.pages))
    return Discovery(site, robots, sources, mapped.sitemaps, notes, agent)


def _listed(site: SiteConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    urls: dict[str, None] = {}
    notes: list[str] = []
    for path in site.url_lists:
        found, problems = read_url_list(Path(path))
        urls.update(dict.fromkeys(found))
        notes.extend(map(str, problems))
    return tuple(urls), tuple(notes)


def _unreachable(file: RobotsFile) -> str:
    return (
        f"{file.origin}/robots.txt cannot be read ({file.unreachable}), so only the start pages may be visited; on a"
        " site of your own, set `obey_robots: false`"
    )
