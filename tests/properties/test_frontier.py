"""Laws of the frontier, on random sites whose visits end in random order."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.crawl.frontier import Frontier
from scanner.crawl.traps import repeats
from scanner.model import Coverage, Link, PageCapture, VisitTask
from tests.make import SITE, capture, request, site_config

Graph = dict[int, tuple[list[int], int | None]]
"""Page → (pages it links to, page it redirects to or None)."""
graphs: st.SearchStrategy[Graph] = st.dictionaries(
    st.integers(0, 12),
    st.tuples(st.lists(st.integers(0, 12), max_size=5), st.none() | st.none() | st.integers(0, 12)),
    max_size=13,
)


def url(page: int) -> str:
    return f"{SITE}/" if page == 0 else f"{SITE}/p{chr(96 + page)}"


def answer(graph: Graph, task: VisitTask) -> PageCapture:
    """What a visit of the task's page sees: redirects are followed (at most as far as browsers do), then links."""
    numbers = {url(page): page for page in range(13)}
    page, chain = numbers[task.page], [task.url]
    while (following := graph.get(page, ([], None))[1]) is not None and len(chain) < 5:
        page = following
        chain.append(url(page))
    hops = [
        request(here, type="document", redirected_from=before)
        for before, here in zip([None, *chain], chain, strict=False)
    ]
    links = tuple(Link(url(other)) for other in graph.get(page, ([], None))[0])
    return capture(task.url, hops, final_url=chain[-1], links=links)


def crawl(
    graph: Graph, seed: int, width: int, expected: tuple[str, ...] = (), **site: Any
) -> tuple[set[str], Coverage]:
    """Visit everything with `width` visits at a time that end in random order. Return (saved pages, coverage)."""
    random = Random(seed)
    frontier = Frontier(site_config(**site), expected=expected)
    frontier.add_start()
    running: list[VisitTask] = []
    handed_out: list[str] = []
    saved: set[str] = set()
    while not frontier.finished:
        while len(running) < width and (task := frontier.next()) is not None:
            running.append(task)
            handed_out.append(task.page)
        task = running.pop(random.randrange(len(running)))
        page = frontier.done(task, answer(graph, task))
        if page is not None:
            saved.add(page)
    assert len(handed_out) == len(set(handed_out)), "no page is handed out twice"
    assert frontier.next() is None and frontier.in_flight == 0
    coverage = frontier.coverage()
    assert coverage.planned == coverage.ok == len(saved) == frontier.planned
    assert coverage.unvisited == 0
    return saved, coverage


@settings(deadline=None)
@given(graphs, st.integers(0, 99), st.integers(1, 6))
def test_the_order_in_which_visits_end_changes_nothing(graph: Graph, seed: int, width: int) -> None:
    assert crawl(graph, seed, width)[0] == crawl(graph, seed + 1, 1)[0]


@settings(deadline=None)
@given(graphs, st.integers(0, 99), st.integers(1, 6), st.integers(1, 6))
def test_a_limited_scan_sees_the_pages_of_the_last_one_again(graph: Graph, seed: int, width: int, most: int) -> None:
    """Also where a limit leaves out pages, which ones it leaves out does not depend on chance from then on."""
    without_redirects: Graph = {page: (links, None) for page, (links, _) in graph.items()}
    first, coverage = crawl(without_redirects, seed, width, max_pages=most)
    assert len(first) <= most or first == {url(0)}
    again, same = crawl(without_redirects, seed + 1, width, tuple(first), max_pages=most)
    assert again == first
    assert same.planned == coverage.planned


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=8))
def test_what_repeats_goes_on_repeating(segments: list[str]) -> None:
    assert repeats([*segments, *segments, "x"] if len(segments) > 1 else ["a", "a", "a"])
    assert not repeats([f"{segment}{position}" for position, segment in enumerate(segments)])
