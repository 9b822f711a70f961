"""A page boiled down to what is compared between scans."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scanner.model.detection import Category, TagKey
from scanner.model.visit import Outcome, StopReason


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
