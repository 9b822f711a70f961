"""Text and JSON into named values. Never raises, never takes long: every loop has a budget.

One value is a `Field`, a plain tuple for speed: (path, name, value, item).
`path` is the canonical field path rules speak of; `name` is what an engineer would call it (`ud[em]`, `pd.em`,
`items[].name`); `item` numbers the line or list element it came from, -1 outside of any.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

Field = tuple[str, str, str, int]

MAX_FIELDS = 20_000
"""Per request. Real beacons carry some hundreds."""
MAX_DEPTH = 24
MAX_VALUE = 1024 * 1024
MAX_STRAY = 10_000
REMEMBERED_CHARS = 400
"""Of longer texts nothing is remembered: a hostile page must not make the memory grow."""
MAX_KEY = 120
MAX_PATH = 480
"""Longer names are cut, or a hostile key repeated for every value below it would fill the memory."""

# No second run of white space behind the padding: it would make a hostile text quadratic.
BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UTF16_ESCAPE = re.compile(r"%u([0-9A-Fa-f]{4})")
_INDEX = re.compile(r"\[\d*\]")
_JSON_START = ("{", "[", "%7B", "%5B", "%7b", "%5b", "eyJ", "W3si")


# --------------------------------------------------------------------------- names


def canonical(name: str) -> str:
    """Return the field path for a parameter name: `a[b][0][c]` is `a.b.c`.

    >>> canonical("ed[line_items][0][product_name]")
    'ed.line_items.product_name'
    """
    if "[" not in name:
        return name
    return _INDEX.sub("", name).replace("[", ".").replace("]", "")


def display(name: str) -> str:
    return _INDEX.sub("[]", name) if "[" in name else name


# --------------------------------------------------------------------------- text


def unescape(text: str) -> str:
    """Percent-decode until nothing changes (three times at most), `%u0040` escapes included."""
    for _ in range(3):
        if "%" not in text:
            break
        decoded = _UTF16_ESCAPE.sub(lambda m: chr(int(m[1], 16)), text) if "%u" in text else text
        decoded = _percent_decoded(decoded) if len(decoded) < MAX_STRAY or _ESCAPE.search(decoded) else decoded
        if decoded == text:
            break
        text = decoded
    return text


def parse_query(text: str, item: int = -1, separator: str = "&") -> list[Field]:
    """Split `a=1&b[c]=2`. Names and values are decoded once, names twice where they still look encoded."""
    fields: list[Field] = []
    append = fields.append
    for pair in text.split(separator, MAX_FIELDS):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in name or "+" in name:
            name = _unquoted(name)
            if "%" in name:
                name = _percent_decoded(name) if len(name) < MAX_STRAY or _ESCAPE.search(name) else name
        if "%" in value or "+" in value:
            value = _unquoted(value)
        if "[" in name:
            append((canonical(name), display(name), value, item))
        else:
            append((name, name, value, item))
    return fields


def _unquoted(text: str) -> str:
    """Percent-decode once, `+` as a blank. A long text of stray percent signs would cost much and change nothing."""
    text = text.replace("+", " ")
    return _percent_decoded(text) if "%" in text and (len(text) < MAX_STRAY or _ESCAPE.search(text)) else text


def _percent_decoded(text: str) -> str:
    # The page's address, its title and the like come along in many a request.
    return _short_decoded(text) if len(text) <= REMEMBERED_CHARS else _any_decoded(text)


def _any_decoded(text: str) -> str:
    """`unquote` without its search for letters outside ASCII where there are none."""
    return unquote_to_bytes(text).decode("utf-8", "replace") if text.isascii() else unquote(text)


_short_decoded = lru_cache(maxsize=4_096)(_any_decoded)


def parse_json(text: str) -> Any:
    """Return the JSON value of `text`, or None if it is none (a bare `null` is none, too)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def flatten(value: Any, path: str = "", name: str = "", item: int = -1) -> list[Field]:
    """Turn a JSON value into fields. The outermost list numbers the items; scalars become text as in JSON."""
    fields: list[Field] = []
    _walk(value, path, name, item, 0, fields)
    return fields


