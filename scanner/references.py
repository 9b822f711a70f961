"""Resolves what a page's source refers to, as a browser does."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from scanner.urls import host_of

_PLAIN_ABSOLUTE = re.compile(r"https?://[a-zA-Z0-9.-]*[a-zA-Z0-9](?:[/?#]|$)(?!.*/\.)")
_PLAIN_PATH = re.compile(r"/(?![/\\])(?!.*(?:/\.|\\))")
"""What needs no parser to resolve: no dot segments, no backslashes."""
_URL_NOISE = re.compile(r"[\t\r\n]+")


def absolute(base: str, reference: str) -> str | None:
    """Resolve `reference` as a browser does; None unless the result is an http(s) URL with a host."""
    reference = _URL_NOISE.sub("", reference.strip(" \t\r\n\f\x00"))
    if _PLAIN_ABSOLUTE.match(reference):
        return reference
    if _PLAIN_PATH.match(reference):
        origin = _origin(base)
        return origin + reference if origin else None
    if not reference.startswith(("https://", "http://")):
        if "\\" in reference:
            path, mark, rest = reference.partition("?")
            reference = path.replace("\\", "/") + mark + rest
        try:
            reference = urljoin(base, reference)
        except ValueError:
            return None
    if not reference.lower().startswith(("http://", "https://")) or not host_of(reference):
        return None
    return reference


@lru_cache(maxsize=256)
def _origin(base: str) -> str | None:
    try:
        parts = urlsplit(base)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.hostname else None
