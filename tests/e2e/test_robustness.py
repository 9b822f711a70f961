"""A page can hurt its own visit and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from scanner.fleet.local import LocalFleet
from scanner.model import Outcome, PageCapture, StopReason, VisitLimits, VisitTask, Wanted
from tests.site.bulk import CRASH, BulkSite
from tests.site.config import fixture_site
from tests.site.mechanisms import FIRST
from tests.site.reply import MENU, Fate, Reply, typed
from tests.site.server import FixtureServer, Received

SHORT = VisitLimits(navigation_timeout_ms=3_000, visit_timeout_ms=6_000)
LONG = VisitLimits(navigation_timeout_ms=20_000, visit_timeout_ms=40_000)
"""For pages that must be seen to their end, however slow the machine."""
PIXEL = '<img src="https://t.tracker.test/i.gif" alt="">'


def page(body: str) -> Reply:
    return typed("/", f"<!doctype html><html lang=en><title>x</title><body>{PIXEL}{body}")


def script(code: str) -> Reply:
    return page(f"<script>{code}</script>")


PAGES: dict[str, Reply] = {
    **MENU,
    "loops-at-once": script("for (;;);"),
    "loops-later": script("setTimeout(() => { for (;;); }, 200)"),
    "loops-when-leaving": script("addEventListener('pagehide', () => { for (;;); })"),
    "loops-on-scroll": script("addEventListener('scroll', () => { for (;;); }); document.body.style.height = '9000px'"),
    "microtask-loop": script("const f = () => Promise.resolve().then(f); setTimeout(f, 100)"),
    "crashes": page(CRASH),
    "crashes-later": page(f"<script>setTimeout(() => {{ {CRASH[8:-9]} }}, 500)</script>"),
    "console-flood": script("for (let i = 0; i < 20000; i++) console.log('line', i, {i})"),
    "console-flood-for-ever": script("setInterval(() => { for (let i = 0; i < 200; i++) console.log(i, {i}) }, 10)"),
    "dialogs-for-ever": script("for (;;) alert('again')"),
    "dialogs-by-timer": script("setInterval(() => confirm('sure?'), 50)"),
    "leave-dialog": script("addEventListener('beforeunload', e => { e.preventDefault(); e.returnValue = 'stay' })"),
    "print-dialog": script("print(); setInterval(() => print(), 1000)"),
    "popups": script("for (let i = 0; i < 30; i++) open('/good?' + i)"),
    "popups-for-ever": script("setInterval(() => open('/good'), 100)"),
    "popup-that-loops": script("const w = open('about:blank'); w.eval('setTimeout(() => { for (;;); }, 50)')"),
    "stream-never-ends": script("fetch('/endless').then(r => r.text())"),
    "huge-dom": script("document.body.innerHTML += '<p><b>x</b></p>'.repeat(100000)"),
    "reloads-for-ever": script("setTimeout(() => location.reload(), 50)"),
    "hash-for-ever": script("setInterval(() => location.hash = Math.random(), 5)"),
    "history-flood": script("setInterval(() => history.pushState(0, '', '?' + Math.random()), 5)"),
    "iframes-for-ever": script("setInterval(() => document.body.append(document.createElement('iframe')), 100)"),
    "recursive-iframe": page('<iframe src="/recursive-iframe"></iframe>'),
    "workers": script("for (let i = 0; i < 40; i++) new Worker('data:text/javascript,setInterval(() => 0, 10)')"),
    "worker-loops": script("new Worker('data:text/javascript,for (;;);')"),
    "workers-for-ever": script("setInterval(() => new Worker('data:text/javascript,0'), 500)"),
    "closes-itself": script("close(); open('', '_self').close()"),
    "overwritten-builtins": script(
        "JSON.stringify = Array.prototype.map = Object.keys = Promise.prototype.then = Array.from = () => { throw 1 };"
        "Object.defineProperty(document, 'querySelectorAll', {get() { throw 1 }}); window.Map = window.Set = undefined"
    ),
    "camera-and-place": script(
        "navigator.geolocation.getCurrentPosition(() => 0); Notification.requestPermission();"
        "navigator.mediaDevices.getUserMedia({video: true}).catch(() => 0)"
    ),
    "basic-auth-subresource": page('<img src="/401">'),
    "slow-page": Reply(MENU["good"].status, MENU["good"].headers, MENU["good"].body, Fate.DRIP),
    "fullscreen-and-pointer-lock": script(
        "document.onmousemove = () => document.body.requestFullscreen().catch(() => 0)"
    ),
}

OK, PARTIAL, FAILED, BLOCKED = Outcome.OK, Outcome.PARTIAL, Outcome.FAILED, Outcome.BLOCKED

ENDINGS: dict[str, set[tuple[Outcome, StopReason | None]]] = {
    "good": {(OK, None)},
    "drop": {(FAILED, StopReason.CONNECTION)},
    "partial": {(FAILED, StopReason.CONNECTION), (PARTIAL, StopReason.CONNECTION)},
    "broken-chunk": {(FAILED, StopReason.CONNECTION), (PARTIAL, StopReason.CONNECTION)},
    "hang": {(FAILED, StopReason.NAVIGATION_TIMEOUT)},
    "redirect-loop": {(FAILED, StopReason.REDIRECT_LOOP)},
    "500": {(FAILED, StopReason.HTTP_ERROR)},
    "503": {(FAILED, StopReason.HTTP_ERROR)},
    "404": {(FAILED, StopReason.HTTP_ERROR)},
    "403-bot-wall": {(BLOCKED, StopReason.BOT_WALL)},
    "200-bot-wall": {(BLOCKED, StopReason.BOT_WALL), (BLOCKED, StopReason.CAPTCHA)},
    "members-only": {(BLOCKED, StopReason.LOGIN)},
    "gzip": {(OK, None)},
    "wrong-charset": {(OK, None)},
    "pdf": {(FAILED, StopReason.NOT_HTML)},
    "download": {(FAILED, StopReason.DOWNLOAD)},
    "crashes": {(FAILED, StopReason.CRASHED)},
    "console-flood": {(OK, None)},
    "leave-dialog": {(OK, None)},
    "print-dialog": {(OK, None)},
    "huge-dom": {(OK, None)},
    "camera-and-place": {(OK, None)},
    "overwritten-builtins": {(OK, None)},
    "basic-auth-subresource": {(OK, None)},  # at the second attempt, which closes the prompt
    "slow-page": {(OK, None)},
    "hash-for-ever": {(OK, None)},
    "history-flood": {(OK, None)},
}
"""What visits of these pages must end as."""

MUST_NOT_LOOK_WHOLE = {
    "loops-at-once",
    "loops-later",
    "loops-on-scroll",
    "microtask-loop",
    "crashes-later",
    "head-then-hang",
    "endless",
    "stream-never-ends",
    "dialogs-for-ever",
    "reloads-for-ever",
    "wrong-encoding",
    "partial",
    "broken-chunk",
    "401",
    "403-access-denied",
    "members-only",
}
"""Pages that cannot be seen whole: whatever else a visit says, it must not prove absence."""


_BY_WAITING = {
    StopReason.CONNECTION,
    StopReason.NAVIGATION_TIMEOUT,
    StopReason.PENDING_REQUESTS,
    StopReason.VISIT_TIMEOUT,
}
PATIENT = {name for name, endings in ENDINGS.items() if _BY_WAITING.isdisjoint(reason for _, reason in endings)}
"""Pages whose visits must not end early because the machine is slow: they end by themselves. A renderer chokes on its
page some time after it stopped answering: how long that takes is the machine's affair."""


