"""From what a person points at (a finding, a vendor) to the entry that goes into the approvals file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches

from scanner.approvals import Acceptance, Covered, covers_of
from scanner.errors import UsageError
from scanner.model import (
    DriftEntry,
    Finding,
    Identity,
    Incident,
    Outcome,
    PageInventory,
    ScanKind,
    Sighting,
    SightingKind,
    Snapshot,
    Verdict,
)
from scanner.patterns import page_fits
from scanner.policy import Ruling
from scanner.scene import domain_of
from scanner.urls import host_of

_SHOWN = 8
_SPECIAL = re.compile(r"([*?\[])")


@dataclass(frozen=True, slots=True)
class Terms:
    """Who accepts something, and within which limits."""

    who: str
    why: str
    until: date | None = None
    contract: str = ""
    pages: tuple[str, ...] = ()
    """Patterns; empty: no limit."""

    def entry(self, site: str) -> Acceptance:
        return Acceptance("", self.who, self.why, None, self.until, self.contract, (site,), self.pages)


def finding_called(findings: Sequence[Finding], key: str) -> Finding:
    """Return the finding with this key, or the only one whose key or title holds it. Raises `UsageError`."""
    exact = [finding for finding in findings if finding.key == key]
    low = key.casefold()
    like = exact or [one for one in findings if low in one.key.casefold() or low in one.title.casefold()]
    if len(like) == 1:
        return like[0]
    shown = "\n     ".join(f"{one.key}  {one.title}" for one in (like or findings)[:_SHOWN])
    if like:
        raise UsageError(f"{len(like)} findings are called like `{key}`", hint=f"name one by its key:\n     {shown}")
    known = f"the findings are:\n     {shown}" if findings else "there are no findings"
    raise UsageError(f"no finding is called `{key}`", hint=known)


def acceptance_of_finding(
    finding: Finding,
    snapshot: Snapshot,
    rulings: Iterable[Ruling],
    terms: Terms,
) -> Acceptance:
    """Return the entry that covers just what `finding` consists of, on its pages or those that the terms name.

    `rulings` are what the policy forbids in `snapshot`: of a violation that is part of the matter.
    """
    if not finding.entries and finding.verdict is Verdict.CHANGED:
        raise UsageError(
            f"{finding.title}: what is required and missing cannot be approved",
            hint="change the rule in the configuration: its `pages`, or an `until`",
        )
    pages = terms.pages
    its_pages = [page for page in finding.pages if page_fits(page, pages)]
    if not its_pages:
        raise UsageError(f"the finding is on no page like {', '.join(pages)}", hint=_some(finding.pages))
    things = [one for one in _things(finding, rulings) if one[3] in set(its_pages)]
    one_host = len({host_of(page.page) for page in snapshot.pages}) <= 1
    everywhere = not pages and _on_every_page(its_pages, snapshot)
    return replace(
        terms.entry(snapshot.scan.site),
        pages=() if everywhere else tuple(pages) or tuple(pattern_of(page, one_host) for page in its_pages),
        finding=finding.key,
        title=finding.title,
        covers=tuple(_as_patterns(covered, one_host) for covered in covers_of(things, its_pages)),
    )


def acceptance_of_incident(
    incident: Incident, snapshot: Snapshot, rulings: Iterable[Ruling], terms: Terms
) -> Acceptance:
    """Return the entry that covers an incident as `snapshot` still shows it, on all its pages.

    An incident about a tag covers everything of that tag there. Raises `UsageError` if nothing of it is left.
    """
    finding = incident.finding
    its_pages, identities = set(finding.pages), set(incident.identities)
    whole = any(identity.kind is SightingKind.TAG and identity.tag == finding.tag for identity in identities)
    seen: dict[Identity, tuple[Sighting, list[str]]] = {}
    for page in snapshot.pages:
        for sighting in page.sightings if page.page in its_pages else ():
            identity = sighting.identity
            if identity in identities or (
                whole and (identity.tag == finding.tag or _only_its(identity, finding, page))
            ):
                seen.setdefault(identity, (sighting, []))[1].append(page.page)
    if not seen:
        raise UsageError(f"incident {incident.id} is not there any more in scan {snapshot.scan.id}")
    entries = tuple(
        DriftEntry(Verdict.ADDED, identity, tuple(pages), evidence=sighting.evidence)
        for identity, (sighting, pages) in seen.items()
    )
    there = tuple(sorted({page for entry in entries for page in entry.pages}))
    return acceptance_of_finding(replace(finding, entries=entries, pages=there), snapshot, rulings, terms)


def _only_its(identity: Identity, finding: Finding, page: PageInventory) -> bool:
    """Say whether a host (or a cookie of one) is used on the page by the finding's tag alone."""
    domain = domain_of(identity)
    if identity.tag is not None or not domain:
        return False
    users = {s.identity.tag for s in page.sightings if s.identity.tag is not None and domain_of(s.identity) == domain}
    return users == {finding.tag}


