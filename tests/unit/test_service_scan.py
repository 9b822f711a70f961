"""The use case "scan one site" over a store in memory and a fleet that is a function of its task."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import pytest

from scanner.crawl.discover import Discovery
from scanner.crawl.robots import Robots
from scanner.errors import Interrupted, SiteBusy, StoreError, TagdriftError
from scanner.model import (
    Coverage,
    Outcome,
    PageCapture,
    PageInventory,
    ScanRecord,
    ScanState,
    SiteConfig,
    StopReason,
    VisitTask,
)
from scanner.page_kinds import default_page_kind
from scanner.service.holder import is_dead, new_holder
from scanner.service.scan import LEASE_S, Progress, ScanRun
from scanner.store.memory import MemoryStore
from tests import make

SITE = make.site_config(requests_per_second=10_000.0, concurrency=3)
LINKS: Mapping[str, tuple[str, ...]] = {"/": ("/a", "/b", "/c"), "/a": ("/d",), "/d": ("/e", "/")}
EVERY = tuple(sorted(map(make.page_url, ("/", "/a", "/b", "/c", "/d", "/e"))))

Visit = Callable[[VisitTask], PageCapture]


def path_of(url: str) -> str:
    return url.removeprefix(make.SITE)


def page(task: VisitTask) -> PageCapture:
    """The site as it is: pages that link to one another, each with the Pinterest Tag."""
    path = path_of(task.url)
    links = tuple(make.link(target) for target in LINKS.get(path, ()))
    return make.capture(path, [make.request()], links=links)


@dataclass(slots=True)
class FakeFleet:
    """Implements `ports.Fleet`; what a visit sees follows from its task alone."""

    see: Visit = page
    capacity: int = 3
    visited: list[str] = field(default_factory=list)
    open: bool = False
    before: Callable[[VisitTask], None] = lambda _task: None

    async def visit(self, task: VisitTask) -> PageCapture:
        assert self.open
        self.before(task)
        await asyncio.sleep(0)
        self.visited.append(task.page)
        return self.see(task)

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open = False


class PlainJudge:
    """Says of every page that it has what its requests are."""

    digest = make.RULES
    names: Mapping[tuple[str, str], tuple[str, str]] = {}
    page_kind = staticmethod(default_page_kind)

    def inventory(self, capture: PageCapture, own_domains: Sequence[str] = ()) -> PageInventory:
        sightings = [make.sighting()] if capture.requests else []
        return replace(make.inventory(capture.page, sightings), outcome=capture.outcome)


@dataclass(slots=True)
class HandClock:
    time: datetime = make.NOW

    def now(self) -> datetime:
        return self.time


async def nothing_known(site: SiteConfig) -> Discovery:
    return Discovery(site, Robots(obey=False))


def scan_run(store: MemoryStore, fleet: FakeFleet | None = None, site: SiteConfig = SITE, **more: object) -> ScanRun:
    settings: dict[str, object] = {
        "site": site,
        "store": store,
        "fleet": fleet or FakeFleet(),
        "judge": PlainJudge(),
        "clock": HandClock(),
        "discover": nothing_known,
        "tool_version": "1.0",
        "config_digest": "config-1",
        **more,
    }
    return ScanRun(**settings)  # type: ignore[arg-type]


def stopping_after(visits: int) -> tuple[FakeFleet, asyncio.Event]:
    """A fleet that asks the scan to stop when so many visits have begun."""
    stop = asyncio.Event()
    fleet = FakeFleet(capacity=1)

    def count(_task: VisitTask) -> None:
        if len(fleet.visited) >= visits:
            stop.set()

    fleet.before = count
    return fleet, stop


def free(store: MemoryStore, clock: HandClock | None = None) -> None:
    """Fail if anybody still holds the site."""
    store.acquire_lease(SITE.name, "the next one", (clock or HandClock()).now(), LEASE_S)
    store.release_lease(SITE.name, "the next one")


# --------------------------------------------------------------------------- to the end


async def test_every_page_is_visited_once_and_saved() -> None:
    store, fleet = MemoryStore(), FakeFleet()
    record = await scan_run(store, fleet).run()
    assert record.state is ScanState.COMPLETE
    assert record.coverage == Coverage(planned=6, ok=6)
    assert tuple(sorted(fleet.visited)) == EVERY
    assert [capture.page for capture in store.captures(record.id)] == list(EVERY)
    assert [inventory.page for inventory, _ in store.inventories(record.id)] == list(EVERY)
    assert not fleet.open
    free(store)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.FAILED, StopReason.CONNECTION),
        (Outcome.PARTIAL, StopReason.VISIT_TIMEOUT),
        (Outcome.BLOCKED, StopReason.BOT_WALL),
    ],
)
async def test_a_page_in_trouble_is_saved_and_counted(outcome: Outcome, reason: StopReason) -> None:
    def see(task: VisitTask) -> PageCapture:
        seen = page(task)
        return replace(seen, outcome=outcome, stop_reason=reason) if path_of(task.url) == "/b" else seen

    store = MemoryStore()
    record = await scan_run(store, FakeFleet(see)).run()
    assert record.state is ScanState.COMPLETE
    assert getattr(record.coverage, outcome.value) == 1
    assert (record.coverage.ok, record.coverage.planned) == (5, 6)
    saved = {capture.page: capture.outcome for capture in store.captures(record.id)}
    assert saved[make.page_url("/b")] is outcome


@pytest.mark.parametrize(
    ("where", "outcome", "reason"),
    [
        ("https://www.clinic.example/login?next=x", Outcome.BLOCKED, StopReason.LOGIN),
        ("https://sso.vendor.example/auth", Outcome.BLOCKED, StopReason.LOGIN),
        ("https://www.clinic.example/sorry", Outcome.FAILED, StopReason.HTTP_ERROR),
    ],
)
async def test_pages_that_all_lead_to_one_login_are_each_a_page_that_could_not_be_seen(
    where: str, outcome: Outcome, reason: StopReason
) -> None:
    def see(task: VisitTask) -> PageCapture:
        if path_of(task.url) in ("/", "/a"):
            return page(task)
        hops = [
            make.request(task.url, type="document", status=302),
            make.request(where, type="document", redirected_from=task.url),
        ]
        return make.capture(path_of(task.url), hops, outcome=outcome, stop_reason=reason, final_url=where)

    store = MemoryStore()
    record = await scan_run(store, FakeFleet(see)).run()
    unseen = tuple(sorted(map(make.page_url, ("/b", "/c", "/d"))))
    assert (record.coverage.planned, getattr(record.coverage, outcome.value)) == (5, 3)
    assert tuple(c.page for c in store.captures(record.id) if c.outcome is outcome) == unseen
    assert record.skipped == ()


async def test_the_page_limit_leaves_the_rest_out_by_name() -> None:
    store = MemoryStore()
    record = await scan_run(store, site=replace(SITE, max_pages=3)).run()
    assert (record.coverage.planned, record.coverage.ok) == (3, 3)
    assert dict(record.coverage.excluded)["page-limit"] >= 1
    assert {page.reason for page in record.skipped} == {"page-limit"}


async def test_with_limits_the_pages_of_the_last_scan_come_first() -> None:
    store, limited = MemoryStore(), replace(SITE, max_pages=4)
    first = await scan_run(store, site=limited).run()
    await scan_run(store, FakeFleet(capacity=1), site=limited).run()
    scans = store.scans(SITE.name)
    assert store.visited_pages(scans[0].id) == store.visited_pages(first.id)


async def test_time_that_runs_out_leaves_pages_unvisited_and_the_scan_incomplete() -> None:
    site = replace(SITE, max_duration_s=0, requests_per_second=5.0)
    record = await scan_run(MemoryStore(), FakeFleet(capacity=1), site=site).run()
    assert record.state is ScanState.INCOMPLETE
    assert record.coverage.unvisited == record.coverage.planned - record.coverage.ok > 0


async def test_an_observer_hears_of_every_page_and_every_tag() -> None:
    heard: list[Progress] = []
    await scan_run(MemoryStore(), observe=heard.append).run()
    assert sorted(news.page for news in heard if news.page) == list(EVERY)
    assert [news.done for news in heard if news.page] == [1, 2, 3, 4, 5, 6]
    assert (heard[-1].planned, heard[-1].ok) == (6, 6)
    assert heard[-1].tags == (str(make.PINTEREST),)


async def test_captures_of_addresses_that_are_no_pages_are_handed_on_as_well() -> None:
    def see(task: VisitTask) -> PageCapture:
        seen = page(task)
        if path_of(task.url) != "/c":
            return seen
        return replace(seen, outcome=Outcome.FAILED, stop_reason=StopReason.NOT_HTML, links=())

    kept: list[str] = []
    store = MemoryStore()
    record = await scan_run(store, FakeFleet(see), keep=lambda capture: kept.append(capture.url)).run()
    assert make.page_url("/c") in kept
    assert make.page_url("/c") not in store.visited_pages(record.id)
    assert (record.coverage.planned, record.coverage.ok) == (5, 5)


async def test_what_sitemaps_and_lists_name_is_visited_too() -> None:
    async def discover(site: SiteConfig) -> Discovery:
        return Discovery(site, Robots(obey=False), (("sitemap", (make.page_url("/only-there"),)),), notes=("odd",))

    record = await scan_run(MemoryStore(), discover=discover).run()
    assert (record.coverage.ok, record.note) == (7, "odd")


# --------------------------------------------------------------------------- stopped, and resumed


@pytest.mark.parametrize("visits", [0, 1, 2, 3, 4, 5])
async def test_a_stopped_scan_keeps_what_it_saw_and_the_next_run_does_the_rest(visits: int) -> None:
    store = MemoryStore()
    fleet, stop = stopping_after(visits)
    with pytest.raises(Interrupted, match="was stopped after"):
        await scan_run(store, fleet, stop=stop).run()
    left = store.running_scan(SITE.name)
    assert left is not None
    seen = store.visited_pages(left.id)
    free(store)

    rest = FakeFleet()
    heard: list[Progress] = []
    record = await scan_run(store, rest, observe=heard.append).run()
    assert record.id == left.id
    assert record.coverage == Coverage(planned=6, ok=6)
    assert sorted(rest.visited) == sorted(set(EVERY) - seen), "nothing is visited twice"
    assert heard[0].note == f"going on with scan {left.id}: {len(seen)} pages are visited"


async def test_an_interrupted_scan_that_is_too_old_is_closed_and_a_new_one_begins() -> None:
    store = MemoryStore()
    fleet, stop = stopping_after(2)
    with pytest.raises(Interrupted):
        await scan_run(store, fleet, stop=stop).run()
    left = store.running_scan(SITE.name)
    assert left is not None
    later = HandClock(make.NOW + timedelta(seconds=SITE.resume_max_age_s + 1))
    record = await scan_run(store, clock=later).run()
    assert record.id != left.id
    assert record.coverage.ok == 6
    closed = store.scan(left.id)
    assert closed is not None
    assert closed.state is ScanState.INCOMPLETE
    assert closed.coverage.unvisited >= 1
    assert "interrupted and not resumed" in (closed.note or "")


async def test_a_scan_under_another_configuration_is_not_resumed() -> None:
    store = MemoryStore()
    fleet, stop = stopping_after(2)
    with pytest.raises(Interrupted):
        await scan_run(store, fleet, stop=stop).run()
    record = await scan_run(store, config_digest="config-2").run()
    first = store.scans(SITE.name)[-1]
    assert (first.id, first.state) != (record.id, ScanState.RUNNING)
    assert "the configuration has changed" in (first.note or "")
    assert record.coverage.ok == 6


async def test_whoever_stops_need_not_wait_for_a_silent_server() -> None:
    asked = asyncio.Event()
    stop = asyncio.Event()

    async def discover(_site: SiteConfig) -> Discovery:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody answers")

    store = MemoryStore()
    running = asyncio.create_task(scan_run(store, discover=discover, stop=stop).run())
    await asked.wait()
    stop.set()
    with pytest.raises(Interrupted, match="after 0 pages"):
        await asyncio.wait_for(running, 5)
    free(store)


# --------------------------------------------------------------------------- one scan at a time


async def test_a_second_scan_of_the_site_is_refused_and_names_the_first() -> None:
    store = MemoryStore()
    store.acquire_lease(SITE.name, "elsewhere:77:abc", make.NOW, LEASE_S)
    with pytest.raises(SiteBusy, match="elsewhere:77:abc since 2026-03-02 04:30:00 UTC") as refused:
        await scan_run(store).run()
    assert refused.value.holder == "elsewhere:77:abc"
    assert store.scans(SITE.name) == ()


async def test_the_lease_of_a_process_that_died_on_this_machine_holds_nobody_up() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    host = new_holder().partition(":")[0]
    gone.wait()
    store = MemoryStore()
    store.acquire_lease(SITE.name, f"{host}:{gone.pid}:token", make.NOW, LEASE_S)
    record = await scan_run(store).run()
    assert record.coverage.ok == 6


@pytest.mark.parametrize(
    "holder",
    ["elsewhere:1:x", "no process", "", ":1:x", "host:x:y", new_holder(), f"{new_holder()}:more"],
    ids=["elsewhere", "no process", "empty", "no host", "no number", "ourselves", "more than a holder"],
)
def test_only_what_certainly_died_is_dead(holder: str) -> None:
    assert not is_dead(holder)


async def test_a_lease_that_somebody_else_took_over_ends_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.service.scan.LEASE_S", 0.2)  # renewed every twentieth of a second
    store, clock = MemoryStore(), HandClock()

    def taken(task: VisitTask) -> None:
        if path_of(task.url) == "/a":
            clock.time += timedelta(hours=1)
            store.acquire_lease(SITE.name, "another", clock.now(), 3600)

    site = replace(SITE, requests_per_second=5.0)
    with pytest.raises(SiteBusy, match="another"):
        await scan_run(store, FakeFleet(before=taken), site=site, clock=clock).run()
    with pytest.raises(SiteBusy, match="another"):
        free(store, clock)


# --------------------------------------------------------------------------- trouble


class FullStore(MemoryStore):
    def save_visit(self, scan_id: int, capture: PageCapture, inventory: PageInventory, rules_digest: str) -> None:
        if path_of(capture.page) == "/d":
            raise StoreError("the disk is full")
        super().save_visit(scan_id, capture, inventory, rules_digest)


async def test_a_full_disk_ends_the_scan_with_its_own_words_and_closes_the_fleet() -> None:
    store, fleet = FullStore(), FakeFleet()
    with pytest.raises(TagdriftError, match=r"^the disk is full$"):
        await scan_run(store, fleet).run()
    assert not fleet.open
    free(store)


async def test_a_bug_in_a_visit_is_not_swallowed() -> None:
    def see(_task: VisitTask) -> PageCapture:
        raise ZeroDivisionError("a bug")

    fleet = FakeFleet(see)
    with pytest.raises((ZeroDivisionError, ExceptionGroup)):
        await scan_run(MemoryStore(), fleet).run()
    assert not fleet.open


async def test_nothing_of_a_scan_is_left_running_when_it_ends() -> None:
    before = asyncio.all_tasks()
    await scan_run(MemoryStore()).run()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


def test_finished_records_are_what_the_store_keeps() -> None:
    store = MemoryStore()
    record: ScanRecord = asyncio.run(scan_run(store).run())
    assert store.scan(record.id) == record
    assert store.verify_chain(SITE.name) == ()
