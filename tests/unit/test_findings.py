"""Drift as a person reads it: one finding per tag, exact counts, worst first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scanner.drift import compare
from scanner.findings import findings, inventory_findings
from scanner.model import Category, Finding, Severity, Sighting, SightingKind, Snapshot, TagKey, Verdict
from scanner.page_kinds import default_page_kind
from scanner.severity import Case, severity_of_presence
from tests import make

NAMES = {
    ("pinterest", "pinterest-tag"): ("Pinterest", "Pinterest Tag"),
    ("meta", "meta-pixel"): ("Meta", "Meta Pixel"),
    ("google", "google-analytics-4"): "Google Analytics 4",
}
HOME = ["/", "/about", "/news"]
META_2 = TagKey("meta", "meta-pixel", "999999999999999")


def tag_sightings(
    tag: TagKey, host: str, *more: Sighting, category: Category = Category.ADVERTISING
) -> tuple[Sighting, ...]:
    """A tag as it shows on a page: itself, one event, its script, endpoint, host and cookie."""

    def part(subject: str, kind: SightingKind, of: TagKey | None = tag, **rest: object) -> Sighting:
        return make.sighting(subject, kind, of, category=category, **rest)

    return (
        part("", SightingKind.TAG, loaders=("inline snippet in the page",)),
        part("pagevisit", SightingKind.EVENT),
        part("page", SightingKind.FIELD, role="page_url"),
        part(f"cdn.{host}/tag.js", SightingKind.SCRIPT, version="f1"),
        part(f"GET t.{host}/v3/", SightingKind.ENDPOINT),
        part(host, SightingKind.HOST, None, owner="Vendor Inc."),
        part(f"_uid of {host}", SightingKind.COOKIE, None),
        *more,
    )


PIN = tag_sightings(make.PINTEREST, "pinterest.com")
META = tag_sightings(make.META, "facebook.com")
GA4 = tag_sightings(make.GA4, "google-analytics.com", category=Category.ANALYTICS)


def field(subject: str, role: str, tag: TagKey = make.META, **more: object) -> Sighting:
    return make.sighting(subject, SightingKind.FIELD, tag, role, **more)


def site(pages: dict[str, tuple[Sighting, ...]]) -> Snapshot:
    return make.site_snapshot({path: list(dict.fromkeys(seen)) for path, seen in pages.items()})


def everywhere(*seen: Sighting, paths: list[str] = HOME) -> Snapshot:
    return site({path: tuple(seen) for path in paths})


def found(before: Snapshot, after: Snapshot) -> tuple[Finding, ...]:
    drift = compare(before, after)
    results = findings(drift, before, after, default_page_kind, NAMES)
    told = [(entry.verdict, entry.identity) for finding in results for entry in finding.entries]
    assert sorted(told, key=str) == sorted(((e.verdict, e.identity) for e in drift.entries), key=str), "each entry once"
    return results


def titles(results: tuple[Finding, ...]) -> list[str]:
    return [finding.title for finding in results]


def test_a_new_tag_is_one_finding_with_all_it_brings() -> None:
    (finding,) = found(everywhere(*META), everywhere(*META, *PIN))
    assert finding.title == "Pinterest Tag 2612000000001 appeared on 3 of 3 pages"
    assert (finding.severity, finding.verdict, finding.tag) == (Severity.HIGH, Verdict.ADDED, make.PINTEREST)
    assert finding.events == ("pagevisit",)
    assert finding.sends == (("page_url", "page"),)
    assert finding.loaders == ("inline snippet in the page",)
    assert len(finding.entries) == 7
    assert finding.owner == "Vendor Inc."
    assert finding.key == "tag:pinterest/pinterest-tag:2612000000001"


def test_a_known_tag_spreads() -> None:
    (finding,) = found(site({"/": PIN, "/a": (), "/b": ()}), site({"/": PIN, "/a": PIN, "/b": ()}))
    assert finding.title == "Pinterest Tag 2612000000001 spread to 1 more page, it is now on 2 of 3 pages"
    assert finding.key == "tag:pinterest/pinterest-tag:2612000000001"


def test_a_tag_that_disappeared() -> None:
    (finding,) = found(everywhere(*META, *PIN), everywhere(*META))
    assert finding.title == "Pinterest Tag 2612000000001 disappeared from 3 pages"
    assert (finding.severity, finding.verdict) == (Severity.INFO, Verdict.REMOVED)
    assert finding.key.startswith("gone:")


def test_a_tag_that_disappeared_from_some_pages() -> None:
    assert titles(found(site({"/": PIN, "/a": PIN}), site({"/": PIN, "/a": ()}))) == [
        "Pinterest Tag 2612000000001 disappeared from 1 of the 2 pages that had it"
    ]


def test_a_missing_consent_platform_is_bad_news() -> None:
    banner = make.sighting(of=TagKey("onetrust", "onetrust", "x"), category=Category.CONSENT)
    (finding,) = found(everywhere(banner), everywhere())
    assert (finding.severity, finding.verdict) == (Severity.HIGH, Verdict.REMOVED)


def test_another_account_of_the_same_tag() -> None:
    (finding,) = found(everywhere(*META), everywhere(*tag_sightings(META_2, "facebook.com")))
    assert finding.title == ("Meta Pixel changed its account from 123456789012345 to 999999999999999 on 3 of 3 pages")
    assert (finding.verdict, finding.severity, finding.tag) == (Verdict.CHANGED, Severity.HIGH, META_2)


def test_a_second_account_beside_the_first() -> None:
    (finding,) = found(everywhere(*META), everywhere(*META, *tag_sightings(META_2, "facebook.com")))
    assert finding.title == "Meta Pixel 999999999999999 appeared on 3 of 3 pages, beside 123456789012345"


def test_an_account_that_is_no_longer_named() -> None:
    nameless = make.sighting(of=TagKey("meta", "meta-pixel", None))
    (finding,) = found(everywhere(make.sighting(of=make.META)), everywhere(nameless))
    assert finding.title == "Meta Pixel still loads, but no longer names account 123456789012345 on 3 of 3 pages"
    assert finding.severity is Severity.LOW


def proxied(*seen: Sighting) -> tuple[Sighting, ...]:
    """The same tag, collecting through the site's own host."""
    kept = [s for s in seen if s.identity.kind in (SightingKind.EVENT, SightingKind.FIELD)]
    own = make.sighting("GET www.clinic.example/g/collect", SightingKind.ENDPOINT, make.GA4)
    return (*kept, own, make.sighting(of=make.GA4, role="first-party", category=Category.ANALYTICS))


