"""A scan boiled down to numbers: which tag is where, loaded by whom, carrying what. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from reports.inventory import has_left
from reports.masked import form_of
from scanner.crawl.templates import TemplateLearner
from scanner.inventory import FIRST_PARTY, PLACEHOLDER
from scanner.model import (
    Category,
    Identity,
    Outcome,
    PageGroupCount,
    PageInventory,
    ScanSummary,
    SentKind,
    Sighting,
    SightingKind,
    TagCount,
    TagKey,
    TagPicture,
    TagPlace,
)

MOST_GROUPS = 24
"""Kinds of pages that are told apart: more columns nobody reads."""
_REST = "other pages"
_MOST_LOADERS = 40
_LONGEST_LOADER_CHARS = 200
_NOBODY = -1


def summarise(pages: Iterable[PageInventory]) -> ScanSummary:
    """Return what one scan's inventories say in numbers. Reads each once; memory holds a few numbers a page."""
    sheet = _Sheet()
    for page in pages:
        sheet.add(page)
    return sheet.done()


class _Sheet:
    """What is known so far; lives only inside `summarise`."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.whole: list[bool] = []
        self.kinds: list[str | None] = []
        self.loaders: dict[str, int] = {}
        self.tags: dict[TagKey, _Tag] = {}

    def add(self, page: PageInventory) -> None:
        if page.outcome not in (Outcome.OK, Outcome.PARTIAL) and not page.sightings:
            return  # nothing was seen of it: it is of no kind, and has no place in a picture
        number = len(self.pages)
        self.pages.append(page.page)
        self.whole.append(page.outcome is Outcome.OK)
        self.kinds.append(page.kind)
        for sighting in page.sightings:
            key = owner_key(sighting.identity)
            if key is not None:
                self.tags.setdefault(key, _Tag()).add(number, sighting, self._loader(sighting))

    def _loader(self, sighting: Sighting) -> int:
        if not sighting.loaders:
            return _NOBODY
        name = sighting.loaders[0][:_LONGEST_LOADER_CHARS]
        if name not in self.loaders and len(self.loaders) >= _MOST_LOADERS:
            return _NOBODY
        return self.loaders.setdefault(name, len(self.loaders))

    def done(self) -> ScanSummary:
        groups, group_of = page_groups(self.pages, self.whole, self.kinds)
        tags = _without_shadows(self.tags)
        order = sorted(tags, key=lambda key: (key.vendor, key.product, key.account or ""))
        return ScanSummary(
            pages=len(self.pages),
            tags=tuple(TagCount(key, len(tags[key].core), tags[key].sent_pages) for key in order),
            groups=groups,
            loaders=tuple(self.loaders),
            pictures=tuple(tags[key].picture(key, group_of) for key in order),
        )


class _Tag:
    """What is known of one tag so far."""

    def __init__(self) -> None:
        self.own: dict[int, tuple[int, bool]] = {}
        """Page → (loader, something left), by the tag's own sightings."""
        self.others: dict[int, tuple[int, bool]] = {}
        """The same by its events and fields: all there is of a tag that names its account elsewhere."""
        self.fields: dict[tuple[str, str, bool], set[int]] = defaultdict(set)
        self.category = Category.OTHER
        self.owner: str | None = None
        self.first_party = False

    def add(self, page: int, sighting: Sighting, loader: int) -> None:
        identity = sighting.identity
        of_tag = identity.kind is SightingKind.TAG
        seen = self.own if of_tag else self.others
        before, sent = seen.get(page, (_NOBODY, False))
        seen[page] = (loader if before == _NOBODY else before, sent or "request" in sighting.evidence)
        if self.category is Category.OTHER:
            self.category = sighting.category
        self.owner = self.owner or sighting.owner
        self.first_party = self.first_party or (of_tag and identity.role == FIRST_PARTY)
        if identity.kind is SightingKind.FIELD:
            form, left = form_of(sighting.examples), has_left(sighting.evidence)
            self.fields[identity.role, form, left].add(page)

    @property
    def core(self) -> Mapping[int, tuple[int, bool]]:
        return self.own or self.others

    @property
    def sent_pages(self) -> int:
        return sum(sent for _, sent in self.core.values())

    def picture(self, key: TagKey, group_of: Sequence[int]) -> TagPicture:
        places = Counter((group_of[page], loader) for page, (loader, _) in self.core.items())
        return TagPicture(
            tag=key,
            category=self.category,
            pages=len(self.core),
            owner=self.owner,
            first_party=self.first_party,
            places=tuple(TagPlace(group, loader, pages) for (group, loader), pages in sorted(places.items())),
            sends=tuple(
                SentKind(kind, form, left, len(pages)) for (kind, form, left), pages in sorted(self.fields.items())
            ),
        )


