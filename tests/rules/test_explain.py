"""The answer of `tagdrift explain`, to the letter of its contract."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from rules.explain import explain, explain_line
from rules.load import load_rules

RULES = load_rules()
HASH = "7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a"


def test_the_whole_answer() -> None:
    url = (
        "https://www.facebook.com/tr/?id=1234567890123456&ev=Lead&dl=https%3A%2F%2Fclinic.test%2Fknee&dpo=LDU&ud[em]="
        + HASH
    )
    assert explain({"url": url, "page_url": "https://clinic.test/knee"}, RULES) == {
        "format": 1,
        "url": url,
        "host": "www.facebook.com",
        "owner": "Facebook",
        "third_party": True,
        "detections": [
            {
                "rule": "meta.pixel.event",
                "vendor": "meta",
                "product": "meta-pixel",
                "category": "advertising",
                "kind": "event",
                "account": "1234567890123456",
                "event": "Lead",
                "events": ["Lead"],
                "first_party_collection": False,
                "consent": {"dpo": "LDU"},
                "exposures": [
                    {"kind": "page_url", "field": "dl", "value": "https://clinic.test/knee"},
                    {"kind": "email", "field": "ud[em]", "value": "7d1a54…"},
                ],
                "placeholders": [],
            }
        ],
        "exposures": [],
    }


def test_an_unknown_third_party_has_an_owner_and_no_detections() -> None:
    answer = explain({"url": "https://i.pinimg.com/x.jpg", "page_url": "https://clinic.test/"}, RULES)
    assert (answer["owner"], answer["third_party"], answer["detections"]) == ("Pinterest", True, [])


@pytest.mark.parametrize(
    ("url", "page_url", "third_party"),
    [
        ("https://cdn.clinic.test/x", "https://www.clinic.test/", False),
        ("https://cdn.other.test/x", "https://www.clinic.test/", True),
        ("https://cdn.other.test/x", None, None),
        ("data:text/plain,x", "https://www.clinic.test/", False),
        ("https://xn--bcher-kva.test/x", "https://www.bücher.test/", False),
        ("https://bücher.test/x", "https://clinic.test/", True),
        ("https://cdn.clinic.test:8443/x", "www.clinic.test:8080/doctors", False),
        ("https://cdn.other.test/x", " https://www.clinic.test/ ", True),
        ("https://cdn.other.test/x", "about:blank", None),
    ],
)
def test_third_party_is_told_against_the_page(url: str, page_url: str | None, third_party: bool | None) -> None:
    request = {"url": url} | ({"page_url": page_url} if page_url else {})
    assert explain(request, RULES)["third_party"] is third_party


def test_bodies_come_as_text_base64_or_as_the_object_itself() -> None:
    url, content = "https://ct.pinterest.com/v3/", {"tid": "2612000000001", "event": "lead"}
    text = json.dumps(content)
    requests = [
        {"url": url, "body": text},
        {"url": url, "body": content},
        {"url": url, "body_base64": base64.b64encode(text.encode()).decode(), "method": "post", "type": "ping"},
        {"url": url, "body": "tid=2612000000001&event=lead", "content_type": "text/plain"},
    ]
    for request in requests:
        (found,) = explain(request, RULES)["detections"]
        assert (found["account"], found["event"]) == ("2612000000001", "lead")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        ("{}", "`url` is missing"),
        ('{"url": 5}', "`url` is missing"),
        ('{"url": "//www.facebook.com/tr/?id=1"}', "`url` is not absolute"),
        ('{"url": "www.facebook.com/tr/"}', "`url` is not absolute"),
        ('{"url": "https://a.test/", "page_url": 5}', "`page_url` is not text"),
        ('{"url": "https://a.test/", "method": 5}', "`method` is not text"),
        ('{"url": "https://a.test/", "body_base64": "a"}', "not base64"),
        (b"\xff\xfe", "not JSON"),
    ],
)
def test_a_line_that_is_no_request_is_answered_too(line: str | bytes, said: str) -> None:
    answer = explain_line(line, RULES)
    assert said in answer["error"]
    assert (answer["format"], answer["detections"]) == (1, [])


def test_nothing_in_clear_reaches_the_answer_but_the_url_that_was_asked_about() -> None:
    body = {"tid": "2612000000001", "pd": {"em": "jane.doe@mail.test", "ph": "+1 555 010 0199", "fn": "Jane"}}
    answer = explain({"url": "https://ct.pinterest.com/v3/", "body": json.dumps(body)}, RULES)
    text = json.dumps(answer)
    assert not any(secret in text for secret in ("jane.doe", "mail.test", "0199", "Jane"))
    assert [e["kind"] for e in answer["detections"][0]["exposures"]] == ["email", "phone", "name"]


def test_what_looks_like_anybodys_identifier_is_told_without_known_identities() -> None:
    page = "https://clinic.test/appointment?email=jane.roe%40mail.test&cid=1234567890.1700000000"
    url = f"https://www.google-analytics.com/g/collect?v=2&tid=G-CLINIC0001&en=page_view&dl={quote(page, safe='')}"
    (found,) = explain({"url": url, "page_url": page}, RULES)["detections"]
    assert [(e["kind"], e["field"]) for e in found["exposures"]] == [("page_url", "dl"), ("email", "dl.email")]
    stranger = explain({"url": "https://px.nobody.test/p?em=jane.roe%40mail.test", "page_url": page}, RULES)
    assert [(e["kind"], e["field"], e["value"]) for e in stranger["exposures"]] == [("email", "em", "j***@m***.test")]
    own = explain({"url": "https://api.clinic.test/p?em=jane.roe%40mail.test", "page_url": page}, RULES)
    assert own["exposures"] == [], "what stays with the site is no leak"


def test_a_host_that_no_list_knows_has_the_owner_of_its_rule() -> None:
    url = "https://region1.analytics.google.com/g/collect?v=2&tid=G-CLINIC0001&en=page_view"
    assert explain({"url": url}, RULES)["owner"] == "Google LLC"
    assert explain({"url": "https://docs.google.com/viewer?url=x"}, RULES)["owner"] == "Google LLC"
    assert explain({"url": "https://docs.google.com.evil.test/viewer"}, RULES)["owner"] is None
    proxied = "https://sst.clinic.test/g/collect?v=2&tid=G-CLINIC0001&en=page_view"
    assert explain({"url": proxied, "page_url": "https://clinic.test/"}, RULES)["owner"] is None


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (None, "google.tag-manager.script"),
        ("Script", "google.tag-manager.script"),
        ("sub_frame", None),
    ],
)
def test_types_are_understood_as_others_spell_them(said: str | None, rule: str | None) -> None:
    url = "https://www.clinic.test/metrics/loader.js?id=GTM-ABC1234"
    found = explain({"url": url, "type": said, "page_url": "https://www.clinic.test/"}, RULES)["detections"]
    assert [each["rule"] for each in found] == ([rule] if rule else [])


def test_spaces_around_an_address_do_not_matter() -> None:
    answer = explain({"url": "  https://www.facebook.com/tr/?id=1234567890123456&ev=PageView\n"}, RULES)
    assert (answer["host"], answer["detections"][0]["event"]) == ("www.facebook.com", "PageView")


def test_a_hash_of_nothing_is_a_mistake_and_no_persons_address() -> None:
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    url = f"https://www.facebook.com/tr/?id=1234567890123456&ev=Lead&ud[em]={nothing}&ud[ph]={HASH}"
    (found,) = explain({"url": url}, RULES)["detections"]
    assert [e["field"] for e in found["exposures"]] == ["ud[ph]"]
    assert [e["field"] for e in found["placeholders"]] == ["ud[em]"]
    stranger = explain({"url": f"https://px.nobody.test/p?em={nothing}", "page_url": "https://clinic.test/"}, RULES)
    assert stranger["exposures"] == []


def test_headers_may_tell_of_the_account_and_the_page() -> None:
    key = base64.b64encode(b"0a1b2c3d4e5f60718293a4b5:").decode()
    headers = {"Authorization": f"Basic {key}", "Referer": "https://clinic.test/depression", "Cookie": "sid=secret"}
    request = {
        "url": "https://api.segment.io/v1/t",
        "page_url": "https://clinic.test/",
        "body": json.dumps({"type": "track", "event": "Booked", "messageId": "m1", "anonymousId": "a1"}),
        "headers": {
            "Authorization": f"Basic {key}",
            "Referer": "https://clinic.test/depression",
            "Cookie": "sid=secret",
        },
    }
    (found,) = explain(request, RULES)["detections"]
    assert (found["product"], found["account"], found["event"]) == ("segment", "0a1b2c3d4e5f60718293a4b5", "Booked")
    assert ("page_url", "header.referer") in [(e["kind"], e["field"]) for e in found["exposures"]]
    as_list = [{"name": name, "value": value} for name, value in headers.items()]
    assert explain({**request, "headers": as_list}, RULES)["detections"] == [found]
    assert explain({**request, "headers": 5}, RULES)["detections"][0]["account"] is None


def test_a_pixel_whose_address_was_escaped_twice_is_read_as_it_was_meant() -> None:
    url = "https://www.facebook.com/tr?id=1234567890123456&amp;ev=PageView&amp;noscript=1"
    (found,) = explain({"url": url}, RULES)["detections"]
    assert (found["account"], found["event"]) == ("1234567890123456", "PageView")
