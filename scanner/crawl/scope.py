"""Which addresses are pages of the site, and why the others are not. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from urllib.parse import urlsplit

from scanner.canonical import canonical_url
from scanner.model import Scope, SiteConfig
from scanner.urls import registrable_domain, same_site

OFF_SITE = "off-site"

_NOT_HTML = """
pdf doc docx docm dot dotx xls xlsx xlsm xlsb ppt pptx pps ppsx odt ods odp rtf csv tsv txt md epub mobi
jpg jpeg jpe png gif webp avif svg svgz bmp ico tif tiff heic heif psd ai eps indd raw dcm
mp3 m4a aac ogg oga opus wav flac wma mid mp4 m4v mov avi wmv mkv webm ogv flv mpg mpeg 3gp m3u8 ts vtt srt
zip gz tgz bz2 xz 7z rar tar zst dmg iso exe msi apk ipa deb rpm pkg jar bin cab
css js mjs cjs map json jsonld xml xsl xsd rss atom wasm webmanifest yaml yml log sql bak
woff woff2 ttf otf eot ics ical vcf kml kmz gpx stl swf torrent p7s asc sig
"""
NOT_HTML_EXTENSIONS = frozenset(_NOT_HTML.split())
"""File extensions that never name a page. Everything else (`.php`, `.aspx`, `.do`, none) may be one."""

_LEAVES_SESSION = re.compile(r"(?:^|[/_.-])(?:log|sign)[-_]?(?:out|off)(?:$|[/_.-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why an address is not visited."""

    reason: str
    """One of the reasons of `SkippedPage`."""
    detail: str | None = None


def twin(host: str) -> str:
    """Return the same name with `www.` added or taken away."""
    return host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"


class SiteScope:
    """Decides for canonical addresses of one site.

    - `host`: the hosts and ports of the start URLs. `www.` and the bare name are one host: sites link to both
      and redirect one of them. http and https are one, too, on their default ports.
    - `domain`: every host of the start URLs' registrable domains and of the own domains, on any port.
    - `path`: as `host`, and below the directories of the start URLs.
    """

    def __init__(self, site: SiteConfig) -> None:
        self._site = site
        starts = [urlsplit(canonical_url(url, hash_routes=site.hash_routes)) for url in site.start]
        self._start_hosts = tuple(sorted({parts.hostname or "" for parts in starts}))
        self._places = {(host, parts.port) for parts in starts for host in _with_twin(parts.hostname or "")}
        self._domains = {registrable_domain(host) for host in (*self._start_hosts, *site.own_domains)}
        self._directories = tuple(sorted({_directory(parts.path) for parts in starts}))
        self._include = tuple(map(_compiled, site.include))
        self._exclude = tuple((pattern, *_compiled(pattern)) for pattern in site.exclude)

    def exclusion(self, page: str) -> Exclusion | None:
        """Return why the canonical address `page` is not to be visited; None if it is one of the site's pages."""
        parts = urlsplit(page)
        if (placed := self._misplaced(parts.hostname or "", parts.port, parts.path)) is not None:
            return placed
        if (extension := _extension(parts.path)) in NOT_HTML_EXTENSIONS:
            return Exclusion("not-html", f"a .{extension} file")
        tail = page[page.index(parts.netloc) + len(parts.netloc) :]
        for written, regex, whole in self._exclude:
            if regex.match(page if whole else tail):
                return Exclusion("excluded", f"exclude: {written}")
        if self._include and not any(regex.match(page if whole else tail) for regex, whole in self._include):
            return Exclusion("excluded", "no include pattern matches")
        if self._site.storage_state is not None and _LEAVES_SESSION.search(parts.path):
            return Exclusion("excluded", "would end the session")
        return None

    def misplaced(self, page: str) -> Exclusion | None:
        """As `exclusion`, but by host and directory only: for addresses that a redirect led to."""
        parts = urlsplit(page)
        return self._misplaced(parts.hostname or "", parts.port, parts.path)

    def _misplaced(self, host: str, port: int | None, path: str) -> Exclusion | None:
        if self._site.scope is Scope.DOMAIN:
            return None if registrable_domain(host) in self._domains else Exclusion(OFF_SITE)
        if (host, port) not in self._places:
            known = any(same_site(host, start, self._site.own_domains) for start in self._start_hosts)
            return Exclusion("out-of-scope", "another host of the site") if known else Exclusion(OFF_SITE)
        if self._site.scope is Scope.PATH and not path.startswith(self._directories):
            return Exclusion("out-of-scope", "outside the start directories")
        return None


def pattern_trouble(pattern: str) -> str | None:
    """Say what is wrong with an include or exclude pattern; None if nothing is."""
    if not pattern.strip():
        return "an empty pattern matches nothing"
    if pattern.startswith("^") or pattern.endswith("$") or ".*" in pattern:
        return f"`{pattern}` looks like a regular expression; patterns are globs, such as `/blog/*`"
    if "://" not in pattern and not pattern.startswith(("/", "*", "?", "[")):
        return f"`{pattern}` can match nothing: paths begin with `/`; write `/{pattern}`, `*{pattern}` or a whole URL"
    if pattern.count("[") != pattern.count("]"):
        return f"`{pattern}` has a bracket without its partner"
    return None


def _compiled(pattern: str) -> tuple[re.Pattern[str], bool]:
    """Return the pattern as a regular expression, and whether it is for the whole address."""
    return re.compile(translate(pattern)), "://" in pattern


def _with_twin(host: str) -> tuple[str, str]:
    return host, twin(host)


def _directory(path: str) -> str:
    return path[: path.rfind("/") + 1] or "/"


def _extension(path: str) -> str:
    name = path[path.rfind("/") + 1 :]
    _, dot, extension = name.rpartition(".")
    return extension.lower() if dot else ""
