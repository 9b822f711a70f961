"""The report for machines: plain dicts and lists that `report_schema.json` describes. Pure, complete, in a fixed order.

Nothing is cut here. Text is as the pages wrote it; whoever prints it elsewhere makes it harmless there.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from reports import words
from reports.model import FindingView, OtherView, ReportView, TagView, UnverifiedGroup
from scanner.model import Coverage, DriftEntry, PageInventory, ScanRecord, Sighting, SightingKind, TagKey

FORMAT = 1
"""Raised when a field changes its meaning or goes away; new fields alone do not raise it."""

Json = dict[str, Any]


def report_document(view: ReportView) -> Json:
    """Return the report as values that `json.dumps` takes; validated by `report_schema.json`."""
    return {
        "format": FORMAT,
        "document": "report",
        "tool": {"name": "tagdrift", "version": view.tool_version},
        "generated_at": _time(view.generated_at),
        "verdict": {
            "state": view.verdict.state.value,
            "sentence": view.verdict.sentence,
            "caveats": list(view.verdict.caveats),
        },
        "site": {"name": view.site, "start_url": view.start_url},
        "scan": _scan(view.scan),
        "baseline": _baseline(view),
        "coverage": _coverage(view.coverage),
        "findings": [_finding(finding) for finding in view.present],
        "removed": [_finding(finding) for finding in view.removed],
        "other_changes": [_entry(entry) for entry in view.other_changes],
        "unverified": _unverified(view.unverified),
        "new_pages": list(view.new_pages),
        "gone_pages": list(view.gone_pages),
        "inventory": {
            "tags": [_tag(tag) for tag in view.inventory.tags],
            "third_parties": [_third_party(other) for other in view.inventory.third_parties],
            "scripts": [_other("url", other) for other in view.inventory.scripts],
            "cookies": [_other("name", other) for other in view.inventory.cookies],
            "container_tags": [_other("name", other) for other in view.inventory.container_tags],
        },
        "pages": [_page(page) for page in view.pages],
    }


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _scan(scan: ScanRecord) -> Json:
    return {
        "id": scan.id,
        "state": scan.state.value,
        "started_at": _time(scan.started_at),
        "ended_at": _time(scan.ended_at),
        "profile": {
            "device": scan.profile.device.value,
            "locale": scan.profile.locale,
            "consent": scan.profile.consent.value,
            "gpc": scan.profile.gpc,
        },
        "rules_digest": scan.rules_digest,
    }


def _baseline(view: ReportView) -> Json | None:
    if view.baseline is None:
        return None
    approval = view.approval
    return {
        **_scan(view.baseline),
        "approved": {"who": approval.who, "why": approval.why, "at": _time(approval.at)} if approval else None,
    }


def _coverage(coverage: Coverage) -> Json:
    return {
        "planned": coverage.planned,
        "ok": coverage.ok,
        "partial": coverage.partial,
        "failed": coverage.failed,
        "blocked": coverage.blocked,
        "unvisited": coverage.unvisited,
        "ratio": round(coverage.ratio, 4),
        "excluded": dict(coverage.excluded),
        "limited_templates": dict(coverage.limited_templates),
    }


def _finding(view: FindingView) -> Json:
    finding = view.finding
    request = view.request
    return {
        "key": finding.key,
        "severity": finding.severity.value,
        "verdict": finding.verdict.value,
        "violation": finding.violation,
        "rule": finding.rule,
        "title": finding.title,
        "vendor": finding.tag.vendor if finding.tag else None,
        "product": finding.tag.product if finding.tag else None,
        "account": finding.tag.account if finding.tag else None,
        "vendor_name": view.vendor,
        "product_name": view.product,
        "owner": finding.owner,
        "category": finding.category.value,
        "pages": list(finding.pages),
        "pages_seen": view.pages_seen,
        "loaders": list(finding.loaders),
        "sends": [{"kind": kind, "field": field} for kind, field in finding.sends],
        "events": list(finding.events),
        "reason": finding.reason,
        "since": list(view.since),
        "standing": view.standing,
        "confirmed": finding.confirmed,
        "comes_and_goes": finding.comes_and_goes,
        "seen_in": {"scans": finding.seen_in[0], "of": finding.seen_in[1]} if finding.seen_in else None,
        "cause": finding.cause or None,
        "also_changed": list(finding.also_changed),
        "request": {"address": request.address, "parameters": [list(pair) for pair in request.parameters]}
        if request
        else None,
        "entries": [_entry(entry, finding.pages) for entry in finding.entries],
    }


def _entry(entry: DriftEntry, same_pages: tuple[str, ...] | None = None) -> Json:
    """One change. `pages` is null where they are the finding's own: a tag that is new everywhere has many entries."""
    identity = entry.identity
    return {
        "verdict": entry.verdict.value,
        "kind": identity.kind.value,
        "subject": identity.subject,
        "role": identity.role,
        "tag": _key(identity.tag) if identity.tag else None,
        "owner": entry.owner,
        "category": entry.category.value,
        "pages": None if entry.pages == same_pages else list(entry.pages),
        "pages_new": None if entry.pages_new == same_pages else list(entry.pages_new),
        "pages_before": entry.pages_before,
        "pages_after": entry.pages_after,
        "loaders": list(entry.loaders),
        "evidence": list(entry.evidence),
        "before": entry.before,
        "after": entry.after,
    }


