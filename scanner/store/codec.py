"""Frozen dataclasses ↔ bytes, by their type hints. Pure; the standard library's JSON.

One `Format` describes one kind of stored document: its name, its type and how older versions of it
are brought up to date. Documents are JSON `[kind, version, value]` in UTF-8 with surrogates let
through, so any Python string survives: NULs, lone surrogates, halves of surrogate pairs side by side.

What is worth knowing:
- A field that equals its default is left out. So a new field with a default changes neither the bytes
  nor the digest of what is stored already. *Changing* a default therefore needs a new version.
- Bytes become `u:text` when they are UTF-8 (most request bodies: small, compresses well), else `b:base64`.
- Fields named in `shared` leave the document from a given size on and go into a list of blobs,
  `{"blob": position}` stays behind: what many pages have in common is stored once.
- Reading is strict: unknown fields, wrong types and newer versions are errors, never guessed at.
"""

from __future__ import annotations

import json
import marshal
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from scanner.model import Secret

T = TypeVar("T")
Encode = Callable[[Any, list[bytes]], Any]
Decode = Callable[[Any, Sequence[bytes]], Any]
Shared = Mapping[type, Mapping[str, int]]
"""Dataclass → field → smallest size in bytes (characters, for text) that is stored apart."""

_MOST_REMEMBERED = 20_000


class CodecError(ValueError):
    """Bytes that are not the document they should be. `store` turns it into a `StoreError`."""


def text_bytes(text: str) -> bytes:
    """Return `text` as UTF-8, lone surrogates included: total, and reversed by `bytes_text`."""
    return text.encode("utf-8", "surrogatepass")


