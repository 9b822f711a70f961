"""Broken policy rules as findings: what the policy forbids stands in the report, whatever the baseline says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.model import Finding, Severity, TagKey, Verdict
from scanner.policy import PolicyRule, Violation
from scanner.scene import domain_of

_NEVER_SENT = frozenset({"source", "noscript", "held-back", "blocked", "container"})


def judged(
    findings: Sequence[Finding], present: Sequence[Finding], broken: Iterable[Violation], accepted: Iterable[Violation]
) -> tuple[Finding, ...]:
    """Return `findings` with every violation among them, worst first.

    Args:
        findings: what changed.
        present: what is there, as for a scan without anything to compare with: gives a violation that did not
            change its title, pages and evidence.
        broken: the violations of this scan.
        accepted: those that the approved baseline had, too. Somebody has looked at them and accepted them with a
            reason: on the pages they had then they are no news. On other pages, or with other fields, they are.
    """
    known = {_subject(v): v for v in accepted}
    found = list(findings)
    for subject, violations in _grouped(_news(broken, known)).items():
        rules = _names(violations)
        pages = tuple(sorted({page for v in violations for page in v.pages}))
        place = next(
            (n for n, f in enumerate(found) if _speaks_of(f, subject) and f.verdict is not Verdict.REMOVED), None
        )
        if place is not None:
            found[place] = _as_violation(found[place], rules, found[place].pages)
            continue
        like = next((f for f in present if _speaks_of(f, subject)), None)
        made = like or _bare(subject, violations)
        found.append(_as_violation(made, rules, pages))
    return worst_first(found)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Violations before everything else, then by severity."""
    return tuple(sorted(findings, key=lambda f: (not f.violation, f.severity.rank, -len(f.pages), f.title, f.key)))


def _subject(violation: Violation) -> tuple[PolicyRule, TagKey | None, str | None]:
    return violation.rule, violation.tag, violation.host


def _news(
    broken: Iterable[Violation], known: dict[tuple[PolicyRule, TagKey | None, str | None], Violation]
) -> Iterable[Violation]:
    for violation in broken:
        before = known.get(_subject(violation))
        if before is None or not set(violation.exposures) <= set(before.exposures):
            yield violation
            continue
        pages = tuple(sorted(set(violation.pages) - set(before.pages)))
        if pages:
            yield replace(violation, pages=pages)


Subject = tuple[TagKey | None, str | None, str]


def _grouped(violations: Iterable[Violation]) -> dict[Subject, list[Violation]]:
    """A tag that breaks three rules is one matter, with three rules. A missing tag is a matter for each rule.

    A loader that names no account goes with the accounts of its product.
    """
    grouped: dict[Subject, list[Violation]] = {}
    violations = tuple(violations)
    named = {(v.tag.vendor, v.tag.product) for v in violations if v.tag is not None and v.tag.account is not None}
    for violation in violations:
        tag = violation.tag
        if tag is not None and tag.account is None and (tag.vendor, tag.product) in named:
            continue
        missing = violation.rule.name if violation.missing else ""
        grouped.setdefault((violation.tag, violation.host, missing), []).append(violation)
    return grouped


def _speaks_of(finding: Finding, subject: Subject) -> bool:
    tag, host, missing = subject
    if missing:
        return False
    if tag is not None:
        return finding.tag == tag
    return finding.tag is None and any(domain_of(entry.identity) == host for entry in finding.entries)


def _names(violations: Sequence[Violation]) -> str:
    """The rules' names, what they begin with in common said once."""
    names = list(dict.fromkeys(v.rule.name for v in violations))
    source = names[0].partition(": ")[0] + ": "
    return "; ".join([names[0], *(name.removeprefix(source) for name in names[1:])])


def _as_violation(finding: Finding, rules: str, pages: tuple[str, ...]) -> Finding:
    return replace(finding, violation=True, rule=rules, pages=pages)


def _bare(subject: Subject, violations: Sequence[Violation]) -> Finding:
    tag, host, missing = subject
    pages = tuple(sorted({page for v in violations for page in v.pages}))
    first = violations[0]
    where = f"{len(pages)} page{'s' if len(pages) != 1 else ''}"
    if missing:
        title = f"{_wanted(first.rule)} is required and missing on {where}"
    else:
        title = f"{tag or host} is on {where}"
    quiet = bool(first.evidence) and set(first.evidence) <= _NEVER_SENT
    return Finding(
        key=f"policy:{first.rule.name}:{tag or host or missing}",
        severity=Severity.LOW if quiet else Severity.MEDIUM if missing or tag is None else Severity.HIGH,
        verdict=Verdict.CHANGED if missing else Verdict.ADDED,
        title=title,
        tag=tag,
        owner=first.owner,
        category=first.category,
        pages=pages,
        loaders=first.loaders,
        sends=tuple(sorted({e for v in violations for e in v.exposures})),
        reason=first.rule.reason,
    )


def _wanted(rule: PolicyRule) -> str:
    return ", ".join((*rule.vendor, *rule.product, *rule.account, *rule.category, *rule.host)) or "a tag"
