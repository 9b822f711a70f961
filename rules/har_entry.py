"""One entry of a HAR file into request records. Whatever is missing or odd becomes "unknown", never an exception."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from rules.request_types import type_by_url, type_named
from rules.unpack import inflate, text_like
from rules.wanting import shows_itself, wants
from scanner.model import CookieRecord, Initiator, RequestRecord, Wanted
from scanner.request_headers import kept_headers

_FRACTION = re.compile(r"(\.\d{6})\d+")


def as_map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_number(value: Any) -> float | None:
    """A finite number, also when written as text; None otherwise."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def moment(value: Any) -> datetime | None:
    """Parse the many spellings of a time as aware UTC; None if it is none."""
    number = as_number(value)
    try:
        if number is not None:
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
        parsed = datetime.fromisoformat(_FRACTION.sub(r"\1", as_text(value).strip()))
    except (ValueError, OverflowError, OSError):
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def headers_of(value: Any) -> dict[str, str]:
    """Header names in lower case; a list of name/value pairs, as HAR has it, or a plain object, as some tools write."""
    if isinstance(value, dict):
        return {name.lower(): as_text(text) for name, text in value.items()}
    pairs = (as_map(pair) for pair in as_list(value))
    return {as_text(pair.get("name")).lower(): as_text(pair.get("value")) for pair in pairs}


# --------------------------------------------------------------------------- bodies


def body_of(request: dict[str, Any]) -> tuple[bytes | None, str | None]:
    """Return the request's body and its content type. None: there was one that the file does not hold."""
    packed = bool(headers_of(request.get("headers")).get("content-encoding"))
    raw = request.get("postData", request.get("_postData"))
    declared = as_number(request.get("bodySize"))
    if isinstance(raw, str):
        return _bytes(raw, packed=packed), None
    post = as_map(raw)
    content_type = as_text(post.get("mimeType")) or None
    text = post.get("text", post.get("_text"))
    if isinstance(text, str) and text:
        encoding = as_text(post.get("encoding", post.get("_encoding"))).lower()
        if encoding == "base64" or post.get("_base64") is True:
            try:
                return base64.b64decode(text), content_type
            except (binascii.Error, ValueError):
                pass
        return _bytes(text, packed=packed), content_type
    params = [as_map(param) for param in as_list(post.get("params"))]
    pairs = [(as_text(param.get("name")), as_text(param.get("value"))) for param in params]
    if any(name for name, _ in pairs):
        # How the parameters travelled does not matter to the rules; urlencoded is as good as multipart.
        encoded = any("%" in value for _, value in pairs) and "multipart" not in (content_type or "")
        body = "&".join(f"{n}={v}" for n, v in pairs) if encoded else urlencode(pairs)
        return _bytes(body), "application/x-www-form-urlencoded"
    return (None if post.get("comment") or (declared or 0) > 0 else b""), content_type


def _bytes(text: str, *, packed: bool = False) -> bytes:
    """Undo what exporters do to binary bodies: bytes as code points below 256 (gzip shows it), lone surrogates."""
    if packed or text[:2] in ("\x1f\x8b", "\x78\x9c", "\x78\x01", "\x78\xda"):
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            pass
    return text.encode("utf-8", "surrogatepass")


def response_body(response: dict[str, Any]) -> bytes | None:
    content = as_map(response.get("content"))
    text = content.get("text")
    if not isinstance(text, str) or not text:
        return None
    if as_text(content.get("encoding")).lower() == "base64":
        try:
            raw = base64.b64decode(text)
        except (binascii.Error, ValueError):
            return None
    else:
        raw = text.encode("utf-8", "surrogatepass")
    if headers_of(response.get("headers")).get("content-encoding") and not text_like(raw[:1000]):
        opened = inflate(raw)  # some proxies export what went over the wire
        raw = opened[0] if opened is not None else raw
    return raw


# --------------------------------------------------------------------------- requests


def requests_of(entry: dict[str, Any], wanted: Wanted | None) -> list[RequestRecord]:
    """Return the entry's request, and one record per WebSocket frame sent. Empty when it has no URL."""
    request, response = as_map(entry.get("request")), as_map(entry.get("response"))
    url = as_text(request.get("url")).strip()
    if not url:
        return []
    headers = headers_of(request.get("headers"))
    body, content_type = body_of(request)
    status = as_number(response.get("status"))
    content = as_map(response.get("content"))
    mime = as_text(content.get("mimeType")).partition(";")[0].strip().lower() or None
    kind = type_of(entry, headers, mime, url)
    received = response_body(response)
    failure = as_text(response.get("_error")) or as_text(entry.get("_error")) or None
    record = RequestRecord(
        url=url,
        method=(as_text(request.get("method")) or ("POST" if body else "GET")).upper(),
        type=kind,
        body=body,
        content_type=headers.get("content-type") or content_type,
        headers=kept_headers(headers, wanted.headers if wanted is not None else ()),
        frame_url=as_text(entry.get("_frameUrl")) or None,
        context=as_text(entry.get("_context")) or "page",
        initiators=_initiators(entry),
        redirected_from=as_text(entry.get("_redirectedFrom")) or None,
        status=int(status) if status and 100 <= status <= 999 else None,
        failure=failure,
        blocked=as_text(entry.get("_blocked")) or None,
        remote_address=_remote(entry),
        mime=mime,
        size_bytes=_size(response, content),
        response_sha256=hashlib.sha256(received).hexdigest() if received and kind == "script" else None,
        response_body=received if wanted is not None and _keeps(wanted, url, kind, received) else None,
        response_headers=tuple(headers_of(response.get("headers")).items()),
        from_cache=bool(entry.get("_fromCache") or entry.get("fromCache")),
    )
    return [record, *_frames(entry, url)]


