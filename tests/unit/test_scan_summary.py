"""From a scan's pages to its numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Category, Outcome, PageGroupCount, SentKind, SightingKind, TagCount, TagKey, TagPlace
from scanner.service.scan_summary import page_groups, summarise
from tests import make
from tests.make import GA4, PINTEREST

LOADER = "https://www.googletagmanager.com/gtm.js (GTM-ABC)"


def test_each_tag_is_counted_by_its_pages_groups_and_loaders() -> None:
    doctors = [f"/doctors/dr-{name}" for name in ("ada", "bo", "cy")]
    pages = [
        make.inventory("/", [make.sighting(of=GA4, category=Category.ANALYTICS)]),
        *(
            make.inventory(
                path,
                [make.sighting(of=GA4, category=Category.ANALYTICS), make.sighting(loaders=(LOADER, "inline"))],
                kind="find-a-doctor",
            )
            for path in doctors
        ),
    ]
    summary = summarise(pages)
    assert summary.pages == 4
    assert summary.tags == (TagCount(GA4, 4, 4), TagCount(PINTEREST, 3, 3))
    assert summary.groups == (
        PageGroupCount("/doctors/{slug}", 3, 3, "find-a-doctor"),
        PageGroupCount("/", 1, 1),
    )
    assert summary.loaders == (LOADER,)
    ga4, pinterest = summary.pictures
    assert (ga4.category, ga4.places) == (Category.ANALYTICS, (TagPlace(0, -1, 3), TagPlace(1, -1, 1)))
    assert pinterest.places == (TagPlace(0, 0, 3),)


def test_a_trace_in_the_page_is_there_but_sent_nothing() -> None:
    (count,) = summarise([make.inventory("/", [make.sighting(evidence=("source",))])]).tags
    assert (count.pages, count.sent) == (1, 0)


def test_two_ways_out_of_one_tag_on_one_page_are_one_page() -> None:
    ways = [make.sighting(role=role) for role in ("", "first-party")]
    summary = summarise([make.inventory("/", ways)])
    assert summary.tags == (TagCount(PINTEREST, 1, 1),)
    assert summary.pictures[0].first_party


def test_what_a_tag_carries_is_told_with_its_form_and_whether_it_left() -> None:
    field = SightingKind.FIELD
    hashed = make.sighting("pd.em", field, role="email", examples=("ab… (64 characters, hashed (sha256))",))
    stopped = make.sighting("q", field, role="search_query", evidence=("blocked",), examples=("x, plain",))
    (picture,) = summarise([make.inventory("/", [make.sighting(), hashed, stopped])]).pictures
    assert picture.sends == (SentKind("email", "hashed", True, 1), SentKind("search_query", "plain", False, 1))


def test_an_identifier_sent_to_a_stranger_stands_under_the_strangers_domain() -> None:
    sent = [
        make.sighting("query.em to px.test", SightingKind.FIELD, None, "email"),
        make.sighting("b to px.test (placeholder)", SightingKind.FIELD, None, "phone"),
    ]
    (picture,) = summarise([make.inventory("/", sent)]).pictures
    assert picture.tag == TagKey("px.test", "px.test")
    assert [send.kind for send in picture.sends] == ["email", "phone"]


def test_a_products_loader_without_account_is_no_tag_of_its_own_beside_its_accounts() -> None:
    event = make.sighting("load", SightingKind.EVENT, TagKey("pinterest", "pinterest-tag"))
    covered = summarise([make.inventory("/", [make.sighting(), event])])
    assert [count.tag for count in covered.tags] == [PINTEREST]
    alone = summarise([make.inventory("/", [make.sighting()]), make.inventory("/b", [event])])
    assert len(alone.tags) == 2


def test_a_tag_that_a_container_only_holds_is_not_counted() -> None:
    held = make.sighting("html tag", SightingKind.CONTAINER_TAG)
    assert summarise([make.inventory("/", [held])]).tags == ()


def test_a_page_of_which_nothing_was_seen_has_no_place_and_a_partial_one_does() -> None:
    failed = make.inventory("/a", outcome=Outcome.FAILED)
    partial = make.inventory("/b", [make.sighting()], outcome=Outcome.PARTIAL)
    summary = summarise([failed, partial])
    assert summary.groups == (PageGroupCount("/b", 1, 0),)
    assert summary.tags == (TagCount(PINTEREST, 1, 1),)


def test_no_pages_give_no_numbers() -> None:
    assert summarise([]).groups == ()


def test_what_varies_is_learned_from_the_siblings() -> None:
    pages = [f"{make.SITE}/services/{name:c<9}" for name in map(chr, range(97, 97 + 25))]
    groups, group_of = page_groups(pages, [True] * 25, [None] * 25)
    assert groups == (PageGroupCount("/services/{…}", 25, 25),)
    assert set(group_of) == {0}


def test_too_many_kinds_become_sections_before_the_rarest_share_a_place() -> None:
    pages = [make.page_url(f"/s{section}/{name}") for section in "abc" for name in "defghijklm"]
    groups, _ = page_groups(pages, [True] * 30, [None] * 30, most=12)
    assert [group.template for group in groups][:2] == ["/sa/…", "/sb/…"]
    assert len(groups) == 12


def test_two_hosts_are_told_apart() -> None:
    groups, _ = page_groups(["https://a.test/x", "https://b.test/x"], [True, True], [None, None])
    assert {group.template for group in groups} == {"a.test/x", "b.test/x"}


PATHS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=3), max_size=60)


@given(PATHS, st.integers(2, 30))
def test_every_page_has_one_place_and_there_are_never_too_many(paths: list[list[str]], most: int) -> None:
    pages = [make.page_url("/" + "/".join(path)) for path in paths]
    groups, group_of = page_groups(pages, [True] * len(pages), [None] * len(pages), most)
    assert len(groups) <= most
    assert sum(group.pages for group in groups) == len(pages) == len(group_of)
    assert all(groups[number].pages == group_of.count(number) for number in set(group_of))
