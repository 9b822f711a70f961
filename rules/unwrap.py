"""The decoding loop before a search: what is inside what, and how it got there.

Two ways through the same decoders. `peel` is for speed: it flattens a text to a few layers in which a search
for values cannot miss, and knows no names. `unwrap` is for evidence: it opens a value step by step and reports
the chain, `query.ed → url-decode → json → em`. Both have budgets and never raise.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import zstandard

from rules.decode import flatten, parse_json, to_text
from rules.decode import unescape as percent_decode_thrice
from rules.lz_string import from_lz_string

# Not every machine has a wheel of it: without, such bodies stay binary, and everything else is read.
_BROTLI: Final = import_module("brotli") if find_spec("brotli") else None

MAX_LEVELS: Final = 5
"""Encodings inside each other that the fast way takes off."""
MAX_DEPTH: Final = 10
"""Steps of the thorough way: structure (JSON, pairs, lines) counts, too."""
MAX_CHARS: Final = 4 * 1024 * 1024
"""Of all layers together."""
MAX_LAYERS: Final = 20_000
MAX_TOKENS: Final = 3_000
"""Encoded-looking tokens decoded per layer."""
MAX_LZ_CHARS: Final = 200_000
MAX_INFLATED_BYTES: Final = 4 * 1024 * 1024
MIN_BROTLI_BYTES: Final = 16

TOKEN: Final = re.compile(r"[A-Za-z0-9+/_\-]{8,}")
_CANDIDATE: Final = re.compile(r"[A-Za-z0-9+/_\-$]{12,}+={0,2}+")
_ASCII_HEX: Final = re.compile(r"(?:[2-7][0-9A-Fa-f]|0[9aAdD]){6,}")
_BASE32: Final = re.compile(r"[A-Z2-7]{16,}={0,6}")
_READABLE_RUN: Final = re.compile(rb"[ -~]{12}")
_JSON_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\([/\"\\])")
_CONTROL: Final = bytes(range(9)) + bytes((11, 12)) + bytes(range(14, 32)) + b"\x7f"
_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}:/{0,2}[^\s]{1,}")
_PAIRS: Final = re.compile(r"[\w.%~+\-\[\]$:]{1,120}=")
_ESCAPED_SLASH: Final = re.compile(r"%(?:25){0,6}+2[fF]")
_QUOTED_URI: Final = re.compile(r"%[0-9A-Fa-fu]")


@dataclass(frozen=True, slots=True)
class Layer:
    """One text found inside another."""

    text: str
    chain: tuple[str, ...]
    """How it was reached, names and decoders in order: `("query.ed", "url-decode", "json", "em")`."""
    name: str
    """The innermost field's name (`em`); empty if none was named."""

    @property
    def path(self) -> str:
        return " → ".join(self.chain)

    @property
    def field(self) -> str:
        """Names without the decoders, as an engineer would write them: `ed.em`."""
        names = [_PLACE.sub("", part) for part in self.chain if part not in DECODERS and part not in _PARTS]
        return ".".join(name for name in names if name) or (self.chain[0] if self.chain else "")


_PLACE: Final = re.compile(r"^(?:query|cookie|fragment|path)\.")
_PARTS: Final = frozenset(("body", "referer", "origin"))
DECODERS: Final = frozenset(
    {
        "url-decode", "html-entities", "json", "json-escapes", "base64", "base32", "hex", "gzip", "zlib", "deflate",
        "zstd", "brotli", "jwt", "lz-string", "text",
    }
)  # fmt: skip


# --------------------------------------------------------------------------- bytes


def inflate(raw: bytes) -> tuple[bytes, str] | None:
    """Decompress by magic bytes (gzip, zlib, zstd), or raw deflate or brotli if that gives readable text; with the
    name."""
    if raw[:2] == b"\x1f\x8b":
        window, name = 31, "gzip"
    elif raw[:4] == b"\x28\xb5\x2f\xfd":
        return _zstd(raw)
    elif raw[:1] == b"\x78" and len(raw) > 2 and (raw[0] * 256 + raw[1]) % 31 == 0:
        window, name = 15, "zlib"
    else:
        window, name = -15, "deflate"
    inflater = zlib.decompressobj(window)
    try:
        # Raw deflate has no magic bytes: a first taste says whether it was any, before a bomb goes off.
        taste = inflater.decompress(raw, 1024)
        if name == "deflate" and not (len(taste) >= 8 and text_like(taste[:1000])):
            return _brotli(raw)
        return taste + inflater.decompress(inflater.unconsumed_tail, MAX_INFLATED_BYTES), name
    except zlib.error:
        return _brotli(raw) if name == "deflate" else None


