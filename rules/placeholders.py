"""Values that stand for nobody: words for nothing, unfilled templates, documentation examples, hashes of those."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from functools import cache
from typing import Final

from rules.leak_hashes import digest

_NOTHING: Final = (
    "", " ", "undefined", "null", "none", "nan", "false", "true", "0", "-", "n/a", "na", "unknown", "anonymous",
    "guest", "not set", "(not set)", "(none)", "[object object]", "{}", "[]", '""', "''",
)  # fmt: skip
_NOTHING_CASES: Final = ("None", "NaN", "NULL", "Null", "[object Object]", "Undefined", "UNDEFINED", "N/A", "NONE")
_EXAMPLES: Final = (
    "test@test.com", "test@example.com", "user@example.com", "email@example.com", "example@example.com",
    "name@example.com", "you@example.com", "yourname@example.com", "your@email.com", "your.email@example.com",
    "foo@bar.com", "foo@example.com", "abc@example.com", "a@b.com", "email@email.com", "mail@example.com",
    "test@gmail.com", "example@gmail.com", "example@email.com", "email@domain.com", "user@domain.com", "user@test.com",
    "john@example.com", "john.doe@example.com", "johndoe@example.com", "johnsmith@example.com", "jane.doe@example.com",
    "john_smith@gmail.com", "joe@example.com", "joe@eg.com", "jsmith@example.com", "customer@example.com",
    "someone@example.com", "me@example.com", "first.last@example.com", "test@test.test", "noreply@example.com",
    "hashed_email", "hashed_email_address", "email_address", "email", "user_email", "phone", "phone_number",
    "12345678900", "+12345678900", "1234567890", "+11234567890", "0123456789", "16505551212", "+16505551212",
    "6505551212", "5555555555", "+15555555555", "15555555555", "2133734253", "+12133734253",
)  # fmt: skip
"""Addresses and numbers in the vendors' own instructions and in the habits of people who copy them."""
_TEMPLATES: Final = (
    "{{email}}", "{{ email }}", "{{user_email}}", "{{customer.email}}", "{{phone}}", "%%EMAIL%%", "%%email%%",
    "${email}", "{email}", "<email>", "[email]", "[EMAIL]", "<%= email %>", "*|EMAIL|*", "INSERT_EMAIL_HERE",
    "EMAIL_HERE", "YOUR_EMAIL",
)  # fmt: skip
_TEMPLATE: Final = re.compile(
    r"\{\{[^{}]{0,80}+\}\}|\$\{[^{}]{0,80}+\}|%%[^%]{1,80}+%%|<%[^%]{0,80}+%>|\[\[[^\[\]]{0,80}+\]\]|\{[A-Za-z_.]{1,40}+\}"
    r"|\*\|[A-Z_:]{1,40}+\|\*|__[A-Z_]{2,40}__|<[A-Za-z_ ]{2,40}+>"
    r"|\[(?i:email|phone|name|value|hash|user|insert[^\]]{0,40}+)\]"
    r"|(?i:your|insert|enter|replace)_[A-Za-z_]{3,40}+"
)
_MARKED: Final = re.compile(r"[{%<\[_*]")
"""Every template has one of these."""
_IS_NOTHING: Final = frozenset(_NOTHING)
_IS_EXAMPLE: Final = frozenset(_EXAMPLES)
_FILLER: Final = re.compile(r"([0-9a-fA-F])\1{31,127}+")
_REDDIT: Final = {
    "0" * 64: "Reddit's filler for an invalid e-mail",
    "0" * 63 + "1": "Reddit's filler for an unfilled template",
    "0" * 63 + "2": "Reddit's filler for an invalid phone number",
}
_HASHES: Final = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_HASH_LENGTHS: Final = frozenset((22, 24, 27, 28, 32, 40, 43, 44, 56, 64, 86, 88, 96, 128))


def is_placeholder(value: str) -> str | None:
    """Say in words why a value stands for nobody; None if it may be a person's.

    >>> is_placeholder("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    'hash of an empty value'
    """
    if len(value) > 200:
        return None
    bare = value.strip()
    low = bare.lower()
    if low in _IS_NOTHING or bare in _NOTHING_CASES:
        return "an empty value" if not bare else f"the word {low}"
    if _MARKED.search(bare) and _TEMPLATE.fullmatch(bare):
        return "an unfilled template"
    if low in _IS_EXAMPLE:
        return "an example from documentation"
    if len(bare) in _HASH_LENGTHS:
        known = _hashed()
        return known.get(bare) or known.get(low) or known.get(bare.rstrip("=")) or _filler(low)
    return None


def _filler(low: str) -> str | None:
    return _REDDIT.get(low) or ("a filler of one repeated digit" if _FILLER.fullmatch(low) else None)


@cache
def _hashed() -> dict[str, str]:
    """Digest (lower-case hex, base64 and base64url without padding) → what was hashed, in words."""
    table: dict[str, str] = {}
    texts: list[tuple[str, str]] = [
        (text, f"the word {text.strip()}" if text.strip() else "an empty value")
        for text in (*_NOTHING, *_NOTHING_CASES)
    ]
    texts += [(text, "an unfilled template") for text in _TEMPLATES]
    texts += [(text, "an example from documentation") for text in _EXAMPLES]
    for text, words in texts:
        for name in _HASHES:
            raw = digest(name, text.encode())
            for key in (raw.hex(), b64encode(raw).decode(), urlsafe_b64encode(raw).decode()):
                table.setdefault(key.rstrip("="), f"hash of {words}")
    return table
