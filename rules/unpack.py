"""Bytes as they travel: compression taken off, text told from binary. Never raises, never grows beyond its budget."""

from __future__ import annotations

import zlib
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import zstandard

from rules.decode import to_text

# Not every machine has a wheel of it: without, such bodies stay binary, and everything else is read.
_BROTLI: Final = import_module("brotli") if find_spec("brotli") else None

MAX_INFLATED_BYTES: Final = 4 * 1024 * 1024
MAX_WRAPPERS: Final = 5
MIN_BROTLI_BYTES: Final = 16
_CONTROL: Final = bytes(range(9)) + bytes((11, 12)) + bytes(range(14, 32)) + b"\x7f"


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
    for _ in range(MAX_WRAPPERS):
        if text_like(raw[:4096]):
            break
        opened = inflate(raw)
        if opened is None:
            break
        raw = opened[0]
        steps.append(opened[1])
    return to_text(raw), tuple(steps)
