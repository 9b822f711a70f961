"""What the lists of a configuration's conditions mean: globs, of which one is enough; an empty list fits everything."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from scanner.model import TagKey

Patterns = tuple[str, ...]


def any_fits(text: str, patterns: Patterns) -> bool:
    """Say whether `text` fits one of `patterns`."""
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)


def page_fits(page: str, patterns: Patterns) -> bool:
    """Say whether a page fits one of `patterns`: on path and query, or on the whole URL where one holds `://`.

    >>> page_fits("https://www.clinic.example/press/2026?a=1", ("/press/*",))
    True
    """
    if not patterns:
        return True
    parts = urlsplit(page)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return any(fnmatchcase(page if "://" in pattern else path, pattern) for pattern in patterns)


def tag_fits(tag: TagKey | None, vendor: Patterns, product: Patterns, account: Patterns) -> bool:
    """Say whether a tag fits; what is no tag, or one without an account, fits only where that is not asked for."""
    if tag is None:
        return not (vendor or product or account)
    return (
        any_fits(tag.vendor, vendor)
        and any_fits(tag.product, product)
        and (not account or (tag.account is not None and any_fits(tag.account, account)))
    )


def as_texts(value: str | Iterable[Any] | None) -> tuple[str, ...]:
    """Read a list that may be written as a single text; nothing is an empty one.

    >>> as_texts("meta"), as_texts(["meta", "pinterest"]), as_texts(None)
    (('meta',), ('meta', 'pinterest'), ())
    """
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(entry) for entry in value)
