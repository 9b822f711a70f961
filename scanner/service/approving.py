"""The use cases around approvals: give, take back, put back, and keep the audit log true.

The file is written first: an entry that only the file knows counts and is noticed by the next scan, an entry that only
the log knows would not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date
from pathlib import Path

from reports import words
from scanner.approvals import Acceptance, Acceptances, Revocation
from scanner.approvals_file import change_file, read_file
from scanner.approvals_log import Difference, differences, event_of
from scanner.approvals_read import read_approvals
from scanner.approvals_write import named, with_entry, with_revocation
from scanner.errors import UsageError
from scanner.model import Approval, ScanKind, ScanRecord, ScanState
from scanner.older_scans import best_to_go_by, was_limited
from scanner.ports import Clock, Store


class ApprovalDesk:
    """Where approvals are handed in: the file, the store's log, a clock."""

    def __init__(self, store: Store, clock: Clock, path: Path | None) -> None:
        self._store = store
        self._clock = clock
        self._path = path

    def read(self) -> Acceptances:
        """What the file says now. Raises `ProblemsError`."""
        return read_file(self._path)

    def approve_state(
        self, scan: ScanRecord, *, who: str, why: str, coverage_threshold: float, until: date | None = None
    ) -> Approval:
        """Make `scan` its site's baseline. Raises `UsageError` for a scan that saw too little to vouch for."""
        refuse_unfit(scan, coverage_threshold)
        self._refuse_part(scan)
        self._refuse_senseless(why, until)
        approval = Approval(scan.site, scan.id, who, why.strip(), self._clock.now().replace(microsecond=0), until)
        if self._path is not None:
            entry = Acceptance("", who, approval.why, approval.at, until, site=(scan.site,), scan=scan.id)
            approval = replace(approval, id=self._hand_in(entry).id)
        self._store.approve(approval)
        return approval

    def _refuse_part(self, scan: ScanRecord) -> None:
        """A state of five pages says nothing of the others: whatever stands there would be drift for ever."""
        if not was_limited(scan):
            return
        older = (one for one in self._store.scans(scan.site, with_skipped=False) if one.id < scan.id)
        whole = best_to_go_by((scan, *(one for one in older if one.profile == scan.profile)))
        if whole is not None and whole.id != scan.id:
            raise UsageError(
                f"scan {scan.id} of {scan.site} cannot become the baseline: its page limit left it "
                f"{words.count(scan.coverage.visited, 'page')}, scan {whole.id} saw {whole.coverage.visited:,}",
                hint=f"approve scan {whole.id} (--scan {whole.id}), or scan the whole site first",
            )

    def approve(self, entry: Acceptance) -> Acceptance:
        """Hand in one entry; time and id are given here. Handing in the same thing twice is harmless."""
        self._refuse_senseless(entry.why, entry.until)
        return self._hand_in(replace(entry, why=entry.why.strip(), at=self._clock.now().replace(microsecond=0)))

    def revoke(self, approval_id: str, *, who: str, why: str) -> Acceptance:
        """Take an approval back; the entry stays as a trace. Raises `UsageError` for an id the file does not hold."""
        self._refuse_senseless(why, None)
        path = self._file()
        entry = self.read().find(approval_id)
        if entry is not None and entry.revoked is not None:
            raise UsageError(f"approval {approval_id} was taken back before, by {entry.revoked.who}")
        now = self._clock.now().replace(microsecond=0)
        revocation = Revocation(who, why.strip(), now)
        after = change_file(path, lambda text: with_revocation(text, approval_id, revocation, str(path)))
        revoked = after.find(approval_id)
        assert revoked is not None
        self._store.log_approvals([event_of(revoked, "revoked", who, revocation.why, now)])
        return revoked

    def restore(self, approval_id: str, *, who: str, why: str) -> Acceptance:
        """Put an entry that was taken out of the file back, as the log has it last."""
        self._refuse_senseless(why, None)
        events = [event for event in self._store.approval_log() if event.approval_id == approval_id]
        if not events:
            raise UsageError(f"the audit log knows no approval `{approval_id}`", hint="tagdrift approvals lists them")
        document = json.dumps({"format": 1, "approvals": [{**json.loads(events[-1].document), "id": approval_id}]})
        (entry,) = read_approvals(document, "the audit log").entries
        path = self._file()
        change_file(path, lambda text: with_entry(text, entry, str(path)))
        self._store.log_approvals([event_of(entry, "approved", who, why.strip(), self._clock.now())])
        return entry

    def differences(self) -> tuple[Difference, ...]:
        """What the audit log does not know yet, or what only a person can settle."""
        if self._path is None:
            return ()
        acceptances = self.read()
        return differences(acceptances, self._store.approval_log(), tuple(self._states()), self._clock.now())

    def notice(self) -> tuple[Difference, ...]:
        """Enter edits of the file by hand into the audit log; return them and what only a person can settle."""
        found = self.differences()
        self._store.log_approvals([one.event for one in found if one.event is not None])
        return found

    def _states(self) -> Iterator[Approval]:
        for site in self._store.sites():
            yield from self._store.approvals(site)

    def _hand_in(self, entry: Acceptance) -> Acceptance:
        path = self._file()
        entry = named(entry)
        change_file(path, lambda text: with_entry(text, entry, str(path)))
        self._store.log_approvals([event_of(entry, "approved", entry.who, entry.why, entry.at or self._clock.now())])
        return entry

    def _file(self) -> Path:
        if self._path is None:
            raise UsageError("there is no approvals file to write to")
        return self._path

    def _refuse_senseless(self, why: str, until: date | None) -> None:
        if not why.strip():
            raise UsageError(
                "an approval needs a reason", hint='tagdrift approve SITE --reason "reviewed with counsel"'
            )
        if until is not None and until < self._clock.now().astimezone(UTC).date():
            raise UsageError(f"the approval would have ended before it began: {until} is over")


def refuse_unfit(scan: ScanRecord, coverage_threshold: float) -> None:
    """Raise `UsageError` for a scan that cannot become a baseline."""
    if scan.kind is ScanKind.LIGHT:
        raise UsageError(
            f"scan {scan.id} of {scan.site} cannot become the baseline: it is a light scan of a few pages",
            hint=f"approve a full scan: tagdrift history {scan.site}",
        )
    if scan.state is not ScanState.COMPLETE or scan.coverage.ratio < coverage_threshold:
        raise UsageError(
            f"scan {scan.id} of {scan.site} cannot become the baseline: {scan.coverage.ok} of {scan.coverage.planned} "
            f"planned pages were seen whole ({scan.coverage.ratio:.0%}; the threshold is {coverage_threshold:.0%})",
            hint="scan again, or lower coverage_threshold in the configuration if those pages cannot be seen",
        )
