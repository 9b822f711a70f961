"""Findings open incidents, later scans update them, their disappearance closes them. Pure.

A finding is news of one comparison. An incident lasts: it stays open while the thing itself is in the snapshots,
whatever they are compared with, and closes only after every page of it was seen whole without it, twice; more often
for what is known to come and go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from scanner.approvals import Approved
from scanner.comes_and_goes import FEWEST_ABSENCES, LAST_SCANS, absences_that_prove, comes_and_goes
from scanner.model import (
    GONE_STATUSES,
    Approval,
    Drift,
    Finding,
    Identity,
    Incident,
    IncidentChange,
    IncidentChangeKind,
    IncidentState,
    Outcome,
    ScanKind,
    ScanRecord,
    ScanState,
    Severity,
    SightingKind,
    Snapshot,
    Verdict,
)

MOST_EVIDENCE_SCANS = 20
"""Scans whose captures are kept for one incident: the first, and the newest in which it became worse."""
_CORE = (SightingKind.TAG, SightingKind.HOST, SightingKind.FEATURE, SightingKind.CONTAINER_TAG)
_QUIETEST = Severity.LOW


def update(
    site: str,
    open_incidents: Sequence[Incident],
    after: Snapshot,
    findings: Sequence[Finding],
    drift: Drift | None,
    before: Snapshot | None = None,
    approval: Approval | None = None,
    closed_incidents: Sequence[Incident] = (),
    approved: Approved | None = None,
) -> tuple[IncidentChange, ...]:
    """Return what the scan `after` means for the site's incidents, in the order: opened, worsened, updated, closed.

    Args:
        open_incidents: those that are open.
        findings: of this comparison, violations included.
        before: the older side, if there is one; with `approval` it is the approved state.
        closed_incidents: earlier ones of the site, newest first: what comes back carries its history on.
    """
    scan = after.scan
    present = _present(after)
    accepted = _identities(before) if approval is not None and before is not None else frozenset()
    news = {finding.key: finding for finding in findings if _worth_an_incident(finding, drift)}
    by_identity = {identity: incident.finding.key for incident in open_incidents for identity in incident.identities}
    for finding in tuple(news.values()):
        incident = _same_tag_before(finding, open_incidents)
        if incident is not None and incident.finding.key not in news:
            news[incident.finding.key] = news.pop(finding.key)
    changes: list[IncidentChange] = []
    for incident in open_incidents:
        own = news.pop(incident.finding.key, None)
        change = _approved(incident, own, scan, after, approved) or _update(
            incident, own, scan, after, present, accepted, approval
        )
        if change is not None:
            changes.append(change)
    for finding in news.values():
        identities = _core_identities(finding)
        if identities and all(identity in by_identity for identity in identities):
            continue  # the same thing under another heading: the open incident tells it already
        opened = _opened(site, finding, identities, scan, before)
        earlier = next((one for one in closed_incidents if one.identities == identities and identities), None)
        changes.append(IncidentChange(IncidentChangeKind.OPENED, _carried_on(opened, earlier)))
    order = list(IncidentChangeKind)
    return tuple(
        sorted(changes, key=lambda c: (order.index(c.kind), c.incident.finding.severity.rank, c.incident.finding.key))
    )


def _worth_an_incident(finding: Finding, drift: Drift | None) -> bool:
    if finding.verdict is Verdict.REMOVED or finding.severity.rank > _QUIETEST.rank:
        return False
    # Without an older side the findings say what is there: only what the policy forbids is an incident then.
    return finding.violation or drift is not None


def _same_tag_before(finding: Finding, open_incidents: Iterable[Incident]) -> Incident | None:
    """The open incident of a tag that took another way out: behind a proxy it is the same tag, and not gone."""
    core = [identity for identity in _core_identities(finding) if identity.kind is SightingKind.TAG]
    if finding.verdict is not Verdict.CHANGED or not core:
        return None
    tags = {identity.tag for identity in core}
    for incident in open_incidents:
        known = {identity.tag for identity in incident.identities if identity.kind is SightingKind.TAG}
        if known & tags:
            return incident
    return None


def _core_identities(finding: Finding) -> tuple[Identity, ...]:
    """What makes the thing itself: its tag where it has one, else host or feature; nothing for a change of content."""
    added = [entry.identity for entry in finding.entries if entry.verdict is Verdict.ADDED]
    for kind in _CORE:
        core = {identity for identity in added if identity.kind is kind and _same_account(identity, finding)}
        if core:
            return tuple(sorted(core, key=lambda identity: identity.sort_key))
    return tuple(sorted(set(added), key=lambda identity: identity.sort_key))


def _same_account(identity: Identity, finding: Finding) -> bool:
    return finding.tag is None or identity.tag == finding.tag or identity.kind is not SightingKind.TAG


def _opened(
    site: str, finding: Finding, identities: tuple[Identity, ...], scan: ScanRecord, before: Snapshot | None
) -> Incident:
    whole_before = {page.page for page in before.pages if page.outcome is Outcome.OK} if before else set()
    absent = before is not None and bool(whole_before & set(finding.pages)) and not _has(before, identities)
    return Incident(
        id=0,
        site=site,
        finding=finding,
        state=IncidentState.OPEN,
        identities=identities,
        opened_scan=scan.id,
        first_seen_at=scan.started_at,
        last_seen_at=scan.started_at,
        last_absent_at=before.scan.started_at if absent and before is not None else None,
        last_scan=scan.id,
        confirmed=finding.confirmed is not False,
        recent=(True,),
        comes_and_goes=finding.comes_and_goes,
        last_seen_scan=scan.id,
        evidence_scans=(scan.id,),
    )


def _carried_on(opened: Incident, earlier: Incident | None) -> Incident:
    """What was there before, and comes back within a few scans, may be something that fires on a share of visits."""
    if earlier is None or not earlier.recent:
        return opened
    recent = (*earlier.recent, *opened.recent)[-LAST_SCANS:]
    return replace(
        opened,
        recent=recent,
        comes_and_goes=opened.comes_and_goes or earlier.comes_and_goes or comes_and_goes(recent),
        confirmed=opened.confirmed or sum(recent) > 1,
    )


def _approved(
    incident: Incident, own: Finding | None, scan: ScanRecord, after: Snapshot, approved: Approved | None
) -> IncidentChange | None:
    """The incident is accepted if the approvals file covers it wherever it still is."""
    if own is not None or approved is None or not approved.entries:
        return None
    there = [
        approved.by(page, sighting.identity)
        for page in after.pages
        for sighting in page.sightings
        if sighting.identity in incident.identities
    ]
    acceptance = next(iter(there), None)
    if acceptance is None or None in there:
        return None
    closed = replace(
        incident, state=IncidentState.ACCEPTED, closed_at=acceptance.at or scan.started_at, last_scan=scan.id
    )
    return IncidentChange(IncidentChangeKind.ACCEPTED, closed, (acceptance.words,))


def _update(
    incident: Incident,
    own: Finding | None,
    scan: ScanRecord,
    after: Snapshot,
    present: Mapping[Identity, frozenset[str]],
    accepted: frozenset[Identity],
    approval: Approval | None,
) -> IncidentChange | None:
    if approval is not None and incident.identities and accepted.issuperset(incident.identities):
        closed = replace(incident, state=IncidentState.ACCEPTED, closed_at=approval.at, last_scan=scan.id)
        return IncidentChange(IncidentChangeKind.ACCEPTED, closed, (f"approved by {approval.who}: {approval.why}",))
    pages = frozenset(page for identity in incident.identities for page in present.get(identity, ()))
    if pages or own is not None:
        return _seen_again(incident, own, pages, after)
    if scan.kind is ScanKind.LIGHT:
        return None  # it opens and worsens; only a full scan can say that something is over
    if not _all_whole(incident.finding.pages, after):
        return IncidentChange(IncidentChangeKind.UPDATED, replace(incident, last_scan=scan.id))
    gone = replace(
        incident,
        last_scan=scan.id,
        absent_scans=incident.absent_scans + 1,
        closed_at=incident.closed_at or scan.started_at,
        recent=(*incident.recent, False)[-LAST_SCANS:],
    )
    needed = absences_that_prove(incident.recent) if incident.comes_and_goes else FEWEST_ABSENCES
    if gone.absent_scans < needed and incident.identities:
        return IncidentChange(IncidentChangeKind.UPDATED, gone)
    return IncidentChange(IncidentChangeKind.CLOSED, replace(gone, state=IncidentState.CLOSED))


def _seen_again(incident: Incident, own: Finding | None, pages: frozenset[str], after: Snapshot) -> IncidentChange:
    scan = after.scan
    old = incident.finding
    new = own or old
    all_pages = tuple(sorted({*old.pages, *new.pages, *pages}))
    few = _knows_less(new, old, after)
    # The reason goes with the severity that it gives: few pages may show less of what is known to happen on the others.
    why = min((old, new) if few else (new, old), key=lambda finding: finding.severity.rank)
    merged = replace(
        new,
        key=old.key,
        severity=why.severity,
        reason=why.reason,
        rule=why.rule or old.rule or new.rule,
        pages=all_pages,
        sends=tuple(sorted({*old.sends, *new.sends})),
        events=tuple(sorted({*old.events, *new.events})),
        loaders=tuple(dict.fromkeys((*new.loaders, *old.loaders))),
        violation=old.violation or new.violation,
        title=old.title if few else new.title,
        confirmed=True,
        cause=new.cause or old.cause,
        also_changed=new.also_changed or old.also_changed,
    )
    recent = (*incident.recent, True)[-LAST_SCANS:] if scan.kind is ScanKind.FULL else incident.recent
    wavering = (
        incident.comes_and_goes or comes_and_goes(recent) or new.comes_and_goes or _churns(incident, pages, after)
    )
    reasons = tuple(_worse(old, merged, pages_count=not wavering))
    if own is not None and own.key != old.key and not set(_core_identities(own)) <= set(incident.identities):
        reasons = (own.title, *reasons)
    if not incident.confirmed and incident.told_at is not None:
        reasons = ("seen again: it is confirmed", *reasons)
    seen = replace(
        incident,
        finding=merged,
        identities=_all_ways(incident.identities, own),
        last_seen_at=scan.started_at,
        last_scan=scan.id,
        absent_scans=0,
        closed_at=None,
        seen_scans=incident.seen_scans + 1,
        confirmed=True,
        recent=recent,
        comes_and_goes=wavering,
        last_seen_scan=scan.id,
        evidence_scans=_evidence(incident.evidence_scans, scan.id) if reasons else incident.evidence_scans,
    )
    kind = IncidentChangeKind.WORSENED if reasons else IncidentChangeKind.UPDATED
    return IncidentChange(kind, seen, reasons)


def _knows_less(own: Finding, old: Finding, after: Snapshot) -> bool:
    """Say whether the scan speaks of the same matter, and of fewer pages only because it did not see the others."""
    left = set(old.pages) - set(own.pages)
    if own.key != old.key or not left:
        return False
    if after.scan.kind is ScanKind.LIGHT:
        return True
    return len(own.pages) < len(old.pages) and not _all_whole(left, after)


def evidence_visits(incidents: Iterable[Incident]) -> Mapping[int, frozenset[str]]:
    """Return scan → pages whose captures are the incidents' evidence: where each began, grew worse, was last seen."""
    kept: dict[int, set[str]] = {}
    for incident in incidents:
        last = incident.last_seen_scan or incident.last_scan
        for scan_id in {incident.opened_scan, *incident.evidence_scans, last}:
            kept.setdefault(scan_id, set()).update(incident.finding.pages)
    return {scan_id: frozenset(pages) for scan_id, pages in kept.items()}


