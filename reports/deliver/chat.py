"""Carries short messages to chats and webhooks through Apprise, an optional extra. The only place that knows it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from scanner.model import Delivery, DeliveryFailure, DeliveryTrouble

_LONGEST_S = 60.0


class ChatCourier:
    """`targets` maps the name of a chat to its address in Apprise's notation, which is a secret."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        self._targets = dict(targets)

    @property
    def longest_s(self) -> float:
        return _LONGEST_S

    def deliver(self, message: Delivery) -> DeliveryFailure | None:
        """See `Courier.deliver`. What Apprise says to its log may hold the address, so it is not repeated."""
        address = self._targets.get(message.recipient)
        if address is None:
            return _unconfigured(f"no chat is called {message.recipient} in the configuration")
        if find_spec("apprise") is None:
            return _unconfigured("chats need Apprise: pip install 'tagdrift[chat]'")
        import apprise

        chat = apprise.Apprise()
        if not chat.add(address):
            return _unconfigured(f"Apprise does not understand the address of {message.recipient}")
        taken = chat.notify(
            title=message.subject, body=message.content.decode("utf-8"), body_format=apprise.NotifyFormat.TEXT
        )
        if not taken:
            return DeliveryFailure(DeliveryTrouble.LATER, f"{message.recipient} did not take the message")
        return None

    def close(self) -> None:
        """Nothing stays open between two messages."""


def _unconfigured(detail: str) -> DeliveryFailure:
    return DeliveryFailure(DeliveryTrouble.CONFIGURATION, detail)
