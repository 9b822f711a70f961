"""The use case "look twice": a surprise is visited again before its scan ends, and what follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from scanner.approvals import Acceptance, Acceptances, Revocation
from scanner.errors import Interrupted
from scanner.house_rules import HouseRules
from scanner.incidents import update
from scanner.model import (
    Finding,
    Incident,
    IncidentState,
    Outcome,
    PageCapture,
    PageInventory,
    ScanRecord,
    StopReason,
    VisitTask,
)
from scanner.page_kinds import default_page_kind
from scanner.second_look import together, visits_of
from scanner.service.compare import Comparison, compare_scans, older_side
from scanner.service.scan import Progress
from scanner.store.memory import MemoryStore
from tests import make
from tests.unit.test_service_scan import EVERY, FakeFleet, HandClock, page, scan_run

Has = Callable[[VisitTask], bool]
"""Whether a visit meets the Pinterest Tag."""


class TwoVisitJudge:
    """Says of a page that it has the tag if its visit made a request; of two visits, what both say."""

    digest = make.RULES
    names: Mapping[tuple[str, str], tuple[str, str]] = {}
    page_kind = staticmethod(default_page_kind)

    def inventory(self, capture: PageCapture, own_domains: Sequence[str] = ()) -> PageInventory:
        first, *again = (
            replace(make.inventory(visit.page, [make.sighting()] if visit.requests else []), outcome=visit.outcome)
            for visit in visits_of(capture)
        )
        return together(first, again[0]) if again else first


@dataclass(slots=True)
class Site:
    """A site that is scanned day after day, and its incidents."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: HandClock = field(default_factory=HandClock)
    incidents: dict[str, Incident] = field(default_factory=dict)
    fleet: FakeFleet = field(default_factory=FakeFleet)
    tasks: list[VisitTask] = field(default_factory=list)
    """Of the last scan."""
    notes: list[str] = field(default_factory=list)

    async def scan(self, has: Has, **more: object) -> ScanRecord:
        self.tasks = []

        def see(task: VisitTask) -> PageCapture:
            self.tasks.append(task)
            capture = page(task)
            return capture if has(task) else replace(capture, requests=())

        def observe(progress: Progress) -> None:
            self.notes += [progress.note] if progress.note else []

        self.clock.time += timedelta(days=1)
        self.fleet = FakeFleet(see=see)
        run = scan_run(
            self.store,
            self.fleet,
            judge=TwoVisitJudge(),
            clock=self.clock,
            observe=observe,
            **more,  # type: ignore[arg-type]
        )
        return await run.run()

    def compare(self, scan: ScanRecord) -> Comparison:
        older, approval = older_side(self.store, scan)
        return compare_scans(self.store, TwoVisitJudge(), scan, older, approval)

    async def day(self, has: Has) -> tuple[Finding, ...]:
        """Scan, draw the consequences, return the findings."""
        told = self.compare(await self.scan(has))
        is_open = [one for one in self.incidents.values() if one.state is IncidentState.OPEN]
        closed = [one for one in self.incidents.values() if one.state is IncidentState.CLOSED]
        changes = update("clinic", is_open, told.snapshot, told.findings, told.drift, told.before, None, closed)
        self.incidents |= {change.incident.finding.key: change.incident for change in changes}
        return told.findings

    @property
    def again(self) -> list[str]:
        """Pages visited a second time in the last scan."""
        return [task.page for task in self.tasks if task.fresh]

    @property
    def incident(self) -> Incident:
        (incident,) = self.incidents.values()
        return incident


def nowhere(_task: VisitTask) -> bool:
    return False


def everywhere(_task: VisitTask) -> bool:
    return True


def on_a(task: VisitTask) -> bool:
    return task.page == make.page_url("/a")


def once_on_a(task: VisitTask) -> bool:
    return on_a(task) and not task.fresh


@pytest.fixture
async def site() -> Site:
    made = Site()
    await made.scan(nowhere)
    return made


async def test_a_scan_without_news_and_a_first_scan_visit_every_page_once(site: Site) -> None:
    assert len(site.tasks) == len(EVERY)
    await site.scan(nowhere)
    assert site.again == [] and len(site.tasks) == len(EVERY)
    first = Site()
    await first.scan(everywhere)
    assert first.again == [], "nothing to compare with, nothing is a surprise"


async def test_what_is_seen_again_is_confirmed(site: Site) -> None:
    (found,) = await site.day(on_a)
    assert site.again == [make.page_url("/a")] and found.confirmed is True
    assert site.tasks[-1].source == "again"
    assert site.incident.confirmed
    assert "visiting one page again" in site.notes[-1]


async def test_what_is_everywhere_is_looked_at_on_a_few_pages(site: Site) -> None:
    (found,) = await site.day(everywhere)
    assert len(site.again) == 3 and found.confirmed is True and len(found.pages) == len(EVERY)


async def test_what_is_not_seen_again_was_seen_once(site: Site) -> None:
    (found,) = await site.day(once_on_a)
    assert (found.confirmed, found.seen_in) == (False, (1, 2))
    assert not site.incident.confirmed
    await site.day(nowhere)
    await site.day(nowhere)
    assert site.incident.state is IncidentState.CLOSED