def test_a_tag_that_moved_behind_the_sites_own_host_was_not_removed() -> None:
    (finding,) = found(everywhere(*GA4), everywhere(*proxied(*GA4)))
    assert finding.title == (
        "Google Analytics 4 G-ABCDEF1234 moved behind another address, out of the vendor's own hosts, on 3 of 3 pages"
    )
    assert (finding.verdict, finding.severity) == (Verdict.CHANGED, Severity.HIGH)


def test_a_tag_that_came_back_into_the_open() -> None:
    (finding,) = found(everywhere(*proxied(*GA4)), everywhere(*GA4))
    assert "now reports straight to the vendor" in finding.title
    assert finding.severity is Severity.MEDIUM


def test_a_tag_that_takes_a_second_way() -> None:
    (finding,) = found(everywhere(*GA4), everywhere(*GA4, *proxied()))
    assert "now also collects through" in finding.title


def test_a_known_tag_carries_more() -> None:
    more = (field("ud[em]", "email"), make.sighting("Lead", SightingKind.EVENT, make.META))
    (finding,) = found(everywhere(*META), site({"/": (*META, *more), "/about": META, "/news": META}))
    assert finding.title == "Meta Pixel 123456789012345 now sends e-mail addresses and reports Lead on 1 of 3 pages"
    assert (finding.severity, finding.sends) == (Severity.CRITICAL, (("email", "ud[em]"),))
    assert "e-mail addresses go to a third party" in finding.reason


