"""The life of an incident, scan by scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from scanner.approvals import Acceptance, Approved
from scanner.drift import compare
from scanner.findings import findings
from scanner.incidents import evidence_visits, update
from scanner.model import (
    Incident,
    IncidentChange,
    IncidentChangeKind,
    IncidentState,
    Outcome,
    ScanState,
    Severity,
    Sighting,
    Snapshot,
)
from tests.make import NOW, PINTEREST, approval, page_url, sighting, site_snapshot

PIN: tuple[Sighting, ...] = (sighting(),)
Pages = Mapping[str, Iterable[Sighting] | Outcome]
CLEAN: Pages = {"/": (), "/blog": ()}
OPENED, WORSENED, UPDATED, CLOSED, ACCEPTED = IncidentChangeKind


def on_day(number: int, pages: Mapping[str, Iterable[Sighting] | Outcome]) -> Snapshot:
    made = site_snapshot(pages, id=number)
    return replace(made, scan=replace(made.scan, started_at=NOW + timedelta(days=number)))


def live(*days: Mapping[str, Iterable[Sighting] | Outcome]) -> list[list[IncidentChange]]:
    """Run scans one a day, each compared with the one before; return the changes of each day."""
    told: list[list[IncidentChange]] = []
    incidents: dict[str, Incident] = {}
    before = on_day(0, days[0])
    for number, pages in enumerate(days[1:], start=1):
        after = on_day(number, pages)
        drift = compare(before, after)
        changes = update("clinic", tuple(incidents.values()), after, findings(drift, before, after), drift, before)
        for change in changes:
            incidents[change.incident.finding.key] = change.incident
            if change.incident.state is not IncidentState.OPEN:
                del incidents[change.incident.finding.key]
        told.append(list(changes))
        before = after
    return told


def kinds(told: list[list[IncidentChange]]) -> list[list[IncidentChangeKind]]:
    return [[change.kind for change in day] for day in told]


def test_appears_spreads_stays_and_goes() -> None:
    one, both = {"/": PIN, "/blog": ()}, {"/": PIN, "/blog": PIN}
    told = live(CLEAN, one, one, both, CLEAN, CLEAN, CLEAN)
    assert kinds(told) == [[OPENED], [UPDATED], [WORSENED], [UPDATED], [CLOSED], []]
    opened, last = told[0][0].incident, told[4][0].incident
    assert opened.finding.tag == PINTEREST
    assert opened.last_absent_at == NOW and opened.first_seen_at == NOW + timedelta(days=1)
    assert told[2][0].reasons == ("on 1 more page",)
    assert last.state is IncidentState.CLOSED
    assert last.last_seen_at == NOW + timedelta(days=3), "the last scan that saw it"
    assert last.closed_at == NOW + timedelta(days=4), "the first scan that saw it gone, not the one that made sure"


def test_a_page_that_breaks_closes_nothing() -> None:
    there: Pages = {"/": PIN, "/blog": ()}
    broken: Pages = {"/": Outcome.FAILED, "/blog": ()}
    told = live(CLEAN, there, broken, broken, broken, there)
    assert kinds(told) == [[OPENED], [UPDATED], [UPDATED], [UPDATED], [UPDATED]]
    assert told[-1][0].incident.state is IncidentState.OPEN


def test_pages_that_were_not_seen_make_no_incident_smaller() -> None:
    both: Pages = {"/": PIN, "/blog": PIN}
    half: Pages = {"/": PIN, "/blog": Outcome.FAILED}
    clean, now = on_day(0, CLEAN), on_day(1, both)
    drift = compare(clean, now)
    (opened,) = update("clinic", (), now, findings(drift, clean, now), drift, clean)
    for day, pages in enumerate((half, {"/": PIN}), start=2):
        after = on_day(day, pages)
        if day == 3:  # a person looked at one page only
            after = replace(after, scan=replace(after.scan, state=ScanState.INCOMPLETE))
        drift = compare(clean, after)
        (change,) = update("clinic", (opened.incident,), after, findings(drift, clean, after), drift, clean)
        assert change.incident.finding.title == opened.incident.finding.title
        assert "2 of 2 pages" in change.incident.finding.title
        assert change.incident.finding.reason == opened.incident.finding.reason
    smaller = on_day(4, {"/": PIN, "/blog": ()})
    drift = compare(clean, smaller)
    (change,) = update("clinic", (opened.incident,), smaller, findings(drift, clean, smaller), drift, clean)
    assert "1 of 2 pages" in change.incident.finding.title, "seen whole without it"


def test_the_reason_goes_with_the_severity_it_gives() -> None:
    """Whatever a later scan of fewer pages makes of it: an incident that is critical says why."""
    both: Pages = {"/": PIN, "/blog": PIN}
    clean, now = on_day(0, CLEAN), on_day(1, both)
    drift = compare(clean, now)
    (found,) = [one for one in findings(drift, clean, now) if one.tag == PINTEREST]
    grave = replace(found, severity=Severity.CRITICAL, reason="health context leaves", rule="no health context")
    (opened,) = update("clinic", (), now, [grave], drift, clean)
    after = on_day(2, {"/": PIN, "/blog": Outcome.FAILED})
    (change,) = update("clinic", (opened.incident,), after, [replace(found, pages=found.pages[:1])], drift, clean)
    kept = change.incident.finding
    assert (kept.severity, kept.reason, kept.rule) == (Severity.CRITICAL, "health context leaves", "no health context")


def test_coming_back_after_one_day_is_the_same_incident() -> None:
    there: Pages = {"/": PIN, "/blog": ()}
    told = live(CLEAN, there, CLEAN, there, CLEAN, CLEAN, CLEAN)
    assert kinds(told) == [[OPENED], [UPDATED], [UPDATED], [UPDATED], [UPDATED], [CLOSED]]
    assert told[2][0].incident.comes_and_goes, "so two scans without it are not enough"
    assert told[-1][0].incident.recent == (True, False, True, False, False, False)


def test_a_state_that_is_approved_ends_the_incident_as_accepted() -> None:
    there = on_day(1, {"/": PIN, "/blog": ()})
    (opened,) = update("clinic", (), there, findings(compare(on_day(0, CLEAN), there), on_day(0, CLEAN), there),
                       compare(on_day(0, CLEAN), there), on_day(0, CLEAN))  # fmt: skip
    later = on_day(2, {"/": PIN, "/blog": ()})
    (accepted,) = update("clinic", (opened.incident,), later, (), compare(there, later), there, approval(1))
    assert accepted.kind is ACCEPTED
    assert accepted.incident.state is IncidentState.ACCEPTED


def test_evidence_is_kept_of_the_beginning_each_worsening_and_the_last_sight() -> None:
    one, both = {"/": PIN, "/blog": ()}, {"/": PIN, "/blog": PIN}
    told = live(CLEAN, one, one, both, both, both, CLEAN, CLEAN)
    last = told[-1][0].incident
    pages = frozenset({page_url("/"), page_url("/blog")})
    assert last.state is IncidentState.CLOSED
    assert evidence_visits([last]) == {1: pages, 3: pages, 5: pages}


def test_what_fires_by_chance_opens_once_and_stays_open() -> None:
    here, there = {"/": PIN, "/blog": ()}, {"/": (), "/blog": PIN}
    told = live(CLEAN, here, CLEAN, there, CLEAN, CLEAN, here, there, here)
    assert [kind for day in kinds(told) for kind in day].count(OPENED) == 1
    assert not [change for day in told for change in day if change.kind is CLOSED]
    assert not told[6][0].reasons + told[7][0].reasons, "page after page is no spread of what comes and goes"


def test_what_comes_back_after_it_was_over_carries_its_history_on() -> None:
    there: Pages = {"/": PIN, "/blog": ()}
    over = live(CLEAN, there, CLEAN, CLEAN)[-1][0].incident
    assert over.state is IncidentState.CLOSED and not over.comes_and_goes
    before, after = on_day(3, CLEAN), on_day(4, there)
    drift = compare(before, after)
    (change,) = update("clinic", (), after, findings(drift, before, after), drift, before, None, (over,))
    assert change.kind is OPENED and change.incident.id == 0, "a new one"
    assert change.incident.recent == (True, False, False, True)


def test_a_tag_that_moves_behind_a_proxy_is_the_same_incident_and_not_gone() -> None:
    proxied = (sighting(role="first-party"),)
    there: Pages = {"/": PIN, "/blog": ()}
    moved: Pages = {"/": proxied, "/blog": ()}
    told = live(CLEAN, there, moved, moved, moved, CLEAN, CLEAN)
    assert kinds(told) == [[OPENED], [WORSENED], [UPDATED], [UPDATED], [UPDATED], [CLOSED]]
    reason = told[1][0].reasons[0]
    assert "moved behind another address" in reason
    assert {one.role for one in told[-1][0].incident.identities} == {"", "first-party"}


def test_an_incident_that_the_approvals_file_covers_everywhere_is_accepted_and_opens_again_after_it() -> None:
    before, after = on_day(0, CLEAN), on_day(1, {"/": PIN, "/blog": PIN})
    drift = compare(before, after)
    (opened,) = update("clinic", (), after, findings(drift, before, after), drift, before)
    known = (replace(opened.incident, id=1),)
    again = on_day(2, {"/": PIN, "/blog": PIN})
    covering = Acceptance(
        "a1", "kim", "campaign", at=NOW, until=(NOW + timedelta(days=9)).date(), vendor=("pinterest",)
    )
    on_one_page = Approved([replace(covering, pages=("/",))])
    (change,) = update("clinic", known, again, (), compare(after, again), after, approved=on_one_page)
    assert change.kind is UPDATED, "it is still on a page that nobody approved"
    (change,) = update("clinic", known, again, (), compare(after, again), after, approved=Approved([covering]))
    assert (change.kind, change.reasons) == (ACCEPTED, ("approved by kim until 2026-03-11: campaign",))
    assert (change.incident.state, change.incident.closed_at) == (IncidentState.ACCEPTED, NOW)
    later = on_day(20, {"/": PIN, "/blog": PIN})
    told = [replace(finding, violation=True) for finding in findings(drift, before, later)]
    (reopened,) = update("clinic", (), later, told, compare(again, later), again, approved=Approved())
    assert reopened.kind is OPENED
