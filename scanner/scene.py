"""What findings need to know of the two scans around them, read once. Also the small values they are built from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scanner.finding_words import Names, on_pages
from scanner.model import (
    Category,
    DriftEntry,
    ExposureKind,
    Finding,
    Identity,
    Outcome,
    Severity,
    SightingKind,
    Snapshot,
    TagKey,
    Verdict,
)
from scanner.page_kinds import SENSITIVE, PageKindOf
from scanner.severity import Case
from scanner.sighting_words import CONTAINER_VERSION, LEAK, SENSITIVE_TERM, TERM
from scanner.urls import registrable_domain

Product = tuple[str, str]
"""(vendor id, product id)"""

FIRST_PARTY = "first-party"
PLACEHOLDER = "(placeholder)"
UNNAMED = "(unnamed)"
_BEACON_KINDS = frozenset({SightingKind.EVENT, SightingKind.FIELD, SightingKind.ENDPOINT})
_MOST_LEAKS = 4
_ORDER = {Verdict.ADDED: 0, Verdict.CHANGED: 1, Verdict.REMOVED: 2}


@dataclass(frozen=True, slots=True)
class Scene:
    """The two scans, as far as findings ask about them."""

    present: bool
    """True without an older scan: everything is there, nothing is new."""
    page_total: int
    """Pages of the newer scan that showed anything."""
    page_total_before: int
    looked_at: int | None
    """Pages of these that the newer scan visited, where it is a light one; None: all of them."""
    titles: Mapping[str, str | None]
    page_kind: PageKindOf
    names: Names
    tags_before: frozenset[TagKey]
    tags_after: frozenset[TagKey]
    products_at: Mapping[str, tuple[Product, ...]]
    """Registrable domain → products that were seen to use it, sorted."""
    hosts_before: frozenset[str]
    owners: Mapping[str, str]
    """Registrable domain → company."""
    containers: Mapping[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    """Tag-manager container → its versions in the older and in the newer scan."""
    held_before: Mapping[Identity, Mapping[str, str]] = field(default_factory=dict)
    """What containers said of their tags in the older scan: `fires`, `state`, digests of `code` and `settings`."""
    held_after: Mapping[Identity, Mapping[str, str]] = field(default_factory=dict)
    _kinds: dict[str, str | None] = field(default_factory=dict)

    @staticmethod
    def of(
        before: Snapshot | None,
        after: Snapshot,
        page_kind: PageKindOf,
        names: Names,
        looked_at: Snapshot | None = None,
    ) -> Scene:
        titles: dict[str, str | None] = {}
        kinds: dict[str, str | None] = {}
        products_at: dict[str, set[Product]] = defaultdict(set)
        owners: dict[str, str] = {}
        identities: list[set[Identity]] = []
        versions: tuple[dict[str, set[str]], dict[str, set[str]]] = ({}, {})
        held: tuple[dict[Identity, Mapping[str, str]], dict[Identity, Mapping[str, str]]] = ({}, {})
        for side, snapshot in enumerate((before, after)):
            seen: set[Identity] = set()
            for page in snapshot.pages if snapshot else ():
                titles[page.page] = page.title
                if page.kind is not None:
                    kinds[page.page] = page.kind
                for sighting in page.sightings:
                    if sighting.identity in seen:
                        continue
                    seen.add(sighting.identity)
                    if sighting.identity.kind is SightingKind.HOST and sighting.owner:
                        owners[sighting.identity.subject] = sighting.owner
                    for name, words in sighting.details:
                        if name == CONTAINER_VERSION:
                            container, _, version = words.rpartition(" ")
                            versions[side].setdefault(container, set()).add(version)
                    if sighting.identity.kind is SightingKind.CONTAINER_TAG:
                        held[side][sighting.identity] = dict(sighting.details)
            identities.append(seen)
        for identity in identities[0] | identities[1]:
            if identity.tag is not None and (domain := domain_of(identity)):
                products_at[domain].add((identity.tag.vendor, identity.tag.product))
        return Scene(
            present=before is None,
            page_total=_seen_pages(after),
            page_total_before=_seen_pages(before) if before else 0,
            looked_at=_seen_pages(looked_at) if looked_at else None,
            titles=titles,
            page_kind=page_kind,
            names=names,
            tags_before=_tags(identities[0]),
            tags_after=_tags(identities[1]),
            products_at={domain: tuple(sorted(products)) for domain, products in products_at.items()},
            hosts_before=frozenset(i.subject for i in identities[0] if i.kind is SightingKind.HOST),
            owners=owners,
            containers={
                container: (frozenset(versions[0].get(container, ())), frozenset(versions[1].get(container, ())))
                for container in sorted({*versions[0], *versions[1]})
            },
            held_before=held[0],
            held_after=held[1],
            _kinds=kinds,
        )

    def on(self, count: int) -> str:
        """`on 3 of 14 pages`, for something that the newer scan saw on so many."""
        return on_pages(count, self.page_total, self.looked_at)

    def container_versions(self, container: str) -> tuple[frozenset[str], frozenset[str]]:
        """The container's versions in the older and in the newer scan; empty where it was not read."""
        return self.containers.get(container, (frozenset(), frozenset()))

    def kinds_of(self, pages: Iterable[str]) -> frozenset[str]:
        """Return the sensitive kinds among `pages`."""
        found = set()
        for page in pages:
            if page not in self._kinds:
                self._kinds[page] = self.page_kind(page, self.titles.get(page))
            kind = self._kinds[page]
            if kind in SENSITIVE:
                found.add(kind)
        return frozenset(found)

    def case(self, entries: Sequence[DriftEntry], category: Category) -> Case:
        """Put together what a severity is decided from."""
        sent = [entry for entry in entries if "request" in entry.evidence]
        details = {detail for entry in sent for detail in entry.details}
        return Case(
            category=category,
            sends=frozenset(
                ExposureKind(entry.identity.role)
                for entry in sent
                if entry.identity.kind is SightingKind.FIELD and not entry.identity.subject.endswith(PLACEHOLDER)
            ),
            beacon=any(entry.identity.kind in _BEACON_KINDS for entry in sent),
            loaded=bool(sent),
            page_kinds=self.kinds_of(pages_of(entries)),
            first_party=any(entry.identity.role == FIRST_PARTY for entry in entries),
            terms=frozenset(words for name, words in details if name == TERM),
            sensitive_terms=frozenset(words for name, words in details if name == SENSITIVE_TERM),
            contained=any("container" in entry.evidence for entry in entries),
        )


