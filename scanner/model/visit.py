"""One visit of one page: what is asked of it, and how it can end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scanner.model.site import Profile, VisitLimits


@dataclass(frozen=True, slots=True)
class BodyWanted:
    """Responses whose body a rule wants to read (config files, tag-manager containers)."""

    host: str
    """Exact host, `*.host`, or `*`."""
    path: str
    """Regular expression, searched in path and query."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rules ask the recorder to keep beyond the ordinary."""

    globals: tuple[str, ...] = ()
    """Names (dotted allowed) of JS globals whose existence is reported."""
    bodies: tuple[BodyWanted, ...] = ()
    script_signs: tuple[str, ...] = ()
    """A script in which one of these texts stands is kept whatever its address: a vendor's under another name."""
    headers: tuple[str, ...] = ()
    """Request headers, in lower case, in which rules find an account (`scanner.request_headers` says what is kept)."""


GONE_STATUSES = frozenset({404, 410})
"""HTTP statuses that say: there is no such page (any more). An answer, not a failure to look."""


class Outcome(StrEnum):
    """How much of a page was seen. Only `OK` proves absence."""

    OK = "ok"
    PARTIAL = "partial"
    """A cap or deadline was hit; what was seen was really there."""
    FAILED = "failed"
    BLOCKED = "blocked"
    """A bot wall, captcha, login page or error page answered instead of the page."""


class StopReason(StrEnum):
    """Why a visit is not `ok`. `None` in the capture when it is."""

    VISIT_TIMEOUT = "visit-timeout"
    NAVIGATION_TIMEOUT = "navigation-timeout"
    PAGE_HUNG = "page-hung"
    PENDING_REQUESTS = "pending-requests"
    """Requests never answered, so the page's own clock could not reach the dwell time."""
    TOO_MANY_REQUESTS = "too-many-requests"
    TOO_MUCH_DATA = "too-much-data"
    BODY_LOST = "body-lost"
    """A request had a body that could not be read."""
    RECORDER_GAP = "recorder-gap"
    """A child target or event stream could not be listened to."""
    CRASHED = "crashed"
    BROWSER_GONE = "browser-gone"
    DNS = "dns"
    CONNECTION = "connection"
    TLS = "tls"
    HTTP_ERROR = "http-error"
    REDIRECT_LOOP = "redirect-loop"
    BOT_WALL = "bot-wall"
    CAPTCHA = "captcha"
    LOGIN = "login"
    ERROR_PAGE = "error-page"
    NOT_HTML = "not-html"
    DOWNLOAD = "download"
    OFF_SITE = "off-site"
    """The page redirects to another site, which is recorded but not scanned."""
    STOPPED = "stopped"
    """The scan was told to stop."""


@dataclass(frozen=True, slots=True)
class VisitTask:
    """One page to visit. A pure value: a visit is a function of its task (and of the fleet's set-up)."""

    page: str
    """Canonical URL: the page's identity between scans."""
    url: str
    """What is put into the address bar."""
    profile: Profile = Profile()
    limits: VisitLimits = VisitLimits()
    attempt: int = 1
    depth: int = 0
    source: str = "start"
    """Who named it: start | sitemap | link | source-link | list | retry | again."""
    fresh: bool = False
    """Ask for a context that no other visit has used, its HTTP cache included: to see something a second time."""
    screenshot: bool = False
    """Ask for a picture of what the visitor saw."""
