"""Words that somebody searched for, where they stand in a page's address. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_plus

_PLAIN: Final = (
    "q", "query", "search", "search_query", "searchquery", "search_term", "searchterm", "search_terms", "searchterms",
    "searchtext", "search_text", "searchstring", "search_string", "searchword", "search_keywords", "searchkeyword",
    "keyword", "keywords", "kw", "term", "terms",
)  # fmt: skip
_SHORT: Final = ("s", "k", "text")
"""Names that mean anything at all, unless the page's path speaks of a search or is the front page (WordPress)."""
SEARCH_PARAMETERS: Final = frozenset((*_PLAIN, *_SHORT))
_NAMES: Final = "|".join(sorted(SEARCH_PARAMETERS, key=len, reverse=True))
_PAIR: Final = re.compile(rf"[?&;](?P<name>{_NAMES})=(?P<words>[^&#;]{{1,300}})", re.IGNORECASE)
_SEARCHING: Final = re.compile(r"^[a-z]+://[^/?#]*(?:/?[?]|[^?#]*(?:search|find|result))", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]{2}")
_NO_WORDS: Final = re.compile(r"https?:|[0-9a-f-]{24,}$|(?:true|false|null|undefined)$", re.IGNORECASE)
MAX_PAIRS: Final = 20


def searched(url: str) -> Iterator[tuple[str, str]]:
    """Yield (parameter, words) for every search in a page's address; ids, switches and addresses are none.

    >>> list(searched("https://clinic.example/search?q=hiv+test&page=2"))
    [('q', 'hiv test')]
    """
    for found, _ in zip(_PAIR.finditer(url), range(MAX_PAIRS), strict=False):
        name, words = found["name"], unquote_plus(found["words"]).strip()
        if not _WORD.search(words) or _NO_WORDS.match(words):
            continue
        if name.lower() in _SHORT and not _SEARCHING.match(url):
            continue
        yield name, words