def owner_key(identity: Identity) -> TagKey | None:
    """The tag a sighting belongs to; for what reaches a third party that no rule knows, its domain twice."""
    if identity.tag is not None:
        # What a container holds and what it would do is no sign that the tag itself is on the page.
        return None if identity.kind is SightingKind.CONTAINER_TAG else identity.tag
    if identity.kind is not SightingKind.FIELD:
        return None
    domain = identity.subject.removesuffix(PLACEHOLDER).rpartition(" to ")[2]
    return TagKey(domain, domain)


def _without_shadows(tags: Mapping[TagKey, _Tag]) -> dict[TagKey, _Tag]:
    """Leave out a product's parts that name no account where its accounts are known on all of their pages."""
    accounts: dict[tuple[str, str], set[int]] = defaultdict(set)
    for key, tag in tags.items():
        if key.account is not None:
            accounts[key.vendor, key.product].update(tag.core)
    return {
        key: tag
        for key, tag in tags.items()
        if key.account is not None or tag.fields or not accounts[key.vendor, key.product].issuperset(tag.core)
    }


def page_groups(
    pages: Sequence[str], whole: Sequence[bool], kinds: Sequence[str | None], most: int = MOST_GROUPS
) -> tuple[tuple[PageGroupCount, ...], tuple[int, ...]]:
    """Return the kinds of pages, most pages first, and for each page the number of its kind.

    What varies in the addresses is learned from all of them. Where that leaves too many kinds, whole sections become
    one (`/services/…`), the fullest first, and in the end the rarest share a place.
    """
    learner = TemplateLearner()
    for page in pages:
        learner.observe(page)
    templates = [learner.template(page) for page in pages]
    hosts = {template.partition("/")[0] for template in templates}
    if len(hosts) == 1:
        templates = ["/" + template.partition("/")[2] for template in templates]
    names = _merged(templates, most, _section if len(hosts) == 1 else _section_of_host)
    members: dict[str, list[int]] = defaultdict(list)
    for number, template in enumerate(templates):
        members[names[template]].append(number)
    order = sorted(members, key=lambda name: (name == _REST, -len(members[name]), name))
    group_of = [0] * len(pages)
    groups: list[PageGroupCount] = []
    for position, name in enumerate(order):
        for number in members[name]:
            group_of[number] = position
        said = {kinds[number] for number in members[name]} - {None}
        groups.append(
            PageGroupCount(
                template=name,
                pages=len(members[name]),
                whole=sum(whole[number] for number in members[name]),
                kind=said.pop() if len(said) == 1 else None,
            )
        )
    return tuple(groups), tuple(group_of)


def _section(template: str) -> str:
    return "/" + template.split("/")[1] + "/…"


def _section_of_host(template: str) -> str:
    return "/".join(template.split("/")[:2]) + "/…"


def _merged(templates: Sequence[str], most: int, section: Callable[[str], str]) -> dict[str, str]:
    """Template → its name in the summary: itself, its section, or the rest."""
    sizes = Counter(templates)
    names = {template: template for template in sizes}
    sections: dict[str, list[str]] = defaultdict(list)
    for template in sizes:
        if template.count("/") > 1:
            sections[section(template)].append(template)
    for name, members in sorted(sections.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        if len(set(names.values())) <= most or len(members) < 2:
            break
        names.update(dict.fromkeys(members, name))
    widest = Counter[str]()
    for template, size in sizes.items():
        widest[names[template]] += size
    if len(widest) > most:
        kept = {name for name, _ in sorted(widest.items(), key=lambda pair: (-pair[1], pair[0]))[: most - 1]}
        names = {template: name if name in kept else _REST for template, name in names.items()}
    return names
