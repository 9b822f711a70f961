"""One request while it is being recorded, and how the browser's words become the model's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scanner.browser.channel import Params
from scanner.model import Initiator

_TYPES = {
    "Document": "document",
    "Stylesheet": "stylesheet",
    "Image": "image",
    "Media": "media",
    "Font": "font",
    "Script": "script",
    "XHR": "xhr",
    "Fetch": "fetch",
    "Prefetch": "prefetch",
    "EventSource": "eventsource",
    "WebSocket": "websocket",
    "Manifest": "manifest",
    "Ping": "ping",
    "CSPViolationReport": "csp-report",
    "Preflight": "preflight",
}
_CSP_TYPES = {
    "img-src": "image",
    "script-src": "script",
    "script-src-elem": "script",
    "style-src": "stylesheet",
    "style-src-elem": "stylesheet",
    "font-src": "font",
    "media-src": "media",
    "connect-src": "fetch",
    "frame-src": "document",
    "child-src": "document",
    "form-action": "document",
    "manifest-src": "manifest",
    "prefetch-src": "prefetch",
}
_CONTEXTS = {
    "iframe": "frame",
    "worker": "worker",
    "shared_worker": "shared-worker",
    "service_worker": "service-worker",
    "popup": "popup",
    "worklet": "worker",
}
_NOT_ON_THE_NETWORK = (
    "data:",
    "blob:",
    "about:",
    "chrome:",
    "chrome-extension:",
    "chrome-error:",
    "javascript:",
    "filesystem:",
)


_MADE_UP = "non-authoritative-reason"
"""Header of answers that the browser writes itself."""


@dataclass(slots=True)
class OnTheWire:
    """What the network process adds, cookies above all. Header names are lower-case."""

    sent: dict[str, str] = field(default_factory=dict)
    got: dict[str, str] = field(default_factory=dict)
    status: int | None = None


@dataclass(slots=True)
class Draft:
    """One hop of one request. Mutable: the browser tells about it in pieces, in no fixed order."""

    request_id: str
    url: str
    method: str
    type: str
    context: str
    started_ms: int
    frame_id: str | None = None
    document_url: str | None = None
    body: bytes | None = b""
    body_cut: bool = False
    initiators: tuple[Initiator, ...] = ()
    redirected_from: str | None = None
    told_request_headers: dict[str, str] = field(default_factory=dict)
    told_response_headers: dict[str, str] = field(default_factory=dict)
    told_status: int | None = None
    """As the page sees it: without cookies, and without what nobody waits for."""
    wire: OnTheWire = field(default_factory=OnTheWire)
    """As it went out and came back."""
    was_on_the_wire: bool = True
    """False: the redirect of this hop was answered within the browser, and there was nothing else."""
    by_tls: bool = False
    """The browser made `https:` of the address before it sent anything."""
    failure: str | None = None
    blocked: str | None = None
    remote_address: str | None = None
    mime: str | None = None
    size_bytes: int | None = None
    from_cache: bool = False
    from_service_worker: bool = False
    from_the_browser: bool = False
    """The browser wrote the answer itself: its own viewer shows a PDF under the address it came from."""
    tls_subject: str | None = None
    content_sha256: str | None = None
    content_fingerprint: str | None = None
    content: bytes | None = None
    finished: bool = False

    @property
    def is_redirected(self) -> bool:
        return self.by_tls or self.redirected_from is not None

    @property
    def is_answered_within(self) -> bool:
        """By the cache, a service worker, or what the browser knows of a host by itself."""
        return self.from_cache or self.from_service_worker or _MADE_UP in self.told_response_headers

    @property
    def status(self) -> int | None:
        return self.told_status or self.wire.status

    @property
    def request_headers(self) -> dict[str, str]:
        return self.told_request_headers | self.wire.sent

    @property
    def response_headers(self) -> dict[str, str]:
        return self.told_response_headers | self.wire.got


def goes_by_tls(url: str, redirect: Params, to_url: str) -> bool:
    """Say whether a redirect is the browser's own: it knows that the host wants TLS, and asks nobody without.

    >>> answer = {"headers": {"Location": "https://a.example/p", "Non-Authoritative-Reason": "HSTS"}}
    >>> goes_by_tls("http://a.example/p", answer, "https://a.example/p")
    True
    >>> goes_by_tls("http://a.example/p", {"headers": {"Location": "https://a.example/p"}}, "https://a.example/p")
    False
    """
    made_up = any(name.lower() == _MADE_UP for name in redirect.get("headers", {}))
    return made_up and url.startswith("http:") and to_url == "https:" + url.removeprefix("http:")


def is_on_the_network(url: str) -> bool:
    """Say whether a request for `url` can leave the browser at all."""
    return not url.startswith(_NOT_ON_THE_NETWORK)


def context_name(channel_kind: str, is_main_frame: bool) -> str:
    """Return the model's word for where a request came from."""
    if channel_kind == "page":
        return "page" if is_main_frame else "frame"
    return _CONTEXTS.get(channel_kind, "browser")


def request_type(cdp_type: str | None, initiator_type: str | None, headers: dict[str, str], method: str) -> str:
    """Return the model's request type; the browser calls several kinds `Other`."""
    known = _TYPES.get(cdp_type or "")
    if known:
        return known
    if initiator_type == "preflight":
        return "preflight"
    content_type = headers.get("content-type", "")
    if content_type.startswith(("application/csp-report", "application/reports+json")):
        return "csp-report"
    if "prefetch" in headers.get("sec-purpose", headers.get("purpose", "")):
        return "prefetch"
    return "other"


def csp_type(directive: str) -> str:
    """Return the type of an attempt that a policy directive stopped."""
    return _CSP_TYPES.get(directive.split(" ")[0], "other")


def blocked_reason(params: dict[str, Any]) -> str | None:
    """Say who stopped a failed request, from `Network.loadingFailed`; None: nobody did, it just failed."""
    if params.get("corsErrorStatus"):
        return "cors"
    text = str(params.get("errorText", ""))
    reason = params.get("blockedReason")
    if reason == "csp" or "BLOCKED_BY_CSP" in text:
        return "csp"
    if reason == "mixed-content":
        return "mixed-content"
    if "BLOCKED_BY_ORB" in text:
        return "orb"
    if reason == "inspector" or "BLOCKED_BY_CLIENT" in text:
        return "client"
    if reason or "BLOCKED_BY" in text:
        return "other"
    return None


def lower_headers(headers: dict[str, Any]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}