TRIED_AGAIN = {"loops-at-once", "crashes-later", "drop", "popups-for-ever", "worker-loops"}


@pytest.fixture(scope="module")
def visited(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, PageCapture], list[str]]]:
    """Every page once, in one fleet; and what was left running afterwards."""
    # Only what the selected tests are about is visited, so that one page can be looked at alone.
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    chosen = {call.params["name"] for call in calls if call is not None and "name" in call.params} & set(PAGES)
    before = set(psutil.Process().children(recursive=True))
    with FixtureServer({f"/{name}": reply for name, reply in PAGES.items()}) as server:

        async def visit_all() -> dict[str, PageCapture]:
            async with LocalFleet(fixture_site(server, FIRST), Wanted()) as fleet:
                free = asyncio.Semaphore(fleet.capacity)

                async def visit(name: str) -> tuple[str, PageCapture]:
                    url = f"{FIRST}/{name}"
                    async with free:
                        limits = LONG if name in PATIENT else SHORT
                        # What hangs, hangs the second time, too: only some need to show that they are tried again.
                        attempt = 1 if name in PATIENT | TRIED_AGAIN else 2
                        capture = await fleet.visit(VisitTask(page=url, url=url, limits=limits, attempt=attempt))
                    return name, capture

                # Those that must be seen whole come first, while nothing else holds up the machine.
                names = sorted(chosen or PAGES, key=lambda name: name not in PATIENT)
                seen = dict(await asyncio.gather(*(visit(name) for name in names)))
                # A page that can be seen whole, and was not because the machine was busy, is visited again, alone.
                unlucky = [name for name in PATIENT & seen.keys() if OK in dict(ENDINGS[name])]
                return seen | dict([await visit(name) for name in unlucky if seen[name].outcome is PARTIAL])

        captures = asyncio.run(visit_all())
    left = set(psutil.Process().children(recursive=True)) - before
    yield captures, [" ".join(child.cmdline()[:2]) for child in left if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PAGES)
