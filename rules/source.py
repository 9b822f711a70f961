"""YAML text to plain data that remembers its lines, checked against the schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from scanner.errors import Problem

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

# libyaml where it is there: ten times faster, the same marks.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Where = tuple[str | int, ...]
_LONG_CHARS = 40
_TEXT = "tag:yaml.org,2002:str"


class _Loader(_Safe):  # type: ignore[misc]
    """The safe loader without what it asks for every node in vain."""

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Nothing here depends on the path to a node."""

    def ascend_resolver(self) -> None:
        """Nor is there anything to leave."""

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0] and len(value) < _LONG_CHARS:
            return _tag_of(value)
        return str(super().resolve(kind, value, implicit))


@lru_cache(maxsize=4_096)
def _tag_of(plain: str) -> str:
    """Whether an unquoted value is a number, a truth value or a text: names and words come again and again."""
    return str(yaml.resolver.Resolver().resolve(yaml.ScalarNode, plain, (True, False)))  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One rule file: its data, and the line of every node. Compared by identity."""

    file: str
    content: Any
    lines: dict[Where, int]

    def line(self, where: Iterable[str | int]) -> int | None:
        """Return the 1-based line of the node, or of the nearest one above it."""
        path = tuple(where)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def problem(self, where: Iterable[str | int], message: str) -> Problem:
        return Problem(self.file, self.line(where), message)


def parse(text: str, file: str, *, every_line: bool = True) -> tuple[Document | None, list[Problem]]:
    """Parse one YAML document. Keys stay text as written (`on`, `no` and `1` included); doubled keys are problems.

    Without `every_line` the lines of mappings and lists are remembered, those of single values are not.
    """
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                return None, [Problem(file, None, "the file is empty")]
            reading = _Reading(loader, file, every_line)
            content = reading.value(root, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.context, error.problem) if part)
        return None, [Problem(file, mark.line + 1 if mark else None, f"not valid YAML: {reason}")]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return None, [Problem(file, None, f"not valid YAML: {error}")]
    return Document(file, content, reading.lines), reading.problems


class _Reading:
    """One document on its way from nodes to plain data."""

    def __init__(self, loader: Any, file: str, every_line: bool) -> None:
        self.loader = loader
        self.file = file
        self.every_line = every_line
        self.lines: dict[Where, int] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, where: Where) -> Any:
        if node.tag == _TEXT:
            if self.every_line:
                self.lines[where] = node.start_mark.line + 1
            return node.value
        if isinstance(node, yaml.MappingNode):
            self.lines[where] = node.start_mark.line + 1
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            self.lines[where] = node.start_mark.line + 1
            return [self.value(child, (*where, number)) for number, child in enumerate(node.value)]
        if self.every_line:
            self.lines[where] = node.start_mark.line + 1
        return self.loader.construct_object(node, deep=True)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[tuple[Any, Any]] = []
        for key, child in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for source in child.value if isinstance(child, yaml.SequenceNode) else [child]:
                    merged += source.value if isinstance(source, yaml.MappingNode) else []
                continue
            name = str(key.value)
            if name in result:
                self.problems.append(Problem(self.file, key.start_mark.line + 1, f"`{name}` stands here twice"))
            if child.tag == _TEXT and not self.every_line:
                result[name] = child.value
                continue
            at = (*where, name)
            result[name] = self.value(child, at)
            if self.every_line or at in self.lines:
                self.lines[at] = key.start_mark.line + 1
        for key, child in merged:  # what is written at the place itself wins
            if str(key.value) not in result:
                result[str(key.value)] = self.value(child, (*where, str(key.value)))
        return result


@cache
def _validator() -> Draft202012Validator:
    # Only whoever checks rule files waits for it: bundled ones are checked before they are released.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((files("rules") / "schema.json").read_text(encoding="utf-8")))


def schema_problems(document: Document) -> list[Problem]:
    """Return everything the JSON schema has against a document, in the order of its lines."""
    problems: list[Problem] = []
    for error in _validator().iter_errors(document.content):
        # `anyOf` says "is not valid under any of the given schemas"; the deepest reason is what helps.
        while error.context:
            error = max(
                error.context, key=lambda e: (len(e.absolute_path), e.validator not in ("type", "enum", "const"))
            )
        where = "/".join(map(str, error.absolute_path))
        text = error.message if len(error.message) < 300 else error.message[:297] + "…"
        problems.append(document.problem(error.absolute_path, f"{where}: {text}" if where else text))
    return sorted(problems, key=lambda p: p.line or 0)
