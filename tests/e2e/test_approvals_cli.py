"""Approvals through the command line: the scans are put into a store, nothing is visited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.store import open_store
from tests import make
from tests.e2e.stored_clinic import APPROVE, HEALTHCARE, LEAD, META, OTHER_ACCOUNT, STRANGER, Clinic


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clinic:
    monkeypatch.chdir(tmp_path)
    return Clinic(tmp_path, capsys)


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
