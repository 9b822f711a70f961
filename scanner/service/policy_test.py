"""Which policy rule decides about what, put together for reading. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import StrEnum

from scanner.approvals import Acceptance
from scanner.model import SightingKind, TagKey
from scanner.policy import Action, Policy, PolicyRule, Ruling, Violation
from scanner.scene import domain_of


class Outcome(StrEnum):
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    """Required, and not there."""
    APPROVED = "approved"
    """The approvals file lets it pass, whatever the rule says."""
    ALLOWED = "allowed"
    UNDECIDED = "undecided"
    """No rule speaks of it: it passes."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing, the rule that decides about it, and the pages on which it does."""

    outcome: Outcome
    kind: str
    """tag | field | host | requirement"""
    tag: TagKey | None
    host: str | None
    exposure: str | None
    """Kind of information, for fields."""
    fields: tuple[str, ...]
    rule: PolicyRule | None
    acceptance: Acceptance | None
    pages: tuple[str, ...]

    @property
    def subject(self) -> str:
        whose = str(self.tag) if self.tag else self.host or ""
        return f"{whose} sends {self.exposure}" if self.exposure else whose


def decisions(rulings: Iterable[Ruling], missing: Iterable[Violation] = ()) -> tuple[Decision, ...]:
    """Put rulings about the same thing by the same rule together; what is forbidden comes first."""
    order = list(Outcome)
    groups: dict[tuple[object, ...], list[Ruling]] = {}
    for ruling in rulings:
        identity = ruling.sighting.identity
        whose = identity.tag or domain_of(identity) or identity.subject
        approval = ruling.acceptance.id if ruling.acceptance else None
        groups.setdefault((identity.kind, whose, identity.role, ruling.rule, approval), []).append(ruling)
    found = [_decision(of) for of in groups.values()]
    found += [Decision(Outcome.MISSING, "requirement", None, None, None, (), v.rule, None, v.pages) for v in missing]
    return tuple(
        sorted(found, key=lambda one: (order.index(one.outcome), one.subject, one.rule.name if one.rule else ""))
    )


def _decision(of: list[Ruling]) -> Decision:
    first, identity = of[0], of[0].sighting.identity
    is_field = identity.kind is SightingKind.FIELD
    return Decision(
        outcome=_outcome(first),
        kind=identity.kind.value,
        tag=identity.tag,
        host=domain_of(identity) or None if identity.tag is None else None,
        exposure=identity.role if is_field else None,
        fields=tuple(sorted({one.sighting.identity.subject for one in of})) if is_field else (),
        rule=first.rule,
        acceptance=first.acceptance,
        pages=tuple(sorted({one.page for one in of})),
    )


def _outcome(ruling: Ruling) -> Outcome:
    if ruling.acceptance is not None:
        return Outcome.APPROVED
    if ruling.rule is None:
        return Outcome.UNDECIDED
    return Outcome.FORBIDDEN if ruling.rule.action is Action.FORBID else Outcome.ALLOWED


def remarks(policy: Policy, names: Mapping[tuple[str, str], tuple[str, str]], today: date) -> Iterator[str]:
    """Yield what is odd about the site's own rules: vendors nobody knows, rules whose last day is over."""
    known = {"vendor": {vendor for vendor, _ in names}, "product": {product for _, product in names}}
    for rule in policy.rules:
        where = f"{rule.place or rule.name}: policy rule {rule.number}"
        for kind in ("vendor", "product"):
            for name in getattr(rule, kind):
                if name not in known[kind] and not any(char in name for char in "*?["):
                    close = get_close_matches(name, [*known["vendor"], *known["product"]], n=1)
                    meant = f"; did you mean `{close[0]}`?" if close else ""
                    yield f"{where} names the {kind} `{name}`, which no rule file knows{meant}"
        if rule in policy.expired(today):
            yield f"{where} held until {rule.until} and no longer counts"
