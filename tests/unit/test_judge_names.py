"""Vendors behind aliases of the site's own hosts: asked at the edge, judged as values."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import pytest

from rules.load import load_rules
from rules.match import match_request
from scanner.fleet.names import NamingFleet
from scanner.model import Outcome, PageCapture, RequestRecord, VisitTask
from tests import make

RULES = load_rules()
METRICS = "https://metrics.clinic.example/b/ss/clinicprod/1/JS-2.22.0/s12345678?AQB=1&pageName=Home&AQE=1"


class RecordedFleet:
    """Plays captures back."""

    capacity = 1

    def __init__(self, *requests: RequestRecord) -> None:
        self.requests = requests

    async def visit(self, task: VisitTask) -> PageCapture:
        return make.capture("/", self.requests)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def visited(answers: dict[str, tuple[str, ...] | None], *urls: str) -> tuple[PageCapture, list[str]]:
    asked: list[str] = []

    async def aliases(host: str) -> tuple[str, ...] | None:
        asked.append(host)
        return answers.get(host, ())

    async def run() -> PageCapture:
        async with NamingFleet(RecordedFleet(*map(make.request, urls)), aliases=aliases) as fleet:
            await fleet.visit(make.visit_task())
            return await fleet.visit(make.visit_task())

    return asyncio.run(run()), asked


def test_each_of_the_sites_own_hosts_is_asked_for_once_and_strangers_never() -> None:
    chain = ("clinic.sc.omtrdc.net", "edge.data.example")
    capture, asked = visited({"metrics.clinic.example": chain}, METRICS, METRICS, "https://px.nobody.example/p?x=1")
    assert asked == ["metrics.clinic.example"]
    assert [request.cname for request in capture.requests] == [chain, chain, ()]
    assert capture.outcome is Outcome.OK


def test_a_dns_that_does_not_answer_proves_nothing_and_is_asked_again() -> None:
    capture, asked = visited({"metrics.clinic.example": None}, METRICS)
    assert (capture.outcome, len(asked)) == (Outcome.PARTIAL, 2)
    assert capture.detail == "the DNS did not say whose name metrics.clinic.example is"


@pytest.mark.parametrize(
    ("cname", "vendor"),
    [
        (("clinic.eulerian.net",), "eulerian"),
        (("x.cdn.example", "clinic.at-o.net."), "at-internet"),
        (("clinic.hs.eloqua.com",), "oracle"),
        (("noteulerian.net",), None),
        (("eulerian.net.evil.example",), None),
        (("clinic.run.app",), None),
    ],
)
def test_an_alias_tells_whose_collector_it_is(cname: tuple[str, ...], vendor: str | None) -> None:
    request = make.request("https://t.clinic.example/collect?a=1", cname=cname)
    found = match_request(request, RULES, page_url=f"{make.SITE}/")
    assert [d.vendor for d in found] == ([vendor] if vendor else [])
    assert all(d.first_party_collection for d in found)
    assert match_request(make.request(request.url), RULES, page_url=f"{make.SITE}/") == ()
