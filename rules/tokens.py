"""Encoded-looking tokens in a text: what they hold, if they hold text. Escapes of URLs, JSON and HTML. Never raises."""

from __future__ import annotations

import base64
import binascii
import html
import re
from functools import lru_cache
from typing import Final

from rules.decode import to_text
from rules.decode import unescape as percent_decode_thrice
from rules.lz_string import from_lz_string
from rules.unpack import inflate, text_like

MAX_LZ_CHARS: Final = 200_000
REMEMBERED_CHARS: Final = 200
"""Of longer tokens nothing is remembered: a hostile page must not make the memory grow."""
TOKEN: Final = re.compile(r"[A-Za-z0-9+/_\-]{8,}")
ASCII_HEX: Final = re.compile(r"(?:[2-7][0-9A-Fa-f]|0[9aAdD]){6,}")
QUOTED_URI: Final = re.compile(r"%[0-9A-Fa-fu]")
_BASE32: Final = re.compile(r"[A-Z2-7]{16,}={0,6}")
_READABLE_RUN: Final = re.compile(rb"[ -~]{12}")
_JSON_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\([/\"\\])")


def decode_token(token: str, lz_chars: int = MAX_LZ_CHARS) -> tuple[str, tuple[str, ...]] | None:
    """Decode one token that stands alone, if it holds readable text or compressed text; with the decoders used.

    `lz_chars`: longer tokens are not tried as LZ-string, the one slow decoder.
    """
    if len(token) <= REMEMBERED_CHARS <= lz_chars and _holds_nothing(token):
        return None
    return _decoded(token, lz_chars)


@lru_cache(maxsize=16_384)
def _holds_nothing(token: str) -> bool:
    """Ids of a site's files, accounts and visitors come with every request, and hold nothing each time."""
    return _decoded(token, REMEMBERED_CHARS) is None


def _decoded(token: str, lz_chars: int) -> tuple[str, tuple[str, ...]] | None:
    if len(token) < 12 or (token.isdigit() and len(token) < 24):
        return None  # numbers, timestamps; hex of hex is digits, too, and longer
    if ASCII_HEX.fullmatch(token):
        return bytes.fromhex(token).decode("ascii"), ("hex",)
    if token.isupper() and _BASE32.fullmatch(token):
        raw = _from_base32(token)
        return (raw.decode(), ("base32",)) if raw is not None and text_like(raw) else None
    if token.islower():
        return None
    raw = from_base64(token)
    if raw is not None:
        if text_like(raw):
            return raw.decode(), ("base64",)
        opened = inflate(raw)
        if opened is not None:
            return to_text(opened[0]), ("base64", opened[1])
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return raw.decode("utf-16", "replace"), ("base64",)
    if 24 <= len(token) <= lz_chars:
        unpacked = from_lz_string(token)
        if unpacked is not None and len(unpacked) >= 8 and text_like(unpacked.encode("utf-8", "replace")):
            return unpacked, ("lz-string",)
    if raw is not None and _READABLE_RUN.search(raw):
        return raw.decode("utf-8", "replace"), ("base64",)
    return None


def from_base64(token: str) -> bytes | None:
    """Decode base64 or base64url, padded or not; None if it is neither."""
    bare = token.rstrip("=")
    if len(bare) % 4 == 1:
        return None
    if "-" in bare or "_" in bare:
        bare = bare.replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=False) if "$" not in bare else None
    except ValueError:
        return None


def _from_base32(token: str) -> bytes | None:
    bare = token.rstrip("=")
    try:
        return base64.b32decode(bare + "=" * (-len(bare) % 8))
    except ValueError:
        return None


def percent_decode(text: str) -> str:
    """Percent-decode until nothing changes; six rounds at most, each of them work for the sender, too."""
    decoded = percent_decode_thrice(text)
    return percent_decode_thrice(decoded) if "%" in decoded and QUOTED_URI.search(decoded) else decoded


def plain(text: str) -> str:
    """Take off everything that hides characters without hiding structure: percent escapes, HTML entities,
    JSON escapes."""
    if "%" in text and QUOTED_URI.search(text):
        text = percent_decode(text)
    if "\\" in text:
        text = json_escapes(text)
    if "&#" in text or "&commat" in text or "&amp;" in text:
        text = html.unescape(text)
    return text


def json_escapes(text: str) -> str:
    return _JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else match[2], text)


def pieces_of(token: str) -> list[str]:
    """The token itself, and what stands between slashes: a path segment may be base64, and base64 has slashes."""
    return [token, *[piece for piece in token.split("/") if len(piece) >= 12]] if "/" in token else [token]
