"""Makes a tree of a page's source, whatever its encoding and however hostile its markup."""

from __future__ import annotations

import re

from bs4.dammit import UnicodeDammit
from lxml import etree

READ_TAGS = (
    "a", "amp-analytics", "amp-iframe", "amp-pixel", "area", "base", "button", "embed", "form", "frame", "html",
    "iframe", "image", "img", "input", "link", "meta", "noscript", "object", "script", "select", "textarea", "title",
)  # fmt: skip
"""The elements that are read; every other tag may be left out of a tree that would be too deep."""

_NESTING_TAG = re.compile(r"</?(?:noscript|button|object|form|select|a)\b[^<>]*>", re.IGNORECASE)
_START_TAG = re.compile(r"""<[a-zA-Z][^"'>]*+(?:(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))[^"'>]*+)*+(?:>|\Z)""")
"""Always matches once it has begun, so that scanning stays linear on any input."""
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_ENDLESS_TAG_CHARS = 32 * 1024
_MOST_ATTRIBUTES = 4_000
_UNREAD_TAG = re.compile(r"<(?!/?(?:" + "|".join(READ_TAGS) + r")\b|!)[^<>]*>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def decode_source(body: bytes, content_type: str | None = None) -> str:
    """Turn a page's bytes into text: declared charset, BOM, `<meta charset>`, else a guess; never raises."""
    match = re.search(r"charset=[\"']?([\w.:-]+)", content_type or "", re.IGNORECASE)
    known = [match.group(1)] if match else []
    text = UnicodeDammit(body, known_definite_encodings=known, user_encodings=["utf-8"], is_html=True).unicode_markup
    return text if text is not None else body.decode("utf-8", "replace")


def tree_of(html: str) -> etree._Element | None:
    """Return the root element of `html`; None: there is nothing to read."""
    if not html.strip():
        return None
    text = _without_endless_tags(_CONTROL.sub(" ", html))
    root, complete = _parse(text)
    # libxml2 stops 2,048 elements deep and would hide what follows: leave out the tags that only nest, and try again.
    for needless in (_UNREAD_TAG, _NESTING_TAG):
        if not complete:
            text = needless.sub("", text)
            root, complete = _parse(text)
    return root


def _without_endless_tags(text: str) -> str:
    """Empty start tags with thousands of attributes: libxml2 takes quadratic time over them."""
    if len(text) <= _ENDLESS_TAG_CHARS:
        return text
    endless = [
        match.span()
        for match in _START_TAG.finditer(text)
        if match.end() - match.start() > _ENDLESS_TAG_CHARS
        and len(_QUOTED.sub("", match.group()).split(None, _MOST_ATTRIBUTES)) > _MOST_ATTRIBUTES
    ]
    for start, end in reversed(endless):
        text = text[:start] + text[end:]
    return text


def _parse(text: str) -> tuple[etree._Element | None, bool]:
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None, True
    too_deep = any("depth" in entry.message.lower() for entry in parser.error_log)
    return root, not too_deep
