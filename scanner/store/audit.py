"""Is the store sound, and is it what was recorded? Reads everything it speaks about, a row at a time."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select, text

from scanner.model import ScanState
from scanner.store import approval_log
from scanner.store.chain import Evidence, Leaf, Link, problems
from scanner.store.codec import CodecError, text_bytes
from scanner.store.documents import INCIDENT, capture_digest, digest, unpack
from scanner.store.reading import blob, packed_capture, scan_record
from scanner.store.tables import blobs, capture_blobs, captures, chain_links, incidents, pages, removals, scans, visits


class Contents:
    """Digests of what is really stored, each blob read at most once. A damaged one has an empty digest."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[int, bytes] = {}

    def blob(self, blob_id: int) -> bytes:
        if blob_id not in self._known:
            packed = self._connection.scalar(select(blobs.c.packed).where(blobs.c.id == blob_id))
            self._known[blob_id] = _content_digest(packed)
        return self._known[blob_id]

    def capture(self, scan_id: int, page_id: int) -> bytes | None:
        """None: the capture is no longer kept."""
        found = packed_capture(self._connection, scan_id, page_id)
        if found is None:
            return None
        ids = self._connection.execute(
            select(capture_blobs.c.blob_id)
            .where(capture_blobs.c.scan_id == scan_id, capture_blobs.c.page_id == page_id)
            .order_by(capture_blobs.c.position)
        ).scalars()
        try:
            return capture_digest(unpack(found[0]), [self.blob(blob_id) for blob_id in ids])
        except CodecError:
            return b""


def _content_digest(packed: bytes | None) -> bytes:
    try:
        return digest(unpack(packed or b""))
    except CodecError:
        return b""


def check(connection: Connection) -> Iterator[str]:
    """Yield what is wrong with the database as such: its structure, and content that is not what its digest says."""
    if connection.dialect.name == "sqlite":
        for line in connection.execute(text("PRAGMA integrity_check")).scalars().all():
            if line != "ok":
                yield f"SQLite: {line}"
        for table, row, target, _ in connection.execute(text("PRAGMA foreign_key_check")).all():
            yield f"SQLite: row {row} of {table} points at a missing row of {target}"
    contents = Contents(connection)
    for blob_id, expected in connection.execute(select(blobs.c.id, blobs.c.digest)).all():
        if contents.blob(blob_id) != expected:
            yield f"blob {blob_id} is damaged"
    for page_id, page, expected in connection.execute(select(pages.c.id, pages.c.page, pages.c.digest)).all():
        if digest(text_bytes(page)) != expected:
            yield f"page {page_id} has another name than it was recorded with"
    kept = (
        select(captures.c.scan_id, captures.c.page_id, visits.c.capture_digest, pages.c.page)
        .join(visits, (visits.c.scan_id == captures.c.scan_id) & (visits.c.page_id == captures.c.page_id))
        .join(pages, pages.c.id == captures.c.page_id)
    )
    for scan_id, page_id, expected, page in connection.execute(kept).all():
        if contents.capture(scan_id, page_id) != expected:
            yield f"the capture of {page} in scan {scan_id} is damaged"

    for incident_id, document in connection.execute(select(incidents.c.id, incidents.c.document)).all():
        try:
            INCIDENT.load(unpack(document))
        except CodecError as error:
            yield f"incident {incident_id} cannot be read: {error}"


def verify_chain(connection: Connection, site: str) -> tuple[str, ...]:
    """Say where a site's finished scans are no longer what the chain recorded."""
    rows = connection.execute(
        select(chain_links.c.scan_id, chain_links.c.hash, chain_links.c.statement)
        .where(chain_links.c.site == site)
        .order_by(chain_links.c.id)
    ).all()
    links = [Link(scan_id, hash_, statement) for scan_id, hash_, statement in rows]
    finished = connection.execute(
        select(scans.c.id).where(scans.c.site == site, scans.c.state != ScanState.RUNNING.value).order_by(scans.c.id)
    ).scalars()
    linked = {link.scan_id for link in links}
    unlinked = [scan_id for scan_id in finished if scan_id not in linked]
    contents = Contents(connection)
    evidence = (_evidence(connection, link.scan_id, contents) for link in links)
    return problems(links, evidence, unlinked, approval_log.whole(connection, site))


def _evidence(connection: Connection, scan_id: int, contents: Contents) -> Evidence:
    removal = connection.execute(select(removals).where(removals.c.scan_id == scan_id)).one_or_none()
    removed = removal is not None
    manifest_id = removal.manifest_id if removal is not None else None
    try:
        scan = scan_record(connection, scan_id)
        manifest = None if manifest_id is None else blob(connection, manifest_id)
    except CodecError as error:
        return Evidence(None, removed=removed, damage=str(error))
    if scan is None:
        return Evidence(None, removed=removed)
    skipped_id = connection.scalar(select(scans.c.skipped_id).where(scans.c.id == scan_id))
    skipped = contents.blob(skipped_id) if skipped_id is not None else b""
    return Evidence(scan, skipped, tuple(_leaves(connection, scan_id, contents)), removed, manifest)


def _leaves(connection: Connection, scan_id: int, contents: Contents) -> Iterator[Leaf]:
    query = (
        select(visits.c.page_id, pages.c.page, visits.c.inventory_id, visits.c.capture_digest)
        .join(pages, pages.c.id == visits.c.page_id)
        .where(visits.c.scan_id == scan_id)
    )
    for page_id, page, inventory_id, recorded in connection.execute(query).all():
        capture = contents.capture(scan_id, page_id)
        yield Leaf(digest(text_bytes(page)), contents.blob(inventory_id), recorded if capture is None else capture)
