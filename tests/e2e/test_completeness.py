"""Nothing missed, nothing invented: what visits record against what the server received, mechanism by mechanism."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from scanner.fleet.local import LocalFleet
from scanner.model import Outcome, PageCapture, VisitLimits, VisitTask, Wanted
from tests.site.config import fixture_site
from tests.site.mechanisms import FIRST, MECHANISMS, REPLIES, Mechanism
from tests.site.server import FixtureServer, Received
from tests.site.truth import belongs_to, compare, on_wire

BY_NAME = {entry.name: entry for entry in MECHANISMS}


@dataclass(frozen=True, slots=True)
class Run:
    """All pages of the fixture site, visited once."""

    captures: dict[str, PageCapture]
    received: dict[str, list[Received]]
    nobodys: list[Received]
    """What no page asked for by name."""
    silent: list[str]
    """Pages that were recorded wrongly when four were visited at once, and did not say so."""


async def visit_all(server: FixtureServer, mechanisms: list[Mechanism], **changes: object) -> dict[str, PageCapture]:
    site = fixture_site(server, FIRST, **changes)
    async with LocalFleet(site, Wanted()) as fleet:
        free = asyncio.Semaphore(fleet.capacity)

        async def visit(entry: Mechanism) -> tuple[str, PageCapture]:
            limits = VisitLimits(visit_timeout_ms=entry.visit_timeout_ms, navigation_timeout_ms=entry.visit_timeout_ms)
            async with free:
                return entry.name, await fleet.visit(VisitTask(page=entry.url, url=entry.url, limits=limits))

        return dict(await asyncio.gather(*(visit(entry) for entry in mechanisms)))


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    # Only what the selected tests are about is visited, so that one mechanism can be looked at alone.
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    names = {call.params["name"] for call in calls if call is not None and "name" in call.params}
    chosen = [entry for entry in MECHANISMS if entry.name in names] or list(MECHANISMS)
    # Those that use up their whole time go first, so that nobody waits for them at the end.
    chosen.sort(key=lambda entry: (entry.outcomes == {"ok"}, entry.visit_timeout_ms))
    captures, received, strays = visit_by_kind(chosen)
    # What went wrong with four pages at once on a busy machine is visited again, alone: then it must be right. Most of
    # it says itself that it was not seen whole; what does not is counted.
    wrong = [entry for entry in chosen if compare(entry, captures[entry.name], received[entry.name])]
    silent = [entry.name for entry in wrong if captures[entry.name].outcome in entry.outcomes]
    if wrong:
        again, received_again, strays_again = visit_by_kind(wrong, concurrency=1)
        captures, received, strays = captures | again, received | received_again, strays + strays_again
    yield Run(captures, received, strays, silent)


def visit_by_kind(
    chosen: list[Mechanism], **changes: object
) -> tuple[dict[str, PageCapture], dict[str, list[Received]], list[Received]]:
    """Visit `chosen` on a server of their own; return captures and what the server received, by page, and the rest."""
    plain = [entry for entry in chosen if not entry.service_workers]
    workers = [entry for entry in chosen if entry.service_workers]
    captures: dict[str, PageCapture] = {}
    with FixtureServer(REPLIES) as server:
        if plain:
            captures |= asyncio.run(visit_all(server, plain, **changes))
        if workers:
            captures |= asyncio.run(visit_all(server, workers, service_workers_allowed=True, **changes))
    received = {name: server.received(name) for name in captures}
    return captures, received, [entry for entry in server.log if entry.mechanism not in captures]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", BY_NAME)
def test_record_equals_what_the_server_received(run: Run, name: str) -> None:
    wrong = compare(BY_NAME[name], run.captures[name], run.received[name])
    assert not wrong, f"{name}:\n" + "\n".join(wrong[:20]) + f"\n({len(wrong)} differences)"


def test_hardly_any_page_needs_a_second_visit_without_saying_so(run: Run) -> None:
    assert len(run.silent) <= len(BY_NAME) // 50, run.silent


def test_the_browser_itself_tells_nobody_anything(run: Run) -> None:
    # A page that lets visitors sign in with another (`fedcm`) has the browser ask there, without its own address.
    asked_for_by_pages = {"/favicon.ico", "/.well-known/web-identity"}
    assert {urlsplit(entry.url).path for entry in run.nobodys} <= asked_for_by_pages


def test_records_without_a_page_of_their_own_really_happened(run: Run) -> None:
    seen = {entry.url for entries in (*run.received.values(), run.nobodys) for entry in entries}
    strays = [
        request.url
        for name, capture in run.captures.items()
        for request in capture.requests
        if not belongs_to(name, request) and not (request.blocked or request.failure or request.url.startswith("stun:"))
    ]
    assert {on_wire(url) for url in strays} <= seen


def test_a_page_seen_whole_was_watched_for_thirty_seconds_of_its_own_time(run: Run) -> None:
    short = {n: c.page_time_ms for n, c in run.captures.items() if c.outcome is Outcome.OK and c.page_time_ms < 30_000}
    assert not short


@pytest.mark.parametrize("name", ["loader-chain"])
def test_the_chain_of_loaders_is_known(run: Run, name: str) -> None:
    beacon = next(r for r in run.captures[name].requests if urlsplit(r.url).path == "/end")
    loaders = [urlsplit(entry.url or "").path for entry in beacon.initiators]
    assert loaders[0] == "/3.js"
    assert [path for path in loaders if path.endswith(".js")] == ["/3.js", "/2.js", "/1.js"]


@pytest.mark.parametrize("name", ["redirect-chain"])
def test_every_hop_names_the_one_before(run: Run, name: str) -> None:
    hops = {urlsplit(r.url).path: r.redirected_from for r in run.captures[name].requests}
    assert hops["/1"] is None
    assert urlsplit(hops["/2"] or "").path == "/1"
    assert urlsplit(hops["/3.gif"] or "").path == "/2"


@pytest.mark.parametrize(
    ("name", "path", "context"),
    [
        ("img", "/i.gif", {"page"}),
        ("cross-site-iframe", "/from-frame", {"frame"}),
        # What a worker sends in its very first moment is told by the document that owns it.
        ("dedicated-worker", "/w", {"worker", "page"}),
        ("worker-timer-2s", "/w", {"worker"}),
        ("worker-in-iframe", "/w", {"worker", "frame"}),
        ("shared-worker", "/w", {"shared-worker"}),
        ("service-worker-allowed", "/w", {"service-worker"}),
        ("popup", "/popped", {"popup"}),
    ],
)
def test_the_record_says_where_a_request_came_from(run: Run, name: str, path: str, context: set[str]) -> None:
    assert {r.context for r in run.captures[name].requests if urlsplit(r.url).path == path} <= context


@pytest.mark.parametrize("name", ["csp-blocked-image"])
def test_a_blocked_attempt_says_what_blocked_it(run: Run, name: str) -> None:
    assert [r.blocked for r in run.captures[name].requests if "/never.gif" in r.url] == ["csp"]


@pytest.mark.parametrize("name", ["rtc-stun"])
def test_servers_that_peers_are_found_by_are_named(run: Run, name: str) -> None:
    assert ("CONNECT", "stun://stun.tracker.test:3478") in {(r.method, r.url) for r in run.captures[name].requests}


@pytest.mark.parametrize("name", ["headers-of-ones-own"])
def test_headers_that_a_page_made_up_are_evidence(run: Run, name: str) -> None:
    carried = {pair for request in run.captures[name].requests for pair in request.headers}
    assert {("x-user-email", "a@b.test"), ("x-patient", "4711")} <= carried


@pytest.mark.parametrize("name", ["noscript"])
def test_a_noscript_pixel_is_a_signal_of_the_source(run: Run, name: str) -> None:
    pixels = [signal.url for signal in run.captures[name].signals if signal.kind == "noscript"]
    assert pixels == ["https://t.tracker.test/noscript.gif?m=noscript"]


@pytest.mark.parametrize("name", ["redirect-off-site", "script-sends-off-site"])
def test_a_page_that_leads_off_the_site_says_where(run: Run, name: str) -> None:
    assert run.captures[name].off_site == (f"https://www.elsewhere.test/e.html?m={name}",)


@pytest.mark.parametrize("name", ["meta-refresh", "location-after-400ms", "page-redirect"])
def test_the_final_address_counts(run: Run, name: str) -> None:
    assert urlsplit(run.captures[name].final_url).path in {"/refreshed.html", "/moved.html", "/landed.html"}
