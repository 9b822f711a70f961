"""From the inventories of single pages to that of the site: which tags, third parties, scripts, cookies. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from reports import words
from reports.masked import form_of
from reports.model import InventoryView, Names, OtherView, Sends, TagView, VendorView
from scanner.model import Category, Identity, PageInventory, Sighting, SightingKind, TagKey


def collect(pages: Sequence[PageInventory], names: Names) -> InventoryView:
    """Return the site's inventory; every list has its most widespread member first."""
    seen = _by_identity(pages)
    tags: dict[TagKey, dict[Identity, _Seen]] = defaultdict(dict)
    others: dict[SightingKind, list[OtherView]] = defaultdict(list)
    for identity, sighting in seen.items():
        if identity.tag is not None:
            tags[identity.tag][identity] = sighting
        if identity.kind in _OTHERS:
            others[identity.kind].append(_other(identity, sighting, names))
    for found in others.values():
        found.sort(key=lambda other: (-other.pages, other.subject, other.tag or ""))
    return InventoryView(
        vendors=_vendors(_without_shadows([_tag(key, parts, names) for key, parts in tags.items()])),
        third_parties=tuple(others[SightingKind.HOST]),
        scripts=tuple(others[SightingKind.SCRIPT]),
        cookies=tuple(others[SightingKind.COOKIE]),
        container_tags=tuple(others[SightingKind.CONTAINER_TAG]),
    )


def tag_words(tag: TagKey, names: Names) -> tuple[str, str]:
    """Return the names of vendor and product; ids that the rules do not name stand for themselves."""
    return names.get((tag.vendor, tag.product), (tag.vendor, tag.product))


def tag_name(tag: TagKey, names: Names) -> str:
    """`Pinterest Tag 2612000000001`"""
    product = tag_words(tag, names)[1]
    return f"{product} {tag.account}" if tag.account else product


def group_sends(fields: Iterable[tuple[str, str, str, bool]]) -> tuple[Sends, ...]:
    """Group (kind, form, field, left the browser) by what they carry: what left first, worst kind first."""
    grouped: dict[tuple[str, str, bool], set[str]] = defaultdict(set)
    for kind, form, field, left in fields:
        grouped[kind, form, left].add(field)
    order = sorted(grouped, key=lambda group: (not group[2], words.gravity(group[0]), group[1]))
    return tuple(
        Sends(kind, form, words.exposure(kind, form), tuple(sorted(grouped[kind, form, left])), left)
        for kind, form, left in order
    )


def has_left(evidence: Iterable[str]) -> bool:
    """Say whether something was seen to leave; where nobody kept how it was seen, it counts as having left."""
    known = set(evidence)
    return not known or "request" in known


_OTHERS = (SightingKind.HOST, SightingKind.SCRIPT, SightingKind.COOKIE, SightingKind.CONTAINER_TAG)


class _Seen:
    """Everything that the sightings of one identity say, added up."""

    __slots__ = ("categories", "evidence", "examples", "loaders", "owner", "pages", "versions")

    def __init__(self) -> None:
        self.pages: set[str] = set()
        self.loaders: dict[str, None] = {}  # a set that keeps its order
        self.evidence: set[str] = set()
        self.examples: dict[str, None] = {}
        self.versions: set[str] = set()
        self.owner: str | None = None
        self.categories: list[Category] = []

    def add(self, sighting: Sighting, pages: list[str]) -> None:
        self.pages.update(pages)
        self.loaders.update(dict.fromkeys(sighting.loaders))
        self.evidence.update(sighting.evidence)
        self.examples.update(dict.fromkeys(sighting.examples))
        if sighting.version is not None:
            self.versions.add(sighting.version)
        self.owner = self.owner or sighting.owner
        if sighting.category is not Category.OTHER:
            self.categories.append(sighting.category)

    @property
    def category(self) -> Category:
        return min(self.categories, default=Category.OTHER)


