"""YAML text to plain data that remembers its lines, checked against the schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from scanner.errors import Problem

# libyaml where it is there: ten times faster, the same marks.
if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One rule file: its data, and the line of every node."""

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


def parse(text: str, file: str) -> tuple[Document | None, list[Problem]]:
    """Parse one YAML document. Keys stay text as written (`on`, `no` and `1` included); doubled keys are problems."""
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                return None, [Problem(file, None, "the file is empty")]
            lines: dict[Where, int] = {}
            problems: list[Problem] = []
            content = _build(loader, root, (), lines, problems, file)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.context, error.problem) if part)
        return None, [Problem(file, mark.line + 1 if mark else None, f"not valid YAML: {reason}")]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return None, [Problem(file, None, f"not valid YAML: {error}")]
    return Document(file, content, lines), problems


def _build(
    loader: Any, node: yaml.Node, where: Where, lines: dict[Where, int], problems: list[Problem], file: str
) -> Any:
    lines[where] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        merged: list[tuple[Any, Any]] = []
        for key, child in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for source in child.value if isinstance(child, yaml.SequenceNode) else [child]:
                    merged += source.value if isinstance(source, yaml.MappingNode) else []
                continue
            name = str(key.value)
            if name in result:
                problems.append(Problem(file, key.start_mark.line + 1, f"`{name}` stands here twice"))
            result[name] = _build(loader, child, (*where, name), lines, problems, file)
            lines[(*where, name)] = key.start_mark.line + 1
        for key, child in merged:  # what is written at the place itself wins
            if str(key.value) not in result:
                result[str(key.value)] = _build(loader, child, (*where, str(key.value)), lines, problems, file)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, child, (*where, n), lines, problems, file) for n, child in enumerate(node.value)]
    return loader.construct_object(node, deep=True)


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
