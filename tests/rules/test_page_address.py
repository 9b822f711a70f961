"""Search words in the addresses of pages."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from rules.load import load_rules
from rules.match import match_request
from rules.page_address import clicked, searched
from scanner.model import ExposureKind, RequestRecord

RULES = load_rules()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://clinic.test/search?q=hiv+test&page=2", [("q", "hiv test")]),
        ("https://clinic.test/find-a-doctor?Keyword=knee%20pain", [("Keyword", "knee pain")]),
        ("https://clinic.test/#/search?query=depression", [("query", "depression")]),
        ("https://clinic.test/?s=depression", [("s", "depression")]),
        ("https://clinic.test/search/results?s=depression", [("s", "depression")]),
        ("https://clinic.test/story?s=abc", []),
        ("https://clinic.test/story?s=20&k=17", []),
        ("https://clinic.test/x?utm_term=knee&faq=yes&qq=abc", []),
        ("https://clinic.test/x?q=17&query=&search=true", []),
        ("https://clinic.test/x?q=https%3A%2F%2Fother.test%2F", []),
        ("https://clinic.test/x?q=0a1b2c3d4e5f60718293a4b5c6d7e8f9", []),
    ],
)
def test_search_words(url: str, expected: list[tuple[str, str]]) -> None:
    assert list(searched(url)) == expected


def searches(url: str) -> list[tuple[str, str]]:
    (found,) = match_request(RequestRecord(url=url, type="image"), RULES, page_url="https://clinic.test/")
    return [(e.field, e.value) for e in found.exposures if e.kind is ExposureKind.SEARCH_QUERY]


def test_they_are_an_exposure_of_whoever_gets_the_address() -> None:
    page = quote("https://clinic.test/search?q=hiv test", safe="")
    beacon = "https://www.facebook.com/tr/?id=1234567890123456&ev=PageView&dl="
    assert searches(beacon + page) == [("dl.q", "hiv test")]
    assert searches(f"{beacon}https%3A%2F%2Fclinic.test%2F&rl={page}") == [("rl.q", "hiv test")]
    assert searches(f"{beacon}{page}&cd[search_string]=hiv%20test") == [("cd[search_string]", "hiv test")], "once"


def test_ids_of_clicked_ads_and_mails_are_told_apart_from_campaign_words() -> None:
    url = "https://clinic.test/?utm_source=google&gclid=Cj0KCQ-clinic_1&fbclid=IwAR0clinic&x=1&gclsrc=aw.ds&mc_eid=0a1b2c3d"
    assert list(clicked(url)) == [("gclid", "Cj0KCQ-clinic_1"), ("fbclid", "IwAR0clinic"), ("mc_eid", "0a1b2c3d")]
    beacon = f"https://www.facebook.com/tr/?id=1234567890123456&ev=PageView&dl={quote(url, safe='')}"
    (found,) = match_request(RequestRecord(url=beacon, type="image"), RULES, page_url="https://clinic.test/")
    fields = [e.field for e in found.exposures if e.kind is ExposureKind.CLICK_ID]
    assert fields == ["dl.gclid", "dl.fbclid", "dl.mc_eid"]
