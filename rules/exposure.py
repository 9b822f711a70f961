"""What form a value has: plain, hashed and how, encoded; and whether it stands for a person at all."""

from __future__ import annotations

import re

from rules import placeholders
from rules.decode import from_base64, unescape
from scanner.model import ExposureKind, Form

# A tuple: to hash a member of an enumeration costs more than to compare it with six others.
IDENTIFYING = (
    ExposureKind.EMAIL,
    ExposureKind.PHONE,
    ExposureKind.NAME,
    ExposureKind.ADDRESS,
    ExposureKind.DATE_OF_BIRTH,
    ExposureKind.EXTERNAL_ID,
)
"""Kinds that vendors expect hashed, so that a hash-shaped value is one."""

_HEX_HASHES = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_BASE64_SHA256 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
_EMAIL = re.compile(r"[^\s@,;<>]{1,64}@[^\s@,;<>]{1,255}")
_MISTAKES = frozenset({"undefined", "null", "nan", "none", "[object object]", "(not set)"})
_LONGEST_MISTAKE = max(map(len, _MISTAKES))
_TOO_LONG_FOR_NOBODY = 256


def form_of(kind: ExposureKind, value: str) -> tuple[Form, str | None]:
    """Return the value's form and, when hashed, the hash's name.

    >>> form_of(ExposureKind.EMAIL, "d41d8cd98f00b204e9800998ecf8427e")
    (<Form.HASHED: 'hashed'>, 'md5')
    """
    if kind not in IDENTIFYING:
        return Form.PLAIN, None
    length = len(value)
    if length in _HEX_HASHES and _HEX.fullmatch(value):
        return Form.HASHED, _HEX_HASHES[length]
    if length in (43, 44) and _BASE64_SHA256.fullmatch(value) and "@" not in value:
        return Form.HASHED, "sha256"
    if kind is ExposureKind.EMAIL and "@" not in value and 8 <= length <= 512:
        inner = from_base64(value)
        if inner is not None and b"@" in inner and _EMAIL.fullmatch(inner.decode("utf-8", "replace").strip()):
            return Form.ENCODED, None
    return Form.PLAIN, None


def stands_for_nobody(kind: ExposureKind, value: str) -> bool:
    """Say whether a value in a field of this kind is nobody's: what `rules.placeholders` knows, read by the field.

    Identifying fields take every placeholder; in readable ones "true" or "0" may be what a person chose.
    """
    if len(value) > _TOO_LONG_FOR_NOBODY:
        return False
    if kind in IDENTIFYING:
        return placeholders.is_placeholder(value) is not None
    # Readable text may well be "true" or "0"; only what no person writes is a mistake of the site's.
    bare = value.strip()
    return (len(bare) <= _LONGEST_MISTAKE and bare.lower() in _MISTAKES) or (
        value[:1] in "{$%<[_*" and placeholders.is_placeholder(value) == "an unfilled template"
    )


def tidy(value: str) -> str:
    """Undo a second percent-encoding of a single value. URLs are left alone: their escapes belong to them."""
    if "%" in value and "://" not in value and len(value) < 10_000:
        return unescape(value)
    return value
