"""The decoding loop says what is inside what, and how it got there."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest
import zstandard

from rules.lz_string import from_lz_string
from rules.tokens import decode_token, plain
from rules.unpack import body_text, inflate
from rules.unwrap import peel, unwrap, url_parts


def paths(text: str, origin: str = "query.x") -> dict[str, str]:
    return {layer.path: layer.text for layer in unwrap(text, (origin,), "x")}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "path", "inside"),
    [
        ("a%2540b", "query.x → url-decode", "a@b"),
        ("%7B%22em%22%3A%22v%22%7D", "query.x → url-decode → json → em", "v"),
        ('{"a":[{"b":"v"}]}', "query.x → json → a[].b", "v"),
        ('"{\\"em\\":\\"v\\"}"', "query.x → json → json → em", "v"),
        ("a=1&b=v", "query.x → b", "v"),
        ("a=1;b=v", "query.x → b", "v"),
        ("tv.1~em.v~pn.2", "query.x → em", "v"),
        ("one\ntwo=v", "query.x → line 2 → two", "v"),
        ("a&#64;b", "query.x → html-entities", "a@b"),
        ("https://c.test/p?email=v#f", "query.x → query.email", "v"),
        ("https://c.test/p?u=https%3A%2F%2Fd.test%2F%3Fq%3Dv", "query.x → query.u → url-decode → query.q", "v"),
        (b64("hello hello"), "query.x → base64", "hello hello"),
        (b64(b64("hello hello")), "query.x → base64 → base64", "hello hello"),
        (b64('{"em":"v"}'), "query.x → base64 → json → em", "v"),
        ("eyJhbGciOiJub25lIn0." + b64('{"sub":"v"}').rstrip("=") + ".sig", "query.x → jwt → json → sub", "v"),
        ("68656c6c6f2068656c6c6f", "query.x → hex", "hello hello"),
        ("NBSWY3DPEBUGK3DMN4======", "query.x → base32", "hello hello"),
        ("a\\u0040b", "query.x → json-escapes", "a@b"),
    ],
)
def test_values_are_opened_step_by_step(text: str, path: str, inside: str) -> None:
    assert paths(text)[path] == inside


def test_names_without_decoders_are_the_field() -> None:
    [layer] = [layer for layer in unwrap(quote('{"pd":{"em":"v"}}'), ("query.ed",), "ed") if layer.text == "v"]
    assert (layer.field, layer.name) == ("ed.pd.em", "em")


def test_a_url_falls_into_path_matrix_query_and_fragment() -> None:
    url = "https://ad.test/activity/x;src=1;u1=doctor?a=1&b=%20#section=2"
    assert [(steps[0], value) for value, steps, _ in url_parts(url)] == [
        ("path", "ad.test/activity/x"),
        ("path.src", "1"),
        ("path.u1", "doctor"),
        ("query.a", "1"),
        ("query.b", "%20"),
        ("fragment.section", "2"),
    ]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (gzip.compress(b"hello hello", mtime=0), "gzip"),
        (zlib.compress(b"hello hello"), "zlib"),
        (zlib.compress(b"hello hello")[2:-4], "deflate"),
        (zstandard.compress(b"hello hello"), "zstd"),
    ],
)
def test_compressed_bytes_are_told_by_their_magic(raw: bytes, name: str) -> None:
    assert inflate(raw) == (b"hello hello", name)
    assert body_text(raw) == ("hello hello", (name,))
    assert decode_token(base64.b64encode(raw).decode().rstrip("=")) == ("hello hello", ("base64", name))


@pytest.mark.parametrize("raw", [b"", b"\x1f\x8b", b"\x78\x9c\x00", b"\x28\xb5\x2f\xfd\x00", b"\x00\x01\x02\x03" * 9])
def test_other_bytes_are_not_inflated(raw: bytes) -> None:
    assert inflate(raw) in (None, (b"", "gzip"), (b"", "zlib"), (b"", "zstd"))


def test_a_compressed_bomb_stops_at_the_budget() -> None:
    opened = inflate(gzip.compress(b"0" * 60_000_000))
    assert opened is not None
    assert len(opened[0]) < 5_000_000


@pytest.mark.parametrize(
    "token",
    [
        "17000000001234",
        "pagead/1p-user-list",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "123e4567-e89b-12d3-a456-426614174000",
        "SubscribedButtonClick",
        "AAAAAAAAAAAAAAAA",
        "short",
    ],
)
def test_ids_and_words_are_no_encodings(token: str) -> None:
    assert decode_token(token) is None


@pytest.mark.parametrize(
    ("packed", "text"), [("BYUwNmD2Q===", "hello"), ("BYUwNmD2Q", "hello"), ("BIUwNmD2AEDukCcwBMg", "Hello world")]
)
def test_lz_string(packed: str, text: str) -> None:
    assert from_lz_string(packed) == text


@pytest.mark.parametrize("text", ["", "=", "ä", "!!!!", "A", "zzzzzzzzzzzzzzzzzzzzzzzzzzzz"])
def test_other_text_is_no_lz_string(text: str) -> None:
    assert from_lz_string(text) is None


def test_the_fast_way_sees_what_the_thorough_way_sees() -> None:
    text = "x=" + quote(json.dumps({"a": b64(json.dumps({"b": b64("needle in here")}))}))
    assert any("needle in here" in layer for layer, _ in peel(text))
    assert any(layer.text == "needle in here" for layer in unwrap(text))


def test_escapes_come_off_together() -> None:
    assert plain("a%2540b&#64;c\\u0040d\\/e%u0040f") == "a@b@c@d/e@f"
