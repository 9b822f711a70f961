"""Reports about scans that never took place: one line each, for tests and for looking at them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reports.model import ReportView
from reports.view import build_view
from scanner.model import (
    Approval,
    Category,
    Coverage,
    Drift,
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
    Snapshot,
    StopReason,
    TagKey,
    Unverified,
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
_GTM_JS = "https://www.googletagmanager.com/gtm.js (GTM-CLIN1C)"
_REQUEST = "https://ct.pinterest.com/v3/"


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
            loaders=(_GTM_JS, "inline snippet in the page"),
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
    loaders = (_GTM_JS, "inline snippet in the page")
    return (
        sighting(
            k.TAG,
            "",
            PINTEREST,
            owner="Pinterest, Inc.",
            category=Category.ADVERTISING,
            loaders=loaders,
            examples=(_REQUEST,),
        ),
        sighting(k.EVENT, "pagevisit", PINTEREST, loaders=loaders, examples=(_REQUEST,)),
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
        loaders=(_GTM_JS, "inline snippet in the page"),
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


def view(
    *,
    pages: tuple[PageInventory, ...] | None = None,
    coverage: Coverage | None = None,
    drift: Drift | None = None,
    findings: tuple[Finding, ...] = (),
    first: bool = False,
    state: ScanState = ScanState.COMPLETE,
    approved: bool = True,
    returned: frozenset[TagKey] = frozenset(),
) -> ReportView:
    """A report of the clinic; coverage follows from the pages, drift from the findings, unless given."""
    if pages is None:
        pages = tuple(page(url, *google()) for url in PAGES)
    if coverage is None:
        tally = [p.outcome for p in pages]
        coverage = Coverage(
            planned=len(pages),
            ok=tally.count(Outcome.OK),
            partial=tally.count(Outcome.PARTIAL),
            failed=tally.count(Outcome.FAILED),
            blocked=tally.count(Outcome.BLOCKED),
            excluded=(("not-html", 1), ("robots", 1)),
        )
    if drift is None and not first:
        drift = Drift(entries=tuple(e for finding in findings for e in finding.entries))
    record = scan(2, DAY_2, coverage, state=state)
    baseline = None if first else scan(1, DAY_1, Coverage(planned=14, ok=14))
    return build_view(
        site="clinic",
        start_url=f"{BASE}/",
        scan=record,
        baseline=baseline,
        drift=drift,
        findings=findings,
        snapshot=Snapshot(record, "r1", pages),
        names=NAMES,
        generated_at=DAY_2 + timedelta(minutes=4),
        tool_version="0.1.0",
        approval=Approval("clinic", 1, "officer", "reviewed with counsel", DAY_1) if approved and not first else None,
        returned=returned,
    )


def clean() -> ReportView:
    return view()


def back() -> ReportView:
    """The demo's story: marketing reinstalled the Pinterest Tag."""
    pages = tuple(page(url, *google(), *pinterest()) for url in PAGES)
    return view(pages=pages, findings=(pinterest_finding(), booking_finding()), returned=frozenset({PINTEREST}))


def gone() -> ReportView:
    return view(findings=(pinterest_finding(verdict=Verdict.REMOVED),))


def first_scan() -> ReportView:
    return view(first=True)


def violation_at_once() -> ReportView:
    pages = tuple(page(url, *google(), *pinterest()) for url in PAGES)
    return view(pages=pages, findings=(pinterest_finding(violation=True),), first=True)


def badly_seen() -> ReportView:
    """412 pages of which 61 % were seen whole; nothing changed on those."""
    urls = [f"{BASE}/articles/{number:03}" for number in range(412)]
    stops = [(Outcome.OK, None)] * 252 + [(Outcome.FAILED, StopReason.CONNECTION)] * 90
    stops += [(Outcome.BLOCKED, StopReason.BOT_WALL)] * 40 + [(Outcome.PARTIAL, StopReason.VISIT_TIMEOUT)] * 30
    pages = tuple(
        page(
            url,
            *(google() if outcome is Outcome.OK else ()),
            outcome=outcome,
            stop=stop,
            template="/articles/{n}",
        )
        for url, (outcome, stop) in zip(urls, stops, strict=True)
    )
    unverified = tuple(Unverified(p.page, p.outcome, str(p.stop_reason)) for p in pages if p.outcome is not Outcome.OK)
    return view(pages=pages, drift=Drift(unverified=unverified))


