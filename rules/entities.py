"""Host → owner, from the bundled list `entities.tsv` (facts from third-party-web, MIT, Patrick Hulce)."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

from rules.model import Owner
from scanner.model import Category

_CATEGORIES = {
    "ad": Category.ADVERTISING,
    "analytics": Category.ANALYTICS,
    "tag-manager": Category.TAG_MANAGER,
    "social": Category.SOCIAL,
    "marketing": Category.MARKETING,
    "customer-success": Category.CHAT,
    "video": Category.VIDEO,
    "cdn": Category.FONTS_CDN,
    "consent-provider": Category.CONSENT,
    "hosting": Category.HOSTING,
}


@cache
def _owners() -> dict[str, Owner]:
    """Keys start with a dot where the entry covers everything below a domain."""
    owners: dict[str, Owner] = {}
    for line in (files("rules") / "entities.tsv").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        host, entity, company, words = line.split("\t")
        categories = tuple(words.split(","))
        category = next((_CATEGORIES[word] for word in categories if word in _CATEGORIES), Category.OTHER)
        owners[host.lower()] = Owner(entity, company, categories, category, host.lower().lstrip("."))
    return owners


@lru_cache(maxsize=65_536)
def owner_of(host: str) -> Owner | None:
    """Return who owns `host`; the most specific entry wins. None if the list does not know it.

    >>> owner_of("i.pinimg.com").company
    'Pinterest'
    """
    owners = _owners()
    host = host.strip().rstrip(".").lower()
    found = owners.get(host)
    while found is None and host:
        found = owners.get(f".{host}")
        host = host.partition(".")[2]
    return found
