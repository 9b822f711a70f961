"""From drafts to records: each request once, secrets removed, initiators followed to their origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scanner.browser.draft import Draft
from scanner.browser.initiators import whole_chain
from scanner.model import Initiator, RequestRecord
from scanner.request_headers import is_browsers_own, kept_headers
from scanner.urls import host_of, same_site

_KEPT_REQUEST_HEADERS = (
    "referer",
    "origin",
    "sec-gpc",
    "content-encoding",
    "attribution-reporting-eligible",
    "sec-purpose",
    "sec-browsing-topics",
    "sec-fetch-storage-access",
)
_KEPT_RESPONSE_HEADERS = (
    "content-type",
    "content-encoding",
    "location",
    "server",
    "via",
    "x-powered-by",
    "etag",
    "last-modified",
    "attribution-reporting-register-source",
    "attribution-reporting-register-trigger",
)


def finished_records(
    drafts: Sequence[Draft],
    page_host: str,
    own_domains: Sequence[str] = (),
    wanted_headers: Sequence[str] = (),
) -> tuple[RequestRecord, ...]:
    """Return every request once, in the order of sending. `wanted_headers`: request headers that rules name."""
    loaders = _loaders(drafts)
    fetched_by_worker = {(d.method, d.url) for d in drafts if d.context == "service-worker"}
    records = [
        _record(draft, loaders, same_site(host_of(draft.url), page_host, own_domains), wanted_headers)
        for draft in drafts
        # What a service worker answers leaves the browser as the worker's own request.
        if not (
            draft.from_the_browser or (draft.from_service_worker and (draft.method, draft.url) in fetched_by_worker)
        )
    ]
    return tuple(sorted(records, key=lambda record: record.started_ms))


def _loaders(drafts: Sequence[Draft]) -> dict[str, tuple[Initiator, ...]]:
    """URL → direct chain of the request that first loaded it."""
    loaders: dict[str, tuple[Initiator, ...]] = {}
    for draft in drafts:
        if draft.type in ("script", "stylesheet", "document", "other"):
            loaders.setdefault(draft.url, draft.initiators)
    return loaders


def _record(
    draft: Draft, loaders: dict[str, tuple[Initiator, ...]], own: bool, wanted_headers: Sequence[str]
) -> RequestRecord:
    sent, got = draft.request_headers, draft.response_headers
    return RequestRecord(
        url=draft.url,
        method=draft.method,
        type=draft.type,
        body=draft.body,
        content_type=sent.get("content-type"),
        headers=_request_headers(sent, own, wanted_headers),
        frame_url=draft.document_url,
        context=draft.context,
        initiators=whole_chain(draft.initiators, loaders),
        redirected_from=draft.redirected_from,
        status=draft.status,
        failure=draft.failure,
        blocked=draft.blocked,
        remote_address=draft.remote_address,
        mime=draft.mime,
        size_bytes=draft.size_bytes,
        started_ms=draft.started_ms,
        response_sha256=draft.content_sha256,
        response_fingerprint=draft.content_fingerprint,
        response_body=draft.content,
        response_headers=tuple((name, got[name]) for name in _KEPT_RESPONSE_HEADERS if name in got),
        from_cache=draft.from_cache,
        tls_subject=draft.tls_subject,
    )


def _request_headers(sent: Mapping[str, str], own: bool, wanted: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Headers worth evidence. Cookie values only where a stranger gets them: the site's own are its sessions."""
    kept = [(name, sent[name]) for name in _KEPT_REQUEST_HEADERS if name in sent]
    if not own:
        kept += [
            (name, value)
            for name, value in sent.items()
            if not (is_browsers_own(name) or name in _KEPT_REQUEST_HEADERS)
        ]
    named = kept_headers(sent, wanted)
    there = {name for name, _ in kept}
    kept += [(name, value) for name, value in named if name in wanted and name not in there]
    if cookie := sent.get("cookie"):
        kept.append(("cookie", _names_only(cookie) if own else cookie))
    return tuple(kept)


def _names_only(cookie: str) -> str:
    return "; ".join(part.partition("=")[0].strip() for part in cookie.split(";"))
