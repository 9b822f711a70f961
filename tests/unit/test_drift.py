"""What changed between two scans, page by page, as tables."""

from __future__ import annotations

import pytest

from scanner.drift import compare
from scanner.model import DriftEntry, Outcome, ScanState, Sighting, SightingKind, SkippedPage, Snapshot, TagKey, Verdict
from tests import make
from tests.timing import yardsticks

PIN = make.sighting()
META = make.sighting(of=make.META)
Page = tuple[Outcome, list[Sighting]]
OK, PARTIAL, FAILED, BLOCKED = Outcome.OK, Outcome.PARTIAL, Outcome.FAILED, Outcome.BLOCKED


def scan(pages: dict[str, Page], **more: object) -> Snapshot:
    return make.snapshot([make.inventory(path, seen, outcome) for path, (outcome, seen) in pages.items()], **more)


def told(entries: tuple[DriftEntry, ...]) -> list[tuple[str, str, list[str]]]:
    return [
        (e.verdict.value, e.identity.tag.vendor if e.identity.tag else e.identity.subject, [_path(p) for p in e.pages])
        for e in entries
    ]


def _path(page: str) -> str:
    return page.removeprefix(make.SITE)


@pytest.mark.parametrize(
    ("before", "after", "entries", "unverified"),
    [
        pytest.param((OK, [PIN]), (OK, [PIN]), [], [], id="unchanged"),
        pytest.param((OK, []), (OK, [PIN]), [("added", "pinterest", ["/a"])], [], id="added"),
        pytest.param((OK, [PIN]), (OK, []), [("removed", "pinterest", ["/a"])], [], id="removed"),
        pytest.param((OK, [PIN]), (FAILED, []), [], ["/a"], id="a failed page loses nothing"),
        pytest.param((OK, [PIN]), (BLOCKED, []), [], ["/a"], id="a login wall loses nothing"),
        pytest.param((OK, [PIN]), (PARTIAL, []), [], ["/a"], id="half a page loses nothing"),
        pytest.param((OK, []), (PARTIAL, [PIN]), [("added", "pinterest", ["/a"])], ["/a"], id="half a page can gain"),
        pytest.param((PARTIAL, [PIN]), (OK, []), [("removed", "pinterest", ["/a"])], [], id="half a page was proof"),
    ],
)
def test_one_page(before: Page, after: Page, entries: list[object], unverified: list[str]) -> None:
    drift = compare(scan({"/a": before, "/z": (OK, [])}), scan({"/a": after, "/z": (OK, [])}))
    assert told(drift.entries) == entries
    assert [_path(u.page) for u in drift.unverified] == unverified


def test_a_tag_known_elsewhere_is_no_news_on_a_page_that_was_not_seen_whole() -> None:
    before = scan({"/a": (FAILED, []), "/b": (OK, [PIN])})
    drift = compare(before, scan({"/a": (OK, [PIN]), "/b": (OK, [PIN])}))
    assert drift.empty
    assert [(_path(u.page), u.outcome) for u in drift.unverified] == [("/a", OK)]


def test_a_tag_known_nowhere_is_news_even_there() -> None:
    drift = compare(scan({"/a": (FAILED, []), "/b": (OK, [])}), scan({"/a": (OK, [PIN]), "/b": (OK, [])}))
    assert told(drift.entries) == [("added", "pinterest", ["/a"])]


def test_a_scan_that_saw_nothing_whole_makes_no_news() -> None:
    drift = compare(scan({"/a": (FAILED, [])}), scan({"/a": (OK, [PIN]), "/new": (OK, [META])}))
    assert drift.empty
    assert [_path(u.page) for u in drift.unverified] == ["/a", "/new"]


@pytest.mark.parametrize(
    ("on_new_page", "expected"),
    [([PIN], []), ([META], [("added", "meta", ["/new"])]), ([PIN, META], [("added", "meta", ["/new"])])],
)
def test_new_pages_are_news_only_with_new_tags(on_new_page: list[Sighting], expected: list[object]) -> None:
    drift = compare(scan({"/": (OK, [PIN])}), scan({"/": (OK, [PIN]), "/new": (OK, on_new_page)}))
    assert told(drift.entries) == expected
    assert drift.new_pages == (make.page_url("/new"),)
    assert all(entry.pages_new == entry.pages for entry in drift.entries)


