"""Severities of one's own: what the configuration says otherwise than docs/severity.md. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scanner.model import Finding, Severity
from scanner.patterns import any_fits, as_texts, page_fits, tag_fits
from scanner.scene import domain_of

_LISTS = ("vendor", "product", "account", "category", "host", "exposure", "pages", "page_kind", "verdict", "was")


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """Findings that fit have this severity. Every condition that is given must hold."""

    severity: Severity
    vendor: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    exposure: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    page_kind: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    was: tuple[str, ...] = ()
    """Severities by the documented table."""
    reason: str = ""
    place: str = ""
    """`file:line`."""


KindOf = Callable[[str], str | None]
"""Page → what it is for."""


def overridden(findings: Iterable[Finding], rules: Sequence[SeverityRule], kind_of: KindOf) -> tuple[Finding, ...]:
    """Return the findings, each with the severity of the first rule that fits, in the same order.

    Of pages, kinds of pages, kinds of information and hosts one is enough to raise a severity; to lower it all of the
    finding's must fit, so that an override for the press pages never hides the same tag on the patient portal.
    """
    return tuple(_judged(finding, rules, kind_of) for finding in findings)


def _judged(finding: Finding, rules: Sequence[SeverityRule], kind_of: KindOf) -> Finding:
    rule = next((rule for rule in rules if _fits(rule, finding, kind_of)), None)
    if rule is None or rule.severity is finding.severity:
        return finding
    because = f": {rule.reason}" if rule.reason else ""
    reason = f"{finding.reason} Set from {finding.severity} to {rule.severity} by {rule.place}{because}."
    return replace(finding, severity=rule.severity, reason=reason.strip())


def _fits(rule: SeverityRule, finding: Finding, kind_of: KindOf) -> bool:
    asked = ((rule.was, finding.severity), (rule.verdict, finding.verdict), (rule.category, finding.category))
    if any(wanted and value not in wanted for wanted, value in asked):
        return False
    if not tag_fits(finding.tag, rule.vendor, rule.product, rule.account):
        return False
    enough = any if rule.severity.rank < finding.severity.rank else _all
    hosts = sorted({domain_of(entry.identity) for entry in finding.entries} - {""})
    kinds = sorted({kind for kind, _field in finding.sends})
    return (
        (not rule.pages or enough(page_fits(page, rule.pages) for page in finding.pages))
        and (not rule.page_kind or enough(kind_of(page) in rule.page_kind for page in finding.pages))
        and (not rule.exposure or enough(kind in rule.exposure for kind in kinds))
        and (not rule.host or enough(any_fits(host, rule.host) for host in hosts))
    )


def _all(answers: Iterable[bool]) -> bool:
    """True if there is an answer and every one is yes."""
    known = list(answers)
    return bool(known) and all(known)


def read_severity_rules(section: Sequence[Mapping[str, Any]], places: Sequence[str] = ()) -> tuple[SeverityRule, ...]:
    """Return the rules of a configuration's `severity` section, already checked against the schema."""
    return tuple(
        SeverityRule(
            severity=Severity(rule["set"]),
            **{key: as_texts(rule.get(key)) for key in _LISTS},
            reason=str(rule.get("reason", "")).rstrip("."),
            place=places[position] if position < len(places) else f"severity rule {position + 1}",
        )
        for position, rule in enumerate(section)
    )
