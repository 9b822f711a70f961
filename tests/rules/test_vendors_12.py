"""Advertising, analytics, customer data, marketing automation: what one request alone cannot show."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.load import load_rules
from rules.match import match_page, match_request
from scanner.model import (
    CookieRecord,
    Detection,
    Outcome,
    PageCapture,
    RequestRecord,
    SignalKind,
    SourceSignal,
    StorageKey,
)

RULES = load_rules()
PAGE = "https://www.clinic.test/"
UUID = "0a1b2c3d-1111-2222-3333-444455556666"
HEX32 = "0123456789abcdef0123456789abcdef"


def match(url: str, body: object = None) -> tuple[Detection, ...]:
    raw = b"" if body is None else json.dumps(body).encode()
    record = RequestRecord(url=url, method="POST" if raw else "GET", body=raw)
    return match_request(record, RULES, page_url=PAGE)


def traces(**parts: object) -> set[tuple[str, str | None, str]]:
    blank = PageCapture(PAGE, PAGE, PAGE, Outcome.OK, datetime(2026, 1, 1, tzinfo=UTC))
    capture = replace(blank, **parts)  # type: ignore[arg-type]
    return {(d.product, d.account, d.evidence) for d in match_page(capture, RULES)}


# --------------------------------------------------------------------------- the snippets that vendors hand out


@pytest.mark.parametrize(
    ("code", "product", "account"),
    [
        ("var u = new TTDUniversalPixelApi(); u.init('7asns46', ['28erq50'])", "the-trade-desk", "7asns46"),
        (f'amzn("addTag", "{UUID}"); amzn("trackEvent", "PageView");', "amazon-ads", UUID),
        ("window._tfa.push({notify: 'event', name: 'page_view', id: 1234567});", "taboola-pixel", "1234567"),
        (f"var OB_ADV_ID = '{HEX32}'; obApi('track', 'PAGE_VIEW');", "outbrain-pixel", HEX32),
        (f"qp('init', '{HEX32}'); qp('track', 'ViewContent');", "quora-pixel", HEX32),
        (f"ndp('init', '{UUID}', {{}}); ndp('track', 'PAGE_VIEW');", "nextdoor-pixel", UUID),
        ("window.dotq.push({'projectId':'10000','properties':{'pixelId':'433254'}});", "yahoo-dot", "433254"),
        ("saq('ts', 'AbCdEf0123456789');", "stackadapt-pixel", "AbCdEf0123456789"),
        ('adroll_adv_id = "ABCDEFGHIJ0123456789KL"; adroll_pix_id = "x";', "adroll-pixel", "ABCDEFGHIJ0123456789KL"),
        ("_qevents.push({qacct:'p-AbCdEf0123456'});", "quantcast-measure", "p-AbCdEf0123456"),
        ('_comscore.push({ c1: "2", c2: "1234567" });', "comscore", "1234567"),
        (f"spdt('conf', {{ key: '{HEX32}' }}); spdt('view');", "spotify-pixel", HEX32),
        ("var s_account='clinicprod,clinicglobal';", "adobe-analytics", "clinicprod,clinicglobal"),
        (f"alloy('configure', {{datastreamId: '{UUID}', orgId: 'x@AdobeOrg'}});", "adobe-web-sdk", UUID),
        (f"analytics.load('{HEX32}'); analytics.page();", "segment", HEX32),
        ("rudderanalytics.load('2abCdEf0123456789', 'https://x.test');", "rudderstack", "2abCdEf0123456789"),
        (f"mixpanel.init('{HEX32}', {{debug: true}});", "mixpanel", HEX32),
        (f"amplitude.init('{HEX32}');", "amplitude", HEX32),
        ('heap.load("1234567890");', "heap", "1234567890"),
        ("posthog.init('phc_AbCdEf0123456789AbCdEf01', {api_host: 'x'})", "posthog", "phc_AbCdEf0123456789AbCdEf01"),
        ("_paq.push(['setTrackerUrl', u]); _paq.push(['setSiteId', '3']);", "matomo", "3"),
        ("s.src='https://tags.tiqcdn.com/utag/clinicco/main/prod/utag.js'", "tealium-iq", "clinicco/main/prod"),
        ("hbspt.forms.create({ portalId: '1234567', formId: 'x' });", "hubspot", "1234567"),
        ("Munchkin.init('123-ABC-456');", "marketo-munchkin", "123-ABC-456"),
        ("piAId = '123456'; piCId = '2'; piHostname = 'pi.pardot.com';", "pardot", "123456"),
        ("_learnq.push(['account', 'AbC123']);", "klaviyo", "AbC123"),
        ("vgo('setAccount', '123456789'); vgo('process');", "activecampaign", "123456789"),
        ("window._6si.push(['setToken', '0a1b2c3d']);", "6sense", "0a1b2c3d"),
        (f"braze.initialize('{UUID}', {{baseUrl: 'x'}});", "braze", UUID),
    ],
)  # fmt: skip
def test_a_snippet_names_its_account(code: str, product: str, account: str) -> None:
    inline = SourceSignal(SignalKind.INLINE, text=code)
    assert (product, account, "source") in traces(signals=(inline,))


@pytest.mark.parametrize(
    ("code", "product", "email"),
    [
        ("adroll_adv_id='ABCDEFGHIJ0123456789KL'; adroll_email = 'ana@mail.test';", "adroll-pixel", "ana@mail.test"),
        ("heap.load('1234567890'); heap.identify('ana@mail.test');", "heap", "ana@mail.test"),
        ("_etmc.push(['setOrgId','1234567']);_etmc.push(['setUserInfo',{'email':'ana@mail.test'}])",
         "marketing-cloud-collect", "ana@mail.test"),
    ],
)  # fmt: skip
def test_an_address_written_into_the_page_is_seen(code: str, product: str, email: str) -> None:
    blank = PageCapture(PAGE, PAGE, PAGE, Outcome.OK, datetime(2026, 1, 1, tzinfo=UTC))
    capture = replace(blank, signals=(SourceSignal(SignalKind.INLINE, text=code),))
    values = {e.value for d in match_page(capture, RULES) if d.product == product for e in d.exposures}
    assert email in values


@pytest.mark.parametrize(
    ("cookie", "product", "account"),
    [
        ("cfz_facebook-pixel", "cloudflare-zaraz", "facebook-pixel"),
        ("cfzs_google-analytics_v4", "cloudflare-zaraz", "google-analytics_v4"),
        (f"mp_{HEX32}_mixpanel", "mixpanel", HEX32),
        ("_hp2_id.1234567890", "heap", "1234567890"),
        ("ph_phc_AbCdEf0123456789AbCdEf01_posthog", "posthog", "phc_AbCdEf0123456789AbCdEf01"),
        ("AMCV_A553776A5245AE600A490D00%40AdobeOrg", "adobe-experience-cloud-id", None),
        ("visitor_id123456", "pardot", "123456"),
        ("_pk_id.3.1fff", "matomo", None),
        ("hubspotutk", "hubspot", None),
        ("__kla_id", "klaviyo", None),
        ("_mkto_trk", "marketo-munchkin", None),
        ("utag_main", "tealium-iq", None),
        ("__adroll_fpc", "adroll-pixel", None),
    ],
)  # fmt: skip
def test_a_cookie_outlives_the_request_and_names_vendor_and_account(
    cookie: str, product: str, account: str | None
) -> None:
    assert (product, account, "cookie") in traces(cookies=(CookieRecord(cookie, "www.clinic.test"),))


def test_a_short_cookie_name_counts_only_on_the_vendors_own_domain() -> None:
    assert traces(cookies=(CookieRecord("uid", "www.clinic.test"), CookieRecord("UID", "www.clinic.test"))) == set()
    assert ("adform-tracking", None, "cookie") in traces(cookies=(CookieRecord("uid", ".adform.net"),))


def test_storage_keys_name_the_account() -> None:
    key = StorageKey("local", "https://www.clinic.test", "ph_phc_AbCdEf0123456789AbCdEf01_posthog")
    assert traces(storage=(key,)) == {("posthog", "phc_AbCdEf0123456789AbCdEf01", "storage")}


# --------------------------------------------------------------------------- shapes on any host


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("https://www.clinic.test/api/event?id=3", {"name": "Knee talk", "date": "2026-05-01", "url": "/talks/knee"}),
        ("https://www.clinic.test/v1/track", {"type": "track", "event": "opened", "messageId": "1"}),
        ("https://www.clinic.test/v1/batch", {"batch": [{"type": "page", "messageId": "1"}]}),
        ("https://www.clinic.test/api/send", {"type": "event", "payload": {"website": "clinic", "url": "/knee"}}),
        ("https://www.clinic.test/id?mcorgid=7", None),
        ("https://www.clinic.test/b/ss/2026/brochure.pdf", None),
        ("https://www.clinic.test/analytics?account_id=123456", None),
        ("https://www.clinic.test/track?data=eyJhIjoxfQ==", None),
        ("https://www.clinic.test/matomo.php?page=2", None),
        ("https://www.clinic.test/i?e=pv&p=web", None),
        ("https://www.clinic.test/event?s=12&page=3", None),
        ("https://www.clinic.test/batch", {"api_key": "clinic", "events": [{"event_type": "visit"}]}),
        ("https://www.clinic.test/s/?q=knee", None),
        ("https://www.clinic.test/e/knee-pain", None),
        ("https://www.clinic.test/h?a=1&u=2&v=3", None),
        ("https://www.clinic.test/records?idsite=4&rec=1", None),
        ("https://www.clinic.test/ee/v1/interact?configId=7", None),
        ("https://www.clinic.test/rest/v1/delivery?client=7", None),
        ("https://www.clinic.test/js/analytics.js", None),
        ("https://www.clinic.test/js/container_flexible.js", None),
        ("https://www.clinic.test/js/array.js", None),
    ],
)
def test_a_sites_own_interface_that_looks_a_little_like_a_vendors_is_left_alone(url: str, body: object) -> None:
    assert match(url, body) == ()


@given(
    word=st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=4, max_size=12),
    path=st.sampled_from(["/b/ss/clinicprod/1/JS-2.22.0/s1", "/x/matomo.php", "/ee/irl1/v1/interact", "/p/event"]),
)
@settings(max_examples=60, deadline=None)
def test_wherever_a_shape_is_hosted_the_vendor_and_account_stay_and_it_is_first_party(word: str, path: str) -> None:
    query = f"?AQB=1&idsite=3&configId={UUID}"
    found = match(f"https://{word}.clinic.test{path}{query}", {"events": [{"xdm": {"eventType": "x"}}]})
    expected = {
        "/b/ss/clinicprod/1/JS-2.22.0/s1": ("adobe.analytics.event", "clinicprod"),
        "/x/matomo.php": ("matomo.event", "3"),
        "/ee/irl1/v1/interact": ("adobe.web-sdk.event", UUID),
    }
    detections = {(d.rule, d.account) for d in found}
    assert detections == ({expected[path]} if path in expected else set())
    assert all(d.first_party_collection for d in found)


# --------------------------------------------------------------------------- health audiences


@pytest.mark.parametrize(
    ("url", "vendor"),
    [
        ("https://bh.contextweb.com/bh/rtset?do=add&pid=561234", "pulsepoint"),
        ("https://match.deepintent.com/usersync/136", "deepintent"),
        ("https://tracking.doceree.com/x.js", "doceree"),
        ("https://secure.lassomarketing.io/px", "lasso"),
        ("https://pixel.crossix.com/px?cid=1", "crossix"),
        ("https://clinic.hrm.healthgrades.com/track.js", "healthgrades-crm"),
        ("https://perfalytics.com/static/js/freshpaint.js", "freshpaint"),
    ],
)
def test_health_advertising_is_recognised_by_any_request_to_it(url: str, vendor: str) -> None:
    assert {d.vendor for d in match(url)} == {vendor}
