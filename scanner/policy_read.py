"""The policy section of a configuration, already checked against the schema, as a `Policy`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from scanner.model import ConsentState
from scanner.patterns import as_texts
from scanner.policy import Action, Policy, PolicyRule

_LISTS = ("vendor", "product", "account", "category", "host", "exposure", "pages", "page_kind")


def read_policy(section: Mapping[str, Any], places: Sequence[str] = ()) -> Policy:
    """Return the policy; rules without a reason are called by their number.

    `places`: where each rule stands, `file:line`, if anybody knows.
    """
    rules = tuple(
        _rule(rule, number, places[number - 1] if number <= len(places) else "")
        for number, rule in enumerate(section.get("rules", ()), start=1)
    )
    return Policy(rules=rules, preset=str(section.get("preset", "healthcare")))


def _rule(rule: Mapping[str, Any], number: int, place: str) -> PolicyRule:
    action = next(action for action in Action if action.value in rule)
    selector = rule[action.value]
    reason = str(rule.get("reason", ""))
    until = rule.get("until")
    return PolicyRule(
        action=action,
        **{key: as_texts(selector.get(key)) for key in _LISTS},
        consent=tuple(ConsentState(state) for state in as_texts(selector.get("consent"))),
        reason=reason,
        who=str(rule.get("who", "")),
        contract=str(rule.get("contract", "")),
        until=date.fromisoformat(str(until)) if until else None,
        name=f"policy rule {number}" + (f": {reason}" if reason else ""),
        number=number,
        place=place,
    )
