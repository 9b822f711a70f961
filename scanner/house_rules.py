"""What the owner of the sites decided, beside the policy: accepted things, severities. Values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from scanner.approvals import Acceptances, Approved, Standing, without_approved
from scanner.model import DriftEntry, PageInventory
from scanner.severity_rules import SeverityRule

Sieve = Callable[[Sequence[DriftEntry]], tuple[DriftEntry, ...]]
"""Drift → what of it is left."""


@dataclass(frozen=True, slots=True)
class HouseRules:
    acceptances: Acceptances = field(default_factory=Acceptances)
    severities: tuple[SeverityRule, ...] = ()

    def in_force(self, site: str, today: date) -> Approved:
        return Approved(self.acceptances.of(site, Standing.IN_FORCE, today))

    def lapsed(self, site: str, today: date) -> Approved:
        return Approved(self.acceptances.of(site, Standing.EXPIRED, today))


def sieve(approved: Approved, page_of: Callable[[str], PageInventory | None]) -> Sieve:
    """Return what takes approved things out of drift."""

    def left(entries: Sequence[DriftEntry]) -> tuple[DriftEntry, ...]:
        return without_approved(entries, approved, page_of)[0]

    return left
