"""Where the approvals file and the audit log of the store disagree, in words. Pure.

The file says what counts, the log how it came about. Nothing is lost: the log keeps every entry as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from scanner.approvals import Acceptance, Acceptances
from scanner.approvals_write import document_of
from scanner.model import Approval, ApprovalEvent


@dataclass(frozen=True, slots=True)
class Difference:
    approval_id: str
    words: str
    event: ApprovalEvent | None = None
    """What the log is still to be told; None: only a person can settle it."""


def event_of(entry: Acceptance, action: str, who: str, why: str, at: datetime) -> ApprovalEvent:
    """One line for the log about `entry`."""
    return ApprovalEvent(at, who, action, entry.id, entry.site, why, json.dumps(document_of(entry), sort_keys=True))


def differences(
    acceptances: Acceptances, log: Sequence[ApprovalEvent], states: Iterable[Approval], at: datetime
) -> tuple[Difference, ...]:
    """Return what was edited by hand since the log was last written, in the file's order, then what is missing.

    Args:
        states: approvals of whole scans in the store, of every site the file names.
        at: the time of the events for the log.
    """
    last: dict[str, ApprovalEvent] = {event.approval_id: event for event in log}
    known = {approval.id for approval in states}
    found = [one for entry in acceptances.entries for one in _of_entry(entry, last.get(entry.id), known, at)]
    there = {entry.id for entry in acceptances.entries}
    for approval_id, event in last.items():
        if approval_id in there:
            continue
        gone = "the approvals file is gone" if not acceptances.exists else "it was taken out of the approvals file"
        missing = ApprovalEvent(at, "", "missing", approval_id, event.sites, "", event.document)
        words = f"{gone}: it does not count; `tagdrift approve SITE --restore {approval_id}` puts it back"
        if event.action == "missing":
            found.append(Difference(approval_id, words))
        elif event.action != "revoked":
            found.append(Difference(approval_id, words, missing))
    return tuple(found)


def _of_entry(entry: Acceptance, event: ApprovalEvent | None, known: set[str], at: datetime) -> Iterable[Difference]:
    if event is None or event.action == "missing":
        words = "put into the file by hand" + ("" if event is None else " again") + ": it counts"
        yield Difference(entry.id, words, event_of(entry, "found", "", entry.why, at))
    elif json.loads(event.document) != document_of(entry):
        words = "edited by hand: it counts as the file has it"
        if event.action == "revoked" and entry.revoked is None:
            words = f"taken back by {event.who}, but the file has it without `revoked`: it counts"
        yield Difference(entry.id, words, event_of(entry, "edited", "", entry.why, at))
    if entry.scan is not None and entry.id not in known:
        words = f"the store knows no such approval of scan {entry.scan}: it does not count; "
        yield Difference(entry.id, f"{words}`tagdrift approve SITE --scan {entry.scan}` makes it the baseline")
