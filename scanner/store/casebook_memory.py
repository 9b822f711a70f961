"""Incidents and the outbox in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scanner.errors import StoreError
from scanner.model import Delivery, DeliveryState, Incident, IncidentChange, IncidentEntry, IncidentState
from scanner.ports import Compose


@dataclass(slots=True)
class Casebook:
    incidents: dict[int, Incident] = field(default_factory=dict)
    entries: list[IncidentEntry] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    outbox: dict[int, Delivery] = field(default_factory=dict)

    def settle(self, scan_id: int, changes: Sequence[IncidentChange], compose: Compose, at: datetime) -> bool:
        if scan_id in self.settled:
            return False
        unknown = [c.incident.id for c in changes if c.incident.id and c.incident.id not in self.incidents]
        if unknown:
            raise StoreError(f"there is no incident {unknown[0]} in the store")
        fresh = len(self.incidents)
        entered: list[IncidentChange] = []
        for change in changes:
            if not change.incident.id:
                fresh += 1
                change = replace(change, incident=replace(change.incident, id=fresh))
            entered.append(change)
        messages = compose(entered)  # may fail: nothing is entered before
        self.settled.add(scan_id)
        for change in entered:
            self.incidents[change.incident.id] = change.incident
            self.entries.append(IncidentEntry(change.incident.id, scan_id, at, change.kind, change.reasons))
        self.record(messages)
        return True

    def find(self, site: str | None, *, open_only: bool) -> tuple[Incident, ...]:
        return tuple(
            incident
            for incident in reversed(self.incidents.values())
            if site in (None, incident.site) and (not open_only or incident.state is IncidentState.OPEN)
        )

    def record(self, messages: Sequence[Delivery]) -> int:
        new = 0
        for message in messages:
            if all(message.key != known.key for known in self.outbox.values()):
                number = len(self.outbox) + 1
                self.outbox[number] = replace(message, id=number, state=DeliveryState.WAITING, attempts=0)
                new += 1
        return new

    def due(self, now: datetime) -> tuple[Delivery, ...]:
        return tuple(m for m in self.outbox.values() if m.state is DeliveryState.WAITING and m.next_try_at <= now)

    def claim(self, delivery_id: int, now: datetime, until: datetime) -> bool:
        message = self.outbox.get(delivery_id)
        if message is None or message.state is not DeliveryState.WAITING or message.next_try_at > now:
            return False
        self.change(delivery_id, next_try_at=until, attempts=message.attempts + 1)
        return True

    def change(self, delivery_id: int, **changes: Any) -> None:
        if delivery_id in self.outbox:
            self.outbox[delivery_id] = replace(self.outbox[delivery_id], **changes)
