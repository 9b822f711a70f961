"""Reads one sitemap in any of its formats: XML, index, RSS, Atom, plain text, each gzipped or not. Pure.

With lxml's incremental parser and not with a sitemap library: those tried stop at the first malformed byte, drop feed
entries without titles, reject files that begin with an empty line, and build an object per entry. A page that
is lost here is never visited, so this reader takes what it can from broken files and says that they are broken.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import urljoin

from lxml import etree

MAX_SITEMAP_BYTES = 52 * 1024 * 1024
"""Uncompressed. The protocol allows 50 MB."""
MAX_ENTRIES = 200_000
"""Per file. The protocol allows 50,000."""
_TOO_MANY = f"more than {MAX_ENTRIES:,} entries; the rest was left out"
_FEED_BYTES = 64 * 1024
_MAX_URL_CHARS = 4_096
_BARE_AMPERSAND = re.compile(rb"&(?!(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);)")
"""The most common mistake in hand-made sitemaps: `?a=1&b=2`."""
_ROOTS = frozenset({"urlset", "sitemapindex", "rss", "rdf", "feed"})


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What one sitemap names, in its order, without repetitions."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    """Sitemaps that an index names."""
    trouble: str | None = None
    """What is wrong with the file; what could be read is there all the same."""


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """Read a sitemap found at `url` (relative addresses count from there). Never raises; entities are not expanded."""
    plain, trouble = _unzipped(body)
    text = plain.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        return Sitemap(trouble=trouble or "empty")
    xml = text[:1] == b"<" or text[:4] in (b"\xff\xfe<\x00", b"\xfe\xff\x00<")
    if xml and b"<![CDATA[" not in text:
        text = _BARE_AMPERSAND.sub(b"&amp;", text)
    found = _xml(text, url) if xml else _lines(text, url)
    return found if trouble is None else Sitemap(found.pages, found.sitemaps, trouble)


def _unzipped(body: bytes) -> tuple[bytes, str | None]:
    """Undo gzip, judged by the content: names and headers are often wrong. Bombs end at the cap."""
    if body[:2] != b"\x1f\x8b":
        return body, None
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(body, MAX_SITEMAP_BYTES)
    except zlib.error:
        return b"", "broken gzip data"
    if reader.unconsumed_tail:
        return plain, f"more than {MAX_SITEMAP_BYTES // 2**20} MiB uncompressed; the rest was left out"
    return plain, None if reader.eof else "gzip data ends early"


def _lines(text: bytes, url: str) -> Sitemap:
    pages: list[str] = []
    trouble: str | None = None
    for line in BytesIO(text[:MAX_SITEMAP_BYTES]):
        address = line.strip().decode("utf-8", "replace")
        if not address.lower().startswith(("http://", "https://")):
            continue
        if len(pages) >= MAX_ENTRIES:
            trouble = _TOO_MANY
            break
        pages.append(address)
    return _made(pages, [], url, trouble if pages else "neither XML nor a list of addresses")


def _xml(text: bytes, url: str) -> Sitemap:
    parser = etree.XMLPullParser(
        ("start", "end"), recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    pages: list[str] = []
    sitemaps: list[str] = []
    trouble: str | None = None
    root = ""
    try:
        for kind, element in _events(parser, text):
            name = _local(element)
            if kind == "start":
                root = root or name
                if root not in _ROOTS:
                    return Sitemap(trouble=f"no sitemap: the document is <{root[:40]}>")
                continue
            parent = element.getparent()
            address, is_index = _address(element, name, "" if parent is None else _local(parent))
            if address:
                (sitemaps if is_index else pages).append(address)
            if name in ("url", "sitemap", "item", "entry"):
                element.clear()
                while element.getprevious() is not None and parent is not None:
                    del parent[0]
            if len(pages) + len(sitemaps) >= MAX_ENTRIES:
                trouble = _TOO_MANY
                break
    except etree.XMLSyntaxError as error:
        trouble = f"broken XML: {error.msg or 'cannot be read'}"
    if trouble is None and len(parser.feed_error_log):
        first = parser.feed_error_log[0]
        trouble = f"broken XML in line {first.line}: {first.message.strip()}"
    return _made(pages, sitemaps, url, trouble if root else trouble or "cannot be read as XML")


def _events(parser: etree.XMLPullParser, text: bytes) -> Iterator[tuple[str, etree._Element]]:
    for begin in range(0, min(len(text), MAX_SITEMAP_BYTES), _FEED_BYTES):
        parser.feed(text[begin : begin + _FEED_BYTES])
        yield from parser.read_events()
    parser.close()
    # A file that ends inside an element: what closing it by force brings up is half an address.
    if all(error.type != etree.ErrorTypes.ERR_TAG_NOT_FINISHED for error in parser.feed_error_log):
        yield from parser.read_events()


def _local(element: etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _address(element: etree._Element, name: str, parent: str) -> tuple[str, bool]:
    """Return (address or `""`, whether it names a sitemap) of one finished element."""
    if name == "loc" and parent in ("url", "sitemap"):
        return (element.text or "").strip(), parent == "sitemap"
    if name == "link" and parent == "item":
        return (element.text or "").strip(), False
    if name == "link" and parent in ("entry", "url") and (element.get("rel") or "alternate") == "alternate":
        return (element.get("href") or "").strip(), False
    return "", False


def _made(pages: list[str], sitemaps: list[str], url: str, trouble: str | None) -> Sitemap:
    return Sitemap(_absolute(pages, url), _absolute(sitemaps, url), trouble)


def _absolute(addresses: list[str], base: str) -> tuple[str, ...]:
    result: dict[str, None] = {}
    for address in addresses:
        if len(address) > _MAX_URL_CHARS:
            continue
        try:
            result[urljoin(base, address)] = None
        except ValueError:
            continue
    return tuple(result)
