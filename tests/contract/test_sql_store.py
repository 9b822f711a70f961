"""What only a database can do wrong: damage, tampering, growth."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scanner.errors import StoreError
from scanner.model import ApprovalEvent, IncidentChange, IncidentChangeKind, Profile, Retention, ScanSummary
from scanner.store import open_store
from scanner.store.engine import connect, parse_url, transaction
from scanner.store.tables import blobs, metadata
from tests import make
from tests.contract.scans import LATER, begin, execute, finish, full_capture, past_scan, save
from tests.contract.test_casebook import incident
from tests.make import NOW, RULES

# --------------------------------------------------------------------------- damage and tampering


def test_the_audit_tables_refuse_changes(sql_url: str) -> None:
    store = open_store(sql_url)
    store.approve(make.approval(past_scan(store, 0).id))
    store.log_approvals([ApprovalEvent(NOW, "officer", "approved", "a1", (), "why", "{}")])
    for table, column in (("approvals", "scan_id"), ("chain_links", "scan_id"), ("approval_events", "id")):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = 7"):
            with pytest.raises(StoreError, match=f"{table} is append-only"):
                execute(sql_url, statement)
    assert len(store.approvals("clinic")) == 1
    store.close()


def not_append_only(url: str, table: str = "chain_links") -> list[str]:
    if url.startswith("sqlite"):
        return [f"DROP TRIGGER {table}_no_update", f"DROP TRIGGER {table}_no_delete"]
    return [f"DROP TRIGGER {table}_append_only ON {table}"]


OTHER_INVENTORY = "(SELECT MAX(id) FROM blobs)"


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        pytest.param(["UPDATE scans SET note = 'all fine' WHERE id = 1"], "scan 1: the scan's record", id="record"),
        pytest.param(["UPDATE scans SET started_at = 5 WHERE id = 1"], "scan 1: the scan's record", id="time"),
        pytest.param(["DELETE FROM visits WHERE scan_id = 1"], "scan 1: pages were", id="a visit deleted"),
        pytest.param(
            [f"UPDATE visits SET inventory_id = {OTHER_INVENTORY} WHERE scan_id = 1"],
            "scan 1: pages were",
            id="an inventory exchanged",
        ),
        pytest.param(["UPDATE captures SET packed = packed WHERE scan_id = 1"], None, id="nothing really changed"),
        pytest.param(
            ["UPDATE captures SET packed = (SELECT packed FROM captures WHERE scan_id = 2) WHERE scan_id = 1"],
            "scan 1: pages were",
            id="a capture exchanged",
        ),
        pytest.param(["DELETE FROM scans WHERE id = 1"], "scan 1: the scan was deleted, and not", id="a scan deleted"),
        pytest.param(
            [
                "INSERT INTO removals (scan_id, removed_at) VALUES (1, 0)",
                f"UPDATE visits SET inventory_id = {OTHER_INVENTORY} WHERE scan_id = 1",
            ],
            "scan 1: pages were",
            id="an exchange called retention",
        ),
        pytest.param(["CHAIN", "DELETE FROM chain_links WHERE scan_id = 1"], "scan 2: the entry before", id="a link"),
        pytest.param(
            ["CHAIN", "UPDATE chain_links SET hash = previous WHERE scan_id = 1"],
            "scan 1: its entry in the chain was changed",
            id="a hash",
        ),
        pytest.param(
            ["CHAIN", "DELETE FROM chain_links WHERE scan_id = 2"], "scan 2: finished, but missing", id="the last link"
        ),
    ],
)
def test_tampering_shows_in_the_chain(sql_url: str, statements: list[str], says: str | None) -> None:
    store = open_store(sql_url)
    for title in ("first", "second"):
        scan = begin(store)
        path = f"/{title}"
        store.save_visit(scan.id, make.capture(path, title=title), make.inventory(path, title=title), RULES)
        finish(store, scan)
    assert store.verify_chain("clinic") == ()
    steps = [step for one in statements for step in (not_append_only(sql_url) if one == "CHAIN" else [one])]
    execute(sql_url, *steps)
    found = store.verify_chain("clinic")
    store.close()
    if says is None:
        assert found == ()
    else:
        assert any(line.startswith(says) for line in found), found


FORGED_LOG = {
    "approval_events": ["UPDATE approval_events SET who = 'somebody else'"],
    "approvals": ["UPDATE approvals SET why = 'because'"],
    "a deleted line": ["DELETE FROM approval_events WHERE id = 1"],
}


@pytest.mark.parametrize("forgery", FORGED_LOG)
def test_tampering_with_who_approved_what_shows_in_the_chain(sql_url: str, forgery: str) -> None:
    store = open_store(sql_url)
    first = past_scan(store, 0)
    store.approve(make.approval(first.id))
    store.log_approvals([ApprovalEvent(NOW, "officer", "approved", name, (), "why", "{}") for name in ("a1", "a2")])
    past_scan(store, 1)
    past_scan(store, 2)
    store.log_approvals([ApprovalEvent(NOW, "officer", "revoked", "a1", (), "why", "{}")])
    assert store.verify_chain("clinic") == (), "what came later is sealed by the next scan"
    execute(sql_url, *(step for table in ("approvals", "approval_events") for step in not_append_only(sql_url, table)))
    execute(sql_url, *FORGED_LOG[forgery])
    found = store.verify_chain("clinic")
    store.close()
    assert found == ("scan 2: what had been approved until then was changed or deleted afterwards",)


@pytest.mark.parametrize("change", ["started_at = 'yesterday'", "coverage = 'x'", "profile = 'x'", "state = 'x'"])
def test_a_record_that_cannot_be_read_is_tampering_and_no_bug(sqlite_url: str, change: str) -> None:
    """SQLite takes any value in any column."""
    store = open_store(sqlite_url)
    past_scan(store, 0)
    execute(sqlite_url, f"UPDATE scans SET {change}")
    (found,) = store.verify_chain("clinic")
    assert found.startswith("scan 1: the scan's record cannot be read")
    with pytest.raises(StoreError, match="unreadable"):
        store.scans("clinic")
    assert [scan_id for scan_id, _ in store.hashes("clinic")] == [1]
    store.close()


def test_damaged_content_is_found_and_read_as_an_error(sql_url: str) -> None:
    store = open_store(sql_url)
    scan = begin(store)
    store.save_visit(scan.id, full_capture(), make.inventory("/"), RULES)
    finish(store, scan)
    garbage = "x'28b52ffd00'" if sql_url.startswith("sqlite") else r"'\x28b52ffd00'"
    execute(sql_url, f"UPDATE blobs SET packed = {garbage}")
    assert any("blob 1 is damaged" in line for line in store.check())
    assert any("the capture of" in line for line in store.check())
    assert store.verify_chain("clinic") != ()
    with pytest.raises(StoreError, match=r"capture of https://www\.clinic\.example/ in scan 1"):
        list(store.captures(scan.id))
    with pytest.raises(StoreError, match="unreadable"):
        list(store.inventories(scan.id))
    store.close()


def test_an_incident_that_cannot_be_read_is_found(sql_url: str) -> None:
    store = open_store(sql_url)
    scan = past_scan(store, 0)
    change = IncidentChange(IncidentChangeKind.OPENED, incident(scan.id))
    store.settle(scan.id, [change], lambda _: [], NOW)
    assert store.check() == ()
    execute(sql_url, "UPDATE incidents SET document = (SELECT packed FROM blobs LIMIT 1)")
    (found,) = store.check()
    store.close()
    assert found.startswith("incident 1 cannot be read")


def test_a_damaged_sqlite_file_is_found(sqlite_url: str) -> None:
    store = open_store(sqlite_url)
    past_scan(store, 0)
    store.close()
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("DELETE FROM pages")
    connection.commit()
    connection.close()
    store = open_store(sqlite_url)
    assert any("points at a missing row of pages" in line for line in store.check())
    store.close()


def test_a_store_in_use_by_another_writer_waits_for_it(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.store.engine.BUSY_TIMEOUT_S", 0.05)
    store = open_store(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"locked[\s\S]*another process"):
        begin(store)
    assert store.sites() == (), "readers do not wait"
    other.execute("COMMIT")
    assert begin(store).site == "clinic"
    other.close()
    store.close()


# --------------------------------------------------------------------------- growth and memory


def stored_bytes(url: str) -> int:
    engine = connect(parse_url(url))
    with transaction(engine, writes=False) as connection:
        size: Any = connection.scalar(
            text(
                "SELECT (SELECT COALESCE(SUM(LENGTH(packed)), 0) FROM blobs)"
                " + (SELECT COALESCE(SUM(LENGTH(packed)), 0) FROM captures)"
            )
        )
    engine.dispose()
    return int(size)


def test_an_unchanged_scan_adds_no_content(sql_url: str) -> None:
    store = open_store(sql_url)
    sizes = []
    for day in range(3):
        scan = begin(store, day=day)
        for n in range(5):
            capture = replace(full_capture(f"/{n}"), started_at=NOW, duration_ms=day * 1000 + n)
            store.save_visit(scan.id, capture, make.inventory(f"/{n}", [make.sighting()]), RULES)
        finish(store, scan)
        store.thin("clinic", LATER, Retention(), frozenset())
        sizes.append(stored_bytes(sql_url))
    assert sizes[2] - sizes[1] < 50, sizes
    store.close()


def test_nothing_is_left_of_what_was_replaced_or_expired(sql_url: str) -> None:
    store = open_store(sql_url)
    old = begin(store)
    store.save_visit(old.id, full_capture(), make.inventory("/", title="first"), "old-rules")
    store.save_visit(old.id, make.capture("/"), make.inventory("/", title="second"), RULES)
    store.save_inventories(old.id, [make.inventory("/", title="third")], "other-rules")
    finish(store, old)
    new = begin(store, day=1, profile=Profile())
    save(store, new, "/new")
    finish(store, new)
    store.thin("clinic", LATER, Retention(keep_scans=0, keep_days=0), frozenset())
    engine = connect(parse_url(sql_url))
    with transaction(engine, writes=False) as connection:
        counts = {
            table: connection.scalar(text(f"SELECT COUNT(*) FROM {table}"))
            for table in ("scans", "visits", "captures", "capture_blobs", "rematches", "pages", "rule_sets", "blobs")
        }
    engine.dispose()
    assert counts == {
        "scans": 1,
        "visits": 1,
        "captures": 1,
        "capture_blobs": 0,
        "rematches": 0,
        "pages": 1,
        "rule_sets": 1,
        "blobs": 2,  # the inventory and the empty list of skipped pages
    }
    store.close()


def test_every_pointer_at_a_blob_keeps_it_from_the_sweeper(sql_url: str) -> None:
    pointers = {
        (table.name, key.parent.name)
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table is blobs
    }
    store = open_store(sql_url)
    old = begin(store)
    for path in ("/", "/with-finding"):
        store.save_visit(old.id, full_capture(path), make.inventory(path), RULES)
    store.save_inventories(old.id, [make.inventory("/with-finding", title="re-matched")], RULES)
    finish(store, old)
    past_scan(store, 1)
    store.save_summary(old.id, ScanSummary(pages=2))
    store.thin("clinic", LATER, Retention(keep_scans=0, keep_days=0), frozenset({make.page_url("/with-finding")}))
    engine = connect(parse_url(sql_url))
    with transaction(engine, writes=False) as connection:
        for table, column in pointers:
            used = connection.scalar(text(f"SELECT COUNT({column}) FROM {table}"))
            assert used, f"nothing in {table}.{column}: this test no longer covers it"
    engine.dispose()
    assert store.check() == ()
    store.close()
