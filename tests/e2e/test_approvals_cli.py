"""Approvals and the policy through the command line: the scans are put into a store, nothing is visited."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.cli.main import run
from scanner.model import PageCapture, Profile, ScanState
from scanner.store import open_store
from tests import make
from tests.e2e.cli import report_schema

META = "https://www.facebook.com/tr/?id=123456789012345&ev=PageView&dl=https%3A%2F%2Fwww.clinic.example%2F&rl=&if=false"
LEAD = "https://www.facebook.com/tr/?id=123456789012345&ev=Lead&ud[em]=" + "ab" * 32 + "&rl=&if=false"
OTHER_ACCOUNT = META.replace("123456789012345", "999999999999999")
STRANGER = "https://px.newcomer.test/p.gif?x=1"
PATHS = ("/", "/about", "/appointments")
OBSERVE = "policy: {preset: observe}\n"
HEALTHCARE = "policy: {preset: healthcare}\n"

Requests = dict[str, tuple[str, ...]]
"""Path → URLs that the page asks for."""


class Clinic:
    """A working directory with a configuration and a store of finished scans."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self._scans = 0
        self.configure(OBSERVE)

    @property
    def file(self) -> Path:
        return self.folder / "tagdrift-approvals.yaml"

    def configure(self, more: str) -> None:
        text = f"sites: [{{name: clinic, start: https://www.clinic.example/}}]\n{more}"
        (self.folder / "tagdrift.yaml").write_text(text, encoding="utf-8")

    def scanned(self, requests: Requests, *, seen_whole: int = len(PATHS)) -> int:
        """Put a finished scan of every path into the store; each is a day after the one before."""
        begun = make.NOW + timedelta(days=self._scans)
        self._scans += 1
        store = open_store("sqlite:///tagdrift.db")
        scan = store.begin_scan("clinic", begun, Profile(), "0.1", "older rules", "config")
        for number, path in enumerate(PATHS):
            urls = requests.get(path, ())
            capture: PageCapture = make.capture(path, [make.request(url) for url in urls], started_at=begun)
            if number >= seen_whole:
                capture = make.failed_capture(path, started_at=begun)
            store.save_visit(scan.id, capture, make.inventory(path, outcome=capture.outcome), "older rules")
        coverage = make.coverage(planned=len(PATHS), ok=seen_whole, failed=len(PATHS) - seen_whole)
        store.finish_scan(scan.id, ScanState.COMPLETE, begun, coverage, ())
        store.close()
        return scan.id

    def say(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = run(list(words))
        out, err = self._capsys.readouterr()
        return code, out, err

    def done(self, *words: str) -> str:
        """Run a command that ends well; return what it printed."""
        code, out, err = self.say(*words)
        assert code == 0, err
        return out

    def diff(self) -> tuple[int, list[tuple[str, list[str]]]]:
        """(exit code, the findings as (title, paths)) of the newest scan."""
        code, out, _ = self.say("diff", "clinic", "--json")
        document = json.loads(out)
        report_schema().validate(document)
        return code, [(f["title"], [page.removeprefix(make.SITE) for page in f["pages"]]) for f in document["findings"]]

    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = yaml.safe_load(self.file.read_text(encoding="utf-8"))["approvals"]
        return found

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Clinic]:
    monkeypatch.chdir(tmp_path)
    yield Clinic(tmp_path, capsys)


APPROVE = ("approve", "clinic", "--who", "officer", "--reason", "agreed with counsel")


# --------------------------------------------------------------------------- one finding


