"""The values that travel down the line. Standard library only; frozen; no behaviour beyond tiny helpers.

Conventions: times are aware UTC datetimes; units stand in names; `None` always means *unknown* or
*not applicable* as the field says, never "nothing" (that is an empty tuple or empty bytes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

# --------------------------------------------------------------------------- configuration values


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must never reach the store, a log or a report. Its `repr` hides it."""

    reference: str
    """Where it came from, `env:NAME` or `file:PATH`; safe to print."""
    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value


class ConsentState(StrEnum):
    """What the simulated visitor told the consent banner."""

    NONE = "none"
    """The banner was left alone."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Device(StrEnum):
    DESKTOP = "desktop"
    MOBILE = "mobile"


@dataclass(frozen=True, slots=True)
class Profile:
    """Who the simulated visitor is. Part of the identity of a scan: only equal profiles are compared."""

    device: Device = Device.DESKTOP
    locale: str = "en-US"
    timezone: str = "America/New_York"
    consent: ConsentState = ConsentState.NONE
    gpc: bool = False
    """Sends `Sec-GPC: 1` and sets `navigator.globalPrivacyControl`."""
    user_agent: str | None = None
    """None: the installed browser's own, with every trace of headless mode taken out."""


@dataclass(frozen=True, slots=True)
class VisitLimits:
    """Deadlines and caps of one visit. A visit that hits a cap is `partial`, never `ok`."""

    page_time_ms: int = 30_000
    """Dwell in the page's own (virtual) time."""
    navigation_timeout_ms: int = 30_000
    visit_timeout_ms: int = 90_000
    """Wall clock for everything the visit does, retries not included."""
    drain_ms: int = 1_500
    """Wall clock to wait for beacons after the exit events."""
    max_requests: int = 5_000
    max_body_bytes: int = 4 * 1024 * 1024
    """Longest request body that is kept whole; longer ones are cut and the visit says so."""
    max_total_bytes: int = 64 * 1024 * 1024
    """Total of request bodies, kept response bodies and page source of one visit."""
    interact: bool = True
    stall_ms: int = 10_000
    """Wall clock without any sign of life after which a hung page, or a request that never answers, is given up."""


@dataclass(frozen=True, slots=True)
class ResolveRule:
    """Send connections for hosts like `pattern` to `address:port`, as curl's --connect-to does."""

    pattern: str
    """A host, `*.host`, or `*` for every host."""
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class HttpCredentials:
    username: str
    password: Secret
    origin: str | None = None
    """`https://host[:port]` they are meant for; None: the start URL's origin only."""


class Scope(StrEnum):
    """Which addresses belong to the site and are crawled."""

    HOST = "host"
    DOMAIN = "domain"
    """Every host of the start URLs' registrable domains, and the own domains."""
    PATH = "path"
    """Below the start URLs' directories."""


@dataclass(frozen=True, slots=True)
class Retention:
    keep_scans: int = 400
    keep_days: int = 800
    """Older scans than both are deleted, the baseline and the evidence of incidents never."""


@dataclass(frozen=True, slots=True)
class When:
    """Times as somebody wrote them."""

    text: str
    """Five crontab fields, or an interval such as `6h`."""
    every_s: int | None = None
    """The interval; None: `text` is for cron."""


