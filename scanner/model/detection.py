"""What rules make of a capture: whose tag it is, and what it carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