Thing = tuple[Identity, Verdict, str | None, str]


def _things(finding: Finding, rulings: Iterable[Ruling]) -> Iterator[Thing]:
    for entry in finding.entries:
        yield from ((entry.identity, entry.verdict, entry.after, page) for page in entry.pages)
    if not finding.violation:
        return
    hosts = {domain_of(entry.identity) for entry in finding.entries} - {""}
    for ruling in rulings:
        identity = ruling.sighting.identity
        mine = identity.tag == finding.tag if finding.tag is not None else domain_of(identity) in hosts
        if ruling.forbidden and mine and (identity.tag is None) is (finding.tag is None):
            yield identity, Verdict.ADDED, None, ruling.page


def _on_every_page(pages: Sequence[str], snapshot: Snapshot) -> bool:
    seen = [p.page for p in snapshot.pages if p.outcome in (Outcome.OK, Outcome.PARTIAL) or p.sightings]
    return snapshot.scan.kind is ScanKind.FULL and len(seen) > 1 and set(seen) <= set(pages)


def _as_patterns(covered: Covered, one_host: bool) -> Covered:
    return replace(covered, pages=tuple(pattern_of(page, one_host) for page in covered.pages))


def pattern_of(page: str, one_host: bool) -> str:
    """Return the glob that fits just this page: by path and query, or the whole URL where sites have several hosts."""
    if not one_host:
        return _SPECIAL.sub(r"[\1]", page)
    path = "/" + page.partition("://")[2].partition("/")[2]
    return _SPECIAL.sub(r"[\1]", path)


def acceptance_of_vendor(
    names: Mapping[tuple[str, str], tuple[str, str]],
    site: str,
    terms: Terms,
    *,
    vendor: str | None = None,
    product: str | None = None,
    account: Sequence[str] = (),
    host: Sequence[str] = (),
    sends: Sequence[str] = (),
) -> Acceptance:
    """Return the entry for a vendor, a product, some accounts of it, or a host that no rule knows.

    `vendor` may be a product's id, or `vendor/product`. Raises `UsageError` for one that no rule file knows.
    """
    if host and (vendor or product or account):
        raise UsageError("approve a vendor or a host, not both at once", hint="run the command twice")
    if account and not (vendor or product):
        raise UsageError("--account needs --vendor", hint="the number alone does not say whose account it is")
    vendors, products = _known(names, vendor, product)
    return replace(
        terms.entry(site),
        vendor=vendors,
        product=products,
        account=tuple(account),
        host=tuple(host),
        sends=tuple(sends) or None,
    )


def _known(
    names: Mapping[tuple[str, str], tuple[str, str]], vendor: str | None, product: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if vendor and "/" in vendor:
        vendor, _, rest = vendor.partition("/")
        product = product or rest
    vendors = {one for one, _ in names}
    products = {one: of for of, one in sorted(names, reverse=True)}
    if vendor and vendor not in vendors and vendor in products and product is None:
        vendor, product = products[vendor], vendor
    for given, known in ((vendor, vendors), (product, set(products))):
        if given is not None and given not in known:
            close = get_close_matches(given, [*known, *products], n=1)
            meant = f"did you mean `{close[0]}`?" if close else "tagdrift rules list shows all"
            raise UsageError(f"no rule knows a vendor or product `{given}`", hint=meant)
    if vendor and product and (vendor, product) not in names:
        raise UsageError(f"{product} is a product of {products[product]}, not of {vendor}")
    return ((vendor,) if vendor else ()), ((product,) if product else ())


def _some(pages: Sequence[str]) -> str:
    more = f" and {len(pages) - _SHOWN} more" if len(pages) > _SHOWN else ""
    return f"it is on {', '.join(pages[:_SHOWN])}{more}"
