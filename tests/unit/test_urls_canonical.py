"""Which addresses are the same page, and which pages look alike."""

import pytest

from scanner.urls import canonical_url, is_third_party, page_template

SAME = [
    pytest.param("HTTPS://WWW.Clinic.Example/A", "https://www.clinic.example/A", id="lower case, not the path"),
    pytest.param("https://clinic.example", "https://clinic.example/", id="empty path"),
    pytest.param("https://clinic.example./x", "https://clinic.example/x", id="final dot of the host"),
    pytest.param("https://clinic.example:443/x", "https://clinic.example/x", id="https port"),
    pytest.param("http://clinic.example:80/x", "http://clinic.example/x", id="http port"),
    pytest.param("http://clinic.example:443/x", "http://clinic.example:443/x", id="the other scheme's port stays"),
    pytest.param("https://clinic.example:/x", "https://clinic.example/x", id="empty port"),
    pytest.param("https://user:secret@clinic.example/x", "https://clinic.example/x", id="credentials"),
    pytest.param("https://bücher.example/straße", "https://xn--bcher-kva.example/stra%C3%9Fe", id="IDNA and UTF-8"),
    pytest.param("https://faß.example/", "https://xn--fa-hia.example/", id="IDNA as browsers do, not of 2003"),
    pytest.param("https://[2001:DB8:0:0::1]:8443/", "https://[2001:db8::1]:8443/", id="IPv6"),
    pytest.param("https://c.example/%7Ejo/%c3%a4%2f", "https://c.example/~jo/%C3%A4%2F", id="escapes in normal form"),
    pytest.param("https://c.example/100%", "https://c.example/100%25", id="a stray percent sign"),
    pytest.param("https://c.example/a/./b/../c/%2e%2E/d", "https://c.example/a/d", id="dot segments"),
    pytest.param("https://c.example/a/..", "https://c.example/", id="dots at the end name a directory"),
    pytest.param("https://c.example/../../x", "https://c.example/x", id="dots above the root"),
    pytest.param("https://c.example/a//b/", "https://c.example/a//b/", id="slashes kept"),
    pytest.param("https://c.example/index.html", "https://c.example/index.html", id="index pages kept"),
    pytest.param("https:\\\\c.example\\a?x=\\", "https://c.example/a?x=%5C", id="backslashes before the query"),
    pytest.param(" \thttps://c.example/a\n b ", "https://c.example/a%20b", id="white space"),
    pytest.param("https://c.example/?", "https://c.example/", id="empty query"),
    pytest.param("https://c.example/?&&a=1&", "https://c.example/?a=1", id="empty pairs"),
    pytest.param("https://c.example/?b=2&a=1", "https://c.example/?a=1&b=2", id="query sorted by name"),
    pytest.param("https://c.example/?a=2&b=x&a=1", "https://c.example/?a=2&a=1&b=x", id="repeated names keep order"),
    pytest.param("https://c.example/?q=a%20b%2bc&u=%2F%3a", "https://c.example/?q=a+b%2Bc&u=/:", id="query spelling"),
    pytest.param("https://c.example/?q=a=b&flag", "https://c.example/?flag&q=a=b", id="equals signs and bare names"),
    pytest.param("https://c.example/?a[]=1", "https://c.example/?a%5B%5D=1", id="brackets"),
    pytest.param("https://c.example/x#top", "https://c.example/x", id="fragment"),
    pytest.param("https://c.example/x#/route", "https://c.example/x", id="a route is a fragment by default"),
    pytest.param("https://c.example/?utm_source=a&UTM_Medium=b&id=7", "https://c.example/?id=7", id="campaign"),
    pytest.param("https://c.example/a;jsessionid=0A1B?x=1", "https://c.example/a?x=1", id="jsessionid in the path"),
    pytest.param("https://c.example/(S(lit3py55t21z5v55vlm25s55))/a", "https://c.example/a", id="cookieless session"),
    pytest.param("https://c.example/?PHPSESSID=1&x=1", "https://c.example/?x=1", id="session by name"),
    pytest.param("https://c.example/?sid=0a1b2c3d4e5f60718293&x=1", "https://c.example/?x=1", id="session by look"),
    pytest.param("https://c.example/?sid=12&x=1", "https://c.example/?sid=12&x=1", id="a short sid is content"),
    pytest.param("https://c.example/?s=heart+surgery", "https://c.example/?s=heart+surgery", id="a search is content"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "canonical"), SAME)
