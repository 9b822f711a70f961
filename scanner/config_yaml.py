"""YAML with a memory: values, and in which line each of them stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.errors import Problem

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of the document."""
_MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. `value` is plain Python: dict, list, str, int, float, bool, None."""

    file: str
    value: Any
    lines: Mapping[KeyPath, int]
    problems: tuple[Problem, ...] = ()

    def line(self, path: KeyPath) -> int | None:
        """Return the line of a key or list entry, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's few plain types: `no` and `12:30` are text, dates too; `true`, `7`, `0.5` and `null` are not."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), [*_first.replace("\0", ""), ""]
    )


def read_yaml(text: str, file: str) -> Document:
    """Parse one YAML document. What is wrong with it becomes problems; the rest is read all the same."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        return Document(file, None, {}, (Problem(file, mark.line + 1 if mark else None, f"not valid YAML: {what}"),))
    except yaml.YAMLError as error:
        return Document(file, None, {}, (Problem(file, None, f"not valid YAML: {error}"),))
    if node is None:
        return Document(file, {}, {})
    reader = _Reader(file)
    value = reader.value(node, ())
    return Document(file, value, reader.lines, tuple(reader.problems))


class _Reader:
    def __init__(self, file: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._file = file

    def value(self, node: Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > _MAX_DEPTH:
            self._problem(line, "nested too deep")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(entry, (*path, position)) for position, entry in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: Node) -> Any:
        assert isinstance(node, ScalarNode)
        kind = node.tag.rpartition(":")[2]
        try:
            if kind == "int":
                return int(node.value)
            if kind == "float":
                return float(node.value)
        except ValueError:  # an explicit tag on other text, or a number of thousands of digits
            self._problem(node.start_mark.line + 1, "not a number")
            return None
        if kind == "bool":
            return node.value.lower() == "true"
        if kind == "null":
            return None
        if kind not in ("str", "merge"):
            self._problem(node.start_mark.line + 1, f"the tag `{node.tag}` is not supported")
        return node.value

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[Node] = []
        first_lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.extend(value_node.value if isinstance(value_node, SequenceNode) else [value_node])
                continue
            if not isinstance(key_node, ScalarNode):
                self._problem(line, "a key must be plain text")
                continue
            key = key_node.value
            if key in first_lines:
                self._problem(line, f"`{key}` is given twice (first in line {first_lines[key]})")
                continue
            first_lines[key] = line
            self.lines[*path, key] = line
            result[key] = self.value(value_node, (*path, key))
        for source in merged:  # earlier ones count for more, the mapping's own keys for most
            if not isinstance(source, MappingNode):
                self._problem(source.start_mark.line + 1, "`<<` needs a group of keys")
                continue
            for key, value in self._mapping(source, (*path, f"<<{len(result)}")).items():
                result.setdefault(key, value)
        return result

    def _problem(self, line: int, message: str) -> None:
        self.problems.append(Problem(self._file, line, message))