@dataclass(frozen=True, slots=True)
class SiteSchedule:
    """When `tagdrift run` scans a site."""

    full: When | None = None
    """None: never by itself."""
    light: When | None = None
    timezone: str | None = None
    """None: the profile's."""
    jitter_s: int = 0
    """Each time is put off by a random part of this."""
    grace_s: int = 6 * 3600
    """A time that was missed is caught up once if it is not longer ago than this."""


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """Everything that says how one site is scanned."""

    name: str
    start: tuple[str, ...]
    scope: Scope = Scope.HOST
    own_domains: tuple[str, ...] = ()
    """Further registrable domains of the same owner: first party, although not the page's own."""
    include: tuple[str, ...] = ()
    """Glob patterns on path+query (or on the whole URL when they contain `://`); empty: everything in scope."""
    exclude: tuple[str, ...] = ()
    url_lists: tuple[str, ...] = ()
    """Paths of text files with one URL a line."""
    sitemaps: bool = True
    follow_links: bool = True
    obey_robots: bool = True
    hash_routes: bool = False
    max_pages: int = 2_000
    max_pages_per_template: int = 500
    max_depth: int = 20
    max_duration_s: int = 6 * 3600
    requests_per_second: float = 4.0
    """Page visits started per second and host."""
    concurrency: int = 4
    """Visits at the same time per host."""
    profile: Profile = Profile()
    limits: VisitLimits = VisitLimits()
    extra_headers: tuple[tuple[str, Secret | str], ...] = ()
    """Sent to the site's own hosts only."""
    http_credentials: HttpCredentials | None = None
    storage_state: Secret | None = None
    """Playwright storage state (JSON text) of a logged-in session."""
    resolve: tuple[ResolveRule, ...] = ()
    insecure: bool = False
    service_workers_allowed: bool = False
    site_isolation: bool = True
    coverage_threshold: float = 0.9
    """Share of planned pages that must be seen whole for a scan to count as complete (0 to 1)."""
    resume_max_age_s: int = 6 * 3600
    retention: Retention = Retention()
    max_query_variants: int = 200
    """Query combinations visited per path: filters and facets multiply without end."""
    dns: bool = False
    """Ask the DNS whose names the site's own hosts are, for vendors that hide behind them."""
    schedule: SiteSchedule = SiteSchedule()


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


# --------------------------------------------------------------------------- what a visit records


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


# --------------------------------------------------------------------------- what rules make of it


class Category(StrEnum):
    ADVERTISING = "advertising"
    ANALYTICS = "analytics"
    SESSION_REPLAY = "session-replay"
    TAG_MANAGER = "tag-manager"
    SOCIAL = "social"
    CDP = "customer-data"
    MARKETING = "marketing-automation"
    CHAT = "chat"
    CALL_TRACKING = "call-tracking"
    VIDEO = "video"
    MAPS = "maps"
    FONTS_CDN = "fonts-cdn"
    MONITORING = "monitoring"
    SECURITY = "security"
    CONSENT = "consent"
    ACCESSIBILITY = "accessibility"
    SCHEDULING = "scheduling"
    HOSTING = "hosting"
    OTHER = "other"


class DetectionKind(StrEnum):
    SCRIPT = "script"
    EVENT = "event"
    CONFIG = "config"
    IDENTITY_SYNC = "identity-sync"
    OTHER = "other"


class ExposureKind(StrEnum):
    """One vocabulary for what a field carries, whatever the vendor calls it."""

    PAGE_URL = "page_url"
    PAGE_TITLE = "page_title"
    REFERRER = "referrer"
    SEARCH_QUERY = "search_query"
    FORM_FIELD = "form_field"
    BUTTON_TEXT = "button_text"
    EVENT_NAME = "event_name"
    PRODUCT_OR_CONTENT = "product_or_content"
    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"
    ADDRESS = "address"
    DATE_OF_BIRTH = "date_of_birth"
    EXTERNAL_ID = "external_id"
    BROWSER_ID = "browser_id"
    CLICK_ID = "click_id"
    IP_ADDRESS = "ip_address"
    PRECISE_LOCATION = "precise_location"
    FREE_TEXT = "free_text"


class Form(StrEnum):
    PLAIN = "plain"
    HASHED = "hashed"
    ENCODED = "encoded"
    ENCRYPTED = "encrypted"


@dataclass(frozen=True, slots=True)
class Exposure:
    """One piece of information in one field of one detection."""

    kind: ExposureKind
    field: str
    """Path in the request as an engineer would name it: `ud[em]`, `pd.em`, `ep.search_term`."""
    value: str
    """Raw. Mask before showing it to anybody (`reports` does)."""
    form: Form = Form.PLAIN
    hash: str | None = None
    """sha256, md5, …; None unless hashed."""
    automatic: str | None = None
    """Name of the vendor's automatic feature that scraped it, e.g. `automatic advanced matching`."""
    placeholder: bool = False
    """A hash of nothing, an unfilled template, a documentation example: a misconfiguration, not a person."""
    label: str | None = None
    """What the configuration calls the known identity whose value this is; None: nobody's that we know."""
    found_by: tuple[str, ...] = ()
    """Names and decoders that led to the value, for one that was found by value and not by a rule."""


