"""When sites are scanned: crontab text, alarms that survive the process, and which pages a light scan visits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scanner.clockwork.alarm import Alarm
from scanner.clockwork.timetable import Timetable
from scanner.clockwork.triggers import cron_trouble, next_times
from scanner.errors import CannotRun
from scanner.fleet.places import Places
from scanner.model import (
    Finding,
    Incident,
    IncidentState,
    Outcome,
    PageInventory,
    Profile,
    ScanKind,
    SiteSchedule,
    When,
)
from scanner.service.light import MOST_PAGES_PER_INCIDENT, MOST_TROUBLED_PAGES, light_pages
from scanner.service.schedule import alarm_name, alarms, last_times, of_alarm
from tests import make

NEW_YORK = ZoneInfo("America/New_York")

# --------------------------------------------------------------------------- crontab text


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 3 * * 0", ["Sun", "Sun"]),
        ("0 3 * * 7", ["Sun", "Sun"]),
        ("0 3 * * 1-5", ["Thu", "Fri", "Mon", "Tue", "Wed", "Thu"]),
        ("0 3 * * 5-1", ["Fri", "Sat", "Sun", "Mon", "Fri"]),
        ("0 3 * * FRI-sun", ["Fri", "Sat", "Sun", "Fri"]),
        ("0 3 * * */3", ["Sat", "Sun", "Wed", "Sat"]),
        ("0 3 * * 1,3", ["Mon", "Wed", "Mon"]),
        ("0 3 * * *", ["Thu", "Fri", "Sat"]),
    ],
)
def test_weekdays_are_those_of_crontab(text: str, days: list[str]) -> None:
    thursday = datetime(2026, 1, 1, tzinfo=UTC)
    assert [time.strftime("%a") for time in next_times(When(text), "UTC", thursday, len(days))] == days


@pytest.mark.parametrize(
    ("after", "hours"),
    [
        pytest.param(datetime(2026, 3, 7, 12, tzinfo=NEW_YORK), ["07:30", "06:30"], id="02:30 is skipped in spring"),
        pytest.param(datetime(2026, 7, 1, 12, tzinfo=NEW_YORK), ["06:30", "06:30"], id="summer"),
        pytest.param(datetime(2026, 12, 1, 12, tzinfo=NEW_YORK), ["07:30", "07:30"], id="winter"),
    ],
)
def test_times_are_those_of_the_time_zone(after: datetime, hours: list[str]) -> None:
    found = next_times(When("30 2 * * *"), "America/New_York", after, 2)
    assert [f"{time.astimezone(UTC):%H:%M}" for time in found] == hours


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("30 2 * *", "4 fields"),
        ("61 2 * * *", "61"),
        ("0 2 31 2 *", "no such day"),
        ("0 2 * * 9", "`9` is no weekday"),
        ("0 2 * * 1/0", "`1/0` is no weekday"),
        ("0 2 * * ²", "no weekday"),
        ("0 2 1 * 1", "not both"),
        ("every now and then please", "not both"),
        ("", "0 fields"),
    ],
)
def test_what_is_no_crontab_text_says_why(text: str, why: str) -> None:
    assert why in (cron_trouble(text) or "")


# --------------------------------------------------------------------------- alarms of sites


def test_each_time_of_each_site_is_an_alarm_in_its_time_zone() -> None:
    nightly, often = When("30 2 * * *"), When("30m", 1800)
    sites = [
        make.site_config("a", schedule=SiteSchedule(nightly, often, jitter_s=60)),
        make.site_config("b", schedule=SiteSchedule(nightly, timezone="UTC"), profile=Profile(timezone="Asia/Tokyo")),
        make.site_config("c"),
    ]
    found = alarms(sites, {}, make.NOW)
    assert [(alarm.name, alarm.timezone, alarm.jitter_s) for alarm in found] == [
        ("a full", "America/New_York", 60),
        ("a light", "America/New_York", 60),
        ("b full", "UTC", 0),
    ]


@pytest.mark.parametrize(
    ("kind", "last", "minutes"),
    [
        pytest.param(ScanKind.FULL, None, 0, id="a new site is scanned at once"),
        pytest.param(ScanKind.LIGHT, None, None, id="a light scan waits for a full one"),
        pytest.param(ScanKind.LIGHT, 10, 20, id="an interval counts from the last scan"),
        pytest.param(ScanKind.FULL, 90, 0, id="overdue"),
    ],
)
def test_an_interval_counts_from_the_last_scan(kind: ScanKind, last: int | None, minutes: int | None) -> None:
    when = When("30m", 1800)
    full, light = (when, None) if kind is ScanKind.FULL else (None, when)
    site = make.site_config(schedule=SiteSchedule(full, light))
    began = {} if last is None else {(site.name, kind): make.NOW - timedelta(minutes=last)}
    (alarm,) = alarms([site], began, make.NOW)
    assert alarm.first == (None if minutes is None else make.NOW + timedelta(minutes=minutes))


def test_a_full_scan_counts_as_a_light_one_and_not_the_other_way_round() -> None:
    full, older = (
        make.scan_record(id, started_at=make.NOW - timedelta(hours=hours)) for id, hours in ((2, 2), (1, 26))
    )
    light = make.scan_record(3, started_at=make.NOW, kind=ScanKind.LIGHT)
    at = {("clinic", ScanKind.FULL): full.started_at}
    assert last_times([light, full, older]) == at | {("clinic", ScanKind.LIGHT): light.started_at}
    assert last_times([full, older]) == at | {("clinic", ScanKind.LIGHT): full.started_at}
    assert last_times([]) == {}


@pytest.mark.parametrize("kind", ScanKind)
def test_an_alarm_says_what_it_is_for(kind: ScanKind) -> None:
    assert of_alarm(alarm_name("clinic-8443", kind)) == ("clinic-8443", kind)


# --------------------------------------------------------------------------- alarms that survive the process

HOURLY = Alarm("a full", When("1h", 3600), "UTC", jitter_s=0, grace_s=6 * 3600)


class Bell:
    """What rang, and what was said about it."""

    def __init__(self) -> None:
        self.rang: list[str] = []
        self.said: list[str] = []
        self.news = asyncio.Event()

    async def ring(self, name: str) -> None:
        self.rang.append(name)
        self.news.set()

    def say(self, text: str) -> None:
        self.said.append(text)
        self.news.set()


async def after_a_restart(file: Path, before: Alarm, after: Alarm) -> tuple[Bell, timedelta]:
    """Set `before`, end without a ring, start again with `after`; return what happened and how far the next time is."""
    first = Timetable(file, Bell().ring, print)
    first.start()
    first.set([before])
    first.close()
    bell = Bell()
    second = Timetable(file, bell.ring, bell.say)
    second.start()
    second.set([after])
    second.go()
    async with asyncio.timeout(20):
        await bell.news.wait()
    next_time = second.next_times()[after.name]
    second.close()
    return bell, next_time - datetime.now(UTC)


async def test_times_missed_while_nobody_ran_ring_once(tmp_path: Path) -> None:
    missed = replace(HOURLY, first=datetime.now(UTC) - timedelta(hours=4, minutes=10))
    bell, wait = await after_a_restart(tmp_path / "s.db", missed, HOURLY)
    assert (bell.rang, bell.said) == (["a full"], [])
    assert timedelta(minutes=45) < wait <= timedelta(minutes=50)


async def test_a_time_missed_too_long_ago_is_told_and_left_out(tmp_path: Path) -> None:
    strict = replace(HOURLY, grace_s=60)
    missed = replace(strict, first=datetime.now(UTC) - timedelta(hours=4, minutes=10))
    bell, wait = await after_a_restart(tmp_path / "s.db", missed, strict)
    assert bell.rang == []
    assert bell.said[0].startswith("a full: missed ")
    assert wait > timedelta(minutes=45)


async def test_new_terms_make_new_times_and_what_is_not_wanted_goes(tmp_path: Path) -> None:
    bell = Bell()
    timetable = Timetable(tmp_path / "s.db", bell.ring, bell.say)
    timetable.start()
    soon = datetime.now(UTC) + timedelta(minutes=1)
    timetable.set([replace(HOURLY, first=soon), replace(HOURLY, name="b full")])
    timetable.set([replace(HOURLY, first=soon + timedelta(minutes=5))])
    assert timetable.next_times() == {"a full": soon}, "the same terms keep their time"
    later = Alarm("a full", When("2h", 7200), "UTC", 0, 3600)
    timetable.set([later])
    assert timetable.next_times()["a full"] > soon + timedelta(minutes=90)
    timetable.close()


async def test_times_are_told_in_the_time_zone_of_the_site_after_a_restart_as_well(tmp_path: Path) -> None:
    alarm = Alarm(
        "a full", When("12h", 43_200), "America/Chicago", 0, 3600, first=datetime.now(UTC) + timedelta(hours=1)
    )
    for _ in range(2):
        timetable = Timetable(tmp_path / "s.db", Bell().ring, print)
        timetable.start()
        timetable.set([alarm])
        assert str(timetable.next_times()["a full"].tzinfo) == "America/Chicago"
        timetable.close()


async def test_a_file_serves_one_process_and_damage_is_told(tmp_path: Path) -> None:
    bell = Bell()
    one, other = (Timetable(tmp_path / "s.db", bell.ring, bell.say) for _ in range(2))
    one.start()
    with pytest.raises(CannotRun, match="another `tagdrift run`"):
        other.start()
    one.close()
    (tmp_path / "s.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CannotRun, match="cannot be used"):
        other.start()
    other.close()
    (tmp_path / "s.db").unlink()
    other.start()
    other.close()


async def test_places_are_never_more_than_the_limit_and_can_be_changed() -> None:
    places = Places(2)
    now, most = 0, 0

    async def work() -> None:
        nonlocal now, most
        async with places.one():
            now += 1
            most = max(most, now)
            for _ in range(3):
                await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(work() for _ in range(10)))
    assert most == 2
    await places.resize(None)
    await asyncio.gather(*(work() for _ in range(10)))
    assert most == 10


# --------------------------------------------------------------------------- pages of a light scan


def page(path: str, outcome: Outcome = Outcome.OK, **more: object) -> PageInventory:
    return replace(make.inventory(path, outcome=outcome), template=path.rpartition("/")[0] + "/*", **more)  # type: ignore[arg-type]


def incident_of(finding: Finding) -> Incident:
    return Incident(1, "clinic", finding, IncidentState.OPEN, (), 1, first_seen_at=make.NOW, last_seen_at=make.NOW)


def chosen(
    pages: Iterable[PageInventory], newer: Iterable[PageInventory] = (), on: Iterable[str] = (), turn: int = 0
) -> list[str]:
    finding = make.finding(pages=tuple(make.page_url(path) for path in on))
    incidents = [incident_of(finding)] if on else []
    return [url.removeprefix(make.SITE) for url in light_pages(pages, newer, incidents, turn)]


DOCTORS = [page(f"/doctors/{name}") for name in "abc"]


@pytest.mark.parametrize(("turn", "doctor"), [(0, "a"), (1, "b"), (2, "c"), (3, "a")])
def test_one_page_of_each_template_in_turn(turn: int, doctor: str) -> None:
    assert chosen([*DOCTORS, page("/blog/x")], turn=turn) == ["/blog/x", f"/doctors/{doctor}"]


def test_pages_in_trouble_and_pages_of_incidents_are_looked_at_again() -> None:
    pages = [*DOCTORS, page("/doctors/d", Outcome.FAILED), page("/doctors/e", Outcome.FAILED, status=404)]
    assert chosen(pages) == ["/doctors/a", "/doctors/d"]
    assert chosen(pages, newer=[page("/doctors/d"), page("/doctors/c", Outcome.PARTIAL), page("/new")]) == [
        "/doctors/a",
        "/doctors/c",
    ]
    assert chosen(pages, on=["/doctors/b", "/no/longer/there"]) == ["/doctors/a", "/doctors/b", "/doctors/d"]


def test_a_light_scan_stays_light_whatever_happens() -> None:
    down = [page(f"/a/{number:03}", Outcome.FAILED) for number in range(500)]
    assert len(chosen(down)) == MOST_TROUBLED_PAGES
    fine = [page(f"/a/{number:03}") for number in range(500)]
    assert len(chosen(fine, on=[f"/a/{number:03}" for number in range(500)])) == MOST_PAGES_PER_INCIDENT
