"""What somebody accepted, and the log of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """Who accepted which scan as the site's approved state, when and why."""

    site: str
    scan_id: int
    who: str
    why: str
    at: datetime
    until: date | None = None
    """Last day on which the state counts as approved."""
    id: str = ""
    """Of its entry in the approvals file; empty: it was made before there was one."""


@dataclass(frozen=True, slots=True)
class ApprovalEvent:
    """One line of the audit log about approvals: they are given, taken back, edited by hand."""

    at: datetime
    who: str
    """Empty: somebody edited the file; its history knows who."""
    action: str
    """approved | revoked | found (in the file, by hand) | edited | missing (taken out of the file)"""
    approval_id: str
    sites: tuple[str, ...]
    """Names and patterns; empty: every site."""
    why: str
    document: str
    """The entry as JSON, as it is from then on; for `missing` as it was."""
