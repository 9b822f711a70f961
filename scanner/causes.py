"""Who brought what a finding speaks of, and what else is new or different on its pages since the older scan. Pure.

A cause is a guess from what was seen: who loaded it, and what of that changed. What else changed stands beside it, so
that a person can judge.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from scanner.finding_words import Names, product_name
from scanner.findings_of_containers import holders_of
from scanner.model import (
    DriftEntry,
    Finding,
    Outcome,
    PageInventory,
    SightingKind,
    Snapshot,
    Verdict,
)
from scanner.scene import domain_of
from scanner.sighting_words import CONTAINER_VERSION
from scanner.urls import host_of

MOST_FINDINGS = 60
MOST_PAGES = 40
"""Of a finding, whose scripts are compared."""
MOST_TOLD = 8
_INLINE = "inline snippet in the page"
_IN_LOADER = re.compile(r"\(((?:GTM|GT|G|AW|DC)-[A-Z0-9-]+)(?: version (\S+))?\)$")
_IN_WORDS = {
    _INLINE: "an inline snippet in the page",
    "HTML of the page": "the HTML of the page",
    "script in the page": "a script in the page",
    "preload in the page": "a preload in the page",
}

Digests = frozenset[str]
Scripts = Mapping[str, Digests]
"""Address of a script without chance → beginnings of the SHA-256 of its contents, as far as they are known."""


@dataclass(frozen=True, slots=True)
class _Change:
    address: str
    then: Digests
    """Empty: it was not there."""
    now: Digests


@dataclass(slots=True)
class _Sides:
    """Both scans, as far as causes ask about them."""

    before: Snapshot | None
    after: Snapshot
    names: Names
    old: dict[str, PageInventory] = field(default_factory=dict)
    new: dict[str, PageInventory] = field(default_factory=dict)
    managers: dict[str, str] = field(default_factory=dict)
    """Account of a tag manager → its product's name."""
    versions: tuple[dict[str, set[str]], dict[str, set[str]]] = field(default_factory=lambda: ({}, {}))
    """Container → its versions, then and now."""
    own_scripts: set[str] = field(default_factory=set)
    """Addresses of first-party scripts."""

    def read(self) -> None:
        for side, snapshot in enumerate((self.before, self.after)):
            for page in snapshot.pages if snapshot else ():
                (self.new if side else self.old)[page.page] = page
                self.own_scripts.update(address for address, _ in page.scripts or ())
                for sighting in page.sightings:
                    tag = sighting.identity.tag
                    if sighting.identity.kind is SightingKind.TAG and tag is not None and tag.account:
                        self.managers.setdefault(tag.account, product_name(tag, self.names))
                    for name, words in sighting.details:
                        if name == CONTAINER_VERSION:
                            container, _, version = words.rpartition(" ")
                            self.versions[side].setdefault(container, set()).add(version)

    @property
    def between(self) -> str:
        assert self.before is not None
        return f"between {_minute(self.before.scan.started_at)} and {_minute(self.after.scan.started_at)} UTC"


def with_causes(
    findings: Sequence[Finding], before: Snapshot | None, after: Snapshot, names: Names
) -> tuple[Finding, ...]:
    """Return `findings` with the cause of what appeared or changed, and what else did on the same pages."""
    sides = _Sides(before, after, names)
    sides.read()
    new_hosts = _new_hosts(sides)
    return tuple(
        _with_cause(finding, sides, new_hosts)
        if number < MOST_FINDINGS and finding.verdict is not Verdict.REMOVED
        else finding
        for number, finding in enumerate(findings)
    )


def _with_cause(finding: Finding, sides: _Sides, new_hosts: Mapping[str, frozenset[str]]) -> Finding:
    changes = list(_changes(finding.pages[:MOST_PAGES], sides))
    own = {entry.identity.subject for entry in finding.entries if entry.identity.kind is SightingKind.SCRIPT}
    chain = [change for change in changes if _loads(finding, change.address)]
    others = [change for change in changes if change not in chain and change.address not in own]
    containers = _containers(finding)
    told = [_change_in_words(change, sides) for change in (*chain, *others)]
    told += [words for container in containers if (words := _moved(container, sides))]
    brought = {domain_of(entry.identity) for entry in finding.entries}
    pages = set(finding.pages)
    told += [f"the host {host} is new" for host, on in sorted(new_hosts.items()) if on & pages and host not in brought]
    if len(told) > MOST_TOLD:
        told = [*told[:MOST_TOLD], f"and {len(told) - MOST_TOLD:,} more"]
    return replace(finding, cause=_cause(finding, containers, chain, sides), also_changed=tuple(told))


# --------------------------------------------------------------------------- the cause