def test_one_address_for_one_page(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


CLICK_IDS = """
epik fbclid gclid gbraid wbraid gclsrc gad_source gad_campaignid dclid _gl srsltid tblci ndclid _kx hsa_acc _hsenc
_hsmi vmcid obOrigUrl cto_pld msclkid twclid rdt_cid li_fat_id ttclid ScCid dicbo yclid mc_eid mc_cid mkt_tok
irclickid utm_campaign
"""


@pytest.mark.parametrize("name", CLICK_IDS.split())
def test_click_ids_never_make_another_page(name: str) -> None:
    assert canonical_url(f"https://c.example/?a=1&{name}=AbC-123") == "https://c.example/?a=1"


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "#", "?", "/relative", "//c.example/x", "c.example", "mailto:a@c.example", "tel:1", "data:,x"),
        *("javascript:void(0)", "ftp://c.example/", "blob:https://c.example/1", "https://", "https:///x"),
        *("http://[::1", "http://[zz]/", "http://c.example:99999/", "http://c.example:0/", "http://c.example:x/"),
        *("http://a b/", "http://a<b>/", "http://.../", "http://a..b/", "http://\udcff/", "http://" + "ä" * 300 + "/"),
        "http://" + "a." * 200 + "example/",
    ],
)  # fmt: skip
def test_what_is_no_page_has_no_address(url: str) -> None:
    assert canonical_url(url) == ""
    assert page_template(url) == ""


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://c.example/app#/doctors/7", "https://c.example/app#/doctors/7"),
        ("https://c.example/app#!/a?b=ü", "https://c.example/app#!/a?b=%C3%BC"),
        ("https://c.example/app#/", "https://c.example/app"),
        ("https://c.example/app#!", "https://c.example/app"),
        ("https://c.example/app#section-2", "https://c.example/app"),
    ],
)
def test_hash_routes_are_pages_only_where_asked_for(url: str, canonical: str) -> None:
    assert canonical_url(url, hash_routes=True) == canonical


@pytest.mark.parametrize(
    ("url", "template"),
    [
        ("https://c.example/", "/"),
        ("https://c.example/about-us", "/about-us"),
        ("https://c.example/how-to-prepare-for-surgery", "/{slug}"),
        ("https://c.example/doctors/jane-doe", "/doctors/{slug}"),
        ("https://c.example/doctors/cardiology", "/doctors/cardiology"),
        ("https://c.example/services/heart-center/team", "/services/{slug}/team"),
        ("https://c.example/news/2024/05/12/new-wing.html", "/news/{year}/{month}/{day}/{slug}.html"),
        ("https://c.example/events/2024-05-12", "/events/{date}"),
        ("https://c.example/events/20240512/", "/events/{date}/"),
        ("https://c.example/item/12345", "/item/{number}"),
        ("https://c.example/page2.html", "/page{number}.html"),
        ("https://c.example/x/123e4567-e89b-12d3-a456-426614174000", "/x/{id}"),
        ("https://c.example/x/dGhpc2lzYXRva2Vu0123456", "/x/{id}"),
        ("https://c.example/search?q=flu&page=2", "/search?page&q"),
        ("https://c.example/?12345", "/?{…}"),
        ("https://c.example/app#/doctors/7", "/app#/doctors/{number}"),
    ],
)
def test_template(url: str, template: str) -> None:
    assert page_template(url) == template


def test_a_host_is_the_same_however_it_is_written() -> None:
    """A page that could not be reached keeps the address as written; its own host is no third party."""
    assert not is_third_party("https://xn--bcher-kva.example/", "http://Bücher.example/")
    assert is_third_party("https://xn--bcher-kva.example/", "http://bucher.example/")
