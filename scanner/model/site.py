"""What a configuration says of one site: who visits it, which pages, how far, how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


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
