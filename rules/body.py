"""Request bodies into fields: what the bytes are decides, whatever the content type says. Never raises."""

from __future__ import annotations

import re

from rules.decode import (
    BASE64,
    MAX_FIELDS,
    Field,
    canonical,
    display,
    flatten,
    from_base64,
    parse_json,
    parse_query,
    to_text,
)
from rules.unpack import inflate

MIN_PACKED_BYTES = 16
"""Of a part of a form: a short text in an odd alphabet is no compressed file."""
_FRAME_PREFIX = re.compile(r"\d{1,4}(?=[\[{])")
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
        opened = inflated(raw)
        if opened is not None:
            fields, shapes = parse_body(opened, None, depth + 1)
            return fields, shapes | {"gzip"}
        multipart = _parse_multipart(raw, content_type, depth)
        if multipart:
            return multipart, frozenset({"multipart"})
    if b"\x00" in raw[:512] and raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return [], frozenset({"binary"})
    return _parse_text(to_text(raw), depth)


def inflated(raw: bytes) -> bytes | None:
    """Return what is in a compressed body, None if it is none.

    Text is never compressed (but zlib starts with an `x`): asking would cost every ordinary body.
    """
    if not raw or not (raw[0] < 9 or raw[0] > 126 or raw[0] in b"\x1f(x" or not raw[:64].isascii()):
        return None
    opened = inflate(raw)
    return opened[0] if opened is not None else None


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
    if depth < 4 and len(text) >= 16 and "&" not in text and BASE64.fullmatch(text[:4096]):
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


def _parse_multipart(raw: bytes, content_type: str | None, depth: int) -> list[Field]:
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
        opened = inflated(value) if len(value) >= MIN_PACKED_BYTES else None
        if opened is None:
            fields.append((canonical(name), display(name), to_text(value), -1))
        else:  # recorders send a compressed file beside a few plain fields
            at, shown = canonical(name), display(name)
            inner = parse_body(opened, None, depth + 1)[0]
            fields.extend((_below(at, f[0]), _below(shown, f[1]), f[2], f[3]) for f in inner)
        if len(fields) > MAX_FIELDS:
            break
    return fields


def _below(parent: str, name: str) -> str:
    return parent if name in ("", "(body)") else f"{parent}.{name}"
