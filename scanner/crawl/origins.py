"""One origin for the spellings of one host: http and https, with and without `www.`. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from scanner.canonical import canonical_url
from scanner.crawl.scope import twin
from scanner.model import SiteConfig


class Origins:
    """Canonical addresses on the origin that the site itself prefers.

    http is read as https where a start page says https; the rest is learned from where start pages redirect to.
    Without this a site that links to itself in both spellings would be visited twice.
    """

    def __init__(self, site: SiteConfig) -> None:
        self._hash_routes = site.hash_routes
        self._preferred = _upgrades([self.canonical(url) for url in site.start])

    def canonical(self, url: str) -> str:
        return canonical_url(url, hash_routes=self._hash_routes)

    def page(self, url: str) -> str:
        """Return the page's one address, or `""` if `url` is no page at all."""
        page = self.canonical(url)
        cut = page.find("/", 8)
        origin = self._preferred.get(page[:cut])
        return page if origin is None else origin + page[cut:]

    def learn(self, asked: str, landed: str) -> None:
        """A start page sent us from one spelling of its host to another: all the site's links mean the second.

        Redirects to other hosts or ports teach nothing.
        """
        before, after = urlsplit(self.canonical(asked)), urlsplit(self.canonical(landed))
        host = before.hostname or ""
        if after.hostname not in (host, twin(host)) or before.port != after.port:
            return
        new = f"{after.scheme}://{after.netloc}"
        for origin in _spellings(host, before.port, (before.scheme, after.scheme)):
            self._preferred[origin] = new
        del self._preferred[new]


def _spellings(host: str, port: int | None, schemes: tuple[str, str]) -> set[str]:
    where = f":{port}" if port else ""
    return {
        f"{scheme}://{name}{where}"
        for scheme in (schemes if port else ("http", "https"))
        for name in (host, twin(host))
    }


def _upgrades(starts: list[str]) -> dict[str, str]:
    """Where a start page says https, http on the default port means https; an explicit http start page wins."""
    parts = [urlsplit(start) for start in starts]
    secure = {part.hostname or "" for part in parts if part.scheme == "https" and part.port is None}
    plain = {part.hostname for part in parts if part.scheme == "http"}
    names = {name for host in secure for name in (host, twin(host))} - plain
    return {f"http://{name}": f"https://{name}" for name in sorted(names)}
