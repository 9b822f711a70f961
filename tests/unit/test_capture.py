"""What a page's source shows, and that hostile markup costs neither time nor a crash."""

from __future__ import annotations

import pytest

from scanner.capture import absolute, decode_source, page_facts, read_source, source_links, source_signals
from scanner.model import SignalKind
from tests.timing import yardsticks

BASE = "https://www.clinic.example/care/heart.html"


def shown(html: str) -> list[tuple[SignalKind, str | None]]:
    return [(signal.kind, signal.url or signal.text) for signal in source_signals(html, BASE)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        pytest.param("<script src=/js/a.js></script>", [("script", "https://www.clinic.example/js/a.js")], id="script"),
        pytest.param("<script src=a.js></script>", [("script", "https://www.clinic.example/care/a.js")], id="relative"),
        pytest.param(
            "<script src='//s.pinimg.com/ct/core.js'>", [("script", "https://s.pinimg.com/ct/core.js")], id="no scheme"
        ),
        pytest.param(
            "<base href='https://cdn.example/x/'><script src=a.js></script>",
            [("script", "https://cdn.example/x/a.js")],
            id="base",
        ),
        pytest.param("<script>pintrk('load')</script>", [("inline", "pintrk('load')")], id="inline"),
        pytest.param("<script type=module>import 'x'</script>", [("inline", "import 'x'")], id="module"),
        pytest.param("<script type=application/ld+json>{}</script>", [], id="data is not code"),
        pytest.param("<script type=text/x-handlebars-template>{{a}}</script>", [], id="a template is not code"),
        pytest.param(
            "<noscript><img height=1 width=1 src='https://ct.pinterest.com/v3/?tid=1&noscript=1'></noscript>",
            [("noscript", "https://ct.pinterest.com/v3/?tid=1&noscript=1")],
            id="noscript pixel",
        ),
        pytest.param(
            "<noscript>&lt;img src='https://ct.pinterest.com/v3/?tid=1'&gt;</noscript>",
            [("noscript", "https://ct.pinterest.com/v3/?tid=1")],
            id="noscript as text",
        ),
        pytest.param(
            "<noscript><iframe src=https://www.googletagmanager.com/ns.html?id=GTM-AB12></iframe></noscript>",
            [("noscript", "https://www.googletagmanager.com/ns.html?id=GTM-AB12")],
            id="noscript frame",
        ),
        pytest.param(
            "<link rel='dns-prefetch' href='//ct.pinterest.com'>",
            [("preconnect", "https://ct.pinterest.com")],
            id="dns",
        ),
        pytest.param(
            "<link rel='Preload' as=script href=/a.js>",
            [("preconnect", "https://www.clinic.example/a.js")],
            id="preload",
        ),
        pytest.param("<iframe src=https://v.example/e/1></iframe>", [("frame", "https://v.example/e/1")], id="frame"),
        pytest.param(
            "<iframe data-src=https://v.example/e/1></iframe>", [("frame", "https://v.example/e/1")], id="lazy frame"
        ),
        pytest.param(
            "<img src=https://t.example/p?x=1>", [("image", "https://t.example/p?x=1")], id="third-party pixel"
        ),
        pytest.param(
            "<img width=1 height=1 src=/p.gif>", [("image", "https://www.clinic.example/p.gif")], id="tiny image"
        ),
        pytest.param("<img src=/photo.jpg width=300><img src=https://cdn.example/photo.jpg>", [], id="pictures"),
        pytest.param("<meta name='p:domain_verify' content=abc>", [("meta", "p:domain_verify=abc")], id="verification"),
        pytest.param("<meta name=description content='we verify nothing'>", [], id="other meta"),
        pytest.param("<script src='javascript:alert(1)'></script><script src='data:,x'></script>", [], id="no address"),
        pytest.param(
            "<svg><script href=https://t.example/s.js></script></svg>", [("script", "https://t.example/s.js")], id="svg"
        ),
    ],
)
def test_signals(html: str, expected: list[tuple[str, str]]) -> None:
    assert shown(html) == expected


