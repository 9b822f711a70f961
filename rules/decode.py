"""Bytes and text into named values. Never raises, never takes long: every loop has a budget.

One value is a `Field`, a plain tuple for speed: (path, name, value, item).
`path` is the canonical field path rules speak of; `name` is what an engineer would call it (`ud[em]`, `pd.em`,
`items[].name`); `item` numbers the line or list element it came from, -1 outside of any.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from typing import Any
from urllib.parse import unquote, unquote_plus

Field = tuple[str, str, str, int]

MAX_FIELDS = 20_000
"""Per request. Real beacons carry some hundreds."""
MAX_INFLATED_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 24
MAX_VALUE = 1024 * 1024
MAX_KEY = 120
MAX_PATH = 480
"""Longer names are cut, or a hostile key repeated for every value below it would fill the memory."""

# No second run of white space behind the padding: it would make a hostile text quadratic.
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UTF16_ESCAPE = re.compile(r"%u([0-9A-Fa-f]{4})")
_FRAME_PREFIX = re.compile(r"\d{1,4}(?=[\[{])")
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


def _display(name: str) -> str:
    return _INDEX.sub("[]", name) if "[" in name else name


# --------------------------------------------------------------------------- text


def unescape(text: str) -> str:
    """Percent-decode until nothing changes (three times at most), `%u0040` escapes included."""
    for _ in range(3):
        if "%" not in text:
            break
        decoded = _UTF16_ESCAPE.sub(lambda m: chr(int(m[1], 16)), text) if "%u" in text else text
        decoded = unquote(decoded)
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
            name = unquote_plus(name)
            if "%" in name:
                name = unquote(name)
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if "[" in name:
            append((canonical(name), _display(name), value, item))
        else:
            append((name, name, value, item))
    return fields


def parse_json(text: str) -> Any:
    """Return the JSON value of `text`, or None if it is none (a bare `null` is none, too)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def flatten(value: Any, path: str = "", name: str = "", item: int = -1) -> list[Field]:
    """Turn a JSON value into fields. The outermost list numbers the items; scalars become text as in JSON."""
    fields: list[Field] = []
    # A stack instead of recursion: depth is the sender's choice. Reversed pushes keep document order.
    stack: list[tuple[Any, str, str, int, int]] = [(value, path, name, item, 0)]
    while stack and len(fields) < MAX_FIELDS:
        node, at, shown, number, depth = stack.pop()
        if isinstance(node, dict) and depth < MAX_DEPTH:
            for key, child in reversed(node.items()):
                if len(key) > MAX_KEY:
                    key = key[:MAX_KEY] + "…"
                clean = canonical(key) if "[" in key else key
                if not at:
                    stack.append((child, clean, key, number, depth + 1))
                elif len(at) < MAX_PATH:
                    stack.append((child, f"{at}.{clean}", f"{shown}.{key}", number, depth + 1))
                else:
                    stack.append((child, at, shown, number, depth + 1))
        elif isinstance(node, list) and depth < MAX_DEPTH:
            for index in range(min(len(node), MAX_FIELDS) - 1, -1, -1):
                below = node[index]
                listed = f"{shown}[]" if isinstance(below, dict | list) and shown else shown
                stack.append((below, at, listed, index if number < 0 else number, depth + 1))
        else:
            fields.append((at, shown, _scalar(node), number))
    return fields


def _scalar(node: Any) -> str:
    if isinstance(node, str):
        return node
    if node is None:
        return ""
    if node is True:
        return "true"
    if node is False:
        return "false"
    if isinstance(node, int | float):
        try:
            return str(node)
        except ValueError:  # integers beyond Python's digit limit
            return "…"
    return json.dumps(node)[:MAX_VALUE] if isinstance(node, list) else "{…}"


def expand(field: Field) -> list[Field]:
    """Return the values inside a field that holds JSON (plain, percent-encoded again, or base64); else nothing."""
    path, name, value, item = field
    if not value.startswith(_JSON_START):
        return []
    parsed = _json_inside(value)
    return flatten(parsed, path, name, item) if isinstance(parsed, dict | list) and parsed else []


