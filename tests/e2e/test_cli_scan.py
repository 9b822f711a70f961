"""`tagdrift scan` as a process on a loopback site: what it says, what it writes, and how it ends. Real browser."""

from __future__ import annotations

import base64
import json
import os
import pty
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scanner.cli.main import run
from tests.e2e.cli import COMMAND, Ran, Workplace, config_text, reach, valid_report
from tests.e2e.moving_site import META, ORIGIN, PAGES, PINTEREST, MovingSite
from tests.site.reply import typed
from tests.site.server import FixtureServer, Received

QUICK = ("--page-time", "0.5", "--quiet")
PLAIN = {
    "www.plain.test/": typed(
        "/", '<!doctype html><title>Home</title><h1>Home</h1><a href="/a">A</a> <a href="/b">B</a>'
    ),
    "www.plain.test/a": typed("/", "<!doctype html><title>A</title><h1>A</h1><p>Words."),
    "www.plain.test/b": typed("/", "<!doctype html><title>B</title><h1>B</h1><p>Words."),
    "/robots.txt": typed("/robots.txt", "User-agent: *\nDisallow:\n"),
    "/favicon.ico": typed("/x.gif", b""),
}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture(scope="module")
def plain() -> Iterator[FixtureServer]:
    """Three pages without any third party."""
    with FixtureServer(PLAIN) as server:
        yield server


# --------------------------------------------------------------------------- one whole scan, looked at from all sides


@dataclass(frozen=True, slots=True)
class Scanned:
    place: Workplace
    ran: Ran
    log: tuple[Received, ...]
    har: Path
    folder: Path


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    """One scan of the clinic by its URL alone, with everything that can be written."""
    site = MovingSite()
    with FixtureServer(responder=site.respond) as server:
        place = Workplace(tmp_path_factory.mktemp("scan"))
        har, folder = place.folder / "out" / "all.har", place.folder / "reports"
        ran = place.run(
            "scan", f"{ORIGIN}/", *reach(server), "--json", "--page-time", "3", "--har", har, "--report", folder
        )
        return Scanned(place, ran, tuple(server.log), har, folder)


def test_tags_against_the_policy_are_reported_on_the_first_scan(scanned: Scanned) -> None:
    report = valid_report(scanned.ran.exits(1))
    assert (report["format"], report["document"], report["site"]["name"]) == (1, "scan", "www.clinic.test")
    assert report["verdict"]["state"] == "violations"
    assert report["baseline"] is None
    forbidden = {(f["vendor"], f["account"]) for f in report["findings"] if f["violation"]}
    assert {("meta", META), ("pinterest", PINTEREST)} <= forbidden


def test_every_page_is_there_with_its_tags_and_what_they_send(scanned: Scanned) -> None:
    report = scanned.ran.document
    assert [page["page"] for page in report["pages"]] == list(PAGES)
    assert report["coverage"]["planned"] == report["coverage"]["ok"] == 8
    for page in report["pages"]:
        tags = {(t["vendor"], t["product"], t["account"]): t for t in page["tags"] if t["evidence"]}
        meta, pin = tags["meta", "meta-pixel", META], tags["pinterest", "pinterest-tag", PINTEREST]
        ga4 = tags["google", "google-analytics-4", "G-ABCDEF1234"]
        assert meta["events"] == ["PageView"]
        assert pin["events"] == ["init", "pagevisit"]
        assert ga4["events"] == ["page_view", "user_engagement"]
        assert {"kind": "page_url", "field": "dl"} in meta["fields"]
        assert {"kind": "browser_id", "field": "pd.pin_unauth"} in pin["fields"]
        assert {"kind": "page_title", "field": "dt"} in ga4["fields"]
        strangers = {other["domain"] for other in page["third_parties"] if other["owner"] is None}
        assert strangers == {"stranger.test", "other.test", "widgets.test"}


def test_standard_output_is_the_document_and_nothing_else(scanned: Scanned) -> None:
    assert scanned.ran.stdout.startswith("{\n")
    assert scanned.ran.stdout.endswith("}\n")
    assert scanned.ran.stdout.isascii()
    assert "report: " in scanned.ran.stderr
    assert "Traceback" not in scanned.ran.stderr


