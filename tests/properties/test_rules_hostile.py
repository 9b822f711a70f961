"""Nothing a page can send makes decoding or matching fail, or take long."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from functools import cache, partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.body import parse_body
from rules.decoders import apply_decoders
from rules.explain import explain, explain_line
from rules.har import read_har
from rules.load import load_rules
from rules.match import match_request
from scanner.errors import ProblemsError
from scanner.model import RequestRecord
from tests.timing import BOUND, yardsticks

RULES = load_rules()
PAGE = "https://www.clinic.test/"
MEGABYTE = 1024 * 1024
BEACON_URLS = [
    "https://ct.pinterest.com/v3/?tid=2612000000001&",
    "https://www.facebook.com/tr/?id=1234567890123456&ev=x&",
    "https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDEF1234&",
    "https://ad.doubleclick.net/activity;src=1234567;type=a;cat=b;",
    "https://www.googleadservices.com/pagead/conversion/123456789/?",
    "https://www.clinic.test/api?",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
packers: list[Callable[[bytes], bytes]] = [lambda b: b, gzip.compress, zlib.compress, base64.b64encode]
bodies = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")),
    json_values.map(lambda v: json.dumps(v).encode()),
    st.tuples(json_values, st.sampled_from(packers), st.sampled_from(packers)).map(
        lambda t: t[2](t[1](json.dumps(t[0]).encode()))
    ),
)


@settings(deadline=None)
@given(st.sampled_from(BEACON_URLS), st.text(max_size=200), st.none() | bodies, st.none() | st.text(max_size=60))
def test_matching_never_fails(url: str, tail: str, body: bytes | None, content_type: str | None) -> None:
    match_request(RequestRecord(url + tail, "POST", "ping", body, content_type), RULES, page_url=tail or None)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_may_be_a_url(text: str) -> None:
    match_request(RequestRecord(text), RULES, page_url=text)


STEPS = [
    "json", "query", "matrix", "lines", "base64", "gzip", "url", "hex", "top",
    "list:,", "pairs:~.", "pairs:;=", "pairs:~2", "after:~",
]  # fmt: skip


@settings(deadline=None)
@given(st.text(max_size=100), st.lists(st.sampled_from(STEPS), max_size=4))
def test_decoders_never_fail(text: str, steps: list[str]) -> None:
    for path, name, value, item in apply_decoders(("p", "p", text, -1), tuple(steps)):
        assert (type(path), type(name), type(value), type(item)) == (str, str, str, int)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["url", "method", "body", "body_base64", "page_url", "type"]), json_values))
def test_explain_answers_whatever_it_is_asked(request: dict[str, object]) -> None:
    assert explain(request, RULES)["format"] == 1
    assert explain_line(json.dumps(request), RULES)["format"] == 1


ENTRY_KEYS = ["request", "response", "pageref", "startedDateTime", "_initiator", "_webSocketMessages", "_resourceType"]
har_requests = st.fixed_dictionaries(
    {"url": st.just("https://a.test/") | json_values, "postData": json_values, "headers": json_values}
)
har_entries = st.fixed_dictionaries(
    {"request": har_requests | json_values},
    optional={key: json_values for key in ENTRY_KEYS if key != "request"},
)


@settings(deadline=None)
@given(st.lists(har_entries | json_values, max_size=5), json_values, st.integers(0, 40))
def test_har_files_give_pages_or_one_clear_error(entries: list[object], pages: object, cut: int) -> None:
    raw = json.dumps({"log": {"pages": pages, "entries": entries}}).encode()
    try:
        read_har(raw[: len(raw) - cut])
    except ProblemsError as error:
        assert error.problems


def _deep(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


HOSTILE = {
    "one long value": "a" * MEGABYTE,
    "pairs": "a=1&" * (MEGABYTE // 4),
    "names": "&".join(f"p{n}=1" for n in range(100_000)),
    "empty pairs": "&" * MEGABYTE,
    "equals signs": "=" * MEGABYTE,
    "percent signs": "%" * MEGABYTE,
    "percent-encoded percents": "a=" + "%25" * (MEGABYTE // 3),
    "open brackets": "[" * MEGABYTE,
    "brackets in names": "a" + "[b]" * (MEGABYTE // 3) + "=1",
    "braces": "{" * MEGABYTE,
    "deep JSON": _deep(20_000),
    "deep JSON in a parameter": "ed=" + _deep(900),
    "wide JSON": json.dumps({f"k{n}": n for n in range(50_000)}),
    "a long key above many": json.dumps({"k" * 500_000: {f"k{n}": n for n in range(30_000)}}),
    "many texts that look like JSON": json.dumps(["{" * 20] * 40_000),
    "JSON in JSON": json.dumps({"a": json.dumps({"b": json.dumps({"c": "x" * 300_000})})}),
    "white space": " " * MEGABYTE + "!",
    "base64-like with white space": "ab \n" * (MEGABYTE // 4) + "!",
    "base64": base64.b64encode(b"{" * 700_000).decode(),
    "JSON web token": "a=eyJ" + "." * 2 + "x" * MEGABYTE,
    "lines": "en=a\n" * (MEGABYTE // 5),
    "matrix": ";".join(f"u{n}=x" for n in range(100_000)),
    "tildes": "em=tv.1" + "~em.x" * (MEGABYTE // 5),
    "boundaries": "--x\r\n" * (MEGABYTE // 5),
    "mail addresses": "dl=" + "a@b." * (MEGABYTE // 4),
    "numbers": "[" + "1" * 5000 + "]",
    "nulls": "\x00" * MEGABYTE,
    "surrogates": "\ud800" * 1000,
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HOSTILE.items()])
@pytest.mark.parametrize(
    "url",
    [
        pytest.param(BEACON_URLS[0], id="JSON in parameters"),
        pytest.param(BEACON_URLS[2], id="lines and decoders"),
        pytest.param(BEACON_URLS[3], id="matrix parameters"),
        pytest.param(BEACON_URLS[5], id="shapes only"),
    ],
)
def test_a_megabyte_of_malice_takes_less_than_a_second(url: str, text: str) -> None:
    raw = text.encode("utf-8", "replace")
    for request in (RequestRecord(url + text), RequestRecord(url, "POST", body=raw)):
        assert yardsticks(partial(match_request, request, RULES, page_url=PAGE)) < BOUND


@cache
def _bomb(times: int) -> bytes:
    return gzip.compress(_bomb(times - 1), 9) if times else b"a=" + b"0" * (200 * MEGABYTE)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_compression_bomb_is_opened_only_so_far(times: int) -> None:
    bomb = _bomb(times)
    assert yardsticks(lambda: parse_body(bomb)) < BOUND
    fields, shapes = parse_body(bomb)
    assert "gzip" in shapes
    assert sum(len(value) for _, _, value, _ in fields) <= 5 * MEGABYTE
