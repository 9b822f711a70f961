"""Rule files into a `RuleSet`: bundled ones and one's own; every problem at once, with file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from rules.build import build, merge_vendors
from rules.garbage import not_collected
from rules.lint import lint
from rules.model import PageRule, Rule, RuleSet, Vendor
from rules.source import Document, parse, schema_problems
from rules.wanting import wanted_by
from scanner.errors import Problem, ProblemsError

MATCHER_VERSION = "1"
"""Part of the digest: raised when the matcher reads the same rules differently."""


def load_rules(extra_paths: Iterable[str | Path] = (), *, validate_bundled: bool = False) -> RuleSet:
    """Return the bundled rules and those in `extra_paths` (files, or directories of `*.yaml`).

    A file of one's own that names a bundled vendor adds to it; a rule of the same id replaces the bundled one.
    The bundled files were checked before they were released: that is repeated only if they are to be validated.

    Raises:
        ProblemsError: everything wrong in any file, each with file and line.
    """
    paths = tuple(str(path) for path in extra_paths)
    if not paths and not validate_bundled:
        return _bundled()
    return assemble(bundled_sources(), own_sources(paths), validate_bundled=validate_bundled)


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
    bundled: Sequence[tuple[str, str]], own: Sequence[tuple[str, str]], *, validate_bundled: bool = False
) -> RuleSet:
    """Build a rule set from texts. Bundled files were validated when they were written: that is left out here."""
    names = frozenset(name for name, _ in bundled)
    trusted = frozenset() if validate_bundled else names
    with not_collected():
        documents, digest = _documents([*bundled, *own], trusted)
        try:
            return _build(documents, names, trusted, digest)
        except (KeyError, TypeError, ValueError, AttributeError):
            # A bundled file that was never checked: say what is wrong with it instead of failing in the middle.
            problems = [problem for document in documents for problem in schema_problems(document)]
            if problems:
                raise ProblemsError(problems) from None
            raise


def _documents(sources: Iterable[tuple[str, str]], trusted: frozenset[str]) -> tuple[list[Document], str]:
    """Parse the files, and check those that are not `trusted`. Returns the digest of all texts, too."""
    documents: list[Document] = []
    problems: list[Problem] = []
    digest = hashlib.sha256(MATCHER_VERSION.encode())
    for name, text in sources:
        digest.update(hashlib.sha256(text.encode()).digest())
        document, found = _parsed(text, name) if name in trusted else parse(text, name)
        problems += found
        if document is None:
            continue
        found = [] if name in trusted else schema_problems(document)
        problems += found
        if not found:
            documents.append(document)
    if problems:
        raise ProblemsError(problems)
    return documents, digest.hexdigest()


@lru_cache(maxsize=512)
def _parsed(text: str, name: str) -> tuple[Document | None, list[Problem]]:
    """The bundled files do not change while we run: their text is parsed once."""
    return parse(text, name, every_line=False)


@lru_cache(maxsize=512)
def _built(document: Document, vendor: Vendor) -> tuple[list[Rule], list[PageRule], list[Problem]]:
    """Nor do the rules that come of it, unless a file of one's own says more about their vendor."""
    return build(document, vendor, checked=False)


def _build(documents: list[Document], bundled_names: frozenset[str], trusted: frozenset[str], digest: str) -> RuleSet:
    problems: list[Problem] = []
    vendors, found = merge_vendors(documents)
    problems += found
    rules: dict[str, Rule] = {}
    page_rules: dict[str, PageRule] = {}
    for document in documents:
        checked = document.file not in trusted
        vendor = vendors[document.content["vendor"]["id"]]
        its_rules, its_page_rules, found = build(document, vendor) if checked else _built(document, vendor)
        problems += found
        problems += lint(document, its_rules, its_page_rules) if checked else ()
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
