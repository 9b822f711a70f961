"""One visit, boiled down to what is compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scanner.inventory import page_inventory
from scanner.model import (
    Category,
    CookieRecord,
    Detection,
    DetectionKind,
    ExposureKind,
    Form,
    Identity,
    PageCapture,
    PageInventory,
    RequestRecord,
    SightingKind,
    SignalKind,
    TagKey,
)
from scanner.service.compare import Sharing
from tests import make

OWNERS = {"pinterest.com": ("Pinterest", Category.SOCIAL), "pinimg.com": ("Pinterest", Category.SOCIAL)}


def owner_of(host: str) -> tuple[str, Category] | None:
    return next((owner for domain, owner in OWNERS.items() if host.endswith(domain)), None)


def boiled(capture: PageCapture, *detections: Detection, own: tuple[str, ...] = ()) -> PageInventory:
    return page_inventory(capture, detections, owner_of, own, "/")


def identities(inventory: PageInventory, kind: SightingKind) -> list[tuple[str, TagKey | None, str]]:
    found = [s.identity for s in inventory.sightings]
    return [(i.subject, i.tag, i.role) for i in found if i.kind is kind]


def of_beacon(**more: object) -> PageInventory:
    """A page with one Pinterest beacon and its detection."""
    request = make.request(initiators=(make.initiator(),))
    return boiled(make.capture("/", [request]), make.detection(request_index=0, **more))


def test_a_beacon_is_a_tag_an_event_a_host_and_an_endpoint() -> None:
    inventory = of_beacon()
    assert [s.identity for s in inventory.sightings] == [
        Identity(SightingKind.ENDPOINT, "GET ct.pinterest.com/v3/", make.PINTEREST),
        Identity(SightingKind.EVENT, "pagevisit", make.PINTEREST),
        Identity(SightingKind.HOST, "pinterest.com"),
        Identity(SightingKind.TAG, "", make.PINTEREST),
    ]
    assert all(s.evidence == ("request",) for s in inventory.sightings)
    assert all(s.loaders == ("https://www.clinic.example/theme.js",) for s in inventory.sightings)
    assert {s.owner for s in inventory.sightings if s.identity.kind is SightingKind.HOST} == {"Pinterest"}
    assert (inventory.request_count, inventory.third_party_request_count) == (1, 1)


def test_nobody_knows_the_host_and_it_is_there_all_the_same() -> None:
    inventory = boiled(make.capture("/", [make.request("https://px.nobody.example/p?x=1")]))
    assert identities(inventory, SightingKind.HOST) == [("nobody.example", None, "")]
    assert identities(inventory, SightingKind.ENDPOINT) == [("GET px.nobody.example/p", None, "")]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(make.request("https://t.example/p.gif?x=1"), ["GET t.example/p.gif"], id="pixel"),
        pytest.param(make.request("https://cdn.example/photo.jpg?w=300"), [], id="a picture is none"),
        pytest.param(make.request("https://cdn.example/p"), [], id="an image without parameters is none"),
        pytest.param(
            make.request("https://t.example/c", type="ping", method="POST"), ["POST t.example/c"], id="beacon"
        ),
        pytest.param(make.request("https://t.example/c", type="fetch"), ["GET t.example/c"], id="fetch"),
        pytest.param(make.request("https://t.example/c", type="preflight", method="OPTIONS"), [], id="preflight"),
        pytest.param(
            make.request("https://t.example/", type="document", method="POST"), ["POST t.example/"], id="form"
        ),
        pytest.param(make.request("wss://t.example/s", type="websocket-frame"), ["WS t.example/s"], id="websocket"),
        pytest.param(make.request("https://www.clinic.example/api", type="fetch"), [], id="the site's own"),
        pytest.param(make.request("https://static.clinic-group.example/x", type="fetch"), [], id="own domain"),
    ],
)
def test_endpoints(request_: RequestRecord, expected: list[str]) -> None:
    inventory = boiled(make.capture("/", [request_]), own=("clinic-group.example",))
    assert [subject for subject, _, _ in identities(inventory, SightingKind.ENDPOINT)] == expected


@pytest.mark.parametrize(
    ("blocked", "evidence"), [("csp", "blocked"), ("mixed-content", "blocked"), ("cors", "request"), (None, "request")]
)
def test_what_the_browser_stopped_is_there_but_was_not_sent(blocked: str | None, evidence: str) -> None:
    request = make.request(blocked=blocked)
    inventory = boiled(make.capture("/", [request]), make.detection(request_index=0))
    assert {s.evidence for s in inventory.sightings} == {(evidence,)}


def test_a_tag_behind_the_sites_own_host_is_another_way_out_of_the_same_tag() -> None:
    proxied = make.request("https://www.clinic.example/g/collect?v=2", type="fetch", method="POST")
    inventory = boiled(
        make.capture("/", [proxied]),
        make.detection(make.GA4, event="page_view", request_index=0, first_party_collection=True),
        make.detection(make.GA4, kind=DetectionKind.SCRIPT, evidence="source"),
    )
    assert identities(inventory, SightingKind.TAG) == [("", make.GA4, "first-party")]
    assert identities(inventory, SightingKind.EVENT) == [("page_view", make.GA4, "")]
    assert identities(inventory, SightingKind.ENDPOINT) == [("POST www.clinic.example/g/collect", make.GA4, "")]
    assert identities(inventory, SightingKind.HOST) == []


def test_a_loader_without_account_is_part_of_the_tag_that_names_one() -> None:
    loader = make.script("https://s.pinimg.com/ct/core.js")
    nameless = replace(make.PINTEREST, account=None)
    both = boiled(
        make.capture("/", [loader, make.request()]),
        make.detection(nameless, kind=DetectionKind.SCRIPT, request_index=0),
        make.detection(request_index=1),
    )
    assert identities(both, SightingKind.TAG) == [("", make.PINTEREST, "")]
    alone = boiled(make.capture("/", [loader]), make.detection(nameless, kind=DetectionKind.SCRIPT, request_index=0))
    assert identities(alone, SightingKind.TAG) == [("", nameless, "")]


def test_scripts_bring_their_fingerprint_and_config_files_do_not() -> None:
    requests = [make.script("https://cdn.nobody.example/a.3fa9c1d2.js", "f1"), make.script(fingerprint="f2")]
    inventory = boiled(
        make.capture("/", requests), make.detection(kind=DetectionKind.CONFIG, request_index=1, features=("aem",))
    )
    versions = {s.identity.subject: s.version for s in inventory.sightings if s.identity.kind is SightingKind.SCRIPT}
    assert versions == {"cdn.nobody.example/a.*.js": "f1", "s.pinimg.com/ct/core.js": None}
    assert identities(inventory, SightingKind.FEATURE) == [("aem", make.PINTEREST, "")]


def test_fields_are_told_without_their_values() -> None:
    hashed = make.exposure(ExposureKind.EMAIL, "pd.em", "ab" * 32, Form.HASHED, hash="sha256")
    empty = make.exposure(ExposureKind.PHONE, "pd.ph", "e3b0c442", Form.HASHED, placeholder=True)
    inventory = of_beacon(exposures=(hashed, empty))
    assert identities(inventory, SightingKind.FIELD) == [
        ("pd.em", make.PINTEREST, "email"),
        ("pd.ph (placeholder)", make.PINTEREST, "phone"),
    ]
    (email,) = (s for s in inventory.sightings if s.identity.role == "email")
    assert email.examples == ("ab… (64 characters, hashed (sha256))",)


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        (make.cookie("IDE", ".doubleclick.net"), [("IDE of doubleclick.net", None, "")]),
        (make.cookie("_ga_ABCDEF1234", ".clinic.example"), [("_ga_*", make.GA4, "")]),
        (make.cookie("session", "www.clinic.example"), []),
    ],
)
def test_cookies_of_third_parties_and_of_known_tags(
    cookie: CookieRecord, expected: list[tuple[str, TagKey, str]]
) -> None:
    inventory = page_inventory(
        make.capture("/", cookies=(cookie,)), (), owner_of, cookie_tag=lambda c: make.GA4 if "_ga" in c.name else None
    )
    assert identities(inventory, SightingKind.COOKIE) == expected


def test_a_cookie_names_who_set_it() -> None:
    sync = "https://ad.doubleclick.net/sync?r=1"
    cookie = make.cookie("IDE", ".doubleclick.net", set_by=sync)
    inventory = page_inventory(make.capture("/", (make.request(sync),), cookies=(cookie,)), (), owner_of)
    (seen,) = (sighting for sighting in inventory.sightings if sighting.identity.kind is SightingKind.COOKIE)
    assert seen.loaders == ("answer of https://ad.doubleclick.net/sync",)


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [
        (SignalKind.NOSCRIPT, "noscript"),
        (SignalKind.HELD_BACK, "held-back"),
        (SignalKind.SCRIPT, "source"),
        (SignalKind.PRECONNECT, "source"),
    ],
)
def test_hosts_that_only_stand_in_the_source(kind: SignalKind, evidence: str) -> None:
    signals = (make.signal(kind, "https://ct.pinterest.com/v3/?tid=1"), make.signal(kind, f"{make.SITE}/own.js"))
    inventory = boiled(make.capture("/", signals=signals))
    assert [(s.identity.subject, s.evidence) for s in inventory.sightings] == [("pinterest.com", (evidence,))]


def test_sightings_are_sorted_and_unique_whatever_the_order() -> None:
    requests = [make.request(f"https://t{i % 3}.nobody.example/p?cb={i}") for i in range(9)]
    forward, backward = (boiled(make.capture("/", order)) for order in (requests, requests[::-1]))
    assert forward == backward
    keys = [s.identity.sort_key for s in forward.sightings]
    assert keys == sorted(set(keys))


def test_outcome_and_status_come_along() -> None:
    inventory = page_inventory(make.failed_capture("/gone", status=404), (), owner_of, template="/*")
    assert (inventory.status, inventory.template, inventory.sightings) == (404, "/*", ())


def test_what_pages_have_in_common_is_kept_once() -> None:
    shared = Sharing()
    pages = [
        make.inventory(path, [make.sighting()], scripts=(("/theme.js", digest),))
        for path, digest in (("/", "a"), ("/a", "a"), ("/b", "b"))
    ]
    kept = [shared.inventory(page) for page in pages]
    assert kept == pages
    assert kept[0].sightings[0] is kept[1].sightings[0]
    assert kept[0].scripts is kept[1].scripts
    assert shared.inventory(make.inventory()).scripts is None