def _by_identity(pages: Sequence[PageInventory]) -> dict[Identity, _Seen]:
    # The same few sightings stand on every page of a site, usually as the same objects: hashing each of a million
    # by its fields would take longer than all the rest. `pages` keeps the objects alive, so their ids are their own.
    places: dict[int, list[str]] = defaultdict(list)
    objects: dict[int, Sighting] = {}
    for page in pages:
        for sighting in page.sightings:
            address = id(sighting)
            places[address].append(page.page)
            objects[address] = sighting
    seen: dict[Identity, _Seen] = defaultdict(_Seen)
    for address, sighting in objects.items():
        seen[sighting.identity].add(sighting, places[address])
    return seen


def _other(identity: Identity, seen: _Seen, names: Names) -> OtherView:
    return OtherView(
        subject=identity.subject,
        owner=seen.owner,
        category=seen.category,
        tag=tag_name(identity.tag, names) if identity.tag else None,
        pages=len(seen.pages),
        versions=len(seen.versions),
        loaders=tuple(seen.loaders),
    )


def _tag(key: TagKey, parts: dict[Identity, _Seen], names: Names) -> TagView:
    vendor, product = tag_words(key, names)

    def of(kind: SightingKind) -> list[tuple[Identity, _Seen]]:
        return [(identity, seen) for identity, seen in parts.items() if identity.kind is kind]

    # A tag is known by its own sighting; where rules yield only its events or fields, it is there all the same.
    core = [seen for _, seen in of(SightingKind.TAG)] or list(parts.values())
    fields = sorted(
        (i.role, i.subject, form_of(seen.examples), has_left(seen.evidence)) for i, seen in of(SightingKind.FIELD)
    )
    return TagView(
        key=key,
        vendor=vendor,
        product=product,
        category=min((seen.category for seen in core if seen.categories), default=Category.OTHER),
        owner=next((seen.owner for seen in core if seen.owner), None),
        pages=tuple(sorted(set().union(*(seen.pages for seen in core)))),
        events=tuple(
            sorted(((i.subject, len(seen.pages)) for i, seen in of(SightingKind.EVENT)), key=lambda e: (-e[1], e[0]))
        ),
        sends=group_sends((kind, form, field, left) for kind, field, form, left in fields),
        fields=tuple((kind, field) for kind, field, _, _ in fields),
        first_party=any(identity.role == "first-party" for identity, _ in of(SightingKind.TAG)),
        evidence=tuple(sorted(set().union(*(seen.evidence for seen in core)))),
        loaders=tuple(dict.fromkeys(loader for seen in core for loader in seen.loaders)),
        features=tuple(sorted(identity.subject for identity, _ in of(SightingKind.FEATURE))),
        endpoints=tuple(sorted(identity.subject for identity, _ in of(SightingKind.ENDPOINT))),
    )


def _without_shadows(tags: list[TagView]) -> list[TagView]:
    """Leave out a product's loader that names no account where its accounts are known on all of its pages."""
    pages_of: dict[tuple[str, str], set[str]] = defaultdict(set)
    for tag in tags:
        if tag.key.account is not None:
            pages_of[tag.key.vendor, tag.key.product].update(tag.pages)
    return [
        tag
        for tag in tags
        if tag.key.account is not None
        or tag.sends
        or not pages_of[tag.key.vendor, tag.key.product].issuperset(tag.pages)
    ]


def _vendors(tags: list[TagView]) -> tuple[VendorView, ...]:
    by_vendor: dict[str, list[TagView]] = defaultdict(list)
    for tag in sorted(tags, key=lambda tag: (-len(tag.pages), tag.key.vendor, tag.key.product, tag.key.account or "")):
        by_vendor[tag.key.vendor].append(tag)
    # Insertion order is that of each vendor's most widespread tag.
    return tuple(VendorView(vendor, own[0].vendor, tuple(own)) for vendor, own in by_vendor.items())
