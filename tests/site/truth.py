"""Hold what a visit recorded against what the fixture server received."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import urlsplit, urlunsplit

from scanner.model import Outcome, PageCapture, RequestRecord, StopReason
from tests.site.mechanisms import Expected, Mechanism, Multipart, Seen
from tests.site.server import Received

Wire = tuple[str, str, bytes | None]
"""Method, URL as the server would see it, body."""

REPORTS = "application/reports+json"
LAST_MOMENT = 10
"""How many requests of a page that never stops sending may be on their way when it is cut off."""


def on_wire(url: str) -> str:
    """Return a browser-side URL as it arrives: no fragment, no credentials, sockets as what they begin as."""
    parts = urlsplit(url)
    scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path or "/", parts.query, ""))


def recorded(request: RequestRecord) -> Wire:
    method = "FRAME" if request.type == "websocket-frame" else request.method
    body = request.body
    if request.content_type == REPORTS and body:
        body = without_age(body)
    return method, on_wire(request.url), body


def without_age(reports: bytes) -> bytes:
    """Return what reports of the browser's own say, without what it tells nobody before it sends them, in any order."""
    kept = ("body", "type", "url")
    told = [{key: value for key, value in report.items() if key in kept} for report in json.loads(reports)]
    return json.dumps(sorted(json.dumps(report, sort_keys=True) for report in told)).encode()


def _arrived(entry: Received) -> bytes:
    return without_age(entry.body) if entry.header("content-type") == REPORTS else entry.body


def is_marked(request: RequestRecord, *, whole: bool = True) -> bool:
    """Say whether the record itself says that this was an attempt, or was answered by the browser.

    In a visit that was not `whole`, a request without any answer says no more than that it was about to be sent.
    """
    unanswered = not whole and request.status is None
    return bool(request.blocked or request.failure or request.from_cache or unanswered)


def of_attempt(mechanism: Mechanism, received: Sequence[Received], attempt: int) -> Sequence[Received]:
    """Return what the server received during one attempt at the page: each begins with the page itself."""
    starts = [index for index, entry in enumerate(received) if entry.url == mechanism.url and entry.method == "GET"]
    if len(starts) < attempt:
        return received
    end = starts[attempt] if attempt < len(starts) else len(received)
    return received[starts[attempt - 1] : end]


def belongs_to(mechanism: str, request: RequestRecord) -> bool:
    return Received(request.method, on_wire(request.url)).mechanism == mechanism


def compare(mechanism: Mechanism, capture: PageCapture, received: Sequence[Received]) -> list[str]:
    """Return everything wrong with `capture` in words; empty when record and server agree and the page did its work."""
    own = [request for request in capture.requests if belongs_to(mechanism.name, request)]
    received = of_attempt(mechanism, received, capture.attempt)
    server: Counter[Wire] = Counter((entry.method, entry.url, _arrived(entry)) for entry in received if entry.complete)
    record: Counter[Wire] = Counter(recorded(request) for request in own)
    whole = capture.outcome is Outcome.OK
    marked: Counter[Wire] = Counter(recorded(request) for request in own if is_marked(request, whole=whole))
    if mechanism.hides_body:
        unseen = next((wire for wire in record if wire[2] is None), None)
        if unseen is None or capture.stop_reason is not StopReason.BODY_LOST:
            return ["a body that nobody can see was not admitted"]
        record -= Counter([unseen])
        server -= Counter([next(wire for wire in server if wire[:2] == unseen[:2])])
    missing_wires = server - record
    if mechanism.endless:
        # Cut off in the middle: what it sent in the very last moment may have had no listener any more.
        missing_wires -= Counter((entry.method, entry.url, entry.body) for entry in received[-LAST_MOMENT:])
    wrong = [f"visit ended as {capture.outcome} ({capture.stop_reason}: {capture.detail})"] * (
        capture.outcome not in mechanism.outcomes
    )
    wrong += [f"NOT RECORDED ×{n}: {_show(wire)}" for wire, n in missing_wires.items()]
    wrong += [f"INVENTED ×{n}: {_show(wire)}" for wire, n in (record - server - marked).items()]
    for expected in mechanism.expected:
        wrong += _unmet(expected, received, own)
    missing = set(mechanism.cookies) - {cookie.name for cookie in capture.cookies}
    return wrong + [f"cookie not recorded: {name}" for name in sorted(missing)]


def _unmet(expected: Expected, received: Sequence[Received], own: Iterable[RequestRecord]) -> list[str]:
    url = on_wire(expected.url)
    arrived = [entry for entry in received if (entry.method, entry.url) == (expected.method, url)]
    if expected.seen is Seen.RECEIVED:
        if not arrived:
            return [f"the page never sent {expected.method} {url[:200]}"]
        if not any(_fits(expected, entry) for entry in arrived):
            return [f"the page sent another body with {expected.method} {url[:200]}: {arrived[0].body[:200]!r}"]
        return []
    attempts = [request for request in own if recorded(request)[:2] == (expected.method, url)]
    if expected.seen is Seen.BLOCKED:
        wrong = [] if any(request.blocked for request in attempts) else [f"blocked attempt not marked: {url[:200]}"]
    else:
        wrong = [] if any(is_marked(r) for r in attempts) else [f"failed attempt not marked: {url[:200]}"]
    return wrong + ([f"the server received what should have been stopped: {url[:200]}"] if arrived else [])


def _fits(expected: Expected, entry: Received) -> bool:
    match expected.body:
        case None:
            return True
        case Multipart(fields):
            return multipart_fields(entry) == fields
        case body:
            return entry.body == body


def multipart_fields(entry: Received) -> tuple[tuple[str, bytes], ...]:
    """Return (name, content) of every part of a multipart/form-data body, in order."""
    head = f"Content-Type: {entry.header('content-type')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + entry.body)
    return tuple(
        (str(part.get_param("name", header="content-disposition")), _content(part.get_payload(decode=True)))
        for part in message.iter_parts()
    )


def _content(payload: object) -> bytes:
    assert isinstance(payload, bytes)
    return payload


def _show(wire: Wire) -> str:
    method, url, body = wire
    size = "no body visible" if body is None else f"{len(body)} bytes {body[:60]!r}" if body else "no body"
    return f"{method} {url[:160]} [{size}]"
