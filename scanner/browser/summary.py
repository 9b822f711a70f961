"""From everything one visit gathered to one `PageCapture`, outcome included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from scanner.browser.bodies import BodyKeeper
from scanner.browser.cookies import cookie_records
from scanner.browser.draft import Draft
from scanner.browser.outcome import Answer, Verdict, judge_answer
from scanner.browser.recorder import Recorder
from scanner.browser.records import finished_records
from scanner.browser.reports import origin_of
from scanner.browser.setters import Setters
from scanner.browser.state import PageState
from scanner.capture import PageSource, decode_source, read_source
from scanner.model import Link, Outcome, PageCapture, RequestRecord, StopReason, StorageKey, VisitTask
from scanner.urls import host_of, same_site

_FAILURES = frozenset(
    {
        StopReason.NAVIGATION_TIMEOUT,
        StopReason.CRASHED,
        StopReason.BROWSER_GONE,
        StopReason.DNS,
        StopReason.CONNECTION,
        StopReason.TLS,
        StopReason.REDIRECT_LOOP,
        StopReason.NOT_HTML,
        StopReason.DOWNLOAD,
    }
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything one visit gathered, at its end."""

    task: VisitTask
    started_at: datetime
    final_url: str
    duration_ms: int
    page_time_ms: int
    recorder: Recorder
    setters: Setters
    bodies: BodyKeeper
    notes: tuple[str, ...]
    state: PageState | None
    screenshot: bytes | None
    cookies: Sequence[Mapping[str, Any]]
    now_s: float
    stop_reason: StopReason | None
    stop_detail: str | None
    hung: bool
    timed_out: bool
    stalled: bool
    gaps: tuple[str, ...]
    own_domains: tuple[str, ...]
    wanted_headers: tuple[str, ...]
    browser: str


def as_capture(seen: Seen) -> PageCapture:
    """Sum a visit up."""
    document = seen.recorder.main_document()
    final_url = seen.final_url if seen.final_url.startswith(("http:", "https:")) else seen.task.url
    drafts = seen.recorder.all_drafts()
    requests = finished_records(drafts, host_of(final_url), seen.own_domains, seen.wanted_headers)
    raw = seen.bodies.source or b""
    text = decode_source(raw, "text/html; charset=utf-8") if raw else ""
    source = read_source(text, final_url) if text else PageSource()
    outcome, reason, detail = _verdict(seen, document, text, source, final_url, requests)
    state = seen.state
    return PageCapture(
        page=seen.task.page,
        url=seen.task.url,
        final_url=final_url,
        outcome=outcome,
        started_at=seen.started_at,
        stop_reason=reason,
        detail=detail,
        status=document.status if document else None,
        duration_ms=seen.duration_ms,
        page_time_ms=seen.page_time_ms,
        attempt=seen.task.attempt,
        profile=seen.task.profile,
        title=(state.title if state else None) or source.title,
        canonical=(state.canonical if state else None) or source.canonical,
        language=(state.language if state else None) or source.language,
        requests=requests,
        signals=source.signals,
        globals=state.globals if state else (),
        cookies=cookie_records(seen.cookies, _setter_of(seen, final_url), seen.now_s),
        storage=_storage(seen, final_url),
        links=_links(state, source),
        off_site=_off_site(seen, final_url),
        notes=seen.notes,
        has_password_field=(state.has_password_field if state else False) or source.has_password_field,
        form_fields=tuple(sorted({*(state.form_fields if state else ()), *source.form_fields})),
        browser=seen.browser or None,
        screenshot=seen.screenshot,
        source_sha256=sha256(raw).hexdigest() if raw else None,
    )


def _links(state: PageState | None, source: PageSource) -> tuple[Link, ...]:
    """Links of the rendered page first; those of its source only where they are not there already."""
    rendered = state.links if state else ()
    known = {link.url for link in rendered}
    return (*rendered, *(link for link in source.links if link.url not in known))


def _setter_of(seen: Seen, final_url: str) -> Callable[[str, str], str | None]:
    answers = seen.recorder.cookies_set()
    return lambda name, domain: seen.setters.of_cookie(name, domain, host_of(final_url), answers.get(name, ()))


def _storage(seen: Seen, final_url: str) -> tuple[StorageKey, ...]:
    keys = seen.state.storage if seen.state else ()
    own = origin_of(final_url)
    return tuple(
        replace(key, set_by=seen.setters.of_storage(key.area, key.key)) if key.origin == own else key for key in keys
    )


def _off_site(seen: Seen, final_url: str) -> tuple[str, ...]:
    requested = host_of(seen.task.url)
    places = [draft.url for draft in seen.recorder.documents] + [final_url]
    strange = [url for url in places if not same_site(host_of(url), requested, seen.own_domains)]
    return tuple(dict.fromkeys(strange))


def _verdict(
    seen: Seen,
    document: Draft | None,
    text: str,
    source: PageSource,
    final_url: str,
    requests: Sequence[RequestRecord],
) -> Verdict:
    if seen.stop_reason in _FAILURES:
        return Outcome.FAILED, seen.stop_reason, seen.stop_detail
    if document is None:
        return Outcome.FAILED, seen.stop_reason or StopReason.CONNECTION, seen.stop_detail or "no document arrived"
    state = seen.state
    answered = judge_answer(
        Answer(
            requested_url=seen.task.url,
            final_url=final_url,
            status=document.status,
            mime=document.mime,
            title=(state.title if state else source.title) or "",
            text=state.text if state else "",
            source=text[:400_000],
            headers=document.response_headers,
            request_urls=[request.url for request in requests],
            cookie_names=[str(cookie["name"]) for cookie in seen.cookies],
            # A page that could not be read may still be a wall, as its source says.
            has_password_field=state.has_password_field if state else source.has_password_field,
            nodes=state.nodes if state else 0,
        ),
        seen.own_domains,
    )
    if answered[0] is not Outcome.OK:
        return answered
    unseen = sum(request.body is None and request.blocked not in ("csp", "mixed-content") for request in requests)
    if document.failure is not None:
        return Outcome.PARTIAL, StopReason.CONNECTION, f"the page did not arrive whole ({document.failure})"
    return _whole_or_partial(seen, unseen)


def _whole_or_partial(seen: Seen, unseen_bodies: int) -> Verdict:
    recorder, bodies = seen.recorder, seen.bodies
    reasons: list[tuple[bool, StopReason, str]] = [
        (seen.stop_reason is not None, seen.stop_reason or StopReason.STOPPED, seen.stop_detail or "stopped"),
        (seen.timed_out, StopReason.VISIT_TIMEOUT, "the page's time could not pass within the visit's limit"),
        (seen.hung, StopReason.PAGE_HUNG, "the page kept its renderer busy and stopped answering"),
        (recorder.over_limit, StopReason.TOO_MANY_REQUESTS, "the page sent more requests than are recorded"),
        (bodies.cut, StopReason.TOO_MUCH_DATA, "bodies were longer than what is kept"),
        (seen.stalled, StopReason.PENDING_REQUESTS, "some requests of the page were never answered"),
        (unseen_bodies > 0, StopReason.BODY_LOST, f"{unseen_bodies} request bodies could not be read"),
        (bool(seen.gaps), StopReason.RECORDER_GAP, "; ".join(seen.gaps[:3])),
        (seen.state is None, StopReason.PAGE_HUNG, "the page did not answer when it was read"),
    ]
    for applies, reason, detail in reasons:
        if applies:
            return Outcome.PARTIAL, reason, detail
    return Outcome.OK, None, None