def _cause(finding: Finding, containers: Sequence[str], chain: Sequence[_Change], sides: _Sides) -> str:
    if containers:
        return _container_in_words(containers[0], finding.entries, sides)
    own_script = next((change for change in chain if _is_own(change.address, sides)), None)
    if own_script is not None:
        what = f"which changed {sides.between}" if own_script.then else "which was not on these pages before"
        return f"the script {_short(own_script.address, sides)}, {what}"
    if _INLINE in finding.loaders:
        return _IN_WORDS[_INLINE]
    loader = next((loader for loader in finding.loaders if _is_own(_address(loader), sides)), None)
    loader = loader or next(iter(finding.loaders), "")
    if loader in _IN_WORDS:
        return _IN_WORDS[loader]
    return f"the script {_short(_address(loader), sides)}" if "://" in loader.partition(" ")[0] else loader


def _containers(finding: Finding) -> tuple[str, ...]:
    """The containers it stands in or came through; a container is not its own cause."""
    through = [match[1] for loader in finding.loaders if (match := _IN_LOADER.search(loader))]
    found = dict.fromkeys([*holders_of(finding.entries), *through])
    account = finding.tag.account if finding.tag else None
    return tuple(name for name in found if name != account)


def _container_in_words(container: str, entries: Iterable[DriftEntry], sides: _Sides) -> str:
    name = sides.managers.get(container, "Google Tag Manager" if container.startswith("GTM-") else "container")
    now = sorted(sides.versions[1].get(container, set()) - {"unknown"})
    words = f"{name} {container}" + (f" version {' and '.join(now)}" if now else "")
    held = [entry for entry in entries if entry.identity.kind is SightingKind.CONTAINER_TAG]
    if any(name == "code" for entry in held for name, _ in entry.details):
        words += " → custom HTML"
    return words


def _moved(container: str, sides: _Sides) -> str:
    then, now = (sides.versions[side].get(container, set()) - {"unknown"} for side in (0, 1))
    if sides.before is None or not now or then == now:
        return ""
    name = sides.managers.get(container, "container")
    if not then:
        return f"{name} {container} is new"
    return f"{name} {container} went from version {' and '.join(sorted(then))} to {' and '.join(sorted(now))}"


# --------------------------------------------------------------------------- what else changed


def _changes(pages: Iterable[str], sides: _Sides) -> Iterator[_Change]:
    """Scripts of `pages` with other contents than before, or that were not there, by address."""
    then: dict[str, set[str]] = defaultdict(set)
    now: dict[str, set[str]] = defaultdict(set)
    for page in pages:
        old, new = sides.old.get(page), sides.new.get(page)
        if old is None or new is None or old.outcome is not Outcome.OK or old.scripts is None:
            continue  # not seen whole then, or entered before scripts were kept: every script would look new
        for found, side in ((old, then), (new, now)):
            for address, digests in _scripts(found).items():
                side[address] |= digests
    for address in sorted(now):
        if address not in then or (then[address] and now[address] and then[address].isdisjoint(now[address])):
            yield _Change(address, frozenset(then.get(address, ())), frozenset(now[address]))


def _scripts(page: PageInventory) -> Scripts:
    found: dict[str, set[str]] = defaultdict(set)
    for address, digest in page.scripts or ():
        found[address].add(digest)
    for sighting in page.sightings:
        if sighting.identity.kind is SightingKind.SCRIPT:
            found[sighting.identity.subject] |= {part[:16] for part in (sighting.version or "").split("+") if part}
    return {address: frozenset(digests) for address, digests in found.items()}


def _change_in_words(change: _Change, sides: _Sides) -> str:
    name = f"the script {_short(change.address, sides)}"
    if not change.then:
        return f"{name} was not on these pages before"
    then, now = (" and ".join(f"{digest[:12]}…" for digest in sorted(side)[:2]) for side in (change.then, change.now))
    return f"{name} changed {sides.between} (SHA-256 {then} → {now})"


def _new_hosts(sides: _Sides) -> Mapping[str, frozenset[str]]:
    """Third-party domains that the older scan met nowhere → the pages they are on now."""
    if sides.before is None or not any(page.outcome is Outcome.OK for page in sides.before.pages):
        return {}
    known = {domain for page in sides.before.pages for domain in _hosts(page)}
    found: dict[str, set[str]] = defaultdict(set)
    for page in sides.after.pages:
        for domain in _hosts(page):
            if domain not in known:
                found[domain].add(page.page)
    return {domain: frozenset(pages) for domain, pages in found.items()}


def _hosts(page: PageInventory) -> Iterator[str]:
    return (s.identity.subject for s in page.sightings if s.identity.kind is SightingKind.HOST)


# --------------------------------------------------------------------------- words


def _address(loader: str) -> str:
    """`https://www.clinic.example/theme.js (x)` → `www.clinic.example/theme.js`, as inventories name scripts."""
    return loader.partition(" ")[0].partition("://")[2]


def _loads(finding: Finding, address: str) -> bool:
    return any(_address(loader) == address for loader in finding.loaders)


def _is_own(address: str, sides: _Sides) -> bool:
    return address in sides.own_scripts


def _short(address: str, sides: _Sides) -> str:
    """`/theme.js` on the pages' own host, else host and path."""
    host, slash, path = address.partition("/")
    own = {host_of(page.final_url) for page in sides.after.pages[:1]}
    return f"/{path}" if slash and host in own else address


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
