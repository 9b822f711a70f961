"""Incidents and the outbox in the database: what happens inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from scanner.errors import StoreError
from scanner.model import (
    Delivery,
    DeliveryState,
    Incident,
    IncidentChange,
    IncidentChangeKind,
    IncidentEntry,
    IncidentState,
)
from scanner.ports import Compose
from scanner.store.blobs import insert_new
from scanner.store.documents import INCIDENT, pack, unpack
from scanner.store.tables import deliveries, incident_entries, incidents, settled_scans


def settle(
    connection: Connection, scan_id: int, changes: Sequence[IncidentChange], compose: Compose, at: datetime
) -> bool:
    """See `Store.settle`. The first of two processes inserts the mark; the other waits, and finds it."""
    mark = insert_new(connection, settled_scans).returning(settled_scans.c.scan_id)
    if connection.execute(mark, {"scan_id": scan_id, "at": at}).first() is None:
        return False
    entered = [replace(change, incident=_save(connection, change.incident)) for change in changes]
    rows = [
        {
            "incident_id": change.incident.id,
            "scan_id": scan_id,
            "at": at,
            "kind": change.kind.value,
            "reasons": json.dumps(change.reasons),
        }
        for change in entered
    ]
    if rows:
        connection.execute(insert(incident_entries), rows)
    record(connection, compose(entered))
    return True


def _save(connection: Connection, incident: Incident) -> Incident:
    row = {"site": incident.site, "state": incident.state.value}
    if incident.id:
        written = row | {"document": pack(INCIDENT.dumps(incident))}
        done = connection.execute(update(incidents).where(incidents.c.id == incident.id), written)
        if done.rowcount != 1:
            raise StoreError(f"there is no incident {incident.id} in the store")
        return incident
    number = connection.execute(
        insert(incidents).returning(incidents.c.id), row | {"document": pack(INCIDENT.dumps(incident))}
    ).scalar_one()
    return replace(incident, id=number)


def is_settled(connection: Connection, scan_id: int) -> bool:
    return connection.scalar(select(settled_scans.c.scan_id).where(settled_scans.c.scan_id == scan_id)) is not None


def find_incidents(
    connection: Connection, site: str | None = None, *, open_only: bool = False, incident_id: int | None = None
) -> Iterator[Incident]:
    query: Select[Any] = select(incidents.c.id, incidents.c.document).order_by(incidents.c.id.desc())
    if site is not None:
        query = query.where(incidents.c.site == site)
    if open_only:
        query = query.where(incidents.c.state == IncidentState.OPEN.value)
    if incident_id is not None:
        query = query.where(incidents.c.id == incident_id)
    for number, document in connection.execute(query).all():
        # The id is the row's: the document was written before it was known.
        yield replace(INCIDENT.load(unpack(document)), id=number)


def history(connection: Connection, incident_id: int) -> tuple[IncidentEntry, ...]:
    query = (
        select(incident_entries).where(incident_entries.c.incident_id == incident_id).order_by(incident_entries.c.id)
    )
    return tuple(
        IncidentEntry(
            row.incident_id, row.scan_id, row.at, IncidentChangeKind(row.kind), tuple(json.loads(row.reasons))
        )
        for row in connection.execute(query).all()
    )


def record(connection: Connection, messages: Sequence[Delivery]) -> int:
    new = 0
    for message in messages:
        row = {
            "key": message.key,
            "channel": message.channel,
            "recipient": message.recipient,
            "subject": message.subject,
            "content": pack(message.content),
            "created_at": message.created_at,
            "next_try_at": message.next_try_at,
            "state": DeliveryState.WAITING.value,
            "attempts": 0,
        }
        statement = insert_new(connection, deliveries).returning(deliveries.c.id)
        new += connection.execute(statement, row).first() is not None
    return new


def due(connection: Connection, now: datetime, limit: int) -> tuple[Delivery, ...]:
    query = (
        select(deliveries)
        .where(deliveries.c.state == DeliveryState.WAITING.value, deliveries.c.next_try_at <= now)
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    return tuple(map(_delivery, connection.execute(query).all()))


def newest(connection: Connection, limit: int) -> tuple[Delivery, ...]:
    query = select(deliveries).order_by(deliveries.c.id.desc()).limit(limit)
    return tuple(map(_delivery, connection.execute(query).all()))


def claim(connection: Connection, delivery_id: int, now: datetime, until: datetime) -> bool:
    # One statement: of two senders the second finds the time moved on.
    done = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.id == delivery_id,
            deliveries.c.state == DeliveryState.WAITING.value,
            deliveries.c.next_try_at <= now,
        )
        .values(next_try_at=until, attempts=deliveries.c.attempts + 1)
    )
    return done.rowcount == 1


def sent(connection: Connection, delivery_id: int, now: datetime) -> None:
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(state=DeliveryState.SENT.value, sent_at=now, error=None)
    )


def not_sent(connection: Connection, delivery_id: int, error: str, next_try_at: datetime | None) -> None:
    values: dict[str, Any] = {"error": error}
    if next_try_at is None:
        values["state"] = DeliveryState.GIVEN_UP.value
    else:
        values["next_try_at"] = next_try_at
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))


def _delivery(row: Any) -> Delivery:
    return Delivery(
        key=row.key,
        channel=row.channel,
        recipient=row.recipient,
        subject=row.subject,
        content=unpack(row.content),
        created_at=row.created_at,
        next_try_at=row.next_try_at,
        id=row.id,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        sent_at=row.sent_at,
        error=row.error,
    )
