"""What earlier scans add to findings: seen once or time and again, gone for good or for now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from scanner.comes_and_goes import LAST_SCANS, answer, comes_and_goes, counted, main_identities
from scanner.model import Finding, Identity, PageInventory, ScanRecord, Snapshot, Verdict
from scanner.ports import Store
from scanner.second_look import wavers

MOST_FINDINGS = 30
"""Asked about; when more come up at once, the site was rebuilt, and history says nothing."""
MOST_PAGES = 12
"""Of a finding, asked for in each earlier scan."""


@dataclass(slots=True)
class _Asked:
    finding: Finding
    identities: frozenset[Identity]
    pages: tuple[str, ...]
    answers: list[bool] = field(default_factory=list)
    """Newest first."""


def with_history(
    store: Store, findings: Sequence[Finding], after: Snapshot, earlier: Sequence[ScanRecord]
) -> tuple[Finding, ...]:
    """Return `findings` with what the last ten scans say of those that appeared or disappeared.

    Args:
        after: the scan that the findings are of.
        earlier: finished full scans before it that saw pages whole, newest first.
    """
    asked = {
        finding.key: _Asked(finding, main_identities(finding), finding.pages[:MOST_PAGES])
        for finding in findings[:MOST_FINDINGS]
        if finding.entries and finding.verdict is not Verdict.CHANGED
    }
    if not asked:
        return tuple(findings)
    pages = {page.page: page for page in after.pages}
    _ask(asked, pages)
    wanted = sorted({page for one in asked.values() for page in one.pages})
    for scan in earlier[: LAST_SCANS - 1]:
        # What was matched with other rules may be called otherwise: it cannot tell.
        known = store.inventories(scan.id, wanted)
        _ask(asked, {inventory.page: inventory for inventory, digest in known if digest == after.rules_digest})
    return tuple(_told(finding, asked[finding.key], after) if finding.key in asked else finding for finding in findings)


def _ask(asked: dict[str, _Asked], pages: dict[str, PageInventory]) -> None:
    for one in asked.values():
        told = answer(pages, one.pages, one.identities)
        if told is not None:
            one.answers.append(told)


def _told(finding: Finding, asked: _Asked, after: Snapshot) -> Finding:
    history = tuple(reversed(asked.answers))
    wavering = comes_and_goes(history) or wavers(after.pages, asked.identities)
    confirmed = finding.confirmed
    if finding.verdict is Verdict.REMOVED:
        confirmed = _gone_twice(history) if history and not history[-1] else None
    elif confirmed is False and (wavering or sum(history) > 1):
        confirmed = wavering = True  # more than one scan saw it, and not each of its visits
    counts = confirmed is False or wavering
    return replace(
        finding, confirmed=confirmed, comes_and_goes=wavering, seen_in=counted(history) if counts and history else None
    )


def _gone_twice(history: tuple[bool, ...]) -> bool:
    return len(history) > 1 and not history[-2]
