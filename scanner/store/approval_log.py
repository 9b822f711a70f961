"""The audit log about approvals, in the caller's transaction. Append-only: the database itself refuses changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, insert, select, text

from scanner.errors import StoreError
from scanner.model import Approval, ApprovalEvent, ScanRecord, ScanState
from scanner.store.chain import ApprovalLog
from scanner.store.tables import approval_events, approvals


def enter(connection: Connection, approval: Approval, scan: ScanRecord) -> None:
    """Add the approval of a whole scan, which must be a finished one of the site."""
    if scan.site != approval.site:
        raise StoreError(f"scan {scan.id} is of {scan.site}, not of {approval.site}")
    if scan.state is ScanState.RUNNING:
        raise StoreError(f"scan {scan.id} is still running", hint="approve it when it is finished")
    row = {
        "site": approval.site,
        "scan_id": approval.scan_id,
        "who": approval.who,
        "why": approval.why,
        "at": approval.at,
        "until": approval.until.isoformat() if approval.until else None,
        "approval_id": approval.id,
    }
    connection.execute(insert(approvals), row)


def whole(connection: Connection, site: str) -> ApprovalLog:
    """Return what a link of the site's hash chain seals, and is held against."""
    return ApprovalLog(of_site(connection, site)[::-1], events(connection))


def keep_writers_out(connection: Connection) -> None:
    """Wait for whoever is entering an approval: an entry that comes to light later, before ones that were read, would
    look like tampering. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE approvals, approval_events IN SHARE MODE"))


def of_site(connection: Connection, site: str) -> tuple[Approval, ...]:
    """Newest first."""
    query = select(approvals).where(approvals.c.site == site).order_by(approvals.c.id.desc())
    return tuple(
        Approval(
            row.site,
            row.scan_id,
            row.who,
            row.why,
            row.at,
            date.fromisoformat(row.until) if row.until else None,
            row.approval_id,
        )
        for row in connection.execute(query).all()
    )


def log(connection: Connection, events: Sequence[ApprovalEvent]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "at": event.at,
            "who": event.who,
            "action": event.action,
            "approval_id": event.approval_id,
            "sites": json.dumps(event.sites),
            "why": event.why,
            "document": event.document,
        }
        for event in events
    ]
    if rows:
        connection.execute(insert(approval_events), rows)


def events(connection: Connection) -> tuple[ApprovalEvent, ...]:
    """Oldest first."""
    query = select(approval_events).order_by(approval_events.c.id)
    return tuple(
        ApprovalEvent(row.at, row.who, row.action, row.approval_id, tuple(json.loads(row.sites)), row.why, row.document)
        for row in connection.execute(query).all()
    )
