"""Incidents and the outbox: the same behaviour in memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from scanner.errors import StoreError
from scanner.model import (
    Coverage,
    Delivery,
    DeliveryState,
    Incident,
    IncidentChange,
    IncidentChangeKind,
    IncidentState,
    Profile,
    ScanState,
)
from scanner.ports import Store
from tests.make import NOW, finding, identity

MINUTE = timedelta(minutes=1)


def finished_scan(store: Store, site: str = "clinic") -> int:
    scan = store.begin_scan(site, NOW, Profile(), "1", "rules", "config")
    store.finish_scan(scan.id, ScanState.COMPLETE, NOW, Coverage(planned=1, ok=1), ())
    return scan.id


def incident(scan_id: int, key: str = "appeared:x", **more: object) -> Incident:
    return Incident(
        id=0,
        site="clinic",
        finding=finding(key=key),
        state=IncidentState.OPEN,
        identities=(identity(),),
        opened_scan=scan_id,
        first_seen_at=NOW,
        last_seen_at=NOW,
        **more,  # type: ignore[arg-type]
    )


def message(key: str, recipient: str = "officer@clinic.example", content: bytes = b"\x00\xffhello") -> Delivery:
    return Delivery(key, "mail", recipient, "It is back", content, NOW, NOW)


def nothing(_changes: Sequence[IncidentChange]) -> list[Delivery]:
    return []


def opened(store: Store, scan_id: int) -> Incident:
    change = IncidentChange(IncidentChangeKind.OPENED, incident(scan_id))
    assert store.settle(scan_id, [change], nothing, NOW)
    (found,) = store.incidents("clinic", open_only=True)
    return found


def test_settling_gives_ids_before_messages_are_made_and_keeps_all_of_it(store: Store) -> None:
    scan_id = finished_scan(store)
    seen: list[int] = []

    def compose(changes: Sequence[IncidentChange]) -> list[Delivery]:
        seen.extend(change.incident.id for change in changes)
        return [message(f"scan {scan_id}: incident {change.incident.id}") for change in changes]

    changes = [IncidentChange(IncidentChangeKind.OPENED, incident(scan_id, key)) for key in ("a", "b")]
    assert store.settle(scan_id, changes, compose, NOW)
    assert store.is_settled(scan_id)
    assert all(seen) and len(set(seen)) == 2
    assert {i.id: i.finding.key for i in store.incidents("clinic")} == dict(zip(seen, ("a", "b"), strict=True))
    assert {d.key for d in store.due(NOW)} == {f"scan {scan_id}: incident {number}" for number in seen}
    assert store.incidents("other") == ()


def test_a_scan_is_settled_once(store: Store) -> None:
    scan_id = finished_scan(store)
    change = IncidentChange(IncidentChangeKind.OPENED, incident(scan_id))
    assert store.settle(scan_id, [change], lambda _: [message("one")], NOW)
    assert not store.settle(scan_id, [change], lambda _: [message("two")], NOW)
    assert len(store.incidents()) == 1
    assert [d.key for d in store.deliveries()] == ["one"]


def test_a_message_that_cannot_be_made_leaves_nothing_behind(store: Store) -> None:
    scan_id = finished_scan(store)

    def fails(_changes: Sequence[IncidentChange]) -> list[Delivery]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.settle(scan_id, [IncidentChange(IncidentChangeKind.OPENED, incident(scan_id))], fails, NOW)
    assert not store.is_settled(scan_id)
    assert store.incidents() == ()


def test_an_incident_changes_with_its_history(store: Store) -> None:
    first, second = finished_scan(store), finished_scan(store)
    known = opened(store, first)
    worse = IncidentChange(IncidentChangeKind.WORSENED, replace(known, seen_scans=2), ("on 3 more pages",))
    closed = replace(worse, incident=replace(known, state=IncidentState.CLOSED))
    assert store.settle(second, [closed], nothing, NOW + MINUTE)
    assert store.incidents("clinic", open_only=True) == ()
    assert store.incident(known.id) == closed.incident
    assert store.incident(known.id + 100) is None
    entries = store.incident_history(known.id)
    assert [(e.scan_id, e.kind, e.reasons) for e in entries] == [
        (first, IncidentChangeKind.OPENED, ()),
        (second, IncidentChangeKind.WORSENED, ("on 3 more pages",)),
    ]


def test_unknown_scans_and_incidents_are_refused(store: Store) -> None:
    scan_id = finished_scan(store)
    with pytest.raises(StoreError):
        store.settle(scan_id + 100, [], nothing, NOW)
    with pytest.raises(StoreError):
        unknown = replace(incident(scan_id), id=12345)
        store.settle(scan_id, [IncidentChange(IncidentChangeKind.UPDATED, unknown)], nothing, NOW)


def test_the_same_message_is_recorded_once(store: Store) -> None:
    assert store.record([message("a"), message("b")]) == 2
    assert store.record([message("a", "somebody else"), message("c")]) == 1
    assert [d.key for d in store.due(NOW)] == ["a", "b", "c"]
    assert store.due(NOW, limit=1)[0].content == b"\x00\xffhello"
    assert store.due(NOW - MINUTE) == ()


def test_one_sender_at_a_time_and_an_attempt_that_died_is_made_again(store: Store) -> None:
    store.record([message("a")])
    (waiting,) = store.due(NOW)
    assert store.claim(waiting.id, NOW, NOW + MINUTE)
    assert not store.claim(waiting.id, NOW, NOW + MINUTE)
    assert store.due(NOW) == ()
    (again,) = store.due(NOW + MINUTE)
    assert again.attempts == 1
    assert store.claim(again.id, NOW + MINUTE, NOW + 2 * MINUTE)
    store.sent(again.id, NOW + MINUTE)
    assert store.due(NOW + 10 * MINUTE) == ()
    (done,) = store.deliveries()
    assert (done.state, done.sent_at, done.attempts) == (DeliveryState.SENT, NOW + MINUTE, 2)


def test_a_failed_attempt_waits_and_is_given_up_in_the_end(store: Store) -> None:
    store.record([message("a")])
    (waiting,) = store.due(NOW)
    assert store.claim(waiting.id, NOW, NOW + MINUTE)
    store.not_sent(waiting.id, "451 try later", NOW + 5 * MINUTE)
    assert store.due(NOW + 4 * MINUTE) == ()
    (again,) = store.due(NOW + 5 * MINUTE)
    assert again.error == "451 try later"
    store.not_sent(again.id, "550 no such user", None)
    assert store.due(NOW + 60 * MINUTE) == ()
    assert store.deliveries()[0].state is DeliveryState.GIVEN_UP
