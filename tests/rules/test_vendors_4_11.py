"""TikTok, Snap, LinkedIn, Microsoft, X, Reddit, Criteo, session recorders: what one request alone cannot show."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.check import example_request
from rules.load import load_rules
from rules.match import match_page, match_request
from rules.model import Example, Rule
from scanner.model import (
    CookieRecord,
    Detection,
    DetectionKind,
    Outcome,
    PageCapture,
    RequestRecord,
    SignalKind,
    SourceSignal,
    StorageKey,
)

RULES = load_rules()
PAGE = "https://www.clinic.test/"
VENDORS = {
    "tiktok",
    "snap",
    "linkedin",
    "microsoft",
    "x",
    "reddit",
    "criteo",
    "hotjar",
    "contentsquare",
    "fullstory",
    "mouseflow",
    "logrocket",
    "lucky-orange",
    "crazy-egg",
    "smartlook",
    "quantum-metric",
    "glassbox",
    "medallia",
    "inspectlet",
    "vwo",
    "yandex",
}
HEX = "7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def match(url: str, body: bytes = b"") -> tuple[Detection, ...]:
    return match_request(RequestRecord(url=url, method="POST" if body else "GET", body=body), RULES, page_url=PAGE)


def traces(**parts: object) -> set[tuple[str, str | None, str]]:
    blank = PageCapture(PAGE, PAGE, PAGE, Outcome.OK, datetime(2026, 1, 1, tzinfo=UTC))
    capture = replace(blank, **parts)  # type: ignore[arg-type]
    return {(d.product, d.account, d.evidence) for d in match_page(capture, RULES)}


# --------------------------------------------------------------------------- the snippets that vendors hand out


@pytest.mark.parametrize(
    ("code", "product", "account"),
    [
        pytest.param(
            "!function(w,d,t){w.TiktokAnalyticsObject=t;var ttq=w[t]=w[t]||[];ttq.load('C4A1B2C3D4E5F6G7H8I9');"
            "ttq.page()}(window,document,'ttq');",
            "tiktok-pixel",
            "C4A1B2C3D4E5F6G7H8I9",
            id="tiktok",
        ),
        pytest.param(
            "snaptr('init', '0a1b2c3d-0000-4000-8000-0123456789ab', {}); snaptr('track', 'PAGE_VIEW');",
            "snap-pixel",
            "0a1b2c3d-0000-4000-8000-0123456789ab",
            id="snap",
        ),
        pytest.param(
            '_linkedin_partner_id = "1234567"; window._linkedin_data_partner_ids.push(_linkedin_partner_id);',
            "linkedin-insight-tag",
            "1234567",
            id="linkedin",
        ),
        pytest.param(
            '(function(w,d,t,r,u){w[u]=w[u]||[];var o={ti:"12345678"};o.q=w[u];})'
            '(window,document,"script","//bat.bing.com/bat.js","uetq");',
            "microsoft-uet",
            "12345678",
            id="uet",
        ),
        pytest.param(
            "(function(c,l,a,r,i,t,y){c[a]=c[a]||function(){(c[a].q=c[a].q||[]).push(arguments)};"
            't.src="https://www.clarity.ms/tag/"+i;})(window, document, "clarity", "script", "abcdef1234");',
            "microsoft-clarity",
            "abcdef1234",
            id="clarity",
        ),
        pytest.param(
            "u.src='https://static.ads-twitter.com/uwt.js'; twq('config','o1abc');", "x-pixel", "o1abc", id="x"
        ),
        pytest.param(
            "rdt('init','a2_abc123def',{optOut:false}); rdt('track','PageVisit');",
            "reddit-pixel",
            "a2_abc123def",
            id="reddit",
        ),
        pytest.param(
            'window.criteo_q.push({event: "setAccount", account: 12345}, {event: "viewHome"});',
            "criteo-onetag",
            "12345",
            id="criteo",
        ),
        pytest.param("h._hjSettings={hjid:1234567,hjsv:6};", "hotjar", "1234567", id="hotjar"),
        pytest.param("window['_fs_org'] = 'o-4XY1Q-na1';", "fullstory", "o-4XY1Q-na1", id="fullstory"),
        pytest.param(
            's.src="//cdn.mouseflow.com/projects/0a1b2c3d-0000-4000-8000-0123456789ab.js";',
            "mouseflow",
            "0a1b2c3d-0000-4000-8000-0123456789ab",
            id="mouseflow",
        ),
        pytest.param(
            "window.LogRocket && window.LogRocket.init('clinic/portal');", "logrocket", "clinic/portal", id="logrocket"
        ),
        pytest.param("window.__lo_site_id = 123456;", "lucky-orange", "123456", id="lucky orange"),
        pytest.param(f"smartlook('init', '{HEX[:40]}', {{ region: 'eu' }});", "smartlook", HEX[:40], id="smartlook"),
        pytest.param("__insp.push(['wid', 1234567890]);", "inspectlet", "1234567890", id="inspectlet"),
        pytest.param(
            "window._vwo_code || (function(){var account_id=123456,version=2.1;})();", "vwo", "123456", id="vwo"
        ),
        pytest.param('ym(12345678, "init", {webvisor:true}); // metrika', "yandex-metrica", "12345678", id="yandex"),
    ],
)
def test_the_vendors_own_snippet_names_its_account(code: str, product: str, account: str) -> None:
    assert traces(signals=(SourceSignal(SignalKind.INLINE, text=code),)) == {(product, account, "source")}


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        (
            "ttq.load('C4A1B2C3D4E5F6G7H8I9'); ttq.identify({'email': 'ana@mail.test', phone_number: '+15550100'})",
            {"email", "phone"},
        ),
        ("snaptr('init', '0a1b2c3d-0000-4000-8000-0123456789ab', {'user_email': 'ana@mail.test'})", {"email"}),
        ("_linkedin_partner_id='1234567'; lintrk('setUserData', {'email': 'ana@mail.test'})", {"email"}),
        ("rdt('init','a2_abc123def',{email:'ana@mail.test', externalId:'p-77'})", {"email", "external_id"}),
        ("criteo_q.push({event:'setAccount',account:12345},{event:'setEmail',email:'ana@mail.test'})", {"email"}),
        ("window['_fs_org']='4XY1Q'; FS.identify('p-77', {email: 'ana@mail.test'})", {"email", "external_id"}),
    ],
)
def test_user_data_in_a_snippet_is_told(code: str, kinds: set[str]) -> None:
    blank = PageCapture(PAGE, PAGE, PAGE, Outcome.OK, datetime(2026, 1, 1, tzinfo=UTC))
    found = match_page(replace(blank, signals=(SourceSignal(SignalKind.INLINE, text=code),)), RULES)
    assert {exposure.kind.value for detection in found for exposure in detection.exposures} == kinds


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://px.ads.linkedin.com/collect/?pid=1234567&fmt=gif", ("linkedin-insight-tag", "1234567")),
        ("https://bat.bing.com/action/0?ti=12345678&Ver=2", ("microsoft-uet", "12345678")),
        ("https://t.co/i/adsct?txn_id=o1abc&p_id=Twitter&tw_sale_amount=0", ("x-pixel", "o1abc")),
        ("https://mc.yandex.ru/watch/12345678", ("yandex-metrica", "12345678")),
    ],
)
def test_a_noscript_pixel_says_that_the_page_has_the_tag(url: str, expected: tuple[str, str]) -> None:
    assert traces(signals=(SourceSignal(SignalKind.NOSCRIPT, url=url),)) == {(*expected, "noscript")}


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        (CookieRecord("_ttp", "clinic.test"), ("tiktok-pixel", None)),
        (CookieRecord("ttcsid_C4A1B2C3D4E5F6G7H8I9", "clinic.test"), ("tiktok-pixel", "C4A1B2C3D4E5F6G7H8I9")),
        (CookieRecord("_scid", "clinic.test"), ("snap-pixel", None)),
        (CookieRecord("li_fat_id", "clinic.test"), ("linkedin-insight-tag", None)),
        (CookieRecord("_uetvid", "clinic.test"), ("microsoft-uet", None)),
        (CookieRecord("_clck", "clinic.test"), ("microsoft-clarity", None)),
        (CookieRecord("_rdt_em", "clinic.test"), ("reddit-pixel", None)),
        (CookieRecord("cto_bundle", "clinic.test"), ("criteo-onetag", None)),
        (CookieRecord("_hjSessionUser_1234567", "clinic.test"), ("hotjar", "1234567")),
        (
            CookieRecord("mf_0a1b2c3d-0000-4000-8000-0123456789ab", "clinic.test"),
            ("mouseflow", "0a1b2c3d-0000-4000-8000-0123456789ab"),
        ),
        (CookieRecord("_cs_id", "clinic.test"), ("contentsquare", None)),
        (CookieRecord("fs_uid", "clinic.test"), ("fullstory", None)),
        (CookieRecord("_vwo_uuid", "clinic.test"), ("vwo", None)),
    ],
)
def test_a_cookie_on_the_sites_own_domain_survives_a_proxy(
    cookie: CookieRecord, expected: tuple[str, str | None]
) -> None:
    assert traces(cookies=(cookie,)) == {(*expected, "cookie")}


def test_a_cookie_name_that_others_use_too_needs_the_vendors_domain() -> None:
    names = ("uid", "MUID", "SM", "guest_id", "lidc")
    assert traces(cookies=tuple(CookieRecord(name, "clinic.test") for name in names)) == set()


def test_storage_keys_are_traces() -> None:
    keys = ("li_adsId", "_uetsid_exp", "u_sclid", "tt_sessionId")
    found = traces(storage=tuple(StorageKey("local", PAGE, key) for key in keys))
    assert {product for product, _, _ in found} == {
        "linkedin-insight-tag",
        "microsoft-uet",
        "snap-pixel",
        "tiktok-pixel",
    }


# --------------------------------------------------------------------------- nobody's data


@pytest.mark.parametrize(
    ("url", "field"),
    [
        (f"https://alb.reddit.com/rp.gif?id=a2_abc123def&event=Lead&em={'0' * 64}", "em"),
        (f"https://alb.reddit.com/rp.gif?id=a2_abc123def&event=Lead&auto_em={'0' * 63}1", "auto_em"),
        (f"https://alb.reddit.com/rp.gif?id=a2_abc123def&event=Lead&auto_pn=1~{'0' * 63}2", "auto_pn"),
        (
            f"https://tr.snapchat.com/p?pid=0a1b2c3d-0000-4000-8000-0123456789ab&ev=SIGN_UP&u_hem={EMPTY_SHA256}",
            "u_hem",
        ),
        (f"https://bat.bing.com/action/0?ti=12345678&Ver=2&evt=pid&pid=em%3D{EMPTY_SHA256}", "pid.em"),
        ("https://t.co/i/adsct?txn_id=o1abc&p_id=Twitter&email_address=undefined", "email_address"),
    ],
)
def test_fillers_and_hashes_of_nothing_are_a_misconfiguration_not_a_person(url: str, field: str) -> None:
    (found,) = match(url)
    assert [(e.field, e.placeholder) for e in found.exposures if e.field == field] == [(field, True)]


def test_a_real_hash_beside_a_filler_stays_a_person() -> None:
    (found,) = match(f"https://alb.reddit.com/rp.gif?id=a2_abc123def&event=Lead&auto_em={HEX},{'0' * 63}1")
    assert [e.placeholder for e in found.exposures if e.field == "auto_em"] == [False, True]


# --------------------------------------------------------------------------- one event, two requests


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "https://t.co/1/i/adsct?txn_id=o1abc&p_id=Twitter&events=%5B%5B%22pageview%22%2C%7B%7D%5D%5D&tw_document_href=https%3A%2F%2Fclinic.test%2F",
            "https://analytics.twitter.com/1/i/adsct?txn_id=o1abc&p_id=Twitter&events=%5B%5B%22pageview%22%2C%7B%7D%5D%5D&tw_document_href=https%3A%2F%2Fclinic.test%2F",
        ),
        (
            "https://px.ads.linkedin.com/collect?v=2&pid=1234567&url=https%3A%2F%2Fclinic.test%2F",
            "https://px.ads.linkedin.com/collect?v=2&pid=1234567&url=https%3A%2F%2Fclinic.test%2F&cookiesTest=true&liSync=true",
        ),
        (
            "https://px.ads.linkedin.com/collect?v=2&pid=1234567&url=https%3A%2F%2Fclinic.test%2F",
            "https://px4.ads.linkedin.com/collect?v=2&pid=1234567&url=https%3A%2F%2Fclinic.test%2F",
        ),
        (
            "https://tr.snapchat.com/p?pid=0a1b2c3d-0000-4000-8000-0123456789ab&ev=PAGE_VIEW&pl=https%3A%2F%2Fclinic.test%2F",
            "https://tr6.snapchat.com/p?pid=0a1b2c3d-0000-4000-8000-0123456789ab&ev=PAGE_VIEW&pl=https%3A%2F%2Fclinic.test%2F",
        ),
    ],
)
def test_the_second_request_of_an_event_is_told_as_a_copy_of_the_first(first: str, second: str) -> None:
    (event,), (copy,) = match(first), match(second)
    assert copy.duplicate_of == event.rule
    assert event.duplicate_of is None
    assert (copy.account, copy.events, copy.exposures) == (event.account, event.events, event.exposures)


# --------------------------------------------------------------------------- laws over all examples

EXAMPLES = [
    (rule, example)
    for rule in RULES.rules
    if rule.vendor.id in VENDORS
    for example in rule.examples
    if urlsplit(example.url).query and not example.body and not example.response
]


def said(detections: tuple[Detection, ...]) -> list[tuple[str, str | None, list[str], set[tuple[str, str]]]]:
    return [
        (d.rule, d.account, sorted(d.events), {(e.kind.value, e.value) for e in d.exposures})
        for d in sorted(detections, key=lambda d: (d.rule, d.account or ""))
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(EXAMPLES), st.randoms(use_true_random=False), st.text("abcdef0123456789", min_size=1, max_size=12)
)
def test_neither_order_nor_cache_busters_nor_unknown_parameters_change_what_is_told(
    picked: tuple[Rule, Example], random: object, noise: str
) -> None:
    _, example = picked
    address, _, query = example.url.partition("?")
    parts = query.split("&")
    random.shuffle(parts)  # type: ignore[attr-defined]
    changed = replace(example, url=f"{address}?{'&'.join([*parts, f'zz_{noise}={noise}'])}")
    before = match_request(example_request(example), RULES, page_url=example.page_url)
    after = match_request(example_request(changed), RULES, page_url=example.page_url)
    assert said(after) == said(before)


@pytest.mark.parametrize(("rule", "example"), [pair for pair in EXAMPLES if pair[0].kind is DetectionKind.EVENT])
def test_a_form_post_says_the_same_as_the_image_it_replaces(rule: Rule, example: Example) -> None:
    address, _, query = example.url.partition("?")
    body = urlencode(parse_qsl(query, keep_blank_values=True)).encode()
    posted = replace(example_request(example), url=address, method="POST", body=body)
    before = match_request(example_request(example), RULES, page_url=example.page_url)
    assert said(match_request(posted, RULES, page_url=example.page_url)) == said(before)


@pytest.mark.parametrize("layers", ["plain", "gzip", "base64", "gzip+base64"])
@pytest.mark.parametrize(
    ("url", "content", "account", "event"),
    [
        (
            "https://px.ads.linkedin.com/wa/",
            {
                "pids": [1234567],
                "websiteSignalRequestId": "a",
                "signalType": "CLICK",
                "domAttributes": {"innerText": "HIV test"},
            },
            "1234567",
            "CLICK",
        ),
        (
            "https://analytics.tiktok.com/api/v2/pixel",
            {"event": "Contact", "context": {"pixel": {"code": "C4A1B2C3D4E5F6G7H8I9"}, "page": {"url": PAGE}}},
            "C4A1B2C3D4E5F6G7H8I9",
            "Contact",
        ),
        (
            "https://tr.snapchat.com/p",
            {
                "ctx": {"url": PAGE, "pids": "0a1b2c3d-0000-4000-8000-0123456789ab"},
                "req": [{"md": {"btx": "HIV test"}}],
            },
            "0a1b2c3d-0000-4000-8000-0123456789ab",
            "BTC",
        ),
        (
            "https://rs.fullstory.com/rec/page",
            {"OrgId": "4XY1Q", "Url": PAGE},
            "4XY1Q",
            "page view",
        ),
    ],
)
def test_layers_around_a_json_body_do_not_matter(
    url: str, content: dict[str, object], account: str, event: str, layers: str
) -> None:
    body = json.dumps(content).encode()
    if "gzip" in layers:
        body = gzip.compress(body, mtime=0)
    if "base64" in layers:
        body = base64.b64encode(body)
    (found,) = match(url, body)
    assert (found.account, found.event) == (account, event)
    assert found.exposures