@dataclass(frozen=True, slots=True, order=True)
class TagKey:
    """Whose tag, which product, which customer account."""

    vendor: str
    product: str
    account: str | None = None

    def __str__(self) -> str:
        return f"{self.vendor}/{self.product}" + (f" {self.account}" if self.account else "")


@dataclass(frozen=True, slots=True)
class Detection:
    """What one request, or one trace in the page, gives away about one tag."""

    rule: str
    vendor: str
    product: str
    category: Category
    kind: DetectionKind
    account: str | None = None
    event: str | None = None
    """The first event; None when the request names none."""
    events: tuple[str, ...] = ()
    first_party_collection: bool = False
    consent: tuple[tuple[str, str], ...] = ()
    exposures: tuple[Exposure, ...] = ()
    other: tuple[tuple[str, str], ...] = ()
    """Parameters of a known beacon that no rule names: kept, never dropped."""
    features: tuple[str, ...] = ()
    """Features switched on for the account, from a config response."""
    dedup_id: str | None = None
    status: str = "stable"
    """stable | experimental: how well the rule is proven."""
    evidence: str = "request"
    """request | source | held-back | noscript | global | cookie | storage | container: what it was seen in."""
    request_index: int | None = None
    """Into `PageCapture.requests`; None for traces in the page."""
    duplicate_of: str | None = None
    """Id of the rule that reports the same event: this request is its copy, one event with two requests."""

    @property
    def tag(self) -> TagKey:
        return TagKey(self.vendor, self.product, self.account)


# --------------------------------------------------------------------------- inventory and drift


class SightingKind(StrEnum):
    TAG = "tag"
    EVENT = "event"
    FIELD = "field"
    """A field of a tag's events that carries one kind of information."""
    HOST = "host"
    """A third-party registrable domain that no rule knows, or any third party at all."""
    SCRIPT = "script"
    ENDPOINT = "endpoint"
    COOKIE = "cookie"
    FEATURE = "feature"
    CONTAINER_TAG = "container-tag"


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """What is compared between scans: never a URL with its cache busters, order or ids."""

    kind: SightingKind
    subject: str
    """Event name, field path, registrable domain, normalised script URL, `METHOD host/path`, cookie name, feature."""
    tag: TagKey | None = None
    """The tag it belongs to; None for hosts, unknown scripts and cookies nobody claims."""
    role: str = ""
    """For FIELD the exposure kind; for TAG `first-party` if collected on the site's own hosts; else empty."""

    @property
    def sort_key(self) -> tuple[str, ...]:
        """Orders any identities; plain comparison fails where one tag or account is None."""
        tag = self.tag
        owner = (tag.vendor, tag.product, tag.account or "") if tag else ("", "", "")
        return (self.kind.value, self.subject, self.role, *owner, "" if tag is None or tag.account is None else "=")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One identity on one page, with what may change about it."""

    identity: Identity
    version: str | None = None
    """What `changed` compares: a script's fingerprint (several joined by `+`), a container's version.
    None: nothing to compare."""
    loaders: tuple[str, ...] = ()
    """Who loaded it, in words, nearest first: `inline snippet in the page`, `https://…/gtm.js (GTM-ABC)`."""
    owner: str | None = None
    """Company, for hosts and scripts."""
    category: Category = Category.OTHER
    evidence: tuple[str, ...] = ()
    """request | source | held-back | …, sorted. Only `request` means that something left the browser."""
    consent: tuple[tuple[str, str], ...] = ()
    examples: tuple[str, ...] = ()
    """A request URL or masked value as evidence; never compared."""
    details: tuple[tuple[str, str], ...] = ()
    """Further (name, words) that findings tell, sorted; never compared. The names: `scanner/sighting_words.py`."""
    seen_again: bool | None = None
    """Of a page visited twice: whether both visits showed it. None: one visit, or the second saw too little."""


@dataclass(frozen=True, slots=True)
class PageInventory:
    """One page, boiled down to what is compared."""

    page: str
    final_url: str
    outcome: Outcome
    stop_reason: StopReason | None = None
    detail: str | None = None
    template: str = ""
    title: str | None = None
    sightings: tuple[Sighting, ...] = ()
    """Sorted by identity, unique."""
    request_count: int = 0
    third_party_request_count: int = 0
    status: int | None = None
    """HTTP status of the page; None: no answer seen. 404 and 410 say that the page is gone."""
    kind: str | None = None
    """What the page is for, by address, title and form (`appointment`, `condition` …); None: nothing tells."""
    health: tuple[tuple[str, str], ...] = ()
    """Health terms of its address and title with their sensitivity (high | normal), the most sensitive first."""
    unread: tuple[TagKey, ...] = ()
    """Tag-manager containers that were loaded here and could not be read whole: what they hold is there, what they
    seem to lack may be there all the same. Sorted."""
    scripts: tuple[tuple[str, str], ...] | None = None
    """The site's own scripts as (address without chance, beginning of its content's SHA-256), sorted: not compared for
    drift, but what a cause is looked for in. None: entered before they were kept."""
    looked_again: Outcome | None = None
    """How the second visit of this page ended; None: there was none."""


@dataclass(frozen=True, slots=True)
class SkippedPage:
    """An address that was known and not visited, because."""

    url: str
    reason: str
    """robots | out-of-scope | excluded | template-limit | page-limit | depth | duration | not-html | trap |
    stopped | off-site | gone (answers 404 or 410) | redirect (leads to a page that was visited already)"""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a scan can speak about, and what it cannot."""

    planned: int = 0
    ok: int = 0
    partial: int = 0
    failed: int = 0
    blocked: int = 0
    excluded: tuple[tuple[str, int], ...] = ()
    """(reason, how many addresses), sorted."""
    limited_templates: tuple[tuple[str, int], ...] = ()
    """(template, addresses left out) where the pages-per-template limit cut in."""
    unvisited: int = 0
    """Planned but never reached: the scan was stopped."""

    @property
    def visited(self) -> int:
        return self.ok + self.partial + self.failed + self.blocked

    @property
    def ratio(self) -> float:
        """Share of planned pages seen whole, 0 to 1; 0 when nothing was planned."""
        return self.ok / self.planned if self.planned else 0.0


