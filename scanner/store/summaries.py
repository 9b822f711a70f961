"""Scans in numbers, in the database: what happens inside one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from scanner.model import ScanSummary, TagCount
from scanner.store import blobs as content
from scanner.store.documents import SUMMARY, TAG_COUNTS, unpack
from scanner.store.tables import blobs, scan_summaries, scans


def save(connection: Connection, scan_id: int, summary: ScanSummary) -> None:
    # The counts stand apart: a timeline reads those of every scan, and nothing else.
    documents = [TAG_COUNTS.dumps(summary.tags), SUMMARY.dumps(summary)]
    counts_id, summary_id = content.put(connection, documents)
    connection.execute(delete(scan_summaries).where(scan_summaries.c.scan_id == scan_id))
    row = {"scan_id": scan_id, "counts_id": counts_id, "summary_id": summary_id}
    connection.execute(insert(scan_summaries), row)


def summary(connection: Connection, scan_id: int) -> ScanSummary | None:
    query = (
        select(blobs.c.packed)
        .join(scan_summaries, scan_summaries.c.summary_id == blobs.c.id)
        .where(scan_summaries.c.scan_id == scan_id)
    )
    packed = connection.scalar(query)
    return None if packed is None else SUMMARY.load(unpack(packed))


def tag_counts(connection: Connection, site: str) -> dict[int, tuple[TagCount, ...]]:
    of_site = (
        select(scan_summaries.c.scan_id, scan_summaries.c.counts_id)
        .join(scans, scans.c.id == scan_summaries.c.scan_id)
        .where(scans.c.site == site)
    )
    blob_of: dict[int, int] = {row.scan_id: row.counts_id for row in connection.execute(of_site)}
    loaded: dict[int, tuple[TagCount, ...]] = {}
    for batch in content.batches(sorted(set(blob_of.values()))):
        rows = connection.execute(select(blobs.c.id, blobs.c.packed).where(blobs.c.id.in_(batch)))
        loaded.update((blob_id, TAG_COUNTS.load(unpack(packed))) for blob_id, packed in rows)
    return {scan_id: loaded[blob_id] for scan_id, blob_id in blob_of.items()}
