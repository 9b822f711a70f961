"""Find identifiers by their value, in any part of any request, whoever it goes to.

Most requests carry none, so a request is first flattened and searched as a whole (`peel`); only where that
finds something is it opened field by field (`unwrap`), to say where the value stood and how it was wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Final, NamedTuple

from rules.body import parse_body
from rules.leak_shapes import Certainty, Shape, may_hold, name_means, shape_of
from rules.leak_terms import KnownIdentity, LeakIndex, PlainSearch, Term
from rules.placeholders import is_placeholder
from rules.unpack import body_text
from rules.unwrap import Layer, hidden_slashes, pairs, peel, unwrap, url_parts
from scanner.model import ExposureKind, Form, RequestRecord

__all__ = ["Certainty", "KnownIdentity", "Leak", "LeakIndex", "find_leaks", "is_placeholder"]

_HEX_RUN: Final = re.compile(r"[0-9a-f]{32,128}|[0-9A-F]{32,128}")
_SEPARATORS: Final = re.compile(r"[-_/+]")
_ENCODERS: Final = frozenset(("base64", "base32", "hex", "jwt", "lz-string", "gzip", "zlib", "deflate", "zstd"))
_SEARCHED_HEADERS: Final = frozenset(("referer", "cookie", "authorization", "origin"))
MIN_DIGEST_CHARS: Final = 22
"""MD5 as base64 without padding; nothing shorter is called a digest."""
_UNBROKEN: Final = re.compile(rf"[^-_/+]{{{MIN_DIGEST_CHARS}}}")
MAX_GATES: Final = 50
MAX_PATTERN_CHARS: Final = 300
"""No readable spelling is longer than this."""
MAX_LEAKS: Final = 200
MAX_VALUE_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class Leak:
    """One identifier in one field of one request."""

    kind: ExposureKind
    where: str
    """`url`, `header.referer`, `header.cookie`, `body` …"""
    field: str
    """Names as an engineer would write them, without the decoders: `ed.em`; the part itself if nothing is named."""
    chain: tuple[str, ...]
    """Names and decoders in order: `("query.ed", "url-decode", "json", "em")`."""
    value: str = attribute(repr=False)
    """As it stood in the innermost layer. Mask before showing it to anybody."""
    form: Form
    hash: str | None
    """`sha256`, `md5 of sha256` …; None unless hashed."""
    certainty: Certainty
    label: str | None = None
    """The known identity's label; None: recognised by shape alone."""
    normalisation: str | None = None
    """How the known value was spelled before: names the vendor's habit."""
    placeholder: str | None = None
    """Why the value stands for nobody; None if it may be a person's."""

    @property
    def known(self) -> bool:
        return self.label is not None

    @property
    def path(self) -> str:
        return " → ".join(self.chain)


def find_leaks(request: RequestRecord, index: LeakIndex, *, shapes: bool = True) -> tuple[Leak, ...]:
    """Return every identifier in the request's URL, headers and visible body, known ones first, sorted by place.

    `shapes` adds values that look like identifiers without belonging to a known person. A body that the browser
    hides (`None`) is not searched: nothing found there says nothing. Never raises; at most 200 leaks.
    """
    parts = _parts(request)
    text = "\n".join([part for _, part, _ in parts] + hidden_slashes(request.url.partition("?")[0]))
    signs = _NO_SIGNS
    for layer, tokens in peel(text):
        signs = _signs(layer, tokens, index, shapes, signs)
    if not any(signs):
        return ()
    leaks: list[Leak] = []
    for where, part, steps in parts:
        leaks += _search_part(where, part, steps, request, index, signs)
        if len(leaks) >= MAX_LEAKS:
            break
    if signs.known and not any(leak.known for leak in leaks):
        leaks += _unplaced(parts, index)
    leaks.sort(key=lambda leak: (not leak.known, leak.where, leak.chain))
    return tuple(leaks[:MAX_LEAKS])


class _Signs(NamedTuple):
    """What the flat search saw, so that the thorough one looks for nothing else."""

    known: bool
    glued: bool
    shaped: bool


_NO_SIGNS: Final = _Signs(False, False, False)


# --------------------------------------------------------------------------- parts of a request


def _parts(request: RequestRecord) -> list[tuple[str, str, tuple[str, ...]]]:
    parts: list[tuple[str, str, tuple[str, ...]]] = [("url", request.url, ())]
    for name, value in request.headers:
        if name in _SEARCHED_HEADERS or name.startswith("x-"):
            parts.append((f"header.{name}", value, ()))
    if request.body:
        parts.append(("body", *body_text(request.body)))
    return parts


