"""The verdict in one sentence. Unknown is never clean, and a scan that saw nothing says so. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reports import words
from reports.model import FindingView, InventoryView, ReportState, UnverifiedGroup, VerdictView
from scanner.model import Coverage, Drift, Outcome, ScanRecord, ScanState, Severity, SightingKind, TagKey, Verdict

_LEFT_OUT = ("page-limit", "template-limit", "duration", "depth", "trap", "stopped")
"""Reasons for which pages of the site itself were not looked at, although nobody asked for that."""


def judge(
    *,
    scan: ScanRecord,
    baseline: ScanRecord | None,
    approved: bool,
    drift: Drift | None,
    findings: Sequence[FindingView],
    other_changes: int,
    unverified: Sequence[UnverifiedGroup],
    inventory: InventoryView,
    coverage_threshold: float,
    returned: frozenset[TagKey],
) -> VerdictView:
    """Return the report's state and sentence.

    A finding is a finding, however little was seen: presence needs one sighting. Without one, silence counts only if
    enough pages were seen whole in both scans and the scan came to its end. `findings` come worst first.
    """
    coverage = scan.coverage
    since = f"since the {'baseline' if approved else 'scan'} of {words.day(baseline.started_at)}" if baseline else ""
    doubt = _doubt(scan, drift, unverified, coverage_threshold)
    caveats = _caveats(coverage)

    violations = [v for v in findings if v.finding.violation and v.finding.verdict is not Verdict.REMOVED]
    if violations or (findings and drift is not None):
        # What is news comes before what was seen once, and before what is as it was.
        head = min(findings, key=lambda view: (view.once, view.standing and drift is not None))
        sentence = _headline(head, returned, against_policy=drift is None)
        if len(findings) > 1:
            sentence += f"; {words.count(len(findings) - 1, 'further finding')}"
        state = ReportState.VIOLATIONS if violations else ReportState.DRIFT
        return VerdictView(state, words.ends(sentence), _but(doubt, "there may be more") + caveats)
    if doubt:
        quiet = "; on what was seen, nothing changed" if drift is not None and drift.empty and coverage.ok else ""
        if other_changes:
            quiet = f"; {words.count(other_changes, 'change')} on what was seen"
        return VerdictView(ReportState.UNVERIFIED, words.ends(f"Cannot tell: {doubt}{quiet}"), caveats)
    pages = f"{_comparable(coverage, unverified):,} of {words.count(coverage.planned, 'page')}"
    if drift is None:
        said = (*_not_forbidden(findings), *_partly(unverified), *caveats)
        return VerdictView(ReportState.FIRST_SCAN, _first_scan(pages, inventory), said)
    if other_changes:
        sentence = f"{words.count(other_changes, 'change')} {since}, none of which is a finding".replace("  ", " ")
        return VerdictView(ReportState.DRIFT, words.ends(sentence), _partly(unverified) + caveats)
    sentence = f"Nothing changed on {pages} {since}".rstrip()
    return VerdictView(ReportState.CLEAN, words.ends(sentence), _partly(unverified) + caveats)


def _comparable(coverage: Coverage, unverified: Sequence[UnverifiedGroup]) -> int:
    """Pages that can be spoken about: seen whole now, and not in doubt for the older scan's sake."""
    return max(coverage.ok - sum(len(group.pages) for group in unverified if group.outcome is Outcome.OK), 0)


