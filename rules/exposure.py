"""What form a value has: plain, hashed and how, encoded; and whether it stands for a person at all."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from functools import cache

from rules.decode import from_base64, unescape
from scanner.model import ExposureKind, Form

IDENTIFYING = frozenset(
    {
        ExposureKind.EMAIL,
        ExposureKind.PHONE,
        ExposureKind.NAME,
        ExposureKind.ADDRESS,
        ExposureKind.DATE_OF_BIRTH,
        ExposureKind.EXTERNAL_ID,
    }
)
"""Kinds that vendors expect hashed, so that a hash-shaped value is one."""

_HEX_HASHES = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_BASE64_SHA256 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
_EMAIL = re.compile(r"[^\s@,;<>]{1,64}@[^\s@,;<>]{1,255}")
_TEMPLATE = re.compile(
    r"\{\{[^{}]{0,80}\}\}|\$\{[^{}]{0,80}\}|%%[^%]{1,80}%%|<%[^%]{0,80}%>|\[\[[^\[\]]{0,80}\]\]|\{[A-Za-z_.]{1,40}\}"
    r"|\[(?i:email|phone|name|value|insert[^\]]{0,40})\]|__[A-Z_]{2,40}__|<[A-Za-z_ ]{2,40}>"
)
_NOTHING_WORDS = frozenset(
    {"undefined", "null", "none", "nan", "false", "true", "[object object]", "n/a", "unknown", "(not set)", "not set"}
)
_DOCUMENTATION = (
    "test@test.com",
    "test@example.com",
    "user@example.com",
    "email@example.com",
    "example@example.com",
    "name@example.com",
    "you@example.com",
    "yourname@example.com",
    "foo@bar.com",
    "foo@example.com",
    "abc@example.com",
    "email@email.com",
    "test@gmail.com",
    "example@gmail.com",
    "example@email.com",
    "email@domain.com",
    "user@domain.com",
    "john@example.com",
    "john.doe@example.com",
    "johndoe@example.com",
    "john_smith@gmail.com",
    "joe@example.com",
    "customer@example.com",
    "hashed_email",
    "hashed_email_address",
    "email_address",
    "email",
    "user_email",
    "12345678900",
    "+12345678900",
    "1234567890",
    "+11234567890",
    "16505551212",
    "+16505551212",
    "5555555555",
)
"""Addresses and numbers that stand in the vendors' own instructions and snippets."""
_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


@cache
def hashes_of_nobody() -> frozenset[str]:
    """Hashes (hex, and SHA-256 as base64url) of the empty string, of words for nothing, of documentation examples."""
    texts = {"", " ", "0", "-", *_NOTHING_WORDS, *_DOCUMENTATION, "[object Object]", "NaN", "None", "NULL", "Null"}
    hashes: set[str] = set()
    for text in texts:
        raw = text.encode()
        hashes.update(hashlib.new(name, raw, usedforsecurity=False).hexdigest() for name in _ALGORITHMS)
        hashes.add(urlsafe_b64encode(hashlib.sha256(raw).digest()).decode().rstrip("="))
    for filler in ("0", "f", "a"):
        hashes.update(filler * length for length in _HEX_HASHES)
    # Reddit's own fillers: invalid e-mail, template placeholder, invalid phone.
    hashes.update("0" * 63 + last for last in "012")
    return frozenset(hashes)


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


def is_placeholder(kind: ExposureKind, value: str) -> bool:
    """Say whether the value stands for nobody: a word for nothing, a template, an example, or a hash of one."""
    if len(value) > 256:
        return False
    low = value.strip().lower()
    if low in _NOTHING_WORDS:
        return True
    if _TEMPLATE.fullmatch(value.strip()):
        return True
    if kind not in IDENTIFYING:
        return False
    return low in _DOCUMENTATION or low in hashes_of_nobody() or value.rstrip("=") in hashes_of_nobody()


def tidy(value: str) -> str:
    """Undo a second percent-encoding of a single value. URLs are left alone: their escapes belong to them."""
    if "%" in value and "://" not in value and len(value) < 10_000:
        return unescape(value)
    return value
