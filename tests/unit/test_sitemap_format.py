"""One sitemap in any format, whole or broken."""

import gzip

import pytest

from scanner.crawl.sitemap_format import MAX_SITEMAP_BYTES, read_sitemap
from tests.timing import yardsticks

HERE = "https://www.clinic.example/sitemap.xml"
PREFIXED = 'xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9"'
A = "https://c.example/a"
XMLNS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
URLSET = f'<?xml version="1.0" encoding="UTF-8"?><urlset {XMLNS}><url><loc>https://c.example/a</loc></url></urlset>'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(URLSET, id="plain"),
        pytest.param("\n\n  " + URLSET, id="empty lines before the declaration"),
        pytest.param("\ufeff" + URLSET, id="byte order mark"),
        pytest.param("<urlset><url><loc>\n https://c.example/a </loc></url></urlset>", id="no namespace, white space"),
        pytest.param(f"<s:urlset {PREFIXED}><s:url><s:loc>{A}</s:loc></s:url></s:urlset>", id="prefix"),
        pytest.param("<urlset><url><loc><![CDATA[https://c.example/a]]></loc></url></urlset>", id="CDATA"),
        pytest.param(f"<urlset><url><loc>{A}</loc><loc/></url><url/></urlset>", id="empty"),
        pytest.param(f"<rss><channel><link>/no</link><item><link>{A}</link></item></channel></rss>", id="RSS"),
        pytest.param(f"<feed xmlns='urn:atom'><entry><link href='{A}'/></entry></feed>", id="Atom"),
        pytest.param("https://c.example/a\r\n\r\n# not one\r\nhttps://c.example/a\n", id="text"),
    ],
)  # fmt: skip
def test_formats(body: str) -> None:
    for encoded in (body.encode(), gzip.compress(body.encode())):
        sitemap = read_sitemap(encoded, HERE)
        assert (sitemap.pages, sitemap.sitemaps, sitemap.trouble) == (("https://c.example/a",), (), None)


def test_index_relative_addresses_and_language_versions() -> None:
    entries = "<sitemap><loc>s1.xml.gz</loc></sitemap><sitemap><loc>/s2.xml</loc></sitemap>"
    index = f"<sitemapindex {XMLNS}>{entries}</sitemapindex>"
    assert read_sitemap(index.encode(), HERE).sitemaps == (
        "https://www.clinic.example/s1.xml.gz",
        "https://www.clinic.example/s2.xml",
    )
    languages = (
        "<urlset xmlns:x='http://www.w3.org/1999/xhtml'><url><loc>/en</loc>"
        "<x:link rel='alternate' hreflang='es' href='/es'/><x:link rel='stylesheet' href='/no.css'/></url></urlset>"
    )
    assert read_sitemap(languages.encode(), HERE).pages == (
        "https://www.clinic.example/en",
        "https://www.clinic.example/es",
    )


@pytest.mark.parametrize(
    ("body", "count"),
    [
        pytest.param(b"<urlset><url><loc>https://c.example/1</loc></url><url><loc>https://c.ex", 1, id="cut off"),
        pytest.param(gzip.compress(URLSET.encode())[:-8], 1, id="gzip cut off"),
        pytest.param(b"<urlset><url><loc>https://c.example/1</loc></url>\x00\x01\xff</urlset>", 1, id="rubbish"),
    ],
)  # fmt: skip
def test_broken_files_give_what_they_can_and_say_so(body: bytes, count: int) -> None:
    sitemap = read_sitemap(body, HERE)
    assert len(sitemap.pages) == count and sitemap.trouble


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"\x1f\x8b\x00",
        b"<",
        b"<!doctype html><html><a href=https://c.example/>x</a>",
        b"hello",
        b"\xff" * 99,
    ],
)
def test_what_is_no_sitemap_names_nothing(body: bytes) -> None:
    sitemap = read_sitemap(body, HERE)
    assert (sitemap.pages, sitemap.sitemaps) == ((), ()) and sitemap.trouble


def test_a_bare_ampersand_is_meant_as_one() -> None:
    body = b"<urlset><url><loc>/?a=1&b=2</loc></url><url><loc>/?a=1&amp;b=3</loc></url></urlset>"
    sitemap = read_sitemap(body, "https://c.example/")
    assert (sitemap.pages, sitemap.trouble) == (("https://c.example/?a=1&b=2", "https://c.example/?a=1&b=3"), None)


def test_entities_are_neither_expanded_nor_fetched() -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE z [<!ENTITY e0 "aaaaaaaaaa">{levels}<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    body = f"{bomb}<urlset><url><loc>https://c.example/&e9;&file;</loc></url><url><loc>https://c.example/b</loc></url></urlset>"
    assert yardsticks(lambda: read_sitemap(body.encode(), HERE), 80) < 80
    sitemap = read_sitemap(body.encode(), HERE)
    assert all(len(page) < 100 and "root" not in page for page in sitemap.pages)


def test_gzip_bombs_end_at_the_cap() -> None:
    line = b"https://c.example/a\n"
    sitemap = read_sitemap(gzip.compress(line * (MAX_SITEMAP_BYTES // len(line) * 2), compresslevel=1), HERE)
    assert sitemap.pages == ("https://c.example/a",)
    assert "uncompressed" in (sitemap.trouble or "")


def test_deep_nesting_and_many_entries_do_not_hurt() -> None:
    deep = b"<urlset>" + b"<url>" * 100_000 + b"<loc>https://c.example/</loc>"
    assert read_sitemap(deep, HERE).trouble
    many = "<urlset>" + "".join(f"<url><loc>https://c.example/{n}</loc></url>" for n in range(50_000)) + "</urlset>"
    assert len(read_sitemap(many.encode(), HERE).pages) == 50_000
