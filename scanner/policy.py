"""What may be on a site, and what must not: ordered rules, the first that fits decides. Pure.

The rules of the configuration come first, then those of the preset. What no rule speaks of is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from scanner.approvals import Acceptance, Approved
from scanner.model import Category, ConsentState, Outcome, PageInventory, Sighting, SightingKind, TagKey
from scanner.patterns import any_fits, page_fits, tag_fits
from scanner.policy_kinds import CONTEXT, HEALTH_PAGES, IDENTIFIERS
from scanner.scene import domain_of

PageKind = Callable[[str, str | None], str | None]


class Action(StrEnum):
    ALLOW = "allow"
    FORBID = "forbid"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One line of a policy. Every condition that is given must hold; an empty one always does."""

    action: Action
    vendor: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    """Third-party registrable domains, `*` allowed."""
    exposure: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    """Globs on the path and query, or on the whole URL when they hold `://`."""
    page_kind: tuple[str, ...] = ()
    consent: tuple[ConsentState, ...] = ()
    reason: str = ""
    who: str = ""
    contract: str = ""
    """Reference of the agreement that covers it, e.g. a BAA number."""
    until: date | None = None
    """Last day on which the rule holds."""
    name: str = ""
    """How reports call the rule, e.g. `policy rule 3` or `healthcare preset: no advertising tags`."""
    number: int = 0
    """Position among the site's own rules, from 1; 0 for a preset's."""
    place: str = ""
    """`file:line` of a rule of one's own, or the preset's name."""

    def speaks_of(self, kind: SightingKind) -> bool:
        """Say whether this rule can decide about sightings of `kind` at all."""
        if kind is SightingKind.FIELD:
            return bool(self.exposure) or self.action is Action.ALLOW
        if self.exposure:
            return False
        if kind is SightingKind.TAG:
            return not self.host
        return kind is SightingKind.HOST and (bool(self.host) or not (self.vendor or self.product or self.account))


