"""Values → rows: a scan from its beginning to its end, its visits and inventories.

Every function writes inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from scanner.errors import StoreError
from scanner.model import (
    Coverage,
    PageCapture,
    PageInventory,
    Profile,
    ScanKind,
    ScanRecord,
    ScanState,
    SkippedPage,
)
from scanner.store import approval_log, reading
from scanner.store import blobs as content
from scanner.store.chain import START, link_of
from scanner.store.codec import text_bytes
from scanner.store.documents import CAPTURE, COVERAGE, INVENTORY, PROFILE, SKIPPED, capture_digest, digest, pack
from scanner.store.tables import capture_blobs, captures, chain_links, rematches, scans, visits


def known_scan(connection: Connection, scan_id: int) -> ScanRecord:
    record = reading.scan_record(connection, scan_id)
    if record is None:
        raise unknown_scan(scan_id)
    return record


def unknown_scan(scan_id: int) -> StoreError:
    return StoreError(f"there is no scan {scan_id} in the store")


def begin_scan(
    connection: Connection,
    site: str,
    now: datetime,
    profile: Profile,
    *,
    tool_version: str,
    rules_digest: str,
    config_digest: str,
    kind: ScanKind,
) -> ScanRecord:
    row = {
        "site": site,
        "state": ScanState.RUNNING.value,
        "started_at": now,
        "last_activity_at": now,
        "profile": PROFILE.dumps(profile),
        "coverage": COVERAGE.dumps(Coverage()),
        "tool_version": tool_version,
        "rules_digest": rules_digest,
        "config_digest": config_digest,
        "kind": kind.value,
    }
    return known_scan(connection, connection.execute(insert(scans).returning(scans.c.id), row).scalar_one())


def finish_scan(
    connection: Connection,
    scan_id: int,
    state: ScanState,
    now: datetime,
    coverage: Coverage,
    skipped: Sequence[SkippedPage],
    note: str | None,
) -> ScanRecord:
    """Close a running scan and chain it to the site's last one."""
    site = _open_scan(connection, scan_id).site
    content.keep_sweeper_out(connection)
    changes = {
        "state": state.value,
        "ended_at": now,
        "coverage": COVERAGE.dumps(coverage),
        "skipped_id": content.put(connection, [SKIPPED.dumps(tuple(skipped))])[0],
        "note": note,
    }
    connection.execute(update(scans).where(scans.c.id == scan_id), changes)
    record = known_scan(connection, scan_id)
    previous = connection.scalar(
        select(chain_links.c.hash).where(chain_links.c.site == site).order_by(chain_links.c.id.desc()).limit(1)
    )
    approval_log.keep_writers_out(connection)
    approved = approval_log.whole(connection, site)
    link = link_of(record, reading.recorded_leaves(connection, scan_id), previous or START, approved)
    row = {
        "site": site,
        "scan_id": scan_id,
        "previous": previous or START,
        "hash": link.hash,
        "statement": link.statement,
    }
    connection.execute(insert(chain_links), row)
    return record


@dataclass(frozen=True, slots=True)
class EncodedVisit:
    """A visit ready to be written: encoded before the transaction, for while it lasts nobody else can write."""

    page: str
    ended_at: datetime
    packed: bytes
    capture_digest: bytes
    contents: tuple[bytes, ...]
    """The inventory, then the capture's parts."""
    digests: tuple[bytes, ...]
    """Of `contents`."""


def encode_visit(capture: PageCapture, inventory: PageInventory) -> EncodedVisit:
    document, parts = CAPTURE.dump(capture)
    recorded = INVENTORY.dumps(inventory)
    digests = [digest(recorded), *(digest(part) for part in parts)]
    return EncodedVisit(
        page=capture.page,
        ended_at=capture.started_at + timedelta(milliseconds=capture.duration_ms),
        packed=pack(document),
        capture_digest=capture_digest(document, digests[1:]),
        contents=(recorded, *parts),
        digests=tuple(digests),
    )


def save_visit(connection: Connection, scan_id: int, visit: EncodedVisit, rules_digest: str) -> None:
    """Save a visit whole, in the place of an earlier one of the same page."""
    scan = _open_scan(connection, scan_id)
    content.keep_sweeper_out(connection)
    page_id = content.page_id(connection, scan.site, visit.page, digest(text_bytes(visit.page)))
    inventory_id, *part_ids = content.put(connection, visit.contents, visit.digests)
    key: dict[str, Any] = {"scan_id": scan_id, "page_id": page_id}
    connection.execute(delete(visits).where(visits.c.scan_id == scan_id, visits.c.page_id == page_id))
    row = key | {
        "ended_at": visit.ended_at,
        "rule_set_id": content.rule_set_id(connection, rules_digest),
        "inventory_id": inventory_id,
        "capture_digest": visit.capture_digest,
    }
    connection.execute(insert(visits), row)
    connection.execute(insert(captures), key | {"packed": visit.packed})
    if part_ids:
        rows = [key | {"position": at, "blob_id": blob_id} for at, blob_id in enumerate(part_ids)]
        connection.execute(insert(capture_blobs), rows)
    if visit.ended_at > scan.last_activity_at:
        connection.execute(update(scans).where(scans.c.id == scan_id), {"last_activity_at": visit.ended_at})


def encode_inventories(inventories: Sequence[PageInventory]) -> list[tuple[str, bytes]]:
    """Return (page, inventory as stored) of each."""
    return [(inventory.page, INVENTORY.dumps(inventory)) for inventory in inventories]


def save_inventories(
    connection: Connection, scan_id: int, inventories: Sequence[tuple[str, bytes]], rules_digest: str
) -> None:
    """Put re-matched inventories beside the recorded ones of a scan's visits."""
    content.keep_sweeper_out(connection)
    site = known_scan(connection, scan_id).site
    keys = [digest(text_bytes(page)) for page, _ in inventories]
    known = content.page_ids(connection, site, keys)
    visited = dict(reading.visited(connection, scan_id))
    rule_set_id = content.rule_set_id(connection, rules_digest)
    blob_ids = content.put(connection, [recorded for _, recorded in inventories])
    rows: dict[int, dict[str, int]] = {}
    for key, blob_id, (page, _) in zip(keys, blob_ids, inventories, strict=True):
        page_id = known.get(key)
        if page_id not in visited:
            raise StoreError(f"scan {scan_id} has no visit of {page}")
        rows[page_id] = {
            "scan_id": scan_id,
            "page_id": page_id,
            "rule_set_id": rule_set_id,
            "inventory_id": blob_id,
        }
    for batch in content.batches(list(rows)):
        connection.execute(delete(rematches).where(rematches.c.scan_id == scan_id, rematches.c.page_id.in_(batch)))
        connection.execute(insert(rematches), [rows[page_id] for page_id in batch])


def _open_scan(connection: Connection, scan_id: int) -> Any:
    """Return the row (site, state, last_activity_at) of a running scan, locked against being finished meanwhile."""
    query = select(scans.c.site, scans.c.state, scans.c.last_activity_at).where(scans.c.id == scan_id)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise unknown_scan(scan_id)
    if row.state != ScanState.RUNNING.value:
        raise StoreError(f"scan {scan_id} is finished: nothing can be added to it")
    return row
