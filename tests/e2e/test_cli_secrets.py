"""A site behind HTTP credentials, a header and a login is scanned, and its secrets stay where they belong."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.store import open_store
from tests.e2e.cli import Ran, Workplace, config_text, valid_report
from tests.site.reply import GIF, MENU, Reply, redirect, typed
from tests.site.server import FixtureServer, Received

HOST = "www.members.test"
USER, PASSWORD, TOKEN, SESSION = "preview", "pw-Ohm7eix8-pw", "tok-aeTh4Ahz-tok", "ses-Vee9aewu-ses"
BASIC = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, TOKEN, SESSION, BASIC)
PAGES = {
    "/": '<!doctype html><title>Home</title><h1>Members</h1><a href="/records">Records</a>',
    "/records": "<!doctype html><title>Records</title><h1>Records</h1><p>Words.",
}


def respond(request: Received) -> Reply | None:
    host, _, path = request.url.partition("://")[2].partition("/")
    if host != HOST:
        return Reply(200, (("Content-Type", "image/gif"),), GIF)
    if path == "robots.txt":
        return typed("/robots.txt", "User-agent: *\nDisallow:\n")
    if request.header("Authorization") != f"Basic {BASIC}":
        return MENU["401"]
    if request.header("X-Preview") != TOKEN:
        return Reply(403)
    if path == "login":
        return MENU["login"]
    if f"member={SESSION}" not in (request.header("Cookie") or ""):
        return redirect("/login")
    page = PAGES.get("/" + path)
    if page is None:
        return None
    pixel = '<img src="https://px.stranger.test/i.gif?u=1" alt="">'
    return typed("/", page + pixel).with_headers(("Set-Cookie", f"member={SESSION}; Path=/; Secure"))


@dataclass(frozen=True, slots=True)
class Scanned:
    place: Workplace
    ran: Ran
    log: tuple[Received, ...]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    with FixtureServer(responder=respond) as server:
        cookie = {"name": "member", "value": SESSION, "domain": HOST, "path": "/", "secure": True}
        cookie |= {"httpOnly": True, "sameSite": "Lax", "expires": -1}
        state = {"cookies": [cookie], "origins": []}
        place = Workplace(
            tmp_path_factory.mktemp("secrets"), SITE_PASSWORD=PASSWORD, SITE_TOKEN=TOKEN, SITE_STATE=json.dumps(state)
        )
        config = config_text(
            server,
            f"https://{HOST}/",
            name="members",
            http_credentials={"username": USER, "password": "env:SITE_PASSWORD"},
            extra_headers={"X-Preview": "env:SITE_TOKEN"},
            storage_state="env:SITE_STATE",
        )
        place.write("tagdrift.yaml", config)
        ran = place.run("scan", "--json", "--har", "all.har", "--report", "out")
        yield Scanned(place, ran, tuple(server.log))


def test_the_site_behind_the_login_is_scanned(scanned: Scanned) -> None:
    report = valid_report(scanned.ran.exits(0))
    assert [(page["page"], page["title"], page["outcome"]) for page in report["pages"]] == [
        (f"https://{HOST}/", "Home", "ok"),
        (f"https://{HOST}/records", "Records", "ok"),
    ]


def test_nobody_else_gets_the_secrets(scanned: Scanned) -> None:
    strangers = [entry for entry in scanned.log if HOST not in entry.url]
    assert strangers
    told = " ".join(f"{entry.url} {entry.headers} {entry.body!r}" for entry in strangers)
    assert [secret for secret in SECRETS if secret in told] == []


def test_no_secret_is_in_what_was_said_or_written(scanned: Scanned) -> None:
    assert [secret for secret in SECRETS if secret in scanned.ran.stdout + scanned.ran.stderr] == []
    files = [path for path in scanned.place.folder.rglob("*") if path.is_file()]
    assert {"tagdrift.db", "all.har", "report.html", "report.json"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert [secret for secret in SECRETS if secret.encode() in content] == [], path.name


def test_no_secret_is_in_what_the_store_holds_compressed(scanned: Scanned) -> None:
    store = open_store(f"sqlite:///{scanned.place.store}")
    try:
        (scan,) = store.scans("members")
        captures = list(store.captures(scan.id))
        held = f"{scan!r} {captures!r} {list(store.inventories(scan.id))!r}"
    finally:
        store.close()
    assert len(captures) == 2
    assert "px.stranger.test" in held
    assert [secret for secret in SECRETS if secret in held] == []


def test_without_the_login_nothing_is_seen_and_nothing_is_clean(scanned: Scanned, tmp_path: Path) -> None:
    with FixtureServer(responder=respond) as server:
        place = Workplace(tmp_path)
        place.write("tagdrift.yaml", config_text(server, f"https://{HOST}/", name="members"))
        report = valid_report(place.run("scan", "--json", "--quiet").exits(3))
    assert (report["coverage"]["planned"], report["coverage"]["ok"]) == (1, 0)
    assert report["verdict"]["state"] == "unverified"


def test_a_missing_secret_is_named_and_nothing_is_visited(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    site = 'sites: [{start: "https://a.test/", extra_headers: {X-Preview: "env:NO_SUCH_VARIABLE"}}]\n'
    place.write("tagdrift.yaml", site)
    ran = place.run("scan").exits(2)
    assert "tagdrift.yaml:1: " in ran.stderr
    assert "NO_SUCH_VARIABLE" in ran.stderr