def test_more_on_one_page_is_not_hidden_by_spreading_to_another() -> None:
    before = site({"/": META, "/a": ()})
    results = found(before, site({"/": (*META, field("ud[em]", "email")), "/a": META}))
    assert [f.severity for f in results] == [Severity.CRITICAL, Severity.HIGH]
    assert results[0].pages == (make.page_url("/"),)


def test_a_placeholder_is_nobody() -> None:
    (finding,) = found(everywhere(*META), everywhere(*META, field("ud[em] (placeholder)", "email")))
    assert finding.severity is Severity.HIGH


@pytest.mark.parametrize(
    ("feature", "severity"), [("automatic advanced matching", Severity.HIGH), ("openbridge", Severity.MEDIUM)]
)
def test_a_feature_that_was_switched_on(feature: str, severity: Severity) -> None:
    on = make.sighting(feature, SightingKind.FEATURE, make.META)
    (finding,) = found(everywhere(*META), everywhere(*META, on))
    assert finding.title == f"Meta Pixel 123456789012345: {feature} was switched on"
    assert finding.severity is severity


def test_changed_scripts() -> None:
    def script(version: str, tag: TagKey | None, category: Category) -> Sighting:
        return make.sighting("cdn.x.example/a.js", SightingKind.SCRIPT, tag, version=version, category=category)

    gtm = TagKey("google", "google-tag-manager", "GTM-AB12")
    for tag, category, severity in (
        (gtm, Category.TAG_MANAGER, Severity.MEDIUM),
        (make.META, Category.ADVERTISING, Severity.INFO),
        (None, Category.OTHER, Severity.LOW),
    ):
        (finding,) = found(everywhere(script("1", tag, category)), everywhere(script("2", tag, category)))
        assert (finding.severity, finding.verdict) == (severity, Verdict.CHANGED)
        assert "the content of cdn.x.example/a.js changed on 3 pages" in finding.title


def stranger(domain: str, owner: str | None = None, category: Category = Category.OTHER) -> tuple[Sighting, ...]:
    return (
        make.sighting(domain, SightingKind.HOST, None, owner=owner, category=category),
        make.sighting(f"POST t.{domain}/c", SightingKind.ENDPOINT, None, owner=owner, category=category),
    )


def test_strangers_are_told_by_owner_or_domain() -> None:
    after = everywhere(*stranger("a.example", "Acme"), *stranger("b.example", "Acme"), *stranger("nobody.example"))
    assert titles(found(everywhere(), after)) == [
        "New third party: Acme (a.example and b.example) on 3 of 3 pages",
        "New third party: nobody.example (owner unknown) on 3 of 3 pages",
    ]


def test_fonts_are_not_advertising() -> None:
    fonts = make.sighting("fonts.example", SightingKind.HOST, None, owner="Fonts", category=Category.FONTS_CDN)
    (finding,) = found(everywhere(), everywhere(fonts))
    assert finding.severity is Severity.LOW


@pytest.mark.parametrize(
    ("path", "category", "severity"),
    [
        ("/news", Category.ADVERTISING, Severity.HIGH),
        ("/find-a-doctor/smith", Category.ADVERTISING, Severity.HIGH),
        ("/request-appointment", Category.ADVERTISING, Severity.CRITICAL),
        ("/mychart/login", Category.ADVERTISING, Severity.CRITICAL),
        ("/conditions/diabetes", Category.ANALYTICS, Severity.HIGH),
        ("/news", Category.ANALYTICS, Severity.MEDIUM),
        ("/news", Category.SESSION_REPLAY, Severity.HIGH),
        ("/pay-my-bill", Category.SESSION_REPLAY, Severity.CRITICAL),
        ("/news", Category.MAPS, Severity.LOW),
        ("/request-appointment", Category.CONSENT, Severity.INFO),
    ],
)
def test_what_a_tag_does_where_decides(path: str, category: Category, severity: Severity) -> None:
    tag = TagKey("v", "p", "1")
    seen = (
        make.sighting(of=tag, category=category),
        make.sighting("view", SightingKind.EVENT, tag, category=category),
    )
    (finding,) = found(site({path: (), "/": ()}), site({path: seen, "/": ()}))
    assert finding.severity is severity


