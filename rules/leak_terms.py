"""What to search for when a person is known: every spelling, encoding and hash under which a value may leave.

`LeakIndex.build` does all the work once; searching is look-ups. See docs/leaks.md for the list.
"""

from __future__ import annotations

import re
from base64 import b32encode, b64encode, urlsafe_b64encode
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from rules.leak_hashes import COMMON, all_digests, digest, weak_digests
from rules.leak_variants import Variant, plain_pattern, search_gates, variants_of
from scanner.model import ExposureKind, Form

GATE_CHARS: Final = 8
"""No glued piece is shorter."""
_ENCODED_FIRST: Final = ("md5", "sha1", "sha256")
"""Hashes also looked for over an encoded value."""


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """One value of a known (invented) person that must not turn up anywhere."""

    kind: ExposureKind
    """EMAIL, PHONE, NAME, ADDRESS, DATE_OF_BIRTH, EXTERNAL_ID or FREE_TEXT."""
    value: str = field(repr=False)
    label: str = ""
    """What reports call it, e.g. `canary e-mail`; never the value itself."""


@dataclass(frozen=True, slots=True)
class Term:
    """One recognisable trace of one identity."""

    identity: KnownIdentity
    normalisation: str
    """How the value was spelled before it was encoded: `lower-case`, `without +tag` …"""
    form: Form
    hash: str | None = None
    """`sha256`, `md5 of sha256` …; None unless hashed."""
    weak: bool = False
    """Proves nothing alone: a 32-bit checksum, or a part that many people share."""


@dataclass(frozen=True, slots=True)
class PlainSearch:
    """How one identity's readable spellings are found."""

    identity: KnownIdentity
    pattern: re.Pattern[str]
    """Verifies boundaries; case-insensitive."""
    gates: tuple[str, ...]
    """Lower-case pieces of which one stands in every text that `pattern` can match."""


@dataclass(frozen=True, slots=True)
class LeakIndex:
    """Everything to search for, ready for look-ups. Build it once per configuration."""

    identities: tuple[KnownIdentity, ...]
    digests: dict[str, Term] = field(repr=False)
    """Token as it stands in a request (hex in either case, base64 without padding) → term."""
    weak: dict[str, Term] = field(repr=False)
    """32-bit checksums, as eight hex digits and as numbers."""
    plain: tuple[PlainSearch, ...] = field(repr=False)
    glued: tuple[tuple[str, Term], ...] = field(repr=False)
    """Case-sensitive pieces of base64 and base32 at every alignment, for values inside longer encoded texts."""
    glued_lower: tuple[tuple[str, Term], ...] = field(repr=False)
    """Hex and reversed spellings, lower-case."""
    glued_gates: tuple[str, ...] = field(repr=False)
    glued_lower_gates: tuple[str, ...] = field(repr=False)
    """Of which one stands in every text that holds one of the pieces: fewer to look for."""

    @classmethod
    def build(cls, identities: Sequence[KnownIdentity]) -> LeakIndex:
        """Compute every variant of every identity: some thousand entries and milliseconds each. Blank values
        and values of fewer than three characters are left out: they would match everything."""
        digests: dict[str, Term] = {}
        weak: dict[str, Term] = {}
        plain: list[PlainSearch] = []
        glued: dict[str, Term] = {}
        glued_lower: dict[str, Term] = {}
        kept = tuple(identity for identity in identities if len(identity.value.strip()) >= 3)
        for identity in kept:
            variants = variants_of(identity.kind, identity.value)
            for variant in variants:
                for name, key in _digest_keys(variant.text):
                    digests.setdefault(
                        key, Term(identity, variant.normalisation, Form.HASHED, name, weak=variant.shared)
                    )
                for name, number in weak_digests(variant.text.encode()):
                    term = Term(identity, variant.normalisation, Form.HASHED, name, weak=True)
                    for key in (f"{number:08x}", f"{number:08X}", str(number), str(number - 2**32)):
                        weak.setdefault(key, term)
            pattern = plain_pattern(identity.kind, identity.value)
            if pattern is not None:
                plain.append(PlainSearch(identity, pattern, search_gates(identity.kind, identity.value)))
            for variant in variants:
                if not variant.glue:
                    continue
                term = Term(identity, variant.normalisation, Form.ENCODED)
                for piece in _alignments(variant.text.encode()):
                    glued.setdefault(piece, term)
                glued_lower.setdefault(variant.text.encode().hex(), term)
                glued_lower.setdefault(variant.text[::-1].lower(), term)
        return cls(
            identities=kept,
            digests=digests,
            weak=weak,
            plain=tuple(plain),
            glued=tuple(glued.items()),
            glued_lower=tuple(glued_lower.items()),
            glued_gates=gates_of(glued),
            glued_lower_gates=gates_of(glued_lower),
        )