def _walk(node: Any, at: str, shown: str, number: int, depth: int, fields: list[Field]) -> None:
    """Add the fields of one value; scalars, the most common ones, are added without another call."""
    if len(fields) >= MAX_FIELDS:
        return
    if isinstance(node, dict) and depth < MAX_DEPTH:
        for key, child in node.items():
            if len(key) > MAX_KEY:
                key = key[:MAX_KEY] + "…"
            below, name = at, shown
            if not at:
                below, name = canonical(key) if "[" in key else key, key
            elif len(at) < MAX_PATH:
                below, name = f"{at}.{canonical(key) if '[' in key else key}", f"{shown}.{key}"
            kind = type(child)
            if kind is str:
                fields.append((below, name, child, number))
            elif kind is dict or kind is list:
                _walk(child, below, name, number, depth + 1, fields)
            else:
                fields.append((below, name, _scalar(child), number))
            if len(fields) >= MAX_FIELDS:
                return
    elif isinstance(node, list) and depth < MAX_DEPTH:
        listed = f"{shown}[]" if shown else shown
        for index, child in enumerate(node):
            place = index if number < 0 else number
            kind = type(child)
            if kind is str:
                fields.append((at, shown, child, place))
            elif kind is dict or kind is list:
                _walk(child, at, listed, place, depth + 1, fields)
            else:
                fields.append((at, shown, _scalar(child), place))
            if len(fields) >= MAX_FIELDS:
                return
    else:
        fields.append((at, shown, _scalar(node), number))


_CONSTANTS = {None: "", True: "true", False: "false"}


def _scalar(node: Any) -> str:
    kind = type(node)
    if kind is int or kind is float:
        try:
            return str(node)
        except ValueError:  # integers beyond Python's digit limit
            return "…"
    if kind is dict:
        return "{…}"
    if kind is list:
        return json.dumps(node)[:MAX_VALUE]
    return _CONSTANTS[node] if kind is bool or node is None else str(node)


def expand(field: Field) -> list[Field]:
    """Return the values inside a field that holds JSON (plain, percent-encoded again, or base64); else nothing."""
    path, name, value, item = field
    if not value.startswith(_JSON_START):
        return []
    parsed = json_inside(value)
    return flatten(parsed, path, name, item) if isinstance(parsed, dict | list) and parsed else []


def json_inside(text: str) -> Any:
    if text[0] == "%":
        text = unescape(text)
    if text.startswith(("eyJ", "W3si")):
        if text.count(".") == 2:  # a JSON web token: header.payload.signature
            text = text.split(".")[1]
        raw = from_base64(text)
        if raw is None:
            return None
        text = raw.decode("utf-8", "replace")
    if text[:1] not in "{[":
        return None
    return parse_json(text)


def expand_all(fields: list[Field], depth: int = 0) -> list[Field]:
    """Replace every field that holds JSON by the fields inside it; others stay as they are."""
    for field in fields:
        if field[2].startswith(_JSON_START):
            break
    else:
        return fields
    found: list[Field] = []
    for field in fields:
        inside = expand(field) if field[2].startswith(_JSON_START) else None
        if not inside:
            found.append(field)
        else:
            found.extend(expand_all(inside, depth + 1) if depth < 3 else inside)
        if len(found) > MAX_FIELDS:
            break
    return found


# --------------------------------------------------------------------------- bytes


def from_base64(text: str) -> bytes | None:
    """Decode base64 or base64url with or without padding; None if it is neither."""
    text = text.strip()
    if "%" in text:
        text = unquote(text)
    if len(text) < 4 or BASE64.fullmatch(text) is None:
        return None
    clean = re.sub(r"\s+", "", text).rstrip("=").replace("-", "+").replace("_", "/")
    if len(clean) % 4 == 1:
        return None
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def to_text(raw: bytes) -> str:
    """Decode UTF-8 (UTF-16 by its byte-order mark); bytes that are neither become replacement characters."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")
