"""Retention and the hash chain, the same in every store."""

from __future__ import annotations

import pytest

from scanner.model import ApprovalEvent, Coverage, Profile, Retention, ScanKind, ScanRecord, ScanState
from scanner.ports import Store
from scanner.store import MemoryStore
from tests import make
from tests.contract.scans import LATER, PAGES, WHOLE, begin, finish, past_scan, save
from tests.make import NOW

KEEP = frozenset({make.page_url("/a"), "https://never.seen/"})
FOR_EVER = Retention(keep_scans=10_000, keep_days=10_000)


def kept_captures(store: Store, *scans: ScanRecord) -> list[int]:
    return [len(list(store.captures(scan.id))) for scan in scans]


# --------------------------------------------------------------------------- retention


def test_captures_stay_for_the_baseline_the_newest_scans_and_pages_with_findings(store: Store) -> None:
    oldest, baseline, complete, incomplete = (
        past_scan(store, 0),
        past_scan(store, 1),
        past_scan(store, 2),
        past_scan(store, 3, ScanState.INCOMPLETE),
    )
    running = begin(store, day=4)
    save(store, running, *PAGES)
    other = past_scan(store, 0, site="other")
    store.approve(make.approval(oldest.id))
    store.approve(make.approval(baseline.id))
    assert store.thin("clinic", LATER, FOR_EVER, KEEP) == 2
    assert kept_captures(store, oldest, baseline, complete, incomplete, running, other) == [1, 3, 3, 3, 3, 3]
    assert [capture.page for capture in store.captures(oldest.id)] == [make.page_url("/a")]
    assert len(list(store.inventories(oldest.id))) == 3, "inventories stay"
    assert store.visited_pages(oldest.id) == {make.page_url(path) for path in PAGES}
    assert store.thin("clinic", LATER, FOR_EVER, KEEP) == 0
    assert store.check() == store.verify_chain("clinic") == ()


FEW_PAGES = Coverage(planned=1, ok=1, excluded=(("page-limit", 2),))
OUTAGE = Coverage(planned=3, failed=2, ok=1)


@pytest.mark.parametrize(
    ("later", "left"),
    [
        pytest.param([FEW_PAGES, FEW_PAGES], [3, 0, 3], id="two scans of a few pages"),
        pytest.param([OUTAGE, OUTAGE], [3, 0, 3], id="an outage of two days"),
        pytest.param([FEW_PAGES, OUTAGE], [3, 0, 3], id="one of each"),
        pytest.param([WHOLE, FEW_PAGES], [0, 3, 3], id="the newest of the whole site"),
        pytest.param([WHOLE, WHOLE], [0, 0, 3], id="nothing in between"),
    ],
)
def test_the_last_scan_of_the_whole_site_stays_whole(store: Store, later: list[Coverage], left: list[int]) -> None:
    scans = [past_scan(store, 0), *(past_scan(store, day, coverage=seen) for day, seen in enumerate(later, 1))]
    store.thin("clinic", LATER, FOR_EVER)
    assert kept_captures(store, *scans) == left


def test_light_scans_do_not_push_out_the_last_full_one(store: Store) -> None:
    full, *light = past_scan(store, 0), *(past_scan(store, day, kind=ScanKind.LIGHT) for day in (1, 2))
    store.thin("clinic", LATER, FOR_EVER)
    assert kept_captures(store, full, *light) == [3, 0, 3]
    assert store.thin("clinic", LATER, Retention(keep_scans=0, keep_days=0)) == 0
    assert [scan.id for scan in store.scans("clinic")] == [light[1].id, full.id]


def test_profiles_are_kept_apart(store: Store) -> None:
    desktop = past_scan(store, 0)
    mobile = past_scan(store, 1, profile=Profile(gpc=True))
    assert store.thin("clinic", LATER, FOR_EVER, frozenset()) == 0
    assert kept_captures(store, desktop, mobile) == [3, 3]


