"""Scans in numbers: the same behaviour in memory, SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scanner.errors import StoreError
from scanner.model import (
    Category,
    PageGroupCount,
    Retention,
    ScanState,
    ScanSummary,
    SentKind,
    SkippedPage,
    TagCount,
    TagPicture,
    TagPlace,
)
from scanner.ports import Store
from tests import make
from tests.contract.scans import HOSTILE, LATER, begin, finish, past_scan, save
from tests.make import GA4, PINTEREST

SUMMARY = ScanSummary(
    pages=3,
    tags=(TagCount(GA4, 3, 3), TagCount(PINTEREST, 2)),
    groups=(PageGroupCount("/doctors/{slug}", 2, 1, "find-a-doctor"), PageGroupCount(HOSTILE, 1, 1)),
    loaders=("inline snippet in the page", HOSTILE),
    pictures=(
        TagPicture(GA4, Category.ANALYTICS, 3, "Google LLC", places=(TagPlace(0, 0, 2), TagPlace(1, -1, 1))),
        TagPicture(PINTEREST, Category.ADVERTISING, 2, None, True, sends=(SentKind("email", "hashed", True, 2),)),
    ),
)


def test_a_summary_comes_back_as_it_was_saved(store: Store) -> None:
    scan, other = past_scan(store, 0), past_scan(store, 1)
    store.save_summary(scan.id, SUMMARY)
    assert store.summary(scan.id) == SUMMARY
    assert store.summary(other.id) is None
    assert store.summary(other.id + 100) is None


def test_a_summary_replaces_the_one_before(store: Store) -> None:
    scan = past_scan(store, 0)
    store.save_summary(scan.id, SUMMARY)
    store.save_summary(scan.id, replace(SUMMARY, tags=()))
    assert store.summary(scan.id) == replace(SUMMARY, tags=())
    assert store.tag_counts("clinic") == {scan.id: ()}


def test_counts_of_a_site_are_those_of_its_summaries(store: Store) -> None:
    first, second, without = (past_scan(store, day) for day in range(3))
    elsewhere = past_scan(store, 0, site="other")
    fewer = replace(SUMMARY, tags=(TagCount(GA4, 1),))
    for scan, summary in ((first, SUMMARY), (second, SUMMARY), (elsewhere, fewer)):
        store.save_summary(scan.id, summary)
    counts = store.tag_counts("clinic")
    assert counts == {first.id: SUMMARY.tags, second.id: SUMMARY.tags}
    assert counts[first.id] is counts[second.id], "equal counts are one object"
    assert without.id not in counts
    assert store.tag_counts("other") == {elsewhere.id: fewer.tags}
    assert store.tag_counts("never seen") == {}


def test_a_summary_of_no_scan_is_refused(store: Store) -> None:
    with pytest.raises(StoreError):
        store.save_summary(12345, SUMMARY)


def test_summaries_stay_through_thinning_and_go_with_their_scan(store: Store) -> None:
    old, new = past_scan(store, 0), past_scan(store, 1)
    for scan in (old, new):
        store.save_summary(scan.id, SUMMARY)
    store.thin("clinic", LATER, Retention(), frozenset())
    assert store.tag_counts("clinic").keys() == {old.id, new.id}
    store.thin("clinic", LATER, Retention(keep_scans=0, keep_days=0), frozenset())
    assert store.tag_counts("clinic").keys() == {new.id}
    assert store.summary(new.id) == SUMMARY
    assert store.check() == store.verify_chain("clinic") == ()


def test_scans_may_be_listed_without_their_skipped_pages(store: Store) -> None:
    scan = begin(store)
    save(store, scan, "/")
    skipped = (SkippedPage(make.page_url("/private"), "robots"),)
    done = store.finish_scan(scan.id, ScanState.COMPLETE, scan.started_at, make.coverage(), skipped)
    other = finish(store, begin(store, day=1))
    assert store.scans("clinic") == (other, done)
    assert store.scans("clinic", with_skipped=False) == (other, replace(done, skipped=()))
    assert store.scans("clinic", 1, with_skipped=False) == (other,)