async def test_what_is_seen_once_in_scan_after_scan_is_confirmed_and_comes_and_goes(site: Site) -> None:
    found: tuple[Finding, ...] = ()
    for has in (once_on_a, nowhere, once_on_a, nowhere, nowhere, once_on_a):
        found = await site.day(has)
    assert found[0].comes_and_goes and found[0].confirmed is True and found[0].seen_in == (3, 7)
    assert site.incident.state is IncidentState.OPEN and site.incident.comes_and_goes
    (gone,) = await site.day(nowhere)
    assert gone.comes_and_goes and gone.seen_in == (3, 8)


async def test_what_is_seen_once_again_after_many_scans_is_confirmed_too(site: Site) -> None:
    found: tuple[Finding, ...] = ()
    for has in (once_on_a, nowhere, nowhere, nowhere, once_on_a):
        found = await site.day(has)
    assert found[0].confirmed is True and found[0].comes_and_goes and found[0].seen_in == (2, 6)
    assert site.incident.confirmed and site.incident.comes_and_goes


async def test_a_second_visit_that_fails_says_nothing(site: Site) -> None:
    def see(task: VisitTask) -> PageCapture:
        if task.fresh:
            return make.failed_capture("/a", StopReason.NAVIGATION_TIMEOUT)
        return page(task) if on_a(task) else replace(page(task), requests=())

    site.clock.time += timedelta(days=1)
    fleet = FakeFleet(see=see)
    scan = await scan_run(site.store, fleet, judge=TwoVisitJudge(), clock=site.clock).run()
    assert scan.coverage.ok == len(EVERY), "the page was seen whole"
    (found,) = site.compare(scan).findings
    assert found.confirmed is None
    (looked,) = [inventory for inventory, _ in site.store.inventories(scan.id) if inventory.looked_again]
    assert looked.looked_again is Outcome.FAILED and looked.outcome is Outcome.OK


async def test_the_capture_holds_both_visits(site: Site) -> None:
    b = make.page_url("/b")
    await site.scan(on_a)
    scan = await site.scan(lambda task: task.page == b)
    assert site.again == [b]
    (capture,) = site.store.captures(scan.id, [b])
    assert capture.second_look is not None and capture.second_look.requests


async def test_a_removal_is_confirmed_by_the_second_scan_without_it(site: Site) -> None:
    await site.scan(everywhere)
    await site.day(everywhere)
    baseline = site.store.scans("clinic")[0]
    site.store.approve(make.approval(baseline.id))
    first, second = site.compare(await site.scan(nowhere)), site.compare(await site.scan(nowhere))
    assert [finding.confirmed for told in (first, second) for finding in told.findings] == [False, True]
    assert site.again == [], "nothing is visited again for what is missing"


async def test_a_scan_that_was_killed_before_its_second_looks_makes_them_when_it_goes_on(site: Site) -> None:
    stop = asyncio.Event()

    def until_the_second_look(task: VisitTask) -> bool:
        if task.fresh:
            stop.set()
        return on_a(task)

    with pytest.raises(Interrupted):
        await site.scan(until_the_second_look, stop=stop)
    site.clock.time -= timedelta(days=1)
    scan = await site.scan(on_a)
    assert [task.page for task in site.tasks] in ([make.page_url("/a")], []), "no page is crawled again"
    (found,) = site.compare(scan).findings
    assert found.confirmed is True
    assert site.compare(scan).findings == (found,), "and so it is told ever after"


async def test_after_an_outage_the_site_is_compared_with_what_it_was_before(site: Site) -> None:
    await site.scan(everywhere)

    def down(task: VisitTask) -> PageCapture:
        return make.failed_capture(task.page, StopReason.HTTP_ERROR, status=500)

    site.clock.time += timedelta(days=1)
    start = tuple(EVERY)
    fleet = FakeFleet(see=down)
    config = make.site_config(start=start, requests_per_second=10_000.0)
    outage = await scan_run(site.store, fleet, config, judge=TwoVisitJudge(), clock=site.clock).run()
    assert outage.coverage.ok == 0
    again = await site.scan(everywhere)
    older, _ = older_side(site.store, again)
    assert older is not None and older.id == outage.id - 1
    assert site.compare(again).findings == ()


def approved_on(*pages: str, revoked: bool = False) -> HouseRules:
    entry = Acceptance(
        id="a-1",
        who="officer",
        why="agreed with counsel",
        pages=pages,
        vendor=("pinterest",),
        revoked=Revocation("officer", "the contract is over") if revoked else None,
    )
    return HouseRules(Acceptances((entry,), exists=True))


@pytest.mark.parametrize(
    ("house", "expected"),
    [
        pytest.param(approved_on(), 0, id="approved everywhere"),
        pytest.param(approved_on("/a"), 3, id="approved on one page: the others are news"),
        pytest.param(approved_on(revoked=True), 3, id="no longer approved"),
    ],
)
async def test_what_somebody_approved_is_no_surprise(site: Site, house: HouseRules, expected: int) -> None:
    await site.scan(everywhere, house=house)
    assert len(site.again) == expected
    if house.acceptances.entries[0].pages:
        assert make.page_url("/a") not in site.again


async def test_a_baseline_whose_approval_was_revoked_is_not_what_surprises_are_told_by(site: Site) -> None:
    site.store.approve(replace(make.approval(site.store.scans("clinic")[0].id), id="whole"))
    await site.scan(everywhere)
    entry = Acceptance(id="whole", who="officer", why="as it is", scan=1, revoked=Revocation("officer", "a mistake"))
    await site.scan(everywhere, house=HouseRules(Acceptances((entry,), exists=True)))
    assert site.again == [], "compared with the last scan, which had it all"