def _json_inside(text: str) -> Any:
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
    if not any(field[2].startswith(_JSON_START) for field in fields):
        return fields
    found: list[Field] = []
    for field in fields:
        inside = expand(field)
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
    if len(text) < 4 or _BASE64.fullmatch(text) is None:
        return None
    clean = re.sub(r"\s+", "", text).rstrip("=").replace("-", "+").replace("_", "/")
    if len(clean) % 4 == 1:
        return None
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def inflate(raw: bytes) -> bytes | None:
    """Decompress gzip or zlib up to `MAX_INFLATED_BYTES`; None if it is neither. A cut stream gives what is whole."""
    if raw[:2] == b"\x1f\x8b":
        window = 31
    elif raw[:1] == b"\x78" and len(raw) > 2 and (raw[0] * 256 + raw[1]) % 31 == 0:
        window = 15
    else:
        return None
    try:
        return zlib.decompressobj(window).decompress(raw, MAX_INFLATED_BYTES)
    except zlib.error:
        return None


def to_text(raw: bytes) -> str:
    """Decode UTF-8 (UTF-16 by its byte-order mark); bytes that are neither become replacement characters."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")


# --------------------------------------------------------------------------- bodies

_FORM_NAME = re.compile(r"[^\s{}<>\"'=&]{1,200}=")
_BOUNDARY = re.compile(r"boundary=\"?([^\";,\s]+)", re.IGNORECASE)
_PART_NAME = re.compile(rb"""name\*?=(?:"((?:[^"\\]|\\.)*)"|([^;\r\n]+))""", re.IGNORECASE)


def parse_body(raw: bytes, content_type: str | None = None, depth: int = 0) -> tuple[list[Field], frozenset[str]]:
    """Return the fields of a request body and the shapes seen on the way in.

    Shapes: json, ndjson, form, lines, multipart, gzip, base64, text, binary. What the bytes are decides; the
    content type only helps with multipart, because senders leave it out or lie (`text/plain` for everything).
    """
    if not raw:
        return [], frozenset()
    if depth < 4:
        inflated = inflate(raw)
        if inflated is not None:
            fields, shapes = parse_body(inflated, None, depth + 1)
            return fields, shapes | {"gzip"}
        multipart = _parse_multipart(raw, content_type)
        if multipart:
            return multipart, frozenset({"multipart"})
    if b"\x00" in raw[:512] and raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return [], frozenset({"binary"})
    return _parse_text(to_text(raw), depth)


def _parse_text(text: str, depth: int) -> tuple[list[Field], frozenset[str]]:
    text = text.strip()
    if not text:
        return [], frozenset()
    framed = _FRAME_PREFIX.match(text)
    if framed:  # socket.io and engine.io put a packet number before the JSON
        text = text[framed.end() :]
    if text[0] in '{["':
        value = parse_json(text)
        if isinstance(value, str) and depth < 4 and value:
            return _parse_text(value, depth + 1)
        if isinstance(value, dict | list):
            return flatten(value), frozenset({"json"})
        lines = _parse_json_lines(text)
        if lines:
            return lines, frozenset({"ndjson"})
        return [("", "(body)", text, -1)], frozenset({"text"})
    if depth < 4 and len(text) >= 16 and "&" not in text and _BASE64.fullmatch(text[:4096]):
        inner = from_base64(text)
        if inner is not None and (inner[:2] == b"\x1f\x8b" or inner[:1] in (b"{", b"[", b"\x78")):
            fields, shapes = parse_body(inner, None, depth + 1)
            if fields:
                return fields, shapes | {"base64"}
    if _FORM_NAME.match(text):
        return _parse_form(text)
    return [("", "(body)", text, -1)], frozenset({"text"})


def _parse_form(text: str) -> tuple[list[Field], frozenset[str]]:
    lines = [line for line in text.replace("\r", "\n").split("\n") if line]
    if len(lines) == 1:
        return parse_query(lines[0], 0), frozenset({"form"})
    fields: list[Field] = []
    for number, line in enumerate(lines):
        fields.extend(parse_query(line, number))
        if len(fields) > MAX_FIELDS:
            break
    return fields, frozenset({"form", "lines"})


def _parse_json_lines(text: str) -> list[Field]:
    fields: list[Field] = []
    for number, line in enumerate(text.splitlines()):
        line = line.strip()
        if not line:
            continue
        value = parse_json(line) if line[0] in "{[" else None
        if value is None and number == 0:
            return []
        fields.extend(flatten(value, item=number) if isinstance(value, dict | list) else ())
        if len(fields) > MAX_FIELDS:
            break
    return fields