class ScanState(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """Closed without having visited all it planned."""


class ScanKind(StrEnum):
    FULL = "full"
    """Of every page that is known or found."""
    LIGHT = "light"
    """Of a few chosen pages, between two full scans. It speaks of these pages only: it is never a baseline, nothing is
    compared with it, and what it did not visit is as it was."""


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One scan of one site, as the store knows it."""

    id: int
    site: str
    state: ScanState
    started_at: datetime
    ended_at: datetime | None = None
    coverage: Coverage = Coverage()
    skipped: tuple[SkippedPage, ...] = ()
    profile: Profile = Profile()
    tool_version: str = ""
    rules_digest: str = ""
    note: str | None = None
    config_digest: str = ""
    kind: ScanKind = ScanKind.FULL


@dataclass(frozen=True, slots=True)
class Approval:
    """Who accepted which scan as the site's approved state, when and why."""

    site: str
    scan_id: int
    who: str
    why: str
    at: datetime
    until: date | None = None
    """Last day on which the state counts as approved."""
    id: str = ""
    """Of its entry in the approvals file; empty: it was made before there was one."""


@dataclass(frozen=True, slots=True)
class ApprovalEvent:
    """One line of the audit log about approvals: they are given, taken back, edited by hand."""

    at: datetime
    who: str
    """Empty: somebody edited the file; its history knows who."""
    action: str
    """approved | revoked | found (in the file, by hand) | edited | missing (taken out of the file)"""
    approval_id: str
    sites: tuple[str, ...]
    """Names and patterns; empty: every site."""
    why: str
    document: str
    """The entry as JSON, as it is from then on; for `missing` as it was."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The inventories of one scan under one set of rules."""

    scan: ScanRecord
    rules_digest: str
    pages: tuple[PageInventory, ...] = ()
    """Sorted by page."""


class Verdict(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class DriftEntry:
    """One identity that appeared, disappeared or changed, with all its pages."""

    verdict: Verdict
    identity: Identity
    pages: tuple[str, ...]
    """Sorted; the pages the verdict is proven for."""
    pages_new: tuple[str, ...] = ()
    """For ADDED: pages that were not in the older scan at all (new pages, not news on old pages)."""
    pages_before: int = 0
    """On how many pages the older scan had it."""
    pages_after: int = 0
    loaders: tuple[str, ...] = ()
    owner: str | None = None
    category: Category = Category.OTHER
    evidence: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    before: str | None = None
    """For CHANGED: the older version."""
    after: str | None = None
    details: tuple[tuple[str, str], ...] = ()
    """Of its sightings, unique, sorted: of the newer scan, for REMOVED of the older."""
    confirmed: bool | None = None
    """True: seen in a second visit, or (REMOVED) missing in two scans. False: seen once, and not when its page was
    visited again; or missing in one scan so far. None: nobody looked twice."""


@dataclass(frozen=True, slots=True)
class Unverified:
    page: str
    outcome: Outcome | None
    """None: the page was not reached in the newer scan."""
    reason: str


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed between two scans of one site, and what nobody can tell."""

    entries: tuple[DriftEntry, ...] = ()
    unverified: tuple[Unverified, ...] = ()
    new_pages: tuple[str, ...] = ()
    gone_pages: tuple[str, ...] = ()
    """Pages of the older scan that no longer exist (404, 410) or are no longer linked."""

    @property
    def empty(self) -> bool:
        """True when nothing appeared, disappeared or changed (unverified pages do not count)."""
        return not self.entries


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should look at: a tag's drift with all its consequences in one place."""

    key: str
    """Stable between scans: the same trouble has the same key."""
    severity: Severity
    verdict: Verdict
    title: str
    """One sentence, e.g. `Pinterest Tag 2612… appeared on 14 pages`."""
    tag: TagKey | None
    owner: str | None
    category: Category
    pages: tuple[str, ...]
    loaders: tuple[str, ...] = ()
    sends: tuple[tuple[str, str], ...] = ()
    """(exposure kind, field path), sorted: what it carries."""
    events: tuple[str, ...] = ()
    entries: tuple[DriftEntry, ...] = ()
    reason: str = ""
    """Why this severity."""
    violation: bool = False
    """Breaks a policy rule, whatever the baseline says."""
    rule: str | None = None
    """The policy rule that decided."""
    confirmed: bool | None = None
    """As `DriftEntry.confirmed`, for the finding as a whole."""
    seen_in: tuple[int, int] | None = None
    """(scans that saw it, scans that could tell), of the last ten, this one included; None: not counted."""
    comes_and_goes: bool = False
    """Seen on a share of visits: A/B tests, sampling."""
    cause: str = ""
    """Who brought it, in words; empty when nothing tells."""
    also_changed: tuple[str, ...] = ()
    """What else is new or different on its pages since the older scan, in words: scripts, containers, hosts."""


# --------------------------------------------------------------------------- a scan in numbers


@dataclass(frozen=True, slots=True)
class TagCount:
    """On how many pages of one scan a tag was."""

    tag: TagKey
    pages: int
    sent: int = 0
    """Pages of these on which something left the browser, and not only a trace of the tag stood in the page."""


@dataclass(frozen=True, slots=True)
class PageGroupCount:
    """Pages of one kind in one scan."""

    template: str
    """What their addresses have in common: `/doctors/{slug}`, `/services/…`."""
    pages: int
    whole: int
    """How many of them were seen whole."""
    kind: str | None = None
    """What they are for, where all of them that tell say the same."""


@dataclass(frozen=True, slots=True)
class TagPlace:
    """On how many pages of a group a tag was loaded by one loader."""

    group: int
    """Into `ScanSummary.groups`."""
    loader: int
    """Into `ScanSummary.loaders`; -1: nobody saw who."""
    pages: int


@dataclass(frozen=True, slots=True)
class SentKind:
    """One kind of information that a tag carries, and on how many pages."""

    kind: str
    form: str
    """plain | hashed | encoded | encrypted; empty when unknown."""
    left: bool
    """False: nothing of it was seen to leave the browser."""
    pages: int


@dataclass(frozen=True, slots=True)
class TagPicture:
    """Where one tag is, who brings it there, and what it carries. A third party that no rule knows but that was sent
    something stands here with its domain as vendor and product."""

    tag: TagKey
    category: Category
    pages: int
    owner: str | None = None
    first_party: bool = False
    """It collects on the site's own hosts."""
    places: tuple[TagPlace, ...] = ()
    sends: tuple[SentKind, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """One scan boiled down to numbers, so that a year of scans can be drawn without reading a single page."""

    pages: int = 0
    tags: tuple[TagCount, ...] = ()
    """Sorted by tag."""
    groups: tuple[PageGroupCount, ...] = ()
    """Most pages first."""
    loaders: tuple[str, ...] = ()
    pictures: tuple[TagPicture, ...] = ()
    """Of the same tags, in the same order."""


# --------------------------------------------------------------------------- incidents


class IncidentState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    """No longer there: its pages were seen whole without it, twice."""
    ACCEPTED = "accepted"
    """Somebody approved a state that has it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong on a site, from the scan that found it to the one that found it gone.

    The exposure window has two bounds at either end: between `last_absent_at` and `first_seen_at` it began,
    between `last_seen_at` and `closed_at` it ended.
    """

    id: int
    """Given by the store; 0 until it is saved."""
    site: str
    finding: Finding
    """As last seen, with all pages, fields and events seen so far."""
    state: IncidentState
    identities: tuple[Identity, ...]
    """What has to be absent for the incident to be over, sorted by `sort_key`. Empty: a single event, such as a
    changed script, that is over with the next full scan."""
    opened_scan: int
    first_seen_at: datetime
    last_seen_at: datetime
    last_absent_at: datetime | None = None
    """When a scan last saw its pages whole without it; None: no scan ever did."""
    closed_at: datetime | None = None
    """When a scan first saw all its pages whole without it (closed) or when it was approved (accepted)."""
    last_scan: int = 0
    absent_scans: int = 0
    """Full scans in a row that saw all its pages whole without it."""
    seen_scans: int = 1
    confirmed: bool = True
    """False: seen once, and not again when its pages were visited a second time."""
    told_at: datetime | None = None
    """When a message about it was last put into the outbox."""
    recent: tuple[bool, ...] = ()
    """Whether each of the last ten full scans that could tell saw it, oldest first."""
    comes_and_goes: bool = False
    """It was missing on pages seen whole and came back: one or two scans without it prove nothing."""
    last_seen_scan: int = 0
    """The newest scan that saw it; 0: entered before this was kept."""
    evidence_scans: tuple[int, ...] = ()
    """Scans whose captures of its pages are kept: where it opened and where it became worse."""


class IncidentChangeKind(StrEnum):
    OPENED = "opened"
    WORSENED = "worsened"
    UPDATED = "updated"
    """Seen again, nothing new about it."""
    CLOSED = "closed"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class IncidentChange:
    kind: IncidentChangeKind
    incident: Incident
    reasons: tuple[str, ...] = ()
    """For WORSENED: in words, e.g. `on 3 more pages`, `also sends phone numbers`."""


@dataclass(frozen=True, slots=True)
class IncidentEntry:
    """One line of an incident's history."""

    incident_id: int
    scan_id: int
    at: datetime
    """When the scan began."""
    kind: IncidentChangeKind
    reasons: tuple[str, ...] = ()


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one recipient: recorded before it is sent, sent until somebody takes it."""

    key: str
    """Unique: the same message is recorded once, however often a run is repeated."""
    channel: str
    """mail | chat | ping"""
    recipient: str
    """An address, or the name of a chat target in the configuration (its URL may be a secret)."""
    subject: str
    content: bytes
    """The finished message: RFC 5322 for mail, text for chat."""
    created_at: datetime
    next_try_at: datetime
    id: int = 0
    """Given by the store; 0 until it is recorded."""
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    sent_at: datetime | None = None
    error: str | None = None
    """Why the last attempt failed."""


class DeliveryTrouble(StrEnum):
    """Why a message was not taken; each calls for another remedy."""

    CONNECTION = "connection"
    """Nobody answered, or the line broke."""
    TLS = "tls"
    LOGIN = "login"
    LATER = "later"
    """The other side asks to try again (SMTP 4xx)."""
    REFUSED = "refused"
    """The other side does not want this message for this recipient (SMTP 5xx)."""
    CONFIGURATION = "configuration"
    """This machine cannot even try: something is missing or not configured."""


@dataclass(frozen=True, slots=True)
class DeliveryFailure:
    """One attempt that failed."""

    trouble: DeliveryTrouble
    detail: str
    """What the other side said, in one line."""

    def __str__(self) -> str:
        return f"{self.trouble.value}: {self.detail}"
