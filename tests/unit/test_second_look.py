"""Two visits of one page, which pages are visited again, and what the last scans say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scanner.comes_and_goes import absences_that_prove, answer, comes_and_goes
from scanner.drift import compare
from scanner.findings import findings
from scanner.model import Outcome, PageInventory, Sighting, SightingKind, Verdict
from scanner.second_look import MOST_PAGES, PAGES_OF_A_SURPRISE, pages_to_look_at, together, visits_of, with_second_look
from scanner.store.documents import CAPTURE
from tests import make
from tests.make import META, PINTEREST, identity, inventory, sighting

PIN, OTHER = sighting(), sighting(of=META)


def looked(first: list[Sighting], second: list[Sighting], **outcomes: Outcome) -> dict[str, bool | None]:
    both = together(
        inventory("/", first, outcomes.get("then", Outcome.OK)), inventory("/", second, outcomes.get("now", Outcome.OK))
    )
    assert both.looked_again is outcomes.get("now", Outcome.OK)
    return {str(s.identity.tag): s.seen_again for s in both.sightings}


@pytest.mark.parametrize(
    ("first", "second", "outcomes", "expected"),
    [
        pytest.param([PIN], [PIN], {}, {str(PINTEREST): True}, id="both"),
        pytest.param([PIN], [], {}, {str(PINTEREST): False}, id="once"),
        pytest.param([], [PIN], {}, {str(PINTEREST): False}, id="only the second time: it was there all the same"),
        pytest.param([PIN], [], {"now": Outcome.FAILED}, {str(PINTEREST): None}, id="the second saw nothing at all"),
        pytest.param([PIN], [PIN], {"now": Outcome.PARTIAL}, {str(PINTEREST): True}, id="half a page can confirm"),
        pytest.param([], [PIN], {"then": Outcome.PARTIAL}, {str(PINTEREST): None}, id="the first saw half the page"),
        pytest.param([PIN, OTHER], [OTHER], {}, {str(PINTEREST): False, str(META): True}, id="each by itself"),
    ],
)
def test_two_visits_together(
    first: list[Sighting], second: list[Sighting], outcomes: dict[str, Outcome], expected: dict[str, bool | None]
) -> None:
    assert looked(first, second, **outcomes) == expected


def test_a_script_that_answers_now_this_now_that_has_not_changed() -> None:
    script = identity("cdn.test/a.js", SightingKind.SCRIPT, None)
    old, new = Sighting(script, version="aa"), Sighting(script, version="bb")
    before = make.snapshot([inventory("/", [old])])
    swapped = make.snapshot([inventory("/", [new])], id=2)
    assert [entry.verdict for entry in compare(before, swapped).entries] == [Verdict.CHANGED]
    both = make.snapshot([together(inventory("/", [new]), inventory("/", [old]))], id=2)
    assert compare(before, both).empty


def test_a_capture_holds_both_visits_and_comes_back_from_the_store() -> None:
    first = make.capture("/", [make.request()])
    second = make.capture("/", [make.script()], title="Later", duration_ms=7)
    both = with_second_look(first, second)
    document, parts = CAPTURE.dump(both)
    assert CAPTURE.load(document, parts) == both
    assert visits_of(both) == (first, replace(second, screenshot=None))
    assert visits_of(first) == (first,)


# --------------------------------------------------------------------------- which pages


def surprises(pages: dict[str, PageInventory]) -> tuple[str, ...]:
    before = make.snapshot([replace(page, sightings=()) for page in pages.values()])
    after = make.snapshot(pages.values(), id=2)
    return pages_to_look_at(compare(before, after), {page.page: page for page in after.pages})


def site(count: int, *sightings: Sighting, templates: int = 1) -> dict[str, PageInventory]:
    made = [inventory(f"/{n:02}", sightings, template=f"/t{n % templates}") for n in range(count)]
    return {page.page: page for page in made}


def test_nothing_new_nothing_visited() -> None:
    assert surprises(site(5)) == ()


def test_something_everywhere_is_looked_at_on_a_few_pages_of_different_templates() -> None:
    pages = site(30, PIN, OTHER, templates=5)
    chosen = surprises(pages)
    assert len(chosen) == PAGES_OF_A_SURPRISE, "the same pages serve both"
    assert len({pages[page].template for page in chosen}) == PAGES_OF_A_SURPRISE


def test_many_surprises_are_capped_and_tags_come_first() -> None:
    hosts = {
        page.page: replace(page, sightings=(Sighting(identity(f"h{n}.test", SightingKind.HOST, None)),))
        for n, page in enumerate(site(40).values())
    }
    last = make.page_url("/39")
    hosts[last] = replace(hosts[last], sightings=(*hosts[last].sightings, PIN))
    chosen = surprises(hosts)
    assert len(chosen) == MOST_PAGES
    assert chosen[0] == last


def test_a_scan_that_goes_on_looks_only_at_what_is_missing() -> None:
    pages = site(30, PIN)
    done = surprises(pages)[:2]
    pages |= {page: replace(pages[page], looked_again=Outcome.OK) for page in done}
    rest = surprises(pages)
    assert len(rest) == PAGES_OF_A_SURPRISE - 2
    assert not set(rest) & set(done)


# --------------------------------------------------------------------------- what findings say of it


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param([None, None], None, id="nobody looked twice"),
        pytest.param([True, None], True, id="seen again"),
        pytest.param([False, None], False, id="two pages, not seen again"),
        pytest.param([False, True], True, id="seen again on one of them"),
        pytest.param([False, None, None], True, id="three visits saw it"),
    ],
)
def test_a_finding_is_confirmed_by_a_second_sight(looks: list[bool | None], expected: bool | None) -> None:
    before = make.site_snapshot({f"/{n}": () for n in range(4)})
    pages = [inventory(f"/{n}", [replace(PIN, seen_again=look)]) for n, look in enumerate(looks)]
    after = make.snapshot([*pages, *[inventory(f"/{n}") for n in range(len(looks), 4)]], id=2)
    (found,) = findings(compare(before, after), before, after)
    assert found.confirmed is expected


# --------------------------------------------------------------------------- scan after scan

T, F = True, False


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param([T], False, id="new"),
        pytest.param([F, F, T], False, id="not there before"),
        pytest.param([T, T, F], False, id="missing, perhaps gone"),
        pytest.param([T, T, F, F, F, T], False, id="taken out and put back"),
        pytest.param([T, F, T], True, id="missing once"),
        pytest.param([F, T, F, F, T, F, F, F, T], True, id="back again and again"),
        pytest.param([T, F, F, T, F, F, T], True, id="twice back"),
    ],
)
def test_what_comes_and_goes(history: list[bool], expected: bool) -> None:
    assert comes_and_goes(history) is expected


@pytest.mark.parametrize(
    ("history", "absences"),
    [([], 2), ([T], 2), ([T, T, T], 2), ([T] * 8 + [F, T], 2), ([T, F, T], 3), ([T, F, T, F, F, F], 3),
     ([T, F, F, F, T], 6), ([F] * 9 + [T], 10)],
)  # fmt: skip
def test_the_rarer_it_shows_the_more_absences_prove_that_it_is_gone(history: list[bool], absences: int) -> None:
    assert absences_that_prove(history) == absences


def test_a_scan_answers_only_for_pages_it_saw_whole() -> None:
    asked, pin = [make.page_url("/a"), make.page_url("/b")], frozenset({identity()})

    def told(*pages: PageInventory) -> bool | None:
        return answer({page.page: page for page in pages}, asked, pin)

    assert told(inventory("/a", [PIN], Outcome.PARTIAL), inventory("/b")) is True
    assert told(inventory("/a"), inventory("/b")) is False
    assert told(inventory("/a"), inventory("/b", outcome=Outcome.FAILED)) is None
    assert told(inventory("/a"), inventory("/b", outcome=Outcome.FAILED, status=404)) is False
    assert told() is None
