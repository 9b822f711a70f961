"""The parts that sample reports are made of: one clinic, its pages, its tags, one line each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scanner.model import (
    Category,
    Coverage,
    DriftEntry,
    Finding,
    Identity,
    Outcome,
    PageInventory,
    ScanRecord,
    ScanState,
    Severity,
    Sighting,
    SightingKind,
    SkippedPage,
    StopReason,
    TagKey,
    Verdict,
)

BASE = "https://www.clinic.example"
DAY_1 = datetime(2026, 5, 3, 2, 15, tzinfo=UTC)
DAY_2 = datetime(2026, 5, 10, 2, 15, tzinfo=UTC)
NAMES = {
    ("pinterest", "pinterest-tag"): ("Pinterest", "Pinterest Tag"),
    ("google", "google-analytics-4"): ("Google", "Google Analytics 4"),
    ("google", "google-tag-manager"): ("Google", "Google Tag Manager"),
    ("meta", "meta-pixel"): ("Meta", "Meta Pixel"),
}
PINTEREST = TagKey("pinterest", "pinterest-tag", "2612000000001")
GA4 = TagKey("google", "google-analytics-4", "G-CLINIC0001")
GTM = TagKey("google", "google-tag-manager", "GTM-CLIN1C")
META = TagKey("meta", "meta-pixel", "1234567890123456")

PATHS = (
    ("/", "/"),
    ("/about", "/about"),
    ("/contact", "/contact"),
    ("/appointments", "/appointments"),
    ("/doctors/garcia", "/doctors/{name}"),
    ("/doctors/lindqvist", "/doctors/{name}"),
    ("/doctors/okafor", "/doctors/{name}"),
    ("/doctors/tanaka", "/doctors/{name}"),
    ("/services/cardiology", "/services/{name}"),
    ("/services/dermatology", "/services/{name}"),
    ("/services/oncology", "/services/{name}"),
    ("/services/pregnancy-care", "/services/{name}"),
    ("/search?q=breast+cancer+screening", "/search"),
    ("/portal/login", "/portal/login"),
)
PAGES = tuple(sorted(BASE + path for path, _ in PATHS))
_TEMPLATES = {BASE + path: template for path, template in PATHS}
GTM_JS = "https://www.googletagmanager.com/gtm.js (GTM-CLIN1C)"
REQUEST = "https://ct.pinterest.com/v3/"


def sighting(
    kind: SightingKind,
    subject: str,
    tag: TagKey | None = None,
    role: str = "",
    *,
    owner: str | None = None,
    category: Category = Category.OTHER,
    loaders: tuple[str, ...] = (),
    evidence: tuple[str, ...] = ("request",),
    version: str | None = None,
    examples: tuple[str, ...] = (),
) -> Sighting:
    return Sighting(
        Identity(kind, subject, tag, role),
        version=version,
        loaders=loaders,
        owner=owner,
        category=category,
        evidence=evidence,
        examples=examples,
    )


def google() -> tuple[Sighting, ...]:
    """What stands on every page of the clinic, approved."""
    k = SightingKind
    return (
        sighting(
            k.TAG, "", GTM, owner="Google LLC", category=Category.TAG_MANAGER, loaders=("inline snippet in the page",)
        ),
        sighting(
            k.TAG,
            "",
            GA4,
            owner="Google LLC",
            category=Category.ANALYTICS,
            loaders=(GTM_JS, "inline snippet in the page"),
        ),
        sighting(k.EVENT, "page_view", GA4),
        sighting(k.EVENT, "scroll", GA4),
        sighting(k.FIELD, "dl", GA4, "page_url"),
        sighting(k.FIELD, "dt", GA4, "page_title"),
        sighting(k.FIELD, "cid", GA4, "browser_id"),
        sighting(k.ENDPOINT, "POST region1.google-analytics.com/g/collect", GA4),
        sighting(k.HOST, "google-analytics.com", owner="Google LLC", category=Category.ANALYTICS),
        sighting(k.HOST, "googletagmanager.com", owner="Google LLC", category=Category.TAG_MANAGER),
        sighting(k.HOST, "gstatic.com", owner="Google LLC", category=Category.FONTS_CDN),
        sighting(k.HOST, "widget-booking.example", category=Category.OTHER),
        sighting(
            k.SCRIPT, "https://www.googletagmanager.com/gtm.js?id=GTM-CLIN1C", GTM, owner="Google LLC", version="a1"
        ),
        sighting(k.SCRIPT, "https://widget-booking.example/embed/{hash}.js", version="b1"),
        sighting(k.COOKIE, "_ga", GA4),
        sighting(k.COOKIE, "booking_session"),
    )


def pinterest() -> tuple[Sighting, ...]:
    """What the reinstalled tag adds."""
    k = SightingKind
    loaders = (GTM_JS, "inline snippet in the page")
    return (
        sighting(
            k.TAG,
            "",
            PINTEREST,
            owner="Pinterest, Inc.",
            category=Category.ADVERTISING,
            loaders=loaders,
            examples=(REQUEST,),
        ),
        sighting(k.EVENT, "pagevisit", PINTEREST, loaders=loaders, examples=(REQUEST,)),
        sighting(k.EVENT, "search", PINTEREST, loaders=loaders),
        sighting(k.FIELD, "ad.loc", PINTEREST, "page_url", examples=("ht… (52 characters, plain)",)),
        sighting(k.FIELD, "ed.page_name", PINTEREST, "product_or_content", examples=("Oncology, plain",)),
        sighting(k.FIELD, "ed.search_query", PINTEREST, "search_query", examples=("br… (23 characters, plain)",)),
        sighting(k.FIELD, "pd.em", PINTEREST, "email", examples=("ed… (64 characters, hashed (sha256))",)),
        sighting(k.FIELD, "pd.pin_unauth", PINTEREST, "browser_id", examples=("dW… (54 characters, encoded)",)),
        sighting(k.ENDPOINT, "GET ct.pinterest.com/v3/", PINTEREST),
        sighting(k.HOST, "pinimg.com", owner="Pinterest, Inc.", category=Category.ADVERTISING),
        sighting(k.HOST, "pinterest.com", owner="Pinterest, Inc.", category=Category.ADVERTISING),
        sighting(k.SCRIPT, "https://s.pinimg.com/ct/core.js", PINTEREST, owner="Pinterest, Inc.", version="c1"),
        sighting(k.COOKIE, "_pin_unauth", PINTEREST),
    )


def page(
    url: str,
    *sightings: Sighting,
    outcome: Outcome = Outcome.OK,
    stop: StopReason | None = None,
    template: str | None = None,
) -> PageInventory:
    known = _TEMPLATES.get(url, "") if template is None else template
    return PageInventory(
        page=url,
        final_url=url,
        outcome=outcome,
        stop_reason=stop,
        template=known,
        sightings=sightings,
        request_count=41,
    )


def scan(number: int, started: datetime, coverage: Coverage, *, state: ScanState = ScanState.COMPLETE) -> ScanRecord:
    return ScanRecord(
        number, "clinic", state, started, started + timedelta(minutes=3, seconds=12), coverage,
        skipped=(SkippedPage(f"{BASE}/admin/", "robots"), SkippedPage(f"{BASE}/brochure.pdf", "not-html")),
        tool_version="0.1.0", rules_digest="r1",
    )  # fmt: skip


def entry(found: Sighting, pages: tuple[str, ...], verdict: Verdict = Verdict.ADDED, before: int = 0) -> DriftEntry:
    return DriftEntry(
        verdict=verdict,
        identity=found.identity,
        pages=pages,
        pages_before=before if verdict is Verdict.ADDED else len(pages),
        pages_after=before + len(pages) if verdict is Verdict.ADDED else 0,
        loaders=found.loaders,
        owner=found.owner,
        category=found.category,
        evidence=found.evidence,
        examples=found.examples,
    )


def pinterest_finding(
    pages: tuple[str, ...] = PAGES, verdict: Verdict = Verdict.ADDED, *, violation: bool = False
) -> Finding:
    happened = {"added": "appeared on", "removed": "disappeared from", "changed": "changed on"}[verdict]
    entries = tuple(entry(found, pages, verdict) for found in pinterest())
    return Finding(
        key="tag:pinterest/pinterest-tag:2612000000001",
        severity=Severity.CRITICAL if verdict is Verdict.ADDED else Severity.INFO,
        verdict=verdict,
        title=f"Pinterest Tag 2612000000001 {happened} {len(pages)} pages",
        tag=PINTEREST,
        owner="Pinterest, Inc.",
        category=Category.ADVERTISING,
        pages=pages,
        loaders=(GTM_JS, "inline snippet in the page"),
        sends=(
            ("browser_id", "pd.pin_unauth"),
            ("email", "pd.em"),
            ("page_url", "ad.loc"),
            ("product_or_content", "ed.page_name"),
            ("search_query", "ed.search_query"),
        ),
        events=("pagevisit", "search"),
        entries=entries,
        reason="an advertising tag on pages about conditions, and it sends what can name a person",
        violation=violation,
    )


def booking_finding() -> Finding:
    pages = PAGES[3:5]
    changed = DriftEntry(
        Verdict.CHANGED,
        Identity(SightingKind.SCRIPT, "https://widget-booking.example/embed/{hash}.js"),
        pages,
        pages_before=2,
        pages_after=2,
        before="b1",
        after="b2",
    )
    return Finding(
        key="script:widget-booking.example", severity=Severity.LOW, verdict=Verdict.CHANGED,
        title="The script https://widget-booking.example/embed/{hash}.js changed on 2 pages", tag=None, owner=None,
        category=Category.OTHER, pages=pages, loaders=("the page itself",), entries=(changed,),
        reason="a third party changed the code that runs in these pages",
    )  # fmt: skip
