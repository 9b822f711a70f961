"""One-line factories for the values that travel down the line. Every argument has a sensible default.

A clinic's page at `https://www.clinic.example/`, a Pinterest Tag, a fixed time: tests name only what they are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from scanner.model import (
    Approval,
    Category,
    CookieRecord,
    Coverage,
    Detection,
    DetectionKind,
    Drift,
    DriftEntry,
    Exposure,
    ExposureKind,
    Finding,
    Form,
    Identity,
    Initiator,
    Link,
    Outcome,
    PageCapture,
    PageInventory,
    Profile,
    RequestRecord,
    ScanRecord,
    ScanState,
    Secret,
    Severity,
    Sighting,
    SightingKind,
    SignalKind,
    SiteConfig,
    SkippedPage,
    Snapshot,
    SourceSignal,
    StopReason,
    StorageKey,
    TagKey,
    Unverified,
    Verdict,
    VisitTask,
)

SITE = "https://www.clinic.example"
NOW = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
RULES = "rules-1"
PINTEREST = TagKey("pinterest", "pinterest-tag", "2612000000001")
META = TagKey("meta", "meta-pixel", "123456789012345")
GA4 = TagKey("google", "google-analytics-4", "G-ABCDEF1234")
PINTEREST_BEACON = "https://ct.pinterest.com/v3/?tid=2612000000001&event=pagevisit&cb=1700000000000"


def page_url(path: str = "/") -> str:
    """An address of the site; absolute URLs stay as they are."""
    return path if "://" in path and not path.startswith("/") else f"{SITE}{path}"


# --------------------------------------------------------------------------- configuration and tasks


def site_config(name: str = "clinic", start: Iterable[str] = (f"{SITE}/",), **more: Any) -> SiteConfig:
    return SiteConfig(name=name, start=tuple(start), **more)


def secret(value: str = "hunter2", reference: str = "env:CLINIC_SECRET") -> Secret:
    return Secret(reference, value)


def visit_task(path: str = "/", **more: Any) -> VisitTask:
    return VisitTask(page=page_url(path), url=page_url(path), **more)


# --------------------------------------------------------------------------- what a visit records


def initiator(kind: str = "script", url: str | None = f"{SITE}/theme.js", **more: Any) -> Initiator:
    return Initiator(kind, url, **more)


def request(url: str = PINTEREST_BEACON, **more: Any) -> RequestRecord:
    more.setdefault("status", 200)
    more.setdefault("type", "image")
    return RequestRecord(url=url, **more)


def script(url: str = "https://s.pinimg.com/ct/core.js", fingerprint: str | None = "f1", **more: Any) -> RequestRecord:
    return request(url, type="script", response_fingerprint=fingerprint, **more)


def signal(
    kind: SignalKind = SignalKind.SCRIPT, url: str | None = None, text: str | None = None, **more: Any
) -> SourceSignal:
    return SourceSignal(kind, url, text, **more)


def cookie(name: str = "_pin_unauth", domain: str = "www.clinic.example", **more: Any) -> CookieRecord:
    return CookieRecord(name=name, domain=domain, **more)


def storage_key(key: str = "_pinterest", area: str = "local", origin: str = SITE, **more: Any) -> StorageKey:
    return StorageKey(area=area, origin=origin, key=key, **more)


def link(path: str = "/doctors", source: str = "link") -> Link:
    return Link(page_url(path), source)


def capture(path: str = "/", requests: Iterable[RequestRecord] = (), **more: Any) -> PageCapture:
    url = page_url(path)
    more.setdefault("final_url", url)
    more.setdefault("outcome", Outcome.OK)
    more.setdefault("status", 200)
    more.setdefault("started_at", NOW)
    more.setdefault("title", "Clinic")
    return PageCapture(page=url, url=url, requests=tuple(requests), **more)


def failed_capture(
    path: str = "/", stop_reason: StopReason = StopReason.NAVIGATION_TIMEOUT, **more: Any
) -> PageCapture:
    more.setdefault("outcome", Outcome.FAILED)
    more.setdefault("status", None)
    more.setdefault("title", None)
    return capture(path, stop_reason=stop_reason, **more)


# --------------------------------------------------------------------------- what rules make of it


def tag(vendor: str = "pinterest", product: str = "pinterest-tag", account: str | None = "2612000000001") -> TagKey:
    return TagKey(vendor, product, account)


def exposure(
    kind: ExposureKind = ExposureKind.PAGE_URL,
    field: str = "ad.loc",
    value: str = f"{SITE}/",
    form: Form = Form.PLAIN,
    **more: Any,
) -> Exposure:
    return Exposure(kind, field, value, form, **more)


def detection(of: TagKey = PINTEREST, **more: Any) -> Detection:
    """A beacon that reports a page visit; `event=None` for none."""
    more.setdefault("rule", f"{of.product}.beacon")
    more.setdefault(
        "category", Category.ANALYTICS if of.product.startswith("google-analytics") else Category.ADVERTISING
    )
    more.setdefault("kind", DetectionKind.EVENT)
    if more["kind"] is DetectionKind.EVENT:
        more.setdefault("event", "pagevisit")
    if more.get("event"):
        more.setdefault("events", (more["event"],))
    return Detection(vendor=of.vendor, product=of.product, account=of.account, **more)


# --------------------------------------------------------------------------- inventory and drift


def identity(
    subject: str = "", kind: SightingKind = SightingKind.TAG, of: TagKey | None = PINTEREST, role: str = ""
) -> Identity:
    return Identity(kind, subject, of, role)


def sighting(
    subject: str = "", kind: SightingKind = SightingKind.TAG, of: TagKey | None = PINTEREST, role: str = "", **more: Any
) -> Sighting:
    more.setdefault("evidence", ("request",))
    more.setdefault("category", Category.ADVERTISING)
    return Sighting(identity(subject, kind, of, role), **more)


def inventory(
    path: str = "/", sightings: Iterable[Sighting] = (), outcome: Outcome = Outcome.OK, **more: Any
) -> PageInventory:
    url = page_url(path)
    more.setdefault("final_url", url)
    more.setdefault("title", "Clinic")
    ordered = tuple(sorted(sightings, key=lambda s: s.identity.sort_key))
    return PageInventory(page=url, outcome=outcome, sightings=ordered, **more)


def scan_record(id: int = 1, site: str = "clinic", **more: Any) -> ScanRecord:
    more.setdefault("state", ScanState.COMPLETE)
    more.setdefault("started_at", NOW)
    more.setdefault("ended_at", NOW)
    more.setdefault("rules_digest", RULES)
    return ScanRecord(id=id, site=site, **more)


def snapshot(
    pages: Iterable[PageInventory] = (), *, id: int = 1, rules_digest: str = RULES, skipped: Iterable[SkippedPage] = ()
) -> Snapshot:
    """A finished scan of these pages; its coverage follows from their outcomes."""
    ordered = tuple(sorted(pages, key=lambda p: p.page))
    return Snapshot(
        scan_record(id, coverage=coverage(ordered), skipped=tuple(skipped), rules_digest=rules_digest),
        rules_digest,
        ordered,
    )


def site_snapshot(pages: Mapping[str, Iterable[Sighting] | Outcome], *, id: int = 1) -> Snapshot:
    """`{"/": [sighting(), …], "/b": Outcome.FAILED}`: a page is seen whole unless an outcome says otherwise."""
    return snapshot(
        (
            inventory(path, outcome=seen, stop_reason=StopReason.PAGE_HUNG, detail="it hung")
            if isinstance(seen, Outcome)
            else inventory(path, seen)
            for path, seen in pages.items()
        ),
        id=id,
    )


def coverage(pages: Iterable[PageInventory] = (), **more: Any) -> Coverage:
    outcomes = [page.outcome for page in pages]
    more.setdefault("planned", len(outcomes))
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome}
    return Coverage(**(counts | more))


def approval(scan_id: int = 1, site: str = "clinic", **more: Any) -> Approval:
    more.setdefault("who", "officer@clinic.example")
    more.setdefault("why", "reviewed with marketing")
    more.setdefault("at", NOW)
    return Approval(site=site, scan_id=scan_id, **more)


def drift_entry(
    of: Identity | None = None, verdict: Verdict = Verdict.ADDED, pages: Iterable[str] = ("/",), **more: Any
) -> DriftEntry:
    paths = tuple(page_url(path) for path in pages)
    more.setdefault("pages_after", 0 if verdict is Verdict.REMOVED else len(paths))
    more.setdefault("pages_before", 0 if verdict is Verdict.ADDED else len(paths))
    more.setdefault("category", Category.ADVERTISING)
    more.setdefault("evidence", ("request",))
    return DriftEntry(verdict=verdict, identity=of or identity(), pages=paths, **more)


def drift(entries: Iterable[DriftEntry] = (), **more: Any) -> Drift:
    return Drift(entries=tuple(entries), **more)


def unverified(path: str = "/", outcome: Outcome | None = Outcome.FAILED, reason: str = "page-hung") -> Unverified:
    return Unverified(page_url(path), outcome, reason)


def finding(title: str = "Pinterest Tag 2612000000001 appeared on 1 of 1 page", **more: Any) -> Finding:
    more.setdefault("key", "added:tag:pinterest/pinterest-tag:2612000000001")
    more.setdefault("severity", Severity.HIGH)
    more.setdefault("verdict", Verdict.ADDED)
    more.setdefault("tag", PINTEREST)
    more.setdefault("owner", "Pinterest")
    more.setdefault("category", Category.ADVERTISING)
    more.setdefault("pages", (page_url("/"),))
    more.setdefault("reason", "A new advertising tag.")
    return Finding(title=title, **more)


def profile(**more: Any) -> Profile:
    return Profile(**more)


def skipped_page(path: str = "/private", reason: str = "robots", detail: str | None = None) -> SkippedPage:
    return SkippedPage(page_url(path), reason, detail)