def _keeps(wanted: Wanted, url: str, kind: str, received: bytes | None) -> bool:
    return received is not None and (wants(wanted, url) or (kind == "script" and shows_itself(wanted, received)))


def _frames(entry: dict[str, Any], url: str) -> list[RequestRecord]:
    frames: list[RequestRecord] = []
    messages = entry.get("_webSocketMessages", entry.get("webSocketMessages"))
    for message in map(as_map, as_list(messages)):
        if as_text(message.get("type")).lower() not in ("send", "request", "sent", "outgoing"):
            continue
        text = as_text(message.get("data"))
        body = _bytes(text)
        if message.get("opcode") == 2:
            try:
                body = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                body = text.encode("latin-1", "replace")
        frames.append(RequestRecord(url=url, method="GET", type="websocket-frame", body=body))
    return frames


def type_of(entry: dict[str, Any], headers: dict[str, str], mime: str | None, url: str) -> str:
    """Return the kind of request in our words: what the exporter says, else what headers and answer suggest."""
    said = type_named(as_text(entry.get("_resourceType", entry.get("_request_type", entry.get("_type")))))
    if said is not None:
        return said
    wanted = type_named(headers.get("sec-fetch-dest", ""))
    if wanted is not None and wanted != "other":
        return wanted
    if url.startswith(("ws:", "wss:")):
        return "websocket"
    if headers.get("x-requested-with", "").lower() == "xmlhttprequest":
        return "xhr"
    mime = mime or ""
    if "html" in mime and "text/html" in headers.get("accept", "text/html"):
        return "document"
    guesses = (("javascript", "script"), ("ecmascript", "script"), ("image/", "image"), ("css", "stylesheet"),
               ("font", "font"), ("video/", "media"), ("audio/", "media"), ("event-stream", "eventsource"))  # fmt: skip
    return next((kind for part, kind in guesses if part in mime), None) or type_by_url("" if mime else url)


def _initiators(entry: dict[str, Any]) -> tuple[Initiator, ...]:
    raw = entry.get("_initiator", entry.get("_initiator_detail"))
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            raw = {"type": entry.get("_initiator_type"), "url": raw}
    initiator = as_map(raw)
    kind = as_text(initiator.get("type")) or "other"
    chain = [as_map(link) for link in as_list(initiator.get("chain"))]
    if chain:
        return tuple(
            Initiator(as_text(link.get("type")) or "other", as_text(link.get("url")) or None, _line(link.get("line")))
            for link in chain
        )
    links: dict[str, Initiator] = {}
    stack = as_map(initiator.get("stack"))
    for _ in range(20):
        for frame in map(as_map, as_list(stack.get("callFrames"))[:50]):
            url = as_text(frame.get("url"))
            if url:
                function = as_text(frame.get("functionName")) or None
                links.setdefault(url, Initiator("script", url, _line(frame.get("lineNumber")), function))
        stack = as_map(stack.get("parent"))
    if not links and initiator.get("url"):
        url = as_text(initiator["url"])
        return (Initiator(kind, url or None, _line(initiator.get("lineNumber"))),)
    return tuple(links.values())


def _line(value: Any) -> int | None:
    number = as_number(value)
    return int(number) if number is not None and 0 <= number < 1e9 else None


def _remote(entry: dict[str, Any]) -> str | None:
    address = as_text(entry.get("serverIPAddress")).strip("[]")
    if not address:
        return None
    port = as_number(entry.get("_serverPort", entry.get("connection")))
    shown = f"[{address}]" if ":" in address else address
    return f"{shown}:{int(port)}" if port and 0 < port < 65_536 else shown


def _size(response: dict[str, Any], content: dict[str, Any]) -> int | None:
    for value in (response.get("_transferSize"), response.get("bodySize"), content.get("size")):
        number = as_number(value)
        if number is not None and 0 <= number < 2**53:
            return int(number)
    return None


def cookies_of(entry: dict[str, Any], host: str) -> list[CookieRecord]:
    """Cookies that the response sets. Values are not kept."""
    url = as_text(as_map(entry.get("request")).get("url")) or None
    found: list[CookieRecord] = []
    for cookie in map(as_map, as_list(as_map(entry.get("response")).get("cookies"))):
        name = as_text(cookie.get("name"))
        if name:
            found.append(
                CookieRecord(
                    name=name,
                    domain=as_text(cookie.get("domain")) or host,
                    path=as_text(cookie.get("path")) or "/",
                    http_only=cookie.get("httpOnly") is True,
                    secure=cookie.get("secure") is True,
                    same_site=as_text(cookie.get("sameSite")) or None,
                    set_by=url,
                )
            )
    return found


def source_of(entry: dict[str, Any], final_url: str) -> str | None:
    """The page's HTML, if this entry is its document and the file has the content."""
    if not final_url or as_text(as_map(entry.get("request")).get("url")).strip() != final_url:
        return None
    content = as_map(as_map(entry.get("response")).get("content"))
    if "html" not in as_text(content.get("mimeType")).lower():
        return None
    body = response_body(as_map(entry.get("response")))
    return body.decode("utf-8", "replace") if body else None
