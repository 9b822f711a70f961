"""Values shown to people: enough to see what kind of thing was sent, not enough to know whose. Pure, standard library.

Text that is itself the evidence (addresses of pages, titles, search words, button texts) stays readable; what stands in
it and could name a person (e-mail, phone and record numbers, long tokens) is masked there, too.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

SHOWN_LENGTH = 300
"""Longer values are cut: a report is no place for a page's whole text."""

_HASH = re.compile(r"[0-9a-fA-F]{32,128}|[A-Za-z0-9+/_-]{43}=?")
_EMAIL = re.compile(r"([^\s@\"'<>(),;:/?&=|]{1,64})(@|%(?:25){0,2}40)([^\s@\"'<>(),;:/?&=|%]{1,190})")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,}={0,2}|[A-Za-z0-9+/_-]{32,}={0,2}")
_NUMBER = re.compile(r"\d(?:[ .()/-]{0,2}\d){6,}")
_DATE = re.compile(r"\b(?:\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4})\b")
_LETTERS_ONLY = re.compile(r"[A-Za-z]+(?:[-_][A-Za-z]+)*")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,20}://)([^/?#\s]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)

_TEXT = frozenset(
    {"page_title", "search_query", "form_field", "button_text", "event_name", "product_or_content", "free_text"}
)
_ADDRESSES = frozenset({"page_url", "referrer"})


def mask(value: str, kind: str) -> str:
    """Return `value` so that it shows its nature and not the person.

    Args:
        value: as it was sent.
        kind: an `ExposureKind`, or anything else for a value of unknown meaning.

    >>> mask("jane.doe@mail.test", "email")
    'j***@m***.test'
    >>> mask("https://clinic.test/depression?mail=jane%40mail.test&q=help", "page_url")
    'https://clinic.test/depression?mail=j***@m***.test&q=help'
    """
    value = value.strip()
    if not value:
        return ""
    if kind in _ADDRESSES:
        return _cut(_mask_url(value))
    if kind in _TEXT:
        return _cut(_mask_url(value) if _URL.fullmatch(value) else _scrub(value))
    if _HASH.fullmatch(value):
        return f"{value[:6]}…"
    if kind == "email" and "@" in value:
        return _cut(_EMAIL.sub(_masked_email, value)) if _EMAIL.search(value) else _start(value, 1)
    if kind == "phone":
        return f"***{value[-2:]}" if len(value) > 5 else "***"
    if kind == "ip_address":
        return re.split(r"[.:]", value, maxsplit=1)[0][:4] + ".***"
    if kind in ("name", "address", "external_id", "email"):
        return _start(value, 1)
    if kind in ("date_of_birth", "precise_location"):
        return "***"
    if kind in ("browser_id", "click_id"):
        return _start(value, 4)
    return _cut(_mask_url(value) if _URL.fullmatch(value) else _scrub(value))


def _start(value: str, shown: int) -> str:
    return f"{value[:shown]}***" if len(value) > shown * 2 else "***"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


def _masked_email(found: re.Match[str]) -> str:
    domain, _, ending = found[3].rpartition(".")
    return f"{found[1][0]}***@{domain[:1]}***.{ending[:12]}" if domain else f"{found[1][0]}***@***"


def _scrub(text: str) -> str:
    """Mask what could name a person inside readable text."""
    text = text[: SHOWN_LENGTH * 4]
    text = _EMAIL.sub(_masked_email, text)
    text = _TOKEN.sub(lambda m: m[0] if _LETTERS_ONLY.fullmatch(m[0]) else f"{m[0][:4]}…", text)
    text = _DATE.sub("***", text)
    return _NUMBER.sub(lambda m: f"{m[0][:2]}***", text)


def _mask_url(url: str) -> str:
    """Mask values inside an address; scheme, host and the readable path stay, credentials go."""
    found = _URL.fullmatch(url[: SHOWN_LENGTH * 4])
    if found is None:
        path, mark, query = url[: SHOWN_LENGTH * 4].partition("?")
        return _mask_path(path) + (_mask_query(mark + query) if mark else "")
    host = found[2].rpartition("@")[2]
    fragment = f"#{_scrub(_plain(found[5][1:]))}" if found[5] else ""
    return f"{found[1]}{host}{_mask_path(found[3])}{_mask_query(found[4] or '')}{fragment}"


def _mask_path(path: str) -> str:
    return "/".join(_mask_part(segment) for segment in path.split("/"))


def _mask_query(query: str) -> str:
    if not query:
        return ""
    pairs = (pair.partition("=") for pair in query[1:].split("&"))
    return "?" + "&".join(f"{_mask_part(name)}{equals}{_mask_part(value)}" for name, equals, value in pairs)


def _mask_part(part: str) -> str:
    """Keep a part as written unless there is something to hide behind its escapes."""
    plain = _plain(part)
    masked = _scrub(plain)
    return part if masked == plain else masked


def _plain(text: str) -> str:
    for _ in range(3):
        if "%" not in text:
            break
        text = unquote(text)
    return text.replace("+", " ") if "@" not in text else text