def bytes_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Format(Generic[T]):
    """How values of one type are written and read."""

    kind: str
    type: Any
    """A dataclass, or a tuple of them: `tuple[SkippedPage, ...]`."""
    shared: Shared | None = None
    repeated: frozenset[Any] = frozenset()
    """Types of which one value stands in many documents, again and again."""
    steps: tuple[Callable[[Any], Any], ...] = ()
    """`steps[n]` turns the JSON value of version n+1 into that of version n+2."""

    @property
    def version(self) -> int:
        return len(self.steps) + 1

    def dump(self, value: T) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the document and the blobs it points at, both the same for equal values."""
        blobs: list[bytes] = []
        document = [self.kind, self.version, self._codec[0](value, blobs)]
        return text_bytes(json.dumps(document, ensure_ascii=False, separators=(",", ":"))), tuple(blobs)

    def dumps(self, value: T) -> bytes:
        """Return the document of a type without shared fields."""
        document, blobs = self.dump(value)
        if blobs:
            raise TypeError(f"{self.kind} documents point at blobs: use dump()")
        return document

    def load(self, document: bytes, blobs: Sequence[bytes] = ()) -> T:
        """Read a document of this or any older version. Reading many of one kind: use `reader`.

        Raises:
            CodecError: it is damaged, of another kind, or written by a newer tagdrift.
        """
        return self._load(self._codec[1], document, blobs)

    def reader(self) -> Callable[[bytes], T]:
        """Return what loads one document after the other, without blobs, and decodes what they repeat only once.

        What is equal in them is the same object then. Keep it for as long as one batch of documents lasts.
        """
        codec = _codec_of(self.type, {}, _Built(repeated=self.repeated))
        return lambda document: self._load(codec[1], document, ())

    def _load(self, decode: Decode, document: bytes, blobs: Sequence[bytes]) -> T:
        try:
            parsed = json.loads(bytes_text(document))
        except (ValueError, RecursionError, TypeError, AttributeError) as error:  # the last two: no bytes at all
            raise CodecError(f"not a {self.kind} document: {error}") from error
        match parsed:
            case [self.kind, int(version), value]:
                pass
            case _:
                raise CodecError(f"not a {self.kind} document")
        if not 1 <= version <= self.version:
            raise CodecError(
                f"{self.kind} document of format {version}, this tagdrift knows 1 to {self.version}: use a newer one"
            )
        try:
            for step in self.steps[version - 1 :]:
                value = step(value)
            result: T = decode(value, blobs)
        except CodecError:
            raise
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise CodecError(f"damaged {self.kind} document: {error}") from error
        return result

    @cached_property
    def _codec(self) -> tuple[Encode, Decode]:
        return _codec_of(self.type, self.shared or {}, _Built())


@dataclass(slots=True)
class _Built:
    """The functions of the types that were met so far."""

    codecs: dict[Any, tuple[Encode, Decode]] = field(default_factory=dict)
    repeated: frozenset[Any] = frozenset()
    """Types whose values are decoded once and remembered."""


def _codec_of(hint: Any, shared: Shared, known: _Built) -> tuple[Encode, Decode]:
    """Build the two functions for one type hint; a type that must not or cannot be stored is a TypeError."""
    if hint not in known.codecs:
        encode, decode = _build(hint, shared, known)
        known.codecs[hint] = encode, _remembering(decode) if hint in known.repeated else decode
    return known.codecs[hint]


def _remembering(decode: Decode) -> Decode:
    seen: dict[bytes, Any] = {}

    def decode_once(raw: Any, blobs: Sequence[bytes]) -> Any:
        key = marshal.dumps(raw, 2)  # the quickest way to tell JSON values apart, 1 and true included
        value = seen.get(key)
        if value is None:
            if len(seen) >= _MOST_REMEMBERED:
                seen.clear()
            value = seen[key] = decode(raw, blobs)
        return value

    return decode_once


def _build(hint: Any, shared: Shared, known: _Built) -> tuple[Encode, Decode]:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Secret:
        raise TypeError("secrets are never stored")
    if hint in (str, int, bool):
        return _same, _plain(hint)
    if hint is bytes:
        return _encode_bytes, _decode_bytes
    if hint is datetime:
        return _encode_time, _decode_time
    if hint is date:
        return (lambda value, _: value.isoformat()), (lambda raw, _: date.fromisoformat(raw))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return (lambda value, _: value.value), _member_of(hint)
    if is_dataclass(hint):
        return _dataclass(hint, shared, known)
    if origin in (Union, UnionType):
        rest = [arg for arg in args if arg is not NoneType]
        if len(rest) == 1 and len(args) == 2:
            return _optional(*_codec_of(rest[0], shared, known))
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return _many(*_codec_of(args[0], shared, known))
    if origin is tuple and args:
        return _exactly([_codec_of(arg, shared, known) for arg in args])
    raise TypeError(f"no stored form for {hint!r}")


def _same(value: Any, _: list[bytes]) -> Any:
    return value


def _plain(kind: type) -> Decode:
    def decode(raw: Any, _: Sequence[bytes]) -> Any:
        if type(raw) is not kind:
            raise CodecError(f"expected {kind.__name__}, found {type(raw).__name__}")
        return raw

    return decode


def _encode_bytes(value: bytes, _: list[bytes]) -> str:
    try:
        return "u:" + value.decode("utf-8")
    except UnicodeDecodeError:
        return "b:" + b64encode(value).decode("ascii")


def _decode_bytes(raw: Any, _: Sequence[bytes]) -> bytes:
    match raw[:2]:
        case "u:":
            return str(raw[2:]).encode("utf-8")
        case "b:":
            return b64decode(raw[2:], validate=True)
        case _:
            raise CodecError("bytes of unknown form")


def _encode_time(value: datetime, _: list[bytes]) -> str:
    if value.tzinfo is None:
        raise ValueError("a time without a time zone cannot be stored")
    return value.astimezone(UTC).isoformat()


def _decode_time(raw: Any, _: Sequence[bytes]) -> datetime:
    value = datetime.fromisoformat(raw)
    if value.tzinfo is None:
        raise CodecError("a time without a time zone")
    return value


def _member_of(kind: type[StrEnum]) -> Decode:
    members = {member.value: member for member in kind}

    def decode(raw: Any, _: Sequence[bytes]) -> Any:
        member = members.get(raw)
        if member is None:
            raise CodecError(f"{raw!r} is no {kind.__name__}")
        return member

    return decode


def _optional(encode: Encode, decode: Decode) -> tuple[Encode, Decode]:
    return (
        _same if encode is _same else lambda value, blobs: None if value is None else encode(value, blobs),
        lambda raw, blobs: None if raw is None else decode(raw, blobs),
    )


def _many(encode: Encode, decode: Decode) -> tuple[Encode, Decode]:
    def encode_all(values: Any, blobs: list[bytes]) -> Any:
        return values if encode is _same else [encode(value, blobs) for value in values]

    def decode_all(raw: Any, blobs: Sequence[bytes]) -> Any:
        if type(raw) is not list:
            raise CodecError(f"expected a list, found {type(raw).__name__}")
        return tuple([decode(one, blobs) for one in raw])

    return encode_all, decode_all


def _exactly(parts: list[tuple[Encode, Decode]]) -> tuple[Encode, Decode]:
    plain = all(part[0] is _same for part in parts)
    return (
        _same
        if plain
        else lambda values, blobs: [part[0](value, blobs) for part, value in zip(parts, values, strict=True)],
        lambda raw, blobs: tuple([part[1](one, blobs) for part, one in zip(parts, raw, strict=True)]),
    )


def _dataclass(kind: Any, shared: Shared, known: _Built) -> tuple[Encode, Decode]:
    hints, apart = get_type_hints(kind), shared.get(kind, {})
    plan: list[tuple[str, Any, Encode | None]] = []
    decoders: dict[str, Decode] = {}
    for one in fields(kind):
        encode, decode = _codec_of(hints[one.name], shared, known)
        if one.name in apart:
            encode, decode = _apart(hints[one.name], apart[one.name], encode, decode)
        default = one.default
        if default is MISSING and one.default_factory is not MISSING:
            default = one.default_factory()
        plan.append((one.name, default, None if encode is _same else encode))
        decoders[one.name] = decode
    read = attrgetter(*(name for name, _, _ in plan), "__class__")  # one more, so that it is always a tuple

    # This loop is half of what saving a visit costs: a capture has some 10,000 fields.
    def encode_all(value: Any, blobs: list[bytes]) -> Any:
        raw = {}
        for part, (name, default, encode) in zip(read(value), plan, strict=False):
            if part is not default and part != default:
                raw[name] = part if encode is None else encode(part, blobs)
        return raw

    def decode_all(raw: Any, blobs: Sequence[bytes]) -> Any:
        if type(raw) is not dict:
            raise CodecError(f"expected {kind.__name__}, found {type(raw).__name__}")
        if not decoders.keys() >= raw.keys():
            unknown = ", ".join(sorted(raw.keys() - decoders.keys()))
            raise CodecError(f"{kind.__name__} has fields this tagdrift does not know: {unknown}")
        return kind(**{name: decoders[name](part, blobs) for name, part in raw.items()})

    return encode_all, decode_all


def _apart(hint: Any, threshold: int, encode: Encode, decode: Decode) -> tuple[Encode, Decode]:
    is_text = str in (hint, *get_args(hint))

    def encode_apart(value: Any, blobs: list[bytes]) -> Any:
        if value is None or len(value) < threshold:
            return encode(value, blobs)
        blobs.append(text_bytes(value) if is_text else value)
        return {"blob": len(blobs) - 1}

    def decode_apart(raw: Any, blobs: Sequence[bytes]) -> Any:
        if type(raw) is not dict:
            return decode(raw, blobs)
        blob = blobs[raw["blob"]]
        return bytes_text(blob) if is_text else blob

    return encode_apart, decode_apart
