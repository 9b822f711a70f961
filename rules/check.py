"""Are the rule files sound? Schema, conventions, and every example against all rules together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rules.load import assemble, bundled_sources, own_sources
from rules.match import match_request
from rules.model import Example, Rule, RuleSet
from scanner.errors import Problem, ProblemsError
from scanner.model import Detection, RequestRecord


def check(extra_paths: Iterable[str | Path] = ()) -> tuple[RuleSet | None, tuple[Problem, ...]]:
    """Return the rule set (None if it cannot be built) and everything wrong with it.

    Every example runs against *all* rules: exactly the rule it stands in must match (and those it names in `also`),
    and what it gives must be what the rule reads.
    """
    try:
        rules = assemble(bundled_sources(), own_sources([str(path) for path in extra_paths]), validate_bundled=True)
    except ProblemsError as error:
        return None, error.problems
    return rules, tuple(problem for rule in rules.rules for problem in check_examples(rule, rules))


def check_examples(rule: Rule, rules: RuleSet) -> Iterator[Problem]:
    """Yield what is wrong with one rule's examples."""
    for example in rule.examples:
        found = match_request(example_request(example), rules, page_url=example.page_url)
        matched = {detection.rule for detection in found}
        expected = {rule.id, *example.also}
        if matched != expected:
            missing, surplus = sorted(expected - matched), sorted(matched - expected)
            said = "; ".join(
                part
                for part in (
                    f"not matched by {', '.join(missing)}" if missing else "",
                    f"also matched by {', '.join(surplus)}" if surplus else "",
                )
                if part
            )
            yield Problem(rule.file, example.line, f"{rule.id}: {said}: {example.url[:120]}")
        own = [detection for detection in found if detection.rule == rule.id]
        if own:
            for name, expected_value, got in differences(dict(example.gives), own):
                yield Problem(rule.file, example.line, f"{rule.id}: {name} is {got!r}, not {expected_value!r}")
    for example in rule.counterexamples:
        found = match_request(example_request(example), rules, page_url=example.page_url)
        if any(detection.rule == rule.id for detection in found):
            yield Problem(rule.file, example.line, f"{rule.id} matches what it should not ({example.because})")


def example_request(example: Example) -> RequestRecord:
    return RequestRecord(
        url=example.url,
        method=example.method,
        type=example.type,
        body=example.body,
        content_type=example.content_type,
        headers=example.headers,
        response_body=example.response,
    )


def differences(gives: dict[str, Any], found: list[Detection]) -> Iterator[tuple[str, Any, Any]]:
    """Yield (what, expected, got) wherever the detections of one rule are not what the example says."""
    first = found[0]
    got: dict[str, Any] = {
        "account": first.account,
        "accounts": [d.account for d in found],
        "event": first.event,
        "events": list(first.events),
        "consent": dict(first.consent),
        "dedup": first.dedup_id,
        "features": list(first.features),
        "first_party": first.first_party_collection,
        "automatic": sorted({e.automatic for e in first.exposures if e.automatic}),
        "other": [name for name, _ in first.other],
    }
    for name, expected in gives.items():
        if name == "exposures":
            # `kind`, `kind@field` and `kind=form@field`; all of them, each once, in any order
            shown = sorted({_show(e, expected) for e in first.exposures})
            if shown != sorted(set(expected)):
                yield name, sorted(set(expected)), shown
        elif name == "consent":
            missing = {k: v for k, v in expected.items() if got["consent"].get(k) != v}
            if missing:
                yield name, missing, got["consent"]
        elif got[name] != (sorted(expected) if name == "automatic" else expected):
            yield name, expected, got[name]


def _show(exposure: Any, expected: list[str]) -> str:
    """The exposure in the most detailed of the spellings that the example uses."""
    full = f"{exposure.kind}={exposure.form}@{exposure.field}"
    if full in expected:
        return full
    placed = f"{exposure.kind}@{exposure.field}"
    if placed in expected or exposure.kind not in expected:
        return placed
    return str(exposure.kind)
