"""A month of a clinic's website through the command line, with a real browser and a real mail server.

Each day is one scan. A mail comes on the days that have news, to whom it concerns, and on no other day.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scanner.cli.main import run
from tests.e2e.cli import Ran, Workplace
from tests.mail_server import PASSWORD, MailServer, Taken
from tests.site.reply import GIF, MENU, Reply, redirect, typed
from tests.site.server import FixtureServer, Received

ORIGIN = "https://www.clinic.test"
PATHS = ("/", "/about", "/contact")
OFFICER, IT = "officer@clinic.test", "it@clinic.test"
TIKTOK = """
fetch("https://analytics.tiktok.com/api/v2/pixel", {method: "POST", mode: "no-cors", body: JSON.stringify(
  {event: "Pageview", context: {pixel: {code: "C4A1B2C3D4E5F6G7H8I9"}, page: {url: location.href}}})})
"""
FIRST, SECOND = "2612000000001", "2612000000099"


@dataclass(slots=True)
class Clinic:
    """Three pages; what they are like can be changed between scans."""

    tagged: frozenset[str] = frozenset()
    """Paths with the Pinterest Tag."""
    account: str = FIRST
    collector: str = "https://ct.pinterest.com"
    """Where the tag reports to."""
    ends: dict[str, str] = field(default_factory=dict)
    """Path → `500` | `login`: what answers instead of the page."""
    once: bool = False
    """The next visitor of the contact page, and nobody else, meets the TikTok Pixel."""

    def respond(self, request: Received) -> Reply | None:
        parts = urlsplit(request.url)
        if parts.hostname != "www.clinic.test" or parts.path.startswith("/collect"):
            return Reply(200, (("Content-Type", "image/gif"),), GIF)
        if parts.path == "/login":
            return MENU["login"]
        end = self.ends.get(parts.path)
        if end is not None:
            return redirect(f"/login?next={parts.path}") if end == "login" else MENU[end]
        if parts.path == "/theme.js":
            return typed("/theme.js", self._theme())
        if parts.path not in PATHS:
            return Reply(404, (("Content-Type", "text/plain"),), b"no such page")
        links = "".join(f'<a href="{path}">{path}</a> ' for path in PATHS)
        title = "Clinic\u202e <b>&amp;"
        tag = self._tag() if parts.path in self.tagged else ""
        if parts.path == "/contact" and self.once:
            self.once = False
            tag += f"<script>{TIKTOK}</script>"
        return typed("/", f"<!doctype html><title>{title}</title><h1>Clinic</h1>{links}{tag}")

    def _tag(self) -> str:
        """An inline snippet reports straight to the vendor; through the proxy, the site's theme does."""
        return (
            '<script src="/theme.js"></script>'
            if self.collector.endswith("/collect")
            else f"<script>{self._code()}</script>"
        )

    def _theme(self) -> str:
        return "window.theme = 1;" + self._code()

    def _code(self) -> str:
        beacon = f"{self.collector}/v3/?event=pagevisit&tid={self.account}&dep=2,PAGE_LOAD&noscript=1&cb=12"
        return f'new Image().src = "{beacon}&ad=" + encodeURIComponent(JSON.stringify({{loc: location.href}}))'


@dataclass(frozen=True, slots=True)
class World:
    clinic: Clinic
    mail: MailServer
    place: Workplace

    def scan(self, **changes: Any) -> tuple[Ran, list[Taken]]:
        """Scan the clinic as it is after `changes`."""
        for name, value in changes.items():
            setattr(self.clinic, name, value)
        return self.run("scan", "--quiet", "--exit-zero"), self.mail.drain()

    def run(self, *words: str | Path) -> Ran:
        """Run one command line in this process: thirty starts would cost a minute and show nothing more."""
        line = tuple(map(str, words))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.place.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(line)
        return Ran(line, code, out.getvalue(), err.getvalue())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    clinic = Clinic()
    with FixtureServer(responder=clinic.respond) as site, MailServer(tmp_path / "mail") as mail:
        config = {
            "sites": [
                {
                    "name": "clinic",
                    "start": [f"{ORIGIN}{path}" for path in PATHS],
                    "resolve": [f"* 127.0.0.1:{site.port}"],
                    "insecure": True,
                    "requests_per_second": 1000,
                    "coverage_threshold": 0.6,
                    "concurrency": len(PATHS),
                    "limits": {"page_time": "100ms", "drain": "50ms", "interact": False},
                }
            ],
            "policy": {"preset": "observe"},
            "mail": {
                "smtp": mail.config(),
                "from": "tagdrift@clinic.test",
                "to": IT,
                "routes": [{"severity": "low", "to": OFFICER}],
                "heartbeat": "never",
            },
        }
        place = Workplace(tmp_path / "place", SMTP_PASSWORD=PASSWORD)
        place.write("tagdrift.yaml", json.dumps(config))
        yield World(clinic, mail, place)