def _brotli(raw: bytes) -> tuple[bytes, str] | None:
    """Brotli has no magic bytes: only what ends where the bytes end and is readable as a whole was any."""
    if _BROTLI is None or len(raw) < MIN_BROTLI_BYTES:
        return None
    reader = _BROTLI.Decompressor()
    try:
        text = reader.process(raw, output_buffer_limit=MAX_INFLATED_BYTES)
    except _BROTLI.error:
        return None
    whole = reader.is_finished() or len(text) >= MAX_INFLATED_BYTES
    readable = len(text) > len(raw) // 2 and text_like(text[:1000])
    return (text[:MAX_INFLATED_BYTES], "brotli") if whole and readable else None


def _zstd(raw: bytes) -> tuple[bytes, str] | None:
    try:
        with zstandard.ZstdDecompressor().stream_reader(raw) as reader:
            return reader.read(MAX_INFLATED_BYTES), "zstd"
    except (zstandard.ZstdError, MemoryError):
        return None


def text_like(raw: bytes) -> bool:
    """Say whether bytes are readable UTF-8 without control characters."""
    if raw.translate(None, _CONTROL) != raw:
        return False
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        # The beginning of a longer text may end within a character.
        return len(raw) >= 256 and error.start >= len(raw) - 3 and error.end == len(raw)
    return True


def body_text(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """A request body as text, decompressed where it is compressed, and the decoders that took. Binary bodies keep
    their readable parts."""
    steps: list[str] = []
    for _ in range(MAX_LEVELS):
        if text_like(raw[:4096]):
            break
        opened = inflate(raw)
        if opened is None:
            break
        raw = opened[0]
        steps.append(opened[1])
    return to_text(raw), tuple(steps)


# --------------------------------------------------------------------------- tokens


def decode_token(token: str, lz_chars: int = MAX_LZ_CHARS) -> tuple[str, tuple[str, ...]] | None:
    """Decode one token that stands alone, if it holds readable text or compressed text; with the decoders used.

    `lz_chars`: longer tokens are not tried as LZ-string, the one slow decoder.
    """
    if len(token) < 12 or (token.isdigit() and len(token) < 24):
        return None  # numbers, timestamps; hex of hex is digits, too, and longer
    if _ASCII_HEX.fullmatch(token):
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
    return percent_decode_thrice(decoded) if "%" in decoded and _QUOTED_URI.search(decoded) else decoded


def plain(text: str) -> str:
    """Take off everything that hides characters without hiding structure: percent escapes, HTML entities,
    JSON escapes."""
    if "%" in text and _QUOTED_URI.search(text):
        text = percent_decode(text)
    if "\\" in text:
        text = _json_escapes(text)
    if "&#" in text or "&commat" in text or "&amp;" in text:
        text = html.unescape(text)
    return text


def _json_escapes(text: str) -> str:
    return _JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else match[2], text)


# --------------------------------------------------------------------------- fast way


def peel(text: str) -> Iterator[tuple[str, list[str]]]:
    """Flatten `text` into layers: itself without escapes, then what its encoded tokens hold, and so on.

    Yields each layer with its tokens (runs of eight and more base64 characters). A value that is nested in at
    most four encodings stands in one of the layers, between the same neighbours.
    """
    layer = plain(text[:MAX_CHARS])
    seen: set[str] = set()
    left, lz_left = MAX_CHARS, MAX_LZ_CHARS
    for _ in range(MAX_LEVELS):
        tokens = TOKEN.findall(layer)
        yield layer, tokens
        found: list[str] = []
        for token in tokens[:MAX_TOKENS]:
            if len(token) < 12 or token in seen:
                continue
            seen.add(token)
            for piece in pieces_of(token):
                # Most tokens are words, numbers and ids in lower case: told apart before any decoder runs.
                if piece.islower() and not _ASCII_HEX.fullmatch(piece):
                    continue
                opened = decode_token(piece, lz_left)
                lz_left -= len(piece)
                if opened is not None:
                    found.append(opened[0][:left])
                    left -= len(opened[0])
                    break
            if left <= 0:
                return
        if not found:
            return
        layer = plain("\n".join(found))


def pieces_of(token: str) -> Iterator[str]:
    """The token itself, and what stands between slashes: a path segment may be base64, and base64 has slashes."""
    yield token
    if "/" in token:
        yield from (piece for piece in token.split("/") if len(piece) >= 12)


# --------------------------------------------------------------------------- thorough way


