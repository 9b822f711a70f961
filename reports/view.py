"""From a scan, its baseline and what follows from both, to what a report says. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from reports import words
from reports.inventory import collect, group_sends, has_left, tag_name, tag_words
from reports.masked import form_of, mask_request
from reports.model import FindingView, Names, PageGroup, ReportView, RequestView, Sends, UnverifiedGroup
from reports.verdict import judge
from scanner.model import (
    GONE_STATUSES,
    Approval,
    Drift,
    DriftEntry,
    Finding,
    Outcome,
    ScanRecord,
    SightingKind,
    Snapshot,
    TagKey,
    Verdict,
)


def build_view(
    *,
    site: str,
    start_url: str,
    scan: ScanRecord,
    baseline: ScanRecord | None,
    drift: Drift | None,
    findings: Sequence[Finding],
    snapshot: Snapshot,
    names: Names,
    generated_at: datetime,
    tool_version: str,
    approval: Approval | None = None,
    coverage_threshold: float = 0.9,
    returned: frozenset[TagKey] = frozenset(),
) -> ReportView:
    """Return everything a report of `scan` says.

    `drift` is None when there was nothing to compare with. `approval` is given when `baseline` is an approved state
    and not merely the previous scan. `coverage_threshold` (0 to 1) is the share of planned pages below which silence
    means nothing. `returned` are the tags that some scan before the baseline has seen: they are *back*.
    """
    pages_seen = sum(page.outcome in (Outcome.OK, Outcome.PARTIAL) for page in snapshot.pages)
    templates = {page.page: page.template for page in snapshot.pages}
    views = tuple(
        FindingView(
            finding=finding,
            name=tag_name(finding.tag, names) if finding.tag else finding.title,
            vendor=tag_words(finding.tag, names)[0] if finding.tag else None,
            product=tag_words(finding.tag, names)[1] if finding.tag else None,
            pages_seen=max(pages_seen, len(finding.pages)),
            groups=_groups(finding.pages, templates),
            since=_since(finding, scan, baseline, approval),
            sends=finding_sends(finding),
            request=_request(finding),
            standing=is_standing(finding),
            once=is_once(finding),
        )
        for finding in sorted(findings, key=_worst_first)
    )
    news = tuple(view for view in views if not view.standing and not view.once)
    spoken_of = {(entry.verdict, entry.identity) for finding in findings for entry in finding.entries}
    others = tuple(e for e in (drift.entries if drift else ()) if (e.verdict, e.identity) not in spoken_of)
    unverified = _unverified(drift, snapshot)
    inventory = collect(snapshot.pages, names)
    verdict = judge(
        scan=scan,
        baseline=baseline,
        approved=approval is not None,
        drift=drift,
        findings=views,
        other_changes=len(others),
        unverified=unverified,
        inventory=inventory,
        coverage_threshold=coverage_threshold,
        returned=returned,
    )
    return ReportView(
        site=site,
        start_url=start_url,
        scan=scan,
        baseline=baseline,
        approval=approval,
        verdict=verdict,
        appeared=tuple(view for view in news if view.finding.verdict is Verdict.ADDED),
        changed=tuple(view for view in news if view.finding.verdict is Verdict.CHANGED),
        removed=tuple(view for view in news if view.finding.verdict is Verdict.REMOVED),
        once=tuple(view for view in views if view.once),
        standing=tuple(view for view in views if view.standing),
        other_changes=others,
        unverified=unverified,
        new_pages=drift.new_pages if drift else (),
        gone_pages=drift.gone_pages if drift else (),
        coverage=scan.coverage,
        inventory=inventory,
        pages=snapshot.pages,
        names=names,
        generated_at=generated_at,
        tool_version=tool_version,
    )


def _worst_first(finding: Finding) -> tuple[bool, int, int, bool, int, str]:
    order = (Verdict.ADDED, Verdict.CHANGED, Verdict.REMOVED)
    return (
        not (finding.violation and finding.verdict is not Verdict.REMOVED),
        finding.severity.rank,
        order.index(finding.verdict),
        finding.tag is None,
        -len(finding.pages),
        finding.key,
    )


def _groups(pages: Iterable[str], templates: Mapping[str, str]) -> tuple[PageGroup, ...]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for page in sorted(pages):
        grouped[templates.get(page, "")].append(page)
    return tuple(
        PageGroup(template, tuple(own)) for template, own in sorted(grouped.items(), key=lambda g: (-len(g[1]), g[0]))
    )


def _since(
    finding: Finding, scan: ScanRecord, baseline: ScanRecord | None, approval: Approval | None
) -> tuple[str, ...]:
    now = f"{words.day(scan.started_at)} (scan {scan.id})"
    main = main_entry(finding)
    if baseline is None or main is None:
        alone = f"Seen on {now}; there is no earlier scan to compare with." if baseline is None else f"Seen on {now}."
        return (alone, *sightings_in_words(finding))
    role = "the approved baseline" if approval else "the previous scan"
    then = f"{words.day(baseline.started_at)} ({role}, scan {baseline.id})"
    if finding.verdict is Verdict.REMOVED:
        sentences = [f"Last seen on {then}; no longer there on {now}."]
    elif main.verdict is Verdict.CHANGED:
        sentences = [f"It changed between {then} and {now}."]
    elif is_standing(finding):
        sentences = [f"Already on {words.count(main.pages_before, 'page')} on {then}; still there on {now}."]
    elif main.pages_before:
        sentences = [f"Already on {words.count(main.pages_before, 'page')} on {then}; seen on more of them on {now}."]
    else:
        sentences = [f"Not there on {then}; first seen on {now}."]
    if fresh := {page for entry in finding.entries for page in entry.pages_new}:
        sentences.append(
            f"{words.count(len(fresh), 'of the pages is itself', 'of the pages are themselves')} new since then."
        )
    return (*sentences, *sightings_in_words(finding))


def sightings_in_words(finding: Finding) -> tuple[str, ...]:
    """Say how sure it is: whole sentences on second visits and on the last scans."""
    told: list[str] = []
    gone = finding.verdict is Verdict.REMOVED
    if finding.comes_and_goes:
        told.append("It comes and goes, as what fires on a share of visits does.")
    elif gone and finding.confirmed is False:
        told.append("Not seen this time: to be confirmed by the next scan.")
    elif gone and finding.confirmed:
        told.append("Missing in two scans in a row.")
    elif finding.confirmed is False:
        told.append("Seen once, not confirmed: when its pages were visited again at once, it was not there.")
    elif finding.confirmed:
        told.append("Confirmed by a second visit.")
    if finding.seen_in is not None:
        seen, told_of = finding.seen_in
        told.append(f"Seen in {seen} of the last {words.count(told_of, 'scan')}.")
    return tuple(told)


def is_once(finding: Finding) -> bool:
    """Say whether a finding was seen once, and not again when somebody looked: it is told apart from what is sure."""
    return finding.confirmed is False and finding.verdict is not Verdict.REMOVED and not is_standing(finding)


def main_entry(finding: Finding) -> DriftEntry | None:
    """Return the change a finding is about: its tag's own, else the first; None when nothing changed."""
    own = (entry for entry in finding.entries if entry.verdict is finding.verdict)
    tag = (entry for entry in own if entry.identity.kind is SightingKind.TAG)
    return next(tag, next(iter(finding.entries), None))


