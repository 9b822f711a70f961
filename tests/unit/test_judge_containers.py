"""What containers hold: found without being fired, compared tag by tag, told with the container's version."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rules.load import load_rules
from rules.wanting import wants
from scanner.drift import compare
from scanner.findings import findings, inventory_findings
from scanner.model import Finding, Initiator, PageCapture, Severity, Sighting, SightingKind, Snapshot
from scanner.service.judge import RulesJudge
from tests import make
from tests.containers import ALWAYS, GA4_EVENT, ON_THANK_YOU, PINTEREST, WIDGET, container_js

JUDGE = RulesJudge(load_rules())
GTM_URL = "https://www.googletagmanager.com/gtm.js?id=GTM-ABC1234"
V41 = container_js((GA4_EVENT, ALWAYS), (WIDGET, ALWAYS))
V42 = container_js((GA4_EVENT, ALWAYS), (WIDGET, ALWAYS), (PINTEREST, ON_THANK_YOU), version="42")
GA4_PAUSED = {"function": "__paused", "vtp_originalTagType": "gaawe", "tag_id": 7}


def page(js: str | None, path: str = "/", url: str = GTM_URL, *others: Any) -> PageCapture:
    loader = make.script(url, response_body=None if js is None else js.encode())
    return make.capture(path, [loader, *others])


def scan(js: str | None, scan_id: int = 1, *others: Any) -> Snapshot:
    pages = [JUDGE.inventory(page(js, path, GTM_URL, *others)) for path in ("/", "/about")]
    return make.snapshot(pages, id=scan_id, rules_digest=JUDGE.digest)


def drifted(before: str | None, after: str | None, *others: Any) -> tuple[Finding, ...]:
    old, new = scan(before), scan(after, 2, *others)
    return findings(compare(old, new), old, new, names=JUDGE.names)


def held(capture: PageCapture) -> list[Sighting]:
    return [s for s in JUDGE.inventory(capture).sightings if s.identity.kind is SightingKind.CONTAINER_TAG]


def test_a_tag_that_no_page_fired_is_found_in_the_container_and_not_called_sent() -> None:
    inventory = JUDGE.inventory(page(V42))
    tags = {str(s.identity.tag): s for s in inventory.sightings if s.identity.kind is SightingKind.TAG}
    tag = tags["pinterest/pinterest-tag 2612345678901"]
    assert tag.evidence == ("container",)
    assert tag.loaders[0] == "container GTM-ABC1234 version 42"
    assert [s.identity.subject for s in held(page(V42))] == [
        "custom HTML naming cdn.widgets.test",
        "google-analytics-4 G-ABCDEF1234 (appointment_click)",
        "pinterest-tag 2612345678901 (signup)",
    ]


def test_the_finding_names_container_versions_and_trigger() -> None:
    (finding,) = drifted(V41, V42)
    assert finding.title == (
        "Pinterest Tag 2612345678901 was added to container GTM-ABC1234 (GTM-ABC1234 went from version 41 to 42) "
        'on 2 of 2 pages; it fires on page view where Page Path contains "/thank-you"'
    )
    assert (finding.severity, finding.sends) == (Severity.MEDIUM, ())
    assert "was not seen to run" in finding.reason


def test_a_first_scan_says_where_it_stands() -> None:
    titles = [finding.title for finding in inventory_findings(scan(V42), names=JUDGE.names)]
    assert any(title.startswith("Pinterest Tag 2612345678901 stands in container GTM-ABC1234") for title in titles)


def test_a_tag_that_runs_says_which_version_of_the_container_brought_it() -> None:
    beacon = make.request(initiators=(Initiator("script", GTM_URL),))
    finding = next(f for f in drifted(V41, container_js((GA4_EVENT, ALWAYS), (WIDGET, ALWAYS), version="42"), beacon))
    assert finding.tag == make.PINTEREST
    assert finding.loaders[0] == "https://www.googletagmanager.com/gtm.js (GTM-ABC1234 version 42)"
    assert "GTM-ABC1234 went from version 41 to 42." in finding.reason


@pytest.mark.parametrize(
    ("after", "title", "severity"),
    [
        (
            container_js((GA4_EVENT, ON_THANK_YOU), (WIDGET, ALWAYS), version="42"),
            "Google Analytics 4 G-ABCDEF1234: GTM-ABC1234 went from version 41 to 42: now fires on page view where "
            'Page Path contains "/thank-you" (before: on page view)',
            Severity.MEDIUM,
        ),
        (
            container_js(
                (GA4_EVENT, ALWAYS), ({**WIDGET, "vtp_html": f"{WIDGET['vtp_html']}<b>"}, ALWAYS), version="42"
            ),
            "Google Tag Manager GTM-ABC1234: GTM-ABC1234 went from version 41 to 42: custom HTML naming "
            "cdn.widgets.test has other code",
            Severity.MEDIUM,
        ),
        (
            container_js(
                (GA4_EVENT, ALWAYS),
                (WIDGET, ALWAYS),
                ({**WIDGET, "vtp_html": "<p>", "tag_id": 5}, ALWAYS),
                version="42",
            ),
            "Google Tag Manager GTM-ABC1234 now contains custom HTML no. 5 on 2 of 2 pages",
            Severity.MEDIUM,
        ),
        (
            container_js((GA4_EVENT, ALWAYS), version="42"),
            "Google Tag Manager GTM-ABC1234 no longer shows custom HTML naming cdn.widgets.test on 2 pages",
            Severity.INFO,
        ),
    ],
    ids=["trigger", "code", "new", "gone"],
)
def test_a_new_version_is_told_tag_by_tag(after: str, title: str, severity: Severity) -> None:
    (finding,) = drifted(V41, after)
    assert (finding.title, finding.severity) == (title, severity)
    assert "GTM-ABC1234 went from version 41 to 42" in finding.title + finding.reason


def test_a_paused_tag_is_listed_as_paused_and_is_no_tag_of_the_site() -> None:
    paused = page(container_js((GA4_PAUSED, ALWAYS), version="42"))
    (sighting,) = held(paused)
    assert ("state", "paused") in sighting.details
    kinds = {(s.identity.kind, s.identity.tag.product) for s in JUDGE.inventory(paused).sightings if s.identity.tag}
    assert (SightingKind.TAG, "google-analytics-4") not in kinds


@pytest.mark.parametrize("seed", range(10))
def test_a_new_version_with_equal_tags_is_no_drift(seed: int) -> None:
    chance = random.Random(seed)
    tags = [(GA4_EVENT, ALWAYS), (WIDGET, ALWAYS), (PINTEREST, ON_THANK_YOU)]
    chance.shuffle(tags)
    noise = f"/* {chance.random()} */ window.build = {chance.randrange(10**9)};"
    assert compare(scan(V42), scan(container_js(*tags, version=str(50 + seed), code=noise), 2)).entries == ()


@pytest.mark.parametrize("unread", [None, V42[: V42.index('"predicates"')]], ids=["not kept", "cut off"])
def test_a_container_that_was_not_read_whole_neither_gains_nor_loses(unread: str | None) -> None:
    assert compare(scan(V42), scan(unread, 2)).entries == ()
    assert compare(scan(unread), scan(V42, 2)).entries == ()


@pytest.mark.parametrize(
    "url",
    ["https://sst.clinic.example/gtm.js?id=GTM-ABC1234", "https://www.clinic.example/assets/k3jd9.js"],
    ids=["first party", "renamed"],
)
def test_a_container_behind_the_sites_own_host_is_the_same_container(url: str) -> None:
    tags = {
        str(s.identity.tag): s.identity.role
        for s in JUDGE.inventory(page(V42, "/", url)).sightings
        if not s.identity.subject
    }
    assert tags["google/google-tag-manager GTM-ABC1234"] == "first-party"
    assert "pinterest/pinterest-tag 2612345678901" in tags


def test_the_recorder_is_asked_for_containers_wherever_they_come_from() -> None:
    wanted = JUDGE.rules.wanted()
    for address in (
        GTM_URL,
        "https://www.googletagmanager.com/gtag/js?id=G-ABCDEF1234",
        "https://www.googletagmanager.com/gtag/destination?id=AW-123456789",
        "https://sst.clinic.example/gtm.js?id=GTM-ABC1234",
        "https://www.clinic.example/metrics/gtag/js?id=G-ABCDEF1234",
        "https://www.clinic.example/k3jd9.js?id=GTM-ABC1234",
    ):
        assert wants(wanted, address), address