def _evidence(scans: tuple[int, ...], scan_id: int) -> tuple[int, ...]:
    return (*scans[:1], *(*scans[1:], scan_id)[-(MOST_EVIDENCE_SCANS - 1) :])


def _all_ways(identities: tuple[Identity, ...], own: Finding | None) -> tuple[Identity, ...]:
    """The incident's identities, and the way out that its tag takes now."""
    tags = {identity.tag for identity in identities if identity.kind is SightingKind.TAG}
    new = [one for one in (_core_identities(own) if own else ()) if one.kind is SightingKind.TAG and one.tag in tags]
    return tuple(sorted({*identities, *new}, key=lambda identity: identity.sort_key))


def _churns(incident: Incident, pages: frozenset[str], after: Snapshot) -> bool:
    """Say whether in this one scan it left some of its pages, all seen whole, and came to others: chance, no spread."""
    known = set(incident.finding.pages)
    left = known - pages
    return bool(pages - known) and len(left) > 1 and bool(known & pages) and _all_whole(left, after)


def _worse(old: Finding, new: Finding, *, pages_count: bool = True) -> Iterable[str]:
    """`pages_count`: False for what comes and goes, which sooner or later is seen on any page."""
    more_pages = len(new.pages) - len(old.pages)
    if more_pages and pages_count:
        yield f"on {more_pages} more page{'s' if more_pages > 1 else ''}"
    kinds = sorted({kind for kind, _ in new.sends} - {kind for kind, _ in old.sends})
    if kinds:
        yield f"also sends {', '.join(kind.replace('_', ' ') for kind in kinds)}"
    events = sorted(set(new.events) - set(old.events))
    if events:
        yield f"new events: {', '.join(events)}"
    if new.severity.rank < old.severity.rank:
        yield f"{new.severity} instead of {old.severity}"


def _present(snapshot: Snapshot) -> Mapping[Identity, frozenset[str]]:
    found: dict[Identity, set[str]] = {}
    for page in snapshot.pages:
        for sighting in page.sightings:
            found.setdefault(sighting.identity, set()).add(page.page)
    return {identity: frozenset(pages) for identity, pages in found.items()}


def _identities(snapshot: Snapshot) -> frozenset[Identity]:
    return frozenset(s.identity for page in snapshot.pages for s in page.sightings)


def _has(snapshot: Snapshot, identities: tuple[Identity, ...]) -> bool:
    return bool(identities) and not _identities(snapshot).isdisjoint(identities)


def _all_whole(pages: Iterable[str], after: Snapshot) -> bool:
    """Say whether each page was seen whole, or is known to be gone; a page that was not reached proves nothing."""
    seen = {page.page: page for page in after.pages}
    complete = after.scan.state is ScanState.COMPLETE
    for page in pages:
        now = seen.get(page)
        if now is None:
            if not complete:
                return False
        elif now.outcome is not Outcome.OK and now.status not in GONE_STATUSES:
            return False
    return True
