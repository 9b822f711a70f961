"""Conventions of rule files that a schema cannot say. Each problem names the line and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from rules.decoders import DECODERS
from rules.model import Condition, PageRule, Rule
from rules.source import Document, Where
from scanner.errors import Problem


def lint(document: Document, rules: Sequence[Rule], page_rules: Sequence[PageRule]) -> list[Problem]:
    """Return what breaks the conventions of docs/rules.md in one file."""
    problems: list[Problem] = []

    def say(where: Where, message: str) -> None:
        problems.append(document.problem(where, message))

    seen: set[str] = set()
    for number, page_rule in enumerate(page_rules):
        where: Where = ("page", number)
        if not page_rule.id.startswith(page_rule.vendor.id + "."):
            say((*where, "id"), f"an id starts with its vendor: {page_rule.vendor.id}.…")
        if page_rule.id in seen:
            say((*where, "id"), f"id {page_rule.id} is used twice")
        seen.add(page_rule.id)
        signs = (page_rule.globals, page_rule.inline, page_rule.cookies, page_rule.storage, page_rule.preconnect)
        if not any(signs):
            say(where, "names no sign at all")
        for position, sign in enumerate(page_rule.inline):
            if len(sign.contains) < 5 and sign.account is None:
                say((*where, "inline", position), f"too short to mean anything: {sign.contains}")
    for number, rule in enumerate(rules):
        where = ("rules", number)
        if rule.id in seen:
            say((*where, "id"), f"id {rule.id} is used twice")
        seen.add(rule.id)
        problems += _lint_rule(document, rule, where)
    return problems


def _lint_rule(document: Document, rule: Rule, where: Where) -> list[Problem]:
    problems: list[Problem] = []

    def say(at: Where, message: str) -> None:
        problems.append(document.problem((*where, *at), message))

    if not rule.id.startswith(rule.vendor.id + "."):
        say(("id",), f"an id starts with its vendor: {rule.vendor.id}.…")
    for position, condition in enumerate(rule.when):
        at: Where = ("when", position)
        if condition.anywhere:
            if not _discriminates(condition):
                say(at, "`anywhere` needs a path or body sign and a parameter, or two parameters that must match")
            if condition.params and condition.params[0].absent:
                say(at, "the first parameter of an `anywhere` rule is what it is filed under: name one that is there")
        elif not condition.hosts:
            say(at, "needs a `host`, or `anywhere: true` for a shape on any host")
        for host in condition.hosts:
            if "." not in host.strip("*."):
                say(at, f"too wide: {host}")
    for name, steps in rule.decode:
        for step in steps:
            head, colon, rest = step.partition(":")
            known = step in DECODERS or (head in ("list", "after") and rest) or (head == "pairs" and len(rest) == 2)
            if not known or (colon and head not in ("list", "after", "pairs")):
                say(
                    ("decode", name),
                    f"unknown decoder {step}: use {', '.join(sorted(DECODERS))}, list:X, pairs:XY, after:X",
                )
    both = {name for name, _ in rule.fields} & set(rule.ignore)
    if both:
        say(("ignore",), f"has a role and is ignored: {', '.join(sorted(both))}")
    if rule.items and not rule.event:
        say(("items",), "`items` without `read.event` says nothing")
    for position, example in enumerate(rule.counterexamples):
        if not example.because:
            say(("examples", "does_not_match", position), "say `because`: what the example guards against")
    for position, example in enumerate(rule.examples):
        if not example.gives:
            say(("examples", "matches", position), "say what it `gives`")
    return problems


def _discriminates(condition: Condition) -> bool:
    """Two independent signs, or one that is as good as two: an exact, long path."""
    paths = condition.paths | set(condition.path_prefixes) | set(condition.path_suffixes)
    tests = [test for test in condition.params if not test.absent]
    signs = len(tests) + bool(paths) + bool(condition.path_pattern) + bool(condition.body_contains)
    signs += bool(condition.any_of) + bool(condition.types) + (len(condition.content) if condition.types else 0)
    return signs >= 2 or any(len(path) >= 12 for path in paths)