@pytest.mark.parametrize(
    ("evidence", "event", "severity"),
    [
        (("request",), True, Severity.HIGH),
        (("request",), False, Severity.MEDIUM),
        (("source",), False, Severity.LOW),
        (("blocked",), True, Severity.LOW),
        (("held-back",), False, Severity.LOW),
    ],
)
def test_presence_is_not_sending(evidence: tuple[str, ...], event: bool, severity: Severity) -> None:
    seen = [make.sighting(evidence=evidence)]
    if event:
        seen.append(make.sighting("pagevisit", SightingKind.EVENT, evidence=evidence))
    (finding,) = found(everywhere(), everywhere(*seen))
    assert finding.severity is severity


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ([("q", "search_query")], Severity.HIGH),
        ([("q", "search_query"), ("cid", "browser_id")], Severity.CRITICAL),
        ([("cid", "browser_id")], Severity.MEDIUM),
        ([("uid", "external_id")], Severity.HIGH),
        ([("ph", "phone")], Severity.CRITICAL),
    ],
)
def test_what_is_sent_decides(fields: list[tuple[str, str]], severity: Severity) -> None:
    more = [field(subject, role, make.GA4, category=Category.ANALYTICS) for subject, role in fields]
    (finding,) = found(everywhere(*GA4), everywhere(*GA4, *more))
    assert finding.severity is severity


def test_worst_first_and_the_same_key_for_the_same_trouble() -> None:
    before, after = everywhere(), everywhere(*GA4, *PIN, *stranger("nobody.example"))
    results = found(before, after)
    assert [f.severity.rank for f in results] == sorted(f.severity.rank for f in results)
    fewer = found(before, site({"/": (*GA4, *PIN, *stranger("nobody.example")), "/about": (), "/news": ()}))
    assert {f.key for f in results} == {f.key for f in fewer}


def test_a_first_scan_tells_what_is_there() -> None:
    results = inventory_findings(everywhere(*PIN, *GA4, *stranger("nobody.example")), names=NAMES)
    assert titles(results) == [
        "Pinterest Tag 2612000000001 is on 3 of 3 pages",
        "Google Analytics 4 G-ABCDEF1234 is on 3 of 3 pages",
        "Third party nobody.example (owner unknown) is contacted on 3 of 3 pages",
    ]
    assert {f.key for f in results} >= {"tag:pinterest/pinterest-tag:2612000000001"}


def test_names_that_nobody_gave_come_from_the_ids() -> None:
    before, after = everywhere(), everywhere(*PIN)
    (finding,) = findings(compare(before, after), before, after)
    assert finding.title.startswith("Pinterest Tag 2612000000001")


@pytest.mark.parametrize(
    ("url", "title", "kind"),
    [
        ("https://c.example/mychart/", None, "patient-portal"),
        ("https://c.example/care/login.aspx", None, "patient-portal"),
        ("https://c.example/book-online", None, "appointment"),
        ("https://c.example/find-a-doctor/smith", None, "find-a-doctor"),
        ("https://c.example/p/17", "Schedule an appointment | Clinic", "appointment"),
        ("https://c.example/symptom-checker", None, "symptom-checker"),
        ("https://c.example/blog/catalogue", "Our catalogue", None),
        ("https://c.example/prescheduled-maintenance", None, None),
        ("http://[broken", "Pay my bill", "billing"),
    ],
)
def test_page_kinds(url: str, title: str | None, kind: str | None) -> None:
    assert default_page_kind(url, title) == kind


def test_the_documented_table_is_the_codes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "severity.md").read_text(encoding="utf-8")
    level = f"({'|'.join(Severity)})"
    rows = re.findall(rf"^\| ([a-z-]+) \| {level} \| {level} \|$", text, re.MULTILINE)
    assert {category for category, _, _ in rows} == {category.value for category in Category}
    for name, base, sensitive in rows:
        for kinds, expected in ((frozenset[str](), base), (frozenset({"appointment"}), sensitive)):
            case = Case(Category(name), beacon=True, page_kinds=kinds)
            assert severity_of_presence(case)[0].value == expected, name
