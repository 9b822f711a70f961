"""How one value may be spelled before it is sent or hashed: vendors normalise differently, and say so by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from scanner.model import ExposureKind

MIN_GLUE_CHARS: Final = 8
"""Shorter values are not looked for inside encoded texts at unknown offsets."""
_GAP: Final = r"[\s+_.,/-]{0,3}"
_WIDE_GAP: Final = r"[\s+_.,/-]{1,3}"
_DATE: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_AMERICAN_DATE: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


class Variant(NamedTuple):
    text: str
    normalisation: str
    shared: bool = False
    """Many people share it (an e-mail's domain, a postal code): a hash of it names nobody for sure."""
    glue: bool = False
    """Worth looking for inside longer encoded texts."""


def variants_of(kind: ExposureKind, value: str) -> tuple[Variant, ...]:
    """Every spelling of a value, the most usual first, each text once."""
    kind, value = _effective(kind, value)
    makers = {
        ExposureKind.EMAIL: _email,
        ExposureKind.PHONE: _phone,
        ExposureKind.NAME: _name,
        ExposureKind.ADDRESS: _address,
        ExposureKind.DATE_OF_BIRTH: _birth_date,
        ExposureKind.EXTERNAL_ID: _external_id,
    }
    found: dict[str, Variant] = {}
    for variant in makers.get(kind, _free_text)(value):
        if variant.text and variant.text not in found:
            found[variant.text] = variant._replace(glue=variant.glue and len(variant.text) >= MIN_GLUE_CHARS)
    return tuple(found.values())


def plain_pattern(kind: ExposureKind, value: str) -> re.Pattern[str] | None:
    """A pattern for the readable spellings, with boundaries, so that `ian@x.org` is not `an@x.org`."""
    kind, value = _effective(kind, value)
    if kind is ExposureKind.EMAIL:
        texts = [variant.text for variant in _email_addresses(value)]
        body = "|".join(map(re.escape, sorted({text.lower() for text in texts}, key=len, reverse=True)))
        pattern = rf"(?<![a-z0-9._%+-])(?:{body})(?![a-z0-9-]|\.[a-z0-9])"
        for local in _telling_locals(value):
            pattern += rf"|(?<![a-z0-9._%+-]){re.escape(local)}(?![a-z0-9._%+@-])"
    elif kind is ExposureKind.PHONE:
        country, national = phone_digits(value)
        if len(national) < 7:
            return None
        body = r"[\s().+/-]{0,3}".join(national)
        pattern = rf"(?<!\d)(?:\+?(?:00)?{country}[\s().+/-]{{0,3}}|0)?\(?{body}(?!\d)"
    elif kind is ExposureKind.DATE_OF_BIRTH:
        body = "|".join(re.escape(variant.text) for variant in _birth_date(value))
        pattern = rf"(?<![\d-])(?:{body})(?![\d-])"
    elif kind is ExposureKind.NAME:
        words = _words(value)
        if not words:
            return None
        orders = {_GAP.join(map(re.escape, words))}
        if len(words) > 1:
            orders.add(_GAP.join(map(re.escape, [words[-1], *words[:-1]])))
        pattern = rf"(?<![^\W\d_])(?:{'|'.join(sorted(orders))})(?![^\W\d_])"
    elif kind is ExposureKind.EXTERNAL_ID:
        pattern = rf"(?<![a-z0-9]){re.escape(value.lower())}(?![a-z0-9])"
    else:
        text = value.split(",")[0] if kind is ExposureKind.ADDRESS else value
        words = _words(text)
        if not words:
            return None
        pattern = rf"(?<![^\W_]){_WIDE_GAP.join(map(re.escape, words))}(?![^\W_])"
    return re.compile(pattern, re.IGNORECASE)


def search_gates(kind: ExposureKind, value: str) -> tuple[str, ...]:
    """Pieces of which one stands, lower-cased, in every text that `plain_pattern` can match: cheap to look for."""
    kind, value = _effective(kind, value.lower())
    if kind is ExposureKind.EMAIL:
        gates = {f"@{variant.text.rpartition('@')[2]}" for variant in _email_addresses(value)}
        return tuple(sorted(gates.union(_telling_locals(value))))
    if kind is ExposureKind.PHONE:
        last = phone_digits(value)[1][-4:]
        pairs = [f"{last[:2]}{gap}{last[2:]}" for gap in " .-+/"]
        return (
            last,
            *pairs,
            *(f"{last[:1]}{gap}{last[1:]}" for gap in " .-+/"),
            *(f"{last[:3]}{g}{last[3:]}" for g in " .-+/"),
        )
    if kind is ExposureKind.DATE_OF_BIRTH:
        return tuple(sorted({variant.text.lower() for variant in _birth_date(value)}))
    if kind is ExposureKind.EXTERNAL_ID:
        return (value,)
    words = _words(value.split(",")[0] if kind is ExposureKind.ADDRESS else value)
    return (max(words, key=len),) if words else ()


def _effective(kind: ExposureKind, value: str) -> tuple[ExposureKind, str]:
    """The value without blanks around it; an "e-mail" that is no address is searched as an id."""
    value = value.strip()
    local, _, domain = value.partition("@")
    if kind is ExposureKind.EMAIL and not (local and domain):
        kind = ExposureKind.EXTERNAL_ID
    return kind, value


def _telling_locals(value: str) -> tuple[str, ...]:
    """Local parts, with and without +tag, that are long enough to stand for the person alone."""
    local = value.partition("@")[0].lower()
    return tuple(each for each in dict.fromkeys((local, local.partition("+")[0])) if len(each) >= MIN_GLUE_CHARS)


def phone_digits(value: str) -> tuple[str, str]:
    """Split a phone number into country code and national number, extension off. Ten digits are American."""
    main = re.split(r"(?i)\b(?:ext|x)\b|#|;", value)[0]
    digits = re.sub(r"\D", "", main)
    if main.strip().startswith("00") and len(digits) > 10:
        digits = digits[2:]
    if len(digits) == 11 and digits[0] == "1":
        return "1", digits[1:]
    if len(digits) == 10 and not main.strip().startswith("+"):
        return "1", digits.lstrip("0") if digits[0] == "0" else digits
    if main.strip().startswith(("+", "00")) and len(digits) > 9:
        # The length of foreign country codes varies; two digits is by far the most usual.
        return digits[:2], digits[2:].lstrip("0")
    return "", digits.lstrip("0")


def _words(value: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)?", value.lower())[:12]


def _email_addresses(value: str) -> Iterator[Variant]:
    lower = "".join(value.split()).lower()
    local, _, domain = lower.partition("@")
    bare = local.partition("+")[0]
    dotless, both = local.replace(".", ""), bare.replace(".", "")
    gmail = domain in ("gmail.com", "googlemail.com")
    yield Variant(lower, "lower-case", glue=True)
    yield Variant(f"{bare}@{domain}", "without +tag", glue=True)
    yield Variant(f"{dotless}@{domain}", "without dots (Gmail)" if gmail else "without dots", glue=True)
    yield Variant(f"{both}@{domain}", "without dots and +tag", glue=True)
    if gmail:
        other = "googlemail.com" if domain == "gmail.com" else "gmail.com"
        for user in (local, bare, dotless, both):
            yield Variant(f"{user}@{other}", "Gmail's other domain")
    if "+" in lower:
        yield Variant(lower.replace("+", " "), "plus sign lost")


def _email(value: str) -> Iterator[Variant]:
    yield from _email_addresses(value)
    lower = value.lower()
    local, _, domain = lower.partition("@")
    yield Variant(value, "as typed", glue=True)
    yield Variant(value.upper(), "upper-case")
    yield Variant(f"mailto:{lower}", "with mailto:")
    yield Variant(f"mailto:{value}", "with mailto:, as typed")
    yield Variant(local, "local part", shared=len(local) < MIN_GLUE_CHARS)
    yield Variant(local.partition("+")[0], "local part without +tag", shared=len(local) < MIN_GLUE_CHARS)
    yield Variant(f"@{domain}", "domain", shared=True)
    yield Variant(domain, "domain", shared=True)


def _phone(value: str) -> Iterator[Variant]:
    country, national = phone_digits(value)
    full = country + national
    yield Variant(full, "digits with country code", glue=True)
    yield Variant(f"+{full}", "E.164")
    yield Variant(national, "national digits", glue=True)
    yield Variant(value, "as typed", glue=True)
    digits = re.sub(r"\D", "", value)
    yield Variant(digits, "digits")
    yield Variant(digits.lstrip("0"), "digits without leading zeros")
    yield Variant(f"00{full}", "with 00 prefix")
    yield Variant(f"0{national}", "with trunk zero")
    if len(national) == 10:
        area, exchange, line = national[:3], national[3:6], national[6:]
        for shape in (
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"{area}.{exchange}.{line}",
            f"{area} {exchange} {line}",
            f"({area}){exchange}-{line}",
        ):
            yield Variant(shape, "formatted")
            yield Variant(f"{country}-{shape}", "formatted with country code")
            yield Variant(f"+{country} {shape}", "formatted with country code")
        yield Variant(f"+{country}-{area}-{exchange}-{line}", "formatted with country code")


def _name(value: str) -> Iterator[Variant]:
    words = _words(value)
    lower = " ".join(words)
    yield Variant(lower, "lower-case", glue=True)
    yield Variant(value, "as typed", glue=True)
    yield Variant("".join(words), "lower-case letters only", glue=True)
    yield Variant("".join(re.findall(r"[^\W\d_]", value.lower())), "lower-case letters only")
    yield Variant(value.upper(), "upper-case")
    if len(words) > 1:
        for word, place in ((words[0], "first name"), (words[-1], "last name")):
            shared = len(word) < 4
            yield Variant(word, f"{place}, lower-case", shared)
            yield Variant(word.capitalize(), f"{place}, capitalised", shared)
            yield Variant(word.upper(), f"{place}, upper-case", shared)
        for order in (
            f"{words[-1]}, {words[0]}",
            f"{words[-1]} {words[0]}",
            f"{words[0]}_{words[-1]}",
            words[-1] + words[0],
        ):
            yield Variant(order, "reordered")
        yield Variant(f"{words[0].capitalize()} {words[-1].capitalize()}", "capitalised")


def _address(value: str) -> Iterator[Variant]:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    for place, part in enumerate([value, *parts]):
        shared = place > 1  # city, state and postal code belong to many
        lower = part.lower()
        where = "whole" if place == 0 else "street" if place == 1 else "part"
        yield Variant(lower, f"{where}, lower-case", shared, glue=place < 2)
        yield Variant(part, f"{where}, as typed", shared)
        yield Variant(re.sub(r"[\W_]", "", lower), f"{where}, letters and digits only", shared)
        yield Variant(re.sub(r"\s+", "", lower), f"{where}, without spaces", shared)
    for code in re.findall(r"\b\d{5}(?:-\d{4})?\b", ",".join(parts[1:])):
        yield Variant(code[:5], "postal code", shared=True)


def _birth_date(value: str) -> Iterator[Variant]:
    match = _DATE.fullmatch(value)
    if match:
        year, month, day = match[1], match[2].zfill(2), match[3].zfill(2)
    else:
        match = _AMERICAN_DATE.fullmatch(value)
        if not match:
            yield Variant(value, "as typed")
            return
        year, month, day = match[3], match[1].zfill(2), match[2].zfill(2)
    short_month, short_day = month.lstrip("0"), day.lstrip("0")
    yield Variant(f"{year}{month}{day}", "YYYYMMDD")
    yield Variant(f"{year}-{month}-{day}", "YYYY-MM-DD", glue=True)
    yield Variant(f"{month}/{day}/{year}", "MM/DD/YYYY", glue=True)
    yield Variant(f"{short_month}/{short_day}/{year}", "M/D/YYYY")
    yield Variant(f"{day}/{month}/{year}", "DD/MM/YYYY")
    yield Variant(f"{month}-{day}-{year}", "MM-DD-YYYY")
    yield Variant(f"{day}-{month}-{year}", "DD-MM-YYYY")
    yield Variant(f"{day}.{month}.{year}", "DD.MM.YYYY")
    yield Variant(f"{year}/{month}/{day}", "YYYY/MM/DD")
    yield Variant(f"{month}{day}{year}", "MMDDYYYY")
    yield Variant(f"{day}{month}{year}", "DDMMYYYY")
    yield Variant(value, "as typed")


def _external_id(value: str) -> Iterator[Variant]:
    yield Variant(value, "as typed", glue=True)
    yield Variant(value.lower(), "lower-case", glue=True)
    yield Variant(value.upper(), "upper-case")
    digits = re.sub(r"\D", "", value)
    yield Variant(digits, "digits", shared=len(digits) < 5)
    yield Variant(re.sub(r"[\W_]", "", value).lower(), "letters and digits only")


def _free_text(value: str) -> Iterator[Variant]:
    yield Variant(value.lower(), "lower-case", glue=True)
    yield Variant(value, "as typed", glue=True)
    yield Variant(" ".join(_words(value)), "words", glue=True)
    yield Variant("-".join(_words(value)), "slug", glue=True)
