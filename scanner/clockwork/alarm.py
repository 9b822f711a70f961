"""What is to ring, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scanner.model import When


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that rings again and again."""

    name: str
    """Unique in a timetable."""
    when: When
    timezone: str
    jitter_s: int
    grace_s: int
    first: datetime | None = None
    """For an interval that is new to the timetable, when it rings first; None: one interval from now."""

    @property
    def terms(self) -> str:
        """In words, what decides the times: an alarm whose terms are the same keeps its next time."""
        return f"{self.when.text} {self.timezone} jitter {self.jitter_s} s grace {self.grace_s} s"