def _fields(where: str, text: str, request: RequestRecord) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """The part's fields as (text, chain, name), to begin unwrapping with."""
    if where == "url" or where in ("header.referer", "header.origin"):
        prefix = () if where == "url" else ("referer",)
        for value, steps, name in url_parts(text):
            yield value, prefix + steps, name
        yield text.partition("://")[2].partition("/")[0], (*prefix, "host"), ""
    elif where == "header.cookie":
        yield from pairs(text, ";", "cookie.")
    elif where == "body" and request.body and b"\r\n" in request.body[:2000] and b"form-data" in request.body[:2000]:
        for path, name, value, _ in parse_body(request.body, request.content_type)[0]:
            yield value, ("body", name or path), name
    else:
        yield text, (where,), ""


def _search_part(
    where: str, text: str, steps: tuple[str, ...], request: RequestRecord, index: LeakIndex, signs: _Signs
) -> list[Leak]:
    found: list[Leak] = []
    for value, chain, name in _fields(where, text, request):
        # What took the compression off stands right behind the part's name.
        origin = (*chain[:1], *steps, *chain[1:])
        for layer in unwrap(value, origin, name):
            known = list(_known(layer, where, index)) if signs.known else []
            if signs.glued:
                known += _glued(layer, where, index)
            found += known
            if signs.shaped and not known:
                shape = shape_of(layer.name, layer.text)
                if shape is not None:
                    found.append(_shaped(layer, where, shape))
            if len(found) > 4 * MAX_LEAKS:
                return _innermost(found)
    return _innermost(found)


def _unplaced(parts: list[tuple[str, str, tuple[str, ...]]], index: LeakIndex) -> Iterator[Leak]:
    """Values that the flat search saw and no field shows: nested beyond all measure, but sent."""
    for where, text, steps in parts:
        for depth, (layer, _) in enumerate(peel(text)):
            chain = (where, *steps, *(("nested encodings",) if depth else ()))
            yield from _known(Layer(layer, chain, ""), where, index)


def _innermost(leaks: list[Leak]) -> list[Leak]:
    """Drop what is only the outside of something found further in: the body that contains the field."""
    outer: set[tuple[tuple[str, ...], ExposureKind]] = set()
    for leak in leaks:
        outer.update((leak.chain[:length], leak.kind) for length in range(1, len(leak.chain)))
    kept: dict[tuple[object, ...], Leak] = {}
    for leak in leaks:
        if (leak.chain, leak.kind) not in outer:
            kept.setdefault((leak.chain, leak.kind, leak.label, leak.hash, leak.value), leak)
    return list(kept.values())


# --------------------------------------------------------------------------- known identities


def _signs(layer: str, tokens: list[str], index: LeakIndex, shapes: bool, before: _Signs) -> _Signs:
    """Say what a flat layer may hold, together with earlier layers. May err with yes, never with no."""
    low = layer.lower()
    known, glued, shaped = before
    if index.identities:
        known = known or _may_hold_known(low, tokens, index)
        glued = glued or _may_hold_glued(low, tokens, index)
    shaped = shaped or (shapes and may_hold(layer, low, tokens))
    return _Signs(known, glued, shaped) if known or glued or shaped else _NO_SIGNS


def _may_hold_known(low: str, tokens: list[str], index: LeakIndex) -> bool:
    for search in index.plain:
        for gate in search.gates:
            if gate in low:
                if _stands_in(search, low):
                    return True
                break
    if not (index.digests.keys().isdisjoint(tokens) and index.weak.keys().isdisjoint(tokens)):
        return True
    long = [token for token in dict.fromkeys(tokens) if len(token) > 32]
    return any(next(_embedded(token, index), None) for token in long)


def _may_hold_glued(low: str, tokens: list[str], index: LeakIndex) -> bool:
    encoded = "\n".join([token for token in dict.fromkeys(tokens) if len(token) >= 12 and not token.islower()])
    for gates, pieces, text in (
        (index.glued_gates, index.glued, encoded),
        (index.glued_lower_gates, index.glued_lower, low),
    ):
        for gate in gates if text else ():
            if gate in text and any(piece in text for piece, _ in pieces):
                return True
    return False


def _stands_in(search: PlainSearch, low: str) -> bool:
    """Look for a readable value near its gates only: whole bodies are long, and patterns are slow."""
    for gate in search.gates:
        at = low.find(gate)
        for _ in range(MAX_GATES):
            if at < 0:
                break
            if search.pattern.search(low, max(0, at - MAX_PATTERN_CHARS), at + len(gate) + MAX_PATTERN_CHARS):
                return True
            at = low.find(gate, at + 1)
        if at >= 0 and search.pattern.search(low):
            return True
    return False


