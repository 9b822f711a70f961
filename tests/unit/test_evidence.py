"""An evidence archive holds what was recorded, proves absence, and notices every change to it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from rules.load import load_rules
from scanner.approvals import Acceptance, Acceptances
from scanner.approvals_log import event_of
from scanner.drift import compare
from scanner.errors import UsageError
from scanner.findings import findings
from scanner.incidents import update
from scanner.model import Coverage, Incident, Profile, ScanState
from scanner.service.compare import snapshot_of
from scanner.service.evidence import verify_evidence, write_evidence
from scanner.service.judge import RulesJudge
from scanner.store import MemoryStore
from tests.make import NOW, capture, page_url, request

JUDGE = RulesJudge(load_rules())


def scan(store: MemoryStore, day: int, *with_tag: str) -> int:
    now = NOW + timedelta(days=day)
    made = store.begin_scan("clinic", now, Profile(), "1", JUDGE.digest, "config")
    for path in ("/", "/blog"):
        page = replace(capture(path, [request()] if path in with_tag else []), browser="Chromium 141")
        store.save_visit(made.id, page, JUDGE.inventory(page), JUDGE.digest)
    return store.finish_scan(made.id, ScanState.COMPLETE, now, Coverage(planned=2, ok=2), ()).id


def settle(store: MemoryStore, old: int, new: int) -> None:
    before, after = (snapshot_of(store, store.scan(number), JUDGE) for number in (old, new))  # type: ignore[arg-type]
    drift = compare(before, after)
    known = store.incidents("clinic", open_only=True)
    changes = update("clinic", known, after, findings(drift, before, after), drift, before)
    store.settle(new, changes, lambda _: [], NOW)


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    scans = [scan(made, 0), scan(made, 1, "/"), scan(made, 2), scan(made, 3)]
    for old, new in pairwise(scans):
        settle(made, old, new)
    return made


@pytest.fixture
def incident(store: MemoryStore) -> Incident:
    (found,) = store.incidents("clinic")
    return found


@pytest.fixture
def archive(store: MemoryStore, incident: Incident, tmp_path: Path) -> Path:
    path = tmp_path / "incident.zip"
    assert write_evidence(store, JUDGE, incident, {"preset": "healthcare"}, NOW, path).missing == ()
    return path


def test_it_holds_traffic_findings_versions_and_both_ends_of_the_window(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        har = json.loads(opened.read("scan-2/traffic.har"))
        assert [e["request"]["url"].partition("?")[0] for e in har["log"]["entries"]] == [
            "https://ct.pinterest.com/v3/"
        ]
        (page,) = json.loads(opened.read("scan-2/detections.json"))
        assert page["detections"][0]["vendor"] == "pinterest"
        gone = json.loads(opened.read("scan-3/pages.json"))
        said = (
            "no pinterest/pinterest-tag 2612000000001 on 2 of 2 planned pages at {}: these were seen whole without it"
        )
        assert gone["sentence"] == said.format("2026-03-04 04:30 UTC")
        assert gone["pages"][0]["page"]["page"] == page_url("/") and gone["pages"][0]["proves_absence"]
        assert json.loads(opened.read("scan-3/scan.json"))["chain_hash"]
        assert json.loads(opened.read("scan-2/scan.json"))["browsers"] == ["Chromium 141"]
        (rule,) = json.loads(opened.read("rules.json"))
        assert rule["id"] == page["detections"][0]["rule"] and "ct.pinterest.com" in str(rule["when"])
        assert json.loads(opened.read("tool.json"))["rules_digest"] == JUDGE.digest


def test_it_proves_that_the_last_scan_before_did_not_have_it(archive: Path) -> None:
    """The window's first bound: every page of that scan is named, and each was seen whole."""
    assert archive.stat().st_mode & 0o077 == 0, "request bodies are in it"
    with zipfile.ZipFile(archive) as opened:
        scan = json.loads(opened.read("scan-1/scan.json"))
        before = json.loads(opened.read("scan-1/pages.json"))
    assert scan["did"] == "saw it absent" and scan["chain_hash"]
    assert before["sentence"].startswith("no pinterest/pinterest-tag 2612000000001 on 2 of 2 planned pages")
    assert [page["page"]["page"] for page in before["pages"]] == [page_url("/"), page_url("/blog")]
    assert all(page["proves_absence"] for page in before["pages"])


