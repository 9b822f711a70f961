"""Rule files into a `RuleSet`: bundled ones and one's own; every problem at once, with file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from rules.build import build, merge_vendors
from rules.lint import lint
from rules.model import PageRule, Rule, RuleSet
from rules.source import Document, parse, schema_problems
from rules.wanting import wanted_by
from scanner.errors import Problem, ProblemsError

MATCHER_VERSION = "1"
"""Part of the digest: raised when the matcher reads the same rules differently."""


def load_rules(extra_paths: Iterable[str | Path] = ()) -> RuleSet:
    """Return the bundled rules and those in `extra_paths` (files, or directories of `*.yaml`).

    A file of one's own that names a bundled vendor adds to it; a rule of the same id replaces the bundled one.

    Raises:
        ProblemsError: everything wrong in any file, each with file and line.
    """
    paths = tuple(str(path) for path in extra_paths)
    return _bundled() if not paths else assemble(bundled_sources(), own_sources(paths))


@cache
def _bundled() -> RuleSet:
    return assemble(bundled_sources(), [])


def bundled_sources() -> list[tuple[str, str]]:
    """(file name, text) of every rule file in the package, sorted by name."""
    folder = files("rules") / "vendors"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return [(f"rules/vendors/{name}", (folder / name).read_text(encoding="utf-8")) for name in names]


def own_sources(paths: Sequence[str]) -> list[tuple[str, str]]:
    """(file name, text) of the user's files. Raises ProblemsError for what cannot be read."""
    found: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for name in paths:
        path = Path(name)
        inside = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
        if not inside:
            problems.append(Problem(name, None, "no *.yaml files in this directory"))
        for file in inside:
            try:
                found.append((str(file), file.read_text(encoding="utf-8")))
            except (OSError, UnicodeDecodeError) as error:
                problems.append(Problem(str(file), None, f"cannot be read: {error}"))
    if problems:
        raise ProblemsError(problems)
    return found


def assemble(
    bundled: Iterable[tuple[str, str]], own: Iterable[tuple[str, str]], *, validate_bundled: bool = False
) -> RuleSet:
    """Build a rule set from texts. Bundled files were validated when they were written: that is left out here."""
    bundled = list(bundled)
    bundled_names = frozenset(name for name, _ in bundled)
    documents: list[Document] = []
    problems: list[Problem] = []
    digest = hashlib.sha256(MATCHER_VERSION.encode())
    for sources, validate in ((bundled, validate_bundled), (own, True)):
        for name, text in sources:
            digest.update(hashlib.sha256(text.encode()).digest())
            document, found = parse(text, name) if validate else _parsed(text, name)
            problems += found
            if document is None:
                continue
            found = schema_problems(document) if validate else []
            problems += found
            if not found:
                documents.append(document)
    if problems:
        raise ProblemsError(problems)
    try:
        return _build(documents, bundled_names, digest.hexdigest())
    except (KeyError, TypeError, ValueError, AttributeError):
        # A bundled file that was never checked: say what is wrong with it instead of failing in the middle.
        problems = [problem for document in documents for problem in schema_problems(document)]
        if problems:
            raise ProblemsError(problems) from None
        raise


@lru_cache(maxsize=512)
def _parsed(text: str, name: str) -> tuple[Document | None, list[Problem]]:
    """The bundled files do not change while we run: their text is parsed once."""
    return parse(text, name)


def _build(documents: list[Document], bundled_names: frozenset[str], digest: str) -> RuleSet:
    problems: list[Problem] = []
    vendors, found = merge_vendors(documents)
    problems += found
    rules: dict[str, Rule] = {}
    page_rules: dict[str, PageRule] = {}
    for document in documents:
        its_rules, its_page_rules, found = build(document, vendors[document.content["vendor"]["id"]])
        problems += found
        problems += lint(document, its_rules, its_page_rules)
        for rule in its_rules:
            known = rules.get(rule.id)
            if known is not None and (known.file not in bundled_names or rule.file in bundled_names):
                problems.append(Problem(rule.file, rule.line, f"rule id {rule.id} is used twice"))
            rules[rule.id] = rule
        page_rules.update((rule.id, rule) for rule in its_page_rules)
    for rule in rules.values():
        if rule.duplicate_of and rule.duplicate_of not in rules:
            problems.append(Problem(rule.file, rule.line, f"duplicate_of names no rule: {rule.duplicate_of}"))
    if problems:
        raise ProblemsError(problems)
    return RuleSet(
        vendors=tuple(vendors.values()),
        rules=tuple(rules.values()),
        page_rules=tuple(page_rules.values()),
        digest=digest,
        files=tuple(document.file for document in documents),
        want=wanted_by(rules.values(), page_rules.values()),
    )
