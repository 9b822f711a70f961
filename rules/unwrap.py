"""The decoding loop before a search: what is inside what, and how it got there.

Two ways through the same decoders. `peel` is for speed: it flattens a text to a few layers in which a search
for values cannot miss, and knows no names. `unwrap` is for evidence: it opens a value step by step and reports
the chain, `query.ed → url-decode → json → em`. Both have budgets and never raise.
"""

from __future__ import annotations

import html
import re
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from rules.decode import flatten, parse_json
from rules.tokens import (
    ASCII_HEX,
    MAX_LZ_CHARS,
    QUOTED_URI,
    TOKEN,
    decode_token,
    json_escapes,
    percent_decode,
    pieces_of,
    plain,
)

MAX_LEVELS: Final = 5
"""Encodings inside each other that the fast way takes off."""
MAX_DEPTH: Final = 10
"""Steps of the thorough way: structure (JSON, pairs, lines) counts, too."""
MAX_CHARS: Final = 4 * 1024 * 1024
"""Of all layers together."""
MAX_LAYERS: Final = 20_000
MAX_TOKENS: Final = 3_000
"""Encoded-looking tokens decoded per layer."""

_CANDIDATE: Final = re.compile(r"[A-Za-z0-9+/_\-$]{12,}+={0,2}+")
_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}:/{0,2}[^\s]{1,}")
_PAIRS: Final = re.compile(r"[\w.%~+\-\[\]$:]{1,120}=")
_CLOSED: Final = re.compile(r"[^{\[\"%&\n=~\\?#]{1,11}+")
"""A text too short and too plain for anything to be inside."""
_ESCAPED_SLASH: Final = re.compile(r"%(?:25){0,6}+2[fF]")


class Layer(NamedTuple):
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
            for piece in _worth_decoding(token):
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


def _worth_decoding(token: str) -> list[str]:
    """The pieces of a token without words and ids in lower case: most are, told apart before any decoder runs."""
    pieces = pieces_of(token) if "/" in token else (token,)
    return [piece for piece in pieces if not piece.islower() or ASCII_HEX.fullmatch(piece)]


# --------------------------------------------------------------------------- thorough way


def unwrap(text: str, origin: tuple[str, ...] = (), name: str = "", *, max_chars: int = MAX_CHARS) -> Iterator[Layer]:
    """Yield `text` and everything inside it, outermost first, with the chain that leads there.

    `origin` begins every chain (`("query.ed",)`); `name` is the field's name. At most ten steps deep.
    """
    if _CLOSED.fullmatch(text):
        yield Layer(text, origin, name)
        return
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
        if level < MAX_DEPTH and not _CLOSED.fullmatch(current):
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
    if "%" in text and QUOTED_URI.search(text) and "=" not in text and "&" not in text:
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
        yield json_escapes(text), ("json-escapes",), name
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
