"""What requests and pages give away, where the rule files' own examples do not reach."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rules.load import load_rules
from rules.match import match_page, match_request
from scanner.model import (
    CookieRecord,
    Detection,
    Form,
    Outcome,
    PageCapture,
    RequestRecord,
    SignalKind,
    SourceSignal,
    StorageKey,
)

RULES = load_rules()
PAGE = "https://www.clinic.test/"
PINTEREST = "https://ct.pinterest.com/v3/?tid=2612000000001&event=pagevisit"


def match(url: str, *, page: str | None = PAGE, own: tuple[str, ...] = (), body: bytes = b"") -> tuple[Detection, ...]:
    method = "POST" if body else "GET"
    return match_request(RequestRecord(url=url, method=method, body=body), RULES, page_url=page, own_domains=own)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "about:blank",
        "data:text/html,https://ct.pinterest.com/v3/?tid=2612000000001",
        "blob:https://ct.pinterest.com/3f",
        "https:///v3/?tid=2612000000001",
        "not a url",
        "https://www.clinic.test/?utm_source=facebook.com&ref=https://www.facebook.com/tr/?id=1234567890123456",
        "https://ct.pinterest.com@evil.test/v3/?tid=2612000000001",
        "https://evil.test/ct.pinterest.com/v3/?tid=2612000000001",
        "https://ct-pinterest.com/v3/?tid=2612000000001",
        "https://xct.pinterest.com/v3/?tid=2612000000001",
        "https://www.google.evil.test/pagead/1p-user-list/123456789/",
        "https://www.google.github.io/pagead/1p-user-list/123456789/",
        "https://www.clinic.test/tr?id=1234567890&lang=en",
    ],
)
def test_what_is_not_the_vendors_matches_nothing(url: str) -> None:
    assert match(url) == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://CT.Pinterest.COM/v3/?tid=2612000000001&event=pagevisit",
        "https://ct.pinterest.com:443/v3?tid=2612000000001&event=pagevisit",
        "https://ct.pinterest.com./v3/?tid=2612000000001&event=pagevisit",
        "https://user@ct.pinterest.com/v3/?tid=2612000000001&event=pagevisit#x",
        "http://ct.pinterest.com/v3/?event=page_visit&tid=2612000000001",
    ],
)
def test_spellings_of_an_address_do_not_matter(url: str) -> None:
    (found,) = match(url)
    assert (found.account, found.event) == ("2612000000001", "pagevisit")


@pytest.mark.parametrize(
    ("page", "own", "first_party"),
    [
        (PAGE, (), True),
        ("https://clinic.test/x", (), True),
        ("https://other.test/", (), True),  # a shape on a host that is not Google's, whoever owns it
        (None, (), True),
    ],
)
def test_collection_on_a_host_that_is_not_the_vendors(
    page: str | None, own: tuple[str, ...], first_party: bool
) -> None:
    (found,) = match("https://sst.clinic.test/g/collect?v=2&tid=G-ABCDEF1234&en=page_view&cid=1.2", page=page, own=own)
    assert (found.vendor, found.product, found.account) == ("google", "google-analytics-4", "G-ABCDEF1234")
    assert found.first_party_collection is first_party


def test_the_vendors_own_host_is_first_party_only_where_the_site_says_it_owns_it() -> None:
    (found,) = match(PINTEREST)
    assert not found.first_party_collection
    (found,) = match(PINTEREST, own=("pinterest.com",))
    assert found.first_party_collection


def test_a_fallback_speaks_only_when_nothing_else_of_its_vendor_does() -> None:
    assert [d.rule for d in match("https://ct.pinterest.com/v9/?tid=2612000000001")] == ["pinterest.tag.other"]
    assert [d.rule for d in match(PINTEREST)] == ["pinterest.tag.event"]


def test_unknown_parameters_are_kept_and_empty_ones_are_nothing() -> None:
    (found,) = match(PINTEREST + "&brand_new=1&empty=&ed=%7B%7D&cb=5")
    assert found.other == (("brand_new", "1"),)


def test_several_accounts_are_several_tags() -> None:
    found = match(
        "https://www.google-analytics.com/batch",
        body=b"v=1&t=pageview&tid=UA-1111-1&cid=1.2\nv=1&t=event&ea=play&tid=UA-2222-1\nv=1&t=event&ea=stop&tid=UA-1111-1",
    )
    assert {d.account: d.events for d in found} == {"UA-1111-1": ("pageview", "stop"), "UA-2222-1": ("play",)}


@pytest.mark.parametrize(
    ("value", "form", "digest", "placeholder"),
    [
        ("jane%40mail.test", Form.PLAIN, None, False),
        ("7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a", Form.HASHED, "sha256", False),
        ("7D1A54127B222502F5B79B5FB0803061152A44F92B37E23C6527BAF665D4DA9A", Form.HASHED, "sha256", False),
        ("9e107d9d372bb6826bd81d3542a419d6", Form.HASHED, "md5", False),
        ("0a4d55a8d778e5022fab701977c5d840bbc486d0", Form.HASHED, "sha1", False),
        ("Kf0ynWmKCQTDWJXAU5s2zSfXXUSmkSs2AYbPiKVqWTk", Form.HASHED, "sha256", False),
        ("amFuZUBtYWlsLnRlc3Q%3D", Form.ENCODED, None, False),
        ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Form.HASHED, "sha256", True),
        ("d41d8cd98f00b204e9800998ecf8427e", Form.HASHED, "md5", True),
        ("eb045d78d273107348b0300c01d29b7552d622abbc6faf81b3ec55359aa9950c", Form.HASHED, "sha256", True),  # undefined
        ("undefined", Form.PLAIN, None, True),
        ("%7B%7Bemail%7D%7D", Form.PLAIN, None, True),
        ("test%40example.com", Form.PLAIN, None, True),
        ("0000000000000000000000000000000000000000000000000000000000000001", Form.HASHED, "sha256", True),
    ],
)
def test_forms_of_an_email(value: str, form: Form, digest: str | None, placeholder: bool) -> None:
    (found,) = match(f"https://www.facebook.com/tr/?id=1234567890123456&ev=Lead&ud[em]={value}")
    (exposure,) = found.exposures
    assert (exposure.kind, exposure.form, exposure.hash, exposure.placeholder) == ("email", form, digest, placeholder)


@pytest.mark.parametrize(
    ("gcd", "state", "default"),
    [
        ("13l3l3l3l1l1", "unset", "unset"),
        ("13p3p3p3p5l1", "denied", "denied"),
        ("13q3q3q3q5l1", "denied", "denied"),
        ("13r3r3r3r5l1", "granted", "denied"),
        ("13t3t3t3t5l1", "granted", "granted"),
        ("13u3u3u3u5l1", "denied", "granted"),
        ("13v3v3v3v5l1", "granted", "granted"),
        ("13n3n3n3n5l1", "granted", "unset"),
        ("13m3m3m3m5l1", "denied", "unset"),
    ],
)
def test_consent_mode_states(gcd: str, state: str, default: str) -> None:
    (found,) = match(f"https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDEF1234&en=x&cid=1.2&gcd={gcd}")
    consent = dict(found.consent)
    names = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")
    assert {consent[name] for name in names} == {state}
    assert {consent[f"default_{name}"] for name in names} == {default}


def test_each_purpose_of_consent_mode_is_read_from_its_own_place() -> None:
    (found,) = match(
        "https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDEF1234&en=x&gcd=13r3p3t3l5l1&gcs=G101&npa=1"
    )
    consent = dict(found.consent)
    assert [consent[n] for n in ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")] == [
        "granted", "denied", "granted", "unset",
    ]  # fmt: skip
    assert (consent["gcs"], consent["npa"], consent["consent_mode"]) == ("G101", "1", "active")


def test_a_preflight_contacts_the_vendor_but_is_no_event() -> None:
    (found,) = match_request(RequestRecord(url=PINTEREST, method="OPTIONS", type="preflight"), RULES, page_url=PAGE)
    assert (found.kind, found.account, found.event, found.events) == ("other", "2612000000001", None, ())


def test_two_requests_for_one_event_are_marked() -> None:
    (found,) = match("https://www.facebook.com/privacy_sandbox/pixel/register/trigger/?id=1234567890123456&ev=PageView")
    assert (found.event, found.duplicate_of) == ("PageView", "meta.pixel.event")


def test_a_config_response_is_read_only_where_it_was_kept() -> None:
    url = "https://connect.facebook.net/signals/config/1234567890123456?v=2"
    (without,) = match(url)
    request = RequestRecord(url=url, response_body=b'optIn("1234567890123456", "AutomaticMatching", true)')
    (kept,) = match_request(request, RULES, page_url=PAGE)
    assert (without.features, kept.features) == ((), ("AutomaticMatching",))


# --------------------------------------------------------------------------- pages


def capture(**parts: object) -> PageCapture:
    blank = PageCapture(PAGE, PAGE, PAGE, Outcome.OK, datetime(2026, 1, 1, tzinfo=UTC))
    return replace(blank, **parts)  # type: ignore[arg-type]


def traces(**parts: object) -> set[tuple[str, str | None, str]]:
    return {(d.product, d.account, d.evidence) for d in match_page(capture(**parts), RULES)}


INLINE = """!function(e){...}("https://s.pinimg.com/ct/core.js");
pintrk('load', '2612000000001', {em: 'jane@mail.test'}); pintrk('page');"""


def test_inline_code_names_its_account_and_what_the_page_hands_over() -> None:
    signal = SourceSignal(SignalKind.INLINE, text=INLINE)
    (found,) = match_page(capture(signals=(signal,)), RULES)
    assert (found.product, found.account, found.evidence) == ("pinterest-tag", "2612000000001", "source")
    assert [(e.kind.value, e.value) for e in found.exposures] == [("email", "jane@mail.test")]


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        pytest.param(
            SourceSignal(SignalKind.NOSCRIPT, url=PINTEREST + "&noscript=1"),
            ("pinterest-tag", "2612000000001", "noscript"),
            id="noscript",
        ),
        pytest.param(
            SourceSignal(SignalKind.HELD_BACK, url="https://connect.facebook.net/en_US/fbevents.js", held_by="type"),
            ("meta-pixel", None, "held-back"),
            id="held back",
        ),
        pytest.param(
            SourceSignal(SignalKind.HELD_BACK, text="fbq('init', '1234567890123456');", held_by="type"),
            ("meta-pixel", "1234567890123456", "held-back"),
            id="held back inline",
        ),
        pytest.param(
            SourceSignal(SignalKind.SCRIPT, url="https://www.googletagmanager.com/gtm.js?id=GTM-ABC1234"),
            ("google-tag-manager", "GTM-ABC1234", "source"),
            id="script",
        ),
        pytest.param(
            SourceSignal(SignalKind.PRECONNECT, url="https://ct.pinterest.com/"),
            ("pinterest-tag", None, "source"),
            id="preconnect",
        ),
    ],
)
def test_source_signals(signal: SourceSignal, expected: tuple[str, str | None, str]) -> None:
    assert traces(signals=(signal,)) == {expected}


def test_globals_cookies_and_storage_keys_are_traces() -> None:
    assert traces(globals=("pintrk",)) == {("pinterest-tag", None, "global")}
    assert traces(cookies=(CookieRecord("_ga_ABCDEF1234", "clinic.test"),)) == {
        ("google-analytics-4", "G-ABCDEF1234", "cookie")
    }
    assert traces(cookies=(CookieRecord("fr", ".facebook.com"), CookieRecord("fr", "clinic.test"))) == {
        ("meta-pixel", None, "cookie")
    }
    assert traces(storage=(StorageKey("local", PAGE, "_epik_ls"),)) == {("pinterest-tag", None, "storage")}


def test_a_page_about_pixels_is_not_a_page_with_pixels() -> None:
    text = "<p>The Meta Pixel and the Pinterest Tag (pintrk) are described in our blog, G-suite, UA-style.</p>"
    assert traces(signals=(SourceSignal(SignalKind.INLINE, text=text),)) == set()


def test_requests_come_with_their_index_and_source_evidence_carries_no_exposures() -> None:
    url = PINTEREST + "&ad=%7B%22loc%22%3A%22https%3A%2F%2Fclinic.test%2F%22%7D"
    page = capture(
        requests=(RequestRecord(url=PAGE), RequestRecord(url=url)),
        signals=(SourceSignal(SignalKind.IMAGE, url=url), SourceSignal(SignalKind.IMAGE, url=url)),
    )
    sent, stands = match_page(page, RULES)
    assert (sent.request_index, sent.evidence, len(sent.exposures)) == (1, "request", 1)
    assert (stands.request_index, stands.evidence, stands.exposures) == (None, "source", ())


GA4 = "/g/collect?v=2&tid=G-CLINIC0001&gtm=45je5a1&en=page_view"


@pytest.mark.parametrize(
    ("host", "page", "matched"),
    [
        ("www.google.com.evil.test", "https://clinic.test/", False),
        ("google-analytics.com.evil.test", None, False),
        ("www.google.co.uk.evil.test", None, False),
        ("google.clinic.test", "https://clinic.test/", True),
        ("google.tagging.test", "https://clinic.test/", True),
        ("www.google-analytics.com.clinic.test", "https://clinic.test/", True),
    ],
)
def test_a_shape_on_a_host_that_wears_the_vendors_name_is_a_forgery_unless_the_host_is_the_sites(
    host: str, page: str | None, matched: bool
) -> None:
    found = match_request(RequestRecord(f"https://{host}{GA4}"), RULES, page_url=page)
    assert [d.product for d in found] == (["google-analytics-4"] if matched else [])
