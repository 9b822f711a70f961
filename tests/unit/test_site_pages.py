"""Pages to look at: what stands on them, in plain values."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from reports.site_pages.build import incident_file, overview_file, site_files
from reports.site_pages.evidence import evidence_of
from reports.site_pages.flows import fitting, flow_picture, flows_of
from reports.site_pages.lanes import days_words, lane_words
from reports.site_pages.matrix import matrix_of
from reports.site_pages.model import Case, DayState, Making, SiteHistory, SiteState
from reports.site_pages.names import site_folder
from reports.site_pages.state import card_of, days_of, open_incidents, saw_enough
from reports.site_pages.timeline import timelines
from reports.site_pages.window import window_of
from scanner.model import (
    Category,
    Coverage,
    DetectionKind,
    DriftEntry,
    ExposureKind,
    Form,
    Identity,
    Incident,
    IncidentChangeKind,
    IncidentEntry,
    IncidentState,
    PageGroupCount,
    ScanKind,
    ScanRecord,
    ScanState,
    ScanSummary,
    SentKind,
    Severity,
    SightingKind,
    TagCount,
    TagKey,
    TagPicture,
    TagPlace,
    Verdict,
)
from tests import make
from tests.make import GA4, NOW, PINTEREST
from tests.report_samples import HOSTILE

DAY = timedelta(days=1)
WHOLE = Coverage(planned=10, ok=10)
NAMES = {("pinterest", "pinterest-tag"): ("Pinterest", "Pinterest Tag")}
MAKING = Making(NAMES, "1.0", NOW + 40 * DAY)


def scan(number: int, **more: object) -> ScanRecord:
    values: dict[str, object] = {"started_at": NOW + number * DAY, "coverage": WHOLE, **more}
    return make.scan_record(number, **values)


def case(number: int = 1, **more: object) -> Case:
    values: dict[str, object] = {
        "finding": make.finding(violation=True),
        "state": IncidentState.OPEN,
        "identities": (make.identity(),),
        "opened_scan": 1,
        "first_seen_at": NOW + DAY,
        "last_seen_at": NOW + 5 * DAY,
        **more,
    }
    incident = Incident(id=number, site="clinic", **values)  # type: ignore[arg-type]
    return Case(incident, (IncidentEntry(number, 1, NOW + DAY, IncidentChangeKind.OPENED),))


def history(*scans: ScanRecord, **more: object) -> SiteHistory:
    values: dict[str, object] = {"counts": {}, "summary": None, "summary_scan": None, **more}
    newest_first = tuple(sorted(scans, key=lambda one: -one.id))
    return SiteHistory("clinic", "https://www.clinic.example/", newest_first, **values)  # type: ignore[arg-type]


# --------------------------------------------------------------------------- how a site stands


@pytest.mark.parametrize(
    ("of", "state"),
    [
        pytest.param(history(), SiteState.NEVER, id="nobody has looked"),
        pytest.param(history(scan(1)), SiteState.QUIET, id="seen whole, nothing open"),
        pytest.param(history(scan(1), cases=(case(),)), SiteState.VIOLATIONS, id="something forbidden is open"),
        pytest.param(history(scan(1), cases=(case(finding=make.finding()),)), SiteState.DRIFT, id="something is open"),
        pytest.param(history(scan(1), cases=(case(state=IncidentState.CLOSED),)), SiteState.QUIET, id="it is over"),
        pytest.param(history(scan(1, coverage=Coverage(10, 8))), SiteState.UNVERIFIED, id="below the threshold"),
        pytest.param(history(scan(1, coverage=Coverage())), SiteState.UNVERIFIED, id="nothing was seen"),
        pytest.param(
            history(scan(1, state=ScanState.INCOMPLETE)), SiteState.UNVERIFIED, id="the scan did not come to its end"
        ),
        pytest.param(history(scan(1), scan(2, coverage=Coverage(10, 1))), SiteState.UNVERIFIED, id="the newest counts"),
        pytest.param(history(scan(1, kind=ScanKind.LIGHT)), SiteState.NEVER, id="a light scan vouches for nothing"),
        pytest.param(history(scan(1, state=ScanState.RUNNING)), SiteState.NEVER, id="the first one is still running"),
    ],
)
def test_a_site_is_quiet_only_when_enough_was_seen_and_nothing_is_open(of: SiteHistory, state: SiteState) -> None:
    assert card_of(of, NOW).state is state


def test_each_day_shows_the_worst_that_was_open_or_how_much_was_seen() -> None:
    over = case(
        state=IncidentState.CLOSED, finding=make.finding(severity=Severity.CRITICAL), first_seen_at=NOW,
        last_seen_at=NOW + DAY,
    )  # fmt: skip
    is_open = case(2, finding=make.finding(severity=Severity.INFO), first_seen_at=NOW + 4 * DAY)
    thin = scan(2, coverage=Coverage(10, 1))
    days = dict(days_of(history(scan(0), thin, scan(3), cases=(over, is_open)), NOW + 4 * DAY))
    assert list(days.values())[-6:] == [
        DayState.NONE,
        DayState.CRITICAL,
        DayState.CRITICAL,
        DayState.THIN,
        DayState.QUIET,
        DayState.LOW,
    ]
    assert len(days) == 30
    assert days_words(tuple(days.items())).startswith("Last 30 days: 2 with a critical incident open, ")


def test_the_overview_lists_open_incidents_only() -> None:
    found = open_incidents(history(scan(1), cases=(case(3), case(2, state=IncidentState.ACCEPTED))))
    assert [(one.number, one.path) for one in found] == [(3, "sites/clinic/incident-3.html")]


@pytest.mark.parametrize("name", [*(text[:200] for text in HOSTILE), "..", ".", "", "a/b", "CON", "Ä", "x" * 999])
def test_folders_of_hostile_names_are_harmless(name: str) -> None:
    assert re.fullmatch(r"sites/[a-z0-9_-][a-z0-9._-]{0,62}", site_folder(name))


def test_names_that_differ_only_in_case_do_not_share_a_folder() -> None:
    names = ["clinic", "Clinic", "CLINIC", "clinic ", "clinic/"]
    assert len({site_folder(name).lower() for name in names}) == len(names)
    assert site_folder("www.clinic.example") == "sites/www.clinic.example"


# --------------------------------------------------------------------------- the timeline


def counts(*numbers: int | None, of: TagKey = PINTEREST) -> dict[int, tuple[TagCount, ...]]:
    return {n: (() if pages is None else (TagCount(of, pages, pages),)) for n, pages in enumerate(numbers, start=1)}


def test_equal_numbers_are_one_step_and_a_gap_stays_a_gap() -> None:
    scans = [scan(n) for n in range(1, 6)]
    (line,) = timelines(history(*scans, counts=counts(3, 3, None, 5, 5)), NAMES)
    (lane,) = line.lanes
    assert [(round(s.left, 2), round(s.right, 2), s.pages) for s in lane.steps] == [(0.0, 0.4, 3), (0.6, 1.0, 5)]
    assert (lane.name, lane.vendor, lane.peak, lane.pages_now, lane.scans) == (
        "Pinterest Tag 2612000000001", "Pinterest", 5, 5, 4,
    )  # fmt: skip


def test_a_tag_that_went_is_on_no_page_now() -> None:
    (line,) = timelines(history(scan(1), scan(2), counts=counts(3, None)), NAMES)
    assert line.lanes[0].pages_now == 0
    assert "last seen" in lane_words(line.lanes[0], line)


def test_scans_that_saw_too_little_are_marked_so_that_fewer_pages_do_not_mean_less() -> None:
    thin = scan(2, coverage=Coverage(10, 2))
    (line,) = timelines(history(scan(1), thin, scan(3), counts=counts(9, 2, 9)), NAMES)
    assert [(round(a, 2), round(b, 2)) for a, b in line.thin] == [(0.33, 0.67)]


def test_light_scans_and_scans_without_numbers_are_not_drawn() -> None:
    scans = (scan(1), scan(2, kind=ScanKind.LIGHT), scan(3))
    (line,) = timelines(history(*scans, counts={1: (), 2: (TagCount(GA4, 1, 1),)}), NAMES)
    assert (line.scans, line.lanes) == (1, ())
    assert timelines(history(scan(1)), NAMES) == ()


def test_incidents_lie_in_the_lane_of_their_tag_and_others_in_one_of_their_own() -> None:
    cases = (case(1), case(2, finding=make.finding(tag=None)), case(3, state=IncidentState.CLOSED))
    (line,) = timelines(history(scan(1), scan(9), counts=counts(3, 3) | {9: counts(3)[1]}, cases=cases), NAMES)
    own, others = line.lanes
    assert [window.case.incident.id for window in own.windows] == [3, 1]
    assert (own.tone, own.windows[1].right) == ("high", 1.0)
    assert (others.key, [window.case.incident.id for window in others.windows]) == (None, [2])


def test_other_rules_and_approvals_are_marked() -> None:
    scans = (scan(1), scan(2, rules_digest="rules-2"), scan(3, rules_digest="rules-2"))
    approved = make.approval(1, at=NOW + 2.5 * DAY)
    (line,) = timelines(history(*scans, counts=counts(1, 1, 1), approvals=(approved,)), NAMES)
    assert [round(mark.at, 2) for mark in line.rules] == [0.33]
    assert [(round(mark.at, 2), mark.words) for mark in line.approvals] == [
        (0.5, "approved by officer@clinic.example: reviewed with marketing")
    ]


def test_each_kind_of_visitor_has_a_timeline_of_its_own() -> None:
    phone = scan(2, profile=make.profile(gpc=True))
    lines = timelines(history(scan(1), phone, counts=counts(1, 2)), NAMES)
    assert [line.lanes[0].peak for line in lines] == [2, 1]
    assert lines[0].profile == "desktop visitor, consent banner left alone, with Global Privacy Control"


@pytest.mark.parametrize("days", [1, 20, 99, 100, 365, 2_000])
def test_there_are_a_few_dates_along_the_line_however_long_it_is(days: int) -> None:
    (line,) = timelines(history(scan(1), scan(2, started_at=NOW + days * DAY), counts=counts(1, 1)), NAMES)
    assert 1 <= len(line.ticks) <= 12
    assert all(0 <= mark.at <= 1 for mark in line.ticks)


# --------------------------------------------------------------------------- matrix and flows


@pytest.mark.parametrize(
    "label", ["js (G-ABCDE12345) from www.googletagmanager.com", "GTM-WWWWWWWWWW " * 3, "診療科" * 20]
)
def test_a_label_of_wide_letters_stays_in_its_box(label: str) -> None:
    short = fitting(label, 182)
    assert len(short) <= 22 and short.startswith(label[:3]) and "…" in short
    assert fitting("core.js from s.pinimg.com", 182) == "core.js from s.pinimg.com"


SUMMARY = ScanSummary(
    pages=10,
    tags=(TagCount(GA4, 8, 8), TagCount(PINTEREST, 2, 2)),
    groups=(PageGroupCount("/doctors/{slug}", 8, 8, "find-a-doctor"), PageGroupCount("/", 2, 2)),
    loaders=("https://www.googletagmanager.com/gtm.js (GTM-ABC)",),
    pictures=(
        TagPicture(GA4, Category.ANALYTICS, 8, places=(TagPlace(0, 0, 8),), sends=(SentKind("page_url", "", True, 8),)),
        TagPicture(
            PINTEREST, Category.ADVERTISING, 2, places=(TagPlace(0, 0, 1), TagPlace(0, -1, 1)),
            sends=(SentKind("email", "hashed", True, 2), SentKind("phone", "", False, 2)),
        ),
        TagPicture(TagKey("chat", "chat"), Category.CHAT, 1, places=(TagPlace(1, 0, 1),)),
    ),
)  # fmt: skip


def test_the_matrix_says_on_how_many_pages_of_each_kind_a_tag_is() -> None:
    matrix = matrix_of(SUMMARY, NAMES)
    assert [(row.name, row.hot, [(cell.pages, cell.level) for cell in row.cells]) for row in matrix.rows] == [
        ("Pinterest Tag 2612000000001", True, [(2, 1), (0, 0)]),
        (f"google-analytics-4 {GA4.account}", False, [(8, 4), (0, 0)]),
        ("chat", False, [(0, 0), (1, 2)]),
    ]


def test_only_what_left_is_drawn_and_the_rest_is_counted() -> None:
    flows = flows_of(SUMMARY, NAMES)
    assert [[node.label for node in column] for column in flows.columns] == [
        ["/doctors/{slug}"],
        ["gtm.js (GTM-ABC) from www.googletagmanager.com", "not seen by whom"],
        ["Pinterest", "google"],
        ["Hashed e-mail addresses", "Page addresses"],
    ]
    assert flows.silent == 1
    assert [row.leaves for row in flows.rows] == [("hashed e-mail addresses",), ("page addresses",)]
    assert flow_picture(flows).count("<title>") == 1 + sum(map(len, flows.columns))


def test_nothing_that_leaves_is_no_picture() -> None:
    assert flow_picture(flows_of(replace(SUMMARY, pictures=SUMMARY.pictures[2:]), NAMES)) == ""


def test_a_crowded_column_folds_its_rest() -> None:
    pictures = tuple(
        TagPicture(
            TagKey(f"v{n}", "p"), Category.OTHER, 1, places=(TagPlace(0, -1, 1),),
            sends=(SentKind("page_url", "", True, 1),),
        )
        for n in range(30)
    )  # fmt: skip
    flows = flows_of(replace(SUMMARY, pictures=pictures), {})
    assert len(flows.columns[2]) == 9
    assert flows.columns[2][-1].label == "22 others"
    assert len(flows.rows) == 30


# --------------------------------------------------------------------------- an incident's page


def test_the_window_names_both_bounds_at_either_end() -> None:
    closed = case(state=IncidentState.CLOSED, last_absent_at=NOW, closed_at=NOW + 7 * DAY).incident
    window = window_of(closed)
    assert "2 March 2026, 04:30 UTC" in window.began and "3 March 2026, 04:30 UTC" in window.began
    assert "7 March 2026, 04:30 UTC" in window.ended and "9 March 2026, 04:30 UTC" in window.ended


def test_a_bound_that_nobody_knows_is_said_to_be_unknown() -> None:
    window = window_of(case().incident)
    assert "no scan ever saw these pages whole without it" in window.began
    assert window.ended.endswith("nothing says that it has gone.")
    assert "a second one has to agree" in window_of(case(absent_scans=1).incident).ended


SECRET = "jane.doe@mail.test"


def fields(_request: object) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    return [("tid", PINTEREST.account or ""), ("mail", SECRET)], [("note", "pregnant, due in May"), ("n", "12")]


def test_evidence_masks_every_value_in_fields_raw_request_and_initiators() -> None:
    request = make.request(
        f"https://ct.pinterest.com/v3/{SECRET}?tid={PINTEREST.account}&mail={SECRET}",
        method="POST",
        body=b"note=pregnant%2C+due+in+May&n=12",
        content_type="application/x-www-form-urlencoded",
        headers=(("referer", f"https://www.clinic.example/?m={SECRET}"), ("cookie", "sid=abcdef; plain")),
        initiators=(make.initiator(url=f"https://x.test/?m={SECRET}", line=3, function="send"),),
    )
    exposures = (make.exposure(ExposureKind.EMAIL, "mail", SECRET, Form.PLAIN),)
    found = [make.detection(request_index=0, exposures=exposures)]
    evidence = evidence_of(make.capture("/", [request]), found, make.finding(), fields, 7)
    assert evidence is not None
    (told,) = evidence.requests
    assert [(f.field, f.words, f.value) for f in told.fields] == [
        ("", "account", "2612000000001"),
        ("", "event", "pagevisit"),
        ("mail", "e-mail addresses", "j***@m***.test"),
        ("tid", "", "2612000000001"),
        ("note", "", "‹20 characters›"),
        ("n", "", "12"),
    ]
    assert told.raw == (
        "POST https://ct.pinterest.com/v3/j***@m***.test",
        "  ?tid=2612000000001",
        "  ?mail=j***@m***.test",
        "referer: https://www.clinic.example/?m=j***@m***.test",
        "cookie: sid=‹6 characters›; plain",
        "",
        "(32 bytes, application/x-www-form-urlencoded)",
        "  note=‹20 characters›",
        "  n=12",
    )
    assert told.initiators == (("script", "https://x.test/?m=j***@m***.test, line 3, in send()"),)
    assert SECRET not in repr(evidence) and "pregnant" not in repr(evidence)
    assert evidence.no_screenshot == "No screenshot was taken of this visit."


def test_a_body_that_nobody_saw_is_not_an_empty_one() -> None:
    found = [make.detection(request_index=0)]
    unseen = evidence_of(make.capture("/", [make.request(body=None)]), found, make.finding(), lambda _: ([], []), 1)
    assert unseen is not None
    assert unseen.requests[0].raw[-1] == "(there was a body, which the browser did not show)"


def test_other_tags_requests_are_no_evidence_and_telling_ones_come_first() -> None:
    capture = make.capture("/", [make.request(), make.request(), make.request()])
    found = [
        make.detection(GA4, request_index=0),
        make.detection(request_index=1),
        make.detection(request_index=2, exposures=(make.exposure(),)),
    ]
    evidence = evidence_of(capture, found, make.finding(), lambda _: ([], []), 1)
    assert evidence is not None
    assert [bool(one.fields[-1].field) for one in evidence.requests] == [True, False]
    assert evidence_of(capture, found[:1], make.finding(), fields, 1) is None


def test_a_trace_in_the_page_is_evidence_without_a_request() -> None:
    found = [make.detection(kind=DetectionKind.SCRIPT, evidence="noscript", request_index=None)]
    evidence = evidence_of(make.capture("/"), found, make.finding(), fields, 1)
    assert evidence is not None
    assert (evidence.requests, evidence.traces) == ((), ("noscript only",))


def test_a_strangers_requests_are_found_by_its_domain() -> None:
    entry = DriftEntry(Verdict.ADDED, Identity(SightingKind.HOST, "stranger.test"), (make.page_url("/"),))
    finding = make.finding(tag=None, entries=(entry,))
    capture = make.capture("/", [make.request("https://cdn.stranger.test/p?x=1"), make.request()])
    evidence = evidence_of(capture, (), finding, lambda _: ([], []), 1)
    assert evidence is not None
    assert [request.address for request in evidence.requests] == ["https://cdn.stranger.test/p"]


@pytest.mark.parametrize(
    ("content", "shown"),
    [(b"\x89PNG\r\n\x1a\nrest", True), (b"\xff\xd8\xffrest", True), (b"<svg onload=alert(1)>", False), (b"", False)],
)
def test_only_real_pictures_are_shown(content: bytes, shown: bool) -> None:
    capture = make.capture("/", [make.request()], screenshot=content)
    evidence = evidence_of(capture, [make.detection(request_index=0)], make.finding(), fields, 1)
    assert evidence is not None
    page = incident_file(history(scan(1)), case(), evidence, MAKING)[1].decode()
    assert ("<img" in page) is shown
    assert ("img-src data:" in page) is shown


# --------------------------------------------------------------------------- files


def test_a_year_of_scans_lies_in_pages_of_a_month_each() -> None:
    scans = [scan(n) for n in range(365)]
    files = dict(site_files(history(*scans), MAKING))
    assert len(files) == 13, "March to March"
    assert "sites/clinic/scans-2026-06.html" in files
    assert max(map(len, files.values())) < 80_000
    ids = [int(n) for page in files.values() for n in re.findall(rb'<tr><th scope="row">(\d+)</th>', page)]
    assert sorted(ids) == list(range(365))


def test_light_scans_of_a_day_share_a_row() -> None:
    light = [scan(n, started_at=NOW + timedelta(minutes=n), kind=ScanKind.LIGHT) for n in range(2, 90)]
    (page,) = dict(site_files(history(scan(1), *light), MAKING)).values()
    assert b"88 light scans" in page


def test_the_same_values_give_the_same_bytes_and_every_page_is_marked_as_ours() -> None:
    of = history(scan(1), counts=counts(3), summary=SUMMARY, summary_scan=scan(1), cases=(case(),))
    files = [*site_files(of, MAKING), incident_file(of, of.cases[0], None, MAKING)]
    files.append(overview_file([card_of(of, NOW)], open_incidents(of), MAKING))
    again = [*site_files(of, MAKING), incident_file(of, of.cases[0], None, MAKING)]
    again.append(overview_file([card_of(of, NOW)], open_incidents(of), MAKING))
    assert files == again
    assert all(content.startswith(b"<!doctype html>\n<!-- tagdrift page -->\n") for _, content in files)


def test_an_incident_of_which_no_visit_is_kept_says_so() -> None:
    page = incident_file(history(scan(1)), case(), None, MAKING)[1].decode()
    assert "No visit that shows it is kept whole any more" in page


def test_an_incomplete_scan_never_counts_as_enough() -> None:
    assert saw_enough(scan(1), 0.9)
    assert not saw_enough(scan(1, state=ScanState.INCOMPLETE), 0.9)
    assert not saw_enough(scan(1, coverage=Coverage(planned=0)), 0.0)


def test_an_empty_store_has_a_first_page() -> None:
    page = overview_file([], [], MAKING)[1].decode()
    assert "No site has been scanned yet." in page
