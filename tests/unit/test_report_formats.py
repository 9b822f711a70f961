"""SARIF, JUnit, CSV and Markdown say the same as the report, and hostile text stays text in each of them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from reports.formats import FORMATS
from reports.formats.csv_table import render_csv
from reports.formats.junit import render_junit
from reports.formats.markdown import render_markdown
from reports.formats.sarif import render_sarif
from reports.model import ReportView
from tests import report_samples as samples

SAMPLES = {
    "clean": samples.clean,
    "back": samples.back,
    "gone": samples.gone,
    "first": samples.first_scan,
    "violation": samples.violation_at_once,
    "badly-seen": samples.badly_seen,
    "empty": samples.empty,
    "hostile": samples.hostile,
}


@pytest.fixture(params=SAMPLES)
def view(request: pytest.FixtureRequest) -> ReportView:
    return SAMPLES[request.param]()


def test_sarif_has_a_result_for_each_finding_and_its_rule(view: ReportView) -> None:
    document = json.loads(render_sarif(view))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    there = [found for found in view.findings if found.finding.verdict.value != "removed"]
    assert len(run["results"]) == len(there)
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert len(result["locations"]) <= 100
    for rule in run["tool"]["driver"]["rules"]:  # code scanning drops rules without them
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
    assert run["tool"]["driver"]["informationUri"].startswith("https://")
    assert run["invocations"][0]["executionSuccessful"] is (view.verdict.state.value != "unverified")


def test_junit_never_passes_a_page_that_was_not_seen_whole(view: ReportView) -> None:
    suite = ElementTree.fromstring(render_junit(view))
    cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert suite.get("tests") == str(len(cases))
    assert suite.get("failures") == str(sum("failure" in children for children in cases.values()))
    unverified = {page for group in view.unverified for page in group.pages}
    assert not [name for name, children in cases.items() if name in unverified and not children]


def test_csv_has_a_line_for_each_finding_and_page_and_no_formula(view: ReportView) -> None:
    header, *lines = list(csv.reader(io.StringIO(render_csv(view))))
    assert len(lines) == sum(len(found.finding.pages) or 1 for found in view.findings)
    assert all(len(line) == len(header) for line in lines)
    for line in lines:
        assert not [cell for cell in line if cell[:1] in "=+-@\t\r|%" and cell]


def test_markdown_begins_with_the_verdict_and_holds_no_markup_of_the_page(view: ReportView) -> None:
    text = render_markdown(view)
    assert text.startswith("## tagdrift: ")
    assert "<" not in text.replace("\\<", "")
    assert "](" not in text.replace("\\](", "").replace("\\]\\(", "")


def test_markdown_tells_what_left_and_nothing_twice() -> None:
    """A field that only stands in the page's source was not sent, and the one that was is told once."""
    view = samples.back()
    found = view.appeared[0]
    kept = found.sends[0]
    only_there = replace(found, sends=(kept, replace(kept, left=False)))
    *_, row = [
        line for line in render_markdown(replace(view, appeared=(only_there,), changed=())).splitlines() if "|" in line
    ]
    assert row.count(kept.words.split()[-1]) == 1


def test_what_came_back_is_named_in_every_format() -> None:
    view = samples.back()
    account = next(found.finding.tag.account for found in view.findings if found.finding.tag)
    assert account is not None
    for name, render in FORMATS.items():
        assert account in render(view), name


def test_hostile_text_stays_on_its_line() -> None:
    view = samples.hostile()
    for name, render in FORMATS.items():
        text = render(view)
        assert "\x1b" not in text and "\u202e" not in text and "\x00" not in text, name
        if name != "csv":  # a cell is text: nobody runs it
            assert "<script>" not in text.replace("\\<script\\>", ""), name
