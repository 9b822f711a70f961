"""Vendors behind the site's own host, under other names: the same identity, and it says which way it went."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from rules.har import read_har
from rules.load import load_rules
from rules.match import match_request
from rules.wanting import shows_itself, wants
from scanner.model import Outcome, PageCapture, RequestRecord
from scanner.service.judge import RulesJudge
from tests.containers import ALWAYS, PINTEREST, container_js

RULES = load_rules()
JUDGE = RulesJudge(RULES)
PAGE = "https://www.clinic.test/services/depression/"
GA4 = "v=2&tid=G-ABCDEF1234&gtm=45je5a1v1&cid=1.2&en=page_view&dl=https%3A%2F%2Fwww.clinic.test%2Fdepression%2F"
META = "id=1234567890123456&ev=PageView&dl=https%3A%2F%2Fwww.clinic.test%2F&it=1700000000000&rqm=GET"
GATEWAY = (
    b"event_name=PageView&event_id=ob3_plugin-set_1&fb.pixel_id=1234567890123456&fb.fbp=fb.1.1700000000000.123456789"
    b"&website_context.location=https%3A%2F%2Fwww.clinic.test%2Fdepression%2F"
)
ZARAZ = json.dumps({"name": "Pageview", "data": {}, "zarazData": {"l": PAGE, "t": "Depression", "r": ""}}).encode()
STAPE = base64.urlsafe_b64encode(f"/g/collect?{GA4}".encode()).decode()


@pytest.mark.parametrize(
    ("record", "vendor", "product", "account"),
    [
        pytest.param(
            RequestRecord("https://capig.clinic.test/events/ab12", "POST", "fetch", GATEWAY),
            "meta", "meta-pixel", "1234567890123456", id="Conversions API Gateway",
        ),
        pytest.param(
            RequestRecord(f"https://www.clinic.test/t/r?{META}", type="image"),
            "meta", "meta-pixel", "1234567890123456", id="the pixel through a proxy",
        ),
        pytest.param(
            RequestRecord("https://www.clinic.test/cdn-cgi/zaraz/t", "POST", "fetch", ZARAZ, "application/json"),
            "cloudflare", "cloudflare-zaraz", "www.clinic.test", id="Zaraz",
        ),
        pytest.param(
            RequestRecord("https://www.clinic.test/a/b", "POST", "fetch", ZARAZ, "text/plain"),
            "cloudflare", "cloudflare-zaraz", "www.clinic.test", id="Zaraz, renamed",
        ),
        pytest.param(
            RequestRecord(f"https://sst.clinic.test/g/collect?{GA4}&sst.rnd=1.2", "POST", "ping"),
            "google", "google-analytics-4", "G-ABCDEF1234", id="server-side tagging",
        ),
        pytest.param(
            RequestRecord(f"https://sst.clinic.test/x9?{GA4}", "POST", "ping"),
            "google", "google-analytics-4", "G-ABCDEF1234", id="server-side tagging, renamed",
        ),
        pytest.param(
            RequestRecord(f"https://sst.clinic.test/k3jd9?d={STAPE}", "POST", "ping"),
            "google", "google-analytics-4", "G-ABCDEF1234", id="a cloaking loader",
        ),
        pytest.param(
            RequestRecord(f"https://www.clinic.test/metrics/ag/g/c?{GA4}", "POST", "ping"),
            "google", "google-analytics-4", "G-ABCDEF1234", id="tag gateway, analytics",
        ),
        pytest.param(
            RequestRecord("https://www.clinic.test/metrics/gtag/js?id=AW-123456789", type="script"),
            "google", "google-tag", "AW-123456789", id="tag gateway, loader",
        ),
        pytest.param(
            RequestRecord("https://smetrics.clinic.test/x.gif", type="image", cname=("clinic.sc.omtrdc.net",)),
            "adobe", "adobe-analytics", None, id="a DNS alias",
        ),
    ],
)  # fmt: skip
def test_behind_the_sites_own_host_a_vendor_keeps_its_name(
    record: RequestRecord, vendor: str, product: str, account: str | None
) -> None:
    found = match_request(record, RULES, page_url=PAGE)
    assert [(d.vendor, d.product, d.account, d.first_party_collection) for d in found] == [
        (vendor, product, account, True)
    ]


SCRIPTS = {
    "google/google-tag-manager GTM-ABC1234": container_js((PINTEREST, ALWAYS)),
    "pinterest/pinterest-tag": '!function(){var k="aem_eligible_list";window.pintrk.queue.push(k)}()',
    "meta/meta-pixel": 'f.ensureModuleRegistered("SignalsFBEventsConfigStore",function(){return window.fbq})',
    "linkedin/linkedin-insight-tag": "var p=window._linkedin_data_partner_ids||[];window.ORIBI=window.ORIBI||{}",
    "google/google-universal-analytics": 'var c="siteSpeedSampleRate",d=window.gaplugins;',
}


@pytest.mark.parametrize(("tag", "code"), SCRIPTS.items(), ids=SCRIPTS)
def test_a_renamed_script_is_kept_and_recognised_by_what_stands_in_it(tag: str, code: str) -> None:
    url = "https://www.clinic.test/assets/k3jd9.js"
    entries = [
        {"request": {"method": "GET", "url": address}, "response": {"status": 200, "content": content}}
        for address, content in (
            (PAGE, {"mimeType": "text/html", "text": "<title>Depression</title>"}),
            (url, {"mimeType": "application/javascript", "text": code}),
        )
    ]
    wanted = RULES.wanted()
    assert not wants(wanted, url) and shows_itself(wanted, code.encode())
    [page] = read_har(json.dumps({"log": {"entries": entries}}).encode(), wanted=wanted).pages
    own = [s.identity for s in JUDGE.inventory(page.capture).sightings if not s.identity.subject and s.identity.role]
    assert [(str(identity.tag), identity.role) for identity in own] == [(tag, "first-party")]


@pytest.mark.parametrize(
    "code",
    [
        "var blocked=['s.pinimg.com','connect.facebook.net','snap.licdn.com','www.google-analytics.com'];",
        "window.pintrk&&pintrk('track','lead');fbq('track','Lead');ga('send','pageview')",
        "export const resource={tags:['a'],version:1}",
    ],
    ids=["a blocker's list", "the site's own calls", "somebody's resource"],
)
def test_code_that_only_names_vendors_is_none_of_theirs(code: str) -> None:
    request = RequestRecord("https://www.clinic.test/assets/app.js", type="script", response_body=code.encode())
    capture = PageCapture(PAGE, PAGE, PAGE, Outcome.OK, datetime(2026, 3, 1, tzinfo=UTC), requests=(request,))
    assert JUDGE.judgement(capture).detections == ()


META_EVENT = f"https://www.facebook.com/tr/?id=1234567890123456&ev=PageView&dl={PAGE}"
PIXEL = "https://secure.adnxs.com/px?id=106544&seg=16447455"


@pytest.mark.parametrize(
    ("url", "referer", "told"),
    [
        pytest.param(PIXEL, PAGE, [PAGE], id="nothing but the header tells the page"),
        pytest.param(PIXEL, "https://www.clinic.test/", [], id="the bare origin"),
        pytest.param(PIXEL, "https://frame.adnxs.com/x", [], id="a frame of the vendor's own"),
        pytest.param(
            f"https://www.facebook.com/tr/?id=1234567890123456&ev=PageView&dl={PAGE}",
            PAGE,
            [],
            id="a parameter tells it",
        ),
        pytest.param("https://sst.clinic.test/g/collect?v=2&tid=G-ABCDEF1234&en=x", PAGE, [], id="the site's own host"),
        pytest.param("https://fonts.gstatic.com/s/lora/v1/lora.woff2", PAGE, [], id="no report"),
    ],
)
def test_a_referrer_policy_that_tells_the_page_is_an_exposure(url: str, referer: str, told: list[str]) -> None:
    found = match_request(RequestRecord(url, headers=(("referer", referer),)), RULES, page_url=PAGE)
    assert found
    assert [e.value for d in found for e in d.exposures if e.field == "header.referer"] == told
