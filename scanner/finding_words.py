"""The sentences of findings: plain English for a compliance officer, with exact counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from scanner.model import ExposureKind, TagKey
from scanner.severity import IN_WORDS

Names = Mapping[tuple[str, str], str | tuple[str, str]]
"""(vendor id, product id) → the product's name, or (vendor name, product name)."""

_LONGEST_NAME_CHARS = 80
_MOST_LISTED = 3


def product_name(tag: TagKey, names: Names) -> str:
    """`Pinterest Tag`; made from the id where no name is known."""
    name = names.get((tag.vendor, tag.product))
    if name is None:
        return " ".join(word[:1].upper() + word[1:] for word in tag.product.split("-"))
    return name if isinstance(name, str) else name[1]


def tag_name(tag: TagKey, names: Names) -> str:
    """`Pinterest Tag 2612000000001`."""
    name = product_name(tag, names)
    return f"{name} {tag.account[:_LONGEST_NAME_CHARS]}" if tag.account else name


def on_pages(count: int, total: int, looked_at: int | None = None) -> str:
    """`on 14 of 14 pages`; the total is never below the count.

    `looked_at`: of a light scan, which cannot speak of the others: `on 2 of 2 pages looked at (of 14)`.
    """
    if looked_at is not None and looked_at < total:
        seen = max(count, looked_at)
        return f"on {count:,} of {pages(seen)} looked at (of {total:,})"
    total = max(count, total)
    return f"on {count:,} of {pages(total)}"


def pages(count: int) -> str:
    return f"{count:,} {'page' if count == 1 else 'pages'}"


def listed(names: Collection[str]) -> str:
    """`a`, `a and b`, `a, b, c and 4 more`; each cut at 80 characters."""
    shown = [name if len(name) <= _LONGEST_NAME_CHARS else name[: _LONGEST_NAME_CHARS - 1] + "…" for name in names]
    if len(shown) > _MOST_LISTED + 1:
        shown = [*shown[:_MOST_LISTED], f"{len(names) - _MOST_LISTED:,} more"]
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def kinds_in_words(sends: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What the fields carry, worst kinds named as a person would; unique, in the order of the vocabulary."""
    found = {kind for kind, _ in sends}
    return tuple(IN_WORDS[kind] for kind in ExposureKind if kind.value in found)


_FEATURES = {
    "AutomaticMatching": "automatic advanced matching (contact data typed into forms is read and sent hashed)",
    "AutomaticSetup": "automatic events without code",
    "InferredEvents": "automatic events (clicked buttons are reported with their text and form)",
    "Microdata": "automatic reading of the page's product data",
    "MicrodataJsonLd": "automatic reading of the page's product data",
    "FirstPartyCookies": "first-party cookies",
    "ESTRuleEngine": "events by rules that are kept at the vendor",
    "PageMetadata": "automatic reading of the page's description",
}
"""What vendors call their switches, in words."""
_MATCH_KEYS = {
    "em": "e-mail", "ph": "phone", "fn": "first name", "ln": "last name", "ge": "gender", "db": "date of birth",
    "ct": "city", "st": "state", "zp": "postal code", "country": "country", "external_id": "the site's own id",
}  # fmt: skip
_KEYS_OF = "automatic advanced matching fields: "


def feature_in_words(feature: str) -> str:
    """Name a feature for somebody who has never seen the vendor's settings; unknown ones stay as they are."""
    if feature.startswith(_KEYS_OF):
        keys = [key.strip(" \"'") for key in feature.removeprefix(_KEYS_OF).split(",")]
        return f"automatic advanced matching of {', '.join(_MATCH_KEYS.get(key, key) for key in keys if key)}"
    return _FEATURES.get(feature, feature)