def is_standing(finding: Finding) -> bool:
    """Say whether a finding is about what was there before, too: it is told for the policy's sake, not as news."""
    main = main_entry(finding)
    return (
        main is not None
        and finding.verdict is Verdict.ADDED
        and main.pages_before > 0
        and len(main.pages) == main.pages_after
    )


def finding_sends(finding: Finding) -> tuple[Sends, ...]:
    known = {
        (entry.identity.role, entry.identity.subject): (form_of(entry.examples), has_left(entry.evidence))
        for entry in finding.entries
        if entry.identity.kind is SightingKind.FIELD
    }
    unknown = ("", True)
    return group_sends(
        (kind, form, field, left) for kind, field in finding.sends for form, left in [known.get((kind, field), unknown)]
    )


def _request(finding: Finding) -> RequestView | None:
    """Put an example together: where a request went, and what each of its fields carried."""
    kinds = {field: kind for kind, field in finding.sends}
    plain = {*finding.events, finding.tag.account if finding.tag and finding.tag.account else ""}
    fields = tuple(
        (entry.identity.subject, entry.examples[0])
        for entry in finding.entries
        if entry.identity.kind is SightingKind.FIELD and entry.examples
    )
    preferred = (SightingKind.EVENT, SightingKind.ENDPOINT, SightingKind.TAG, SightingKind.SCRIPT)
    for kind in preferred:
        for entry in finding.entries:
            for example in entry.examples if entry.identity.kind is kind else ():
                if (request := mask_request(example, kinds, plain)) is not None:
                    named = {name for name, _ in fields}
                    own = tuple(pair for pair in request.parameters if pair[0] not in named)
                    return RequestView(request.address, own + fields)
    return None


def _unverified(drift: Drift | None, snapshot: Snapshot) -> tuple[UnverifiedGroup, ...]:
    """Everything that cannot be told, also where the comparison forgot to say so."""
    reasons: dict[str, tuple[Outcome | None, str]] = {}
    for page in drift.unverified if drift else ():
        reasons[page.page] = (page.outcome, words.reason(page.reason))
    for seen in snapshot.pages:
        # A page that answers 404 or 410 may be known to be gone: the comparison has judged that.
        answered = drift is not None or snapshot.scan.coverage.ok > 0
        judged = answered and seen.status in GONE_STATUSES and seen.page not in reasons
        if seen.outcome is not Outcome.OK and not judged:
            # The stop reason groups better than a sentence that names the page.
            reason = words.reason(seen.stop_reason) if seen.stop_reason else seen.detail or "nobody knows why"
            reasons[seen.page] = (seen.outcome, reason)
    grouped: dict[tuple[Outcome | None, str], list[str]] = defaultdict(list)
    for address in sorted(reasons):
        grouped[reasons[address]].append(address)
    return tuple(
        UnverifiedGroup(outcome, reason, tuple(pages))
        for (outcome, reason), pages in sorted(
            grouped.items(), key=lambda group: (-len(group[1]), group[0][0] or "", group[0][1])
        )
    )
