"""Which pages are visited, in which order, each once; and what is said about the others."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from scanner.crawl.frontier import Frontier
from scanner.model import Link, Outcome, PageCapture, Scope, SkippedPage, StopReason, VisitTask
from tests.make import SITE, capture, failed_capture, page_url, request, secret, site_config
from tests.timing import yardsticks


def frontier(*urls: str, source: str = "link", expected: Iterable[str] = (), **site: Any) -> Frontier:
    """A frontier whose start page is in flight already, so that only `urls` are left to be handed out."""
    made = Frontier(site_config(**site), expected=map(page_url, expected))
    made.add_start()
    start = made.next()
    assert start is not None
    made.done(start, capture(start.url))
    made.add(map(page_url, urls), source, 1)
    return made


def pages(made: Frontier, most: int = 10_000) -> list[str]:
    """Visit all that is left (every page is whole and names nothing) and return the paths in order."""
    order: list[str] = []
    while len(order) < most and (task := made.next()) is not None:
        order.append(task.page.removeprefix(SITE))
        made.done(task, capture(task.url))
    return order


def reasons(made: Frontier) -> dict[str, str]:
    return {skipped.url.removeprefix(SITE): skipped.reason for skipped in made.skipped()}


def redirected(task: VisitTask, *hops: str, **more: Any) -> PageCapture:
    """The server sent the visit of `task` along `hops`."""
    chain = [task.url, *map(page_url, hops)]
    documents = [request(chain[0], type="document")] + [
        request(url, type="document", redirected_from=before) for before, url in pairwise(chain)
    ]
    return capture(task.url, documents, final_url=chain[-1], **more)


# --------------------------------------------------------------------------- order


def test_start_first_then_one_page_of_each_template_then_breadth_first() -> None:
    made = Frontier(site_config())
    made.add([f"{SITE}{path}" for path in ("/n/a-b", "/n/c-d", "/about")], "sitemap", 1)
    made.add([f"{SITE}/deep/x-y", f"{SITE}/deep/z-z"], "link", 5)
    made.add([f"{SITE}/n/e-f"], "link", 1)
    made.add_start()
    assert pages(made) == ["/", "/n/a-b", "/about", "/deep/x-y", "/n/c-d", "/n/e-f", "/deep/z-z"]


def test_siblings_with_plain_names_become_one_template() -> None:
    names = [f"/doctors/{chr(97 + n % 26)}{chr(97 + n // 26)}smith" for n in range(60)]
    assert pages(frontier(*names, "/about"))[:2] == ["/doctors/aasmith", "/about"]


def test_pages_are_handed_out_as_they_become_known() -> None:
    made = Frontier(site_config())
    made.add_start()
    first = made.next()
    assert first is not None and made.next() is None and not made.finished
    made.done(first, capture("/", links=(Link(f"{SITE}/a"), Link(f"{SITE}/b", "source-link"))))
    second, third = made.next(), made.next()
    assert second is not None and third is not None
    assert (second.url, second.source, second.depth) == (f"{SITE}/a", "link", 1)
    assert (third.url, third.source) == (f"{SITE}/b", "source-link")
    made.done(second, capture("/a"))
    assert not made.finished
    made.done(third, capture("/b"))
    assert made.finished and made.next() is None


def test_equal_input_gives_equal_order() -> None:
    urls = [f"/s{n % 7}/page-{n}?x={n % 3}" for n in range(300)]
    assert pages(frontier(*urls)) == pages(frontier(*urls))


# --------------------------------------------------------------------------- scope and patterns


@pytest.mark.parametrize(
    ("url", "site", "expected"),
    [
        pytest.param("/a", {}, "planned", id="same host"),
        pytest.param("https://clinic.example/a", {}, "planned", id="without www"),
        pytest.param("http://www.clinic.example/a", {}, "planned", id="without s"),
        pytest.param("https://www.clinic.example:8443/a", {}, "out-of-scope", id="another port is another server"),
        pytest.param("https://portal.clinic.example/", {}, "out-of-scope", id="another host of the domain"),
        pytest.param("https://www.facebook.com/clinic", {}, "", id="another site is no page at all"),
        pytest.param("ftp://www.clinic.example/a", {}, "", id="no address"),
        pytest.param("https://portal.clinic.example/", {"scope": Scope.DOMAIN}, "planned", id="domain"),
        pytest.param(
            "https://clinic-shop.example/", {"scope": Scope.DOMAIN, "own_domains": ("clinic-shop.example",)},
            "planned", id="own domain",
        ),
        pytest.param("/de/a", {"scope": Scope.PATH, "start": [f"{SITE}/de/index.html"]}, "planned", id="below"),
        pytest.param("/en/a", {"scope": Scope.PATH, "start": [f"{SITE}/de/index.html"]}, "out-of-scope", id="beside"),
        pytest.param("/blog/a", {"exclude": ("/blog/*",)}, "excluded", id="excluded"),
        pytest.param("/blog/a", {"exclude": ("https://*/blog/*",)}, "excluded", id="excluded by whole address"),
        pytest.param("/blog?page=2", {"exclude": ("*page=*",)}, "excluded", id="excluded by query"),
        pytest.param("/blogs/a", {"exclude": ("/blog/*",)}, "planned", id="not excluded"),
        pytest.param("/a", {"include": ("/b*",)}, "excluded", id="not included"),
        pytest.param("/b/c", {"include": ("/b*",)}, "planned", id="included"),
        pytest.param("/a.PDF?x=1", {}, "not-html", id="a file"),
        pytest.param("/a.aspx", {}, "planned", id="a program"),
        pytest.param("/user/logout", {"storage_state": secret("{}")}, "excluded", id="would end the session"),
        pytest.param("/user/logout", {}, "planned", id="no session to end"),
    ],
)  # fmt: skip
def test_scope(url: str, site: dict[str, Any], expected: str) -> None:
    made = frontier(url, **site)
    found = "planned" if pages(made) else "".join(reasons(made).values())
    assert found == expected


def test_start_pages_are_visited_whatever_patterns_say_and_as_they_were_written() -> None:
    made = Frontier(site_config(start=["https://u:p@www.clinic.example/b.pdf?fbclid=1#x"], exclude=("*",)))
    assert made.add_start() == 1
    task = made.next()
    assert task is not None
    assert (task.page, task.url) == (f"{SITE}/b.pdf", f"{SITE}/b.pdf?fbclid=1")


def test_robots_are_asked_and_quoted() -> None:
    made = Frontier(site_config(), refusal=lambda page, is_start: None if is_start else f"Disallow: {page[-2:]}")
    made.add_start()
    made.add([f"{SITE}/a"], "sitemap")
    assert pages(made) == ["/"]
    assert made.skipped() == (SkippedPage(f"{SITE}/a", "robots", "Disallow: /a"),)


def test_origins_whose_robots_must_be_known_are_those_of_pages_in_scope() -> None:
    named = ("/a", "http://clinic.example/b", "https://portal.clinic.example:8443/c", "https://www.facebook.com/")
    seen = capture("/", links=tuple(Link(page_url(url)) for url in named))
    assert Frontier(site_config()).origins(seen) == ("https://clinic.example", SITE)
    everywhere = Frontier(site_config(scope=Scope.DOMAIN)).origins(seen)
    assert everywhere == ("https://clinic.example", "https://portal.clinic.example:8443", SITE)


# --------------------------------------------------------------------------- limits and traps


@pytest.mark.parametrize(
    "url",
    [
        *("/a/b/a/b/", "/x/x/x", "/" + "/".join(map(chr, range(97, 117))), "/" + "a" * 3_000),
        "/?" + "&".join(f"{n}=1" for n in range(20)),
    ],
)  # fmt: skip
def test_links_that_never_end_are_traps_unless_a_person_names_them(url: str) -> None:
    made = frontier(url)
    assert pages(made) == [] and list(reasons(made).values()) == ["trap"]
    made.add([page_url(url)], "list")
    assert len(pages(made)) == 1 and reasons(made) == {}


def test_repetition_that_is_no_trap() -> None:
    assert len(pages(frontier("/en/en/a", "/2024/2024-a", "/a/b/c/a/b"))) == 3


def test_pages_of_one_template_are_limited_and_the_rest_is_counted() -> None:
    made = frontier(*(f"/p/page-no-{chr(97 + n)}" for n in range(8)), "/about", max_pages_per_template=3)
    assert len(pages(made)) == 4
    assert made.finished
    assert made.coverage().limited_templates == (("/p/{slug}", 5),)
    assert dict(made.coverage().excluded) == {"template-limit": 5}
    assert made.coverage().ratio == 1.0


def test_query_combinations_of_one_path_are_limited() -> None:
    made = frontier(*(f"/find?a={n}&b={n}" for n in range(30)), "/find", max_query_variants=10)
    assert len(pages(made)) == 11
    assert dict(made.coverage().excluded) == {"template-limit": 20}


def test_calendars_end() -> None:
    days = [
        f"/events/{year}/{month:02}/{day}" for year in range(2020, 2030) for month in range(1, 13) for day in (1, 2)
    ]
    assert len(pages(frontier(*days))) == 60
    assert len(pages(frontier(*days, source="sitemap"))) == 240


def test_page_limit_counts_start_and_is_no_loss_of_coverage() -> None:
    made = frontier(*(f"/{chr(97 + n)}" for n in range(9)), max_pages=4)
    assert len(pages(made)) == 3
    coverage = made.coverage()
    assert (coverage.planned, coverage.ok, dict(coverage.excluded)) == (4, 4, {"page-limit": 6})


def test_depth() -> None:
    made = frontier(max_depth=2)
    made.add([f"{SITE}/far"], "link", 3)
    assert pages(made) == [] and reasons(made) == {"/far": "depth"}
    made.add([f"{SITE}/far"], "link", 2)
    assert pages(made) == ["/far"]


def test_session_ids_do_not_multiply_a_site() -> None:
    urls = [f"/a;jsessionid={n:032x}?PHPSESSID={n}&sid={n:032x}" for n in range(50)]
    assert pages(frontier(*urls)) == ["/a"]


def test_limits_keep_room_for_the_pages_of_the_last_scan() -> None:
    last = [f"/p/page-{chr(97 + n)}" for n in range(5)]
    others = [f"/p/other-{chr(97 + n)}" for n in range(5)]
    made = frontier(*others, expected=last, max_pages_per_template=5, max_pages=6)
    assert pages(made, most=0) == []
    made.add(map(page_url, last), "link", 2)
    assert sorted(pages(made)) == last


def test_room_kept_for_pages_that_are_gone_is_given_away_in_the_end() -> None:
    made = frontier("/p/other-a", "/p/other-b", expected=["/p/page-a", "/p/page-b"], max_pages_per_template=2)
    assert pages(made) == ["/p/other-a", "/p/other-b"]


# --------------------------------------------------------------------------- redirects and other ends


def test_the_final_address_counts_and_is_visited_once() -> None:
    made = frontier("/old", "/new")
    first = made.next()
    assert first is not None and first.page == f"{SITE}/old"
    assert made.done(first, redirected(first, "/between", "/new")) == f"{SITE}/new"
    assert made.next() is None and made.finished
    assert reasons(made) == {"/old": "redirect"}
    assert (made.coverage().planned, made.coverage().ok) == (2, 2)


def test_a_redirect_to_a_page_visited_already_is_not_saved() -> None:
    made = frontier("/new", "/old")
    new, old = made.next(), made.next()
    assert new is not None and old is not None
    assert made.done(new, capture("/new")) == f"{SITE}/new"
    assert made.done(old, redirected(old, "/new")) is None
    assert made.coverage().planned == 2


def test_two_visits_of_one_page_at_the_same_time_and_the_whole_one_counts() -> None:
    made = frontier("/new", "/old")
    new, old = made.next(), made.next()
    assert new is not None and old is not None
    assert made.done(old, redirected(old, "/new", outcome=Outcome.PARTIAL)) == f"{SITE}/new"
    assert made.planned == 2
    assert made.done(new, capture("/new")) == f"{SITE}/new"
    assert (made.coverage().planned, made.coverage().ok, made.coverage().partial) == (2, 2, 0)


def test_a_page_that_goes_on_by_itself_is_a_page_and_its_target_another() -> None:
    made = frontier("/a")
    task = made.next()
    assert task is not None
    assert made.done(task, capture("/a", final_url=f"{SITE}/b")) == f"{SITE}/a"
    assert pages(made) == ["/b"]


def test_redirect_off_the_site_is_noted_and_not_crawled() -> None:
    made = frontier("/book")
    task = made.next()
    assert task is not None
    off = "https://book.example/clinic"
    gone = redirected(task, off, outcome=Outcome.FAILED, stop_reason=StopReason.OFF_SITE, off_site=(off,))
    assert made.done(task, gone) is None
    assert made.skipped() == (SkippedPage(f"{SITE}/book", "off-site", off),)
    assert made.finished and made.coverage().planned == 1


def test_what_is_no_html_after_all_leaves_the_plan() -> None:
    made = frontier("/download")
    task = made.next()
    assert task is not None
    assert made.done(task, failed_capture("/download", StopReason.DOWNLOAD)) is None
    assert reasons(made) == {"/download": "not-html"}


def test_start_page_that_leads_elsewhere_stays_a_result() -> None:
    made = Frontier(site_config())
    made.add_start()
    task = made.next()
    assert task is not None
    away = redirected(task, "https://sold.example/", outcome=Outcome.FAILED, stop_reason=StopReason.OFF_SITE)
    assert made.done(task, away) == f"{SITE}/"
    assert (made.coverage().planned, made.coverage().failed) == (1, 1)


def test_the_spelling_the_site_prefers_is_learned_from_the_start_page() -> None:
    made = Frontier(site_config(start=["http://clinic.example/"]))
    made.add_start()
    made.add(
        ["http://clinic.example/a", "https://clinic.example/a", f"{SITE}/a", "http://www.clinic.example/b"], "sitemap"
    )
    start = made.next()
    assert start is not None
    assert made.done(start, redirected(start, f"{SITE}/")) == f"{SITE}/"
    assert pages(made) == ["/a", "/b"]
    assert made.coverage().planned == 3


def test_links_of_error_pages_and_bot_walls_are_not_followed() -> None:
    made = frontier("/a", "/b")
    for outcome, path in ((Outcome.FAILED, "/a"), (Outcome.BLOCKED, "/b")):
        task = made.next()
        assert task is not None
        made.done(task, capture(path, outcome=outcome, links=(Link(f"{SITE}/x"),)))
    assert made.finished
    assert (made.coverage().failed, made.coverage().blocked, made.coverage().planned) == (1, 1, 3)


def test_frames_and_forms_are_not_followed_nor_links_where_only_lists_count() -> None:
    links = (Link(f"{SITE}/f", "frame"), Link(f"{SITE}/g", "form"), Link(f"{SITE}/h"))
    for site, expected in (({}, ["/h"]), ({"follow_links": False}, [])):
        made = Frontier(site_config(**site))  # type: ignore[arg-type]
        made.add_start()
        start = made.next()
        assert start is not None
        made.done(start, capture("/", links=links))
        assert pages(made) == expected


def test_hash_routes() -> None:
    urls = ("/app#/a", "/app#/b", "/app#top", "/app")
    assert pages(frontier(*urls)) == ["/app"]
    assert pages(frontier(*urls, hash_routes=True)) == ["/app#/a", "/app#/b", "/app"]


# --------------------------------------------------------------------------- stop and resume


def test_what_was_not_reached_is_planned_and_unvisited() -> None:
    made = frontier("/a", "/b", "/c")
    assert made.next() is not None
    made.stop("duration")
    assert made.next() is None and made.planned == 4
    coverage = made.coverage()
    assert (coverage.planned, coverage.unvisited, coverage.ok, coverage.excluded) == (4, 3, 1, ())
    assert set(reasons(made).values()) == {"duration"} and len(reasons(made)) == 3


def test_resume_visits_only_what_is_missing() -> None:
    made = Frontier(site_config())
    made.restore(capture("/", links=(Link(f"{SITE}/a"), Link(f"{SITE}/b"))))
    made.restore(failed_capture("/a"))
    made.add_start()
    assert pages(made) == ["/b"]
    assert (made.coverage().planned, made.coverage().failed, made.coverage().ok) == (3, 1, 2)


# --------------------------------------------------------------------------- size


def test_many_addresses_cost_little() -> None:
    urls = [f"{SITE}/s{n % 50}/topic-{n % 977}/page-{n}?x={n % 3}" for n in range(20_000)]

    def work() -> None:
        made = Frontier(site_config(max_pages=1_000_000, max_pages_per_template=1_000_000))
        assert made.add(urls, "sitemap", 1) == len(urls)
        assert made.add(urls, "link", 2) == 0
        assert sum(1 for _ in iter(made.next, None)) == len(urls)

    assert yardsticks(work, 800) < 800