def unwrap(text: str, origin: tuple[str, ...] = (), name: str = "", *, max_chars: int = MAX_CHARS) -> Iterator[Layer]:
    """Yield `text` and everything inside it, outermost first, with the chain that leads there.

    `origin` begins every chain (`("query.ed",)`); `name` is the field's name. At most ten steps deep.
    """
    waiting: deque[tuple[str, tuple[str, ...], str, int]] = deque([(text[:max_chars], origin, name, 0)])
    seen: set[tuple[str, str]] = set()
    left, yielded = max_chars, 0
    while waiting and left > 0 and yielded < MAX_LAYERS:
        current, chain, called, level = waiting.popleft()
        if not current or (current, called) in seen:
            continue
        seen.add((current, called))
        left -= len(current)
        yielded += 1
        yield Layer(current, chain, called)
        if level < MAX_DEPTH:
            for inner, steps, inner_name in _open(current, called):
                # Taking off escapes is no level of its own: structure and encodings are what nests.
                deeper = level if steps == ("url-decode",) else level + 1
                waiting.append((inner, chain + steps, inner_name, deeper))


def _open(text: str, name: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    stripped = text.strip()
    if stripped[:1] in '{["' and len(stripped) > 1:
        inside = parse_json(stripped)
        if isinstance(inside, (dict, list)):
            for path, shown, value, _ in flatten(inside):
                yield value, ("json", shown) if shown else ("json",), path.rpartition(".")[2] or name
            return
        if isinstance(inside, str):
            yield inside, ("json",), name
            return
    if "%" in text and _QUOTED_URI.search(text) and "=" not in text and "&" not in text:
        decoded = percent_decode(text)
        if decoded != text:
            yield decoded, ("url-decode",), name
            return
    if "&#" in text or "&commat" in text or "&amp;" in text:
        decoded = html.unescape(text)
        if decoded != text:
            yield decoded, ("html-entities",), name
            return
    if "\n" in stripped and len(stripped) < MAX_CHARS:
        for number, line in enumerate(stripped.split("\n", MAX_TOKENS)[:MAX_TOKENS], 1):
            yield line.strip(), (f"line {number}",), name
        return
    if _URL.match(stripped) and ("?" in stripped or "#" in stripped):
        yield from url_parts(stripped)
        return
    if "=" in stripped and _PAIRS.match(stripped):
        separator = "&" if "&" in stripped or ";" not in stripped else ";"
        if separator in stripped or not stripped.endswith("="):
            yield from pairs(stripped, separator, "")
    elif "~" in stripped and "." in stripped:
        for part in stripped.split("~", MAX_TOKENS)[:MAX_TOKENS]:
            key, dot, value = part.partition(".")
            if dot and 0 < len(key) < 12:
                yield value, (key,), key
    if "\\u" in text or "\\/" in text:
        yield _json_escapes(text), ("json-escapes",), name
    yield from _encoded(stripped, name)


def _encoded(text: str, name: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    if text.count(".") == 2 and text.startswith("eyJ"):
        opened = decode_token(text.split(".")[1])
        if opened is not None:
            yield opened[0], ("jwt",), name
            return
    for number, token in enumerate(_CANDIDATE.findall(text)):
        if number >= 200:
            return
        for piece in pieces_of(token):
            opened = decode_token(piece)
            if opened is not None:
                yield opened[0], opened[1], name
                break


def url_parts(url: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Split a URL into (text, (where,), name): path with its matrix parameters, query, fragment."""
    rest, _, fragment = url.partition("#")
    path, _, query = rest.partition("?")
    yield from _path_parts(path)
    if query:
        yield from pairs(query, "&", "query.")
    if fragment:
        if "=" in fragment:
            yield from pairs(fragment, "&", "fragment.")
        else:
            yield fragment, ("fragment",), ""


def _path_parts(path: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    _, marker, behind = path.partition("://")
    place = behind if marker else path
    place, _, matrix = place.partition(";")
    yield place, ("path",), ""
    for segment in hidden_slashes(place):
        yield segment, ("path",), ""
    if matrix:
        yield from pairs(matrix, ";", "path.")


def hidden_slashes(path: str) -> list[str]:
    """Segments of a path in which an escaped slash stands: unescaped, it could not be told from the others."""
    return [segment for segment in path.split("/") if _ESCAPED_SLASH.search(segment)] if "%2" in path else []


def pairs(text: str, separator: str, prefix: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Split `a=1&b=2` into (value, (prefix + name,), name), values still encoded."""
    for pair in text.split(separator, MAX_TOKENS)[:MAX_TOKENS]:
        key, _, value = pair.partition("=")
        key = percent_decode(key.strip()) if "%" in key else key.strip()
        key = key[:120]
        if value:
            yield value, (prefix + key,), key
        elif key:
            yield key, (f"{prefix}{key}" if len(key) < 40 else (prefix.rstrip(".") or "text"),), ""
