"""A request that a service worker takes over leaves the browser once: as the worker's own."""

from __future__ import annotations

import pytest

from scanner.browser.bodies import BodyKeeper, ScriptContents
from scanner.browser.channel import Params
from scanner.browser.recorder import Recorder
from scanner.browser.records import finished_records
from scanner.browser.wire import Wire, WireChannel
from scanner.model import RequestRecord, VisitLimits, Wanted

URL = "https://t.example/through"


def _channel(kind: str) -> WireChannel:
    return WireChannel(Wire(), kind, kind, kind, None)


PAGE, WORKER = _channel("page"), _channel("service_worker")


def _recorded(*events: tuple[WireChannel, str, Params]) -> tuple[RequestRecord, ...]:
    limits = VisitLimits()
    recorder = Recorder(limits, BodyKeeper(limits, Wanted(), ScriptContents(())))
    for channel, method, params in events:
        recorder.on_event(channel, f"Network.{method}", params)
    return finished_records(recorder.all_drafts(), "www.clinic.example")


def _sent(request_id: str) -> Params:
    return {"requestId": request_id, "request": {"url": URL, "method": "POST", "headers": {}}, "type": "Fetch"}


def _went_out(request_id: str) -> Params:
    return {"requestId": request_id, "headers": {"accept": "*/*"}}


ANSWER: Params = {"requestId": "1", "response": {"status": 204, "fromServiceWorker": True}}


@pytest.mark.parametrize("answer", [[(PAGE, "responseReceived", ANSWER)], []], ids=["answered", "still under way"])
def test_what_the_worker_passes_on_is_recorded_once(answer: list[tuple[WireChannel, str, Params]]) -> None:
    records = _recorded(
        (PAGE, "requestWillBeSent", _sent("1")),
        (WORKER, "requestWillBeSent", _sent("2")),
        (WORKER, "requestWillBeSentExtraInfo", _went_out("2")),
        *answer,
    )
    assert [record.context for record in records] == ["service-worker"]


def test_what_page_and_worker_both_send_is_recorded_twice() -> None:
    records = _recorded(
        (PAGE, "requestWillBeSent", _sent("1")),
        (PAGE, "requestWillBeSentExtraInfo", _went_out("1")),
        (WORKER, "requestWillBeSent", _sent("2")),
        (WORKER, "requestWillBeSentExtraInfo", _went_out("2")),
    )
    assert sorted(record.context for record in records) == ["page", "service-worker"]


def test_what_no_worker_sends_is_kept_without_an_answer() -> None:
    assert [record.url for record in _recorded((PAGE, "requestWillBeSent", _sent("1")))] == [URL]
