"""Hashes that senders of identifiers use: what hashlib has, and the two it may lack."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Final

_HASHLIB: Final = (
    "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512",
)  # fmt: skip
COMMON: Final = ("md5", "sha1", "sha256", "sha512")
"""Hashes that are seen piled on each other."""


def digest(name: str, raw: bytes) -> bytes:
    """Digest of `raw` by one of the names that `all_digests` yields."""
    if name == "ripemd160":
        return ripemd160(raw)
    if name == "blake2b":
        return hashlib.blake2b(raw).digest()
    if name == "blake2b-256":
        return hashlib.blake2b(raw, digest_size=32).digest()
    if name == "blake2s":
        return hashlib.blake2s(raw).digest()
    if name == "murmur3-128":
        return murmur3_128(raw)
    return hashlib.new(name.replace("-", "_"), raw, usedforsecurity=False).digest()


def all_digests(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (name, digest) for every hash long enough to prove what was hashed (16 bytes and more)."""
    for name in _HASHLIB:
        yield name.replace("_", "-"), hashlib.new(name, raw, usedforsecurity=False).digest()
    for name in ("ripemd160", "blake2b", "blake2b-256", "blake2s", "murmur3-128"):
        yield name, digest(name, raw)


def weak_digests(raw: bytes) -> Iterator[tuple[str, int]]:
    """Yield (name, number) for 32-bit checksums: chance hits, unless the field says what it holds."""
    yield "crc32", zlib.crc32(raw)
    yield "murmur3-32", murmur3_32(raw)


@cache
def _ripemd_by_hashlib() -> bool:
    try:
        hashlib.new("ripemd160", b"", usedforsecurity=False)
    except ValueError:
        return False
    return True


def ripemd160(raw: bytes) -> bytes:
    """RIPEMD-160, by hashlib where OpenSSL still offers it."""
    return hashlib.new("ripemd160", raw, usedforsecurity=False).digest() if _ripemd_by_hashlib() else _ripemd160(raw)


# --------------------------------------------------------------------------- RIPEMD-160

_LEFT_WORDS: Final = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8,
    3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12, 1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2,
    4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13,
)  # fmt: skip
_RIGHT_WORDS: Final = (
    5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12, 6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2,
    15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13, 8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14,
    12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11,
)  # fmt: skip
_LEFT_TURNS: Final = (
    11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8, 7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12,
    11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5, 11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12,
    9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6,
)  # fmt: skip
_RIGHT_TURNS: Final = (
    8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6, 9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11,
    9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5, 15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8,
    8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11,
)  # fmt: skip
_LEFT_ADDED: Final = (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_RIGHT_ADDED: Final = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0)
_MASK: Final = 0xFFFFFFFF


def _turn(number: int, by: int) -> int:
    number &= _MASK
    return ((number << by) | (number >> (32 - by))) & _MASK


def _mix(kind: int, x: int, y: int, z: int) -> int:
    if kind == 0:
        return x ^ y ^ z
    if kind == 1:
        return (x & y) | (~x & z)
    if kind == 2:
        return (x | ~y) ^ z
    if kind == 3:
        return (x & z) | (y & ~z)
    return x ^ (y | ~z)


def _line(
    state: tuple[int, ...], block: tuple[int, ...], words: tuple[int, ...], turns: tuple[int, ...], left: bool
) -> tuple[int, ...]:
    a, b, c, d, e = state
    added = _LEFT_ADDED if left else _RIGHT_ADDED
    for step in range(80):
        part = step // 16
        kind = part if left else 4 - part
        a = (_turn(a + _mix(kind, b, c, d) + block[words[step]] + added[part], turns[step]) + e) & _MASK
        a, b, c, d, e = e, a, b, _turn(c, 10), d
    return a, b, c, d, e


def _ripemd160(raw: bytes) -> bytes:
    state: tuple[int, ...] = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
    padded = raw + b"\x80" + b"\0" * (-(len(raw) + 9) % 64) + struct.pack("<Q", len(raw) * 8)
    for start in range(0, len(padded), 64):
        block = struct.unpack("<16I", padded[start : start + 64])
        left = _line(state, block, _LEFT_WORDS, _LEFT_TURNS, True)
        right = _line(state, block, _RIGHT_WORDS, _RIGHT_TURNS, False)
        state = tuple(
            (state[(place + 1) % 5] + left[(place + 2) % 5] + right[(place + 3) % 5]) & _MASK for place in range(5)
        )
    return struct.pack("<5I", *state)


# --------------------------------------------------------------------------- MurmurHash3


def murmur3_32(raw: bytes, seed: int = 0) -> int:
    """MurmurHash3 x86, 32 bits, unsigned."""
    value = seed
    whole = len(raw) // 4 * 4
    for (word,) in struct.iter_unpack("<I", raw[:whole]):
        value ^= _turn(word * 0xCC9E2D51, 15) * 0x1B873593 & _MASK
        value = (_turn(value, 13) * 5 + 0xE6546B64) & _MASK
    tail = int.from_bytes(raw[whole:], "little")
    value ^= _turn(tail * 0xCC9E2D51, 15) * 0x1B873593 & _MASK
    value ^= len(raw)
    value = (value ^ (value >> 16)) * 0x85EBCA6B & _MASK
    value = (value ^ (value >> 13)) * 0xC2B2AE35 & _MASK
    return value ^ (value >> 16)


_MASK64: Final = 0xFFFFFFFFFFFFFFFF
_C1: Final = 0x87C37B91114253D5
_C2: Final = 0x4CF5AD432745937F


def _turn64(number: int, by: int) -> int:
    number &= _MASK64
    return ((number << by) | (number >> (64 - by))) & _MASK64


def _finish64(value: int) -> int:
    value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCD & _MASK64
    value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53 & _MASK64
    return value ^ (value >> 33)


def murmur3_128(raw: bytes, seed: int = 0) -> bytes:
    """MurmurHash3 x64, 128 bits, as browser fingerprint libraries print it (two big-endian halves)."""
    first = second = seed
    whole = len(raw) // 16 * 16
    for low, high in struct.iter_unpack("<QQ", raw[:whole]):
        first ^= _turn64(low * _C1, 31) * _C2 & _MASK64
        first = ((_turn64(first, 27) + second) * 5 + 0x52DCE729) & _MASK64
        second ^= _turn64(high * _C2, 33) * _C1 & _MASK64
        second = ((_turn64(second, 31) + first) * 5 + 0x38495AB5) & _MASK64
    tail = raw[whole:]
    second ^= _turn64(int.from_bytes(tail[8:], "little") * _C2, 33) * _C1 & _MASK64
    first ^= _turn64(int.from_bytes(tail[:8], "little") * _C1, 31) * _C2 & _MASK64
    first ^= len(raw)
    second ^= len(raw)
    first = (first + second) & _MASK64
    second = (second + first) & _MASK64
    first, second = _finish64(first), _finish64(second)
    first = (first + second) & _MASK64
    second = (second + first) & _MASK64
    return first.to_bytes(8, "big") + second.to_bytes(8, "big")
