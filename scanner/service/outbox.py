"""The use case "empty the outbox": claim, carry, enter the result; again later where it failed.

A message is claimed before each attempt and marked as sent after the other side has taken it. A process that is
killed in between leaves it waiting, so that it is sent once more: the one window that SMTP leaves open, a duplicate
with the same Message-ID and never a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner.model import Delivery, DeliveryFailure, DeliveryState, DeliveryTrouble
from scanner.ports import Clock, Courier, Store

GIVE_UP_AFTER = timedelta(days=3)
LEAST_ATTEMPTS = 8
"""Where the outbox is emptied once a night only, three days would be three attempts."""
_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240))
"""Waits after the first failed attempts; the last one goes on."""
_REFUSED_ONCE, _REFUSED_AGAIN = timedelta(hours=1), timedelta(hours=24)
"""A refusal is asked about again: it is often a server's setting that somebody puts right."""
STUCK_AFTER = timedelta(days=1)
STUCK_SHOWN = timedelta(days=7) + GIVE_UP_AFTER
_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Failed:
    message: Delivery
    failure: DeliveryFailure
    next_try_at: datetime | None
    """None: given up."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """What came of one flush."""

    sent: tuple[Delivery, ...] = ()
    failed: tuple[Failed, ...] = ()


def flush(store: Store, couriers: Mapping[str, Courier], clock: Clock, limit: int = 200) -> Flushed:
    """Try every message that is due once. `couriers` by channel; closing them is the caller's part.

    Messages that another process is carrying at the moment are left to it.
    """
    sent: list[Delivery] = []
    failed: list[Failed] = []
    for message in store.due(clock.now(), limit):
        courier = couriers.get(message.channel)
        longest = timedelta(seconds=courier.longest_s if courier else 0)
        now = clock.now()
        if not store.claim(message.id, now, now + longest + _MARGIN):
            continue
        failure = courier.deliver(message) if courier else _no_courier(message)
        if failure is None:
            store.sent(message.id, clock.now())
            sent.append(message)
            continue
        refused_before = (message.error or "").startswith(DeliveryTrouble.REFUSED.value)
        again = next_try(failure, message.attempts + 1, message.created_at, clock.now(), refused_before=refused_before)
        store.not_sent(message.id, str(failure), again)
        failed.append(Failed(message, failure, again))
    return Flushed(tuple(sent), tuple(failed))


def next_try(
    failure: DeliveryFailure, attempts: int, created_at: datetime, now: datetime, *, refused_before: bool = False
) -> datetime | None:
    """Say when a message whose attempt number `attempts` failed at `now` is tried again; None: never.

    `refused_before`: the attempt before was refused, too. After an outage the first refusal is not the last word,
    however many attempts found nobody there: a server that has just come back is often not yet set up.
    """
    if failure.trouble is DeliveryTrouble.REFUSED:
        if not refused_before:
            return now + _REFUSED_ONCE
        return None if now - created_at >= GIVE_UP_AFTER else now + _REFUSED_AGAIN
    if now - created_at >= GIVE_UP_AFTER and attempts >= LEAST_ATTEMPTS:
        return None
    return now + _STEPS[min(attempts, len(_STEPS)) - 1]


def stuck(messages: Sequence[Delivery], now: datetime) -> tuple[Delivery, ...]:
    """Return what somebody should look at: messages given up in the last week, or waiting for more than a day."""
    return tuple(
        message
        for message in messages
        if (message.state is DeliveryState.GIVEN_UP and now - message.created_at < STUCK_SHOWN)
        or (message.state is DeliveryState.WAITING and now - message.created_at > STUCK_AFTER)
    )


def _no_courier(message: Delivery) -> DeliveryFailure:
    return DeliveryFailure(DeliveryTrouble.CONFIGURATION, f"nothing is configured for the channel {message.channel}")