@dataclass(frozen=True, slots=True)
class Policy:
    rules: tuple[PolicyRule, ...] = ()
    preset: str = "healthcare"

    def in_force(self, today: date) -> Iterator[PolicyRule]:
        """The rules that hold on `today`, the site's own before the preset's."""
        yield from (rule for rule in self.rules if rule.until is None or today <= rule.until)
        yield from PRESETS[self.preset]

    def expired(self, today: date) -> tuple[PolicyRule, ...]:
        return tuple(rule for rule in self.rules if rule.until is not None and today > rule.until)


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule broken by one tag or host (or a required tag that is missing), with its pages."""

    rule: PolicyRule
    tag: TagKey | None
    host: str | None
    pages: tuple[str, ...]
    """Sorted; for a missing required tag the pages that were seen whole without it."""
    exposures: tuple[tuple[str, str], ...] = ()
    """(exposure kind, field path) that break the rule, sorted; empty when presence alone does."""
    loaders: tuple[str, ...] = ()
    owner: str | None = None
    category: Category = Category.OTHER
    evidence: tuple[str, ...] = ()
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """Which rule decides about one thing on one page; `rule` is None when none speaks of it.

    An allowance or approval that has ended, and that nothing else decides for, forbids what it let pass.
    """

    page: str
    sighting: Sighting
    rule: PolicyRule | None
    acceptance: Acceptance | None = None
    """The approval that lets it pass, whatever the rule says."""

    @property
    def forbidden(self) -> bool:
        return self.action is Action.FORBID and self.acceptance is None

    @property
    def action(self) -> Action:
        return self.rule.action if self.rule else Action.ALLOW


def _preset(name: str, *rules: PolicyRule) -> tuple[PolicyRule, ...]:
    return tuple(replace(rule, name=f"{name} preset: {rule.reason}", place=f"preset {name}") for rule in rules)


_NO_ADVERTISING = PolicyRule(Action.FORBID, category=("advertising",), reason="no advertising tag on any page")
_NO_REPLAY = PolicyRule(Action.FORBID, category=("session-replay",), reason="no session replay on any page")
_NO_IDENTIFIER = PolicyRule(
    Action.FORBID,
    exposure=tuple(sorted(IDENTIFIERS)),
    reason="no identifier of a person to a third party without an agreement",
)
_NO_HEALTH = PolicyRule(
    Action.FORBID,
    exposure=tuple(sorted(CONTEXT)),
    page_kind=tuple(sorted(HEALTH_PAGES)),
    reason="no health context to a third party without an agreement",
)

PRESETS: Mapping[str, tuple[PolicyRule, ...]] = {
    "healthcare": _preset("healthcare", _NO_ADVERTISING, _NO_REPLAY, _NO_IDENTIFIER, _NO_HEALTH),
    "strict": _preset(
        "strict",
        _NO_ADVERTISING,
        _NO_REPLAY,
        _NO_IDENTIFIER,
        _NO_HEALTH,
        PolicyRule(Action.ALLOW, category=("consent", "security"), reason="consent and security tools"),
        PolicyRule(Action.FORBID, vendor=("*",), reason="no tag that is not expressly allowed"),
        PolicyRule(Action.FORBID, host=("*",), reason="no third party that is not expressly allowed"),
    ),
    "observe": (),
}


_NOBODY = Approved()


def rulings(
    policy: Policy,
    page: PageInventory,
    *,
    today: date,
    consent: ConsentState,
    page_kind: PageKind,
    approved: Approved = _NOBODY,
    lapsed: Approved = _NOBODY,
) -> Iterator[Ruling]:
    """Yield which rule decides about each tag, field and third-party host of `page`.

    `approved` are the approvals in force, `lapsed` those whose last day is over.
    """
    rules, ended = tuple(policy.in_force(today)), tuple(_ended(policy, today))
    tag_hosts = _tag_hosts(page)
    kind = page.kind or page_kind(page.final_url, page.title)
    tagged = {s.identity.tag for s in page.sightings if s.identity.kind is SightingKind.TAG}
    categories = {s.identity.tag: s.category for s in page.sightings if s.identity.kind is SightingKind.TAG}
    for sighting in page.sightings:
        what = sighting.identity.kind
        if what not in (SightingKind.TAG, SightingKind.FIELD, SightingKind.HOST):
            continue
        if what is SightingKind.FIELD and sighting.identity.tag is not None and sighting.identity.tag not in tagged:
            continue
        seen = _Seen(sighting, categories.get(sighting.identity.tag, sighting.category), page, kind, consent)
        rule = _first(rules, seen)
        acceptance = approved.by(page, sighting.identity)
        if rule is None and acceptance is None:
            rule = _first(ended, seen)
            if rule is None and not (what is SightingKind.HOST and domain_of(sighting.identity) in tag_hosts):
                rule = _lapsed(lapsed.by(page, sighting.identity))
        yield Ruling(page.page, sighting, rule, acceptance)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A sighting with what rules ask about it."""

    sighting: Sighting
    category: Category
    page: PageInventory
    kind: str | None
    consent: ConsentState


def _first(rules: Sequence[PolicyRule], seen: _Seen) -> PolicyRule | None:
    what = seen.sighting.identity.kind
    return next((rule for rule in rules if rule.speaks_of(what) and _fits(rule, seen)), None)


def _ended(policy: Policy, today: date) -> Iterator[PolicyRule]:
    for rule in policy.expired(today):
        if rule.action is Action.ALLOW:
            yield replace(rule, action=Action.FORBID, name=f"{rule.name}, allowed until {rule.until}")


def _lapsed(acceptance: Acceptance | None) -> PolicyRule | None:
    if acceptance is None:
        return None
    return PolicyRule(
        Action.FORBID,
        reason=acceptance.why,
        who=acceptance.who,
        contract=acceptance.contract,
        until=acceptance.until,
        name=f"approval {acceptance.id} of {acceptance.who}, valid until {acceptance.until}",
        place=acceptance.place,
    )


def violations(
    policy: Policy,
    pages: Iterable[PageInventory],
    *,
    today: date,
    consent: ConsentState = ConsentState.NONE,
    page_kind: PageKind = lambda _url, _title: None,
    approved: Approved = _NOBODY,
    lapsed: Approved = _NOBODY,
) -> tuple[Violation, ...]:
    """Return every broken rule, one entry for each rule and tag (or host), sorted.

    A forbidden thing counts wherever it was seen, on half-seen pages too, but for what is `approved`. A required tag
    is missing only from pages that were seen whole.
    """
    pages = tuple(pages)
    broken: dict[tuple[PolicyRule, TagKey | None, str | None], list[Ruling]] = {}
    for page in pages:
        for ruling in rulings(
            policy, page, today=today, consent=consent, page_kind=page_kind, approved=approved, lapsed=lapsed
        ):
            if ruling.rule is None or not ruling.forbidden:
                continue
            identity = ruling.sighting.identity
            host = identity.subject if identity.kind is SightingKind.HOST else None
            if identity.kind is SightingKind.FIELD and identity.tag is None:
                host = domain_of(identity)
            broken.setdefault((ruling.rule, identity.tag, host), []).append(ruling)
    found = [_violation(rule, tag, host, of) for (rule, tag, host), of in broken.items()]
    found += _missing(policy, pages, today, consent, page_kind)
    return tuple(sorted(found, key=lambda v: (v.rule.name, str(v.tag), v.host or "", v.pages)))