@pytest.mark.parametrize(
    ("html", "url", "held_by"),
    [
        (
            "<script type=text/plain data-cookieconsent=marketing src=https://t.example/a.js></script>",
            "a.js",
            "data-cookieconsent",
        ),
        (
            "<script type=text/plain class='optanon-category-C0004' src=https://t.example/a.js></script>",
            "a.js",
            "class=optanon-category-C0004",
        ),
        ("<script data-cmp-src=https://t.example/a.js type=text/plain></script>", "a.js", "data-cmp-src"),
        (
            "<script type=text/plain data-cookiecategory=ads data-src=https://t.example/a.js></script>",
            "a.js",
            "data-cookiecategory",
        ),
        (
            "<script type=text/plain data-category=marketing src=https://t.example/a.js></script>",
            "a.js",
            "data-category",
        ),
        ("<script type=text/x-blocked src=https://t.example/a.js></script>", "a.js", "type=text/x-blocked"),
        ("<script data-src=https://t.example/a.js></script>", "a.js", "data-src"),
        ("<iframe data-cookieconsent=marketing data-src=https://t.example/f></iframe>", "f", "data-cookieconsent"),
        ("<img data-cmp-src=https://t.example/p?x=1>", "p?x=1", "data-cmp-src"),
        (
            "<script type=rocketlazyloadscript data-rocket-src=https://t.example/a.js></script>",
            "a.js",
            "data-rocket-src",
        ),
    ],
)
def test_scripts_held_back_until_consent(html: str, url: str, held_by: str) -> None:
    (signal,) = source_signals(html, BASE)
    assert (signal.kind, signal.url, signal.held_by) == (SignalKind.HELD_BACK, f"https://t.example/{url}", held_by)


def test_inline_code_held_back_keeps_its_text() -> None:
    (signal,) = source_signals("<script type=text/plain data-cookieconsent=marketing>fbq('init','1')</script>", BASE)
    assert (signal.kind, signal.text) == (SignalKind.HELD_BACK, "fbq('init','1')")


def test_a_script_that_the_consent_platform_is_told_to_ignore_runs() -> None:
    assert shown("<script data-cookieconsent=ignore src=/a.js></script>") == [
        ("script", "https://www.clinic.example/a.js")
    ]


def test_a_frame_written_into_the_page_is_read_too() -> None:
    html = '<iframe srcdoc="&lt;script src=https://t.example/a.js&gt;&lt;/script&gt;"></iframe>'
    assert ("script", "https://t.example/a.js") in shown(html)


def test_long_inline_code_is_cut_at_64_kib() -> None:
    (signal,) = source_signals(f"<script>{'é' * 100_000}</script>", BASE)
    assert signal.text is not None
    assert len(signal.text.encode()) == 64 * 1024


def test_links_know_where_they_come_from() -> None:
    html = """<link rel=canonical href=/care/heart><a href="/doctors#team">x</a><a href="mailto:a@b.example">x</a>
      <area href=map><iframe src=/widget></iframe><form action=/search></form><form method=post action=/send></form>
      <meta http-equiv=refresh content="3; url='/next'"><a href=" /doctors#team "></a><a href="https://other.example/">"""
    assert {(link.url, link.source) for link in source_links(html, BASE)} == {
        ("https://www.clinic.example/care/heart", "canonical"),
        ("https://www.clinic.example/doctors#team", "source-link"),
        ("https://www.clinic.example/care/map", "source-link"),
        ("https://www.clinic.example/widget", "frame"),
        ("https://www.clinic.example/search", "form"),
        ("https://www.clinic.example/next", "redirect"),
        ("https://other.example/", "source-link"),
    }


