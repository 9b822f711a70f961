"""What is fuzzed: functions of bytes that must neither raise nor take long. Without atheris: tests use them, too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from rules.container import read_container
from rules.container_traces import container_in
from rules.decoders import apply_decoders
from rules.explain import explain_line
from rules.har import read_har
from rules.leaks import KnownIdentity, LeakIndex, find_leaks
from rules.load import load_rules
from rules.match import match_request
from scanner.errors import ProblemsError
from scanner.judging import Judging
from scanner.model import ExposureKind, Outcome, PageCapture, RequestRecord
from scanner.service.judge import RulesJudge
from tests.containers import ALWAYS, GA4_EVENT, ON_THANK_YOU, PINTEREST, container_js

RULES = load_rules(())
JUDGE = RulesJudge(RULES, Judging())
PAGE = "https://www.clinic.test/services/depression/"
SOMEBODY = LeakIndex.build(
    (
        KnownIdentity(ExposureKind.EMAIL, "testpatient.a@clinic-canary.example", "test patient A"),
        KnownIdentity(ExposureKind.PHONE, "(617) 555-0142", "test patient A"),
    )
)
URLS = tuple(
    dict.fromkeys(
        example.url.partition("?")[0].partition(";")[0] for rule in RULES.rules for example in rule.examples[:1]
    )
)
CONTENT_TYPES = (None, "application/json", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded")
STEPS = (
    "json", "query", "matrix", "lines", "base64", "gzip", "url", "hex", "top", "list:,", "pairs:~.", "pairs:~2",
)  # fmt: skip
HEAD_BYTES = 4
"""The first bytes of an input choose the address, the content type, the place and the decoders."""


def decode(raw: bytes) -> None:
    """A request whose query, path or body a stranger wrote, through matching, decoding and the search for values."""
    head, rest = raw[:HEAD_BYTES].ljust(HEAD_BYTES, b"\0"), raw[HEAD_BYTES:]
    url = URLS[(head[0] | head[1] << 8) % len(URLS)]
    text = rest.decode("utf-8", "surrogateescape")
    place = head[2] % 4
    if place == 0:
        request = RequestRecord(url, "POST", "ping", rest, CONTENT_TYPES[head[3] % len(CONTENT_TYPES)])
    elif place == 1:
        request = RequestRecord(f"{url}?{text}", type="image")
    elif place == 2:
        request = RequestRecord(f"{url};{text}", type="image", headers=(("cookie", text), ("x-token", text)))
    else:
        query, _, body = text.partition("\n\n")
        request = RequestRecord(
            f"https://www.clinic.test/{query}", "POST", "fetch", body.encode("utf-8", "surrogateescape")
        )
    match_request(request, RULES, page_url=PAGE)
    find_leaks(request, SOMEBODY)
    apply_decoders(("p", "p", text, -1), (STEPS[head[3] % len(STEPS)], STEPS[head[1] % len(STEPS)]))
    if place == 1:
        explain_line(text, RULES)


def har(raw: bytes) -> None:
    """A HAR file, read and judged."""
    try:
        reading = read_har(raw, wanted=RULES.wanted())
    except ProblemsError as error:
        if not error.problems:
            raise AssertionError("a refusal without a reason") from error
        return
    for page in reading.pages:
        JUDGE.inventory(page.capture)


def container(raw: bytes) -> None:
    """The script of a tag manager's container, or what pretends to be one."""
    read_container(raw, "https://www.googletagmanager.com/gtm.js?id=GTM-ABC1234")
    request = RequestRecord("https://www.clinic.test/t.js", type="script", response_body=raw)
    container_in(request, RULES)
    JUDGE.inventory(PageCapture(PAGE, PAGE, PAGE, Outcome.OK, datetime(2026, 3, 1, tzinfo=UTC), requests=(request,)))


TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {"decode": decode, "har": har, "container": container}
)


def seeds(target: str) -> list[bytes]:
    """Inputs to begin with: one of each shape, so that the fuzzer need not invent JSON."""
    if target == "container":
        return [
            container_js((PINTEREST, ON_THANK_YOU), (GA4_EVENT, ALWAYS)).encode(),
            b"var data={resource:{version:1,tags:[{function:'__img',vtp_url:'//a.test/p?x=1'}],rules:[]}}",
        ]
    examples = [example for rule in RULES.rules for example in rule.examples]
    if target == "decode":
        places = {url: number for number, url in enumerate(URLS)}
        found: list[bytes] = []
        for example in examples:
            base = example.url.partition("?")[0].partition(";")[0]
            number = places.get(base, 0)
            if example.body:
                kind = 2 if b"form-data" in example.body else 1
                found.append(bytes((number & 255, number >> 8, 0, kind)) + example.body)
            else:
                found.append(bytes((number & 255, number >> 8, 1, 0)) + example.url.partition("?")[2].encode())
        return found
    entries = [
        {
            "pageref": "p1",
            "startedDateTime": f"2026-03-01T09:00:{number % 60:02d}.000Z",
            "_resourceType": example.type,
            "_initiator": {"type": "script", "stack": {"callFrames": [{"url": PAGE, "lineNumber": 3}]}},
            "request": {
                "method": example.method,
                "url": example.url,
                "headers": [{"name": "Referer", "value": PAGE}],
                "postData": {"mimeType": "text/plain", "text": (example.body or b"").decode("latin-1")},
            },
            "response": {"status": 200, "content": {"mimeType": "text/html", "text": "<title>x</title>"}},
        }
        for number, example in enumerate(examples)
    ]
    pages = [{"id": "p1", "title": PAGE, "startedDateTime": "2026-03-01T09:00:00.000Z"}]
    return [json.dumps({"log": {"version": "1.2", "pages": pages, "entries": entries[n : n + 2]}}).encode()
            for n in range(0, len(entries), 12)]  # fmt: skip
