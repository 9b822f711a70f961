"""Laws of the search: what is wrapped is found, what is not there is not, and nothing raises."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.leak_terms import GATE_CHARS, gates_of
from rules.leak_variants import plain_pattern, search_gates, variants_of
from rules.leaks import KnownIdentity, LeakIndex, find_leaks, is_placeholder
from rules.lz_string import from_lz_string
from rules.unwrap import peel, unwrap
from scanner.model import ExposureKind, RequestRecord

EMAIL = "Rosa.Lindqvist+k7@canary-mailbox.example"
INDEX = LeakIndex.build([KnownIdentity(ExposureKind.EMAIL, EMAIL, "e-mail")])
UNGUESSABLE = LeakIndex.build(
    [
        KnownIdentity(ExposureKind.EMAIL, "qzxvwk.jjyqx@zzqqxx-kkwv.example", "e-mail"),
        KnownIdentity(ExposureKind.PHONE, "+1 987 555 0163", "phone"),
        KnownIdentity(ExposureKind.NAME, "Qzxvwk Jjyqxvv", "name"),
    ]
)

Wrapper = Callable[[str], str]


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ENCODERS: dict[str, Wrapper] = {
    "url": lambda text: quote(text, safe=""),
    "base64": _b64,
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "gzip": lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
    "zlib": lambda text: base64.urlsafe_b64encode(zlib.compress(text.encode())).decode(),
    "json": lambda text: json.dumps({"k": [text], "n": 1}),
    "jwt": lambda text: f"eyJhbGciOiJIUzI1NiJ9.{_b64(json.dumps({'sub': text})).rstrip('=')}.sig",
    "query": lambda text: f"a=1&who={quote(text, safe='')}&z=2",
}
HASHERS: dict[str, Wrapper] = {
    name: lambda text, name=name: hashlib.new(name, text.encode()).hexdigest()  # type: ignore[misc]
    for name in ("md5", "sha1", "sha256", "sha512")
}
spellings = st.sampled_from([variant.text for variant in variants_of(ExposureKind.EMAIL, EMAIL) if not variant.shared])
encoders = st.lists(st.sampled_from(list(ENCODERS)), max_size=3)


@settings(deadline=None, max_examples=200)
@given(
    spellings,
    st.lists(st.sampled_from(list(HASHERS)), max_size=2),
    encoders,
    st.sampled_from(["query", "body", "path", "cookie"]),
)
def test_three_layers_of_wrapping_hide_nothing(
    spelling: str, hashes: list[str], wrapping: list[str], place: str
) -> None:
    value = spelling
    for name in hashes:
        value = HASHERS[name](value)
    for name in wrapping[: 3 - len(hashes)]:
        value = ENCODERS[name](value)
    request = {
        "query": RequestRecord(f"https://t.test/?x={quote(value, safe='')}"),
        "path": RequestRecord(f"https://t.test/p/{quote(value, safe='')}/"),
        "cookie": RequestRecord("https://t.test/", headers=(("cookie", f"a=1; x={quote(value, safe='')}"),)),
        "body": RequestRecord("https://t.test/", body=json.dumps({"v": value}).encode()),
    }[place]
    leaks = find_leaks(request, INDEX, shapes=False)
    assert "e-mail" in [leak.label for leak in leaks]


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=300), st.binary(max_size=300), st.text(max_size=60), st.booleans())
def test_no_request_raises_and_none_of_a_stranger_is_known(url: str, body: bytes, header: str, shapes: bool) -> None:
    request = RequestRecord("https://t.test/?" + url, headers=(("cookie", header), ("referer", header)), body=body)
    assert not [leak for leak in find_leaks(request, UNGUESSABLE, shapes=shapes) if leak.known]


awkward = st.text(st.sampled_from("%{}[]\"'=&;~.\\/u0064@+-_ABab19\n <>#?!|:,") | st.characters(), max_size=200)


@settings(deadline=None, max_examples=150)
@given(awkward)
def test_unwrapping_is_bounded_and_begins_with_the_text(text: str) -> None:
    layers = list(unwrap(text, ("x",), "x"))
    assert len(layers) <= 20_000
    assert not text or layers[0].text == text
    list(peel(text))
    is_placeholder(text)


kinds = st.sampled_from(
    [ExposureKind.EMAIL, ExposureKind.PHONE, ExposureKind.NAME, ExposureKind.ADDRESS, ExposureKind.DATE_OF_BIRTH,
     ExposureKind.EXTERNAL_ID, ExposureKind.FREE_TEXT]
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(kinds, st.text(min_size=3, max_size=40))
def test_any_configured_value_builds_an_index_and_is_found_as_typed(kind: ExposureKind, value: str) -> None:
    if value.encode("utf-8", "ignore").decode() != value:
        value = value.encode("utf-8", "ignore").decode()
    LeakIndex.build([KnownIdentity(kind, value, "x")])
    pattern = plain_pattern(kind, value)
    if pattern is not None and value.isascii():
        gates = search_gates(kind, value)
        for variant in variants_of(kind, value):
            if pattern.search(variant.text):
                assert any(gate in variant.text.lower() for gate in gates)


def compress_to_base64(text: str) -> str:
    """LZ-string's packing, written for this test only."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bits: list[int] = []
    codes: dict[str, int] = {}
    fresh: set[str] = set()
    room, width, following, current = 2, 2, 3, ""

    def put(number: int, count: int) -> None:
        bits.extend((number >> place) & 1 for place in range(count))

    def flush(word: str) -> None:
        nonlocal room, width
        if word in fresh:
            wide = ord(word[0]) >= 256
            put(int(wide), width)
            put(ord(word[0]), 16 if wide else 8)
            room -= 1
            if room == 0:
                room = 1 << width
                width += 1
            fresh.discard(word)
        else:
            put(codes[word], width)
        room -= 1
        if room == 0:
            room = 1 << width
            width += 1

    for char in text:
        if char not in codes:
            codes[char] = following
            following += 1
            fresh.add(char)
        if current + char in codes:
            current += char
        else:
            flush(current)
            codes[current + char] = following
            following += 1
            current = char
    if current:
        flush(current)
    put(2, width)
    bits.extend([0] * (-len(bits) % 6))
    return "".join(alphabet[int("".join(map(str, bits[start : start + 6])), 2)] for start in range(0, len(bits), 6))


@settings(deadline=None, max_examples=100)
@given(
    st.text(st.characters(max_codepoint=0xD7FF), min_size=1, max_size=400) | st.sampled_from(["ab" * 500, "é€" * 90])
)
def test_lz_string_comes_back(text: str) -> None:
    assert from_lz_string(compress_to_base64(text)) == text


@given(st.lists(st.text("ab@.c", min_size=GATE_CHARS, max_size=14), max_size=30))
def test_one_of_the_gates_stands_in_every_piece(pieces: list[str]) -> None:
    gates = gates_of(pieces)
    assert all(any(gate in piece for gate in gates) for piece in pieces)
