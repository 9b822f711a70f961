"""A capture under today's rules: cookies, containers, identities, health context end in the inventory."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest

from rules.explain import explain
from rules.load import load_rules
from rules.page_kinds import PageKind
from scanner.drift import compare
from scanner.findings import findings, inventory_findings
from scanner.judging import Judging, WatchedIdentity
from scanner.model import ExposureKind, Finding, PageCapture, RequestRecord, Severity, Sighting, SightingKind
from scanner.page_kinds import SENSITIVE
from scanner.policy import Policy, violations
from scanner.policy_kinds import HEALTH_PAGES
from scanner.service.judge import RulesJudge
from tests import make

JUDGE = RulesJudge(load_rules())


def seen(capture: PageCapture, kind: SightingKind, judge: RulesJudge = JUDGE) -> list[Sighting]:
    return [s for s in judge.inventory(capture).sightings if s.identity.kind is kind]


def test_first_party_cookies_of_known_vendors_belong_to_their_tags() -> None:
    cookies = [make.cookie(name, ".clinic.example") for name in ("_fbp", "_ga_ABCDEF1234", "session")]
    found = seen(make.capture("/", cookies=tuple(cookies)), SightingKind.COOKIE)
    assert [(s.identity.subject, str(s.identity.tag), s.category.value) for s in found] == [
        ("_fbp", "meta/meta-pixel", "advertising"),
        ("_ga_*", "google/google-analytics-4 G-ABCDEF1234", "analytics"),
    ]


# --------------------------------------------------------------------------- known identities

EMAIL = "testpatient.a@clinic-canary.example"
HASH = hashlib.sha256(EMAIL.encode()).hexdigest()


def watching(*identities: WatchedIdentity, **more: Any) -> RulesJudge:
    return RulesJudge(JUDGE.rules, Judging(identities=identities, **more))


CANARY = WatchedIdentity(ExposureKind.EMAIL, make.secret(EMAIL, "env:CANARY"), "test patient A")
WATCHING = watching(CANARY)


def told(judge: RulesJudge, *requests: RequestRecord, path: str = "/", **more: Any) -> list[Finding]:
    pages = [judge.inventory(make.capture(path, requests, **more))]
    return list(inventory_findings(make.snapshot(pages, rules_digest=judge.digest), judge.page_kind, judge.names))


def test_a_known_identity_is_found_behind_a_hash_that_a_known_tag_sends() -> None:
    url = f"https://ct.pinterest.com/v3/?tid=2612000000001&event=lead&pd=%7B%22em%22%3A%22{HASH}%22%7D"
    (sighting,) = (s for s in seen_fields(WATCHING, url) if s.identity.role == "email")
    assert (sighting.identity.subject, str(sighting.identity.tag)) == ("pd.em", str(make.PINTEREST))
    finding = next(f for f in told(WATCHING, make.request(url)) if f.tag == make.PINTEREST)
    assert finding.severity is Severity.CRITICAL
    assert (
        "The e-mail of test patient A leaves to pinterest.com in field pd.em, hashed (sha256), found by query.pd"
    ) in finding.reason
    assert EMAIL not in str(finding)


def seen_fields(judge: RulesJudge, url: str, **more: Any) -> list[Sighting]:
    return seen(make.capture("/", [make.request(url, **more)]), SightingKind.FIELD, judge)


@pytest.mark.parametrize(
    ("request_", "field", "how"),
    [
        (make.request(f"https://px.nobody.example/p?u={quote(EMAIL)}"), "u", "plain"),
        (make.request(f"https://px.nobody.example/p?u={b64encode(EMAIL.encode()).decode()}"), "u", "encoded"),
        (
            make.request(
                "https://px.nobody.example/c",
                type="fetch",
                method="POST",
                body=json.dumps({"user": {"h": HASH}}).encode(),
                content_type="application/json",
            ),
            "user.h",
            "hashed (sha256)",
        ),
    ],
    ids=["plain", "base64", "hash in JSON"],
)
def test_a_known_identity_is_found_in_what_goes_to_a_third_party_that_no_rule_knows(
    request_: RequestRecord, field: str, how: str
) -> None:
    inventory = WATCHING.inventory(make.capture("/", [request_]))
    (sighting,) = (s for s in inventory.sightings if s.identity.kind is SightingKind.FIELD)
    assert (sighting.identity.subject, sighting.identity.tag) == (f"{field} to nobody.example", None)
    (finding,) = told(WATCHING, request_)
    assert finding.severity is Severity.CRITICAL
    assert f"The e-mail of test patient A leaves to nobody.example in field {field}, {how}" in finding.reason
    assert EMAIL not in repr(inventory)
    broken = violations(Policy(), [inventory], today=date(2026, 3, 2))
    assert [(v.host, v.exposures[0][0]) for v in broken if v.exposures] == [("nobody.example", "email")]


def test_a_value_that_only_looks_like_an_identifier_counts_when_its_field_says_so() -> None:
    sure = seen_fields(JUDGE, f"https://px.nobody.example/p?email={'ab' * 32}")
    assert [(s.identity.subject, s.identity.role) for s in sure] == [("email to nobody.example", "email")]
    assert seen_fields(JUDGE, f"https://px.nobody.example/p?v={'ab' * 32}") == []
    nothing = seen_fields(JUDGE, f"https://px.nobody.example/p?email={hashlib.sha256(b'').hexdigest()}")
    assert [s.identity.subject for s in nothing] == ["email to nobody.example (placeholder)"]


def test_what_goes_to_the_site_itself_is_no_leak() -> None:
    assert seen_fields(WATCHING, f"https://www.clinic.example/login?email={EMAIL}") == []


def test_the_digest_changes_with_the_identities_and_does_not_give_them_away() -> None:
    other = watching(WatchedIdentity(ExposureKind.EMAIL, make.secret("b@clinic-canary.example"), "test patient A"))
    digests = {JUDGE.digest, WATCHING.digest, other.digest, watching(CANARY, health_terms=("heartline",)).digest}
    assert len(digests) == 4
    assert WATCHING.digest == watching(CANARY).digest
    assert hashlib.sha256(EMAIL.encode()).hexdigest() not in digests
    assert EMAIL not in repr(CANARY)


# --------------------------------------------------------------------------- health context

GA4_URL = "https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDEF1234&en=page_view&cid=1.2&dl="


@pytest.mark.parametrize(
    ("path", "identified", "severity"),
    [
        ("/about-us", True, Severity.MEDIUM),
        ("/postpartum-depression", False, Severity.HIGH),
        ("/postpartum-depression", True, Severity.CRITICAL),
    ],
    ids=["identifier alone", "health alone", "both"],
)
def test_health_context_beside_an_identifier_is_worse_than_either_alone(
    path: str, identified: bool, severity: Severity
) -> None:
    url = GA4_URL + quote(make.SITE + path, safe="")
    (finding,) = (
        f for f in told(JUDGE, make.request(url if identified else url.replace("cid=1.2&", "")), path=path) if f.tag
    )
    assert finding.severity is severity
    if "depression" in path:
        assert '"postpartum depression" (condition pages) goes to a third party' in finding.reason
    if identified and "depression" in path:
        assert finding.reason.endswith("together with browser ids.")


def test_a_term_in_a_search_word_counts_wherever_the_page_is() -> None:
    url = "https://ct.pinterest.com/v3/?tid=2612000000001&event=search&ed=%7B%22search_query%22%3A%22hiv+test%22%7D"
    (finding,) = (f for f in told(JUDGE, make.request(url)) if f.tag)
    assert 'They speak of "hiv' in finding.reason


def test_a_sites_own_terms_count_and_ignored_ones_do_not() -> None:
    title = "Meet Dr. Okafor | Riverside Clinic"
    judge = watching(health_terms=("Dr. Okafor",))
    assert judge.inventory(make.capture("/team/7", title=title)).health == (("dr okafor", "normal"),)
    plain = RulesJudge(JUDGE.rules, Judging(health_ignored=("migraine",)))
    assert JUDGE.inventory(make.capture("/migraine")).kind == "condition"
    assert plain.inventory(make.capture("/migraine")).kind is None


def test_the_name_of_the_hospital_is_no_health_context() -> None:
    assert JUDGE.inventory(make.capture("/visit-us", title="Visit us - Riverside Cancer Hospital")).health == ()


def test_a_form_says_what_its_page_is_for() -> None:
    capture = make.capture("/x7", form_fields=("date:preferred_date", "text:name"))
    assert JUDGE.inventory(capture).kind == "appointment"


def test_one_vocabulary_of_page_kinds() -> None:
    known = {kind.value for kind in PageKind}
    assert known - HEALTH_PAGES == {"search", "careers", "news"}
    assert HEALTH_PAGES == SENSITIVE


# --------------------------------------------------------------------------- a server's copy


def test_an_event_with_a_deduplication_id_tells_of_a_server_that_reports_too() -> None:
    urls = [
        f"https://www.facebook.com/tr/?id=123456789012345&ev=Lead&eid=order-{n}&dl=https%3A%2F%2Fwww.clinic.example%2F"
        for n in range(3)
    ]
    with_ids = [JUDGE.inventory(make.capture(path, [make.request(url)])) for path, url in zip("abc", urls, strict=True)]
    (finding,) = (
        f
        for f in inventory_findings(make.snapshot(with_ids, rules_digest=JUDGE.digest), names=JUDGE.names)
        if "side by side" in f.title
    )
    assert finding.title == "Meta Pixel 123456789012345: tag and server API run side by side on 3 pages"
    assert finding.severity is Severity.MEDIUM
    again = [
        JUDGE.inventory(make.capture(path, [make.request(f"{url}9")])) for path, url in zip("abc", urls, strict=True)
    ]
    before, after = (make.snapshot(p, rules_digest=JUDGE.digest) for p in (with_ids, again))
    assert compare(before, after).empty
    without = make.snapshot([JUDGE.inventory(make.capture(path)) for path in "abc"], rules_digest=JUDGE.digest)
    (appeared,) = findings(compare(without, after), without, after, names=JUDGE.names)
    assert "A server probably sends the same events" in appeared.reason
    plain = [JUDGE.inventory(make.capture(path, [make.request(urls[0].replace("&eid=order-0", ""))])) for path in "abc"]
    earlier = make.snapshot(plain, rules_digest=JUDGE.digest)
    (begun,) = findings(compare(earlier, after), earlier, after, names=JUDGE.names)
    assert begun.title == "Meta Pixel 123456789012345: tag and server API run side by side now on 3 pages"


def test_ids_that_a_library_gives_every_event_tell_of_no_server() -> None:
    body = {
        "event": "Pageview",
        "event_id": "",
        "message_id": "messageId-17-9",
        "context": {"pixel": {"code": "C4A1B2"}},
    }
    for event_id, expected in (("", []), ("order-7", ["server-side copy likely (de-duplication id)"])):
        request = make.request(
            "https://analytics.tiktok.com/api/v2/pixel",
            type="fetch",
            method="POST",
            body=json.dumps({**body, "event_id": event_id}).encode(),
            content_type="application/json",
        )
        features = seen(make.capture("/", [request]), SightingKind.FEATURE)
        assert [feature.identity.subject for feature in features] == expected


# --------------------------------------------------------------------------- explain


def test_explain_names_whose_value_it_is_and_how_it_was_found() -> None:
    request = {"url": f"https://px.nobody.example/p?d={HASH}", "page_url": f"{make.SITE}/"}
    assert explain(request, JUDGE.rules)["exposures"] == []
    answer = explain(request, JUDGE.rules, identities=WATCHING.identities)
    assert answer["exposures"] == [
        {
            "kind": "email",
            "field": "d",
            "value": f"{HASH[:6]}…",
            "identity": "test patient A",
            "form": "hashed (sha256)",
            "found_by": "query.d",
        }
    ]
    known = explain(
        {"url": f"https://ct.pinterest.com/v3/?tid=2612000000001&x={HASH}"}, JUDGE.rules, (), WATCHING.identities
    )
    assert [e.get("identity") for e in known["detections"][0]["exposures"] if e["kind"] == "email"] == [
        "test patient A"
    ]
    assert (
        explain({**request, "url": f"{make.SITE}/?d={HASH}"}, JUDGE.rules, (), WATCHING.identities)["exposures"] == []
    )
