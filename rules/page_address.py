"""What a page's address says besides where the page is: words that were searched for, ids of clicked ads. Pure."""

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
_CLICK: Final = re.compile(
    r"[?&;](?P<name>gclid|gbraid|wbraid|dclid|fbclid|msclkid|ttclid|twclid|li_fat_id|epik|ScCid|rdt_cid|yclid|srsltid|"
    r"tblci|dicbo|ndclid|irclickid|_kx|mc_eid|_hsenc|mkt_tok|vmcid)=(?P<id>[^&#;]{6,300})"
)
"""Each says which click on whose ad it was; `_kx`, `mc_eid`, `_hsenc` and `mkt_tok` say whose mail."""


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


def clicked(url: str) -> Iterator[tuple[str, str]]:
    """Yield (parameter, id) for every ad click or mail that the address names.

    >>> list(clicked("https://clinic.example/?utm_source=x&gclid=Cj0KCQ-clinic"))
    [('gclid', 'Cj0KCQ-clinic')]
    """
    for found, _ in zip(_CLICK.finditer(url), range(MAX_PAIRS), strict=False):
        yield found["name"], found["id"]
