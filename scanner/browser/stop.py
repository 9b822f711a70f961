"""Why a visit ends before its time."""

from __future__ import annotations

from scanner.model import StopReason


class Stop(Exception):
    """Ends the visit early, with a reason. Caught where the visit is put together, never passed on."""

    def __init__(self, reason: StopReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