@pytest.mark.parametrize("status", [404, 410])
def test_pages_that_are_gone_lose_their_tags_without_alarm(status: int) -> None:
    before = scan({"/": (OK, [META]), "/old": (OK, [PIN])})
    not_found = make.inventory("/old", [META], FAILED, status=status)
    drift = compare(before, make.snapshot([make.inventory("/", [META]), not_found]))
    assert drift.empty
    assert drift.gone_pages == (make.page_url("/old"),)
    assert drift.unverified == ()


def test_a_new_tag_on_a_page_that_says_not_found_is_news() -> None:
    not_found = make.inventory("/old", [PIN], FAILED, status=404)
    drift = compare(scan({"/": (OK, []), "/old": (OK, [])}), make.snapshot([make.inventory("/"), not_found]))
    assert told(drift.entries) == [("added", "pinterest", ["/old"])]


@pytest.mark.parametrize(
    ("reason", "gone"),
    [(None, True), ("excluded", True), ("redirect", True), ("page-limit", False), ("stopped", False)],
)
def test_pages_that_were_not_visited(reason: str | None, gone: bool) -> None:
    skipped = [SkippedPage(make.page_url("/old"), reason)] if reason else []
    drift = compare(scan({"/": (OK, []), "/old": (OK, [PIN])}), scan({"/": (OK, [])}, skipped=skipped))
    assert drift.empty
    assert (drift.gone_pages == (make.page_url("/old"),)) is gone
    assert [(u.page, u.outcome) for u in drift.unverified] == ([] if gone else [(make.page_url("/old"), None)])


def test_a_scan_cut_short_does_not_say_what_is_gone() -> None:
    after = scan({"/": (OK, [])})
    stopped = Snapshot(make.scan_record(2, state=ScanState.INCOMPLETE), after.rules_digest, after.pages)
    drift = compare(scan({"/": (OK, []), "/old": (OK, [PIN])}), stopped)
    assert drift.gone_pages == ()
    assert [u.reason for u in drift.unverified] == ["not reached in the newer scan: stopped"]


def script(version: str | None) -> Sighting:
    return make.sighting("cdn.example/a.js", SightingKind.SCRIPT, None, version=version)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        pytest.param(["f1", "f1"], ["f2", "f2"], True, id="changed"),
        pytest.param(["f1", "f1"], ["f1", "f2"], False, id="on its way out"),
        pytest.param(["f1", "f2"], ["f3", "f3"], False, id="varied before"),
        pytest.param(["f1", "f1"], ["f2", "f3"], False, id="varies now"),
        pytest.param(["f1+f2", None], ["f3", None], False, id="varied within a page"),
        pytest.param(["f1", None], ["f2", None], True, id="seen once each"),
        pytest.param(["f1", "f1"], [None, None], False, id="nothing to compare"),
    ],
)
def test_scripts_change_when_no_version_is_common(before: list[str], after: list[str], changed: bool) -> None:
    old, new = (
        make.snapshot([make.inventory(f"/{n}", [script(version)]) for n, version in enumerate(versions)])
        for versions in (before, after)
    )
    entries = compare(old, new).entries
    assert [(e.verdict, e.before, e.after) for e in entries] == ([(Verdict.CHANGED, "f1", "f2")] if changed else [])


def test_an_entry_gathers_what_its_pages_know() -> None:
    def page(path: str, word: str) -> Sighting:
        return make.sighting(loaders=(word,), evidence=("request", word), examples=(f"https://t.example{path}",))

    before = make.site_snapshot({"/a": [], "/b": [], "/c": [PIN]})
    after = make.site_snapshot({"/a": [page("/a", "x")], "/b": [page("/b", "y")], "/c": [PIN]})
    (entry,) = compare(before, after).entries
    assert (entry.pages_before, entry.pages_after) == (1, 3)
    assert (entry.loaders, entry.evidence) == (("x", "y"), ("request", "x", "y"))
    assert entry.examples == ("https://t.example/a", "https://t.example/b")


def test_different_rules_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="re-match"):
        compare(make.snapshot(rules_digest="a"), make.snapshot(rules_digest="b"))


def test_two_thousand_pages_are_compared_at_once() -> None:
    def pages(extra: list[Sighting]) -> Snapshot:
        tags = [TagKey(f"v{n % 7}", "p", f"{n % 9}") for n in range(60)]
        seen = [make.sighting(f"s{n}", SightingKind.EVENT, tag) for n, tag in enumerate(tags)]
        return make.snapshot([make.inventory(f"/{n}", [*seen, *extra]) for n in range(2_000)])

    before, after = pages([]), pages([PIN])
    assert yardsticks(lambda: compare(before, after), 80) < 80
    (entry,) = compare(before, after).entries
    assert len(entry.pages) == 2_000
