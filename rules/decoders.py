"""The decoders that rules name in `decode:`, for what the engine cannot guess. Never raise."""

from __future__ import annotations

from rules.body import parse_body
from rules.decode import (
    MAX_FIELDS,
    Field,
    flatten,
    from_base64,
    json_inside,
    parse_query,
    to_text,
    unescape,
)
from rules.lz_string import from_lz_string
from rules.unpack import inflate

DECODERS = frozenset({"json", "query", "matrix", "base64", "gzip", "url", "hex", "top", "lines", "reverse", "lz"})
"""Besides `list:X`, `pairs:XY`, `pairs:X2` and `after:X`."""


def apply_decoders(field: Field, steps: tuple[str, ...]) -> list[Field]:
    """Open one field by a rule's decoders, left to right. Returns the values inside; nothing if a step fails.

    `json`, `query` (a=1&b=2), `matrix` (a=1;b=2), `lines`, `pairs:XY` (X between pairs, Y between key and value),
    `pairs:X2` (X between pairs, the first 2 characters are the key) end in named values below the field's path;
    `list:X` in several values at the same path; `top` puts them at the top level instead of below the field.
    `url` (percent-decoding), `base64`, `gzip`, `hex`, `reverse` (last character first), `lz` (LZ-string) and
    `after:X` (text behind the first X) prepare the text.
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
            opened = inflate(raw if raw is not None else text.encode("latin-1", "replace"))
            if opened is None:
                return []
            raw = opened[0]
            text = to_text(raw)
        elif step == "hex":
            try:
                raw = bytes.fromhex(text)
            except ValueError:
                return []
            text = to_text(raw)
        elif step == "url":
            text = unescape(text)
        elif step == "lz":
            text = from_lz_string(text) or ""
            if not text:
                return []
        elif step == "reverse":
            text = text[::-1]
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
        value = json_inside(text.strip()) if text.strip() else None
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
