"""The same parameters by every transport give the same detection."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote, urlencode

import brotli
import pytest
import zstandard

from rules.body import parse_body
from rules.decode import canonical, expand_all, parse_query
from rules.load import load_rules
from rules.match import match_request
from scanner.model import Detection, RequestRecord

RULES = load_rules()
EMAIL_HASH = "7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a"
FLAT = {
    "tid": "2612000000001",
    "event": "lead",
    "pd": json.dumps({"em": EMAIL_HASH, "aem": EMAIL_HASH}),
    "ed": json.dumps({"search_query": "knee pain & more", "event_id": "e1"}),
    "ad": json.dumps({"loc": "https://clinic.test/knee?q=a b", "ref": ""}),
}
NESTED = {name: json.loads(value) if value.startswith("{") else value for name, value in FLAT.items()}
MULTIPART = "".join(
    f'--xyz\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in FLAT.items()
) + "--xyz--\r\n"  # fmt: skip
URL = "https://ct.pinterest.com/v3/"


def found(url: str, body: bytes | None = b"", content_type: str | None = None) -> Detection:
    request = RequestRecord(url=url, method="POST" if body else "GET", body=body, content_type=content_type)
    (detection,) = match_request(request, RULES, page_url="https://clinic.test/")
    return detection


BRACKETS = {"tid": FLAT["tid"], "event": "lead"} | {
    f"{name}[{key}]": value for name in ("pd", "ed", "ad") for key, value in json.loads(FLAT[name]).items()
}
FORM = urlencode(FLAT).encode()


@pytest.mark.parametrize(
    ("url", "body", "content_type"),
    [
        pytest.param(f"{URL}?{urlencode(FLAT)}", b"", None, id="query"),
        pytest.param(f"{URL}?{urlencode(BRACKETS)}", b"", None, id="brackets"),
        pytest.param(f"{URL}?{urlencode({n: quote(v) for n, v in FLAT.items()})}", b"", None, id="encoded twice"),
        pytest.param(URL, FORM, "application/x-www-form-urlencoded", id="form"),
        pytest.param(URL, FORM, "text/plain;charset=UTF-8", id="form as text"),
        pytest.param(URL, FORM, None, id="form without a type"),
        pytest.param(URL, MULTIPART.encode(), "multipart/form-data; boundary=xyz", id="multipart"),
        pytest.param(URL, MULTIPART.encode(), None, id="multipart without a type"),
        pytest.param(URL, json.dumps(FLAT).encode(), "application/json", id="JSON with JSON in it"),
        pytest.param(URL, json.dumps(NESTED).encode(), "text/plain", id="nested JSON"),
        pytest.param(URL, b"\xef\xbb\xbf" + json.dumps(NESTED).encode(), None, id="JSON with a byte-order mark"),
        pytest.param(URL, json.dumps(NESTED).encode("utf-16"), None, id="JSON in UTF-16"),
        pytest.param(URL, gzip.compress(FORM), None, id="gzip"),
        pytest.param(URL, zstandard.compress(FORM), None, id="zstd"),
        pytest.param(URL, brotli.compress(FORM), None, id="brotli"),
        pytest.param(URL, brotli.compress(json.dumps(NESTED).encode(), quality=1, lgwin=10), None, id="brotli, fast"),
        pytest.param(URL, zlib.compress(json.dumps(NESTED).encode()), None, id="zlib"),
        pytest.param(URL, base64.b64encode(gzip.compress(json.dumps(NESTED).encode())), None, id="base64 of gzip"),
        pytest.param(URL, base64.b64encode(json.dumps(NESTED).encode()), None, id="base64"),
        pytest.param(f"{URL}?tid=2612000000001&event=lead", FORM, None, id="both"),
    ],
)
def test_transport_does_not_matter(url: str, body: bytes, content_type: str | None) -> None:
    detection = found(url, body, content_type)
    assert (detection.account, detection.event, detection.dedup_id) == ("2612000000001", "lead", "e1")
    assert {(e.kind.value, e.value, e.form.value) for e in detection.exposures} == {
        ("email", EMAIL_HASH, "hashed"),
        ("search_query", "knee pain & more", "plain"),
        ("page_url", "https://clinic.test/knee?q=a b", "plain"),
    }
    assert detection.other == ()


def test_a_body_that_is_not_visible_leaves_the_event_unknown_not_the_tag_unseen() -> None:
    detection = found(f"{URL}?tid=2612000000001", None)
    assert (detection.account, detection.exposures) == ("2612000000001", ())


def test_matrix_parameters_are_parameters() -> None:
    (detection,) = match_request(
        RequestRecord(url="https://ad.doubleclick.net/activity;src=1234567;type=a;cat=b;u1=knee%20pain;ord=1?"),
        RULES,
        page_url=None,
    )
    assert (detection.account, detection.event) == ("DC-1234567", "a/b")
    assert [(e.field, e.value) for e in detection.exposures] == [("u1", "knee pain")]


def test_lines_see_their_own_values_first_and_then_the_querys() -> None:
    request = RequestRecord(
        url="https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDEF1234&en=shared&dl=https%3A%2F%2Fa.test%2F",
        method="POST",
        body=b"en=page_view\r\nep.search_term=knee\r\nen=scroll&dl=https%3A%2F%2Fb.test%2F",
    )
    (detection,) = match_request(request, RULES, page_url=None)
    assert detection.events == ("page_view", "shared", "scroll")
    assert [e.value for e in detection.exposures if e.kind == "page_url"] == ["https://a.test/", "https://b.test/"]


@pytest.mark.parametrize(
    ("name", "path"),
    [("tid", "tid"), ("pd[em]", "pd.em"), ("a[0][b][]", "a.b"), ("ep.x", "ep.x"), ("a[b.c]", "a.b.c"), ("x[", "x.")],
)
def test_field_paths(name: str, path: str) -> None:
    assert canonical(name) == path


@pytest.mark.parametrize(
    ("raw", "shapes", "count"),
    [
        (b"", set(), 0),
        (b"\x00\x01\x02\x03", {"binary"}, 0),
        (b"just a sentence", {"text"}, 1),
        (b"<xml/>", {"text"}, 1),
        (b'{"a":1}\n{"b":2}', {"ndjson"}, 2),
        (b'42["event",{"a":1}]', {"json"}, 2),
        (b'"a=1&b=2"', {"form"}, 2),
        (b"{broken", {"text"}, 1),
    ],
)
def test_shapes_of_bodies(raw: bytes, shapes: set[str], count: int) -> None:
    fields, seen = parse_body(raw)
    assert (set(seen), len(fields)) == (shapes, count)


def test_json_in_json_in_a_parameter_is_opened_and_items_are_numbered() -> None:
    inner = json.dumps({"b": json.dumps([{"c": 1}, {"c": 2}])})
    fields = expand_all(parse_query(urlencode({"a": inner})))
    assert [(path, value) for path, _, value, _ in fields] == [("a.b.c", "1"), ("a.b.c", "2")]
    assert [item for *_, item in fields] == [0, 1]


def test_a_compressed_file_in_a_form_is_opened_below_its_name() -> None:
    packed = zlib.compress(json.dumps({"records": [{"href": "https://clinic.test/knee"}]}).encode())
    body = b"".join(
        b'--xyz\r\nContent-Disposition: form-data; name="%s"; filename="blob"\r\n\r\n%s\r\n' % (name, content)
        for name, content in ((b"segment", packed), (b"note", "häß".encode("latin-1")), (b"n", b"\x1f\x8b"))
    )
    fields, shapes = parse_body(body + b"--xyz--\r\n", "multipart/form-data; boundary=xyz")
    assert shapes == {"multipart"}
    assert [(path, name, value) for path, name, value, _ in fields[:1]] == [
        ("segment.records.href", "segment.records[].href", "https://clinic.test/knee")
    ]
    assert [path for path, *_ in fields[1:]] == ["note", "n"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zlib.compress, zstandard.compress])
def test_text_that_a_rule_asks_for_is_found_in_compressed_bodies(pack: Callable[[bytes], bytes]) -> None:
    body = b'{"n":"pageview","u":"https://clinic.test/knee","d":"clinic.test"}'
    assert found("https://www.clinic.test/pl/event", pack(body)).vendor == "plausible"
