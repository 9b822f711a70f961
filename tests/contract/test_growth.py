"""A store does not grow with every scan of a site on which something is wrong all the time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rules.load import load_rules
from scanner.incidents import evidence_visits
from scanner.model import Coverage, IncidentState, Profile, Retention, ScanRecord, ScanState
from scanner.policy import Policy
from scanner.ports import Store
from scanner.service.compare import compare_scans, older_side
from scanner.service.judge import RulesJudge
from scanner.service.settle import settle
from tests import make

PAGES = tuple(f"/{number}" for number in range(6))
META = "https://www.facebook.com/tr/?id=123456789012345&ev=PageView&dl=https%3A%2F%2Fwww.clinic.example%2F&rl=&if=false"
HEALTHCARE = Policy(preset="healthcare")


@pytest.fixture(scope="module")
def judge() -> RulesJudge:
    return RulesJudge(load_rules(()))


def scan(store: Store, judge: RulesJudge, day: int, tagged: tuple[str, ...]) -> ScanRecord:
    """One scan with all that follows from it, as `tagdrift scan` does it."""
    now = make.NOW + timedelta(days=day)
    begun = store.begin_scan("clinic", now, Profile(), "1", judge.digest, "config")
    for path in PAGES:
        requests = [make.request(f"{META}&ts={day}")] if path in tagged else []
        capture = make.capture(path, requests, started_at=now)
        store.save_visit(begun.id, capture, judge.inventory(capture), judge.digest)
    coverage = Coverage(planned=len(PAGES), ok=len(PAGES))
    done = store.finish_scan(begun.id, ScanState.COMPLETE, now, coverage, ())
    older, approval = older_side(store, done)
    settle(store, compare_scans(store, judge, done, older, approval, (), HEALTHCARE))
    store.thin("clinic", now, Retention(), keep_visits=evidence_visits(store.incidents("clinic")))
    return done


def captures(store: Store) -> dict[int, int]:
    kept = {one.id: len(list(store.captures(one.id))) for one in store.scans("clinic")}
    return {scan_id: count for scan_id, count in sorted(kept.items()) if count}


def test_a_violation_that_stands_costs_two_scans_of_its_pages_however_long(store: Store, judge: RulesJudge) -> None:
    scans = [scan(store, judge, day, PAGES[:2]) for day in range(14)]
    assert captures(store) == {scans[0].id: 2, scans[-1].id: len(PAGES)}
    (incident,) = store.incidents("clinic", open_only=True)
    assert (incident.opened_scan, incident.last_seen_scan) == (scans[0].id, scans[-1].id)


def test_what_became_worse_and_went_keeps_its_turning_points(store: Store, judge: RulesJudge) -> None:
    story = [PAGES[:1], PAGES[:1], PAGES[:3], PAGES[:3], (), (), ()]
    first, _, worse, last, *_, newest = (scan(store, judge, day, tagged) for day, tagged in enumerate(story))
    (incident,) = store.incidents("clinic")
    assert incident.state is IncidentState.CLOSED
    assert captures(store) == {first.id: 1, worse.id: 3, last.id: 3, newest.id: len(PAGES)}
