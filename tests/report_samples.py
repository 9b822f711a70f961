"""Reports about scans that never took place: one line each, for tests and for looking at them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reports.model import ReportView
from reports.view import build_view
from scanner.model import (
    Approval,
    Category,
    Coverage,
    Drift,
    Finding,
    Outcome,
    PageInventory,
    ScanState,
    Severity,
    Sighting,
    SightingKind,
    Snapshot,
    StopReason,
    TagKey,
    Unverified,
    Verdict,
)
from tests.report_parts import (
    BASE,
    DAY_1,
    DAY_2,
    GTM_JS,
    NAMES,
    PAGES,
    PINTEREST,
    REQUEST,
    booking_finding,
    entry,
    google,
    page,
    pinterest,
    pinterest_finding,
    scan,
    sighting,
)

__all__ = [
    "PAGES",
    "PINTEREST",
    "SAMPLES",
    "back",
    "badly_seen",
    "booking_finding",
    "clean",
    "empty",
    "first_scan",
    "gone",
    "hostile",
    "large",
    "page",
    "pinterest_finding",
    "unsure",
    "view",
    "violation_at_once",
]


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


def unsure() -> ReportView:
    """One tag confirmed and with its cause, another seen once, a third as forbidden as it was before."""
    tag = replace(
        pinterest_finding(),
        confirmed=True,
        cause="Google Tag Manager GTM-ABC1234 version 12 → custom HTML",
        also_changed=(
            "the script /theme.js changed between 2026-05-03 02:30 and 2026-05-10 02:30 UTC "
            "(SHA-256 3fa9c1d2e4b5… → 77ab01cd9f00…)",
            "Google Tag Manager GTM-ABC1234 went from version 11 to 12",
            "the host cdn.widgets.example is new",
        ),
    )
    once = replace(
        booking_finding(),
        key="host:px.example",
        verdict=Verdict.ADDED,
        title="New third party: px.example (owner unknown) on 1 of 14 pages",
        entries=(),
        pages=PAGES[:1],
        confirmed=False,
        seen_in=(3, 10),
    )
    ever = pinterest_finding(PAGES[:4], violation=True)
    entries = tuple(replace(one, pages_before=4, pages_after=4) for one in ever.entries)
    ever = replace(ever, key="tag:ever", title="Pinterest Tag 2612000000001 is on 4 of 14 pages", entries=entries)
    pages = tuple(page(url, *google(), *pinterest()) for url in PAGES)
    return view(pages=pages, findings=(tag, once, ever))


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
                loaders=(GTM_JS,),
                examples=(REQUEST,),
            ),
            *(sighting(SightingKind.EVENT, f"event{n}", tag) for n in range(3)),
            *(sighting(SightingKind.FIELD, f"field.{kind}", tag, kind) for kind in kinds),
            sighting(SightingKind.HOST, f"host{number}.example", owner="Company"),
        ]
        found += own
        findings.append(
            Finding(
                str(tag), Severity.HIGH, Verdict.ADDED, f"{tag} appeared", tag, "Company", Category.ADVERTISING, urls,
                (GTM_JS,), tuple((kind, f"field.{kind}") for kind in kinds), ("event0",),
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
    "unsure": unsure,
}
