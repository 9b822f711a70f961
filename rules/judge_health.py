"""Health context of a visit: what its page is for, and which terms stand in what is sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from rules.health import HealthIndex, Sensitivity, find_terms
from rules.page_kinds import PageKind, page_kind
from scanner.model import PageCapture

Terms = tuple[tuple[str, str], ...]
"""(term, high | normal), the most sensitive first."""
TermsOf = Callable[[str], Terms]
MAX_CHARS: Final = 20_000
_BETWEEN: Final = re.compile(r"\s+[|–—·»-]+\s+")
_ORGANISATION: Final = re.compile(
    r"\b(?:clinics?|hospitals?|healthcare|health (?:system|network|care)|medical (?:center|centre|group)|physicians)\b",
    re.IGNORECASE,
)


def terms_in(index: HealthIndex) -> TermsOf:
    """Return a function that names the health terms of a text or URL, with a memory of its own."""

    @lru_cache(maxsize=8_192)
    def terms(text: str) -> Terms:
        found = find_terms(text, index)
        return tuple(
            (one.term, one.sensitivity.value)
            for one in sorted(found, key=lambda one: one.sensitivity is not Sensitivity.HIGH)
        )

    return lambda text: terms(text[:MAX_CHARS])


def page_terms(url: str, title: str | None, terms_of: TermsOf) -> Terms:
    """Terms of a page's address and title; what names the site's owner says nothing of the visitor."""
    found = dict((*terms_of(url), *terms_of(topic_of(title or ""))))
    return tuple(sorted(found.items(), key=lambda pair: pair[1] != Sensitivity.HIGH.value))


def topic_of(title: str) -> str:
    """A title without the part that names the organisation: `Depression | Riverside Clinic` → `Depression`."""
    parts = _BETWEEN.split(title)
    kept = [part for part in parts if not _ORGANISATION.search(part)]
    return " | ".join(kept or parts) if len(parts) > 1 else title


def kind_of_page(capture: PageCapture, terms: Terms) -> PageKind | None:
    """What the page is for, by address, title and form; `terms` are those of `page_terms`."""
    return page_kind(
        capture.final_url,
        capture.title,
        capture.form_fields,
        capture.has_password_field,
        has_health_terms=bool(terms),
    )
