"""Which approved state is a site's baseline: the newest one whose approval still stands."""

from __future__ import annotations

from datetime import date

from scanner.approvals import Acceptances, Standing
from scanner.model import Approval
from scanner.ports import Store


def baseline_in_force(store: Store, acceptances: Acceptances, site: str, today: date) -> Approval | None:
    """Return the newest approval of a whole scan that counts on `today`; None if there is none.

    The store's list says which scans were approved. An approval that was also written into the approvals file counts
    only while it stands there: taken out, revoked or over, the one before it is the baseline again.
    """
    return next((one for one in store.approvals(site) if why_not(store, one, acceptances, today) is None), None)


def why_not(store: Store, approval: Approval, acceptances: Acceptances, today: date) -> str | None:
    """Say in words why the approval of a whole scan does not count on `today`; None if it does."""
    entry = acceptances.find(approval.id) if approval.id else None
    if entry is not None:
        match entry.standing(today):
            case Standing.REVOKED:
                return f"taken back by {entry.revoked.who}: {entry.revoked.why}" if entry.revoked else "taken back"
            case Standing.EXPIRED:
                return f"valid until {entry.until}"
            case Standing.IN_FORCE:
                return None
    if approval.id and acceptances.exists:
        return "taken out of the approvals file"
    if approval.until is not None and today > approval.until:
        return f"valid until {approval.until}"
    if approval.id:
        for event in reversed(store.approval_log()):
            if event.approval_id == approval.id and event.action == "revoked":
                return f"taken back by {event.who}: {event.why}"
    return None