def _parse_multipart(raw: bytes, content_type: str | None) -> list[Field]:
    named = _BOUNDARY.search(content_type or "")
    if named:
        boundary = b"--" + named[1].encode("utf-8", "replace")
    elif raw[:2] == b"--" and b"isposition:" in raw[:1024]:
        boundary = raw[: max(raw.find(b"\n"), 0)].strip()
    else:
        return []
    fields: list[Field] = []
    for part in raw.split(boundary, MAX_FIELDS)[1:]:
        head, gap, content = part.partition(b"\r\n\r\n")
        if not gap:
            head, gap, content = part.partition(b"\n\n")
        found = _PART_NAME.search(head)
        if not gap or not found:
            continue
        name = to_text(found[1] if found[1] is not None else found[2])
        value = content[:-2] if content.endswith(b"\r\n") else content.rstrip(b"\n")
        fields.append((canonical(name), _display(name), to_text(value), -1))
    return fields


# --------------------------------------------------------------------------- decoders named by rules

DECODERS = frozenset({"json", "query", "matrix", "base64", "gzip", "url", "hex", "top", "lines"})
"""Besides `list:X`, `pairs:XY`, `pairs:X2` and `after:X`."""


def apply_decoders(field: Field, steps: tuple[str, ...]) -> list[Field]:
    """Open one field by a rule's decoders, left to right. Returns the values inside; nothing if a step fails.

    `json`, `query` (a=1&b=2), `matrix` (a=1;b=2), `lines`, `pairs:XY` (X between pairs, Y between key and value),
    `pairs:X2` (X between pairs, the first 2 characters are the key) end in named values below the field's path;
    `list:X` in several values at the same path; `top` puts them at the top level instead of below the field.
    `url` (percent-decoding), `base64`, `gzip`, `hex` and `after:X` (text behind the first X) prepare the text.
    """
    if not steps:
        return []
    path, name, text, item = field
    raw: bytes | None = None
    below = ("", "") if "top" in steps else (path, name)
    for position, step in enumerate(steps):
        if step == "base64":
            raw = from_base64(text)
            if raw is None:
                return []
            text = to_text(raw)
        elif step == "gzip":
            raw = inflate(raw if raw is not None else text.encode("latin-1", "replace"))
            if raw is None:
                return []
            text = to_text(raw)
        elif step == "hex":
            try:
                raw = bytes.fromhex(text)
            except ValueError:
                return []
            text = to_text(raw)
        elif step == "url":
            text = unescape(text)
        elif step.startswith("after:"):
            text = text.partition(step[6:])[2]
        elif step.startswith("list:"):
            parts = [(path, name, part, item) for part in text.split(step[5:], MAX_FIELDS) if part]
            return [inner for part in parts for inner in apply_decoders(part, steps[position + 1 :]) or [part]]
        elif step != "top":
            return _named_values(text, step, below, item)
    if raw is not None and "top" in steps:
        return parse_body(raw)[0]
    return [(path, name, text, item)] if text != field[2] else []


def _named_values(text: str, step: str, below: tuple[str, str], item: int) -> list[Field]:
    path, name = below
    if step == "json":
        value = _json_inside(text.strip()) if text.strip() else None
        return flatten(value, path, name, item) if isinstance(value, dict | list) else []
    if step == "query":
        inner = parse_query(text.partition("?")[2] if "?" in text.partition("=")[0] else text, item)
    elif step == "matrix":
        inner = parse_query(text, item, ";")
    elif step == "lines":
        inner = [f for n, line in enumerate(text.splitlines()) if line for f in parse_query(line, n)]
    else:
        inner = _pairs(text, step[6:], item)
    if not path:
        return inner
    return [(f"{path}.{at}", f"{name}.{shown}", value, item_) for at, shown, value, item_ in inner]


def _pairs(text: str, how: str, item: int) -> list[Field]:
    between, key_end = how[0], how[1:]
    fields: list[Field] = []
    for pair in text.split(between, MAX_FIELDS):
        if key_end.isdigit():
            key, value = pair[: int(key_end)], pair[int(key_end) :]
        else:
            key, _, value = pair.partition(key_end)
        if key:
            fields.append((key, key, value, item))
    return fields
