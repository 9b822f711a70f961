"""The bundled clinic: clean at first, and what it sends once the tag is back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from scanner.demo import ClinicSite
from scanner.fleet.local import LocalFleet
from scanner.model import Outcome, PageCapture, SiteConfig, VisitTask, Wanted
from scanner.urls import is_third_party

APPOINTMENTS = "https://www.riverside-clinic.example/appointments/"
CONDITION = "https://www.riverside-clinic.example/services/postpartum-depression/"


def visit(clinic: ClinicSite, *urls: str) -> dict[str, PageCapture]:
    site = SiteConfig(name="clinic", start=(clinic.start_url,), resolve=clinic.resolve_rules, insecure=True)

    async def all_of_them() -> dict[str, PageCapture]:
        async with LocalFleet(site, Wanted()) as fleet:
            captures = await asyncio.gather(*(fleet.visit(VisitTask(page=url, url=url)) for url in urls))
        return {capture.url: capture for capture in captures}

    return asyncio.run(all_of_them())


def third_parties(capture: PageCapture) -> set[str]:
    return {urlsplit(r.url).netloc for r in capture.requests if is_third_party(r.url, capture.final_url)}


def test_every_page_of_a_clean_clinic_is_seen_whole_and_meets_only_the_font_service() -> None:
    with ClinicSite() as clinic:
        captures = visit(clinic, *clinic.pages)
    assert {capture.outcome for capture in captures.values()} == {Outcome.OK}
    assert {host for c in captures.values() for host in third_parties(c)} == {
        "fonts.googleapis.com",
        "fonts.gstatic.com",
    }
    assert not [line for line in clinic.requests if "pinterest" in line or "pinimg" in line]


def test_the_tag_that_came_back_tells_what_the_visit_is_about() -> None:
    with ClinicSite() as clinic:
        clinic.reinstall_pinterest()
        captures = visit(clinic, APPOINTMENTS, CONDITION)
    events = {
        url: {
            parse_qs(urlsplit(r.url).query).get("event", ["-"])[0]
            for r in c.requests
            if "ct.pinterest.com/v3/" in r.url
        }
        for url, c in captures.items()
    }
    assert events == {APPOINTMENTS: {"pagevisit", "lead"}, CONDITION: {"pagevisit", "viewcategory"}}
    sent = {parse_qs(urlsplit(r.url).query)["pd"][0] for r in captures[APPOINTMENTS].requests if "/v3/" in r.url}
    email = hashlib.sha256(b"dana.whitfield@example.com").hexdigest()
    assert {json.loads(person)["aem"] for person in sent} == {email}
    assert "_pin_unauth" in {cookie.name for cookie in captures[APPOINTMENTS].cookies}


def test_both_states_differ_in_the_tag_alone() -> None:
    with ClinicSite() as clinic, httpx.Client(verify=False) as client:
        paths = [urlsplit(page).path for page in clinic.pages]
        headers = {"Host": "www.riverside-clinic.example"}

        def sources() -> list[str]:
            return [client.get(f"https://127.0.0.1:{clinic.port}{path}", headers=headers).text for path in paths]

        clean = sources()
        clinic.reinstall_pinterest()
        tagged = sources()
        clinic.remove_pinterest()
        assert sources() == clean
    assert not any("pintrk" in page for page in clean)
    assert all("pintrk('load', '2612847360912')" in page and "&amp;noscript=1" in page for page in tagged)
    tag = re.compile(r"<!-- Pinterest Tag -->.*?</noscript>\s*", re.DOTALL)
    assert [re.sub(r"\s+", "", tag.sub("", page)) for page in tagged] == [re.sub(r"\s+", "", page) for page in clean]


@pytest.mark.parametrize("query", ["postpartum depression", "<script>alert(1)</script>", "ä&b=c"])
def test_what_a_visitor_searches_for_is_escaped(query: str) -> None:
    clinic = ClinicSite()
    clinic.reinstall_pinterest()
    status, kind, body = clinic.answer(
        "www.riverside-clinic.example", "/doctors/?" + str(httpx.QueryParams({"q": query}))
    )
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert b"<script>alert(1)" not in body


def test_opening_and_closing_twice_changes_nothing() -> None:
    clinic = ClinicSite()
    port = clinic.start()
    assert clinic.start() == port
    clinic.stop()
    clinic.stop()
    with pytest.raises(RuntimeError, match="not open"):
        _ = clinic.port