def sent(entry: dict[str, Any]) -> tuple[str, str, bytes]:
    data = entry["request"].get("postData", {})
    text = data.get("text", "")
    body = base64.b64decode(text) if data.get("encoding") == "base64" else text.encode()
    return entry["request"]["method"], entry["request"]["url"], body


def test_the_har_file_holds_what_the_server_received(scanned: Scanned) -> None:
    entries = json.loads(scanned.har.read_text())["log"]["entries"]
    recorded = Counter(sent(e) for e in entries if e["response"]["status"] and not e["_fromCache"])
    # robots.txt and the sitemap are read by the crawler before there is a page.
    received = Counter(
        (r.method, r.url, r.body) for r in scanned.log if not r.url.endswith(("/robots.txt", "/sitemap.xml"))
    )
    assert recorded == received
    assert sum(bool(body) for _, _, body in received) >= len(PAGES), "every widget posts"


def test_our_own_har_command_reads_it_back_to_the_same_result(scanned: Scanned) -> None:
    document = scanned.place.run("har", scanned.har, "--json").exits(0).document
    assert [file["truncated"] for file in document["files"]] == [False]
    pages = {page["url"]: page for page in document["pages"]}
    for page in scanned.ran.document["pages"]:
        again = pages[page["page"]]
        assert again["requests"] == page["requests"]
        told = {(t["vendor"], t["product"], t["account"], *t["events"]) for t in page["tags"] if t["events"]}
        read = {
            (d["vendor"], d["product"], d["account"], *sorted(d["events"])) for d in again["detections"] if d["events"]
        }
        # The <noscript> pixel is in the page's source, which the file does not hold.
        assert {t[:3] for t in told} == {t[:3] for t in read}
        assert {event for t in read for event in t[3:]} == {e for t in told for e in t[3:]} - {"init"}


def test_the_report_files_say_the_same(scanned: Scanned) -> None:
    written = json.loads((scanned.folder / "report.json").read_text())
    assert {**written, "document": "scan"} == scanned.ran.document
    html = (scanned.folder / "report.html").read_text()
    assert scanned.ran.document["verdict"]["sentence"] in html
    assert "<script src" not in html


# --------------------------------------------------------------------------- options


def test_the_page_limit(place: Workplace, plain: FixtureServer) -> None:
    ran = place.run("scan", "https://www.plain.test/", *reach(plain), *QUICK, "--max-pages", "2", "--json")
    report = valid_report(ran.exits(0))
    assert (report["coverage"]["planned"], report["coverage"]["ok"]) == (2, 2)
    assert report["coverage"]["excluded"] == {"page-limit": 1}
    assert any("not visited" in caveat for caveat in report["verdict"]["caveats"])


def test_a_site_of_the_configuration_and_text_for_a_person(place: Workplace, plain: FixtureServer) -> None:
    sites = [
        json.loads(config_text(plain, "https://www.plain.test/", name="one"))["sites"][0],
        json.loads(config_text(plain, "https://www.plain.test/a", name="two", follow_links=False))["sites"][0],
    ]
    place.write("our.yaml", json.dumps({"store": "sqlite:///kept/scans.db", "sites": sites}))
    (place.folder / "kept").mkdir()
    ran = place.run("scan", "--config", "our.yaml", "--site", "two").exits(0)
    assert ran.stdout.startswith("FIRST SCAN · two ·")
    assert "1 of 1 page" in ran.stdout
    assert (place.folder / "kept" / "scans.db").exists()
    assert not place.store.exists()
    which = place.run("scan", "--config", "our.yaml").exits(2)
    assert "one, two" in which.stderr


