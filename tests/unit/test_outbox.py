"""The outbox: when a message is tried again, when never, and that nobody gets it twice or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Delivery, DeliveryFailure, DeliveryState, DeliveryTrouble
from scanner.service.outbox import GIVE_UP_AFTER, LEAST_ATTEMPTS, flush, next_try, stuck
from scanner.store.memory import MemoryStore
from tests.make import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DOWN = DeliveryFailure(DeliveryTrouble.CONNECTION, "mail.example:587 cannot be reached")
LATER = DeliveryFailure(DeliveryTrouble.LATER, "451")
NO = DeliveryFailure(DeliveryTrouble.REFUSED, "550 no such user")


def message(key: str = "a", channel: str = "mail", created_at: datetime = NOW) -> Delivery:
    return Delivery(key, channel, "officer@clinic.example", "It is back", b"hello", created_at, created_at)


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


class Post:
    """A postman of the outside world who answers as he is told."""

    longest_s = 30.0

    def __init__(self, answer: Callable[[Delivery], DeliveryFailure | None] = lambda _: None) -> None:
        self.answer = answer
        self.taken: list[str] = []

    def deliver(self, message: Delivery) -> DeliveryFailure | None:
        failure = self.answer(message)
        if failure is None:
            self.taken.append(message.key)
        return failure

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("failure", "attempts", "age", "refused_before", "wait"),
    [
        (DOWN, 1, 0 * MINUTE, False, 1 * MINUTE),
        (DOWN, 2, 1 * MINUTE, False, 5 * MINUTE),
        (LATER, 3, 6 * MINUTE, False, 15 * MINUTE),
        (LATER, 4, 21 * MINUTE, False, HOUR),
        (DOWN, 7, 10 * HOUR, False, 4 * HOUR),
        (DOWN, 30, 3 * DAY, False, None),
        (DOWN, 3, 3 * DAY, False, 15 * MINUTE),  # one flush a night: three attempts were not enough
        (NO, 1, 0 * MINUTE, False, HOUR),
        (NO, 2, HOUR, True, DAY),
        (NO, 3, 25 * HOUR, True, DAY),
        (NO, 5, 73 * HOUR, True, None),
        (NO, 9, DAY, False, HOUR),  # the server was down until now: its first refusal is not the last word
        (NO, 30, 4 * DAY, False, HOUR),
    ],
)
def test_when_it_is_tried_again(
    failure: DeliveryFailure, attempts: int, age: timedelta, refused_before: bool, wait: timedelta | None
) -> None:
    now = NOW + age
    expected = None if wait is None else now + wait
    assert next_try(failure, attempts, NOW, now, refused_before=refused_before) == expected


@given(
    st.sampled_from(list(DeliveryTrouble)), st.integers(1, 100), st.timedeltas(timedelta(0), 30 * DAY), st.booleans()
)
def test_every_message_comes_to_an_end_and_none_before_its_time(
    trouble: DeliveryTrouble, attempts: int, age: timedelta, refused_before: bool
) -> None:
    again = next_try(DeliveryFailure(trouble, ""), attempts, NOW, NOW + age, refused_before=refused_before)
    if again is not None:
        assert again > NOW + age
    else:
        assert age >= GIVE_UP_AFTER and (attempts >= LEAST_ATTEMPTS or trouble is DeliveryTrouble.REFUSED)


def test_a_message_is_carried_once() -> None:
    store, post, clock = MemoryStore(), Post(), Clock()
    store.record([message("a"), message("b")])
    assert [one.key for one in flush(store, {"mail": post}, clock).sent] == ["a", "b"]
    assert flush(store, {"mail": post}, clock).sent == ()
    assert post.taken == ["a", "b"]


def test_what_another_process_carries_is_left_to_it() -> None:
    store, post, clock = MemoryStore(), Post(), Clock()
    store.record([message("a")])
    (waiting,) = store.due(NOW)
    assert store.claim(waiting.id, NOW, NOW + MINUTE)
    assert flush(store, {"mail": post}, clock).sent == ()
    clock.time += MINUTE  # it has died: its time is up
    assert len(flush(store, {"mail": post}, clock).sent) == 1


def test_one_message_nobody_takes_does_not_hold_up_the_others() -> None:
    store, clock = MemoryStore(), Clock()
    post = Post(lambda one: NO if one.key == "b" else None)
    store.record([message(key) for key in "abc"])
    done = flush(store, {"mail": post}, clock)
    assert post.taken == ["a", "c"]
    assert [(failed.message.key, failed.next_try_at) for failed in done.failed] == [("b", NOW + HOUR)]
    for _ in range(4):
        clock.time += 2 * DAY
        flush(store, {"mail": post}, clock)
    states = {one.key: (one.state, one.attempts) for one in store.deliveries()}
    assert states["b"] == (DeliveryState.GIVEN_UP, 3)


def test_a_refusal_right_after_an_outage_is_asked_about_again() -> None:
    store, clock = MemoryStore(), Clock()
    store.record([message("a")])
    for _ in range(6):
        flush(store, {"mail": Post(lambda _: DOWN)}, clock)
        clock.time += 5 * HOUR
    (failed,) = flush(store, {"mail": Post(lambda _: NO)}, clock).failed
    assert failed.next_try_at == clock.time + HOUR
    clock.time += HOUR
    assert len(flush(store, {"mail": Post()}, clock).sent) == 1


def test_a_channel_nobody_configured_keeps_its_messages() -> None:
    store, clock = MemoryStore(), Clock()
    store.record([message("a", "chat")])
    (failed,) = flush(store, {"mail": Post()}, clock).failed
    assert failed.failure.trouble is DeliveryTrouble.CONFIGURATION
    assert store.deliveries()[0].state is DeliveryState.WAITING


def test_what_is_stuck() -> None:
    store, clock = MemoryStore(), Clock()
    store.record([message("a"), message("b")])
    flush(store, {"mail": Post(lambda one: DOWN if one.key == "a" else None)}, clock)
    assert stuck(store.deliveries(), NOW + HOUR) == ()
    assert [one.key for one in stuck(store.deliveries(), NOW + 2 * DAY)] == ["a"]
