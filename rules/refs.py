"""References of rules made ready: each becomes a function from a request to the values it names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rules.message import Message
from rules.model import Ref
from rules.patterns import Pattern
from rules.values import TEST_LENGTH, Values, values_at
from scanner.request_headers import basic_user

Reader = Callable[[Message, Values], Sequence[str]]
MAX_PARTS = 100
"""Of a value that is a list."""


def reader_of(refs: Sequence[Ref]) -> Reader:
    """Return a function that gives the values of the first reference that yields any."""
    readers = tuple(_reader(ref) for ref in refs)
    if len(readers) == 1:
        return readers[0]

    def read(message: Message, values: Values) -> Sequence[str]:
        for reader in readers:
            found = reader(message, values)
            if found:
                return found
        return ()

    return read


def _reader(ref: Ref) -> Reader:
    source, finish = _source(ref), _finisher(ref)
    if ref == Ref(fields=ref.fields) and len(ref.fields) == 1 and "*" not in ref.fields[0]:
        # Most references are a field's bare name.
        (name,) = ref.fields
        return lambda message, values: [value for value in values.get(name, ()) if value]

    def read(message: Message, values: Values) -> Sequence[str]:
        raw = source(message, values)
        if ref.index is not None:
            raw = raw[ref.index : ref.index + 1]
        if ref.pattern is not None:
            raw = [text for value in raw for text in groups(ref.pattern, value)]
        if ref.split is not None:
            raw = [part.strip() for value in raw for part in value.split(ref.split, MAX_PARTS)]
        found = [finish(value) for value in raw if value]
        if found and ref.constant is not None:
            return [ref.constant]
        if not found and ref.default is not None:
            return [ref.default]
        return found

    return read


def _source(ref: Ref) -> Reader:
    """Where the values stand, before anything is cut out of them."""
    if ref.path is not None:
        path = ref.path
        return lambda message, values: groups(path, message.path)
    if ref.host is not None:
        host = ref.host
        return lambda message, values: groups(host, message.host)
    if ref.header is not None:
        return lambda message, values: _headers(ref, message)
    if ref.join is not None:
        return lambda message, values: _joined(ref.join or "", ref.fields, values)
    if len(ref.fields) == 1:
        (name,) = ref.fields
        return lambda message, values: values_at(name, values)
    return lambda message, values: [value for path in ref.fields for value in values_at(path, values)]


def _headers(ref: Ref, message: Message) -> list[str]:
    raw = [value for name, value in message.record.headers if name == ref.header]
    return list(filter(None, map(basic_user, raw))) if ref.basic_user else raw


def _joined(between: str, fields: Sequence[str], values: Values) -> list[str]:
    parts = [next(iter(values_at(path, values)), "") for path in fields]
    return [between.join(part for part in parts if part)] if parts and parts[0] else []


def _finisher(ref: Ref) -> Callable[[str], str]:
    case, names, prefix = ref.case, ref.names, ref.prefix

    def finish(value: str) -> str:
        if case == "upper":
            value = value.upper()
        elif case == "lower":
            value = value.lower()
        for text, word in names:
            if text in (value, "*"):
                value = word
                break
        return value if value.startswith(prefix) else prefix + value

    return finish


def groups(pattern: Pattern, text: str) -> list[str]:
    """The groups of the first match, joined, or the whole match of a pattern without any; nothing if none matches."""
    found = pattern.search(text[:TEST_LENGTH])
    if found is None:
        return []
    parts = found.groups("")
    return ["".join(parts)] if parts else [found[0]]