@pytest.mark.parametrize(
    ("retention", "days_left"),
    [
        pytest.param(Retention(keep_scans=2, keep_days=998), [0, 2, 3, 4], id="older than both go, the baseline never"),
        pytest.param(Retention(keep_scans=4, keep_days=0), [0, 1, 2, 3, 4], id="many scans"),
        pytest.param(Retention(keep_scans=0, keep_days=9_999), [0, 1, 2, 3, 4], id="many days"),
        pytest.param(Retention(keep_scans=0, keep_days=0), [0, 4], id="at least the baseline and the newest"),
    ],
)
def test_scans_beyond_the_retention_go(store: Store, retention: Retention, days_left: list[int]) -> None:
    scans = [past_scan(store, day) for day in range(5)]
    store.approve(make.approval(scans[0].id))
    store.thin("clinic", LATER, retention, frozenset())
    left = [(scan.started_at - NOW).days for scan in reversed(store.scans("clinic"))]
    assert left == days_left
    assert all(store.scan(scan.id) is None for scan in scans if (scan.started_at - NOW).days not in days_left)
    assert store.check() == store.verify_chain("clinic") == ()


def test_pages_with_findings_outlive_their_scan_until_the_finding_goes(store: Store) -> None:
    old, new = past_scan(store, 0), past_scan(store, 1)
    nothing = Retention(keep_scans=0, keep_days=0)
    for _ in range(2):
        store.thin("clinic", LATER, nothing, KEEP)
        assert store.visited_pages(old.id) == {make.page_url("/a")}
        assert kept_captures(store, old, new) == [1, 3]
        assert store.verify_chain("clinic") == ()
    assert store.thin("clinic", LATER, nothing, frozenset()) == 1
    assert store.scan(old.id) is None
    assert store.scan_hash(old.id) is not None, "the chain is never cut"
    assert store.check() == store.verify_chain("clinic") == ()
    assert begin(store, day=2).id > new.id


def test_a_running_scan_never_goes(store: Store) -> None:
    running = begin(store)
    save(store, running, *PAGES)
    past_scan(store, 1)
    store.thin("clinic", LATER, Retention(keep_scans=0, keep_days=0), frozenset())
    assert store.running_scan("clinic") == running
    assert kept_captures(store, running) == [3]


def test_thinning_nothing_is_harmless(store: Store) -> None:
    assert store.thin("clinic", LATER, Retention(), frozenset()) == 0


# --------------------------------------------------------------------------- the hash chain


def test_each_finished_scan_has_a_hash_of_its_own(store: Store) -> None:
    running = begin(store, day=9)
    scans = [past_scan(store, 0), past_scan(store, 0), past_scan(store, 0, site="other")]
    hashes = {store.scan_hash(scan.id) for scan in scans}
    assert len(hashes) == 3
    assert all(found is not None and len(found) == 64 for found in hashes)
    assert store.scan_hash(running.id) is None
    assert store.hashes("clinic") == tuple((scan.id, store.scan_hash(scan.id)) for scan in scans[:2])
    assert store.hashes("nobody") == ()
    assert store.verify_chain("clinic") == store.verify_chain("other") == store.verify_chain("nobody") == ()


def test_scans_may_finish_in_another_order_than_they_began(store: Store) -> None:
    first, second = begin(store), begin(store)
    save(store, first, "/")
    finish(store, second)
    finish(store, first)
    assert store.verify_chain("clinic") == ()


def test_the_hash_is_the_same_in_every_store(store: Store) -> None:
    memory = MemoryStore()
    for day in range(2):
        here, there = past_scan(store, day), past_scan(memory, day)
        assert here == there
        for one, scan in ((store, here), (memory, there)):
            one.approve(make.approval(scan.id))
            one.log_approvals([ApprovalEvent(make.NOW, "officer", "approved", "a1", ("clinic",), "wörd", "{}")])
        assert store.scan_hash(here.id) == memory.scan_hash(there.id)


def test_the_evidence_of_incidents_stays_in_its_own_scans_only(store: Store) -> None:
    scans = [past_scan(store, day) for day in range(4)]
    evidence = {scans[0].id: frozenset({make.page_url("/a"), make.page_url("/nowhere")})}
    store.thin("clinic", LATER, FOR_EVER, keep_visits=evidence)
    assert kept_captures(store, *scans) == [1, 0, 0, 3]
    store.thin("clinic", LATER, Retention(keep_scans=0, keep_days=0), keep_visits=evidence)
    assert [capture.page for capture in store.captures(scans[0].id)] == [make.page_url("/a")]
    assert store.scan(scans[1].id) is None
    assert store.check() == store.verify_chain("clinic") == ()


def test_inventories_of_some_pages(store: Store) -> None:
    scan = past_scan(store, 0)
    wanted = [make.page_url("/b"), make.page_url("/nowhere")]
    assert [inventory.page for inventory, _ in store.inventories(scan.id, wanted)] == [make.page_url("/b")]
    assert list(store.inventories(scan.id, [])) == []
