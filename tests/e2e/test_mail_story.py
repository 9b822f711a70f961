"""A month of a clinic's website through the command line, with a real browser and a real mail server.

Each day is one scan. A mail comes on the days that have news, to whom it concerns, and on no other day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.cli import Ran, Workplace
from tests.mail_server import PASSWORD, MailServer, Taken
from tests.site.reply import GIF, MENU, Reply, redirect, typed
from tests.site.server import FixtureServer, Received

ORIGIN = "https://www.clinic.test"
PATHS = ("/", "/about", "/contact")
OFFICER, IT = "officer@clinic.test", "it@clinic.test"
FIRST, SECOND = "2612000000001", "2612000000099"


@dataclass(slots=True)
class Clinic:
    """Three pages; what they are like can be changed between scans."""

    tagged: frozenset[str] = frozenset()
    """Paths with the Pinterest Tag."""
    account: str = FIRST
    ends: dict[str, str] = field(default_factory=dict)
    """Path → `500` | `login`: what answers instead of the page."""

    def respond(self, request: Received) -> Reply | None:
        parts = urlsplit(request.url)
        if parts.hostname != "www.clinic.test":
            return Reply(200, (("Content-Type", "image/gif"),), GIF)
        if parts.path == "/login":
            return MENU["login"]
        end = self.ends.get(parts.path)
        if end is not None:
            return redirect(f"/login?next={parts.path}") if end == "login" else MENU[end]
        if parts.path not in PATHS:
            return Reply(404, (("Content-Type", "text/plain"),), b"no such page")
        links = "".join(f'<a href="{path}">{path}</a> ' for path in PATHS)
        beacon = f"https://ct.pinterest.com/v3/?event=pagevisit&tid={self.account}&noscript=1&cb=12"
        tag = f'<script>new Image().src = "{beacon}&ad=" + encodeURIComponent(location.href)</script>'
        title = "Clinic\u202e <b>&amp;"
        body = f"<!doctype html><title>{title}</title><h1>Clinic</h1>{links}"
        return typed("/", body + (tag if parts.path in self.tagged else ""))


@dataclass(frozen=True, slots=True)
class World:
    clinic: Clinic
    mail: MailServer
    place: Workplace

    def scan(self, **changes: Any) -> tuple[Ran, list[Taken]]:
        for name, value in changes.items():
            setattr(self.clinic, name, value)
        return self.place.run("scan", "--quiet", "--exit-zero"), self.mail.drain()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
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
                    "limits": {"page_time": "500ms", "drain": "200ms", "interact": False},
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
NOBODY: dict[str, str] = {}
STORY: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("the first scan is clean", {}, []),
    ("a quiet day", {}, []),
    (
        "the tag appears",
        {"tagged": frozenset({"/"})},
        [(OFFICER, f"[High] clinic: Pinterest Tag {FIRST} appeared on 1 of 3 pages")],
    ),
    ("it is still there: a quiet day", {}, []),
    ("it spreads", {"tagged": ALL}, [(OFFICER, f"[High] clinic: Pinterest Tag {FIRST} is now on 3 pages")]),
    ("it flaps", {"tagged": frozenset()}, []),
    ("and is back", {"tagged": ALL}, []),
    ("a page breaks", {"ends": {"/about": "500"}}, []),
    ("a login wall stands before a page", {"ends": {"/about": "login"}}, []),
    (
        "the server is down",
        {"ends": dict.fromkeys(PATHS, "500")},
        [(IT, "[Not watched] clinic: the site cannot be scanned: 0 of 3 pages seen whole")],
    ),
    ("it is still down: told once", {}, []),
    ("it is up again", {"ends": NOBODY}, [(IT, "[Watched again] clinic: 3 of 3 pages seen whole")]),
    (
        "another account",
        {"account": SECOND},
        [(OFFICER, f"[High] clinic: Pinterest Tag changed its account from {FIRST} to {SECOND} on 3 of 3 pages")],
    ),
    (
        "the first account stays away: it is over",
        {},
        [(OFFICER, f"[Gone] clinic: Pinterest Tag {FIRST} is gone from 3 pages")],
    ),
    ("a quiet day", {}, []),
    ("the tag is taken out", {"tagged": frozenset()}, []),
    ("and stays out", {}, [(OFFICER, f"[Gone] clinic: Pinterest Tag {SECOND} is gone from 3 pages")]),
    ("a quiet day at the end", {}, []),
]


@pytest.mark.timeout(900)
def test_a_story_of_scans_sends_exactly_the_mails_that_are_news(world: World) -> None:
    told: list[tuple[str, list[tuple[str, str]]]] = []
    mails: list[Taken] = []
    for day, changes, _ in STORY:
        ran, taken = world.scan(**changes)
        assert ran.code in (0, 3), ran.stderr
        told.append((day, [(one.recipients[0], one.subject.split(", ")[0]) for one in taken]))
        mails += taken
    assert told == [(day, expected) for day, _, expected in STORY]

    opened, spread = mails[0], mails[1]
    gone = next(one for one in mails if one.subject.startswith("[Gone]"))
    assert spread.mail["References"] == gone.mail["References"] == opened.message_id
    assert "on 2 more pages" in spread.text and "Began between" in spread.text and "Ended between" in gone.text
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


@pytest.mark.timeout(300)
def test_trouble_with_mail_never_fails_a_scan_and_loses_nothing(world: World, tmp_path: Path) -> None:
    world.scan()
    world.mail.behaviour.drop_in_data = True
    ran, taken = world.scan(tagged=ALL)
    assert (ran.code, taken) == (0, []) and "not sent to officer@clinic.test" in ran.stderr
    assert "connection: 127.0.0.1" in ran.stderr
    world.mail.behaviour.drop_in_data = False

    # What is not due yet is not sent; a password that is missing is said, and the scan is done all the same.
    assert "0 sent, 0 failed" in world.place.run("mail", "flush").exits(0).stdout
    del world.place.environment["SMTP_PASSWORD"]
    quiet = world.place.run("scan", "--quiet", "--exit-zero").exits(0)
    assert "SMTP_PASSWORD is not set" in quiet.stderr
    world.place.environment["SMTP_PASSWORD"] = PASSWORD

    tried = world.place.run("mail", "test").exits(0)
    assert tried.stdout.count("ok  ") == 2
    assert [one.subject for one in world.mail.drain()] == ["[Test] tagdrift can send mail"] * 2
    world.mail.behaviour.rcpt = {"x@clinic.test": "550 no such user"}
    refused = world.place.run("mail", "test", "--to", "x@clinic.test").exits(4)
    assert "refused: 127.0.0.1" in refused.stdout and "550 no such user" in refused.stdout

    shown = world.place.run("mail", "preview", "clinic", "--out", tmp_path / "shown").exits(0)
    assert "Pinterest Tag" in shown.stdout and world.mail.drain() == []
    assert (tmp_path / "shown" / "mail.eml").read_bytes().startswith(b"From: tagdrift <tagdrift@clinic.test>\r\n")
    assert {path.name for path in (tmp_path / "shown").iterdir()} == {"mail.eml", "mail.html", "mail.txt"}


def test_without_mail_the_commands_say_so(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    assert "no mail is configured" in place.run("mail", "test").exits(2).stderr
