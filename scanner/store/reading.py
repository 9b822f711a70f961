"""Rows → values: scans, captures, inventories. Every function reads inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection, RowMapping, Select, func, select

from scanner.model import PageCapture, PageInventory, ScanKind, ScanRecord, ScanState, SkippedPage
from scanner.store.chain import Leaf
from scanner.store.codec import CodecError
from scanner.store.documents import CAPTURE, COVERAGE, PROFILE, SKIPPED, unpack
from scanner.store.tables import blobs, capture_blobs, captures, pages, rematches, rule_sets, scans, visits


def scan_records(
    connection: Connection, query: Select[tuple[object, ...]], *, with_skipped: bool = True
) -> Iterator[ScanRecord]:
    """Read the scans that `query` over the table `scans` selects; lists of skipped pages are read once each."""
    skipped: dict[int, tuple[SkippedPage, ...]] = {}
    try:
        rows = connection.execute(query).mappings().all()
    except (TypeError, ValueError) as error:  # SQLite takes any text for a number
        raise CodecError(f"the record of a scan: {error}") from error
    for row in rows:
        blob_id = row["skipped_id"]
        if with_skipped and blob_id is not None and blob_id not in skipped:
            skipped[blob_id] = SKIPPED.load(blob(connection, blob_id))
        yield _scan_record(row, skipped.get(blob_id, ()))


def _scan_record(row: RowMapping, skipped: tuple[SkippedPage, ...]) -> ScanRecord:
    try:
        return ScanRecord(
            id=row["id"],
            site=row["site"],
            state=ScanState(row["state"]),
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            coverage=COVERAGE.load(row["coverage"]),
            skipped=skipped,
            profile=PROFILE.load(row["profile"]),
            tool_version=row["tool_version"],
            rules_digest=row["rules_digest"],
            note=row["note"],
            config_digest=row["config_digest"],
            kind=ScanKind(row["kind"]),
        )
    except ValueError as error:
        raise CodecError(f"the record of scan {row['id']}: {error}") from error


def scan_record(connection: Connection, scan_id: int) -> ScanRecord | None:
    return next(scan_records(connection, select(scans).where(scans.c.id == scan_id)), None)


def blob(connection: Connection, blob_id: int) -> bytes:
    packed = connection.scalar(select(blobs.c.packed).where(blobs.c.id == blob_id))
    if packed is None:
        raise CodecError(f"blob {blob_id} is missing")
    return unpack(packed)


def visited(connection: Connection, scan_id: int, *, with_capture: bool = False) -> list[tuple[int, str]]:
    """Return (page id, page) of a scan's visits, in the order of the pages' code points."""
    source = captures if with_capture else visits
    query = select(pages.c.id, pages.c.page).join(source, source.c.page_id == pages.c.id)
    rows = connection.execute(query.where(source.c.scan_id == scan_id)).all()
    # Sorted here: databases differ in how they order text.
    return sorted(((page_id, page) for page_id, page in rows), key=lambda row: row[1])


def packed_capture(connection: Connection, scan_id: int, page_id: int) -> tuple[bytes, list[bytes]] | None:
    """Return a capture's document and blobs, all packed; None if it is no longer kept."""
    packed = connection.scalar(
        select(captures.c.packed).where(captures.c.scan_id == scan_id, captures.c.page_id == page_id)
    )
    if packed is None:
        return None
    parts = connection.execute(
        select(blobs.c.packed)
        .join(capture_blobs, capture_blobs.c.blob_id == blobs.c.id)
        .where(capture_blobs.c.scan_id == scan_id, capture_blobs.c.page_id == page_id)
        .order_by(capture_blobs.c.position)
    )
    return packed, list(parts.scalars())


def load_capture(packed: bytes, parts: Sequence[bytes]) -> PageCapture:
    return CAPTURE.load(unpack(packed), [unpack(part) for part in parts])


def inventory_batch(
    connection: Connection, scan_id: int, page_ids: Sequence[int], load: Callable[[bytes], PageInventory]
) -> dict[int, tuple[PageInventory, str]]:
    """Return page id → (inventory, rules digest), the re-matched one where there is one."""
    query = (
        select(visits.c.page_id, blobs.c.packed, rule_sets.c.digest)
        .outerjoin(rematches, (rematches.c.scan_id == visits.c.scan_id) & (rematches.c.page_id == visits.c.page_id))
        .join(blobs, blobs.c.id == func.coalesce(rematches.c.inventory_id, visits.c.inventory_id))
        .join(rule_sets, rule_sets.c.id == func.coalesce(rematches.c.rule_set_id, visits.c.rule_set_id))
        .where(visits.c.scan_id == scan_id, visits.c.page_id.in_(page_ids))
    )
    rows = connection.execute(query).all()
    return {page_id: (load(unpack(packed)), rules) for page_id, packed, rules in rows}


def recorded_leaves(connection: Connection, scan_id: int) -> Iterator[Leaf]:
    """Yield what the scan's visits say they recorded, re-matching left aside."""
    query = (
        select(pages.c.digest, blobs.c.digest, visits.c.capture_digest)
        .join(pages, pages.c.id == visits.c.page_id)
        .join(blobs, blobs.c.id == visits.c.inventory_id)
        .where(visits.c.scan_id == scan_id)
    )
    for page, inventory, capture in connection.execute(query).all():
        yield Leaf(page, inventory, capture)