ALL = frozenset(PATHS)


@dataclass(frozen=True, slots=True)
class Day:
    """One scan: what changes before it, and the mail that must come of it."""

    what: str
    changes: dict[str, Any] = field(default_factory=dict)
    to: str = OFFICER
    subject: str = ""
    """Empty: no mail."""
    says: tuple[str, ...] = ()
    """What stands in the mail, in its text and in its HTML."""
    report: tuple[str, ...] = ()
    """What the printed report says, mail or not."""


STORY = [
    Day("the first scan is clean", report=("FIRST SCAN",)),
    Day("a quiet day", report=("CLEAN",)),
    Day(
        "the tag appears",
        {"tagged": frozenset({"/"})},
        subject=f"[High] clinic: Pinterest Tag {FIRST} appeared on 1 of 3 pages",
        says=("New · High", "Began between", "an inline snippet in the page", f"{ORIGIN}/", "tagdrift incident 1"),
        report=("Confirmed by a second visit.", "cause: an inline snippet in the page"),
    ),
    Day("it is still there: a quiet day", report=("CLEAN",)),
    Day(
        "it spreads",
        {"tagged": ALL},
        subject=f"[High] clinic: Pinterest Tag {FIRST} is now on 3 pages",
        says=("Worse · High", "on 2 more pages", f"{ORIGIN}/about", f"{ORIGIN}/contact"),
    ),
    Day(
        "it flaps",
        {"tagged": frozenset()},
        report=("has disappeared from 3 of 3 pages", "to be confirmed by the next scan"),
    ),
    Day("and is back", {"tagged": ALL}, report=("It comes and goes",)),
    Day("a page breaks", {"ends": {"/about": "500"}}, report=("1 page failed",)),
    Day("a login wall stands before a page", {"ends": {"/about": "login"}}, report=("1 page blocked",)),
    Day(
        "the server is down",
        {"ends": dict.fromkeys(PATHS, "500")},
        to=IT,
        subject="[Not watched] clinic: the site cannot be scanned: 0 of 3 pages seen whole",
        report=("Cannot tell",),
    ),
    Day("it is still down: told once", report=("Cannot tell",)),
    Day(
        "it is up again",
        {"ends": {}},
        to=IT,
        subject="[Watched again] clinic: 3 of 3 pages seen whole",
        report=("CLEAN",),
    ),
    Day(
        "something is seen once, and never again",
        {"once": True},
        report=("SEEN ONCE, NOT CONFIRMED (1)", "TikTok Pixel C4A1B2C3D4E5F6G7H8I9", "Seen in 1 of the last 10 scans"),
    ),
    Day(
        "another account",
        {"account": SECOND},
        subject=f"[High] clinic: Pinterest Tag changed its account from {FIRST} to {SECOND} on 3 of 3 pages",
        says=(FIRST, SECOND, "New · High"),
    ),
    Day(
        "the first account stays away: it is over",
        subject=f"[Gone] clinic: Pinterest Tag {FIRST} is gone from 3 pages",
        says=("Gone · High", "Ended between"),
    ),
    Day(
        "the tag moves behind the site's own host",
        {"collector": f"{ORIGIN}/collect"},
        subject=f"[High] clinic: Pinterest Tag {SECOND} is now on 3 pages",
        says=("Worse · High", "moved behind another address", "/theme.js", "was not on these pages before"),
    ),
    Day("it stays there: a quiet day", report=("CLEAN",)),
    Day("the tag is taken out", {"tagged": frozenset()}, report=("to be confirmed by the next scan",)),
    Day(
        "and stays out",
        subject=f"[Gone] clinic: Pinterest Tag {SECOND} is gone from 3 pages",
        says=("Gone · High", "Ended between"),
    ),
    Day("a quiet day at the end", report=("CLEAN",)),
]