def test_facts_and_forms() -> None:
    html = """<html lang=en-US><title> Heart\n care </title><link rel=canonical href=/h>
      <input type=password name=pw><input name=q>"""
    facts = page_facts(html, BASE)
    assert (facts.title, facts.canonical, facts.language) == ("Heart care", "https://www.clinic.example/h", "en-US")
    source = read_source(html, BASE)
    assert source.has_password_field
    assert source.form_fields == ("password:pw", "text:q")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("/a", "https://www.clinic.example/a"),
        ("../a", "https://www.clinic.example/a"),
        ("?q=1", "https://www.clinic.example/care/heart.html?q=1"),
        ("/a/../b", "https://www.clinic.example/b"),
        ("\\\\evil.example\\a", "https://evil.example/a"),
        ("HTTPS://Evil.example/a", "https://Evil.example/a"),
        ("ht\ntps://evil.example/a", "https://evil.example/a"),
        ("http://[broken", None),
        ("https://", None),
        ("ftp://x.example/", None),
    ],
)
def test_addresses_resolve_as_in_a_browser(reference: str, expected: str | None) -> None:
    found = absolute(BASE, reference)
    assert (found.lower() if found else found) == (expected.lower() if expected else expected)


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("Ä".encode("latin-1"), "text/html; charset=ISO-8859-1", "Ä"),
        ("Ä".encode("utf-16"), None, "Ä"),
        (b"<meta charset=windows-1251>" + "Я".encode("cp1251"), None, "Я"),
        (b"\xff\xfe\xfa plain", "text/html; charset=utf-8", "plain"),
        ("Ä".encode(), "text/html; charset=no-such-thing", "Ä"),
    ],
)
def test_bytes_become_text(body: bytes, content_type: str | None, expected: str) -> None:
    assert expected in decode_source(body, content_type)


TAIL = "<script src=https://ct.pinterest.com/a.js></script>"
MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "html",
    [
        *[
            pytest.param(f"<{t}>" * (MEGABYTE // (len(t) + 2)) + TAIL, id=f"deep {t}")
            for t in ("div", "a", "b", "table", "form", "p", "svg", "noscript", "button", "object", "template")
        ],
        pytest.param("<img width=1 height=1 src=/x>" * 35_000 + TAIL, id="images"),
        pytest.param("<div " + " ".join(f"a{i}=1" for i in range(120_000)) + ">" + TAIL, id="attributes"),
        pytest.param("<noscript>&lt;img src=y&gt;</noscript>" * 25_000 + TAIL, id="fragments"),
        pytest.param("<iframe srcdoc='&lt;img src=y&gt;'></iframe>" * 25_000 + TAIL, id="frames"),
        pytest.param("".join(f"<script>{i}</script>" for i in range(45_000)) + TAIL, id="scripts"),
        pytest.param(f"<script class='{'x ' * 500_000}'></script>" + TAIL, id="classes"),
        pytest.param(f"<meta http-equiv=refresh content='{'1' * MEGABYTE}'>" + TAIL, id="refresh"),
        pytest.param("&amp;&#x110000;&bogus;" * 50_000 + TAIL, id="entities"),
        pytest.param("<?xml version='1.0' encoding='utf-16'?>\x00\ud800<p>" + TAIL, id="broken encoding"),
    ],
)
def test_hostile_markup_hides_nothing_and_is_quick(html: str) -> None:
    assert yardsticks(lambda: source_signals(html, BASE), 80) < 80
    assert "https://ct.pinterest.com/a.js" in {signal.url for signal in source_signals(html, BASE)}


@pytest.mark.parametrize(
    "html", ["", "  ", "<", "<!--", "<" * 100_000, "<!--" * 100_000, "<div" * 100_000, "\x00" * 10]
)
def test_markup_that_says_nothing(html: str) -> None:
    assert source_signals(html, BASE) == ()


def test_an_ordinary_page_takes_milliseconds() -> None:
    row = "<div class=card><a href='/p/{0}'><h3>Title {0}</h3></a><p>Some <b>words</b>.</p><img src=/i/{0}.jpg></div>\n"
    html = "<html><head><script src=/a.js></script></head><body>" + "".join(row.format(i) for i in range(1_900)) + TAIL
    assert len(html) > 195_000

    assert len(source_links(html, BASE)) == 1_900
    assert yardsticks(lambda: [source_links(html, BASE) for _ in range(5)], 15) < 15
