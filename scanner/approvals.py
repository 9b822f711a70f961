"""What somebody accepted, and what it covers: single findings, vendors on some pages, whole states. Pure.

An approval of a finding covers what the finding consisted of, thing by thing and page by page: another field, another
page, another account is news again. An approval of a vendor covers whatever fits its conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from scanner.model import DriftEntry, Identity, PageInventory, SightingKind, TagKey, Verdict
from scanner.patterns import any_fits, page_fits
from scanner.scene import domain_of


@dataclass(frozen=True, slots=True)
class Covered:
    """One thing that the approval of a finding covers."""

    identity: Identity
    verdict: Verdict = Verdict.ADDED
    """ADDED: it may be there. CHANGED: it may be as in `version`. REMOVED: it may be missing."""
    version: str | None = None
    pages: tuple[str, ...] = ()
    """Patterns; empty: the approval's own."""


@dataclass(frozen=True, slots=True)
class Revocation:
    who: str
    why: str
    at: datetime | None = None


class Standing(StrEnum):
    """Whether an approval counts on a day."""

    IN_FORCE = "in-force"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One entry of the approvals file: of a finding (`covers`), of a vendor or host, or of a whole scan."""

    id: str
    who: str
    why: str
    at: datetime | None = None
    """None: somebody wrote the entry by hand and did not say."""
    until: date | None = None
    """Last day on which it counts."""
    contract: str = ""
    site: tuple[str, ...] = ()
    """Names of sites, `*` allowed; empty: every site."""
    pages: tuple[str, ...] = ()
    """Patterns as in policies; empty: everywhere."""
    vendor: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    """Registrable domains of third parties."""
    sends: tuple[str, ...] | None = None
    """Kinds of information that vendor or host may get; None: whatever it gets."""
    finding: str = ""
    """Key of the finding."""
    title: str = ""
    """What it said, for the reader."""
    covers: tuple[Covered, ...] = ()
    scan: int | None = None
    """The scan whose whole state is accepted."""
    revoked: Revocation | None = None
    place: str = field(default="", compare=False)
    """`file:line`."""

    def standing(self, today: date) -> Standing:
        if self.revoked is not None:
            return Standing.REVOKED
        return Standing.EXPIRED if self.until is not None and today > self.until else Standing.IN_FORCE

    def speaks_of(self, site: str) -> bool:
        return any_fits(site, self.site)

    @property
    def subject(self) -> str:
        """What is approved, in a few words."""
        if self.scan is not None:
            return f"the whole state of scan {self.scan}"
        if self.finding or self.covers:
            return self.title or self.finding
        return " ".join(part for part in map(", ".join, (self.vendor, self.product, self.account, self.host)) if part)

    @property
    def words(self) -> str:
        """Who approved it, until when and why."""
        until = f" until {self.until.isoformat()}" if self.until else ""
        return f"approved by {self.who}{until}: {self.why}"


@dataclass(frozen=True, slots=True)
class Acceptances:
    """The approvals file."""

    entries: tuple[Acceptance, ...] = ()
    """In the file's order."""
    exists: bool = False
    """Whether there is a file at all."""

    def find(self, approval_id: str) -> Acceptance | None:
        return next((entry for entry in self.entries if entry.id == approval_id), None)

    def of(self, site: str, standing: Standing, today: date) -> tuple[Acceptance, ...]:
        """Those that cover things on `site` and have this standing on `today`; whole states are not among them."""
        return tuple(
            entry
            for entry in self.entries
            if entry.scan is None and entry.speaks_of(site) and entry.standing(today) is standing
        )


