"""HAR files as people record them: every exporter's dialect, and every kind of damage."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from typing import Any

import brotli
import pytest

from rules.har import read_har
from rules.load import load_rules
from rules.match import match_page, match_request
from scanner.errors import ProblemsError
from scanner.har_export import har_chunks
from scanner.model import BodyWanted, Outcome, PageCapture, RequestRecord, StopReason, Wanted

RULES = load_rules()
PAGE = "https://www.clinic.test/knee"
BEACON = "https://ct.pinterest.com/v3/"


def entry(url: str, *, method: str = "GET", status: int = 200, mime: str = "", **more: Any) -> dict[str, Any]:
    request = {"method": method, "url": url, "headers": []} | more.pop("request", {})
    response = {"status": status, "headers": [], "content": {"mimeType": mime}} | more.pop("response", {})
    return {"startedDateTime": "2026-01-02T03:04:05.678Z", "request": request, "response": response} | more


DOCUMENT = entry(PAGE, mime="text/html; charset=utf-8", _resourceType="document", pageref="p1")


def har(*entries: dict[str, Any], pages: Any = None) -> bytes:
    pages = [{"id": "p1", "title": PAGE, "startedDateTime": "2026-01-02T03:04:05Z"}] if pages is None else pages
    return json.dumps({"log": {"version": "1.2", "pages": pages, "entries": list(entries)}}).encode()


def tags(raw: bytes) -> set[tuple[str, str | None, str | None]]:
    return {
        (d.product, d.account, d.event)
        for page in read_har(raw).pages
        for d in match_page(page.capture, RULES)
        if d.evidence == "request"
    }


def zipped(*, name: str = "har.har", body: str = "0a1b.json") -> bytes:
    """As Playwright packs it: the log and each body a file of its own."""
    beacon = post({"mimeType": "application/json", "_file": body})
    page = DOCUMENT | {"response": {"status": 200, "content": {"mimeType": "text/html", "_file": "page.html"}}}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, har(page, beacon))
        archive.writestr("0a1b.json", TEXT)
        archive.writestr("page.html", "<title>Knee pain</title><script>pintrk('load', '2612000000002')</script>")
    return packed.getvalue()


def post(data: Any, **more: Any) -> dict[str, Any]:
    return entry(BEACON, method="POST", pageref="p1", request={"postData": data} | more)


TEXT = '{"tid":"2612000000001","event":"lead"}'
FORM = "tid=2612000000001&event=lead"
MULTIPART = "".join(
    f'------B\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'
    for n, v in (("tid", "2612000000001"), ("event", "lead"))
)


@pytest.mark.parametrize(
    "beacon",
    [
        pytest.param(post({"mimeType": "application/json", "text": TEXT}), id="Chrome"),
        pytest.param(post({"mimeType": "application/x-www-form-urlencoded", "text": FORM, "params": []}), id="Firefox"),
        pytest.param(
            post(
                {
                    "mimeType": "application/x-www-form-urlencoded",
                    "text": "",
                    "params": [{"name": "tid", "value": "2612000000001"}, {"name": "event", "value": "lead"}],
                }
            ),
            id="params only",
        ),
        pytest.param(post({"mimeType": "multipart/form-data; boundary=----B", "text": MULTIPART}), id="multipart"),
        pytest.param(
            post({"mimeType": "text/plain", "text": base64.b64encode(TEXT.encode()).decode(), "encoding": "base64"}),
            id="base64",
        ),
        pytest.param(
            post({"mimeType": "", "text": gzip.compress(TEXT.encode()).decode("latin-1")}), id="gzip as code points"
        ),
        pytest.param(
            entry(
                BEACON,
                pageref="p1",
                method="POST",
                request={
                    "headers": [{"name": "Content-Encoding", "value": "br"}],
                    "postData": {
                        "mimeType": "application/json",
                        "text": brotli.compress(TEXT.encode()).decode("latin-1"),
                    },
                },
            ),
            id="brotli as code points",
        ),
        pytest.param(post(TEXT), id="text instead of an object"),
        pytest.param(entry(BEACON, pageref="p1", request={"_postData": {"text": TEXT}}), id="_postData"),
        pytest.param(
            entry(
                BEACON, method="POST", request={"headers": {"Content-Type": "text/plain"}, "postData": {"text": FORM}}
            ),
            id="headers as an object, no pageref",
        ),
        pytest.param(entry(f"{BEACON}?{FORM}", request={"headers": None}, response={"content": None}), id="holes"),
        pytest.param({"request": {"url": f"{BEACON}?{FORM}"}}, id="nothing but a URL"),
    ],
)
def test_bodies_in_every_dialect(beacon: dict[str, Any]) -> None:
    assert tags(har(DOCUMENT, beacon)) == {("pinterest-tag", "2612000000001", "lead")}


def test_a_body_that_the_file_lacks_is_unknown_not_empty() -> None:
    raw = har(
        DOCUMENT, entry(BEACON, method="POST", pageref="p1", request={"bodySize": 120}), entry(BEACON, pageref="p1")
    )
    requests = read_har(raw).pages[0].capture.requests
    assert [request.body for request in requests] == [b"", None, b""]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(har(DOCUMENT, post({"text": TEXT})), id="UTF-8"),
        pytest.param(b"\xef\xbb\xbf" + har(DOCUMENT, post({"text": TEXT})), id="byte-order mark"),
        pytest.param(har(DOCUMENT, post({"text": TEXT})).decode().encode("utf-16"), id="UTF-16"),
        pytest.param(har(DOCUMENT, post({"text": TEXT})).decode().encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param(zipped(), id="zip with the bodies beside the log"),
        pytest.param(gzip.compress(har(DOCUMENT, post({"text": TEXT}))), id="gzip"),
        pytest.param(har(DOCUMENT | {"x": "caf\xe9"}, post({"text": TEXT})).replace(b"\\u00e9", b"\xe9"), id="Latin-1"),
        pytest.param(json.dumps(json.loads(har(DOCUMENT, post({"text": TEXT})))["log"]).encode(), id="without log"),
        pytest.param(json.dumps([DOCUMENT, post({"text": TEXT})]).encode(), id="a bare list"),
        pytest.param(har(DOCUMENT, post({"text": TEXT}), pages=[]), id="HAR 1.1, no pages"),
        pytest.param(har(DOCUMENT, post({"text": TEXT}), pages="?"), id="pages of the wrong kind"),
        pytest.param(har(DOCUMENT, post({"text": TEXT}), {"request": {}}, pages=[]), id="an entry without a URL"),
    ],
)  # fmt: skip
def test_files_in_every_dress(raw: bytes) -> None:
    (page,) = read_har(raw).pages
    assert page.capture.final_url == PAGE
    assert tags(raw) == {("pinterest-tag", "2612000000001", "lead")}


@pytest.mark.parametrize("cut", [5, 60, 400])
def test_a_file_cut_off_in_the_middle_gives_what_is_whole_and_proves_no_absence(cut: int) -> None:
    whole = har(
        DOCUMENT, post({"text": TEXT}), *(entry(f"https://www.clinic.test/{n}", pageref="p1") for n in range(9))
    )
    reading = read_har(whole[:-cut])
    assert reading.truncated
    assert "cut off" in reading.notes[0]
    (page,) = reading.pages
    assert (page.capture.outcome, page.capture.stop_reason) == (Outcome.PARTIAL, StopReason.RECORDER_GAP)
    assert 2 <= len(page.capture.requests) < 11 + (cut < 50)
    assert tags(whole[:-cut]) == {("pinterest-tag", "2612000000001", "lead")}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"<html>", "not JSON"),
        (b'{"log": {"entries": [', "not JSON"),
        (b"{}", "no `log.entries`"),
        (b'{"log": {"entries": {}}}', "no `log.entries`"),
        (b'{"log": {"entries": [{}, 5, null]}}', "no entry"),
        (b"PK\x03\x04rest", "damaged zip archive"),
        (zipped(name="notes.txt"), "zip archive without a .har file"),
        (b"\x1f\x8b\x08broken", "gzip"),
        (b"[" * 200_000, "not JSON"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_clear_error(raw: bytes, said: str) -> None:
    with pytest.raises(ProblemsError, match=said):
        read_har(raw, "x.har")


def test_an_empty_recording_is_no_error_and_no_page() -> None:
    reading = read_har(har())
    assert (reading.pages, reading.notes) == ((), ("there is no request in it",))


def test_a_body_that_is_missing_in_the_archive_is_unknown() -> None:
    (page,) = read_har(zipped(body="../../etc/passwd")).pages
    assert page.source is not None
    assert "Knee pain" in page.source
    assert page.capture.requests[1].body in (b"", None)


def test_what_the_recording_browsers_extensions_load_is_no_part_of_the_site() -> None:
    popup = entry("chrome-extension://abcdefgh/popup.html", mime="text/html", _resourceType="document", pageref="p1")
    reading = read_har(har(popup, DOCUMENT, entry("moz-extension://0a1b/x.js", pageref="p1")))
    (page,) = reading.pages
    assert (page.capture.final_url, len(page.capture.requests)) == (PAGE, 1)
    assert "2 request(s) of the recording browser's extensions" in reading.notes[0]


def test_a_page_named_by_the_measuring_tool_has_no_title() -> None:
    pages = [{"id": "p1", "title": f"Run 1, First View for {PAGE}", "_URL": PAGE}]
    beacon = post({"text": TEXT}) | {"_request_type": "Beacon"}
    (page,) = read_har(har(beacon, pages=pages)).pages
    assert (page.capture.final_url, page.capture.title, page.capture.requests[0].type) == (PAGE, None, "ping")


def test_pages_by_document_and_referer_where_the_file_names_none() -> None:
    other = "https://www.clinic.test/back"

    def with_referer(url: str, referer: str) -> dict[str, Any]:
        return entry(url, request={"headers": [{"name": "Referer", "value": referer}]})

    frame = entry("https://player.vendor.test/embed", mime="text/html", _resourceType="document")
    frame["request"]["headers"] = [{"name": "referer", "value": PAGE}]
    raw = har(
        entry(PAGE, mime="text/html", _resourceType="document"),
        frame,
        entry(other, mime="text/html", _resourceType="document"),
        with_referer("https://a.test/1", PAGE),
        with_referer("https://a.test/2", other),
        entry("https://a.test/3"),
        pages=[],
    )
    pages = {p.capture.final_url: [r.url for r in p.capture.requests] for p in read_har(raw).pages}
    assert pages == {
        PAGE: [PAGE, "https://player.vendor.test/embed", "https://a.test/1"],
        other: [other, "https://a.test/2", "https://a.test/3"],
    }


def test_a_page_is_where_its_redirects_end() -> None:
    hop = entry("http://clinic.test/", status=301, mime="text/html", response={"redirectURL": PAGE}, pageref="p1")
    (page,) = read_har(har(hop, DOCUMENT)).pages
    assert (page.capture.url, page.capture.final_url, page.capture.status) == ("http://clinic.test/", PAGE, 200)


@pytest.mark.parametrize(("status", "reason"), [(404, StopReason.HTTP_ERROR), (302, StopReason.REDIRECT_LOOP)])
def test_an_error_page_is_not_the_page(status: int, reason: StopReason) -> None:
    document = entry(PAGE, mime="text/html", status=status, _resourceType="document", pageref="p1")
    capture = read_har(har(document)).pages[0].capture
    assert (capture.outcome, capture.stop_reason) == (Outcome.FAILED, reason)


def test_websocket_frames_sent_are_requests_of_their_own() -> None:
    socket = entry(
        "wss://ws1.vendor.test/",
        pageref="p1",
        _webSocketMessages=[
            {"type": "send", "time": 1.5, "opcode": 1, "data": "hello"},
            {"type": "receive", "time": 1.6, "opcode": 1, "data": "ignored"},
            {"type": "send", "time": 1.7, "opcode": 2, "data": "AAEC"},
        ],
    )
    requests = read_har(har(DOCUMENT, socket)).pages[0].capture.requests
    assert [(r.type, r.body) for r in requests[1:]] == [
        ("websocket", b""), ("websocket-frame", b"hello"), ("websocket-frame", b"\x00\x01\x02"),
    ]  # fmt: skip


def test_only_wanted_responses_are_kept_and_cookies_lose_their_values() -> None:
    script = entry(
        "https://t.test/config.js",
        mime="application/javascript",
        pageref="p1",
        request={"headers": [{"name": "Cookie", "value": "a=secret; b=2"}, {"name": "Authorization", "value": "x"}]},
        response={
            "content": {"mimeType": "application/javascript", "text": "var a;"},
            "cookies": [{"name": "uid", "value": "secret", "domain": ".t.test", "httpOnly": True}, {"value": "x"}],
        },
    )
    kept = read_har(har(DOCUMENT, script), wanted=Wanted(bodies=(BodyWanted("t.test", r"^/config\.js"),)))
    capture = kept.pages[0].capture
    assert capture.requests[1].response_body == b"var a;"
    assert capture.requests[1].headers == (("cookie", "a; b"),)
    assert [(c.name, c.domain, c.http_only) for c in capture.cookies] == [("uid", ".t.test", True)]
    assert "secret" not in repr(capture)
    assert read_har(har(DOCUMENT, script)).pages[0].capture.requests[1].response_body is None


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("br", brotli.compress(b"var configuration;")), ("gzip", gzip.compress(b"var configuration;"))],
    ids=["brotli", "gzip"],
)
def test_an_answer_exported_as_it_went_over_the_wire_is_unpacked(encoding: str, packed: bytes) -> None:
    script = entry(
        "https://t.test/config.js",
        pageref="p1",
        response={
            "headers": [{"name": "content-encoding", "value": encoding}],
            "content": {"mimeType": "text/javascript", "encoding": "base64", "text": base64.b64encode(packed).decode()},
        },
    )
    kept = read_har(har(DOCUMENT, script), wanted=Wanted(bodies=(BodyWanted("t.test", "."),)))
    assert kept.pages[0].capture.requests[1].response_body == b"var configuration;"


def test_an_account_in_a_header_is_read_and_a_password_is_not_kept() -> None:
    url = "https://api-js.mixpanel.com/record/?replay_id=r-1&distinct_id=77&mp_lib=web"
    token = "0123456789abcdef0123456789abcdef"

    def recording(credentials: str) -> dict[str, Any]:
        value = "Basic " + base64.b64encode(credentials.encode()).decode()
        return entry(url, pageref="p1", request={"headers": [{"name": "Authorization", "value": value}]})

    raw = har(DOCUMENT, recording(f"{token}:"), recording("ana:s3cret"))
    keyed, secret = read_har(raw, wanted=RULES.wanted()).pages[0].capture.requests[1:]
    assert [d.account for d in match_request(keyed, RULES, page_url=None)] == [token]
    assert secret.headers == ()


def test_our_own_export_comes_back(clinic: PageCapture) -> None:
    (page,) = read_har("".join(har_chunks([clinic])).encode()).pages
    back = page.capture
    assert (back.page, back.url, back.final_url, back.outcome) == (
        clinic.page,
        clinic.url,
        clinic.final_url,
        clinic.outcome,
    )
    assert [(r.url, r.method, r.type, r.body, r.status, r.started_ms) for r in back.requests] == [
        (r.url, r.method, r.type, r.body, r.status, r.started_ms) for r in clinic.requests
    ]


@pytest.fixture
def clinic() -> PageCapture:
    from datetime import UTC, datetime

    return PageCapture(
        PAGE,
        PAGE,
        PAGE,
        Outcome.OK,
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        requests=(
            RequestRecord(PAGE, type="document", status=200, mime="text/html"),
            RequestRecord(BEACON, "POST", "ping", TEXT.encode(), "text/plain", status=200, started_ms=40),
            RequestRecord(BEACON, "POST", "fetch", b"\xff\x00\x01", started_ms=50),
            RequestRecord(BEACON, "POST", "fetch", None, started_ms=60),
            RequestRecord("wss://ws.test/", type="websocket", started_ms=70),
            RequestRecord("wss://ws.test/", type="websocket-frame", body=b"hi", started_ms=70),
        ),
    )