def _embedded(token: str, index: LeakIndex) -> Iterator[tuple[str, Term]]:
    """Digests inside a longer token: behind a prefix, in a path, after the length byte of a packed message."""
    # Between the separators of most long tokens, which are paths, nothing is as long as a digest.
    pieces = (*_HEX_RUN.findall(token), *_SEPARATORS.split(token)) if _UNBROKEN.search(token) else ()
    for piece in (*pieces, token[1:]):
        if len(piece) < MIN_DIGEST_CHARS:
            continue
        for cut in (piece, piece[:64], piece[-64:]):
            term = index.digests.get(cut)
            if term is not None:
                yield cut, term
                break


def _known(layer: Layer, where: str, index: LeakIndex) -> Iterator[Leak]:
    text = layer.text
    low = text.lower()
    for search in index.plain:
        if any(gate in low for gate in search.gates):
            match = search.pattern.search(text)
            if match:
                form = Form.ENCODED if _ENCODERS.intersection(layer.chain) else Form.PLAIN
                certainty = _plain_certainty(search.identity, match[0], text, layer.name)
                yield _leak(layer, where, Term(search.identity, "readable", form), match[0], certainty)
    if not index.digests:
        return
    for token in dict.fromkeys(re.findall(r"[A-Za-z0-9+/_-]{8,}", text)):
        term = index.digests.get(token)
        hits = [(token, term)] if term else list(_embedded(token, index)) if len(token) > 32 else []
        for value, hit in hits:
            certainty = Certainty.CERTAIN
            if hit.weak:
                certainty = Certainty.LIKELY if name_means(hit.identity.kind, layer.name) else Certainty.POSSIBLE
            yield _leak(layer, where, hit, value, certainty)
    checksum = index.weak.get(text.strip())
    if checksum is not None and name_means(checksum.identity.kind, layer.name):
        yield _leak(layer, where, checksum, text.strip(), Certainty.LIKELY)


def _glued(layer: Layer, where: str, index: LeakIndex) -> Iterator[Leak]:
    """Values inside longer encoded texts that do not decode as a whole."""
    low = layer.text.lower()
    reported: set[str] = set()
    for pieces, haystack in ((index.glued, layer.text), (index.glued_lower, low)):
        for piece, term in pieces:
            if piece in haystack and term.identity.label + term.identity.value not in reported:
                reported.add(term.identity.label + term.identity.value)
                yield _leak(layer, where, term, piece, Certainty.CERTAIN)


def _plain_certainty(identity: KnownIdentity, matched: str, text: str, name: str) -> Certainty:
    if name_means(identity.kind, name):
        return Certainty.CERTAIN
    if identity.kind is ExposureKind.DATE_OF_BIRTH:
        return Certainty.POSSIBLE  # dates are everywhere
    if identity.kind is ExposureKind.EMAIL:
        return Certainty.CERTAIN if "@" in matched else Certainty.LIKELY
    if identity.kind is ExposureKind.PHONE:
        return Certainty.CERTAIN if sum(char.isdigit() for char in matched) >= 10 else Certainty.LIKELY
    if identity.kind is ExposureKind.EXTERNAL_ID:
        return Certainty.CERTAIN if len(matched) >= 6 else Certainty.POSSIBLE
    several_words = not matched.isalpha() or len(identity.value.split()) > 1
    if several_words:
        return Certainty.CERTAIN
    return Certainty.LIKELY if len(matched) >= 6 or text.strip() == matched else Certainty.POSSIBLE


def _leak(layer: Layer, where: str, term: Term, value: str, certainty: Certainty) -> Leak:
    return Leak(
        kind=term.identity.kind,
        where=where,
        field=layer.field or where,
        chain=layer.chain,
        value=value[:MAX_VALUE_CHARS],
        form=term.form,
        hash=term.hash,
        certainty=certainty,
        label=term.identity.label,
        normalisation=term.normalisation,
    )


# --------------------------------------------------------------------------- shapes


def _shaped(layer: Layer, where: str, shape: Shape) -> Leak:
    form = shape.form
    if form is Form.PLAIN and _ENCODERS.intersection(layer.chain):
        form = Form.ENCODED
    return Leak(
        kind=shape.kind,
        where=where,
        field=layer.field or where,
        chain=layer.chain,
        value=shape.value[:MAX_VALUE_CHARS],
        form=form,
        hash=shape.hash,
        certainty=shape.certainty,
        placeholder=is_placeholder(shape.value),
    )