def gates_of(pieces: Collection[str]) -> tuple[str, ...]:
    """Return short texts of which one stands in every piece. Spellings of one value have most of it in common."""
    runs = {piece: [piece[at : at + GATE_CHARS] for at in range(len(piece) - GATE_CHARS + 1)] for piece in pieces}
    shared = Counter(run for listed in runs.values() for run in dict.fromkeys(listed))
    gates: dict[str, None] = {}
    for piece, listed in runs.items():
        if not any(gate in piece for gate in gates):
            gates[max(listed, key=lambda run: shared[run], default=piece)] = None
    return tuple(gates)


def _spellings(raw: bytes) -> Iterator[str]:
    """A digest as it is written down, padding off."""
    yield raw.hex()
    yield raw.hex().upper()
    yield b64encode(raw).decode().rstrip("=")
    yield urlsafe_b64encode(raw).decode().rstrip("=")


def _digest_keys(text: str) -> Iterator[tuple[str, str]]:
    """Yield (hash name, token) for one spelling of a value: hashes, cut hashes, hashes of encodings, of hashes."""
    raw = text.encode()
    inner: dict[str, bytes] = {}
    for name, value in all_digests(raw):
        for key in _spellings(value):
            yield name, key
        if name in COMMON:
            inner[name] = value
    yield "sha256 cut to 128 bits", inner["sha256"].hex()[:32]
    yield "sha256 cut to 160 bits", inner["sha256"].hex()[:40]
    yield "sha512 cut to 256 bits", inner["sha512"].hex()[:64]
    for encoding, encoded in _encodings(text):
        for name in _ENCODED_FIRST:
            for key in _spellings(digest(name, encoded)):
                yield f"{name} of {encoding}", key
    for below, value in inner.items():
        for shown in (value.hex(), value.hex().upper(), b64encode(value).decode()):
            for name in COMMON:
                outer = digest(name, shown.encode())
                for key in _spellings(outer):
                    yield f"{name} of {below}", key
                if shown == value.hex() and name != "sha512" and below != "sha512":
                    for top in _ENCODED_FIRST:
                        yield f"{top} of {name} of {below}", digest(top, outer.hex().encode()).hex()


def _encodings(text: str) -> Iterator[tuple[str, bytes]]:
    raw = text.encode()
    yield "base64", b64encode(raw)
    yield "hex", raw.hex().encode()
    yield "reversed", text[::-1].encode()
    quoted = quote(text, safe="")
    if quoted != text:
        yield "URL-encoding", quoted.encode()


def _alignments(raw: bytes) -> Iterator[str]:
    """The part of base64 and base32 that does not depend on what stands before or after, for each offset."""
    for offset in range(3):
        # Bits of the neighbours reach into the first and the last symbol: leave those out.
        start = -(-8 * offset // 6) if offset else 0
        symbols = (8 * (offset + len(raw))) // 6
        for encode in (b64encode, urlsafe_b64encode):
            piece = encode(b"\0" * offset + raw).decode()[start:symbols]
            if len(piece) >= 8:
                yield piece
    for offset in range(5):
        start = -(-8 * offset // 5) if offset else 0
        symbols = (8 * (offset + len(raw))) // 5
        piece = b32encode(b"\0" * offset + raw).decode()[start:symbols]
        if len(piece) >= 10:
            yield piece


__all__ = ["KnownIdentity", "LeakIndex", "PlainSearch", "Term", "Variant"]