def _doubt(
    scan: ScanRecord, drift: Drift | None, unverified: Sequence[UnverifiedGroup], coverage_threshold: float
) -> str:
    """Say why silence would prove nothing; empty when it does prove something."""
    coverage = scan.coverage
    if coverage.planned == 0:
        return "the scan saw no page at all"
    troubles = words.listing(
        [
            f"{number:,} {what}"
            for number, what in (
                (coverage.failed, "failed"),
                (coverage.blocked, "blocked"),
                (coverage.partial, "seen in part"),
                (coverage.unvisited, "not reached"),
            )
            if number
        ]
    )
    why = f" ({troubles})" if troubles else ""
    if coverage.ok == 0:
        return f"none of {words.count(coverage.planned, 'page')} was seen whole{why}"
    if coverage.ratio < coverage_threshold:
        return f"only {words.percent(coverage.ratio)} of {words.count(coverage.planned, 'page')} were seen whole{why}"
    if scan.state is not ScanState.COMPLETE:
        return f"the scan was not finished, and {coverage.ok:,} of {coverage.planned:,} known pages were seen whole"
    comparable = _comparable(coverage, unverified) / coverage.planned
    if drift is not None and comparable < coverage_threshold:
        return (
            f"only {words.percent(comparable)} of {words.count(coverage.planned, 'page')} "
            "were seen whole both now and in the scan they are compared with"
        )
    return ""


def _headline(view: FindingView, returned: frozenset[TagKey], *, against_policy: bool) -> str:
    finding = view.finding
    if view.once:
        return f"Seen once, not confirmed: {finding.title}".rstrip(". ")
    tag = finding.tag
    own = [entry for entry in finding.entries if entry.identity.kind is SightingKind.TAG]
    if tag is None or (finding.entries and not any(entry.verdict is finding.verdict for entry in own)):
        return finding.title.rstrip(". ")
    pages = f"{len(finding.pages):,} of {words.count(view.pages_seen, 'page')}"
    if finding.verdict is Verdict.REMOVED:
        return f"The {view.name} has disappeared from {pages}"
    if finding.verdict is Verdict.CHANGED:
        return finding.title.rstrip(". ")
    before = max((entry.pages_before for entry in own), default=0)
    against_policy = against_policy or view.standing
    if against_policy or not own:
        happened = "is on"
    elif before:
        pages = f"{len(finding.pages):,} more of {words.count(view.pages_seen, 'page')}"
        happened = "has spread to"
    else:
        happened = "is back on" if tag in returned else "has appeared on"
    left = [send.words for send in view.sends if send.left]
    sends = f" and sends {words.listing(left)} to {view.vendor}" if left else ""
    policy = f", against the policy{',' if sends else ''}" if against_policy else ""
    return f"The {view.name} {happened} {pages}{policy}{sends}"


def _first_scan(pages: str, inventory: InventoryView) -> str:
    tags, vendors = len(inventory.tags), len(inventory.vendors)
    if tags:
        found = f"{words.count(tags, 'tag')} of {words.count(vendors, 'vendor')}"
    else:
        found = f"no tag that we know and {words.count(len(inventory.third_parties), 'third party', 'third parties')}"
    return f"{found[0].upper()}{found[1:]} on {pages} seen whole; a first scan has nothing to compare with."


def _not_forbidden(findings: Sequence[FindingView]) -> tuple[str, ...]:
    """A first scan judges by the policy alone: whoever wrote it has to know what it lets pass."""
    grave = [view for view in findings if view.finding.severity.rank <= Severity.HIGH.rank]
    if not grave:
        return ()
    what = words.count(len(grave), "finding")
    is_are, them = ("is", "it") if len(grave) == 1 else ("are", "them")
    return (f"{what} {is_are} high or critical, and no rule of the policy forbids {them}.",)


def _but(doubt: str, consequence: str) -> tuple[str, ...]:
    return (words.ends(f"{doubt[0].upper()}{doubt[1:]}: {consequence}"),) if doubt else ()


def _partly(unverified: Sequence[UnverifiedGroup]) -> tuple[str, ...]:
    number = sum(len(group.pages) for group in unverified)
    return (f"{words.count(number, 'page')} could not be verified.",) if number else ()


def _caveats(coverage: Coverage) -> tuple[str, ...]:
    left_out = [(reason, number) for reason, number in coverage.excluded if reason in _LEFT_OUT and number]
    if not left_out:
        return ()
    parts = words.listing([f"{number:,} {words.reason(reason)}" for reason, number in left_out])
    total = sum(number for _, number in left_out)
    return (f"{words.count(total, 'further known address was', 'further known addresses were')} not visited: {parts}.",)
