"""Who is told what: news, routes, groups, conversations, heartbeats, the health of the scans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from html import unescape
from typing import Any

import pytest

from reports.mail import News, Told, digest
from reports.model import ReportView
from scanner.config import MailConfig, MailRoute, SmtpConfig
from scanner.drift import compare
from scanner.findings import findings
from scanner.model import (
    Coverage,
    Delivery,
    Finding,
    Incident,
    IncidentChange,
    IncidentChangeKind,
    IncidentState,
    ScanRecord,
    Severity,
    Sighting,
    SightingKind,
    Snapshot,
)
from scanner.service.compare import Comparison
from scanner.service.health import HealthState, alert_key, heartbeat_key, site_health, state_of
from scanner.service.noted import of_vendors, vendors_in_words
from scanner.service.tell import Teller, Vendors, audience, news_of, vendors_of
from tests import make
from tests.make import META, NOW, finding, scan_record, secret, site_config
from tests.report_samples import back, unsure

DAY = timedelta(days=1)
MAIL = MailConfig(SmtpConfig("mail.example"), "tagdrift@clinic.example", ("it@clinic.example",))
OPENED, WORSENED, UPDATED, CLOSED, ACCEPTED = IncidentChangeKind
SITE = site_config()


def incident(number: int = 1, of: Finding | None = None, **more: Any) -> Incident:
    made = Incident(
        id=number,
        site="clinic",
        finding=of or finding(),
        state=IncidentState.OPEN,
        identities=(),
        opened_scan=1,
        first_seen_at=NOW,
        last_seen_at=NOW,
    )
    return replace(made, **more)


# --------------------------------------------------------------------------- news

FORBIDDEN = finding(violation=True)
MINOR = finding(violation=True, severity=Severity.MEDIUM)


@pytest.mark.parametrize(
    ("kind", "more", "news"),
    [
        pytest.param(OPENED, {}, News.OPENED, id="opened"),
        pytest.param(OPENED, {"confirmed": False}, None, id="seen once only"),
        pytest.param(OPENED, {"confirmed": False, "of": FORBIDDEN}, News.OPENED, id="seen once, grave and forbidden"),
        pytest.param(OPENED, {"confirmed": False, "of": MINOR}, None, id="seen once, forbidden and slight"),
        pytest.param(UPDATED, {}, News.OPENED, id="confirmed later, or mail configured later"),
        pytest.param(WORSENED, {"told_at": NOW - DAY}, News.WORSENED, id="worse"),
        pytest.param(UPDATED, {"told_at": NOW - DAY}, None, id="a quiet day"),
        pytest.param(UPDATED, {"told_at": NOW - 7 * DAY}, News.REMINDER, id="after a week"),
        pytest.param(UPDATED, {"told_at": NOW - 9 * DAY, "absent_scans": 1}, None, id="perhaps over: no reminder"),
        pytest.param(CLOSED, {"told_at": NOW, "state": IncidentState.CLOSED}, News.CLOSED, id="closed"),
        pytest.param(CLOSED, {"state": IncidentState.CLOSED}, None, id="closed before anybody was told"),
        pytest.param(ACCEPTED, {"told_at": NOW, "state": IncidentState.ACCEPTED}, None, id="approved by a person"),
    ],
)
def test_what_is_news(kind: IncidentChangeKind, more: dict[str, Any], news: News | None) -> None:
    assert news_of(IncidentChange(kind, incident(**more)), NOW, 7 * DAY) is news


def test_without_reminders_there_are_none() -> None:
    assert news_of(IncidentChange(UPDATED, incident(told_at=NOW - 99 * DAY)), NOW, None) is None


# --------------------------------------------------------------------------- routes

ROUTED = replace(
    MAIL,
    chat={"team": secret(), "all": secret()},
    routes=(
        MailRoute(to=("officer@clinic.example",), chat=("team",), severity=Severity.HIGH),
        MailRoute(to=("marketing@clinic.example", "Officer@clinic.example"), vendor=("pinterest",)),
        MailRoute(to=("night@clinic.example",), site=("night-*",)),
    ),
)


@pytest.mark.parametrize(
    ("site", "severity", "vendor", "told"),
    [
        ("clinic", Severity.CRITICAL, "meta", {"officer@clinic.example", "team"}),
        ("clinic", Severity.HIGH, "pinterest", {"Officer@clinic.example", "team", "marketing@clinic.example"}),
        ("clinic", Severity.LOW, "pinterest", {"marketing@clinic.example", "Officer@clinic.example"}),
        ("clinic", Severity.LOW, None, {"it@clinic.example", "all"}),
        ("clinic", None, None, {"it@clinic.example", "all"}),
        ("night-clinic", None, None, {"night@clinic.example"}),
    ],
)
def test_every_route_that_fits_and_the_rest_to_everybody(
    site: str, severity: Severity | None, vendor: str | None, told: set[str]
) -> None:
    found = audience(ROUTED, site, severity, vendor)
    assert {name for _, name in found} == told
    assert len(found) == len({name.casefold() for _, name in found}), "nobody is told twice"


# --------------------------------------------------------------------------- messages


def scan(number: int = 1, ok: int = 10, planned: int = 10, at: datetime = NOW, **more: Any) -> ScanRecord:
    coverage = Coverage(planned=planned, ok=ok, **more)
    return scan_record(number, coverage=coverage, started_at=at, ended_at=at)


def messages(
    mail: MailConfig,
    scans: list[ScanRecord],
    told: list[Told] | None = None,
    open_count: int = 0,
    report: Callable[[Vendors], ReportView] | None = None,
) -> list[Delivery]:
    """What is sent after the newest of `scans`."""
    newest = scans[0]
    comparison = Comparison(Snapshot(newest, "rules-1"), None, None, None, ())
    teller = Teller(mail, SITE, site_health(SITE, scans), report or (lambda _vendors: back()), newest.started_at)
    return teller.messages(comparison, told or [], open_count)


def header(delivery: Delivery, name: str) -> str | None:
    value = message_from_bytes(delivery.content, policy=default)[name]
    return None if value is None else str(value)


def test_each_group_gets_its_own_digest_and_each_recipient_an_envelope() -> None:
    pin, meta = incident(1), incident(2, finding(tag=META, severity=Severity.LOW, title="Meta Pixel appeared"))
    made = messages(ROUTED, [scan()], [Told(News.OPENED, pin), Told(News.OPENED, meta)], 2)
    by_name = {one.recipient: one for one in made}
    assert by_name.keys() == {
        "Officer@clinic.example", "team", "marketing@clinic.example", "it@clinic.example", "all"
    }  # fmt: skip
    assert "Pinterest" in by_name["team"].subject and by_name["team"].channel == "chat"
    assert by_name["team"].content.decode().startswith("New · High: Pinterest Tag")
    assert by_name["it@clinic.example"].subject == "[Low] clinic: Meta Pixel appeared (1 page)"
    assert header(by_name["marketing@clinic.example"], "To") == "marketing@clinic.example"
    assert len({one.key for one in made}) == len(made)
    assert len({header(one, "Message-ID") for one in made if one.channel == "mail"}) == 3


def test_a_recipient_of_some_vendors_gets_a_report_about_them_only() -> None:
    asked: list[Vendors] = []

    def report(vendors: Vendors) -> ReportView:
        asked.append(vendors)
        return replace(back(), site="all" if vendors is None else ",".join(sorted(vendors)))

    narrow = replace(ROUTED, routes=(*ROUTED.routes, MailRoute(to=("x@clinic.example",), vendor=("meta", "tiktok"))))
    pin, meta = incident(1), incident(2, finding(tag=META, severity=Severity.LOW, title="Meta Pixel appeared"))
    made = messages(narrow, [scan()], [Told(News.OPENED, pin), Told(News.OPENED, meta)], 2, report)
    about = {one.recipient: one.subject.partition("] ")[2].partition(":")[0] for one in made if one.channel == "mail"}
    assert about == {
        "Officer@clinic.example": "all",
        "marketing@clinic.example": "pinterest",
        "x@clinic.example": "meta,tiktok",
    }
    assert len(asked) == 3, "each report is made once"


@pytest.mark.parametrize(
    ("recipient", "site", "vendors"),
    [
        pytest.param(("mail", "marketing@clinic.example"), "clinic", frozenset({"pinterest"}), id="vendor route"),
        pytest.param(("mail", "OFFICER@clinic.example"), "clinic", None, id="another route narrows nothing"),
        pytest.param(("mail", "it@clinic.example"), "clinic", None, id="what no route takes"),
        pytest.param(("chat", "team"), "clinic", None, id="chat"),
    ],
)
def test_what_narrows_a_report(recipient: tuple[str, str], site: str, vendors: Vendors) -> None:
    assert vendors_of(ROUTED, site, recipient) == vendors
    both = replace(ROUTED, to=("marketing@clinic.example",))
    assert vendors_of(both, site, ("mail", "marketing@clinic.example")) is None, "and everything else, too"


def test_a_report_about_some_vendors_names_no_other() -> None:
    sightings = [make.sighting(), make.sighting(of=META), Sighting(make.identity("h.test", SightingKind.HOST, None))]
    clean, after = make.site_snapshot({"/": [], "/a": []}), make.site_snapshot({"/": sightings, "/a": []}, id=2)
    drift = compare(clean, after)
    whole = Comparison(after, clean.scan, None, drift, findings(drift, clean, after, names={}), clean)
    told = of_vendors(whole, {"meta"})
    assert [found.tag for found in told.findings] == [META]
    assert {one.identity.tag for page in told.snapshot.pages for one in page.sightings} == {META}
    assert told.drift is not None and {entry.identity.tag for entry in told.drift.entries} == {META}
    assert len(whole.findings) == 3
    assert "Meta" in vendors_in_words({"meta"}, {("meta", "meta-pixel"): ("Meta", "Meta Pixel")})[0]


def test_later_messages_answer_the_one_that_opened_the_incident() -> None:
    (first,) = messages(MAIL, [scan(1)], [Told(News.OPENED, incident())], 1)
    later = scan(5, at=NOW + 4 * DAY)
    (second,) = messages(MAIL, [later, scan(1)], [Told(News.WORSENED, incident(last_seen_at=later.started_at))], 1)
    assert header(first, "References") is None
    assert header(second, "References") == header(second, "In-Reply-To") == header(first, "Message-ID")
    assert header(second, "Message-ID") != header(first, "Message-ID")
    (other_store,) = messages(MAIL, [scan(1, at=NOW + DAY)], [Told(News.OPENED, incident())], 1)
    assert header(other_store, "Message-ID") != header(first, "Message-ID")


def test_the_same_scan_makes_the_same_messages() -> None:
    told = [Told(News.OPENED, incident())]
    assert messages(ROUTED, [scan()], told, 1) == messages(ROUTED, [scan()], told, 1)


# --------------------------------------------------------------------------- heartbeat and health


def test_a_heartbeat_once_a_week_while_all_is_well() -> None:
    keys = [messages(MAIL, [scan(n, at=NOW + n * DAY)])[0].key for n in range(21)]
    assert len(set(keys)) == 3, "the store records a key once"
    (beat,) = messages(MAIL, [scan()])
    assert beat.subject == "[All is well] clinic: no incident, 10 of 10 pages seen whole"
    assert messages(MAIL, [scan()], open_count=1) == []
    assert messages(replace(MAIL, heartbeat=None), [scan()]) == []
    assert heartbeat_key("a", NOW, DAY) != heartbeat_key("b", NOW, DAY)


@pytest.mark.parametrize(
    ("coverage", "state"),
    [
        (Coverage(planned=10, ok=10), HealthState.WELL),
        (Coverage(planned=10, ok=9, failed=1), HealthState.WELL),
        (Coverage(planned=10, ok=8, failed=2), HealthState.THIN),
        (Coverage(planned=10, ok=8, blocked=1, failed=1), HealthState.BLOCKED),
        (Coverage(planned=10, blocked=10), HealthState.BLOCKED),
        (Coverage(planned=10, failed=10), HealthState.FAILED),
        (Coverage(planned=10, unvisited=10), HealthState.FAILED),
        (Coverage(), HealthState.FAILED),
    ],
)
def test_the_state_of_a_scan(coverage: Coverage, state: HealthState) -> None:
    assert state_of(scan_record(coverage=coverage), 0.9) is state


def test_trouble_is_told_once_and_its_end_too() -> None:
    days = [10, 0, 0, 5, 0, 10, 10, 0]
    scans: list[ScanRecord] = []
    told: list[list[str]] = []
    recorded: set[str] = set()
    for number, ok in enumerate(days, 1):
        scans.insert(0, scan(number, ok=ok, failed=10 - ok, at=NOW + number * DAY))
        new = [one for one in messages(MAIL, scans) if one.key not in recorded]
        recorded |= {one.key for one in new}
        told.append([one.subject.split("]")[0][1:] for one in new])
    assert told == [
        ["All is well"], ["Not watched"], [], ["Not watched"], [], ["Watched again"], ["All is well"], ["Not watched"]
    ]  # fmt: skip


def test_a_site_nobody_scans_any_more() -> None:
    last = scan(at=NOW)
    soon = site_health(SITE, [last], NOW + 35 * timedelta(hours=1), timedelta(hours=36))
    late = site_health(SITE, [last], NOW + 2 * DAY, timedelta(hours=36))
    later = site_health(SITE, [last], NOW + 9 * DAY, timedelta(hours=36))
    assert (soon.state, late.state) == (HealthState.WELL, HealthState.OVERDUE)
    assert alert_key(late) == alert_key(later) != alert_key(soon)
    assert site_health(SITE, []).state is HealthState.NEVER


def test_a_look_at_a_few_pages_vouches_for_nothing() -> None:
    """After an outage somebody tries `--max-pages 2`: that is no recovery, and no scan of the site either."""
    few = scan(3, ok=2, planned=2, excluded=(("page-limit", 8),), at=NOW + 2 * DAY)
    down, well = scan(2, ok=0, failed=10, at=NOW + DAY), scan(1, at=NOW)
    health = site_health(SITE, [few, down, well], NOW + 5 * DAY, timedelta(hours=36))
    assert health.state is HealthState.OVERDUE and health.last == down
    assert site_health(SITE, [few, down, well]).state is HealthState.FAILED
    assert not site_health(SITE, [few, down, well]).recovered


# --------------------------------------------------------------------------- how sure it is


def test_a_mail_says_how_sure_it_is_and_what_it_leaves_to_the_report() -> None:
    report = unsure()
    shaky = incident(7, FORBIDDEN, confirmed=False)
    wavering = incident(8, finding(tag=META), comes_and_goes=True, recent=(True, False, True, False, True))
    content = digest([Told(News.OPENED, shaky), Told(News.OPENED, wavering)], report)
    assert content.subject.startswith("[High] clinic: Seen once: Pinterest Tag 2612000000001 appeared on 1 of 1 page")
    for said in (content.text, content.html):
        assert "Seen once, not confirmed: when its pages were visited again at once, it was not there." in said
        assert "It comes and goes: seen in 3 of the last 5 scans." in said
        assert (
            "The report also has 1 finding seen once and not confirmed and 1 finding against the policy since before."
        ) in said


def test_a_mail_names_the_cause_and_what_else_changed() -> None:
    report = unsure()
    content = digest([Told(News.OPENED, incident(1, report.appeared[0].finding))], report)
    for said in (content.text, unescape(content.html)):
        assert "Google Tag Manager GTM-ABC1234 version 12 → custom HTML" in said
        assert "the script /theme.js changed between 2026-05-03 02:30 and 2026-05-10 02:30 UTC" in said
        assert "the host cdn.widgets.example is new" in said
