"""Commands on finished scans: history, approve, diff, report. The scans are put into a store, nothing is visited."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scanner.cli.main import run
from scanner.model import Outcome, PageCapture, Profile, ScanState, StopReason
from scanner.store import open_store
from tests import make
from tests.e2e.cli import report_schema

HOST = "www.clinic.example"
CLEAN = (make.capture("/"), make.capture("/about"))
TAGGED = (make.capture("/", [make.request()]), make.capture("/about", [make.request()]))
HALF = (
    make.capture("/", [make.request()]),
    make.failed_capture("/about", StopReason.CONNECTION),
)


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a store of three scans: clean, with the Pinterest Tag, and with one page of two not seen."""
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///tagdrift.db")
    for number, captures in enumerate((CLEAN, TAGGED, HALF)):
        begun = make.NOW + timedelta(days=number)
        scan = store.begin_scan(HOST, begun, Profile(), "0.1", "older rules", "config")
        for capture in captures:
            seen: PageCapture = replace(capture, started_at=begun)
            store.save_visit(scan.id, seen, make.inventory(seen.page, outcome=seen.outcome), "older rules")
        ok = sum(capture.outcome is Outcome.OK for capture in captures)
        coverage = make.coverage(planned=2, ok=ok, failed=2 - ok)
        store.finish_scan(scan.id, ScanState.COMPLETE, begun + timedelta(minutes=1), coverage, ())
    store.close()
    return tmp_path


Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(clinic: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    def say(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return say


def report_of(out: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(out)
    report_schema().validate(document)
    return document


def test_history_lists_scans_newest_first_with_coverage_and_approvals(say: Say) -> None:
    say("approve", HOST, "--scan", "1", "--reason", "reviewed", "--who", "officer")
    code, out, _ = say("history", HOST, "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["format"], document["document"], document["site"]) == (1, "history", HOST)
    assert [(s["id"], s["state"], s["ok"], s["planned"]) for s in document["scans"]] == [
        (3, "complete", 1, 2),
        (2, "complete", 2, 2),
        (1, "complete", 2, 2),
    ]
    assert [(a["scan"], a["who"], a["why"]) for a in document["approvals"]] == [(1, "officer", "reviewed")]
    code, out, _ = say("history", HOST, "--limit", "1")
    assert "2026-03-04 04:30 UTC" in out
    assert "1 of 2" in out
    assert "2026-03-02" not in out
    code, out, _ = say("history", HOST)
    assert "by officer: reviewed" in out


def test_history_without_a_site_lists_the_sites(say: Say) -> None:
    assert say("history") == (0, f"{HOST}\n", "")
    _, out, _ = say("history", "--json")
    assert json.loads(out) == {"format": 1, "document": "sites", "sites": [HOST]}


def test_an_approval_needs_a_reason_and_enough_coverage(say: Say) -> None:
    code, _, err = say("approve", HOST)
    assert (code, "--reason" in err) == (2, True)
    code, _, err = say("approve", HOST, "--scan", "1", "--reason", "   ")
    assert (code, "needs a reason" in err) == (2, True)
    code, _, err = say("approve", HOST, "--scan", "1", "--reason", "reviewed", "--who", " ")
    assert (code, "needs a name" in err) == (2, True), "nobody is put in the place of one who was left empty"
    code, _, err = say("approve", HOST, "--reason", "whatever")
    assert code == 2
    assert "1 of 2 planned pages were seen whole (50%; the threshold is 90%)" in err
    code, _, err = say("approve", HOST, "--scan", "99", "--reason", "reviewed")
    assert (code, "scan 99 is not a scan of" in err) == (2, True)
    code, out, _ = say("history", HOST, "--json")
    assert json.loads(out)["approvals"] == []


def test_an_approval_is_confirmed(say: Say) -> None:
    code, out, _ = say("approve", HOST, "--scan", "2", "--reason", "contract signed", "--who", "officer", "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["format"], document["document"]) == (1, "approval")
    assert (document["site"], document["scan"], document["who"], document["why"]) == (
        HOST,
        2,
        "officer",
        "contract signed",
    )
    code, out, _ = say("approve", HOST, "--scan", "1", "--reason", "again", "--who", "officer")
    assert out == f"scan 1 of {HOST} is the baseline now, approved by officer\n"


def test_diff_compares_with_the_baseline_or_the_last_full_scan(say: Say) -> None:
    say("approve", HOST, "--scan", "1", "--reason", "reviewed")
    code, out, _ = say("diff", HOST, "--scan", "2", "--json")
    report = report_of(out)
    assert (code, report["document"]) == (1, "diff")
    assert (report["scan"]["id"], report["baseline"]["id"]) == (2, 1)
    assert report["baseline"]["approved"]["why"] == "reviewed"
    assert [(f["vendor"], len(f["pages"])) for f in report["findings"]] == [("pinterest", 2)]

    code, out, _ = say("diff", HOST, "--json")
    report = report_of(out)
    assert (code, report["scan"]["id"], report["baseline"]["id"]) == (1, 3, 1)
    assert [u["page"] for u in report["unverified"]] == [f"https://{HOST}/about"]

    code, out, _ = say("diff", HOST, "--against", "last", "--json", "--exit-zero")
    report = report_of(out)
    assert (report["scan"]["id"], report["baseline"]["id"], report["baseline"]["approved"]) == (3, 2, None)
    assert (report["other_changes"], report["removed"]) == ([], []), "a page that was not seen lost nothing"


def test_an_accepted_tag_is_no_drift(say: Say) -> None:
    say("approve", HOST, "--scan", "2", "--reason", "contract signed")
    code, out, _ = say("diff", HOST, "--json")
    report = report_of(out)
    assert (code, report["verdict"]["state"]) == (3, "unverified")
    assert (report["findings"], report["removed"]) == ([], [])


def test_what_was_there_before_is_never_said_to_have_appeared(say: Say) -> None:
    # Nobody approved anything: the tag of scan 2 is still against the policy in scan 3, but it is no news.
    code, out, _ = say("diff", HOST, "--json")
    report = report_of(out)
    assert (code, report["verdict"]["state"], report["baseline"]["id"]) == (1, "violations", 2)
    assert report["verdict"]["sentence"] == "The Pinterest Tag 2612000000001 is on 1 of 1 page, against the policy."
    (finding,) = report["findings"]
    assert finding["since"] == [
        "Already on 2 pages on 3 March 2026 (the previous scan, scan 2); still there on 4 March 2026 (scan 3)."
    ]
    assert "appeared" not in finding["title"]


def test_exit_zero_keeps_the_report_and_drops_the_alarm(say: Say) -> None:
    say("approve", HOST, "--scan", "1", "--reason", "reviewed")
    code, out, _ = say("diff", HOST, "--scan", "2", "--exit-zero")
    assert code == 0
    assert "Pinterest Tag" in out
    assert say("diff", HOST, "--scan", "2")[0] == 1


def test_the_site_may_be_named_by_its_url(say: Say) -> None:
    code, out, _ = say("report", f"https://{HOST}/", "--scan", "1", "--json", "--out", "r")
    assert (code, report_of(out)["site"]["name"]) == (0, HOST)


def test_a_report_is_written_again_and_is_never_an_alarm(say: Say, clinic: Path) -> None:
    say("approve", HOST, "--scan", "1", "--reason", "reviewed")
    code, out, err = say("report", HOST, "--out", "written", "--json")
    report = report_of(out)
    assert (code, report["document"]) == (0, "report")
    assert "report: written/report.html" in err
    assert json.loads((clinic / "written" / "report.json").read_text()) == report
    html = (clinic / "written" / "report.html").read_text()
    assert report["verdict"]["sentence"] in html
    code, out, _ = say("report", HOST)
    assert (code, (clinic / "tagdrift-report" / "report.html").exists()) == (0, True)
    assert "Pinterest Tag" in out


def test_every_json_document_is_ascii_and_bears_its_format(say: Say) -> None:
    for words in (("history",), ("history", HOST), ("diff", HOST), ("report", HOST), ("rules", "list")):
        _, out, _ = say(*words, "--json")
        assert out.isascii()
        assert json.loads(out)["format"] == 1


def test_a_hash_that_was_kept_elsewhere_shows_that_the_end_was_cut_off(say: Say, clinic: Path) -> None:
    code, out, _ = say("verify")
    newest = out.splitlines()[0].rpartition(" ")[2]
    assert (code, len(newest)) == (0, 64)
    assert say("verify", "--hash", newest.upper())[0] == 0
    with sqlite3.connect(clinic / "tagdrift.db") as database:  # by somebody who knows how
        for table in ("chain_links_no_update", "chain_links_no_delete"):
            database.execute(f"DROP TRIGGER {table}")
        for table in ("chain_links", "capture_blobs", "captures", "visits"):
            database.execute(f"DELETE FROM {table} WHERE scan_id = 3")
        database.execute("DELETE FROM scans WHERE id = 3")
    assert say("verify")[0] == 0, "by itself the shorter chain is sound"
    code, out, _ = say("verify", "--hash", newest)
    assert code == 1 and f"no scan has the hash {newest}: scans were cut off" in out
    assert say("verify", "--hash", "12ab")[0] == 2


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("verify", "clinik"), id="verify"),
        pytest.param(("incidents", "clinik"), id="incidents"),
        pytest.param(("approvals", "clinik"), id="approvals"),
        pytest.param(("check-health", "--site", "clinik"), id="check-health"),
    ],
)
def test_a_name_that_nobody_knows_is_no_all_clear(say: Say, clinic: Path, words: tuple[str, ...]) -> None:
    site = "{name: clinic, start: https://clinic.example/}"
    mail = "mail: {smtp: {host: 127.0.0.1, port: 9, security: none}, from: t@clinic.example, to: [o@clinic.example]}"
    (clinic / "tagdrift.yaml").write_text(f"sites: [{site}]\n{mail}\n", encoding="utf-8")
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert f"no site is called `clinik`\ntagdrift:   → known sites: clinic, {HOST}" in err
    store = open_store("sqlite:///tagdrift.db")
    assert store.deliveries() == (), "nobody is told of a site that is none"
    store.close()


@pytest.mark.parametrize("words", [("doctor",), ("scan", "http://127.0.0.1:9/")], ids=" ".join)
def test_a_driver_that_does_not_start_is_no_bug_of_ours(
    say: Say, clinic: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", "/bin/false")
    code, out, err = say(*words)
    assert code == 4
    assert "driver does not start" in out + err
    assert "libatomic1" in out + err
