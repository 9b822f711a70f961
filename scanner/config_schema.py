"""Holds a document against the JSON Schema and says in a person's words what is wrong, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from scanner.config_yaml import Document, KeyPath
from scanner.errors import Problem

_SECRET_KEYS = frozenset({"password", "storage_state", "store", "extra_headers", "chat", "ping"})
"""What stands there is never quoted in a message."""
_OTHER_NAMES = {
    "url": "start", "urls": "start", "headers": "extra_headers", "rate": "requests_per_second",
    "credentials": "http_credentials", "auth": "http_credentials", "robots": "obey_robots", "database": "store",
    "email": "mail", "domains": "own_domains", "rule_paths": "rules", "recipients": "to", "sender": "from",
}  # fmt: skip
_KINDS = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "`true` or `false`",
    "array": "a list", "object": "a group of keys", "null": "nothing",
}  # fmt: skip
_SHOWN_CHARS = 60


@cache
def config_schema() -> Mapping[str, Any]:
    """Return the schema that is shipped for editors; the loader uses the very same file."""
    schema: dict[str, Any] = json.loads(files("scanner").joinpath("config_schema.json").read_text(encoding="utf-8"))
    return schema


def schema_problems(document: Document, schema: Mapping[str, Any] | None = None) -> tuple[Any, list[Problem]]:
    """Return (the document's value without what is wrong, the problems by line).

    `schema`: the configuration's by default.

    What is left has the types that the schema promises, so that later checks can go on and find the rest: a
    wrong entry of a list becomes None, a wrong key is gone.
    """
    value = _copy(document.value)
    problems: dict[Problem, None] = {}
    wrong: list[KeyPath] = []
    for error in Draft202012Validator(schema or config_schema()).iter_errors(document.value):
        path: KeyPath = tuple(error.absolute_path)
        for at, message in _explained(error, path):
            problems[Problem(document.file, document.line(at), message)] = None
            if error.validator != "required":
                wrong.append(at)
    for at in sorted(wrong, key=len, reverse=True):
        value = _without(value, at)
    return value, list(problems)


def _explained(error: ValidationError, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield (where, what) for one error of the validator; several unknown keys are several."""
    name = _name(path)
    instance: Any = error.instance
    asked: Any = error.validator_value
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        for key in instance:
            if key not in known:
                yield (*path, key), f"unknown key `{key}`{_advice(key, known)}"
    elif error.validator == "required":
        for key in asked:
            if key not in instance:
                yield path, f"{name} needs `{key}`"
    elif instance is None:
        yield path, f"{name} is empty: give it a value or take the line out"
    elif error.validator == "enum":
        yield (
            path,
            f"{name} must be {_listed(asked)}, not {_shown(instance, path)}{_meant(instance, asked)}",
        )
    elif error.validator in ("minimum", "exclusiveMinimum", "maximum"):
        bound = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}[error.validator]
        yield path, f"{name} must be {bound} {asked}, not {_shown(instance, path)}"
    elif error.validator in ("minItems", "minProperties"):
        yield path, f"{name} needs at least one entry"
    elif error.validator == "pattern" and "x-expects" not in schema:
        yield (*path, str(instance)), f"`{str(instance)[:_SHOWN_CHARS]}` is no name of an HTTP header"
    else:
        expected = schema.get("x-expects") or " or ".join(_KINDS[kind] for kind in _types(schema))
        yield path, f"{name} must be {expected}, not {_shown(instance, path)}"


def _types(schema: Mapping[str, Any]) -> list[str]:
    types = schema.get("type", "string")
    return [types] if isinstance(types, str) else list(types)


def _name(path: KeyPath) -> str:
    """`sites[0].start` as a person counts: the first site is `sites[1]`."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return f"`{text}`" if text else "the configuration"


def _advice(key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, n=1, cutoff=0.6)
    other = _OTHER_NAMES.get(key)
    if close or other in known:
        return f"; did you mean `{close[0] if close else other}`?"
    for group in ("profile", "limits"):
        if group in known and key in config_schema()["$defs"][group]["properties"]:
            return f"; it belongs under `{group}`"
    return f"; known here: {', '.join(known)}"


def _meant(instance: Any, values: list[Any]) -> str:
    close = get_close_matches(str(instance), list(map(str, values)), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def _listed(values: list[Any]) -> str:
    first = ", ".join(f"`{value}`" for value in values[:-1])
    return f"{first} or `{values[-1]}`" if first else f"`{values[-1]}`"


def _shown(value: Any, path: KeyPath) -> str:
    if _SECRET_KEYS.intersection(map(str, path)):
        return "what is there"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a group of keys"
    return f"`{str(value)[:_SHOWN_CHARS]}`"


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(entry) for key, entry in value.items()}
    return [_copy(entry) for entry in value] if isinstance(value, list) else value


def _without(value: Any, path: KeyPath) -> Any:
    """Take out what `path` leads to; the whole value if it leads to all of it."""
    if not path:
        return {}
    holder = value
    for part in path[:-1]:
        try:
            holder = holder[part]
        except (KeyError, IndexError, TypeError):
            return value  # taken out already, with something around it
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
    elif isinstance(holder, list) and isinstance(path[-1], int):
        holder[path[-1]] = None
    return value
