"""Pages that could not be drawn, not be read, or not be told from the last one: they prove no absence."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from scanner.browser.arrival import loading_step_ms
from scanner.browser.bodies import BodyKeeper, ScriptContents
from scanner.browser.channel import NoAnswer, Params
from scanner.browser.recorder import Recorder
from scanner.browser.setters import Setters
from scanner.browser.stay import Stay
from scanner.browser.summary import Seen, as_capture
from scanner.browser.targets import Targets
from scanner.browser.virtual_time import Dwell
from scanner.browser.wire import Wire, WireChannel
from scanner.model import Outcome, StopReason, VisitLimits, VisitTask, Wanted

CLINIC = "https://www.clinic.example"
LIMITS = VisitLimits(page_time_ms=5_000)
LOGIN = b"<!doctype html><html lang=en><title>Staff</title><form><input type=password name=p></form>"


_SOCKET: Params = {"requestId": "9", "url": "wss://t.tracker.example/s", "initiator": {}}


class _Undrawn:
    """A page whose clock runs and which is never drawn."""

    kind = "page"
    target_id = "1"
    closed = False

    def __init__(self) -> None:
        self.passed_ms: list[int] = []
        self.dwell: Dwell | None = None

    async def call(self, method: str, params: Params | None = None, timeout_s: float = 1.0) -> Params:
        if params and params.get("awaitPromise"):
            raise NoAnswer(method)
        if params and method == "Emulation.setVirtualTimePolicy":
            assert self.dwell is not None
            self.passed_ms.append(params["budget"])
            self.dwell.on_event(self, "Emulation.virtualTimeBudgetExpired", {})
        assert not method.startswith("Input."), "what is not drawn takes no input"
        return {}

    def tell(self, method: str, params: Params | None = None) -> None: ...


def _seen(bodies: BodyKeeper, recorder: Recorder, final_url: str, gaps: tuple[str, ...]) -> Seen:
    return Seen(
        task=VisitTask(page=f"{CLINIC}/staff", url=f"{CLINIC}/staff"),
        started_at=datetime(2026, 11, 28, tzinfo=UTC),
        final_url=final_url,
        duration_ms=100,
        page_time_ms=0,
        recorder=recorder,
        setters=Setters(),
        bodies=bodies,
        notes=(),
        state=None,
        screenshot=None,
        cookies=(),
        now_s=0.0,
        stop_reason=None,
        stop_detail=None,
        hung=False,
        timed_out=False,
        stalled=False,
        gaps=gaps,
        own_domains=(),
        wanted_headers=(),
        browser="Chromium 156",
    )


def test_a_page_that_is_not_drawn_is_dwelt_on_and_said_to_be_a_gap() -> None:
    async def stay() -> tuple[_Undrawn, Targets, Dwell]:
        recorder = Recorder(LIMITS, BodyKeeper(LIMITS, Wanted(), ScriptContents()))
        targets = Targets(recorder, None)
        page = _Undrawn()
        targets.root = page  # type: ignore[assignment]
        page.dwell = dwell = Dwell(targets, recorder, stall_s=1.0)
        task = VisitTask(page=CLINIC, url=CLINIC, limits=LIMITS)
        here = Stay(targets, dwell, task, time.monotonic() + 20, lambda: False, on_used_page=True)
        await here.on_document()
        return page, targets, dwell

    page, targets, dwell = asyncio.run(stay())
    assert targets.gaps == ["the browser did not draw the page"]
    assert dwell.passed_ms == LIMITS.page_time_ms == sum(page.passed_ms)


@pytest.mark.parametrize(
    ("final_path", "expected"),
    [
        ("/login", (Outcome.BLOCKED, StopReason.LOGIN)),
        ("/staff", (Outcome.PARTIAL, StopReason.RECORDER_GAP)),
    ],
)
def test_a_login_page_that_could_not_be_read_is_one_by_its_source(
    final_path: str, expected: tuple[Outcome, StopReason]
) -> None:
    bodies = BodyKeeper(LIMITS, Wanted(), ScriptContents())
    recorder = Recorder(LIMITS, bodies)
    address = CLINIC + final_path
    page = _Undrawn()
    request = {"url": address, "method": "GET", "headers": {}}
    sent = {"requestId": "1", "frameId": "1", "type": "Document", "documentURL": address, "request": request}
    answer = {"status": 200, "mimeType": "text/html", "headers": {}}
    recorder.on_event(page, "Network.requestWillBeSent", sent)
    recorder.on_event(page, "Network.responseReceived", {"requestId": "1", "response": answer})
    bodies.source = LOGIN
    capture = as_capture(_seen(bodies, recorder, address, ("the browser did not draw the page",)))
    assert (capture.outcome, capture.stop_reason) == expected, capture.detail


def test_what_the_last_page_still_sends_is_told_apart_from_what_this_one_sends() -> None:
    recorder = Recorder(LIMITS, BodyKeeper(LIMITS, Wanted(), ScriptContents()))

    def sent(number: int, kind: str) -> Params:
        address = f"{CLINIC}/{number}"
        request = {"url": address, "method": "GET", "headers": {}}
        return {"requestId": str(number), "frameId": "1", "type": kind, "documentURL": address, "request": request}

    page = _Undrawn()
    recorder.on_event(page, "Network.requestWillBeSent", sent(1, "Image"))
    assert (recorder.came_early, len(recorder.drafts)) == (1, 1), "it is recorded, and said to be early"
    recorder.on_event(page, "Network.requestWillBeSent", sent(2, "Document"))
    recorder.on_event(page, "Network.requestWillBeSent", sent(3, "Image"))
    assert recorder.came_early == 1


def test_what_a_worker_of_the_last_page_still_sends_is_the_next_visits_to_tell() -> None:
    last, this = (Targets(Recorder(LIMITS, BodyKeeper(LIMITS, Wanted(), ScriptContents())), None) for _ in range(2))
    page, worker = (WireChannel(Wire(), kind, kind, kind, None) for kind in ("page", "worker"))
    last.listen_to(page)
    worker.listener = last
    last.close()
    this.listen_to(page)
    last.on_event(worker, "Network.loadingFinished", {})
    assert this.strangers == 0
    last.on_event(worker, "Network.requestWillBeSent", {})
    assert this.strangers == 1


@pytest.mark.parametrize(
    ("events", "quiet"),
    [
        ([("Network.loadingFinished", {"requestId": "1"})], True),
        ([], False),
        ([("Network.loadingFinished", {"requestId": "1"}), ("Network.webSocketCreated", _SOCKET)], False),
        (
            [
                ("Network.loadingFinished", {"requestId": "1"}),
                ("Network.webSocketCreated", _SOCKET),
                ("Network.webSocketClosed", {"requestId": "9"}),
            ],
            True,
        ),
    ],
)
def test_a_page_is_quiet_when_nothing_is_open(events: list[tuple[str, Params]], quiet: bool) -> None:
    recorder = Recorder(LIMITS, BodyKeeper(LIMITS, Wanted(), ScriptContents()))
    request = {"url": f"{CLINIC}/i.gif", "method": "GET", "headers": {}}
    image = {"requestId": "1", "frameId": "1", "type": "Image", "documentURL": CLINIC, "request": request}
    for method, params in [("Network.requestWillBeSent", image), *events]:
        recorder.on_event(_Undrawn(), method, params)
    assert recorder.is_quiet() is quiet


def test_a_loading_page_gets_its_first_second_in_steps_that_no_timer_outruns() -> None:
    passed = [0]
    while passed[-1] < 1_000:
        passed.append(passed[-1] + loading_step_ms(passed[-1]))
    assert passed[:-1] == [0, 100, 200, 300, 450, 675]


@pytest.mark.parametrize(
    ("told", "recorded"),
    [
        ([["https://t.example/p#part", "image"], ["https://t.example/p", "image"]], [("GET", "image", b"")]),
        ([["https://t.example/b", "ping"]], [("POST", "ping", None)]),
        ([["https://t.example/b", "<b>"]], [("GET", "other", b"")]),
        ([["https://known.example/", "image"], ["data:,x", "image"], ["http", "image"]], []),
        ([["https://t.example/"], [1, 2], "ab", None, {"a": "b"}], []),
        ("https://t.example/", []),
        (None, []),
    ],
)
def test_what_a_window_says_it_fetched_is_recorded_once_and_not_trusted(
    told: object, recorded: list[tuple[str, str, bytes | None]]
) -> None:
    recorder = Recorder(LIMITS, BodyKeeper(LIMITS, Wanted(), ScriptContents()))
    request = {"url": "https://known.example/#top", "method": "GET", "headers": {}}
    recorder.on_event(_Undrawn(), "Network.requestWillBeSent", {"requestId": "1", "request": request, "type": "Image"})
    recorder.on_heard_of(told, "popup")
    assert [(draft.method, draft.type, draft.body) for draft in recorder.drafts[1:]] == recorded