def test_on_a_terminal_a_bar_shows_pages_speed_and_tags(place: Workplace, plain: FixtureServer) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "scan", "https://www.plain.test/", *reach(plain), "--page-time", "0.5"],
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        cwd=place.folder,
        env={**place.environment, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # Linux says so when the last writer has gone
            break
        if not piece:
            break
        shown += piece
    os.close(controller)
    assert process.wait(60) == 0
    text = shown.decode()
    assert "3/3" in text
    assert "pages/s" in text
    assert "no tags so far" in text


# --------------------------------------------------------------------------- exit codes in real situations


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_site_that_cannot_be_reached_is_3_and_never_clean(place: Workplace) -> None:
    resolve = f"* 127.0.0.1:{closed_port()}"
    ran = place.run("scan", "https://gone.test/", "--resolve", resolve, *QUICK, "--ignore-robots", "--json")
    report = valid_report(ran.exits(3))
    assert report["verdict"]["state"] == "unverified"
    assert (report["coverage"]["planned"], report["coverage"]["ok"], report["coverage"]["failed"]) == (1, 0, 1)
    assert [(u["page"], u["outcome"]) for u in report["unverified"]] == [("https://gone.test/", "failed")]
    refused = place.run("approve", "gone.test", "--reason", "why not").exits(2)
    assert "0 of 1" in refused.stderr


BROKEN = """\
store: sqlite:///x.db
sites:
  - name: clinic
    start: [https://www.clinic.example/]
    max_pages: many
    concurency: 3
    http_credentials: {username: u, password: hunter2}
  - name: clinic
    start: not a url
"""


def test_everything_wrong_in_a_configuration_is_told_at_once_with_its_line(place: Workplace) -> None:
    place.write("tagdrift.yaml", BROKEN)
    ran = place.run("scan", "--site", "clinic").exits(2)
    lines = [line.removeprefix("tagdrift: ").partition(": ")[0] for line in ran.stderr.splitlines()]
    assert [f"tagdrift.yaml:{n}" for n in (5, 6, 7, 9)] == [line for line in lines if line.startswith("tagdrift.yaml:")]
    assert "concurrency" in ran.stderr, "what was meant is suggested"
    assert "hunter2" not in ran.stderr
    assert not place.store.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("scan",), "which site?", id="no site at all"),
        pytest.param(("scan", "not a url"), "URL", id="no URL"),
        pytest.param(("scan", "--site", "clinic"), "needs a configuration file", id="a name without a configuration"),
        pytest.param(("scan", "https://a.test/", "--site", "a"), "not both", id="URL and name"),
        pytest.param(("scan", "https://a.test/", "--resolve", "everything"), "--resolve", id="wrong --resolve"),
        pytest.param(("scan", "https://a.test/", "--config", "none.yaml"), "none.yaml", id="no such configuration"),
        pytest.param(("scan", "https://a.test/", "--page-time", "-1"), "--page-time", id="negative time"),
        pytest.param(("diff", "nobody"), "nobody", id="a site without scans"),
        pytest.param(("history", "nobody"), "nobody", id="a history of nothing"),
        pytest.param(("approve", "nobody"), "--reason", id="an approval without a reason"),
    ],
)
def test_what_makes_no_sense_is_2_and_does_nothing(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)  # in this process: the command line is the same, and starting it takes a second
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""


def test_an_unknown_site_of_a_configuration_names_those_it_knows(place: Workplace, plain: FixtureServer) -> None:
    place.write("tagdrift.yaml", config_text(plain, "https://www.plain.test/", name="northside"))
    assert "did you mean `northside`?" in place.run("scan", "--site", "nortside").exits(2).stderr
    assert "northside" in place.run("scan", "--site", "x").exits(2).stderr
    assert "did you mean `northside`?" in place.run("scan", "nortside").exits(2).stderr  # not a host of that name


@pytest.mark.parametrize(
    ("options", "variables", "said"),
    [
        pytest.param(("--store", "sqlite:////no/such/folder/a.db"), {}, "/no/such/folder", id="store nowhere"),
        pytest.param(("--store", "sqlite:///folder"), {}, "folder", id="store is a directory"),
        pytest.param(("--store", "sqlite:///no-database"), {}, "no-database", id="store is something else"),
        pytest.param(("--har", "no-database/a.har"), {}, "no-database", id="HAR nowhere"),
        pytest.param((), {"TAGDRIFT_BROWSER": "/no/browser"}, "/no/browser", id="no browser"),
    ],
)
def test_a_job_that_cannot_be_done_is_4(
    options: tuple[str, ...], variables: dict[str, str], said: str, place: Workplace, plain: FixtureServer
) -> None:
    (place.folder / "folder").mkdir()
    place.write("no-database", "These are words, and no database at all. " * 100)
    ran = place.run("scan", "https://www.plain.test/", *reach(plain), *QUICK, *options, variables=variables).exits(4)
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