def test_an_approved_finding_is_no_drift_and_anything_beyond_it_is(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.done(*APPROVE)
    clinic.scanned({"/about": (META,)})
    assert clinic.diff() == (1, [("Meta Pixel 123456789012345 appeared on 1 of 3 pages", ["/about"])])
    clinic.done(*APPROVE, "--finding", "tag:meta/meta-pixel:123456789012345")
    assert clinic.diff() == (0, [])
    # Another page, another event with a person's address, another account: each is news.
    clinic.scanned({"/about": (META,), "/": (META,)})
    code, found = clinic.diff()
    assert (code, [pages for _, pages in found]) == (1, [["/"]])
    clinic.scanned({"/about": (META, LEAD)})
    code, ((title, pages),) = clinic.diff()
    assert (code, pages) == (1, ["/about"]) and "Lead" in title and "e-mail" in title
    clinic.scanned({"/about": (META, OTHER_ACCOUNT)})
    code, found = clinic.diff()
    assert code == 1 and any("999999999999999" in title for title, _ in found)


def test_an_approved_violation_is_none_without_any_baseline(clinic: Clinic) -> None:
    clinic.configure(HEALTHCARE)
    clinic.scanned({"/about": (META,), "/": (META,)})
    code, ((title, _),) = clinic.diff()
    assert (code, title) == (1, "Meta Pixel 123456789012345 is on 2 of 3 pages")
    clinic.done(*APPROVE, "--finding", "Meta Pixel", "--pages", "/about")
    assert clinic.diff() == (1, [("Meta Pixel 123456789012345 is on 1 of 3 pages", ["/"])])
    clinic.done(*APPROVE, "--finding", "Meta Pixel")
    assert clinic.diff() == (0, [])
    assert [entry["pages"] for entry in clinic.entries()] == ["/about", "/"]


def test_what_is_left_out_is_told_in_the_report(clinic: Clinic) -> None:
    clinic.configure(HEALTHCARE)
    clinic.scanned({"/about": (META,)})
    clinic.done(*APPROVE, "--vendor", "meta", "--until", "2199-12-31")
    _, out, _ = clinic.say("diff", "clinic", "--json")
    assert json.loads(out)["verdict"]["caveats"] == [
        "Left out: meta, approved by officer until 2199-12-31: agreed with counsel."
    ]


def test_a_finding_that_nobody_or_everybody_is_called_is_not_approved(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.scanned({"/": (META, OTHER_ACCOUNT)})
    code, _, err = clinic.say(*APPROVE, "--finding", "pinterest")
    assert code == 2 and "no finding is called `pinterest`" in err and "tag:meta/meta-pixel:123456789012345" in err
    code, _, err = clinic.say(*APPROVE, "--finding", "meta")
    assert code == 2 and "2 findings are called like `meta`" in err
    assert not clinic.file.exists()


# --------------------------------------------------------------------------- a vendor, a host


def test_a_vendor_is_approved_by_product_account_page_and_what_it_may_get(clinic: Clinic) -> None:
    clinic.configure(HEALTHCARE)
    clinic.scanned({})
    clinic.scanned({"/about": (META, LEAD), "/": (META,), "/appointments": (OTHER_ACCOUNT,)})
    limits = ("--account", "123456789012345", "--pages", "/abou*", "--sends", "page_url")
    clinic.done(*APPROVE, "--vendor", "meta-pixel", *limits, "--contract", "BAA-7")
    (entry,) = clinic.entries()
    assert {key: entry[key] for key in entry if key not in ("id", "at")} == {
        "site": "clinic",
        "vendor": "meta",
        "product": "meta-pixel",
        "account": "123456789012345",
        "pages": "/abou*",
        "sends": ["page_url"],
        "who": "officer",
        "why": "agreed with counsel",
        "contract": "BAA-7",
    }
    _, found = clinic.diff()
    told = dict(found)
    assert [pages for title, pages in told.items() if "999999999999999" in title] == [["/appointments"]]
    assert sorted(pages for title, pages in told.items() if "123456789012345" in title) == [["/"], ["/about"]]
    assert any("now sends e-mail addresses" in title for title, pages in told.items() if pages == ["/about"])


def test_a_host_that_no_rule_knows_is_approved_by_name(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.scanned({"/": (STRANGER,)})
    assert clinic.diff()[0] == 1
    clinic.done(*APPROVE, "--host", "newcomer.test")
    assert clinic.diff() == (0, [])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--vendor", "pintrest"), "did you mean `pinterest`?"),
        (("--vendor", "pinterest", "--product", "meta-pixel"), "meta-pixel is a product of meta, not of pinterest"),
        (("--account", "1"), "--account needs --vendor"),
        (("--vendor", "meta", "--host", "x.test"), "a vendor or a host, not both"),
        (("--vendor", "meta", "--finding", "x"), "one thing at a time"),
        (("--vendor", "meta", "--until", "2020-01-01"), "2020-01-01 is over"),
        (("--vendor", "meta", "--until", "soon"), "no day such as"),
        (("--pages", "/x"), "--pages and --contract need"),
        (("--finding", "x", "--sends", "email"), "--sends needs a vendor or a host"),
        (("--revoke", "nothing"), "holds no approval `nothing`"),
        (("--restore", "nothing"), "knows no approval `nothing`"),
        (("--incident", "7"), "there is no incident 7 of clinic"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    clinic: Clinic, words: tuple[str, ...], expected: str
) -> None:
    clinic.scanned({})
    code, _, err = clinic.say(*APPROVE, *words)
    assert code == 2 and expected in " ".join(err.split())
    assert not clinic.file.exists()


# --------------------------------------------------------------------------- the end of an approval


def test_an_expired_approval_alerts_again_although_nothing_changed_since(clinic: Clinic) -> None:
    clinic.scanned({"/": (META,)})
    clinic.done(*APPROVE, "--vendor", "meta", "--until", "2199-12-31")
    clinic.scanned({"/": (META,)})
    assert clinic.diff() == (0, [])
    clinic.edit("until: 2199-12-31", "until: 2026-03-02")  # edited by hand; the scan is of 3 March
    code, ((title, pages),) = clinic.diff()
    assert (code, pages) == (1, ["/"]) and "Meta Pixel" in title
    out = clinic.done("approvals", "clinic", "--all")
    assert "expired" in out


def test_an_allowance_of_the_policy_that_ended_alerts_again_even_against_a_baseline(clinic: Clinic) -> None:
    rule = "policy: {preset: observe, rules: [{allow: {vendor: meta}, reason: campaign, until: 2026-03-02}]}\n"
    clinic.configure(rule)
    first = clinic.scanned({"/": (META,)})
    assert clinic.diff()[0] == 0, "a first scan says what is there"
    store = open_store("sqlite:///tagdrift.db")
    store.approve(make.approval(first, at=make.NOW))
    store.close()
    clinic.scanned({"/": (META,)})
    _, out, _ = clinic.say("diff", "clinic", "--json")
    (finding,) = json.loads(out)["findings"]
    assert (finding["violation"], finding["pages"]) == (True, [f"{make.SITE}/"])
    assert finding["rule"] == "policy rule 1: campaign, allowed until 2026-03-02"
    clinic.configure(rule.replace("2026-03-02", "2026-03-03"))
    assert clinic.diff() == (0, [])


def test_an_approval_is_taken_back_with_a_trace(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.scanned({"/": (META,)})
    clinic.done(*APPROVE, "--vendor", "meta")
    approval_id = clinic.entries()[0]["id"]
    clinic.done("approve", "clinic", "--revoke", approval_id, "--who", "auditor", "--reason", "the campaign is over")
    assert clinic.diff()[0] == 1
    (entry,) = clinic.entries()
    assert (entry["revoked"]["who"], entry["revoked"]["why"]) == ("auditor", "the campaign is over")
    code, _, err = clinic.say("approve", "clinic", "--revoke", approval_id, "--reason", "again")
    assert code == 2 and "taken back before, by auditor" in err
    store = open_store("sqlite:///tagdrift.db")
    assert [(event.action, event.who) for event in store.approval_log()] == [
        ("approved", "officer"),
        ("revoked", "auditor"),
    ]
    store.close()


# --------------------------------------------------------------------------- whole states


def test_a_whole_state_is_in_the_file_and_ends_with_it(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.scanned({"/": (META,)})
    clinic.done(*APPROVE, "--until", "2199-12-31")
    clinic.scanned({"/": (META,)})
    assert clinic.diff() == (0, [])
    (entry,) = clinic.entries()
    assert (entry["scan"], entry["who"], str(entry["until"])) == (2, "officer", "2199-12-31")
    clinic.done("approve", "clinic", "--scan", "1", "--reason", "the state of before")
    assert clinic.diff()[0] == 1
    clinic.done("approve", "clinic", "--revoke", clinic.entries()[1]["id"], "--reason", "a mistake")
    assert clinic.diff() == (0, []), "the approval before it counts again"
    listed = json.loads(clinic.done("approvals", "--json"))["baselines"]
    assert [(one["scan"], one["state"]) for one in listed] == [(1, "past"), (2, "in-force")]


def test_taken_out_of_the_file_a_state_is_no_baseline_any_more_and_can_be_put_back(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.done(*APPROVE)
    approval_id = clinic.entries()[0]["id"]
    clinic.scanned({"/": (META,)})
    clinic.scanned({"/": (META,)})
    assert clinic.diff()[0] == 1, "compared with the baseline"
    text = clinic.file.read_text()
    clinic.file.write_text(text[: text.index("approvals:")] + "approvals: []\n")
    assert clinic.diff() == (0, []), "compared with the last scan"
    _, _, err = clinic.say("approvals")
    assert "taken out of the approvals file: it does not count" in " ".join(err.split())
    clinic.done("approve", "clinic", "--restore", approval_id, "--reason", "was a slip")
    assert clinic.diff()[0] == 1
    assert clinic.say("approvals")[2] == ""


def test_a_scan_below_the_threshold_becomes_no_baseline_by_any_way(clinic: Clinic) -> None:
    scan = clinic.scanned({"/": (META,)}, seen_whole=2)
    code, _, err = clinic.say(*APPROVE)
    assert code == 2 and "2 of 3 planned pages were seen whole (67%; the threshold is 90%)" in err
    assert not clinic.file.exists()
    clinic.file.write_text(f"format: 1\napprovals:\n  - {{site: clinic, scan: {scan}, who: me, why: by hand}}\n")
    listed = json.loads(clinic.done("approvals", "--json"))
    assert listed["baselines"] == []
    assert any("the store knows no such approval of scan 1" in one["what"] for one in listed["disagreements"])


def test_a_baseline_from_before_there_was_a_file_stays(clinic: Clinic) -> None:
    first = clinic.scanned({})
    store = open_store("sqlite:///tagdrift.db")
    store.approve(make.approval(first))
    store.close()
    clinic.scanned({"/": (META,)})
    clinic.scanned({"/": (META,)})
    clinic.file.write_text("format: 1\napprovals: []\n")
    assert clinic.diff()[0] == 1


# --------------------------------------------------------------------------- the file by hand


def test_an_entry_written_by_hand_counts_and_is_explained(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.scanned({"/": (META,)})
    clinic.file.write_text(
        "# reviewed in pull request 12\nformat: 1\napprovals:\n"
        "  - vendor: meta   # the agency\n    who: kim\n    why: ok\n"
    )
    assert clinic.diff() == (0, [])
    listed = json.loads(clinic.done("approvals", "--json"))
    assert [(one["vendor"], one["state"], one["place"]) for one in listed["approvals"]] == [
        ("meta", "in-force", "tagdrift-approvals.yaml:4")
    ]
    assert [one["what"] for one in listed["disagreements"]] == ["put into the file by hand: it counts"]
    clinic.done(*APPROVE, "--host", "newcomer.test")  # which notices the edit, too
    assert "# reviewed in pull request 12" in clinic.file.read_text() and "# the agency" in clinic.file.read_text()
    assert json.loads(clinic.done("approvals", "--json"))["disagreements"] == []
    store = open_store("sqlite:///tagdrift.db")
    assert [event.action for event in store.approval_log()] == ["found", "approved"]
    store.close()


def test_mistakes_in_the_file_are_told_with_their_lines_by_every_command_that_reads_it(clinic: Clinic) -> None:
    clinic.scanned({})
    clinic.file.write_text("format: 1\napprovals:\n  - vendor: meta\n    who: kim\n    reason: ok\n")
    for words in (
        ("diff", "clinic"),
        ("approvals",),
        (*APPROVE, "--vendor", "meta"),
        ("policy", "test", "--site", "clinic"),
    ):
        code, _, err = clinic.say(*words)
        assert code == 2, words
        assert "tagdrift-approvals.yaml:5: unknown key `reason`" in err
        assert "tagdrift-approvals.yaml:3: `approvals[1]` needs `why`" in err


def test_the_configuration_names_another_file(clinic: Clinic) -> None:
    clinic.configure("approvals_file: compliance/approved.yaml\n")
    (clinic.folder / "compliance").mkdir()
    clinic.scanned({})
    clinic.done(*APPROVE, "--vendor", "meta")
    assert (clinic.folder / "compliance" / "approved.yaml").exists() and not clinic.file.exists()


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
