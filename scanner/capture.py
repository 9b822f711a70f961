"""Reads a page's source without running it: what could load a vendor, what is held back, where links lead.

lxml builds the tree (`scanner/page_tree.py`; a few milliseconds for 200 kB); BeautifulSoup finds a document's encoding
and reads the small fragments that hide in text (`<noscript>` given as text, `srcdoc`). The source is hostile: nothing
here raises on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bs4 import BeautifulSoup
from bs4.exceptions import ParserRejectedMarkup
from bs4.filter import SoupStrainer
from lxml import etree

from scanner.held_back import consent_hold, runs, script_hold
from scanner.model import Link, SignalKind, SourceSignal
from scanner.page_tree import READ_TAGS, decode_source, tree_of
from scanner.references import absolute
from scanner.urls import is_third_party

__all__ = [
    "PageFacts",
    "PageSource",
    "absolute",
    "decode_source",
    "page_facts",
    "read_source",
    "source_links",
    "source_signals",
]

INLINE_LIMIT_BYTES = 64 * 1024
_FRAGMENT_LIMIT_CHARS = 256 * 1024
_MOST_FRAGMENTS = 500

_FRAGMENT_TAGS = ["a", "area", "iframe", "img", "link", "script", "frame", "embed"]

_LATER_SOURCES = ("src", "data-cmp-src", "data-consent-src", "data-uc-src", "data-cmplz-src", "data-suppressedsrc",
                  "suppressedsrc", "data-rocket-src", "data-cookieblock-src", "data-src", "data-lazy-src")  # fmt: skip
_CONNECT_RELS = frozenset({"preconnect", "dns-prefetch", "preload", "prefetch", "modulepreload", "prerender"})
_VERIFICATION = re.compile(r"verif|validat", re.IGNORECASE)
_REFRESH = re.compile(r"^\s*[\d.]+\s*[;,\s]\s*(?:url\s*=\s*)?[\"']?(?P<url>[^\"']+)", re.IGNORECASE)
_TINY = re.compile(r"^\s*[012](?:\.\d*)?(?:px)?\s*$")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|(?:width|height)\s*:\s*[012]px", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PageSource:
    """What one page's source shows. Everything is in document order, without repetitions."""

    signals: tuple[SourceSignal, ...] = ()
    links: tuple[Link, ...] = ()
    title: str | None = None
    canonical: str | None = None
    """Absolute; None when the page names none."""
    language: str | None = None
    has_password_field: bool = False
    form_fields: tuple[str, ...] = ()
    """`type:name`, sorted, unique."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    title: str | None
    canonical: str | None
    language: str | None


def source_signals(html: str, base_url: str) -> tuple[SourceSignal, ...]:
    """Return what `html` shows of vendors. Reading several things of one page: use `read_source` once."""
    return read_source(html, base_url).signals


def source_links(html: str, base_url: str) -> tuple[Link, ...]:
    """Return the http(s) links, frames, GET forms, canonical and refresh targets of `html`."""
    return read_source(html, base_url).links


def page_facts(html: str, base_url: str) -> PageFacts:
    """Return title, canonical link and language of `html`."""
    source = read_source(html, base_url)
    return PageFacts(source.title, source.canonical, source.language)


def read_source(html: str, base_url: str) -> PageSource:
    """Parse `html` once and return everything the scanner reads from a page's source.

    `base_url` is the document's final URL; a `<base href>` in it is obeyed. Broken or hostile markup
    gives what can be read of it, at worst an empty `PageSource`.
    """
    root = tree_of(html)
    if root is None:
        return PageSource()
    reader = _Reader(base_url, base_url)
    base = next((e.get("href") for e in root.iter("base") if e.get("href")), None)
    if base:
        reader.base = absolute(base_url, base) or base_url
    reader.read(root)
    return reader.result()


class _Reader:
    """Collects signals and links while walking one tree; lives only inside `read_source`."""

    def __init__(self, base: str, document_url: str) -> None:
        self.base = base
        self.document_url = document_url
        self.signals: dict[tuple[SignalKind, str | None, str | None, str | None], SourceSignal] = {}
        self.links: dict[tuple[str, str], Link] = {}
        self.title: str | None = None
        self.canonical: str | None = None
        self.language: str | None = None
        self.has_password_field = False
        self.form_fields: set[str] = set()
        self.fragments: set[str] = set()

    def result(self) -> PageSource:
        return PageSource(
            signals=tuple(self.signals.values()),
            links=tuple(self.links.values()),
            title=self.title,
            canonical=self.canonical,
            language=self.language,
            has_password_field=self.has_password_field,
            form_fields=tuple(sorted(self.form_fields)),
        )

    def signal(
        self,
        kind: SignalKind,
        reference: str | None = None,
        *,
        text: str | None = None,
        held_by: str | None = None,
        line: int | None = None,
    ) -> None:
        url = absolute(self.base, reference) if reference else None
        if url is None and not text:
            return
        self.signals.setdefault((kind, url, text, held_by), SourceSignal(kind, url, text, held_by, line))

    def link(self, reference: str | None, source: str) -> str | None:
        url = absolute(self.base, reference) if reference and reference.strip() else None
        if url is not None:
            self.links.setdefault((url, source), Link(url, source))
        return url

    # ------------------------------------------------------------------ walking

    def read(self, root: etree._Element) -> None:
        without_script: set[etree._Element] = set()
        for element in root.iter(*READ_TAGS):
            tag = element.tag
            if tag == "noscript":
                if element not in without_script:
                    without_script.update(element.iter(*READ_TAGS))
                self.noscript_text(element.text or "", element.sourceline)
            elif tag == "a" or tag == "area":
                self.link(element.get("href"), "source-link")
            elif tag == "script":
                self.script(element)
            elif tag == "img" or tag == "image" or tag == "amp-pixel":
                self.image(element, element in without_script)
            elif tag in ("iframe", "frame", "embed", "object", "amp-iframe"):
                self.frame(element, element in without_script)
            elif tag == "link":
                self.link_element(element)
            elif tag == "meta":
                self.meta(element)
            elif tag == "form":
                if (element.get("method") or "get").strip().lower() == "get":
                    self.link(element.get("action"), "form")
            elif tag in ("input", "select", "textarea", "button"):
                self.field(element, tag)
            elif tag == "title" and self.title is None:
                self.title = " ".join("".join(_texts(element)).split())[:1_000] or None
            elif tag == "html" and self.language is None:
                self.language = (element.get("lang") or "").strip()[:35] or None

    def script(self, element: etree._Element) -> None:
        held_by, reference = script_hold(element), element.get("src") or element.get("href")
        if held_by is not None:
            later = _first(element, _LATER_SOURCES)
            self.signal(
                SignalKind.HELD_BACK,
                later,
                text=None if later else _cut(element.text),
                held_by=held_by,
                line=element.sourceline,
            )
        elif runs(element):
            if reference or element.get("xlink:href"):
                self.signal(SignalKind.SCRIPT, reference or element.get("xlink:href"), line=element.sourceline)
            else:
                self.signal(SignalKind.INLINE, text=_cut(element.text), line=element.sourceline)

    def image(self, element: etree._Element, without_script: bool) -> None:
        reference, line = element.get("src"), element.sourceline
        if without_script:
            self.signal(SignalKind.NOSCRIPT, reference or _first(element, _LATER_SOURCES), line=line)
            return
        held_by = consent_hold(element)
        if held_by:
            self.signal(SignalKind.HELD_BACK, _first(element, _LATER_SOURCES), held_by=held_by, line=line)
            return
        reference = reference if reference and not reference.startswith("data:") else _first(element, _LATER_SOURCES)
        if not reference:
            return
        url = absolute(self.base, reference) if "?" in reference or _looks_tiny(element) else None
        if url and (_looks_tiny(element) or is_third_party(url, self.document_url)):
            self.signal(SignalKind.IMAGE, url, line=line)

    def frame(self, element: etree._Element, without_script: bool) -> None:
        reference = element.get("src") or element.get("data")
        line = element.sourceline
        if without_script:
            self.signal(SignalKind.NOSCRIPT, reference, line=line)
            return
        held_by = consent_hold(element)
        later = _first(element, _LATER_SOURCES)
        if held_by:
            self.signal(SignalKind.HELD_BACK, later or reference, held_by=held_by, line=line)
            return
        reference = reference if reference and not reference.startswith(("about:", "data:")) else later
        self.signal(SignalKind.FRAME, reference, line=line)
        self.link(reference, "frame")
        inner = element.get("srcdoc")
        if inner:
            self.fragment(inner, line, SignalKind.FRAME)

    def link_element(self, element: etree._Element) -> None:
        rels = frozenset((element.get("rel") or "").lower().split())
        reference = element.get("href")
        if rels & _CONNECT_RELS:
            self.signal(SignalKind.PRECONNECT, reference, line=element.sourceline)
        if "canonical" in rels and self.canonical is None:
            self.canonical = self.link(reference, "canonical")
        if rels & {"next", "prev", "alternate"} and "stylesheet" not in rels:
            kind_of_target = (element.get("type") or "text/html").lower()
            if kind_of_target == "text/html":
                self.link(reference, "source-link")

    def meta(self, element: etree._Element) -> None:
        name = element.get("name") or element.get("property") or ""
        content = element.get("content") or ""
        if name and _VERIFICATION.search(name):
            self.signal(SignalKind.META, text=f"{name}={content}"[:1_000], line=element.sourceline)
        if (element.get("http-equiv") or "").strip().lower() == "refresh":
            match = _REFRESH.match(content)
            if match:
                self.link(match.group("url"), "redirect")

    def field(self, element: etree._Element, tag: str) -> None:
        kind = (element.get("type") or "text").strip().lower()[:30] if tag == "input" else tag
        name = (element.get("name") or element.get("id") or "").strip()[:100]
        if kind == "password":
            self.has_password_field = True
        if kind not in ("hidden", "submit", "button", "image", "reset") and (name or kind == "password"):
            self.form_fields.add(f"{kind}:{name}")

    # ------------------------------------------------------------------ markup inside text

    def noscript_text(self, text: str, line: int | None) -> None:
        if "<" in text:
            self.fragment(text, line, SignalKind.NOSCRIPT)

    def fragment(self, markup: str, line: int | None, kind: SignalKind) -> None:
        """Read markup that the page carries as text. BeautifulSoup is slow, and fragments are few and small."""
        markup = markup[:_FRAGMENT_LIMIT_CHARS]
        if markup in self.fragments or len(self.fragments) >= _MOST_FRAGMENTS:
            return
        self.fragments.add(markup)
        if kind is SignalKind.FRAME:
            self.signal(SignalKind.INLINE, text=_cut(markup), line=line)
        try:
            soup = BeautifulSoup(markup, "lxml", parse_only=SoupStrainer(_FRAGMENT_TAGS))
        except ParserRejectedMarkup:
            return
        for element in soup.find_all(_FRAGMENT_TAGS):
            if element.name in ("a", "area"):
                self.link(_text(element.get("href")), "source-link")
            elif element.name == "script":
                self.signal(SignalKind.SCRIPT, _text(element.get("src")), line=line)
            elif element.name != "link":
                inner_kind = SignalKind.IMAGE if kind is SignalKind.FRAME and element.name == "img" else kind
                self.signal(inner_kind, _text(element.get("src")), line=line)


def _texts(element: etree._Element) -> Iterator[str]:
    return (str(text) for text in element.itertext())


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _first(element: etree._Element, names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := element.get(name)) and not value.startswith("data:")), None)


def _cut(text: str | None) -> str | None:
    """Cut inline code at 64 KiB of UTF-8."""
    if not text or not text.strip():
        return None
    if len(text) * 4 <= INLINE_LIMIT_BYTES:
        return text
    return text.encode("utf-8", "replace")[:INLINE_LIMIT_BYTES].decode("utf-8", "ignore")


def _looks_tiny(element: etree._Element) -> bool:
    width, height = element.get("width"), element.get("height")
    if width is not None and height is not None and _TINY.match(width) and _TINY.match(height):
        return True
    return element.get("hidden") is not None or bool(_HIDDEN_STYLE.search(element.get("style") or ""))