def _key(tag: TagKey) -> Json:
    return {"vendor": tag.vendor, "product": tag.product, "account": tag.account}


def _unverified(groups: tuple[UnverifiedGroup, ...]) -> list[Json]:
    flat = [
        {"page": page, "outcome": group.outcome.value if group.outcome else None, "reason": group.reason}
        for group in groups
        for page in group.pages
    ]
    return sorted(flat, key=lambda one: str(one["page"]))


def _tag(tag: TagView) -> Json:
    return {
        **_key(tag.key),
        "vendor_name": tag.vendor,
        "product_name": tag.product,
        "category": tag.category.value,
        "owner": tag.owner,
        "pages": len(tag.pages),
        "events": [event for event, _ in tag.events],
        "exposures": [{"kind": kind, "field": field} for kind, field in tag.fields],
        "first_party_collection": tag.first_party,
        "evidence": list(tag.evidence),
        "loaders": list(tag.loaders),
        "features": list(tag.features),
        "endpoints": list(tag.endpoints),
    }


def _third_party(other: OtherView) -> Json:
    return {"domain": other.subject, "owner": other.owner, "category": other.category.value, "pages": other.pages}


def _other(name: str, other: OtherView) -> Json:
    return {
        name: other.subject,
        "owner": other.owner,
        "tag": other.tag,
        "pages": other.pages,
        "versions": other.versions,
        "loaders": list(other.loaders),
    }


def _page(page: PageInventory) -> Json:
    parts: dict[TagKey, list[Sighting]] = defaultdict(list)
    for sighting in page.sightings:
        if sighting.identity.tag is not None:
            parts[sighting.identity.tag].append(sighting)
    return {
        "page": page.page,
        "final_url": page.final_url,
        "title": page.title,
        "template": page.template,
        "outcome": page.outcome.value,
        "reason": words.reason(page.stop_reason) if page.stop_reason else page.detail,
        "detail": page.detail,
        "status": page.status,
        "tags": [
            _page_tag(tag, parts[tag]) for tag in sorted(parts, key=lambda t: (t.vendor, t.product, t.account or ""))
        ],
        "third_parties": [
            {"domain": s.identity.subject, "owner": s.owner}
            for s in page.sightings
            if s.identity.kind is SightingKind.HOST
        ],
        "requests": page.request_count,
        "third_party_requests": page.third_party_request_count,
    }


def _page_tag(tag: TagKey, sightings: list[Sighting]) -> Json:
    return {
        **_key(tag),
        "events": [s.identity.subject for s in sightings if s.identity.kind is SightingKind.EVENT],
        "fields": [
            {"kind": s.identity.role, "field": s.identity.subject}
            for s in sightings
            if s.identity.kind is SightingKind.FIELD
        ],
        "evidence": sorted({e for s in sightings if s.identity.kind is SightingKind.TAG for e in s.evidence}),
    }
