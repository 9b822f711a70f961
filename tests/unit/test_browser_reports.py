"""Reports that the browser sends on its own: told one by one, recorded as the requests that carry them."""

from __future__ import annotations

import json

from scanner.browser.channel import Params
from scanner.browser.draft import Draft
from scanner.browser.reports import Reports

PAGE = "https://www.clinic.example/a"
ADDRESS = "https://collect.example/r"


class _Recorder:
    def __init__(self) -> None:
        self.now_ms = 0
        self.drafts: list[Draft] = []
        self.headers: dict[str, str] = {}
        self.reports = Reports(self.add, self.keep, lambda: self.now_ms, lambda _url: self.headers)
        endpoints = [{"url": ADDRESS, "groupName": "default"}]
        self.tell("EndpointsChangedForOrigin", {"origin": "https://www.clinic.example", "endpoints": endpoints})

    def add(self, draft: Draft) -> bool:
        self.drafts.append(draft)
        return True

    @staticmethod
    def keep(draft: Draft, body: bytes) -> None:
        draft.body = body

    def tell(self, event: str, params: Params) -> None:
        self.reports.on_event(f"Network.reportingApi{event}", params)

    def report(self, number: int, status: str, destination: str = "default") -> None:
        told = {"id": str(number), "initiatorUrl": PAGE, "destination": destination, "type": "csp-violation"}
        event = "ReportAdded" if status == "Queued" else "ReportUpdated"
        self.tell(event, {"report": {**told, "body": {"n": number}, "status": status}})

    def carried(self) -> list[list[int]]:
        posts = [draft for draft in self.drafts if draft.method == "POST"]
        return [[report["body"]["n"] for report in json.loads(draft.body or b"[]")] for draft in posts]


def test_reports_sent_together_are_one_request() -> None:
    told = _Recorder()
    for status in ("Queued", "Pending", "Success"):
        for number in (1, 2):
            told.report(number, status)
    assert [(d.method, d.url, d.type) for d in told.drafts] == [
        ("OPTIONS", ADDRESS, "preflight"),
        ("POST", ADDRESS, "csp-report"),
    ]
    assert told.carried() == [[1, 2]]


def test_reports_sent_one_after_the_other_are_two_requests() -> None:
    told = _Recorder()
    told.report(1, "Queued")
    told.report(1, "Pending")
    told.now_ms = 500
    told.report(2, "Queued")
    told.report(2, "Pending")
    assert told.carried() == [[1], [2]]


def test_a_document_names_its_own_addresses() -> None:
    told = _Recorder()
    told.headers = {"reporting-endpoints": 'default="/own", other="https://other.example/r"'}
    told.report(1, "Queued")
    told.report(2, "Queued", destination="other")
    told.reports.send_rest()
    assert [(d.method, d.url) for d in told.drafts] == [
        ("POST", "https://www.clinic.example/own"),
        ("OPTIONS", "https://other.example/r"),
        ("POST", "https://other.example/r"),
    ]


def test_a_report_that_comes_up_while_another_is_on_its_way_goes_by_itself() -> None:
    told = _Recorder()
    for number in (1, 2):
        told.report(number, "Queued")
        told.report(number, "Pending")
    assert told.carried() == [[1], [2]]


def test_what_waits_at_the_end_goes_out_with_its_document() -> None:
    told = _Recorder()
    told.report(1, "Queued")
    told.reports.send_rest()
    assert told.carried() == [[1]]


def test_a_report_that_nobody_is_named_for_is_never_sent() -> None:
    told = _Recorder()
    told.report(1, "Queued", destination="elsewhere")
    told.report(2, "Queued")
    told.report(2, "MarkedForRemoval")
    told.reports.send_rest()
    assert told.drafts == []