def test_visit_ends_in_time_and_says_how(visited: tuple[dict[str, PageCapture], list[str]], name: str) -> None:
    capture = visited[0][name]
    if name not in PATIENT:
        assert capture.duration_ms <= SHORT.visit_timeout_ms + 15_000, "every await has a deadline"
    assert (capture.outcome is OK) == (capture.stop_reason is None), capture.detail
    if name in ENDINGS:
        assert (capture.outcome, capture.stop_reason) in ENDINGS[name], capture.detail
    if name in MUST_NOT_LOOK_WHOLE:
        assert capture.outcome is not OK
    if name == "drop":
        assert capture.attempt == 2, "what a fresh browser might cure is tried again"


PIXELED = sorted(set(PAGES) - set(MENU) - {"slow-page"})


@pytest.mark.parametrize("name", PIXELED)
def test_what_was_sent_before_the_trouble_is_recorded(
    visited: tuple[dict[str, PageCapture], list[str]], name: str
) -> None:
    assert "/i.gif" in {urlsplit(request.url).path for request in visited[0][name].requests}


def test_no_process_is_left_behind(visited: tuple[dict[str, PageCapture], list[str]]) -> None:
    assert visited[1] == []


@pytest.mark.timeout(400)
def test_a_page_taken_for_hung_whose_renderer_then_dies_has_crashed() -> None:
    impatient = VisitLimits(navigation_timeout_ms=20_000, visit_timeout_ms=40_000, stall_ms=500)

    def choke(request: Received) -> Reply | None:
        """Stop all renderers, as if they choked on the page, and let them die when everybody has lost patience."""
        if urlsplit(request.url).path == "/choke":
            family = psutil.Process().children(recursive=True)
            renderers = [process for process in family if "--type=renderer" in process.cmdline()]
            for process in renderers:
                process.suspend()
            threading.Timer(3.0, lambda: [process.kill() for process in renderers if process.is_running()]).start()
        return None

    with FixtureServer({"/chokes": page('<img src="/choke">')}, choke) as server:

        async def visit() -> PageCapture:
            async with LocalFleet(fixture_site(server, FIRST), Wanted()) as fleet:
                return await fleet.visit(VisitTask(page=f"{FIRST}/chokes", url=f"{FIRST}/chokes", limits=impatient))

        capture = asyncio.run(visit())
    assert (capture.outcome, capture.stop_reason) == (FAILED, StopReason.CRASHED), capture.detail


@pytest.mark.timeout(900)
def test_a_site_of_many_pages_is_visited_to_its_end_with_exact_numbers() -> None:
    bulk = BulkSite(60)
    limits = VisitLimits(navigation_timeout_ms=4_000, visit_timeout_ms=20_000)
    before = set(psutil.Process().children(recursive=True))
    with FixtureServer(responder=bulk.respond) as server:

        async def visit_all() -> list[PageCapture]:
            async with LocalFleet(fixture_site(server, FIRST), Wanted()) as fleet:
                free = asyncio.Semaphore(fleet.capacity)

                async def visit(url: str) -> PageCapture:
                    async with free:
                        return await fleet.visit(VisitTask(page=url, url=url, limits=limits))

                return await asyncio.gather(*(visit(url) for url in bulk.urls))

        captures = asyncio.run(visit_all())
    assert bulk.kinds == Counter(good=50, hang=3, crash=3, error=2, endless=2)
    seen: dict[str, Counter[tuple[Outcome, StopReason | None]]] = {}
    for number, capture in enumerate(captures):
        seen.setdefault(bulk.kind(number), Counter())[(capture.outcome, capture.stop_reason)] += 1
    assert seen["good"] == {(OK, None): 50}
    assert seen["hang"] == {(FAILED, StopReason.NAVIGATION_TIMEOUT): 3}
    assert seen["crash"] == {(FAILED, StopReason.CRASHED): 3}
    assert seen["error"] == {(FAILED, StopReason.HTTP_ERROR): 2}
    assert sum(seen["endless"].values()) == 2
    assert OK not in {outcome for outcome, _ in seen["endless"]}
    for number, capture in enumerate(captures):
        if bulk.kind(number) == "good":
            assert f"page={number}" in {urlsplit(request.url).query for request in capture.requests}
    left = set(psutil.Process().children(recursive=True)) - before
    assert [child for child in left if child.status() != psutil.STATUS_ZOMBIE] == []