@pytest.mark.timeout(600)
def test_a_story_of_twenty_scans_sends_exactly_the_mails_that_are_news(world: World) -> None:
    assert len(STORY) == 20
    told: list[tuple[str, list[tuple[str, str]]]] = []
    mails: list[Taken] = []
    for day in STORY:
        ran, taken = world.scan(**day.changes)
        assert ran.code in (0, 3), ran.stderr
        told.append((day.what, [(one.recipients[0], one.subject.split(", ")[0]) for one in taken]))
        for one in taken:
            for said in (one.text, unescape(one.html)):
                assert [words for words in day.says if words.casefold() not in said.casefold()] == [], (day.what, said)
        printed = " ".join(ran.stdout.split())
        assert [words for words in day.report if words not in printed] == [], (day.what, ran.stdout)
        mails += taken
    assert told == [(day.what, [(day.to, day.subject)] if day.subject else []) for day in STORY]

    opened, spread = mails[0], mails[1]
    gone = next(one for one in mails if one.subject.startswith("[Gone]"))
    assert spread.mail["References"] == gone.mail["References"] == opened.message_id
    for one in mails:
        assert one.secure and one.mail["Auto-Submitted"] == "auto-generated"
        assert one.mail["List-Id"] == "tagdrift on clinic <clinic.tagdrift.clinic.test>"
        assert len(one.html.encode()) < 100_000 and "<script" not in one.html
        assert "\u202e" not in one.text + one.html + one.subject
        attached = [part.get_filename() for part in one.mail.iter_attachments()]
        assert len(attached) == (one.recipients == (OFFICER,)), "the report goes with findings"
    listed = json.loads(world.place.run("mail", "list", "--json").exits(0).stdout)
    assert [message["state"] for message in listed["messages"]] == ["sent"] * len(mails)
    health = world.place.run("check-health").exits(0)
    assert "3 of 3 pages seen whole" in health.stdout and world.mail.drain() == []


@pytest.mark.timeout(600)
def test_trouble_with_mail_never_fails_a_scan_and_loses_nothing(world: World, tmp_path: Path) -> None:
    world.scan()
    world.mail.behaviour.drop_in_data = True
    ran, taken = world.scan(tagged=ALL)
    assert (ran.code, taken) == (0, []) and "not sent to officer@clinic.test" in ran.stderr
    assert "connection: 127.0.0.1" in ran.stderr
    world.mail.behaviour.drop_in_data = False

    # What is not due yet is not sent; a password that is missing is said, and the scan is done all the same.
    assert "0 sent, 0 failed" in world.run("mail", "flush").exits(0).stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SMTP_PASSWORD")
        quiet, _ = world.scan()
    assert quiet.code == 0 and "SMTP_PASSWORD is not set" in quiet.stderr

    tried = world.run("mail", "test").exits(0)
    assert tried.stdout.count("ok  ") == 2
    assert [one.subject for one in world.mail.drain()] == ["[Test] tagdrift can send mail"] * 2
    world.mail.behaviour.rcpt = {"x@clinic.test": "550 no such user"}
    bad = (
        "officer",
        "a b@clinic.test",
        "Officer <o@clinic.test>",
        "a@b@c",
        "o@clinic.test\r\nBcc: x@y.test",
        "ö@c.test",
    )
    for nobody in bad:
        assert "--to" in world.run("mail", "test", "--to", nobody).exits(2).stderr
    assert world.mail.drain() == []
    refused = world.run("mail", "test", "--to", "x@clinic.test").exits(4)
    assert "refused: 127.0.0.1" in refused.stdout and "550 no such user" in refused.stdout

    shown = world.run("mail", "preview", "clinic", "--out", tmp_path / "shown").exits(0)
    assert "Pinterest Tag" in shown.stdout and world.mail.drain() == []
    assert (tmp_path / "shown" / "mail.eml").read_bytes().startswith(b"From: tagdrift <tagdrift@clinic.test>\r\n")
    assert {path.name for path in (tmp_path / "shown").iterdir()} == {"mail.eml", "mail.html", "mail.txt"}


def test_without_mail_the_commands_say_so(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    assert "no mail is configured" in place.run("mail", "test").exits(2).stderr
