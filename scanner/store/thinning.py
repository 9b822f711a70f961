"""Carry out a retention plan in SQL, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, Table, and_, bindparam, delete, exists, func, insert, select

from scanner.model import Retention
from scanner.store import blobs as content
from scanner.store.chain import manifest_of
from scanner.store.codec import text_bytes
from scanner.store.documents import digest
from scanner.store.reading import recorded_leaves, scan_records
from scanner.store.retention import plan
from scanner.store.tables import approvals, captures, removals, scans, visits


def thin(
    connection: Connection,
    site: str,
    now: datetime,
    retention: Retention,
    keep_pages: frozenset[str],
    keep_visits: Mapping[int, frozenset[str]],
) -> int:
    """Delete what `retention` no longer asks for; return how many captures went."""
    content.keep_sweeper_out(connection, alone=True)
    query = select(scans).where(scans.c.site == site).order_by(scans.c.id.desc())
    past = list(scan_records(connection, query, with_skipped=False))
    approved = connection.execute(
        select(approvals.c.scan_id).where(approvals.c.site == site).order_by(approvals.c.id.desc())
    ).scalars()
    todo = plan(past, list(approved), now, retention)
    named = frozenset().union(keep_pages, *keep_visits.values())
    keys = {page: digest(text_bytes(page)) for page in named}
    known = content.page_ids(connection, site, list(keys.values()))
    gone = 0
    for one in past:
        wanted = keep_pages | keep_visits.get(one.id, frozenset())
        kept = {known[keys[page]] for page in wanted if keys[page] in known}
        if one.id not in todo.whole:
            gone += _delete_pages(connection, captures, one.id, kept)
        if one.id in todo.expired:
            _expire(connection, one.id, now, kept)
    content.sweep(connection)
    return gone


def _delete_pages(connection: Connection, table: Table, scan_id: int, kept: Iterable[int]) -> int:
    """Delete a scan's rows but those of the pages to keep; return how many there were."""
    rows = connection.execute(select(table.c.page_id).where(table.c.scan_id == scan_id)).scalars().all()
    going = sorted(set(rows) - set(kept))
    if going:
        statement = delete(table).where(and_(table.c.scan_id == scan_id, table.c.page_id == bindparam("going")))
        connection.execute(statement, [{"going": page_id} for page_id in going])
    return len(going)


def _expire(connection: Connection, scan_id: int, now: datetime, kept: Iterable[int]) -> None:
    first_time = not connection.scalar(select(exists().where(removals.c.scan_id == scan_id)))
    leaves = tuple(recorded_leaves(connection, scan_id)) if first_time else ()
    if not _delete_pages(connection, visits, scan_id, kept) and not first_time:
        return
    left = connection.scalar(select(func.count()).select_from(visits).where(visits.c.scan_id == scan_id))
    if first_time:
        # The chain can vouch for the pages that stay only together with the list of all there were.
        manifest_id = content.put(connection, [manifest_of(leaves)])[0] if left else None
        row = {"scan_id": scan_id, "removed_at": now, "manifest_id": manifest_id}
        connection.execute(insert(removals), row)
    if not left:
        connection.execute(delete(scans).where(scans.c.id == scan_id))
