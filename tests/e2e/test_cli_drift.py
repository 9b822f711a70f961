"""The same site scanned again and again is without drift; each kind of change is exactly one finding. Real browser."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from scanner.cli.main import run
from tests.e2e.cli import Ran, Workplace, config_text, valid_report
from tests.e2e.moving_site import (
    APPOINTMENTS,
    EVERYWHERE,
    META,
    ORIGIN,
    OTHER_META,
    PAGES,
    PATHS,
    PINTEREST,
    TIKTOK,
    MovingSite,
    State,
)
from tests.site.server import FixtureServer

SCANS = 10
APPROVED = State()
HOSTS_ALLOWED = (
    "script-src 'self' 'unsafe-inline' connect.facebook.net www.googletagmanager.com s.pinimg.com cdn.widgets.test"
)


@dataclass(frozen=True, slots=True)
class Clinic:
    site: MovingSite
    place: Workplace

    def scan(self, state: State, code: int) -> dict[str, Any]:
        """Scan the clinic in `state` and return the report, whose exit code must be `code`."""
        self.site.state = state
        try:
            return valid_report(self.run("scan", "--json", "--quiet").exits(code))
        finally:
            self.site.state = APPROVED

    def run(self, *words: str) -> Ran:
        """Run one command line in this process: thirty starts would cost half a minute and show nothing more."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.place.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(words)
        return Ran(words, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    site = MovingSite()
    with FixtureServer(responder=site.respond) as server:
        place = Workplace(tmp_path_factory.mktemp("clinic"))
        place.write("tagdrift.yaml", config_text(server, f"{ORIGIN}/"))
        yield Clinic(site, place)


def headlines(report: dict[str, Any]) -> list[str]:
    return [finding["title"] for part in ("findings", "removed") for finding in report[part]]


@pytest.mark.timeout(900)  # ten scans
def test_ten_scans_of_a_site_that_did_not_change_are_without_drift(clinic: Clinic) -> None:
    first = clinic.scan(APPROVED, 0)
    assert first["verdict"]["state"] == "first-scan"
    assert [page["page"] for page in first["pages"]] == list(PAGES)
    assert {(tag["vendor"], tag["account"], tag["pages"]) for tag in first["inventory"]["tags"]} == {
        ("meta", META, 8),
        ("pinterest", PINTEREST, 8),
        ("google", "G-ABCDEF1234", 8),
    }
    strangers = {other["domain"] for other in first["inventory"]["third_parties"] if other["owner"] is None}
    assert strangers == {"stranger.test", "other.test", "widgets.test"}
    assert [cookie["name"] for cookie in first["inventory"]["cookies"]] == ["wid_* of widgets.test"]
    clinic.run("approve", "clinic", "--reason", "reviewed").exits(0)
    for _ in range(SCANS - 1):
        again = clinic.scan(APPROVED, 0)
        assert again["verdict"]["state"] == "clean"
        assert again["baseline"]["approved"]["why"] == "reviewed"
        assert (headlines(again), again["other_changes"], again["unverified"]) == ([], [], [])
        assert (again["new_pages"], again["gone_pages"]) == ([], [])
        assert again["coverage"]["ok"] == len(PATHS)


@dataclass(frozen=True, slots=True)
class Expected:
    """One finding: its verdict and title, its pages, and the entries that make it up."""

    title: str
    pages: tuple[str, ...]
    entries: frozenset[tuple[str, str, str]]
    """(verdict, kind, subject) of every entry."""
    loaders: tuple[str, ...] = ()
    """Who loaded it, nearest first; empty: not looked at."""
    vendor: str | None = None


def url(*paths: str) -> tuple[str, ...]:
    return tuple(sorted(ORIGIN + path for path in paths))


def tiktok_entries(events: bool = True) -> frozenset[tuple[str, str, str]]:
    arrived = {
        ("added", "tag", ""),
        ("added", "host", "tiktok.com"),
        ("added", "script", "analytics.tiktok.com/i18n/pixel/events.js"),
    }
    told = {
        ("added", "event", "Pageview"),
        ("added", "field", "context.page.url"),
        ("added", "endpoint", "POST analytics.tiktok.com/api/v2/pixel"),
    }
    return frozenset(arrived | told if events else arrived)


CHANGES: dict[str, tuple[State, Expected]] = {
    "a tag appears on one page": (
        replace(APPROVED, tiktok=frozenset({"/appointments"})),
        Expected(
            f"TikTok Pixel {TIKTOK} appeared on 1 of 8 pages",
            (APPOINTMENTS,),
            tiktok_entries(),
            ("inline snippet in the page",),
            "tiktok",
        ),
    ),
    "a tag appears everywhere": (
        replace(APPROVED, tiktok=EVERYWHERE),
        Expected(
            f"TikTok Pixel {TIKTOK} appeared on 8 of 8 pages",
            PAGES,
            tiktok_entries(),
            ("inline snippet in the page",),
            "tiktok",
        ),
    ),
    "a tag appears and the page's own policy stops it": (
        replace(APPROVED, tiktok=frozenset({"/about"}), policy=HOSTS_ALLOWED),
        Expected(
            f"TikTok Pixel {TIKTOK} appeared on 1 of 8 pages",
            url("/about"),
            tiktok_entries(events=False),
            vendor="tiktok",
        ),
    ),
    "an account changes": (
        replace(APPROVED, meta_account=OTHER_META),
        Expected(
            f"Meta Pixel changed its account from {META} to {OTHER_META} on 8 of 8 pages",
            PAGES,
            frozenset(
                (verdict, kind, subject)
                for verdict in ("added", "removed")
                for kind, subject in (
                    ("tag", ""),
                    ("event", "PageView"),
                    ("field", "dl"),
                    ("field", "fbp"),
                    ("endpoint", "GET www.facebook.com/tr/"),
                    ("script", "connect.facebook.net/signals/config/*"),
                )
            ),
            ("https://connect.facebook.net/en_US/fbevents.js", "inline snippet in the page"),
            "meta",
        ),
    ),
    "a new event": (
        replace(APPROVED, lead=True),
        Expected(
            f"Meta Pixel {META} now reports Lead on 1 of 8 pages",
            (APPOINTMENTS,),
            frozenset({("added", "event", "Lead")}),
            ("https://connect.facebook.net/en_US/fbevents.js", "inline snippet in the page"),
            "meta",
        ),
    ),
    "a field carries something new": (
        replace(APPROVED, email=True),
        Expected(
            f"Meta Pixel {META} now sends e-mail addresses on 1 of 8 pages",
            url("/contact"),
            # The visitor's hash stands in the snippet as well, where everybody who reads the page finds it.
            frozenset({("added", "field", "ud[em]"), ("added", "field", "(page source)")}),
            ("HTML of the page", "https://connect.facebook.net/en_US/fbevents.js", "inline snippet in the page"),
            "meta",
        ),
    ),
    "a third party that nobody knows": (
        replace(APPROVED, newcomer=True),
        Expected(
            "New third party: newcomer.test (owner unknown) on 2 of 8 pages",
            url("/", "/about"),
            frozenset({("added", "host", "newcomer.test"), ("added", "endpoint", "GET px.newcomer.test/p.gif")}),
            ("HTML of the page",),
        ),
    ),
    "a script's content changes": (
        replace(APPROVED, widget_edition=2),
        Expected(
            "widgets.test (owner unknown): the content of cdn.widgets.test/w/widget.*.js changed on 8 pages",
            PAGES,
            frozenset({("changed", "script", "cdn.widgets.test/w/widget.*.js")}),
            ("HTML of the page",),
        ),
    ),
    "a collector moves": (
        replace(APPROVED, collector="/v2/ingest"),
        Expected(
            "Third party widgets.test (owner unknown) now also shows POST in.widgets.test/v2/ingest on 8 of 8 pages",
            PAGES,
            frozenset({("added", "endpoint", "POST in.widgets.test/v2/ingest")}),
            ("https://cdn.widgets.test/w/widget.*.js", "HTML of the page"),
        ),
    ),
    "a new cookie": (
        replace(APPROVED, cookie=True),
        Expected(
            "Third party widgets.test (owner unknown) now also shows partner_id of widgets.test on 8 of 8 pages",
            PAGES,
            frozenset({("added", "cookie", "partner_id of widgets.test")}),
        ),
    ),
    "a tag is removed": (
        replace(APPROVED, pinterest=frozenset()),
        Expected(
            f"Pinterest Tag {PINTEREST} disappeared from 8 pages",
            PAGES,
            frozenset(
                ("removed", kind, subject)
                for kind, subject in (
                    ("tag", ""),
                    ("event", "init"),
                    ("event", "pagevisit"),
                    ("field", "ad.loc"),
                    ("field", "pd.pin_unauth"),
                    ("host", "pinterest.com"),
                    ("host", "pinimg.com"),
                    ("script", "s.pinimg.com/ct/core.js"),
                    ("script", "s.pinimg.com/ct/lib/main.*.js"),
                    ("endpoint", "GET ct.pinterest.com/v3/"),
                )
            ),
            vendor="pinterest",
        ),
    ),
}
CONSEQUENCES: dict[str, frozenset[str]] = {
    "a collector moves": frozenset(
        {"Third party widgets.test (owner unknown) no longer shows POST in.widgets.test/v1/events on 8 pages"}
    ),
}
"""Findings on the other side of the same change."""


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_one_finding(clinic: Clinic, change: str) -> None:
    state, expected = CHANGES[change]
    report = clinic.scan(state, 1)
    assert report["verdict"]["state"] == "drift"
    findings = {finding["title"]: finding for part in ("findings", "removed") for finding in report[part]}
    assert set(findings) == {expected.title} | CONSEQUENCES.get(change, frozenset())
    assert (report["other_changes"], report["unverified"]) == ([], [])
    found = findings[expected.title]
    assert tuple(found["pages"]) == expected.pages
    assert {(e["verdict"], e["kind"], e["subject"]) for e in found["entries"]} == expected.entries
    assert found["vendor"] == expected.vendor
    if expected.loaders:
        assert tuple(found["loaders"][: len(expected.loaders)]) == expected.loaders
    evidence = {word for e in found["entries"] for word in e["evidence"]}
    assert ("request" in evidence) == ("policy" not in change and "cookie" not in change)


@pytest.mark.parametrize(
    ("end", "outcome"), [pytest.param("500", "failed", id="broken"), pytest.param("login", "blocked", id="login wall")]
)
def test_a_page_that_cannot_be_seen_loses_nothing(clinic: Clinic, end: str, outcome: str) -> None:
    report = clinic.scan(replace(APPROVED, ends=(("/doctors", end),)), 3)
    assert report["verdict"]["state"] == "unverified"
    assert (headlines(report), report["other_changes"], report["gone_pages"]) == ([], [], [])
    assert [(u["page"], u["outcome"]) for u in report["unverified"]] == [(f"{ORIGIN}/doctors", outcome)]
    assert report["coverage"][outcome] == 1


def test_presence_is_told_although_other_pages_could_not_be_seen(clinic: Clinic) -> None:
    report = clinic.scan(replace(APPROVED, tiktok=EVERYWHERE, ends=(("/doctors", "500"),)), 1)
    assert headlines(report) == [f"TikTok Pixel {TIKTOK} appeared on 7 of 7 pages"]
    assert [u["page"] for u in report["unverified"]] == [f"{ORIGIN}/doctors"]
    assert any("there may be more" in caveat for caveat in report["verdict"]["caveats"])


def test_a_page_that_is_gone_is_said_to_be_gone_and_takes_no_tag_with_it(clinic: Clinic) -> None:
    report = clinic.scan(replace(APPROVED, ends=(("/blog/sleep", "404"),)), 0)
    assert report["gone_pages"] == [f"{ORIGIN}/blog/sleep"]
    assert (headlines(report), report["other_changes"], report["unverified"]) == ([], [], [])
