"""HAR files that somebody recorded by hand → one capture per page.

HAR 1.1 and 1.2 as Chrome, Firefox, Safari, Charles, Fiddler, Playwright, WebPageTest and sitespeed.io export them;
files cut off in the middle (what is whole is used), byte-order marks, wrong encodings, gzip, zip, missing fields, pages
that are not listed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rules.har_archive import Attachments, opened
from rules.har_entry import as_map, as_text, cookies_of, moment, requests_of, source_of
from rules.har_pages import RawEntry, grouped
from scanner.canonical import canonical_url
from scanner.errors import Problem, ProblemsError
from scanner.model import CookieRecord, Outcome, PageCapture, RequestRecord, StopReason, Wanted
from scanner.urls import host_of

MAX_UNPACKED_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HarPage:
    capture: PageCapture
    source: str | None
    """The document's HTML when the file has it; None otherwise."""


@dataclass(frozen=True, slots=True)
class HarReading:
    """What a HAR file holds, and what is wrong with it."""

    pages: tuple[HarPage, ...]
    notes: tuple[str, ...] = ()
    """For a person: cut off, unreadable entries, no page known …"""
    truncated: bool = False
    """The file ends in the middle: absence proves nothing, every page is partial."""
    request_count: int = 0


def read_har(raw: bytes, file: str = "HAR file", *, wanted: Wanted | None = None) -> HarReading:
    """Read a HAR file's bytes.

    Args:
        wanted: which response bodies to keep (`RuleSet.wanted()`); None keeps none.

    Raises:
        ProblemsError: nothing in it can be read, and why.
    """
    attached: Attachments | None = None
    if raw[:4] == b"PK\x03\x04":
        try:
            raw, attached = opened(raw)
        except ValueError as error:
            raise ProblemsError([Problem(file, None, str(error))]) from None
    text = _text(raw, file)
    document, entries, truncated = _document(text, file)
    notes: list[str] = []
    if truncated:
        notes.append(f"the file is cut off; {len(entries)} whole requests were found")
    raw_entries: list[RawEntry] = []
    if own := [entry for entry in entries if _of_the_browser(entry)]:
        notes.append(f"left out, as no part of the site: {len(own)} request(s) of the recording browser's extensions")
        entries = [entry for entry in entries if not _of_the_browser(entry)]
    for entry in entries:
        if attached is not None:
            attached.fill(entry)
        records = requests_of(entry, wanted) if isinstance(entry, dict) else []
        if records:
            raw_entries.append(RawEntry(entry, records))
    if unreadable := len(entries) - len(raw_entries):
        notes.append(f"{unreadable} entries without a request URL were left out")
    if not raw_entries and entries:
        raise ProblemsError([Problem(file, None, "no entry of this HAR file has a request with a URL")])
    if not entries:
        notes.append("there is no request in it")
    pages: list[HarPage] = []
    for group in grouped(document, raw_entries):
        if not group.url:
            notes.append("some requests belong to no page: third parties cannot be told apart there")
        pages.append(_page(group.url, group.final_url, group.title, group.outcome, group.entries, truncated=truncated))
    return HarReading(tuple(pages), tuple(notes), truncated, sum(len(p.capture.requests) for p in pages))


def _of_the_browser(entry: Any) -> bool:
    """Say whether an extension of whoever recorded the file was loaded: no part of the site."""
    scheme = as_text(as_map(as_map(entry).get("request")).get("url")).strip().partition("://")[0].lower()
    return scheme.endswith("-extension") or scheme in ("chrome", "about", "devtools")


def _text(raw: bytes, file: str) -> str:
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(31).decompress(raw, MAX_UNPACKED_BYTES)
        except zlib.error as error:
            raise ProblemsError([Problem(file, None, f"damaged gzip file: {error}")]) from None
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    if b"\x00" in raw[:4]:
        return raw.decode("utf-16-be" if raw[:1] == b"\x00" else "utf-16-le", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Old Windows tools; one wrong byte must not cost the file.
        strays = raw.decode("utf-8-sig", "replace")
        return strays if strays.count("�") < len(raw) / 100 else raw.decode("cp1252", "replace")


def _document(text: str, file: str) -> tuple[dict[str, Any], list[Any], bool]:
    """Return the `log` object, its entries, and whether the file was cut off."""
    if not text.strip():
        raise ProblemsError([Problem(file, None, "the file is empty")])
    try:
        parsed = json.JSONDecoder(strict=False).decode(text)
    except (ValueError, RecursionError) as error:
        log, entries = _salvage(text)
        if entries:
            return log, entries, True
        line = getattr(error, "lineno", None)
        reason = getattr(error, "msg", None) or "nested too deeply"
        raise ProblemsError([Problem(file, line, f"not a HAR file: not JSON: {reason}")]) from None
    if isinstance(parsed, list):
        return {}, parsed, False
    log = as_map(parsed)
    for _ in range(2):
        log = as_map(log["log"]) if isinstance(log.get("log"), dict) else log
    if not isinstance(log.get("entries"), list):
        raise ProblemsError([Problem(file, None, "not a HAR file: it has no `log.entries`")])
    return log, log["entries"], False


def _salvage(text: str) -> tuple[dict[str, Any], list[Any]]:
    """Read what is whole in a file that is not: every object of `pages` and `entries` up to the damage."""
    return {"pages": list(_objects(text, '"pages"'))}, list(_objects(text, '"entries"'))


def _objects(text: str, key: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(strict=False)
    start = text.find(key)
    at = text.find("[", start) + 1 if start >= 0 else 0
    while 0 < at < len(text):
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if text[at : at + 1] != "{":
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield value


def _page(
    url: str, final_url: str, title: str | None, outcome: Outcome, entries: list[RawEntry], *, truncated: bool
) -> HarPage:
    times = [t for e in entries if (t := moment(e.raw.get("startedDateTime"))) is not None]
    started = min(times, default=datetime.fromtimestamp(0, UTC))
    requests: list[RequestRecord] = []
    cookies: list[CookieRecord] = []
    for entry in entries:
        began = moment(entry.raw.get("startedDateTime"))
        offset = int((began - started).total_seconds() * 1000) if began else 0
        requests += (replace(record, started_ms=max(offset, 0)) for record in entry.records)
        cookies += cookies_of(entry.raw, host_of(entry.record.url))
    status = next((r.status for r in requests if r.url == final_url and r.status), None)
    stop_reason, detail = None, None
    if outcome is Outcome.OK and status is not None and status >= 300:
        outcome, detail = Outcome.FAILED, f"the page answered {status}"
        stop_reason = StopReason.HTTP_ERROR if status >= 400 else StopReason.REDIRECT_LOOP
    elif outcome is Outcome.OK and truncated:
        outcome, stop_reason, detail = Outcome.PARTIAL, StopReason.RECORDER_GAP, "the HAR file is cut off"
    capture = PageCapture(
        page=canonical_url(final_url) if final_url else "",
        url=url,
        final_url=final_url,
        outcome=outcome,
        started_at=started,
        stop_reason=stop_reason,
        detail=detail,
        status=status,
        title=title,
        requests=tuple(requests),
        cookies=tuple(dict.fromkeys(cookies)),
    )
    return HarPage(capture, next((s for e in entries if (s := source_of(e.raw, final_url)) is not None), None))
