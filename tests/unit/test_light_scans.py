"""A light scan speaks of its pages only: it opens and worsens, closes nothing, and nothing is compared with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from scanner.drift import compare
from scanner.errors import UsageError
from scanner.findings import findings
from scanner.incidents import update
from scanner.model import (
    Coverage,
    Incident,
    IncidentChangeKind,
    Outcome,
    Profile,
    Retention,
    ScanKind,
    ScanRecord,
    ScanState,
    Sighting,
    Snapshot,
    Verdict,
)
from scanner.page_kinds import default_page_kind
from scanner.policy import Policy
from scanner.ports import Clock
from scanner.service.approving import ApprovalDesk
from scanner.service.compare import compare_scans, newest_scan, older_side
from scanner.service.health import HealthState, site_health
from scanner.service.scan import ScanRun
from scanner.store.memory import MemoryStore
from scanner.store.retention import LIGHT_DAYS, plan
from tests import make
from tests.unit.test_service_scan import EVERY, FakeFleet, HandClock, PlainJudge, page, scan_run

PIN = make.sighting()
Pages = Mapping[str, Iterable[Sighting] | Outcome]


def light(pages: Pages, id: int = 2) -> Snapshot:
    snapshot = make.site_snapshot(pages, id=id)
    return replace(snapshot, scan=replace(snapshot.scan, kind=ScanKind.LIGHT))


BEFORE = make.site_snapshot({"/": [], "/a": [PIN], "/b": [PIN], "/c": Outcome.FAILED})


def test_what_it_did_not_visit_is_neither_gone_nor_unverified() -> None:
    assert compare(BEFORE, light({"/": []})) == make.drift()


def test_it_finds_what_appears_and_what_goes_on_its_pages() -> None:
    drift = compare(BEFORE, light({"/": [PIN], "/a": []}))
    assert [(e.verdict, e.pages, e.pages_before, e.pages_after) for e in drift.entries] == [
        (Verdict.ADDED, (make.page_url("/"),), 2, 2),
        (Verdict.REMOVED, (make.page_url("/a"),), 2, 2),
    ]
    assert (drift.unverified, drift.gone_pages) == ((), ())


def test_a_page_that_failed_is_unverified() -> None:
    drift = compare(BEFORE, light({"/a": Outcome.FAILED}))
    assert [unverified.page for unverified in drift.unverified] == [make.page_url("/a")]
    assert drift.empty


# --------------------------------------------------------------------------- incidents


def incident() -> Incident:
    """The Pinterest Tag on /a, opened by a full scan."""
    clean, dirty = make.site_snapshot({"/a": [], "/b": []}), make.site_snapshot({"/a": [PIN], "/b": []}, id=2)
    drift = compare(clean, dirty)
    found = findings(drift, clean, dirty, page_kind=default_page_kind, names={})
    (change,) = update("clinic", [], dirty, found, drift, clean)
    return replace(change.incident, id=1)


def changes(after: Snapshot, opened: Incident) -> list[IncidentChangeKind]:
    return [change.kind for change in update("clinic", [opened], after, [], make.drift())]


@pytest.mark.parametrize("pages", [{"/a": []}, {"/b": []}, {"/a": [], "/b": []}, {"/a": Outcome.FAILED}])
def test_it_never_brings_an_incident_nearer_to_its_end(pages: Pages) -> None:
    assert changes(light(pages, id=3), incident()) == []


def test_it_sees_an_incident_again_and_worsen() -> None:
    assert changes(light({"/a": [PIN]}, id=3), incident()) == [IncidentChangeKind.UPDATED]
    assert changes(light({"/a": [PIN], "/b": [PIN]}, id=3), incident()) == [IncidentChangeKind.WORSENED]


def titles(before: Pages, visited: Pages, opened: Incident | None = None) -> tuple[str, str]:
    """What a light scan finds, and what the incident is called then."""
    clean, few = make.site_snapshot(before), light(visited, id=3)
    drift = compare(clean, few)
    left = [page for page in clean.pages if page.page not in {one.page for one in few.pages}]
    site = replace(few, pages=tuple(sorted((*few.pages, *left), key=lambda page: page.page)))
    (found,) = findings(drift, clean, site, page_kind=default_page_kind, names={}, looked_at=few)
    (change,) = update("clinic", [opened] if opened else [], few, [found], drift, clean)
    return found.title, change.incident.finding.title


SIX: Pages = {f"/{name}": [] for name in "abcdef"}


def test_a_title_says_how_many_pages_were_looked_at_and_how_many_there_are() -> None:
    said = "Pinterest Tag 2612000000001 appeared on 1 of 2 pages looked at (of 6)"
    assert titles(SIX, {"/a": [PIN], "/b": []}) == (said, said)
    every = {page: [PIN] for page in SIX}
    assert titles(SIX, every)[0] == "Pinterest Tag 2612000000001 appeared on 6 of 6 pages"


def test_an_incident_is_not_called_smaller_than_it_is_known_to_be() -> None:
    known = incident()
    known = replace(known, finding=replace(known.finding, title="on 3 of 6", pages=tuple(map(make.page_url, SIX))[:3]))
    few, more = {"/a": [PIN], "/b": []}, {page: [PIN] for page in ("/a", "/b", "/c", "/d")}
    assert titles(SIX, few, known)[1] == "on 3 of 6"
    assert titles(SIX, more, known)[1] == "Pinterest Tag 2612000000001 appeared on 4 of 4 pages looked at (of 6)"


# --------------------------------------------------------------------------- the scan, and what comes after it


def finished(store: MemoryStore, day: int, kind: ScanKind, coverage: Coverage | None = None) -> ScanRecord:
    now = make.NOW + timedelta(days=day)
    scan = store.begin_scan("clinic", now, Profile(), "1", make.RULES, "config", kind)
    seen = coverage or make.coverage(planned=1, ok=1)
    return store.finish_scan(scan.id, ScanState.COMPLETE, now, seen, ())


def test_it_is_no_baseline_no_newest_scan_and_nothing_is_compared_with_it() -> None:
    store, clock = MemoryStore(), HandClock()
    kinds = (ScanKind.FULL, ScanKind.LIGHT, ScanKind.FULL)
    full, few, newer = (finished(store, day, kind) for day, kind in enumerate(kinds))
    assert older_side(store, newer) == (full, None)
    assert older_side(store, few) == (full, None)
    assert newest_scan(store, "clinic") == newer
    with pytest.raises(UsageError, match="light scan"):
        _approve(store, clock, few)
    _approve(store, clock, newer)


def test_a_scan_of_a_few_pages_is_no_baseline_where_one_of_all_pages_is_known() -> None:
    store, clock = MemoryStore(), HandClock()
    few = make.coverage(planned=2, ok=2, excluded=(("page-limit", 4),))
    first = finished(store, 0, ScanKind.FULL, few)
    _approve(store, clock, first)
    whole = finished(store, 1, ScanKind.FULL, make.coverage(planned=6, ok=6))
    later = finished(store, 2, ScanKind.FULL, few)
    with pytest.raises(UsageError, match="left it 2 pages, scan 2 saw 6") as refused:
        _approve(store, clock, later)
    assert f"--scan {whole.id}" in (refused.value.hint or "")
    _approve(store, clock, whole)


def _approve(store: MemoryStore, clock: Clock, scan: ScanRecord) -> None:
    ApprovalDesk(store, clock, None).approve_state(scan, who="officer", why="reviewed", coverage_threshold=0.5)


def test_it_cannot_vouch_for_a_site() -> None:
    few = make.scan_record(2, kind=ScanKind.LIGHT, coverage=make.coverage(planned=1, ok=1))
    thin = make.scan_record(1, coverage=make.coverage(planned=10, ok=1))
    assert site_health(make.site_config(), [few]).state is HealthState.NEVER
    assert site_health(make.site_config(), [few, thin]).state is HealthState.THIN


async def test_it_visits_its_pages_and_the_start_page_and_follows_no_link() -> None:
    store = MemoryStore()
    await scan_run(store).run()
    site = make.site_config(requests_per_second=10_000.0, follow_links=False)
    record = await _light_run(store, site=site).run()
    assert (record.kind, record.state) == (ScanKind.LIGHT, ScanState.COMPLETE)
    assert store.visited_pages(record.id) == {make.page_url("/"), make.page_url("/d")}
    assert record.note == f"a light scan of 1 pages; the last full one saw {len(EVERY)}"


@pytest.mark.parametrize("with_baseline", [False, True])
async def test_what_stands_against_the_policy_is_counted_on_the_whole_site(with_baseline: bool) -> None:
    store = MemoryStore()
    full = await scan_run(store).run()
    if with_baseline:
        clean = scan_run(MemoryStore(), FakeFleet(see=lambda task: replace(page(task), requests=())))
        clean.store = store
        store.approve(make.approval((await clean.run()).id))
        full = await scan_run(store).run()
    site = make.site_config(requests_per_second=10_000.0, follow_links=False)
    few = await _light_run(store, site=site).run()
    older, approval = older_side(store, few)
    assert (approval is not None) == with_baseline
    told = compare_scans(store, PlainJudge(), few, older, approval, (), Policy(preset="healthcare"))
    (found,) = told.findings
    assert found.violation
    count = len(EVERY)
    known = f"is on {count} of {count} pages"
    seen = f"appeared on 2 of 2 pages looked at (of {count})"
    assert found.title == f"Pinterest Tag 2612000000001 {seen if with_baseline else known}"
    assert len(store.visited_pages(full.id)) == count


def _light_run(store: MemoryStore, **more: object) -> ScanRun:
    return scan_run(store, only=(make.page_url("/d"),), **more)  # type: ignore[arg-type]


async def test_an_interrupted_light_scan_is_closed_and_not_gone_on_with() -> None:
    store = MemoryStore()
    left = store.begin_scan("clinic", make.NOW, Profile(), "1", make.RULES, "config-1", ScanKind.LIGHT)
    record = await scan_run(store).run()
    closed = store.scan(left.id)
    assert record.kind is ScanKind.FULL
    assert closed is not None
    assert closed.state is ScanState.INCOMPLETE


# --------------------------------------------------------------------------- retention


def past(scan_id: int, age_days: int, kind: ScanKind) -> ScanRecord:
    return make.scan_record(scan_id, started_at=make.NOW - timedelta(days=age_days), kind=kind)


def test_light_scans_take_no_full_scans_place_and_go_after_a_month() -> None:
    scans = [
        past(5, 0, ScanKind.LIGHT),
        past(4, 1, ScanKind.LIGHT),
        past(3, LIGHT_DAYS + 1, ScanKind.LIGHT),
        past(2, LIGHT_DAYS + 1, ScanKind.FULL),
        past(1, 1_000, ScanKind.FULL),
    ]
    kept = plan(scans, [], make.NOW, Retention(keep_scans=2, keep_days=100))
    assert (kept.whole, kept.expired) == ({5, 2}, {3})
