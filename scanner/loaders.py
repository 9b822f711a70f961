"""Who loaded a request, in words: the initiator chain without its chance, nearest first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from scanner.model import Initiator, RequestRecord
from scanner.script_identity import script_identity
from scanner.urls import host_of

_MOST_LOADERS = 6
_ACCOUNT_PARAMETERS = ("id", "tid", "sdkid", "cbid", "pid")
_ACCOUNT = re.compile(r"^(?:GTM|GT|G|AW|DC|UA|MC)-[A-Z0-9][A-Z0-9-]{2,16}$|^[A-Za-z0-9]{5,24}$")


def loader_words(request: RequestRecord, page_url: str, containers: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Say in words what led to `request`, nearest first, at most six links, without repetitions.

    `inline snippet in the page`, `https://www.googletagmanager.com/gtm.js (GTM-ABC)`, `redirect from https://…`.
    Empty when the browser told nothing. `page_url` is the page's final URL. `containers` names scripts that are
    tag-manager containers, by their URL: `GTM-ABC version 42`.
    """
    named = containers or {}
    words: list[str] = []
    if request.redirected_from and not any(link.kind == "redirect" for link in request.initiators):
        words.append(_redirect(request.redirected_from))
    words += [word for link in request.initiators if (word := _in_words(link, request, page_url, named))]
    return tuple(dict.fromkeys(words))[:_MOST_LOADERS]


def setter_words(
    url: str, request: RequestRecord | None, page_url: str, containers: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Say in words who set a cookie, and what led there. `url`: the script or the request whose answer set it.

    `request`: what was loaded from there; None: nothing that is known.
    """
    if _same_document(url, page_url):
        return ("the page itself",)
    named = containers or {}
    name = _script(url, named)
    if request is None:
        return (name,)
    name = name if request.type == "script" else f"answer of {name}"
    return tuple(dict.fromkeys((name, *loader_words(request, page_url, named))))[:_MOST_LOADERS]


@lru_cache(maxsize=16_384)
def script_words(url: str) -> str:
    """Name a script for a person: its address without chance, and the account in its query where there is one."""
    return _named(url, _account(url))


def _script(url: str, containers: Mapping[str, str]) -> str:
    return _named(url, containers[url]) if url in containers else script_words(url)


def _named(url: str, account: str | None) -> str:
    scheme = url.partition("://")[0].lower()
    address = f"{scheme}://{script_identity(url)}" if scheme in ("http", "https") and host_of(url) else url[:100]
    return f"{address} ({account})" if account else address


def _in_words(link: Initiator, request: RequestRecord, page_url: str, containers: Mapping[str, str]) -> str | None:
    url = link.url or ""
    in_page = not url or _same_document(url, page_url)
    if link.kind == "redirect":
        return _redirect(url) if url else None
    if link.kind == "script":
        if _same_document(url, page_url):
            return "inline snippet in the page"
        if not url:
            return "script in the page"
        if request.frame_url and _same_document(url, request.frame_url):
            return f"inline snippet in the frame {script_words(url)}"
        return _script(url, containers)
    if link.kind == "parser":
        return "HTML of the page" if in_page else f"HTML or style sheet of {script_words(url)}"
    if link.kind == "preload":
        return "preload in the page" if in_page else f"preload in {script_words(url)}"
    if link.kind == "worker":
        return f"worker {script_words(url)}" if url else "worker"
    if link.kind == "navigation":
        return "navigation"
    return None


def _redirect(url: str) -> str:
    return f"redirect from {script_words(url)}"


def _same_document(url: str, document: str) -> bool:
    return bool(url) and url.partition("#")[0] == document.partition("#")[0]


def _account(url: str) -> str | None:
    try:
        query = dict(parse_qsl(urlsplit(url).query[:2_000], max_num_fields=50))
    except ValueError:
        return None
    value = next((query[name] for name in _ACCOUNT_PARAMETERS if name in query), None)
    return value if value and _ACCOUNT.match(value) else None
