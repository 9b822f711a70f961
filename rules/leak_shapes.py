"""Values that look like a person's identifiers although nobody told us whose: with how sure one can be.

The field's name counts as much as the value: 64 hex digits are a cache key in `v` and a person in `em`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from rules.leak_names import (
    BIRTH_NAMES,
    EMAIL_WORDS,
    GIVEN_NAMES,
    HASHED_NAMES,
    ID_NAMES,
    MRN_NAMES,
    NAMES,
    PERSONAL_NAMES,
    PHONE_NAMES,
    PHONE_WORDS,
    PRIVATE_MAIL,
    ROLES,
    SSN_NAMES,
)
from scanner.model import ExposureKind, Form


class Certainty(StrEnum):
    CERTAIN = "certain"
    """The value of a known identity, or a value and a name that leave no doubt."""
    LIKELY = "likely"
    POSSIBLE = "possible"
    """Worth a look, not worth an alarm."""


class Shape(NamedTuple):
    kind: ExposureKind
    value: str
    form: Form
    hash: str | None
    certainty: Certainty


_HEX_HASHES: Final = {32: "md5", 40: "sha1", 64: "sha256"}
_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_BASE64_SHA256: Final = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
_NAME_BEFORE: Final = re.compile(
    r"""(?:^|[?&;,{"'\[~\s|])([A-Za-z][A-Za-z0-9_.\[\]-]{0,50})["'\]]{0,3}\s{0,3}[=:.]\s{0,3}[\["']{0,3}$"""
)
_PHONE: Final = re.compile(
    r"(?<![\d.-])(?:\+?1[ -]?)?(?:\(([2-9]\d{2})\) ?|([2-9]\d{2})[ .-])[2-9]\d{2}[ .-]\d{4}(?![\d-]|\.\d)"
)
_BARE_PHONE: Final = re.compile(
    r"(?:\+?1[ .-]?)?\(?[2-9]\d{2}\)?[ .-]{0,2}[2-9]\d{2}[ .-]?\d{4}|\+\d{9,15}|\+\d[\d .()-]{8,18}\d"
)
_SSN_WORD: Final = re.compile(r"(?i)\b(?:ssn|social security)\b")
_SSN: Final = re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)")
_BARE_SSN: Final = re.compile(r"(?!000|666|9)\d{3}[- ]?(?!00)\d{2}[- ]?(?!0000)\d{4}")
_MRN_VALUE: Final = re.compile(r"[A-Za-z]{0,4}[-_#: ]?\d{5,12}[A-Za-z]?")
_MRN_TEXT: Final = re.compile(
    r"(?i)\b(?:mrn|medical record (?:number|no\.?|#)|patient (?:id|number))"
    r"\s{0,2}[:#=-]?\s{0,2}([A-Z]{0,3}-?\d{5,12})\b"
)
_BIRTH_VALUE: Final = re.compile(
    r"(?:19|20)\d{2}[-/.]?[01]?\d[-/.]?[0-3]?\d|[01]?\d[-/.][0-3]?\d[-/.](?:19|20)\d{2}|[01]\d[0-3]\d(?:19|20)\d{2}"
)
_PERSON_NAME: Final = re.compile(r"[^\W\d_][^\W\d_'’ .-]{1,40}(?:[ ][^\W\d_][^\W\d_'’.-]{0,40}){0,3}")
_LOCAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}$")
_DOMAIN: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,24}(?![\w@-])")
_FILE_ENDINGS: Final = frozenset(
    ("png", "jpg", "jpeg", "gif", "svg", "webp", "js", "mjs", "css", "html", "json", "map", "woff", "ttf", "mp4", "ico")
)
_TOLL_FREE: Final = frozenset(("800", "833", "844", "855", "866", "877", "888", "900"))
_WORDS: Final = (
    ("name", ("first_name", "last_name", "firstname", "lastname", "fname", "lname", "full_name", "fullname")),
    ("ph", ("phone", "ph=", "ph]", 'ph"')), ("pn", ("pn=", "pn.", 'pn"')), ("tel", ("tel=", 'tel"')),
    ("db", ("db]", 'db"')), ("mobile", ("mobile",)), ("cell", ("cell",)), ("callback", ("callback",)),
    ("birth", ("birth",)), ("dob", ("dob",)), ("bday", ("bday",)), ("ssn", ("ssn",)), ("mrn", ("mrn",)),
    ("patient", ("patient",)), ("medical", ("medical_record", "medical record")), ("member", ("member_id", "memberid")),
    ("social_sec", ("social_sec",)), ("taxid", ("taxid",)), ("record_number", ("record_number",)),
    ("subscriber_id", ("subscriber_id",)),
)  # fmt: skip
"""What stands in every text with a name that speaks of a person, under the piece that the words have in common."""
_ORDINARY: Final = re.compile(r"[^-@. :#]{1,31}+")
"""Under an ordinary name this is nobody's: too short for a digest, without what joins the parts of anything else."""
_MARKS: Final = re.compile(r"[-. :#]")
_LAST_DIGITS: Final = re.compile(r"\d\d[ .-]\d{4}")
"""How every social security number and every phone number in a longer text ends."""
_DIGITS: Final = re.compile(r"\d\d\d\)? ?[-. ]\d\d\d?[-. ]\d{4}")
# Not from the middle of a word: whole recordings of pages come along here, and every letter would be a start.
_NAMED_VALUE: Final = re.compile(
    r"""(?<![A-Za-z])([A-Za-z][\w.\[\]-]{1,60}+)["'\s]{0,4}+[=:]["'\s\[]{0,4}+[+(]{0,2}+\w"""
)
MAX_AT_SIGNS: Final = 200
MAX_SENTENCE_CHARS: Final = 500
"""Longer texts are pages or recordings: an address in them may be anybody's."""
MAX_NUMBERS: Final = 2_000


@lru_cache(maxsize=8192)
def normal_name(name: str) -> str:
    """A field's name as the lists know it: innermost part, lower-case, camel case split: `ud[em]` → `em`."""
    inner = name.rstrip("]").replace("[]", "")
    for separator in ("[", "."):
        inner = inner.rpartition(separator)[2]
    if not inner.islower():
        inner = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", inner[:80])
    return inner.lower().replace("-", "_").strip("_")


def name_means(kind: ExposureKind, name: str) -> bool:
    """Say whether a field of that name is meant to hold that kind of identifier."""
    known = NAMES.get(kind)
    return known is not None and normal_name(name) in known


def may_hold(layer: str, low: str, tokens: list[str]) -> bool:
    """Cheap test on a flat layer: False means that `shape_of` would find nothing in any of its fields."""
    if "@" in layer and _emails(layer):
        return True
    if _speaks_of_a_person(low) and _names_a_person(layer, low):
        return True
    for digits in islice(_DIGITS.finditer(layer), MAX_NUMBERS):
        around = layer[max(0, digits.start() - 8) : digits.end() + 3]
        if _SSN.search(around) or _PHONE.search(around):
            return True
    at = 0
    for token in tokens:
        if len(token) in (32, 40, 43, 44, 64):
            at = max(layer.find(token, at), 0)  # tokens come in order: never looked for from the start again
            before = _NAME_BEFORE.search(layer[max(0, at - 60) : at])
            at += len(token)
            if before and _hash_kind(before[1]) is not None:
                return True
    return False


def _speaks_of_a_person(low: str) -> bool:
    # A plain loop: every request comes along here.
    for piece, words in _WORDS:  # noqa: SIM110
        if piece in low and any(word in low for word in words):
            return True
    return False


def _names_a_person(layer: str, low: str) -> bool:
    if _speaks_of_a_record(low) and _MRN_TEXT.search(layer):
        return True
    return any(normal_name(name) in PERSONAL_NAMES for name in dict.fromkeys(_NAMED_VALUE.findall(layer)))


def _speaks_of_a_record(low: str) -> bool:
    return "mrn" in low or "medical record" in low or "patient" in low


def shape_of(name: str, text: str) -> Shape | None:
    """Say what the value of one field looks like; None if like nothing personal. Names come as in the request."""
    if not 2 < len(text) <= 20_000:
        return None
    normal = normal_name(name)
    if normal not in PERSONAL_NAMES and _ORDINARY.fullmatch(text):
        return None
    return _hashed(name, text) or _email(normal, text) or _numbered(normal, text) or _named(normal, text)


def _hash_kind(name: str) -> tuple[ExposureKind, Certainty] | None:
    normal = normal_name(name)
    words = normal.split("_")
    if normal in HASHED_NAMES or not EMAIL_WORDS.isdisjoint(words):
        return ExposureKind.EMAIL, Certainty.LIKELY
    if normal in PHONE_NAMES or not PHONE_WORDS.isdisjoint(words):
        return ExposureKind.PHONE, Certainty.LIKELY
    if normal in ID_NAMES:
        return ExposureKind.EXTERNAL_ID, Certainty.POSSIBLE
    return None


def _hashed(name: str, text: str) -> Shape | None:
    value = text.strip()
    digest: str | None = None
    if len(value) in _HEX_HASHES and _HEX.fullmatch(value):
        digest = _HEX_HASHES[len(value)]
    elif len(value) in (43, 44) and _BASE64_SHA256.fullmatch(value) and not value.islower() and not value.isupper():
        digest = "sha256"
    if digest is None:
        return None
    kind = _hash_kind(name)
    return None if kind is None else Shape(kind[0], value, Form.HASHED, digest, kind[1])


def _emails(text: str) -> list[str]:
    found: list[str] = []
    at = -1
    for _ in range(MAX_AT_SIGNS):
        at = text.find("@", at + 1)
        if at < 0:
            break
        local = _LOCAL.search(text, max(0, at - 64), at)
        domain = _DOMAIN.match(text, at + 1, at + 256)
        if not local or not domain or text.startswith("//", max(0, local.start() - 2)):
            continue  # `https://key@host/` is a key in front of a host
        if domain[0].rpartition(".")[2].lower() not in _FILE_ENDINGS:
            found.append(f"{local[0]}@{domain[0]}")
    return found


def _email(normal: str, text: str) -> Shape | None:
    if "@" not in text:
        return None
    found = _emails(text)
    if not found:
        return None
    value = found[0]
    whole = len(text.strip()) == len(value)
    if whole and normal in HASHED_NAMES:
        certainty = Certainty.CERTAIN
    elif whole or normal in HASHED_NAMES or _stands_alone(text, value):
        certainty = Certainty.LIKELY
    else:
        certainty = Certainty.POSSIBLE
    # The clinic's own mailbox on a contact link is no patient.
    if value.partition("@")[0].lower() in ROLES:
        certainty = Certainty.POSSIBLE
    return Shape(ExposureKind.EMAIL, value, Form.PLAIN, None, certainty)


def _stands_alone(text: str, address: str) -> bool:
    """Say whether an address inside a longer text is a person's: a whole segment of a path, or a private mailbox.

    Links to write to somebody (`mailto:`) show the clinic's own addresses; what stands before a host is its key.
    """
    at = text.find(address)
    before, behind = text[max(0, at - 7) : at], text[at + len(address) : at + len(address) + 1]
    if before.endswith("/") and not before.endswith("//") and behind in ("", "/", "?", "#", ";", "&"):
        return True
    private = address.rpartition("@")[2].lower() in PRIVATE_MAIL
    return private and len(text) <= MAX_SENTENCE_CHARS and not before.lower().endswith("mailto:")


def _numbered(normal: str, text: str) -> Shape | None:
    value = text.strip()
    if normal in SSN_NAMES and _BARE_SSN.fullmatch(value):
        return Shape(ExposureKind.EXTERNAL_ID, value, Form.PLAIN, None, Certainty.CERTAIN)
    if normal in PHONE_NAMES and _BARE_PHONE.fullmatch(value):
        return Shape(ExposureKind.PHONE, value, Form.PLAIN, None, Certainty.LIKELY)
    if normal in MRN_NAMES and _MRN_VALUE.fullmatch(value):
        return Shape(ExposureKind.EXTERNAL_ID, value, Form.PLAIN, None, Certainty.LIKELY)
    if normal in BIRTH_NAMES and _BIRTH_VALUE.fullmatch(value):
        return Shape(ExposureKind.DATE_OF_BIRTH, value, Form.PLAIN, None, Certainty.LIKELY)
    if not _MARKS.search(text):
        return None
    # Other alphabets have letters that only a pattern takes for these.
    record = _MRN_TEXT.search(text) if not text.isascii() or _speaks_of_a_record(text.lower()) else None
    if record:
        return Shape(ExposureKind.EXTERNAL_ID, record[1], Form.PLAIN, None, Certainty.LIKELY)
    if not _LAST_DIGITS.search(text):
        return None
    social = _SSN.search(text)
    if social:
        sure = social[0] == value or _SSN_WORD.search(text[max(0, social.start() - 60) : social.start()])
        return Shape(
            ExposureKind.EXTERNAL_ID, social[0], Form.PLAIN, None, Certainty.LIKELY if sure else Certainty.POSSIBLE
        )
    phone = _PHONE.search(text)
    if phone and (phone[1] or phone[2]) not in _TOLL_FREE:
        return Shape(ExposureKind.PHONE, phone[0], Form.PLAIN, None, Certainty.POSSIBLE)
    return None


def _named(normal: str, text: str) -> Shape | None:
    if normal in GIVEN_NAMES:
        value = text.strip()
        if _PERSON_NAME.fullmatch(value):
            return Shape(ExposureKind.NAME, value, Form.PLAIN, None, Certainty.LIKELY)
    return None