def _seen_pages(snapshot: Snapshot) -> int:
    return sum(1 for p in snapshot.pages if p.outcome in (Outcome.OK, Outcome.PARTIAL) or p.sightings)


def _tags(identities: Iterable[Identity]) -> frozenset[TagKey]:
    return frozenset(i.tag for i in identities if i.kind is SightingKind.TAG and i.tag)


def domain_of(identity: Identity) -> str:
    """Return the registrable domain that an identity speaks of, or an empty string."""
    subject = identity.subject
    match identity.kind:
        case SightingKind.HOST:
            return subject
        case SightingKind.SCRIPT:
            return registrable_domain(subject.partition("/")[0])
        case SightingKind.ENDPOINT:
            return registrable_domain(subject.partition(" ")[2].partition("/")[0])
        case SightingKind.FIELD if identity.tag is None and " to " in subject:
            return subject.removesuffix(PLACEHOLDER).strip().rpartition(" to ")[2]
        case SightingKind.COOKIE if " of " in subject:
            return subject.rpartition(" of ")[2]
        case _:
            return ""


def pages_of(entries: Iterable[DriftEntry]) -> tuple[str, ...]:
    return tuple(sorted({page for entry in entries for page in entry.pages}))


def of_kind(entries: Iterable[DriftEntry], *kinds: SightingKind) -> list[DriftEntry]:
    return [entry for entry in entries if entry.identity.kind in kinds]


def sends_of(entries: Iterable[DriftEntry]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(e.identity.role, e.identity.subject) for e in of_kind(entries, SightingKind.FIELD)}))


def events_of(entries: Iterable[DriftEntry]) -> tuple[str, ...]:
    return tuple(sorted({e.identity.subject for e in of_kind(entries, SightingKind.EVENT)} - {UNNAMED}))


def make_finding(
    key: str,
    judged: tuple[Severity, str],
    verdict: Verdict,
    title: str,
    tag: TagKey | None,
    entries: Sequence[DriftEntry],
    pages: tuple[str, ...] | None = None,
    category: Category | None = None,
) -> Finding:
    """Put a finding together; pages are those of its entries unless said otherwise."""
    ordered = sorted(entries, key=lambda entry: (_ORDER[entry.verdict], entry.identity.sort_key))
    telling = [e for e in ordered if e.verdict is not Verdict.REMOVED] or ordered
    loaders = [e for e in telling if e.identity.kind is SightingKind.TAG and e.loaders] or telling
    return Finding(
        key=key,
        severity=judged[0],
        verdict=verdict,
        title=title,
        tag=tag,
        owner=next((entry.owner for entry in ordered if entry.owner), None),
        category=category or main_category(ordered),
        pages=pages_of(entries) if pages is None else pages,
        loaders=tuple(dict.fromkeys(word for entry in loaders for word in entry.loaders))[:10],
        sends=sends_of(telling),
        events=events_of(telling),
        entries=tuple(ordered),
        reason=judged[1],
        confirmed=_confirmed(verdict, telling),
    )


def _confirmed(verdict: Verdict, telling: Sequence[DriftEntry]) -> bool | None:
    """A tag seen twice is confirmed, whatever of its fields was seen once only."""
    if verdict is Verdict.REMOVED:
        return None
    own = [entry for entry in telling if entry.identity.kind is SightingKind.TAG] or telling
    told = {entry.confirmed for entry in own}
    return True if True in told else False if False in told else None


def with_leaks(finding: Finding) -> Finding:
    """Add to the reason whose identifiers leave, where the configuration names them."""
    told = [
        words
        for entry in finding.entries
        if entry.verdict is not Verdict.REMOVED
        for name, words in entry.details
        if name == LEAK
    ]
    if not told:
        return finding
    told = list(dict.fromkeys(told))
    more = f" {len(told) - _MOST_LEAKS:,} more of them stand below." if len(told) > _MOST_LEAKS else ""
    sentences = " ".join(f"{words[:1].upper()}{words[1:]}." for words in told[:_MOST_LEAKS])
    return replace(finding, reason=f"{finding.reason} {sentences}{more}")


def main_category(entries: Sequence[DriftEntry]) -> Category:
    """A tag's own category, else the first that says something."""
    ordered = sorted(entries, key=lambda entry: entry.identity.kind is not SightingKind.TAG)
    told = [entry.category for entry in ordered if entry.category is not Category.OTHER]
    return told[0] if told else Category.OTHER
