"""What a hostile page calls itself, its cookies and its addresses is inert wherever it is shown. Real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from scanner.browser.launch import find_browser
from tests.e2e.cli import Ran, Workplace, reach, valid_report
from tests.site.reply import GIF, Reply, typed
from tests.site.server import FixtureServer, Received

START = "https://www.hostile.test/"
SCRIPT = "<script>window.pwned=1</script>"
LONG = "L" * 900_000
TITLE = f'"><img src=x onerror=window.pwned=1>{SCRIPT} \x1b[2J\x1b]0;pwned\x07 \u202egnp.exe\u2066 =cmd|calc'
EVENT = f"{SCRIPT}\x1b]0;pwned\x07\r\nX: 1\u202e"
COOKIE = "=HYPERLINK(1)<b>"


def in_script(text: str) -> str:
    """`text` as a JavaScript literal that does not end its element."""
    return json.dumps(text).replace("</", r"<\/")


PAGE = r"""<!doctype html><html lang=en><head><title>x</title></head><body><h1>Words</h1>
<a href="/a%0d%0aSet-Cookie:%20x=1/%3Cscript%3Ewindow.pwned=1%3C/script%3E?q=%E2%80%AE%1b[31m">one</a>
<a href="/two?'&quot;><svg onload=window.pwned=1>">two</a>
<a href="javascript:window.pwned=1">three</a>
<script>
document.title = TITLE;
const send = address => { new Image().src = address };
send('https://px.<b>.stranger.test/');
send('https://px.stranger.test/' + encodeURIComponent(EVENT) + '?\u202e\x1b[31m=1');
send("https://px.stranger.test/%0d%0aX-Injected:1/i.gif?'\"><img src=x onerror=window.pwned=1>");
send('https://px.stranger.test/i.gif?long=' + 'L'.repeat(LENGTH));
send('https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDEF1234&cid=1.1&dl=' + encodeURIComponent(location.href)
     + '&en=' + encodeURIComponent(EVENT) + '&ep.%3Cb%3E%1b[1m=' + encodeURIComponent('=1+1'));
</script></body></html>""".replace("LENGTH", str(len(LONG)))
PAGE = PAGE.replace("TITLE", in_script(TITLE)).replace("EVENT", in_script(EVENT))
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def respond(request: Received) -> Reply | None:
    if request.url.endswith("/robots.txt"):
        return typed("/robots.txt", "User-agent: *\nDisallow:\n")
    if "www.hostile.test" in request.url and "favicon" not in request.url:
        return typed("/", PAGE)
    cookie = ("Set-Cookie", f"{COOKIE}=1; Path=/; Secure; SameSite=None; Partitioned")
    return Reply(200, (("Content-Type", "image/gif"), cookie), GIF)


@dataclass(frozen=True, slots=True)
class Scanned:
    place: Workplace
    text: Ran
    document: Ran


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    with FixtureServer(responder=respond) as server:
        place = Workplace(tmp_path_factory.mktemp("hostile"))
        options = (*reach(server), "--page-time", "1", "--max-pages", "3")
        text = place.run("scan", START, *options, "--har", "all.har", "--report", "out").exits(0)
        document = place.run("report", "www.hostile.test", "--json", "--out", "again").exits(0)
        yield Scanned(place, text, document)


def test_nothing_in_the_terminal_moves_the_cursor_or_hides(scanned: Scanned) -> None:
    for shown in (scanned.text.stdout, scanned.text.stderr, scanned.document.stderr):
        assert CONTROLS.findall(shown) == []
        assert max(map(len, shown.splitlines()), default=0) < 5_000
    assert scanned.document.stdout.isascii()


def test_every_page_is_there_under_its_own_name(scanned: Scanned) -> None:
    report = valid_report(scanned.document)
    assert report["coverage"]["ok"] == report["coverage"]["planned"] == 3
    assert not any(page["page"].startswith("javascript:") for page in report["pages"])
    domains = {other["domain"] for other in report["inventory"]["third_parties"]}
    assert {"stranger.test", "google-analytics.com"} <= domains
    (tag,) = [tag for tag in report["inventory"]["tags"] if tag["product"] == "google-analytics-4"]
    assert any("window.pwned" in event for event in tag["events"]), "what was sent is told"


def test_the_html_report_runs_nothing_and_fetches_nothing(scanned: Scanned) -> None:
    for folder in ("out", "again"):
        path: Path = scanned.place.folder / folder / "report.html"
        html = path.read_text()
        assert SCRIPT not in html
        assert "<img src=x" not in html
        assert "<svg onload" not in html
        assert CONTROLS.findall(html) == []
        assert len(html) < 3_000_000
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser().path, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        pwned = page.evaluate("window.pwned")
        shown = page.inner_text("body")
        browser.close()
    assert pwned is None
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert "window.pwned" in shown, "shown as words"


def test_the_har_file_holds_the_traffic_as_it_was(scanned: Scanned) -> None:
    raw = (scanned.place.folder / "all.har").read_text()
    assert raw.isascii()
    entries = json.loads(raw)["log"]["entries"]
    urls = [entry["request"]["url"] for entry in entries]
    assert any(len(url) > len(LONG) and url.endswith("L" * 1000) for url in urls)
    again = scanned.place.run("har", "all.har").exits(0)
    assert CONTROLS.findall(again.stdout + again.stderr) == []