class Approved:
    """Some acceptances of one site, ready for questions."""

    def __init__(self, entries: Sequence[Acceptance] = ()) -> None:
        self.entries = tuple(entries)
        self._fits: dict[tuple[tuple[str, ...], str], bool] = {}
        self._users: dict[str, dict[str, set[TagKey]]] = {}
        self._accounts: dict[str, dict[tuple[str, str], set[TagKey]]] = {}
        self._covered = [_by_identity(entry) for entry in self.entries]

    def by(
        self, page: PageInventory, identity: Identity, verdict: Verdict = Verdict.ADDED, version: str | None = None
    ) -> Acceptance | None:
        """Return the first approval that covers `identity` on `page`; None if nobody approved it."""
        for entry, covered in zip(self.entries, self._covered, strict=True):
            if not self._on(entry.pages, page.page):
                continue
            for one in covered.get(identity, ()):
                if one.verdict is not verdict or not self._on(one.pages, page.page):
                    continue
                if verdict is not Verdict.CHANGED or one.version == version:
                    return entry
            if verdict is not Verdict.REMOVED and self._selected(entry, page, identity):
                return entry
        return None

    def _on(self, patterns: tuple[str, ...], page: str) -> bool:
        if not patterns:
            return True
        known = self._fits.get((patterns, page))
        if known is None:
            known = self._fits[patterns, page] = page_fits(page, patterns)
        return known

    def _selected(self, entry: Acceptance, page: PageInventory, identity: Identity) -> bool:
        if entry.sends is not None and identity.kind is SightingKind.FIELD and identity.role not in entry.sends:
            return False
        if identity.tag is not None:
            return self._tag_selected(entry, page, identity.tag)
        domain = domain_of(identity)
        if entry.host:
            return bool(domain) and any_fits(domain, entry.host)
        # What leaves to a host that no rule knows is not the vendor's; the host itself is, where only it is used.
        users = self._users_of(page).get(domain, set())
        return (
            identity.kind is not SightingKind.FIELD
            and bool(users)
            and all(self._tag_selected(entry, page, tag) for tag in users)
        )

    def _tag_selected(self, entry: Acceptance, page: PageInventory, tag: TagKey) -> bool:
        if not (entry.vendor or entry.product or entry.account):
            return False
        if not (any_fits(tag.vendor, entry.vendor) and any_fits(tag.product, entry.product)):
            return False
        if not entry.account:
            return True
        if tag.account is not None:
            return any_fits(tag.account, entry.account)
        # A loader that names no account goes with the accounts of its product on the page.
        named = self._accounts_of(page).get((tag.vendor, tag.product), set())
        return bool(named) and all(any_fits(one.account or "", entry.account) for one in named)

    def _users_of(self, page: PageInventory) -> dict[str, set[TagKey]]:
        if page.page not in self._users:
            users = self._users[page.page] = {}
            for sighting in page.sightings:
                tag, domain = sighting.identity.tag, domain_of(sighting.identity)
                if tag is not None and domain:
                    users.setdefault(domain, set()).add(tag)
        return self._users[page.page]

    def _accounts_of(self, page: PageInventory) -> dict[tuple[str, str], set[TagKey]]:
        if page.page not in self._accounts:
            accounts = self._accounts[page.page] = {}
            for sighting in page.sightings:
                tag = sighting.identity.tag
                if tag is not None and tag.account is not None:
                    accounts.setdefault((tag.vendor, tag.product), set()).add(tag)
        return self._accounts[page.page]


def _by_identity(entry: Acceptance) -> Mapping[Identity, list[Covered]]:
    found: dict[Identity, list[Covered]] = {}
    for covered in entry.covers:
        found.setdefault(covered.identity, []).append(covered)
    return found


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What one approval took out of a comparison."""

    acceptance: Acceptance
    entries: tuple[DriftEntry, ...]
    """Each with the pages that were taken out."""


def without_approved(
    entries: Iterable[DriftEntry], approved: Approved, page_of: Callable[[str], PageInventory | None]
) -> tuple[tuple[DriftEntry, ...], tuple[LeftOut, ...]]:
    """Split drift into what is left and what somebody approved; an entry that is approved on some pages is split."""
    if not approved.entries:
        return tuple(entries), ()
    kept: list[DriftEntry] = []
    taken: dict[str, list[DriftEntry]] = {}
    for entry in entries:
        by_page = {page: _approved_by(approved, page_of(page), entry) for page in entry.pages}
        rest = tuple(page for page in entry.pages if by_page[page] is None)
        if len(rest) == len(entry.pages):
            kept.append(entry)
            continue
        if rest:
            kept.append(_on_pages(entry, rest))
        for acceptance_id in dict.fromkeys(one.id for one in by_page.values() if one is not None):
            pages = tuple(page for page, one in by_page.items() if one is not None and one.id == acceptance_id)
            taken.setdefault(acceptance_id, []).append(_on_pages(entry, pages))
    left_out = (LeftOut(one, tuple(taken[one.id])) for one in approved.entries if one.id in taken)
    return tuple(kept), tuple(left_out)


def _approved_by(approved: Approved, page: PageInventory | None, entry: DriftEntry) -> Acceptance | None:
    if page is None:
        return None
    return approved.by(page, entry.identity, entry.verdict, entry.after)


def _on_pages(entry: DriftEntry, pages: tuple[str, ...]) -> DriftEntry:
    left = set(pages)
    return replace(
        entry,
        pages=pages,
        pages_new=tuple(page for page in entry.pages_new if page in left),
        pages_after=max(entry.pages_after - len(entry.pages) + len(pages), 0),
    )


def covers_of(things: Iterable[tuple[Identity, Verdict, str | None, str]], pages: Sequence[str]) -> Iterator[Covered]:
    """Put (identity, verdict, version, page) together, as an approval for `pages` covers them."""
    found: dict[tuple[Identity, Verdict, str | None], set[str]] = {}
    for identity, verdict, version, page in things:
        found.setdefault((identity, verdict, version if verdict is Verdict.CHANGED else None), set()).add(page)
    order = list(Verdict)
    for (identity, verdict, version), seen in sorted(
        found.items(), key=lambda one: (one[0][0].sort_key, order.index(one[0][1]), one[0][2] or "")
    ):
        yield Covered(identity, verdict, version, () if seen >= set(pages) else tuple(sorted(seen)))
