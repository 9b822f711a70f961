"""Recorded traffic written as HAR 1.2, and read back by our own reader without loss."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.har import read_har
from scanner.har_export import har_chunks
from scanner.model import Initiator, Outcome, PageCapture, RequestRecord, StopReason, Wanted
from scanner.second_look import with_second_look
from tests import make


def har(*captures: PageCapture) -> dict[str, Any]:
    text = "".join(har_chunks(iter(captures)))
    assert text.isascii()
    log = json.loads(text)["log"]
    assert isinstance(log, dict)
    return log


def only_entry(request: RequestRecord) -> dict[str, Any]:
    (entry,) = har(make.capture("/", [request]))["entries"]
    assert isinstance(entry, dict)
    return entry


def test_no_capture_is_a_document_too() -> None:
    log = har()
    assert (log["version"], log["entries"], log["pages"]) == ("1.2", [], [])
    assert log["creator"]["name"] == "tagdrift"


def test_what_har_asks_for_is_in_every_page_and_entry() -> None:
    log = har(make.capture("/", [make.request(), make.script()]), make.failed_capture("/b"))
    assert [page["id"] for page in log["pages"]] == ["page_1", "page_2"]
    for page in log["pages"]:
        assert {"startedDateTime", "id", "title", "pageTimings"} <= page.keys()
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings", "pageref"} <= entry.keys()
        assert {
            "method",
            "url",
            "httpVersion",
            "cookies",
            "headers",
            "queryString",
            "headersSize",
            "bodySize",
        } <= entry["request"].keys()
        assert {"status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"} <= entry[
            "response"
        ].keys()
        assert {"size", "mimeType"} <= entry["response"]["content"].keys()
        assert {"send", "wait", "receive"} <= entry["timings"].keys()
        assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo is not None


@pytest.mark.parametrize(
    ("body", "post"),
    [
        (b"", None),
        (b"a=1&b=%20", {"text": "a=1&b=%20"}),
        ("Grüße".encode(), {"text": "Grüße"}),
        (b"\x1f\x8b\x08\x00\xff", {"text": base64.b64encode(b"\x1f\x8b\x08\x00\xff").decode(), "encoding": "base64"}),
    ],
)
def test_bodies_stand_as_text_or_base64(body: bytes, post: dict[str, str] | None) -> None:
    entry = only_entry(make.request(method="POST", body=body, content_type="text/plain"))
    assert entry["request"]["bodySize"] == len(body)
    if post is None:
        assert "postData" not in entry["request"]
    else:
        assert entry["request"]["postData"] == {"mimeType": "text/plain", **post}


def test_a_body_that_was_not_visible_is_not_an_empty_one() -> None:
    entry = only_entry(make.request(method="POST", body=None))
    assert entry["request"]["bodySize"] == -1
    assert entry["request"]["postData"]["comment"] == "body not visible"
    capture = make.capture("/", [make.request(make.page_url("/"), type="document"), make.request(body=None)])
    (page,) = read_har("".join(har_chunks([capture])).encode()).pages
    assert [request.body for request in page.capture.requests] == [b"", None]


def test_what_was_stopped_failed_or_redirected_says_so() -> None:
    blocked = only_entry(make.request(status=None, blocked="csp", failure="net::ERR_BLOCKED_BY_CSP"))
    assert (blocked["_blocked"], blocked["response"]["status"]) == ("csp", 0)
    assert blocked["response"]["_error"] == "net::ERR_BLOCKED_BY_CSP"
    hop = only_entry(make.request(redirected_from="https://a.example/", response_headers=(("location", "/b"),)))
    assert (hop["_redirectedFrom"], hop["response"]["redirectURL"]) == ("https://a.example/", "/b")
    address = only_entry(make.request(remote_address="[2001:db8::1]:443"))
    assert address["serverIPAddress"] == "2001:db8::1"


def test_who_caused_it_is_told_nearest_first() -> None:
    chain = (Initiator("script", "https://cdn.example/a.js", 7, "send"), Initiator("parser", make.page_url("/")))
    entry = only_entry(make.request(initiators=chain))
    assert entry["_initiator"]["url"] == "https://cdn.example/a.js"
    assert [link["type"] for link in entry["_initiator"]["chain"]] == ["script", "parser"]


def test_frames_stand_with_their_socket_once() -> None:
    socket = make.request("wss://s.example/", type="websocket", status=101)
    frames = [
        make.request("wss://s.example/", type="websocket-frame", method="FRAME", body=body, status=None)
        for body in (b"hello", b"\xff\x00")
    ]
    entries = har(make.capture("/", [socket, *frames, socket]))["entries"]
    assert len(entries) == 2
    messages = entries[0]["_webSocketMessages"]
    assert [(m["opcode"], m["data"]) for m in messages] == [(1, "hello"), (2, base64.b64encode(b"\xff\x00").decode())]
    assert "_webSocketMessages" not in entries[1]
    lost = har(make.capture("/", frames))["entries"]
    assert [len(entry["_webSocketMessages"]) for entry in lost] == [2], "frames without a handshake are evidence, too"


def test_a_page_that_failed_says_why() -> None:
    (page,) = har(make.failed_capture("/", StopReason.NAVIGATION_TIMEOUT))["pages"]
    assert (page["_outcome"], page["_stopReason"]) == ("failed", "navigation-timeout")


def test_captures_are_taken_one_at_a_time() -> None:
    taken: list[str] = []

    def captures() -> Any:
        for path in ("/a", "/b"):
            taken.append(path)
            yield make.capture(path, [make.request()])

    chunks = har_chunks(captures())
    next(chunks)
    assert taken == []
    next(chunks)
    assert taken == ["/a"]


requests = st.builds(
    RequestRecord,
    url=st.sampled_from(
        ["https://t.example/i.gif?a=1", "https://t.example/?q=%F0%9F%98%80", "https://clinic.example/x?ü=\u202e"]
    ),
    method=st.sampled_from(["GET", "POST", "PUT"]),
    type=st.sampled_from(["image", "fetch", "xhr", "script", "ping"]),
    body=st.one_of(
        st.just(b""),
        st.binary(min_size=1, max_size=40),
        st.text(min_size=1).map(lambda t: t.encode("utf-8", "replace")),
    ),
    content_type=st.sampled_from([None, "text/plain", "application/json"]),
    status=st.sampled_from([200, 204, 302, 404]),
    mime=st.sampled_from([None, "image/gif"]),
    started_ms=st.integers(0, 10**6),
)


@given(st.lists(requests, max_size=6))
def test_what_is_written_is_what_is_read(made: list[RequestRecord]) -> None:
    document = make.request(make.page_url("/"), type="document", mime="text/html")
    capture = make.capture("/", [document, *made], started_at=datetime(2026, 3, 2, tzinfo=UTC))
    reading = read_har("".join(har_chunks([capture])).encode(), wanted=Wanted())
    (page,) = reading.pages
    assert page.capture.outcome is Outcome.OK
    # A GET without a body has no content type that could be told.
    told = [(r.method, r.url, r.type, r.body, r.status, r.content_type if r.body else None) for r in made]
    read = [
        (r.method, r.url, r.type, r.body, r.status, r.content_type if r.body else None)
        for r in page.capture.requests[1:]
    ]
    assert sorted(map(str, read)) == sorted(map(str, told))


def test_both_visits_of_a_page_that_was_visited_twice_are_in() -> None:
    capture = with_second_look(make.capture("/", [make.request()]), make.capture("/", [make.script(), make.script()]))
    log = har(capture)
    assert [page["id"] for page in log["pages"]] == ["page_1", "page_2"]
    assert [entry["pageref"] for entry in log["entries"]] == ["page_1", "page_2", "page_2"]
