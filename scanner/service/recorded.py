"""Use cases on traffic that somebody else recorded: HAR files in, the usual inventory and findings out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rules.entities import owner_of
from rules.explain import explained, exposed
from rules.har import HarPage, HarReading, read_har
from scanner.capture import read_source
from scanner.causes import with_causes
from scanner.findings import inventory_findings
from scanner.model import (
    Coverage,
    Outcome,
    PageCapture,
    PageInventory,
    ScanRecord,
    ScanState,
    Snapshot,
)
from scanner.service.compare import Comparison
from scanner.service.judge import RulesJudge
from scanner.urls import host_of, is_third_party, registrable_domain


@dataclass(frozen=True, slots=True)
class JudgedPage:
    capture: PageCapture
    document: dict[str, Any]
    inventory: PageInventory


@dataclass(frozen=True, slots=True)
class JudgedFile:
    file: str
    reading: HarReading
    pages: tuple[JudgedPage, ...]


def judge_har(path: Path, judge: RulesJudge) -> JudgedFile:
    """Read one HAR file and judge its pages.

    Raises:
        ProblemsError: nothing in it can be read.
    """
    reading = read_har(path.read_bytes(), str(path), wanted=judge.rules.wanted())
    return JudgedFile(str(path), reading, tuple(_judged(page, judge) for page in reading.pages))


def _judged(page: HarPage, judge: RulesJudge) -> JudgedPage:
    capture = page.capture
    if page.source is not None:
        source = read_source(page.source, capture.final_url)
        capture = replace(capture, signals=source.signals, links=source.links)
    return JudgedPage(capture, _page_document(capture, judge), judge.inventory(capture))


def _page_document(capture: PageCapture, judge: RulesJudge) -> dict[str, Any]:
    judged = judge.judgement(capture)
    detections = judged.detections
    tags: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for detection in detections:
        told = explained(detection)
        key = (detection.vendor, detection.product, detection.account)
        tag = tags.setdefault(
            key,
            {
                "vendor": detection.vendor,
                "product": detection.product,
                "category": detection.category.value,
                "account": detection.account,
                "events": [],
                "rules": [],
                "kinds": [],
                "evidence": [],
                "first_party_collection": False,
                "requests": 0,
                "exposures": [],
            },
        )
        tag["requests"] += detection.request_index is not None
        tag["first_party_collection"] |= detection.first_party_collection
        for name, values in (
            ("events", told["events"]),
            ("rules", [told["rule"]]),
            ("kinds", [told["kind"]]),
            ("evidence", [detection.evidence]),
            ("exposures", told["exposures"]),
        ):
            tag[name] += [value for value in values if value not in tag[name]]
    exposures: list[dict[str, Any]] = [
        {"vendor": tag["vendor"], "product": tag["product"], "account": tag["account"], **exposure}
        for tag in tags.values()
        for exposure in tag["exposures"]
    ]
    exposures += [
        {"vendor": None, "product": None, "account": None, "host": host_of(capture.requests[at].url), **exposed(one)}
        for at, one in judged.strangers
    ]
    return {
        "url": capture.final_url,
        "title": capture.title,
        "outcome": capture.outcome.value,
        "requests": len(capture.requests),
        "detections": [tags[key] for key in sorted(tags, key=str)],
        "third_parties": _third_parties(capture),
        "exposures": exposures,
    }


def _third_parties(capture: PageCapture) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for request in capture.requests:
        if not is_third_party(request.url, capture.final_url):
            continue
        host = host_of(request.url)
        domain = registrable_domain(host)
        owner = owner_of(host)
        party = found.setdefault(
            domain, {"domain": domain, "owner": owner.company if owner else None, "hosts": [], "requests": 0}
        )
        party["requests"] += 1
        party["owner"] = party["owner"] or (owner.company if owner else None)
        if host not in party["hosts"]:
            party["hosts"].append(host)
    return [{**found[domain], "hosts": sorted(found[domain]["hosts"])} for domain in sorted(found)]


def har_document(files: list[JudgedFile]) -> dict[str, Any]:
    """Return what `tagdrift har --json` prints."""
    return {
        "format": 1,
        "document": "har",
        "files": [
            {
                "file": f.file,
                "requests": f.reading.request_count,
                "truncated": f.reading.truncated,
                "notes": list(f.reading.notes),
            }
            for f in files
        ],
        "pages": [{"file": f.file, **page.document} for f in files for page in f.pages],
    }


def har_comparison(files: list[JudgedFile], judge: RulesJudge, name: str) -> Comparison:
    """Return the files' pages as if they were a first scan, for the usual report."""
    pages: dict[str, PageInventory] = {}
    for page in _pages(files):
        pages.setdefault(page.page, page)
    outcomes = [page.outcome for page in pages.values()]
    started = min((p.capture.started_at for f in files for p in f.pages), default=datetime(1970, 1, 1, tzinfo=UTC))
    scan = ScanRecord(
        id=0,
        site=name,
        state=ScanState.COMPLETE,
        started_at=started,
        ended_at=started,
        coverage=Coverage(
            planned=len(outcomes),
            ok=outcomes.count(Outcome.OK),
            partial=outcomes.count(Outcome.PARTIAL),
            failed=outcomes.count(Outcome.FAILED),
            blocked=outcomes.count(Outcome.BLOCKED),
        ),
        rules_digest=judge.digest,
    )
    snapshot = Snapshot(scan, judge.digest, tuple(pages[page] for page in sorted(pages)))
    found = inventory_findings(snapshot, judge.page_kind, judge.names)
    return Comparison(snapshot, None, None, None, with_causes(found, None, snapshot, judge.names))


def _pages(files: list[JudgedFile]) -> Iterator[PageInventory]:
    """Inventories under distinct names: the same page recorded twice counts once, seen whole before half-seen."""
    every = [page.inventory for file in files for page in file.pages if page.inventory.page]
    yield from sorted(every, key=lambda page: page.outcome is not Outcome.OK)
