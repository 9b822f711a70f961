"""Recorded traffic as HAR 1.2, written page by page so that memory stays flat.

The format is the W3C web-performance draft (http://www.softwareishard.com/blog/har-12-spec/); fields that it
lacks begin with an underscore and are named as Chrome's own exports name them, where Chrome has a name
(`_resourceType`, `_initiator`, `_webSocketMessages`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from scanner import __version__
from scanner.model import PageCapture, RequestRecord
from scanner.second_look import visits_of


def har_chunks(captures: Iterable[PageCapture]) -> Iterator[str]:
    """Yield one HAR document in pieces; `captures` is read once, one at a time. Of a page visited twice both visits.

    Pages and entries are separate lists in a HAR, so page headers are held back until the end: they are small.
    """
    creator = json.dumps({"name": "tagdrift", "version": __version__})
    yield f'{{"log":{{"version":"1.2","creator":{creator},"entries":[\n'
    pages: list[dict[str, Any]] = []
    first = True
    visits = (visit for capture in captures for visit in visits_of(capture))
    for number, capture in enumerate(visits, start=1):
        page_id = f"page_{number}"
        pages.append(_page(capture, page_id))
        for entry in _entries(capture, page_id):
            yield ("" if first else ",\n") + json.dumps(entry, ensure_ascii=True)
            first = False
    yield '\n],"pages":' + json.dumps(pages, ensure_ascii=True) + "}}\n"


def _page(capture: PageCapture, page_id: str) -> dict[str, Any]:
    return {
        "id": page_id,
        "startedDateTime": _iso(capture.started_at),
        "title": capture.title or capture.final_url,
        "pageTimings": {"onContentLoad": -1, "onLoad": -1},
        "_url": capture.url,
        "_finalUrl": capture.final_url,
        "_outcome": capture.outcome.value,
        "_stopReason": capture.stop_reason.value if capture.stop_reason else None,
    }


def _entries(capture: PageCapture, page_id: str) -> Iterator[dict[str, Any]]:
    frames = [r for r in capture.requests if r.type == "websocket-frame"]
    sockets_done: set[str] = set()
    for request in capture.requests:
        if request.type == "websocket-frame":
            continue
        entry = _entry(request, page_id, capture.started_at)
        if request.type == "websocket" and request.url not in sockets_done:
            sockets_done.add(request.url)
            entry["_webSocketMessages"] = [_frame(f, capture.started_at) for f in frames if f.url == request.url]
        yield entry
    for frame in frames:  # frames whose handshake was not seen: still evidence
        if frame.url not in sockets_done:
            sockets_done.add(frame.url)
            entry = _entry(frame, page_id, capture.started_at)
            entry["_webSocketMessages"] = [_frame(f, capture.started_at) for f in frames if f.url == frame.url]
            yield entry


def _entry(request: RequestRecord, page_id: str, started: datetime) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "pageref": page_id,
        "startedDateTime": _iso(started + timedelta(milliseconds=request.started_ms)),
        "time": 0,
        "request": _request(request),
        "response": _response(request),
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        "_resourceType": request.type,
        "_context": request.context,
        "_fromCache": request.from_cache,
        "_initiator": {
            "type": request.initiators[0].kind if request.initiators else "other",
            "url": request.initiators[0].url if request.initiators else None,
            "chain": [{"type": i.kind, "url": i.url, "line": i.line} for i in request.initiators],
        },
    }
    if request.remote_address:
        entry["serverIPAddress"] = request.remote_address.rsplit(":", 1)[0].strip("[]")
    if request.frame_url:
        entry["_frameUrl"] = request.frame_url
    if request.redirected_from:
        entry["_redirectedFrom"] = request.redirected_from
    if request.blocked:
        entry["_blocked"] = request.blocked
    return entry


def _request(request: RequestRecord) -> dict[str, Any]:
    try:
        query = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    except ValueError:
        query = []
    made: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "httpVersion": "",
        "cookies": [],
        "headers": [{"name": n, "value": v} for n, v in request.headers],
        "queryString": [{"name": n, "value": v} for n, v in query],
        "headersSize": -1,
        "bodySize": -1 if request.body is None else len(request.body),
    }
    if request.body is None:
        made["postData"] = {"mimeType": request.content_type or "", "text": "", "comment": "body not visible"}
    elif request.body:
        made["postData"] = {"mimeType": request.content_type or "", **_text_or_base64(request.body)}
    return made


def _text_or_base64(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode("ascii"), "encoding": "base64"}


def _response(request: RequestRecord) -> dict[str, Any]:
    content: dict[str, Any] = {"size": request.size_bytes if request.size_bytes is not None else -1}
    content["mimeType"] = request.mime or ""
    if request.response_body is not None:
        content |= _text_or_base64(request.response_body)
    if request.response_sha256:
        content["_sha256"] = request.response_sha256
    made: dict[str, Any] = {
        "status": request.status or 0,
        "statusText": "",
        "httpVersion": "",
        "cookies": [],
        "headers": [{"name": n, "value": v} for n, v in request.response_headers],
        "content": content,
        "redirectURL": dict(request.response_headers).get("location", ""),
        "headersSize": -1,
        "bodySize": -1,
    }
    if request.failure:
        made["_error"] = request.failure
    return made


def _frame(frame: RequestRecord, started: datetime) -> dict[str, Any]:
    body = frame.body or b""
    made = _text_or_base64(body)
    return {
        "type": "send",
        "time": (started + timedelta(milliseconds=frame.started_ms)).timestamp(),
        "opcode": 2 if "encoding" in made else 1,
        "data": made["text"],
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