def empty() -> ReportView:
    return view(pages=(), first=True)


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "\x1b[2J\x1b]0;owned\x07",
    '=HYPERLINK("https://evil.test")',
    "a\r\nBcc: everybody@evil.test",
    "invoice\u202egnp.exe",
    "nul\x00byte",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(3)",
    "</title></style></svg><svg onload=alert(4)>",
    "\ud800",
    "https://evil.test/" + "a" * 1_000_000,
)


def hostile() -> ReportView:
    """Every text that a scanned page can choose is hostile."""
    urls = tuple(sorted(f"{BASE}/{text}" for text in HOSTILE))
    tags = [TagKey("evil", text[:200], text) for text in HOSTILE]
    k = SightingKind
    found: list[Sighting] = []
    for text, tag in zip(HOSTILE, tags, strict=True):
        found.append(
            sighting(
                k.TAG, "", tag, owner=text, loaders=(text, text), examples=(f"https://evil.test/{text}?{text}={text}",)
            )
        )
        found += [
            sighting(kind, text, tag, text if kind is k.FIELD else "", owner=text) for kind in k if kind is not k.TAG
        ]
    findings = tuple(
        Finding(
            text, Severity.HIGH, verdict, text, tag, text, Category.ADVERTISING, urls, (text, text),
            (("email", text), (text, text)), (text,),
            tuple(entry(s, urls, verdict) for s in found if s.identity.tag == tag), text,
        )
        for text, tag, verdict in zip(HOSTILE, tags, [*Verdict] * 4, strict=True)
    )  # fmt: skip
    pages = tuple(page(url, *found, template=url) for url in urls)
    unverified = tuple(Unverified(text, Outcome.FAILED, text) for text in HOSTILE)
    drift = Drift(tuple(e for f in findings[1:] for e in f.entries), unverified, HOSTILE, HOSTILE)
    return view(
        pages=pages,
        findings=findings,
        drift=drift,
        coverage=Coverage(
            12,
            12,
            excluded=tuple((text, 1) for text in HOSTILE),
            limited_templates=tuple((text, 1) for text in HOSTILE),
        ),
    )


def large(page_count: int = 2_000, tag_count: int = 60) -> ReportView:
    """Every tag is new on every page, with three events and five fields each."""
    urls = tuple(
        f"{BASE}/departments/{n % 40:02}/articles/a-rather-long-title-of-a-page-{n:04}" for n in range(page_count)
    )
    urls = tuple(sorted(urls))
    found: list[Sighting] = []
    findings: list[Finding] = []
    kinds = ("email", "page_url", "page_title", "browser_id", "search_query")
    for number in range(tag_count):
        tag = TagKey(f"vendor{number % 25:02}", f"product{number:02}", f"ACC-{number:06}")
        own = [
            sighting(
                SightingKind.TAG,
                "",
                tag,
                owner="Company",
                category=Category.ADVERTISING,
                loaders=(_GTM_JS,),
                examples=(_REQUEST,),
            ),
            *(sighting(SightingKind.EVENT, f"event{n}", tag) for n in range(3)),
            *(sighting(SightingKind.FIELD, f"field.{kind}", tag, kind) for kind in kinds),
            sighting(SightingKind.HOST, f"host{number}.example", owner="Company"),
        ]
        found += own
        findings.append(
            Finding(
                str(tag), Severity.HIGH, Verdict.ADDED, f"{tag} appeared", tag, "Company", Category.ADVERTISING, urls,
                (_GTM_JS,), tuple((kind, f"field.{kind}") for kind in kinds), ("event0",),
                tuple(entry(s, urls) for s in own), "an advertising tag",
            )
        )  # fmt: skip
    pages = tuple(
        page(url, *found, template=f"/departments/{n % 40:02}/articles/{{title}}") for n, url in enumerate(urls)
    )
    return view(pages=pages, findings=tuple(findings))


SAMPLES = {
    "clean": clean,
    "back": back,
    "gone": gone,
    "first-scan": first_scan,
    "violation-at-once": violation_at_once,
    "badly-seen": badly_seen,
    "empty": empty,
    "hostile": hostile,
}
