"""Discovery against a real server on the loopback interface: names are mapped, nothing leaves the machine."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from scanner.crawl.discover import Discovery, discover
from scanner.crawl.http import make_client
from scanner.crawl.robots import Robots
from scanner.crawl.sitemaps import SitemapLimits
from scanner.model import HttpCredentials, ResolveRule, Secret, SiteConfig
from tests.make import SITE

XMLNS = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(*urls: str) -> bytes:
    return f"<urlset xmlns='{XMLNS}'>{''.join(f'<url><loc>{url}</loc></url>' for url in urls)}</urlset>".encode()


def index(*urls: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex xmlns='{XMLNS}'>{entries}</sitemapindex>".encode()


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip_s: float | None = None
    """Send the body for ever, a byte at a time."""


@dataclass
class Request:
    path: str
    headers: dict[str, str]


class Server:
    """Answers by `host/path`, else by path, else 404; remembers what it was asked."""

    def __init__(self, answers: dict[str, Answer | bytes]) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self.server_names: list[str | None] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            path = head[0].split(" ")[1]
            self.requests.append(Request(path, headers))
            found = self.answers.get(headers["host"] + path, self.answers.get(path, Answer(b"not here", 404)))
            answer = found if isinstance(found, Answer) else Answer(found)
            lines = {"Content-Length": str(len(answer.body)), "Connection": "close", **answer.headers}
            if answer.drip_s is not None:
                del lines["Content-Length"]
            head_text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            writer.write(f"HTTP/1.1 {answer.status} X\r\n{head_text}\r\n".encode() + answer.body)
            while answer.drip_s is not None:
                writer.write(b"\n")
                await writer.drain()
                await asyncio.sleep(answer.drip_s)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    answers: dict[str, Answer | bytes], *, names: tuple[str, ...] = ("*.clinic.example",)
) -> AsyncIterator[Server]:
    server = Server(answers)
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: server.server_names.append(name)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
    async with listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


def site(server: Server, **more: Any) -> SiteConfig:
    values: dict[str, Any] = {"name": "clinic", "start": (f"{SITE}/",), "insecure": True, **more}
    return SiteConfig(resolve=(ResolveRule("*", "127.0.0.1", server.port),), **values)


async def discovered(answers: dict[str, Answer | bytes], limits: SitemapLimits | None = None, **more: Any) -> Discovery:
    async with serving(answers) as server:
        return await discover(site(server, **more), limits=limits)


def paths(discovery: Discovery, source: str = "sitemap") -> list[str]:
    return [page.removeprefix(SITE) for page in dict(discovery.pages)[source]]


# --------------------------------------------------------------------------- sitemaps


async def test_nested_gzipped_and_text_sitemaps_of_robots_txt() -> None:
    robots = f"User-agent: *\nDisallow: /private\nCrawl-delay: 2\nSitemap: {SITE}/index.xml\nsitemap: /more.txt\n"
    found = await discovered(
        {
            "/robots.txt": robots.encode(),
            "/index.xml": index(f"{SITE}/one.xml.gz", f"{SITE}/deeper.xml", f"{SITE}/gone.xml", "https://stranger.example/s.xml"),
            "/deeper.xml": index(f"{SITE}/two.xml", f"{SITE}/index.xml"),
            "/one.xml.gz": gzip.compress(urlset(f"{SITE}/a", f"{SITE}/b")),
            "/two.xml": Answer(gzip.compress(urlset(f"{SITE}/c", f"{SITE}/a")), headers={"Content-Encoding": "gzip"}),
            "/more.txt": f"{SITE}/d\n".encode(),
            "stranger.example/s.xml": urlset(f"{SITE}/never"),
        }
    )  # fmt: skip
    assert sorted(paths(found)) == ["/a", "/b", "/c", "/d"]
    assert [note for note in found.notes if "gone.xml" in note and "HTTP 404" in note]
    assert [note for note in found.notes if "other sites" in note]
    assert found.robots.refusal(f"{SITE}/private/x", False) and not found.robots.refusal(f"{SITE}/public", False)
    assert found.robots.crawl_delay_s("www.clinic.example") == 2


async def test_sitemap_xml_is_tried_where_robots_names_none_and_its_absence_is_no_news() -> None:
    assert paths(await discovered({"/sitemap.xml": urlset(f"{SITE}/a")})) == ["/a"]
    nothing = await discovered({})
    assert (paths(nothing), nothing.notes) == ([], ())
    html = await discovered({"/sitemap.xml": b"<html><body>Page not found</body></html>"})
    assert (paths(html), html.notes) == ([], ())


async def test_no_sitemaps_if_not_wanted() -> None:
    found = await discovered(
        {"/robots.txt": b"User-agent: *\nDisallow: /x", "/sitemap.xml": urlset(f"{SITE}/a")}, sitemaps=False
    )
    assert paths(found) == [] and found.robots.refusal(f"{SITE}/x", False)


@pytest.mark.parametrize(
    ("limits", "count", "note"),
    [
        (SitemapLimits(max_sitemaps=3), 2, "more than 3 sitemaps"),
        (SitemapLimits(max_pages=5), 5, "more than 5 pages"),
        (SitemapLimits(max_total_bytes=1), 0, "larger than 0 MiB"),
        (SitemapLimits(max_nesting=0), 0, "nested too deep"),
    ],
)
async def test_bounds(limits: SitemapLimits, count: int, note: str) -> None:
    answers: dict[str, Answer | bytes] = {f"/s{n}.xml": urlset(f"{SITE}/p{n}") for n in range(20)}
    answers["/sitemap.xml"] = index(*(f"{SITE}/s{n}.xml" for n in range(20)))
    found = await discovered(answers, limits)
    assert len(paths(found)) == count
    assert [text for text in found.notes if note in text]


async def test_servers_that_never_end_cost_their_deadline_and_nothing_else() -> None:
    answers: dict[str, Answer | bytes] = {
        "/robots.txt": f"Sitemap: {SITE}/drip.xml\nSitemap: {SITE}/good.xml\n".encode(),
        "/drip.xml": Answer(urlset(f"{SITE}/half"), drip_s=0.01),
        "/good.xml": urlset(f"{SITE}/a"),
    }
    found = await discovered(answers, SitemapLimits(fetch_s=0.3))
    assert "/a" in paths(found)
    assert [note for note in found.notes if "drip.xml" in note and "0.3 s" in note]
    ended = await discovered(answers, SitemapLimits(total_s=0.3))
    assert [note for note in ended.notes if "ended after 0.3 s" in note]


async def test_url_lists(tmp_path: Path) -> None:
    listed = tmp_path / "pages.txt"
    listed.write_text(f"# campaign pages\n\n{SITE}/spring  # until May\n{SITE}/#kept\nnot an address\n")
    found = await discovered({}, url_lists=(str(listed), str(tmp_path / "gone.txt")))
    assert paths(found, "list") == ["/spring", "/#kept"]
    assert [note.partition(": ")[0].rpartition("/")[2] for note in found.notes] == ["pages.txt:5", "gone.txt"]


# --------------------------------------------------------------------------- robots


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        pytest.param(Answer(b"User-agent: *\nDisallow: /a"), True, id="disallowed"),
        pytest.param(
            Answer(b"User-agent: *\nDisallow: /a\nUser-agent: tagdrift\nAllow: /"), False, id="allowed by name"
        ),
        pytest.param(Answer(b"User-agent: *\nDisallow: /\nAllow: /a$"), False, id="the longer rule counts"),
        pytest.param(Answer(b"", 404), False, id="there is none"),
        pytest.param(Answer(b"", 403), False, id="forbidden is none"),
        pytest.param(Answer(b"", 503), True, id="nobody knows"),
        pytest.param(Answer(b"", 429), True, id="too many requests: nobody knows"),
        pytest.param(Answer(b"", 302, {"Location": "/robots.txt"}), False, id="redirects for ever is none"),
        pytest.param(Answer(b"<html>Welcome</html>"), False, id="a page instead"),
        pytest.param(Answer(b"\xff\xfe\x00" * 400_000), False, id="rubbish"),
    ],
)
async def test_robots_as_rfc_9309_says(answer: Answer, refused: bool) -> None:
    found = await discovered({"/robots.txt": answer})
    assert (found.robots.refusal(f"{SITE}/a", False) is not None) is refused
    assert Robots(obey=False).refusal(f"{SITE}/a", False) is None


async def test_start_pages_are_visited_where_robots_cannot_be_read_but_not_where_it_disallows() -> None:
    down = await discovered({"/robots.txt": Answer(b"", 500)})
    assert down.robots.refusal(f"{SITE}/", True) is None
    assert "HTTP 500" in (down.robots.refusal(f"{SITE}/", False) or "")
    assert [note for note in down.notes if "obey_robots: false" in note]
    shut = await discovered({"/robots.txt": b"User-agent: *\nDisallow: /"})
    assert shut.robots.refusal(f"{SITE}/", True)


async def test_origins_met_on_the_way_are_asked_once() -> None:
    async with serving({"portal.clinic.example/robots.txt": b"User-agent: *\nDisallow: /"}) as server:
        found = await discover(site(server))
        page = "https://portal.clinic.example/a"
        assert found.refusal(page, False) is None
        for _ in range(2):
            await found.read_robots([page, f"{SITE}/x"])
        assert found.refusal(page, False)
        assert [request.headers["host"] for request in server.requests].count("portal.clinic.example") == 1


async def test_a_server_that_is_not_there_is_a_note() -> None:
    async with serving({}) as server:
        gone = site(server)
    found = await discover(gone)
    assert (found.pages, len(found.notes)) == ((("list", ()), ("sitemap", ())), 1)


# --------------------------------------------------------------------------- the client


async def fetched(
    server: Server, use: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]], **more: Any
) -> httpx.Response:
    async with make_client(site(server, **more), user_agent="Desktop 1.0") as client:
        return await use(client)


async def test_mapped_connections_keep_host_and_server_name() -> None:
    async with serving({"a.clinic.example/x": b"a", "b.clinic.example/x": b"b"}) as server:
        for name in ("a", "b"):
            answer = await fetched(server, lambda c, n=name: c.get(f"https://{n}.clinic.example/x"))  # type: ignore[misc]
            assert answer.text == name
        assert server.server_names == ["a.clinic.example", "b.clinic.example"]
        assert server.requests[0].headers["user-agent"] == "Desktop 1.0"


async def test_certificates_are_checked_unless_told_otherwise() -> None:
    async with serving({"/": b"x"}) as server:
        with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
            await fetched(server, lambda c: c.get(f"{SITE}/"), insecure=False)
        assert (await fetched(server, lambda c: c.get(f"{SITE}/"))).status_code == 200


async def test_headers_and_credentials_stay_with_the_site_also_along_redirects() -> None:
    answers: dict[str, Answer | bytes] = {
        "www.clinic.example/": Answer(b"", 302, {"Location": "https://cdn.clinic.example/"}),
        "cdn.clinic.example/": Answer(b"", 302, {"Location": "https://stranger.example/"}),
        "stranger.example/": b"end",
    }
    private = {
        "extra_headers": (("X-Preview", Secret("env:P", "token")), ("X-Plain", "1")),
        "http_credentials": HttpCredentials("user", Secret("env:Q", "pass")),
    }
    async with serving(answers) as server:
        assert (await fetched(server, lambda c: c.get(f"{SITE}/"), **private)).text == "end"
    start, other_host, stranger = (request.headers for request in server.requests)
    assert start["x-preview"] == "token" and start["authorization"] == "Basic dXNlcjpwYXNz"
    assert other_host["x-plain"] == "1" and "authorization" not in other_host
    assert not {"x-preview", "x-plain", "authorization", "cookie"} & stranger.keys()