def test_an_untouched_archive_is_sound_and_the_same_evidence_gives_the_same_bytes(
    archive: Path, store: MemoryStore, incident: Incident, tmp_path: Path
) -> None:
    assert verify_evidence(archive).problems == ()
    again = tmp_path / "again.zip"
    write_evidence(store, JUDGE, incident, {"preset": "healthcare"}, NOW, again)
    assert again.read_bytes() == archive.read_bytes()


FORGERIES = {
    "incident.json": (b"pinterest", b"interpest"),
    "scan-2/traffic.har": (b"pinterest", b"interpest"),
    "manifest.json": (b'"site": "clinic"', b'"site": "other"'),
    "policy.json": (b"healthcare", b"observe"),
}


@pytest.mark.parametrize("victim", FORGERIES)
def test_a_changed_file_is_named(archive: Path, victim: str, tmp_path: Path) -> None:
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(forged, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            new.writestr(name, raw.replace(*FORGERIES[victim]) if name == victim else raw)
    assert any(victim in problem for problem in verify_evidence(forged).problems)


def test_a_file_that_was_added_or_taken_away_is_named(archive: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(forged, "w") as new:
        for name in old.namelist():
            if name != "approvals.json":
                new.writestr(name, old.read(name))
        new.writestr("extra.txt", b"believe me")
    assert verify_evidence(forged).problems == ("approvals.json is missing", "extra.txt is not in the manifest")


def test_folders_are_no_files_and_two_files_of_one_name_are_told(archive: Path) -> None:
    noted = verify_evidence(archive).manifest_digest
    with zipfile.ZipFile(archive, "a") as opened:
        opened.mkdir("scan-2")
    assert verify_evidence(archive).problems == () and verify_evidence(archive).manifest_digest == noted
    with zipfile.ZipFile(archive, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("policy.json", opened.read("policy.json"))
    assert verify_evidence(archive).problems == ("policy.json is there 2 times",)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.zip"
    path.write_bytes(b"no zip at all")
    with pytest.raises(UsageError, match="no evidence archive"):
        verify_evidence(path)


def test_it_holds_the_approvals_of_the_site_with_what_they_were_worth(
    store: MemoryStore, incident: Incident, tmp_path: Path
) -> None:
    here = Acceptance("a1", "kim", "campaign", until=NOW.date() - timedelta(days=1), vendor=("meta",))
    elsewhere = Acceptance("b2", "kim", "campaign", site=("shop",), vendor=("meta",))
    store.log_approvals([event_of(one, "approved", "kim", "campaign", NOW) for one in (here, elsewhere)])
    path = tmp_path / "approved.zip"
    write_evidence(store, JUDGE, incident, {}, NOW, path, Acceptances((here, elsewhere), exists=True))
    with zipfile.ZipFile(path) as opened:
        entries = json.loads(opened.read("approvals-file.json"))
        log = json.loads(opened.read("approvals-log.json"))
    assert [(one["id"], one["state"], one["vendor"]) for one in entries] == [("a1", "expired", "meta")]
    assert [(one["approval_id"], one["action"], one["who"]) for one in log] == [("a1", "approved", "kim")]
    assert verify_evidence(path).problems == ()


def test_an_archive_that_cannot_be_finished_leaves_nothing(
    store: MemoryStore, incident: Incident, tmp_path: Path
) -> None:
    with pytest.raises(TypeError):
        write_evidence(store, JUDGE, incident, {"preset": object()}, NOW, tmp_path / "half.zip")
    assert list(tmp_path.iterdir()) == []