def _violation(rule: PolicyRule, tag: TagKey | None, host: str | None, of: Sequence[Ruling]) -> Violation:
    seen = [ruling.sighting for ruling in of]
    return Violation(
        rule=rule,
        tag=tag,
        host=host,
        pages=tuple(sorted({ruling.page for ruling in of})),
        exposures=tuple(
            sorted({(s.identity.role, s.identity.subject) for s in seen if s.identity.kind is SightingKind.FIELD})
        ),
        loaders=tuple(dict.fromkeys(loader for s in seen for loader in s.loaders)),
        owner=next((s.owner for s in seen if s.owner), None),
        category=next((s.category for s in seen if s.category is not Category.OTHER), Category.OTHER),
        evidence=tuple(sorted({e for s in seen for e in s.evidence})),
    )


def _missing(
    policy: Policy, pages: Sequence[PageInventory], today: date, consent: ConsentState, page_kind: PageKind
) -> Iterator[Violation]:
    for rule in policy.in_force(today):
        if rule.action is not Action.REQUIRE:
            continue
        without = [
            page.page
            for page in pages
            if page.outcome is Outcome.OK
            and _page_fits(rule, page, page.kind or page_kind(page.final_url, page.title), consent)
            and not any(
                s.identity.kind in (SightingKind.TAG, SightingKind.HOST)
                and rule_kind(rule) is s.identity.kind
                and _subject_fits(rule, s, s.category)
                for s in page.sightings
            )
        ]
        if without:
            yield Violation(rule=rule, tag=None, host=None, pages=tuple(sorted(without)), missing=True)


def rule_kind(rule: PolicyRule) -> SightingKind:
    """What a `require` rule looks for: a host if it names one, else a tag."""
    return SightingKind.HOST if rule.host else SightingKind.TAG


def _fits(rule: PolicyRule, seen: _Seen) -> bool:
    if rule.exposure and seen.sighting.identity.role not in rule.exposure:
        return False
    if not _page_fits(rule, seen.page, seen.kind, seen.consent):
        return False
    return _host_fits(rule, seen) and _subject_fits(rule, seen.sighting, seen.category)


def _host_fits(rule: PolicyRule, seen: _Seen) -> bool:
    """A field is at the hosts that it is sent to: to be forbidden one is enough, to be allowed all must be."""
    identity = seen.sighting.identity
    if not rule.host or identity.kind is not SightingKind.FIELD:
        return True
    hosts = {domain_of(identity)} - {""} if identity.tag is None else _hosts_of(identity.tag, seen.page)
    if rule.action is Action.ALLOW:
        return (
            bool(hosts) and (identity.tag is None or bool(rule.exposure)) and all(any_fits(h, rule.host) for h in hosts)
        )
    return any(any_fits(host, rule.host) for host in hosts)


def _tag_hosts(page: PageInventory) -> set[str]:
    """Hosts that tags with a name use: an approval of these tags is told of under their name."""
    return {domain_of(s.identity) for s in page.sightings if s.identity.tag is not None}


def _hosts_of(tag: TagKey, page: PageInventory) -> set[str]:
    return {domain_of(s.identity) for s in page.sightings if s.identity.tag == tag} - {""}


def _page_fits(rule: PolicyRule, page: PageInventory, kind: str | None, consent: ConsentState) -> bool:
    if rule.consent and consent not in rule.consent:
        return False
    if rule.page_kind and kind not in rule.page_kind:
        return False
    return page_fits(page.page, rule.pages)


def _subject_fits(rule: PolicyRule, sighting: Sighting, category: Category) -> bool:
    if rule.category and category not in rule.category:
        return False
    if rule.host and sighting.identity.kind is SightingKind.HOST and not any_fits(sighting.identity.subject, rule.host):
        return False
    return tag_fits(sighting.identity.tag, rule.vendor, rule.product, rule.account)
