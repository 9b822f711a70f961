"""The policy and severities of one's own through the command line: nothing is visited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import make
from tests.e2e.stored_clinic import APPROVE, HEALTHCARE, META, OBSERVE, STRANGER, Clinic


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clinic:
    monkeypatch.chdir(tmp_path)
    return Clinic(tmp_path, capsys)


# --------------------------------------------------------------------------- policy test


def test_policy_test_says_which_rule_decides_about_a_request(clinic: Clinic) -> None:
    clinic.configure(
        "policy:\n  rules:\n"
        "    - allow: {vendor: pinterest, pages: /campaign/*}\n"
        "      reason: the campaign\n      who: counsel\n      contract: BAA-7\n      until: 2199-12-31\n"
        "    - forbid: {vendor: pintrest}\n"
    )
    beacon = "https://ct.pinterest.com/v3/?tid=2612000000001&event=lead"
    document = json.loads(clinic.done("policy", "test", beacon, "--json"))
    assert (document["format"], document["document"], document["preset"]) == (1, "policy-test", "healthcare")
    tag = next(one for one in document["decisions"] if one["kind"] == "tag")
    assert (tag["vendor"], tag["decision"], tag["rule"]["place"]) == ("pinterest", "forbidden", "preset healthcare")
    assert tag["rule"]["reason"] == "no advertising tag on any page"
    assert document["remarks"] == [
        "tagdrift.yaml:9: policy rule 2 names the vendor `pintrest`, which no rule file knows; "
        "did you mean `pinterest`?"
    ]
    there = ("--page", "https://www.clinic.example/campaign/spring")
    tag = next(
        one
        for one in json.loads(clinic.done("policy", "test", beacon, *there, "--json"))["decisions"]
        if one["kind"] == "tag"
    )
    assert tag["decision"] == "allowed"
    assert tag["rule"] == {
        "action": "allow",
        "number": 1,
        "place": "tagdrift.yaml:4",
        "name": "policy rule 1: the campaign",
        "reason": "the campaign",
        "who": "counsel",
        "contract": "BAA-7",
        "until": "2199-12-31",
    }


def test_policy_test_of_a_site_shows_forbidden_approved_allowed_missing_and_undecided(clinic: Clinic) -> None:
    clinic.configure("policy: {rules: [{require: {category: consent}, reason: banner}]}\n")
    clinic.scanned({"/about": (META,), "/": (make.PINTEREST_BEACON,), "/appointments": (STRANGER,)})
    clinic.done(*APPROVE, "--vendor", "pinterest")
    document = json.loads(clinic.done("policy", "test", "--site", "clinic", "--json"))
    told = {(one["decision"], one["vendor"] or one["host"]) for one in document["decisions"] if one["kind"] != "field"}
    assert {
        ("forbidden", "meta"),
        ("approved", "pinterest"),
        ("undecided", "newcomer.test"),
        ("missing", None),
    } <= told
    approved = next(one for one in document["decisions"] if one["vendor"] == "pinterest")
    assert (approved["approval"]["who"], approved["rule"]["place"]) == ("officer", "preset healthcare")
    only = json.loads(clinic.done("policy", "test", f"{make.SITE}/about", "--only", "forbidden", "--json"))
    assert {one["vendor"] for one in only["decisions"]} == {"meta"}
    assert all(one["pages"] == [f"{make.SITE}/about"] for one in only["decisions"])
    text = clinic.done("policy", "test", "--site", "clinic", "--only", "missing")
    assert "rule 1, tagdrift.yaml:2" in text and "banner" in text


def test_policy_test_refuses_what_it_cannot_test(clinic: Clinic) -> None:
    clinic.scanned({})
    for words, expected in (
        ((), "test what?"),
        (("not a url",), "is no URL"),
        ((f"{make.SITE}/unknown",), "is no page of the newest scan"),
        (("--site", "nobody"), "no finished scan of 'nobody'"),
        (("--site", "clinic", "--page", f"{make.SITE}/unknown"), "is no page of the newest scan"),
    ):
        code, _, err = clinic.say("policy", "test", *words)
        assert (code, expected in err) == (2, True), (words, err)


# --------------------------------------------------------------------------- severities and exit codes


def test_a_severity_of_ones_own_decides_about_reports_and_exit_codes(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.scanned({"/": (META,), "/about": (META,)})
    assert clinic.say("diff", "clinic", "--fail-on", "high")[0] == 1
    clinic.configure(
        OBSERVE + "severity:\n  - set: info\n    vendor: meta\n    pages: [/, /about]\n    reason: agreed\n"
    )
    code, out, _ = clinic.say("diff", "clinic", "--json", "--fail-on", "high")
    (finding,) = json.loads(out)["findings"]
    assert (code, finding["severity"]) == (0, "info")
    assert finding["reason"].endswith("Set from high to info by tagdrift.yaml:4: agreed.")
    clinic.configure(OBSERVE + "severity: [{set: info, vendor: meta, pages: /about}]\n")
    code, out, _ = clinic.say("diff", "clinic", "--json", "--fail-on", "high")
    assert (code, json.loads(out)["findings"][0]["severity"]) == (1, "high"), "one other page, and nothing is lowered"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "severity: [{set: grave, vendor: meta}]",
            "must be `critical`, `high`, `medium`, `low` or `info`, not `grave`",
        ),
        ("severity: [{vendor: meta}]", "`severity[1]` needs `set`"),
        ("severity: [{set: low}]", "a severity needs a condition"),
        ("severity: [{set: low, category: advertizing}]", "did you mean `advertising`?"),
        ("severity: [{set: low, was: [terrible]}]", "is no was; known are"),
        ("policy: {rules: [{forbid: {consent: acepted}}]}", "did you mean `accepted`?"),
        ("policy: {rules: [{forbid: {exposure: [e-mail]}}]}", "did you mean `email`?"),
        ("policy: {rules: [{allow: {page_kind: appointments}}]}", "did you mean `appointment`?"),
        ("policy: {rules: [{require: {exposure: email}}]}", "what is sent cannot be required"),
    ],
)
def test_words_that_no_rule_could_meet_are_refused_with_their_line(clinic: Clinic, more: str, expected: str) -> None:
    clinic.configure(more + "\n")
    code, _, err = clinic.say("history")
    assert code == 2 and expected in err and "tagdrift.yaml:2: " in err


def test_a_first_scan_fails_for_violations_and_for_what_fail_on_asks(clinic: Clinic) -> None:
    clinic.scanned({"/appointments": (META,)})
    assert clinic.say("diff", "clinic")[0] == 0, "observe forbids nothing, and there is nothing to compare with"
    assert clinic.say("diff", "clinic", "--fail-on", "critical")[0] == 1
    assert clinic.say("diff", "clinic", "--fail-on", "critical", "--exit-zero")[0] == 0
    clinic.configure("severity: [{set: low, vendor: meta}]\n" + OBSERVE)
    assert clinic.say("diff", "clinic", "--fail-on", "critical")[0] == 0
    clinic.configure(HEALTHCARE)
    assert clinic.say("diff", "clinic")[0] == 1
