"""The sections `policy` and `severity`: words that no rule could ever meet are found here, not in a silent report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any

from scanner.config_site import Context
from scanner.config_yaml import KeyPath
from scanner.model import Category, ConsentState, ExposureKind, Severity, Verdict
from scanner.page_kinds import SENSITIVE
from scanner.severity_rules import SeverityRule, read_severity_rules

PAGE_KINDS = tuple(sorted({*SENSITIVE, "search", "careers", "news"}))
"""Every kind of page there is; those of `rules.page_kinds`."""
_VALUES: Mapping[str, tuple[str, ...]] = {
    "category": tuple(Category),
    "exposure": tuple(ExposureKind),
    "page_kind": PAGE_KINDS,
    "consent": tuple(ConsentState),
    "verdict": tuple(Verdict),
    "was": tuple(Severity),
}
"""Conditions that take words of a fixed list."""
_CONDITIONS = frozenset({*_VALUES, "vendor", "product", "account", "host", "pages"})


def read_policy_section(section: dict[str, Any], context: Context) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return (the section, frozen; where each of its rules stands as `file:line`)."""
    places = []
    for position, rule in enumerate(section.get("rules", [])):
        at: KeyPath = ("policy", "rules", position)
        places.append(_place(at, context))
        if rule is None:
            continue
        actions = {"allow", "forbid", "require"} & rule.keys()
        if len(actions) != 1:
            context.problem(at, "a policy rule needs one of `allow`, `forbid` or `require`")
        for action in sorted(actions):
            _check_values(rule[action], (*at, action), context)
            if action == "require" and "exposure" in rule[action]:
                context.problem((*at, action, "exposure"), "what is sent cannot be required, only a tag or host")
        if "until" in rule:
            context.attempt((*at, "until"), partial(_check_date, rule["until"]))
    return frozen({"preset": "healthcare", **section}), tuple(places)


def read_severities(section: list[Any], context: Context) -> tuple[SeverityRule, ...]:
    """Return the severities of one's own, in order."""
    rules, places = [], []
    for position, rule in enumerate(section):
        if not isinstance(rule, dict) or "set" not in rule:
            continue
        at: KeyPath = ("severity", position)
        if not _CONDITIONS & rule.keys():
            context.problem(at, "a severity needs a condition, such as `vendor`, `category` or `was`")
        _check_values(rule, at, context)
        rules.append(rule)
        places.append(_place(at, context))
    return read_severity_rules(rules, places)


def _place(at: KeyPath, context: Context) -> str:
    return f"{context.document.file}:{context.document.line(at)}"


def _check_values(selector: Mapping[str, Any], at: KeyPath, context: Context) -> None:
    for key, known in _VALUES.items():
        given = selector.get(key, [])
        for position, text in enumerate([given] if isinstance(given, str) else given):
            if text is None or text in known:
                continue
            where: KeyPath = (*at, key) if isinstance(given, str) else (*at, key, position)
            close = get_close_matches(str(text), known, n=1, cutoff=0.6)
            meant = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(known)}"
            context.problem(where, f"`{str(text)[:60]}` is no {key.replace('_', ' ')}; {meant}")


def _check_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is no day of the calendar") from None


def frozen(value: Any) -> Any:
    """The value with every mapping and list in it made unchangeable."""
    if isinstance(value, dict):
        return MappingProxyType({key: frozen(entry) for key, entry in value.items()})
    return tuple(map(frozen, value)) if isinstance(value, list) else value
