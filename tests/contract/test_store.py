"""What every store does, in memory, in SQLite and in PostgreSQL: leases, scans, visits, approvals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from scanner.errors import SiteBusy, StoreError
from scanner.model import (
    ApprovalEvent,
    Coverage,
    Outcome,
    PageInventory,
    Profile,
    ScanState,
    SkippedPage,
)
from scanner.ports import Store
from tests import make
from tests.contract.scans import HOSTILE, begin, finish, full_capture, save
from tests.make import NOW, RULES

Reopen = Callable[[], Store]
# --------------------------------------------------------------------------- leases


def test_a_second_holder_is_told_who_scans_and_since_when(store: Store) -> None:
    store.acquire_lease("clinic", "host-a pid 1", NOW, ttl_s=60)
    with pytest.raises(SiteBusy, match=r"host-a pid 1 since 2026-03-02 04:30:00 UTC"):
        store.acquire_lease("clinic", "host-b pid 2", NOW + timedelta(seconds=59), ttl_s=60)
    store.acquire_lease("other", "host-b pid 2", NOW, ttl_s=60)


def test_renewing_a_lease_extends_it_and_keeps_its_beginning(store: Store) -> None:
    store.acquire_lease("clinic", "a", NOW, ttl_s=60)
    store.acquire_lease("clinic", "a", NOW + timedelta(seconds=50), ttl_s=60)
    with pytest.raises(SiteBusy, match="04:30:00"):
        store.acquire_lease("clinic", "b", NOW + timedelta(seconds=100), ttl_s=60)


def test_an_expired_lease_is_taken_over_and_the_late_holder_refused(store: Store) -> None:
    store.acquire_lease("clinic", "a", NOW, ttl_s=60)
    store.acquire_lease("clinic", "b", NOW + timedelta(seconds=60), ttl_s=60)
    with pytest.raises(SiteBusy, match="by b since"):
        store.acquire_lease("clinic", "a", NOW + timedelta(seconds=61), ttl_s=60)


def test_only_the_holder_releases_a_lease(store: Store) -> None:
    store.acquire_lease("clinic", "a", NOW, ttl_s=60)
    store.release_lease("clinic", "b")
    with pytest.raises(SiteBusy):
        store.acquire_lease("clinic", "b", NOW, ttl_s=60)
    store.release_lease("clinic", "a")
    store.acquire_lease("clinic", "b", NOW, ttl_s=60)


def test_of_many_who_want_a_lease_at_once_one_gets_it(store: Store) -> None:
    def wins(holder: str) -> bool:
        try:
            store.acquire_lease("clinic", holder, NOW, ttl_s=60)
        except SiteBusy:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(wins, map(str, range(8)))) == 1


# --------------------------------------------------------------------------- scans


def test_a_scan_begins_runs_and_ends(reopen: Reopen) -> None:
    scan = begin(reopen())
    assert (scan.state, scan.started_at, scan.ended_at) == (ScanState.RUNNING, NOW, None)
    assert reopen().running_scan("clinic") == scan
    skipped = (SkippedPage("https://x.example/" + HOSTILE, "robots"), SkippedPage("b", "trap", "calendar"))
    coverage = Coverage(planned=3, ok=2, failed=1, excluded=(("robots", 1),), limited_templates=(("/a/*", 9),))
    ended = NOW + timedelta(minutes=5, microseconds=1)
    finished = reopen().finish_scan(scan.id, ScanState.INCOMPLETE, ended, coverage, skipped, HOSTILE)
    assert finished == replace(
        scan, state=ScanState.INCOMPLETE, ended_at=ended, coverage=coverage, skipped=skipped, note=HOSTILE
    )
    store = reopen()
    assert store.scan(scan.id) == finished
    assert store.running_scan("clinic") is None


def test_scans_are_listed_newest_first_by_site(store: Store) -> None:
    first, other, second = begin(store), begin(store, "other"), begin(store, day=1, profile=Profile(gpc=True))
    assert store.scans("clinic") == (second, first)
    assert store.scans("clinic", limit=1) == (second,)
    assert store.scans("nobody") == ()
    assert store.running_scan("clinic") == second
    assert store.sites() == ("clinic", "other")
    assert store.scan(other.id) == other


def test_a_finished_scan_takes_nothing_more(store: Store) -> None:
    scan = begin(store)
    finish(store, scan)
    with pytest.raises(StoreError, match="finished"):
        save(store, scan, "/")
    with pytest.raises(StoreError, match="finished"):
        finish(store, scan)
    assert store.visited_pages(scan.id) == frozenset()


def test_an_unknown_scan_is_an_error_to_writers_and_nothing_to_readers(store: Store) -> None:
    ghost = make.scan_record(id=4711)
    for write in (
        lambda: save(store, ghost, "/"),
        lambda: finish(store, ghost),
        lambda: store.save_inventories(4711, [make.inventory()], RULES),
        lambda: store.approve(make.approval(4711)),
        lambda: store.last_activity(4711),
    ):
        with pytest.raises(StoreError, match="4711"):
            write()
    assert store.scan(4711) is None
    assert store.visited_pages(4711) == frozenset()
    assert list(store.captures(4711)) == []
    assert list(store.inventories(4711)) == []
    assert store.scan_hash(4711) is None


# --------------------------------------------------------------------------- visits


def test_a_visit_comes_back_as_it_was_saved(reopen: Reopen) -> None:
    scan = begin(reopen())
    capture = full_capture()
    inventory = make.inventory("/", [make.sighting(examples=(HOSTILE,))], title=HOSTILE)
    reopen().save_visit(scan.id, capture, inventory, RULES)
    store = reopen()
    assert list(store.captures(scan.id)) == [capture]
    assert list(store.inventories(scan.id)) == [(inventory, RULES)]
    assert store.visited_pages(scan.id) == {capture.page}
    assert store.last_activity(scan.id) == NOW + timedelta(milliseconds=4_500)
    assert store.check() == ()


def test_any_text_is_a_page_and_long_ones_are_told_apart(store: Store) -> None:
    scan = begin(store)
    pages = [HOSTILE, "\\u0000 ", "x" * 100_000, "x" * 100_000 + "y", "", "é", "\uffff", "\U00010000"]
    for page in pages:
        capture = replace(make.capture(), page=page)
        store.save_visit(scan.id, capture, PageInventory(page, page, Outcome.OK), RULES)
    assert store.visited_pages(scan.id) == set(pages)
    assert [capture.page for capture in store.captures(scan.id)] == sorted(pages)
    assert [inventory.page for inventory, _ in store.inventories(scan.id)] == sorted(pages)


def test_saving_a_page_again_replaces_its_visit(store: Store) -> None:
    scan = begin(store)
    store.save_visit(scan.id, full_capture(), make.inventory("/", [make.sighting()]), "old-rules")
    store.save_inventories(scan.id, [make.inventory("/", title="re-matched")], "other-rules")
    second = make.capture("/", title="second")
    store.save_visit(scan.id, second, make.inventory("/"), RULES)
    assert list(store.captures(scan.id)) == [second]
    assert list(store.inventories(scan.id)) == [(make.inventory("/"), RULES)]


def test_captures_can_be_asked_for_by_page(store: Store) -> None:
    scan = begin(store)
    save(store, scan, "/c", "/a", "/b")
    wanted = [make.page_url("/c"), make.page_url("/a"), "https://not.there/"]
    assert list(store.captures(scan.id, wanted)) == [make.capture("/a"), make.capture("/c")]
    assert list(store.captures(scan.id, [])) == []


def test_scans_of_one_page_do_not_mix(store: Store) -> None:
    first, second = begin(store), begin(store, day=1)
    store.save_visit(first.id, make.capture(title="one"), make.inventory(title="one"), RULES)
    store.save_visit(second.id, make.capture(title="two"), make.inventory(title="two"), RULES)
    assert [capture.title for capture in store.captures(first.id)] == ["one"]
    assert [inventory.title for inventory, _ in store.inventories(second.id)] == ["two"]


def test_a_capture_and_an_inventory_of_different_pages_are_refused(store: Store) -> None:
    scan = begin(store)
    with pytest.raises(ValueError, match="inventory of"):
        store.save_visit(scan.id, make.capture("/a"), make.inventory("/b"), RULES)
    assert store.visited_pages(scan.id) == frozenset()


def test_reading_goes_on_while_visits_are_saved(store: Store) -> None:
    scan = begin(store)
    save(store, scan, "/a", "/b", "/c")
    reading = store.captures(scan.id)
    assert next(reading) == make.capture("/a")
    save(store, scan, "/d", "/b")
    assert [capture.page for capture in reading] == [make.page_url("/b"), make.page_url("/c")]


def test_threads_save_at_the_same_time(store: Store) -> None:
    scans = [begin(store, f"site-{n}") for n in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda scan: save(store, scan, *(f"/{n}" for n in range(10))), scans))
    assert [len(store.visited_pages(scan.id)) for scan in scans] == [10] * 4
    assert store.check() == ()


def test_rematched_inventories_replace_those_recorded(store: Store) -> None:
    scan = begin(store)
    save(store, scan, "/a", "/b")
    finish(store, scan)
    for rules in ("rules-2", "rules-3"):
        store.save_inventories(scan.id, [make.inventory("/b", title=rules)], rules)
    assert list(store.inventories(scan.id)) == [
        (make.inventory("/a", [make.sighting()]), RULES),
        (make.inventory("/b", title="rules-3"), "rules-3"),
    ]
    assert store.verify_chain("clinic") == ()
    with pytest.raises(StoreError, match="no visit of"):
        store.save_inventories(scan.id, [make.inventory("/a", title="x"), make.inventory("/never")], "rules-4")
    assert next(store.inventories(scan.id))[1] == RULES, "half of it was saved"


# --------------------------------------------------------------------------- baseline and approvals


def test_the_newest_approval_is_the_baseline_and_all_are_kept(reopen: Reopen) -> None:
    store = reopen()
    first, second = finish(store, begin(store)), finish(store, begin(store, day=1))
    assert store.baseline("clinic") is None
    approvals = [make.approval(second.id), make.approval(first.id, why=HOSTILE, at=NOW + timedelta(days=2))]
    for approval in approvals:
        store.approve(approval)
    assert reopen().baseline("clinic") == approvals[1]
    assert reopen().approvals("clinic") == tuple(reversed(approvals))
    assert store.approvals("other") == ()


def test_an_approval_keeps_its_end_and_its_name(reopen: Reopen) -> None:
    store = reopen()
    scan = finish(store, begin(store))
    approval = make.approval(scan.id, until=date(2027, 3, 31), id="a1b2c3d4e5")
    store.approve(approval)
    assert reopen().approvals("clinic") == (approval,)


def test_the_log_of_approvals_keeps_its_order_and_every_text(reopen: Reopen) -> None:
    assert reopen().approval_log() == ()
    first = ApprovalEvent(NOW, "officer", "approved", "a1", ("clinic", "shop-*"), HOSTILE, '{"vendor": "meta"}')
    later = ApprovalEvent(NOW - timedelta(days=9), "", "missing", "a1", (), "", HOSTILE)
    reopen().log_approvals([first, later])
    reopen().log_approvals([])
    reopen().log_approvals([first])
    assert reopen().approval_log() == (first, later, first)


def test_what_is_no_finished_scan_of_the_site_cannot_be_approved(store: Store) -> None:
    running, other = begin(store), finish(store, begin(store, "other"))
    with pytest.raises(StoreError, match="still running"):
        store.approve(make.approval(running.id))
    with pytest.raises(StoreError, match="is of other, not of clinic"):
        store.approve(make.approval(other.id))
    assert store.approvals("clinic") == ()
