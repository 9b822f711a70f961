"""What a report says: the verdict's sentence and state, and where everything goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import words
from reports.jsonable import report_document
from reports.masked import form_of, mask_request
from reports.model import ReportState, ReportView
from reports.render import render_html
from reports.text import full
from scanner.model import Coverage, Drift, Outcome, ScanState, Severity, StopReason, Unverified, Verdict
from tests import report_samples as samples


@pytest.mark.parametrize(
    ("view", "state", "sentence"),
    [
        pytest.param(
            samples.clean(),
            "clean",
            "Nothing changed on 14 of 14 pages since the baseline of 3 May 2026.",
            id="nothing changed",
        ),
        pytest.param(
            samples.view(approved=False),
            "clean",
            "Nothing changed on 14 of 14 pages since the scan of 3 May 2026.",
            id="compared with a scan that nobody approved",
        ),
        pytest.param(
            samples.back(),
            "drift",
            "The Pinterest Tag 2612000000001 is back on 14 of 14 pages and sends hashed e-mail addresses, "
            "search words, page addresses and 2 more to Pinterest; 1 further finding.",
            id="a tag that an older scan knew",
        ),
        pytest.param(
            samples.view(findings=(replace(samples.pinterest_finding(samples.PAGES[:1]), sends=()),)),
            "drift",
            "The Pinterest Tag 2612000000001 has appeared on 1 of 14 pages.",
            id="a tag nobody knew, and it was not seen to send",
        ),
        pytest.param(
            samples.gone(), "drift", "The Pinterest Tag 2612000000001 has disappeared from 14 of 14 pages.", id="gone"
        ),
        pytest.param(
            samples.view(findings=(samples.booking_finding(),)),
            "drift",
            "The script https://widget-booking.example/embed/{hash}.js changed on 2 pages.",
            id="no tag: the finding speaks for itself",
        ),
        pytest.param(
            samples.violation_at_once(),
            "violations",
            "The Pinterest Tag 2612000000001 is on 14 of 14 pages, against the policy, and sends hashed e-mail "
            "addresses, search words, page addresses and 2 more to Pinterest.",
            id="a violation needs no baseline",
        ),
        pytest.param(
            samples.first_scan(),
            "first-scan",
            "2 tags of 1 vendor on 14 of 14 pages seen whole; a first scan has nothing to compare with.",
            id="first scan",
        ),
        pytest.param(
            samples.badly_seen(),
            "unverified",
            "Cannot tell: only 61 % of 412 pages were seen whole (90 failed, 40 blocked and 30 seen in part); "
            "on what was seen, nothing changed.",
            id="low coverage",
        ),
        pytest.param(samples.empty(), "unverified", "Cannot tell: the scan saw no page at all.", id="empty"),
        pytest.param(
            samples.view(pages=(), coverage=Coverage(planned=1, failed=1)),
            "unverified",
            "Cannot tell: none of 1 page was seen whole (1 failed).",
            id="the site was down",
        ),
        pytest.param(
            samples.view(state=ScanState.INCOMPLETE),
            "unverified",
            "Cannot tell: the scan was not finished, and 14 of 14 known pages were seen whole; "
            "on what was seen, nothing changed.",
            id="interrupted before all pages were known",
        ),
    ],
)
def test_verdict(view: ReportView, state: str, sentence: str) -> None:
    assert (view.verdict.state, view.verdict.sentence) == (state, sentence)


def test_a_first_scan_says_what_the_policy_lets_pass() -> None:
    pages = tuple(samples.page(url, *samples.pinterest()) for url in samples.PAGES)
    passes = samples.view(pages=pages, findings=(samples.pinterest_finding(),), first=True).verdict
    assert passes.state is ReportState.FIRST_SCAN
    assert passes.caveats == ("1 finding is high or critical, and no rule of the policy forbids it.",)
    quiet = replace(samples.pinterest_finding(), severity=Severity.MEDIUM)
    assert samples.view(pages=pages, findings=(quiet,), first=True).verdict.caveats == ()


def test_spread_names_the_new_pages_only() -> None:
    finding = samples.pinterest_finding(samples.PAGES[:3])
    entries = tuple(replace(entry, pages_before=5, pages_after=8) for entry in finding.entries)
    view = samples.view(findings=(replace(finding, entries=entries, sends=()),))
    assert view.verdict.sentence == "The Pinterest Tag 2612000000001 has spread to 3 more of 14 pages."
    assert view.appeared[0].since == (
        "Already on 5 pages on 3 May 2026 (the approved baseline, scan 1); "
        "seen on more of them on 10 May 2026 (scan 2).",
    )


def test_a_finding_counts_however_little_was_seen_and_the_doubt_is_told() -> None:
    pages = tuple(
        samples.page(url, outcome=Outcome.OK if number < 3 else Outcome.FAILED)
        for number, url in enumerate(samples.PAGES)
    )
    view = samples.view(pages=pages, findings=(samples.pinterest_finding(samples.PAGES[:2]),))
    assert view.verdict.state is ReportState.DRIFT
    assert view.verdict.caveats == ("Only 21 % of 14 pages were seen whole (11 failed): there may be more.",)


def test_pages_left_out_by_limits_are_a_caveat_and_those_left_out_on_purpose_are_not() -> None:
    excluded = (("excluded", 7), ("page-limit", 300), ("robots", 2), ("template-limit", 20))
    view = samples.view(coverage=Coverage(planned=14, ok=14, excluded=excluded))
    assert view.verdict.state is ReportState.CLEAN
    assert view.verdict.caveats == (
        "320 further known addresses were not visited: 300 beyond the limit of pages per scan and "
        "20 beyond the limit of pages per template.",
    )


def test_a_page_that_only_the_older_scan_saw_badly_is_no_proof() -> None:
    doubtful = tuple(Unverified(page, Outcome.OK, "not seen whole in the baseline") for page in samples.PAGES[:4])
    view = samples.view(drift=Drift(unverified=doubtful))
    assert view.verdict.state is ReportState.UNVERIFIED
    assert view.verdict.sentence.startswith("Cannot tell: only 71 % of 14 pages were seen whole both now and in")


def test_drift_that_no_finding_speaks_of_is_never_clean() -> None:
    entries = samples.booking_finding().entries
    view = samples.view(drift=Drift(entries=entries))
    assert view.verdict.state is ReportState.DRIFT
    assert view.other_changes == entries
    assert view.verdict.sentence == "1 change since the baseline of 3 May 2026, none of which is a finding."


coverages = st.builds(
    lambda ok, partial, failed, blocked, unvisited: Coverage(
        ok + partial + failed + blocked + unvisited, ok, partial, failed, blocked, unvisited=unvisited
    ),
    *[st.integers(0, 30)] * 5,
)


@given(coverages, st.sampled_from(ScanState), st.booleans())
def test_silence_is_clean_only_if_enough_was_seen(coverage: Coverage, state: ScanState, first: bool) -> None:
    view = samples.view(pages=(), coverage=coverage, state=state, first=first)
    calm = view.verdict.state in (ReportState.CLEAN, ReportState.FIRST_SCAN)
    assert calm == (coverage.ratio >= 0.9 and state is ScanState.COMPLETE)
    assert view.verdict.sentence.startswith("Cannot tell") != calm
    assert view.verdict.sentence.count(". ") == 0 and view.verdict.sentence.endswith(".")


@given(
    st.permutations([samples.pinterest_finding(), samples.booking_finding(), samples.pinterest_finding(violation=True)])
)
def test_the_order_of_findings_does_not_depend_on_the_order_they_came_in(findings: list) -> None:  # type: ignore[type-arg]
    view = samples.view(findings=tuple(findings))
    assert [v.finding.severity for v in view.findings] == [Severity.CRITICAL, Severity.CRITICAL, Severity.LOW]
    assert view.findings[0].finding.violation


def test_unverified_pages_are_grouped_by_reason_and_none_is_forgotten() -> None:
    view = samples.badly_seen()
    assert [(g.outcome, g.reason, len(g.pages)) for g in view.unverified] == [
        (Outcome.FAILED, "the connection failed", 90),
        (Outcome.BLOCKED, "a bot wall stood in front of the page", 40),
        (Outcome.PARTIAL, "the visit ran out of time", 30),
    ]
    failed = samples.page(samples.PAGES[0], outcome=Outcome.FAILED, stop=StopReason.TLS)
    forgotten = samples.view(pages=(failed,), drift=Drift())
    assert forgotten.unverified_count == 1
    gone = replace(failed, status=404)
    assert samples.view(pages=(gone,), drift=Drift(gone_pages=(failed.page,))).unverified_count == 0


def test_a_finding_tells_its_pages_by_template_what_it_sends_and_since_when() -> None:
    view = samples.back().appeared[0]
    assert [(g.template, len(g.pages)) for g in view.groups][:3] == [
        ("/doctors/{name}", 4),
        ("/services/{name}", 4),
        ("/", 1),
    ]
    assert [(s.words, s.fields) for s in view.sends][:2] == [
        ("hashed e-mail addresses", ("pd.em",)),
        ("search words", ("ed.search_query",)),
    ]
    assert view.since == (
        "Not there on 3 May 2026 (the approved baseline, scan 1); first seen on 10 May 2026 (scan 2).",
    )
    assert view.request is not None
    assert view.request.address == "https://ct.pinterest.com/v3/"
    assert ("pd.em", "ed… (64 characters, hashed (sha256))") in view.request.parameters


def test_an_attempt_that_the_browser_stopped_is_no_sending() -> None:
    finding = samples.pinterest_finding()
    stopped = tuple(replace(entry, evidence=("blocked",)) for entry in finding.entries)
    view = samples.view(findings=(replace(finding, entries=stopped),))
    assert view.verdict.sentence == "The Pinterest Tag 2612000000001 has appeared on 14 of 14 pages."
    assert [send.left for send in view.appeared[0].sends] == [False] * 5


def test_the_headline_is_about_a_tag_rather_than_a_stranger_of_the_same_severity() -> None:
    stranger = replace(
        samples.booking_finding(), severity=Severity.CRITICAL, verdict=Verdict.ADDED, pages=samples.PAGES
    )
    view = samples.view(findings=(stranger, samples.pinterest_finding(samples.PAGES[:1])))
    assert view.verdict.sentence.startswith("The Pinterest Tag 2612000000001 has appeared on 1 of 14 pages")


def test_new_pages_are_told_apart() -> None:
    finding = samples.pinterest_finding()
    entries = tuple(replace(entry, pages_new=samples.PAGES[:2]) for entry in finding.entries)
    view = samples.view(findings=(replace(finding, entries=entries),))
    assert view.appeared[0].since[1] == "2 of the pages are themselves new since then."


def test_inventory() -> None:
    inventory = samples.back().inventory
    assert [(v.name, [t.product for t in v.tags]) for v in inventory.vendors] == [
        ("Google", ["Google Analytics 4", "Google Tag Manager"]),
        ("Pinterest", ["Pinterest Tag"]),
    ]
    pinterest = inventory.tags[-1]
    assert (len(pinterest.pages), pinterest.events, pinterest.sent) == (14, (("pagevisit", 14), ("search", 14)), True)
    assert [(o.subject, o.owner, o.pages) for o in inventory.third_parties][-1] == ("widget-booking.example", None, 14)
    assert (inventory.cookies[0].subject, inventory.cookies[0].tag) == ("_ga", "Google Analytics 4 G-CLINIC0001")


@pytest.mark.parametrize(
    ("examples", "form"),
    [
        (("ed… (64 characters, hashed (sha256))",), "hashed"),
        (("Oncology, plain",), "plain"),
        (("ed… (64 characters, hashed (sha256))", "a@… (9 characters, plain)"), ""),
        (("hashed potatoes, plain",), "plain"),
        ((), ""),
    ],
)
def test_form_of_a_masked_example(examples: tuple[str, ...], form: str) -> None:
    assert form_of(examples) == form


def test_a_request_shows_nothing_that_could_name_a_person() -> None:
    request = mask_request(
        "https://user:secret@ct.pinterest.com:8443/v3/?tid=2612&event=pagevisit&em=jane%40doe.test&value=12.50&currency=USD"
        '&pd={"em":"jane@doe.test","list":["Jane Doe"]}&free=Jane',
        {"em": "email", "pd.em": "email"},
        {"2612", "pagevisit"},
    )
    assert request is not None
    assert request.address == "https://ct.pinterest.com:8443/v3/"
    shown = dict(request.parameters)
    assert [shown[name] for name in ("tid", "event", "value", "currency")] == ["2612", "pagevisit", "12.50", "USD"]
    assert {"em", "pd.em", "pd.list[0]", "free"} < set(shown)
    assert shown["em"] == "j***@d***.test"
    assert shown["free"] == "‹4 characters›"
    assert not any(secret in text for text in shown.values() for secret in ("jane", "Jane", "doe.test", "secret"))


@pytest.mark.parametrize("url", ["", "data:text/plain,x", "https://[broken", "Oncology, plain", "/v3/?tid=1"])
def test_what_is_no_address_gives_no_request(url: str) -> None:
    assert mask_request(url, {}) is None


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("dns", "the host name does not resolve"),
        (
            "not reached in the newer scan: page-limit",
            "not reached in the newer scan: beyond the limit of pages per scan",
        ),
        ("http-error: 503 Service Unavailable", "the server answered with an error: 503 Service Unavailable"),
        ("already in words", "already in words"),
    ],
)
def test_reasons_in_words(code: str, told: str) -> None:
    assert words.reason(code) == told


def test_a_forbidden_tag_that_is_gone_is_no_violation() -> None:
    view = samples.view(findings=(samples.pinterest_finding(verdict=Verdict.REMOVED, violation=True),))
    assert view.verdict.state is ReportState.DRIFT


def test_every_verdict_has_its_section() -> None:
    view = samples.hostile()
    for section, verdict in ((view.appeared, "added"), (view.changed, "changed"), (view.removed, "removed")):
        assert section
        assert {v.finding.verdict for v in section} == {Verdict(verdict)}


# --------------------------------------------------------------------------- how sure it is


def test_what_was_seen_once_and_what_stands_since_before_are_told_apart() -> None:
    view = samples.unsure()
    assert [len(part) for part in (view.appeared, view.changed, view.once, view.standing, view.removed)] == [
        1, 0, 1, 1, 0
    ]  # fmt: skip
    assert view.verdict.sentence.startswith("The Pinterest Tag 2612000000001 has appeared on 14 of 14 pages")
    assert view.appeared[0].since[-1] == "Confirmed by a second visit."
    assert view.once[0].since[-2:] == (
        "Seen once, not confirmed: when its pages were visited again at once, it was not there.",
        "Seen in 3 of the last 10 scans.",
    )
    text = full(view)
    heads = ("WHAT APPEARED (1)", "SEEN ONCE, NOT CONFIRMED (1)", "AGAINST THE POLICY SINCE BEFORE (1)")
    assert [text.index(head) for head in heads] == sorted(text.index(head) for head in heads)
    assert "cause:     Google Tag Manager GTM-ABC1234 version 12 → custom HTML" in text
    html = render_html(view)
    assert 'id="once"' in html and 'id="standing"' in html and "GTM-ABC1234 went from version 11 to 12" in html
    document = report_document(view)
    assert [(f["confirmed"], f["standing"]) for f in document["findings"]] == [
        (True, False), (False, False), (None, True)
    ]  # fmt: skip
    assert document["findings"][0]["cause"] == "Google Tag Manager GTM-ABC1234 version 12 → custom HTML"
    assert document["findings"][1]["seen_in"] == {"scans": 3, "of": 10}


def test_a_scan_whose_only_news_was_seen_once_says_so_at_once() -> None:
    only = samples.view(findings=(replace(samples.pinterest_finding(), confirmed=False),))
    assert only.verdict.sentence == ("Seen once, not confirmed: Pinterest Tag 2612000000001 appeared on 14 pages.")
    assert only.verdict.state is ReportState.DRIFT


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"confirmed": False}, "Not seen this time: to be confirmed by the next scan."),
        ({"confirmed": True}, "Missing in two scans in a row."),
        ({"confirmed": False, "comes_and_goes": True}, "It comes and goes, as what fires on a share of visits does."),
    ],
)
def test_what_is_missing_is_gone_only_after_two_scans(more: dict[str, Any], said: str) -> None:
    (gone,) = samples.view(findings=(replace(samples.pinterest_finding(verdict=Verdict.REMOVED), **more),)).removed
    assert gone.since[1] == said


def test_pages_that_were_not_reached_and_pages_in_doubt_stand_in_every_form() -> None:
    """After `--max-pages 1` most pages of the older side have no outcome at all."""
    drift = Drift(
        unverified=(
            Unverified("https://www.clinic.example/far", None, "beyond the limit of pages per scan"),
            Unverified("https://www.clinic.example/odd", Outcome.OK, "another address than before"),
        )
    )
    seen = samples.view(pages=samples.clean().pages, drift=drift)
    for said in (render_html(seen), full(seen)):
        assert "1 page not reached: beyond the limit of pages per scan" in said
        assert "1 page in doubt: another address than before" in said
