"""What one visit saw, before any rule is applied to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scanner.model.site import Profile
from scanner.model.visit import Outcome, StopReason


@dataclass(frozen=True, slots=True)
class Initiator:
    """One link of the chain that led to a request, nearest first."""

    kind: str
    """parser | script | redirect | preload | preflight | navigation | worker | other"""
    url: str | None = None
    """The script, document or redirecting URL; None when the browser does not say."""
    line: int | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that left, or was about to leave, the browser; also one WebSocket frame sent."""

    url: str
    method: str = "GET"
    type: str = "other"
    """document | script | image | stylesheet | font | media | xhr | fetch | ping | websocket |
    websocket-frame | eventsource | manifest | preflight | csp-report | prefetch | other"""
    body: bytes | None = b""
    """Bytes sent. `b""`: none. None: there was a body, and it is not visible to us."""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Request headers worth evidence (referer, cookie names, sec-gpc …), lower-case names, secrets removed."""
    frame_url: str | None = None
    context: str = "page"
    """page | frame | worker | shared-worker | service-worker | popup | browser"""
    initiators: tuple[Initiator, ...] = ()
    redirected_from: str | None = None
    """URL of the previous hop of a redirect chain."""
    status: int | None = None
    """HTTP status; None: no answer seen."""
    failure: str | None = None
    """The browser's transport error (`net::ERR_…`), or None."""
    blocked: str | None = None
    """csp | cors | mixed-content | client | orb | other: stopped by the browser; an *attempt*, marked as such.
    A CORS-blocked request did reach the server; a CSP-blocked one did not."""
    remote_address: str | None = None
    """`ip:port` that answered."""
    mime: str | None = None
    size_bytes: int | None = None
    """Bytes of the response on the wire."""
    started_ms: int = 0
    """Wall clock since the visit began."""
    response_sha256: str | None = None
    """Of a script's content, hex."""
    response_fingerprint: str | None = None
    """Of a script's content with random tokens and timestamps taken out, hex: equal for equal code."""
    response_body: bytes | None = None
    """Kept only where a rule asks for it; None otherwise."""
    response_headers: tuple[tuple[str, str], ...] = ()
    from_cache: bool = False
    tls_subject: str | None = None
    cname: tuple[str, ...] = ()
    """DNS aliases of a first-party host, nearest first; empty: none, or nobody asked."""


class SignalKind(StrEnum):
    """What the page's source shows without running it."""

    SCRIPT = "script"
    INLINE = "inline"
    NOSCRIPT = "noscript"
    """An image or iframe URL inside <noscript>."""
    HELD_BACK = "held-back"
    """A script a consent platform keeps from running until consent."""
    PRECONNECT = "preconnect"
    FRAME = "frame"
    IMAGE = "image"
    META = "meta"


@dataclass(frozen=True, slots=True)
class SourceSignal:
    """One thing in the page's source that may name a vendor."""

    kind: SignalKind
    url: str | None = None
    """Absolute; None for inline code."""
    text: str | None = None
    """Inline code, cut at 64 KiB; None otherwise."""
    held_by: str | None = None
    """The attribute that holds it back, for HELD_BACK."""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class CookieRecord:
    """A cookie after the visit. Values are not kept."""

    name: str
    domain: str
    path: str = "/"
    lifetime_s: int | None = None
    """Seconds until expiry as set; None: session cookie."""
    http_only: bool = False
    secure: bool = False
    same_site: str | None = None
    set_by: str | None = None
    """URL of the script or response that set it; None when not seen."""


@dataclass(frozen=True, slots=True)
class StorageKey:
    """A localStorage or sessionStorage key after the visit. Values are not kept."""

    area: str
    """local | session"""
    origin: str
    key: str
    set_by: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    """Absolute, fragment kept."""
    source: str = "link"
    """link (rendered page) | source-link (page source) | frame | form | canonical | redirect"""


@dataclass(frozen=True, slots=True)
class PageCapture:
    """All that one visit saw. Saved whole or not at all; failures are captures, too."""

    page: str
    url: str
    final_url: str
    """Where the page ended up; equals `url` when nothing was loaded."""
    outcome: Outcome
    started_at: datetime
    stop_reason: StopReason | None = None
    detail: str | None = None
    """One sentence for a person about `stop_reason`."""
    status: int | None = None
    duration_ms: int = 0
    page_time_ms: int = 0
    """How much of the page's own time passed."""
    attempt: int = 1
    profile: Profile = Profile()
    title: str | None = None
    canonical: str | None = None
    language: str | None = None
    requests: tuple[RequestRecord, ...] = ()
    signals: tuple[SourceSignal, ...] = ()
    globals: tuple[str, ...] = ()
    """Names of JS globals asked for by rules that exist in the page."""
    cookies: tuple[CookieRecord, ...] = ()
    storage: tuple[StorageKey, ...] = ()
    links: tuple[Link, ...] = ()
    off_site: tuple[str, ...] = ()
    """Redirect targets off the site: recorded, not crawled."""
    notes: tuple[str, ...] = ()
    """Things worth knowing that do not change the outcome: dialogs, popups, downloads, console floods."""
    has_password_field: bool = False
    form_fields: tuple[str, ...] = ()
    """Names/types of the page's form fields, `type:name`, sorted, unique."""
    browser: str | None = None
    source_sha256: str | None = None
    screenshot: bytes | None = None
    """PNG or JPEG, only where asked for."""
    second_look: SecondLook | None = None
    """The page visited again at once, because the first visit showed something new; None: nothing was."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What a second visit of the page saw, in a fresh context; fields as in `PageCapture`."""

    final_url: str
    outcome: Outcome
    started_at: datetime
    stop_reason: StopReason | None = None
    detail: str | None = None
    status: int | None = None
    duration_ms: int = 0
    title: str | None = None
    requests: tuple[RequestRecord, ...] = ()
    signals: tuple[SourceSignal, ...] = ()
    globals: tuple[str, ...] = ()
    cookies: tuple[CookieRecord, ...] = ()
    storage: tuple[StorageKey, ...] = ()
    form_fields: tuple[str, ...] = ()
