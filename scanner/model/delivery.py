"""A message on its way to one recipient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one recipient: recorded before it is sent, sent until somebody takes it."""

    key: str
    """Unique: the same message is recorded once, however often a run is repeated."""
    channel: str
    """mail | chat | ping"""
    recipient: str
    """An address, or the name of a chat target in the configuration (its URL may be a secret)."""
    subject: str
    content: bytes
    """The finished message: RFC 5322 for mail, text for chat."""
    created_at: datetime
    next_try_at: datetime
    id: int = 0
    """Given by the store; 0 until it is recorded."""
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    sent_at: datetime | None = None
    error: str | None = None
    """Why the last attempt failed."""


class DeliveryTrouble(StrEnum):
    """Why a message was not taken; each calls for another remedy."""

    CONNECTION = "connection"
    """Nobody answered, or the line broke."""
    TLS = "tls"
    LOGIN = "login"
    LATER = "later"
    """The other side asks to try again (SMTP 4xx)."""
    REFUSED = "refused"
    """The other side does not want this message for this recipient (SMTP 5xx)."""
    CONFIGURATION = "configuration"
    """This machine cannot even try: something is missing or not configured."""


@dataclass(frozen=True, slots=True)
class DeliveryFailure:
    """One attempt that failed."""

    trouble: DeliveryTrouble
    detail: str
    """What the other side said, in one line."""

    def __str__(self) -> str:
        return f"{self.trouble.value}: {self.detail}"
