"""Content-addressed rows in SQL: equal content is stored once, found by its SHA-256."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Insert, Table, delete, exists, select, text
from sqlalchemy.dialects import postgresql, sqlite

from scanner.store.documents import digest, pack
from scanner.store.tables import (
    blobs,
    capture_blobs,
    pages,
    rematches,
    removals,
    rule_sets,
    scan_summaries,
    scans,
    visits,
)

T = TypeVar("T")
BATCH = 400
"""Values per `IN (…)`; both databases allow far more."""
_SWEEP_LOCK = 0x7461_6764_7377_6570
"""Advisory lock of PostgreSQL, `tagdswep` in ASCII."""


def batches(values: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def keep_sweeper_out(connection: Connection, *, alone: bool = False) -> None:
    """Make sure that no content is swept away between finding it and pointing at it.

    Writers share the lock, the sweeper (`alone`) waits for all of them. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        name = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {name}(:key)"), {"key": _SWEEP_LOCK})


def insert_new(connection: Connection, table: Table) -> Insert:
    """An INSERT that leaves rows alone that are there already."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def put(connection: Connection, contents: Sequence[bytes], digests: Sequence[bytes] | None = None) -> list[int]:
    """Store each content unless it is there already; return their ids in the same order.

    `digests`: of the contents, if the caller knows them.
    """
    keys = [digest(content) for content in contents] if digests is None else digests
    by_digest = dict(zip(keys, contents, strict=True))

    def row(key: bytes) -> Mapping[str, Any]:
        return {"digest": key, "size_bytes": len(by_digest[key]), "packed": pack(by_digest[key])}

    ids = _ids(connection, blobs, blobs.c.digest, list(by_digest), row)
    return [ids[key] for key in keys]


def rule_set_id(connection: Connection, rules_digest: str) -> int:
    return _ids(connection, rule_sets, rule_sets.c.digest, [rules_digest], lambda key: {"digest": key})[rules_digest]


def page_ids(connection: Connection, site: str, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Return the ids of those pages of a site, named by the digest of their URL, that the store knows."""
    found: dict[bytes, int] = {}
    for batch in batches(digests):
        query = select(pages.c.digest, pages.c.id).where(pages.c.site == site, pages.c.digest.in_(batch))
        found.update(connection.execute(query).all())
    return found


def page_id(connection: Connection, site: str, page: str, key: bytes) -> int:
    known = page_ids(connection, site, [key])
    if not known:
        connection.execute(insert_new(connection, pages), {"site": site, "digest": key, "page": page})
        known = page_ids(connection, site, [key])
    return known[key]


def _ids(
    connection: Connection, table: Table, column: Column[T], keys: Sequence[T], row: Callable[[T], Mapping[str, Any]]
) -> dict[T, int]:
    found: dict[T, int] = {}

    def look_up(wanted: Sequence[T]) -> None:
        for batch in batches(wanted):
            found.update(connection.execute(select(column, table.c.id).where(column.in_(batch))).all())

    look_up(keys)
    # One order for all writers: two of them cannot wait for each other's rows.
    missing = sorted((key for key in keys if key not in found), key=str)
    if missing:
        connection.execute(insert_new(connection, table), [row(key) for key in missing])
        look_up(missing)
    return found


def sweep(connection: Connection) -> None:
    """Delete content, pages and rule sets that nothing points at any more. Needs `keep_sweeper_out(alone=True)`."""
    for table, users in (
        (
            blobs,
            (
                visits.c.inventory_id,
                rematches.c.inventory_id,
                capture_blobs.c.blob_id,
                scans.c.skipped_id,
                removals.c.manifest_id,
                scan_summaries.c.counts_id,
                scan_summaries.c.summary_id,
            ),
        ),
        (pages, (visits.c.page_id,)),
        (rule_sets, (visits.c.rule_set_id, rematches.c.rule_set_id)),
    ):
        unused = [~exists().where(user == table.c.id) for user in users]
        connection.execute(delete(table).where(*unused))
