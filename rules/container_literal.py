"""Reads the object literal inside a tag-manager script: JSON, or what a minifier made of it, whole or cut off.

The text is hostile. No regular expression here can backtrack (possessive quantifiers), no value is read
twice without a budget, nesting is capped, and nothing raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

JsValue: TypeAlias = object
"""str | int | float | bool | None | list[JsValue] | dict[str, JsValue]"""

CONTAINER_SIGN: Final = "vtp_"
"""Begins every parameter of every tag: stands in each container, minified or not, and in no other script."""
MAX_TOKENS: Final = 300_000
"""Tokens the tolerant reader takes per script: several times the largest container that Google serves."""
MAX_DEPTH: Final = 200
MAX_CANDIDATES: Final = 8
MAX_STRICT_CHARS: Final = 3_000_000

_RESOURCE: Final = re.compile(r"""["']?\bresource["']?\s{0,20}+:\s{0,20}+(?=\{)""")
_BARE_RESOURCE: Final = re.compile(
    r"""\{\s{0,20}+(?:["']?version["']?\s{0,20}+:\s{0,20}+["'][^"']{0,20}+["']\s{0,20}+,\s{0,20}+)?"""
    r"""["']?(?:macros|tags)["']?\s{0,20}+:\s{0,20}+\["""
)
_SIBLING: Final = re.compile(r"""\s*+,\s*+["']?(\w{1,40}+)["']?\s*+:\s*+""")
_TOKEN: Final = re.compile(
    r"""\s*+(?:
      (?P<punctuation>[{}\[\],:])
    | (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+"|'[^'\\]*+(?:\\.[^'\\]*+)*+')
    | (?P<number>-?[0-9.][0-9.eE+-]{0,40}+)
    | (?P<negated>![01])
    | (?P<void>void\s0)
    | (?P<word>[A-Za-z_$][\w$]{0,80}+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|(\r\n|.))", re.DOTALL)
_SIMPLE_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_WORDS: Final[dict[str, JsValue]] = {"true": True, "false": False, "null": None, "undefined": None}
_JSON: Final = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class ReadLiteral:
    value: JsValue
    end: int
    """Offset behind the last character that was understood."""
    complete: bool
    """False: the text broke off, or held something that is not a literal; `value` is what came before."""


@dataclass(frozen=True, slots=True)
class ContainerSource:
    """The raw parts of a container, before anybody gives them a meaning."""

    resource: dict[str, JsValue]
    siblings: dict[str, JsValue]
    """`runtime`, `permissions`, `entities`, `blob` … as far as they could be read."""
    start: int
    end: int
    complete: bool


def find_resource(text: str) -> ContainerSource | None:
    """Return the container in a script's text, or None when the script holds none."""
    strict_chars = MAX_STRICT_CHARS
    tokens = MAX_TOKENS
    for match in islice(_candidates(text), MAX_CANDIDATES):
        read, strict_chars, tokens = _read(text, match, strict_chars, tokens)
        if not isinstance(read.value, dict) or not isinstance(read.value.get("tags", read.value.get("macros")), list):
            continue
        siblings: dict[str, JsValue] = {}
        complete, end = read.complete, read.end
        for _ in range(20):
            key = _SIBLING.match(text, end) if complete else None
            if key is None:
                break
            sibling, strict_chars, tokens = _read(text, key.end(), strict_chars, tokens)
            siblings[key[1]] = sibling.value
            end = sibling.end
            # Runtime code that cannot be read costs vendor guesses, not tags: the resource stays complete.
            if not sibling.complete:
                break
        return ContainerSource(read.value, siblings, match, end, complete)
    return None


def read_literal(text: str, start: int = 0, max_tokens: int = MAX_TOKENS) -> ReadLiteral:
    """Read one JavaScript literal at `start`, as far as it goes. Takes JSON, single quotes, bare keys,
    `!0`, `void 0`, `\\x` escapes and trailing commas. Objects that are cut off keep what they had."""
    return _tolerant(text, start, max_tokens)[0]


def _candidates(text: str) -> Iterator[int]:
    for match in _RESOURCE.finditer(text):
        yield match.end()
    for match in _BARE_RESOURCE.finditer(text):
        yield match.start()


def _read(text: str, start: int, strict_chars: int, tokens: int) -> tuple[ReadLiteral, int, int]:
    """Try the fast JSON reader, then the tolerant one; return what is left of both budgets."""
    if strict_chars > 0:
        try:
            value, end = _JSON.raw_decode(text, start)
        except json.JSONDecodeError as error:
            strict_chars -= max(error.pos - start, 0)
        except (ValueError, RecursionError):  # numbers with thousands of digits, nesting without end
            strict_chars -= len(text) - start
        else:
            return ReadLiteral(value, end, True), strict_chars - (end - start), tokens
    read, used = _tolerant(text, start, tokens)
    return read, strict_chars, tokens - used


def _tolerant(text: str, start: int, max_tokens: int) -> tuple[ReadLiteral, int]:
    root: list[JsValue] = []
    stack: list[tuple[list[JsValue] | dict[str, JsValue], list[str]]] = []
    container: list[JsValue] | dict[str, JsValue] = root
    keys: list[str] = []  # the key that waits for its value; at most one
    position, used = start, 0
    while used < max_tokens:
        token = _TOKEN.match(text, position)
        if token is None:
            break
        used += 1
        kind, raw = token.lastgroup, token[token.lastgroup or 0]
        value: JsValue
        if kind == "punctuation":
            if raw in "{[":
                if len(stack) >= MAX_DEPTH:
                    break
                opened: list[JsValue] | dict[str, JsValue] = {} if raw == "{" else []
                _put(container, keys, opened)
                stack.append((container, keys))
                container, keys = opened, []
            elif raw in "}]":
                if not stack or isinstance(container, dict) != (raw == "}"):
                    break
                container, keys = stack.pop()
                if not stack:
                    return ReadLiteral(root[0], token.end(), True), used
            position = token.end()
            continue
        if kind == "string":
            value = _unquote(raw)
        elif kind == "number":
            value = _number(raw)
        elif kind == "negated":
            value = raw == "!0"
        elif kind == "void":
            value = None
        elif isinstance(container, dict) and not keys:
            value = raw
        elif raw in _WORDS:
            value = _WORDS[raw]
        else:
            break  # code, not a literal
        if isinstance(container, dict) and not keys:
            keys.append(str(value))
        else:
            _put(container, keys, value)
        position = token.end()
        if not stack:
            return ReadLiteral(root[0], position, True), used
    return ReadLiteral(root[0] if root else None, position, False), used


def _put(container: list[JsValue] | dict[str, JsValue], keys: list[str], value: JsValue) -> None:
    if isinstance(container, list):
        container.append(value)
    elif keys:
        container[keys.pop()] = value


def _number(raw: str) -> int | float | None:
    try:
        return int(raw)
    except ValueError:
        try:
            return float(raw)
        except ValueError:
            return None


def _unquote(raw: str) -> str:
    inner = raw[1:-1]
    return _ESCAPE.sub(_unescape, inner) if "\\" in inner else inner


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is not None:
        number = int(code, 16)
        return chr(number) if number < 0x110000 else "�"
    if match[4] in ("\n", "\r\n"):
        return ""
    return _SIMPLE_ESCAPES.get(match[4], match[4])
