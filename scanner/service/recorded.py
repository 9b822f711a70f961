"""Use cases on traffic that somebody else recorded: HAR files in, the usual inventory and findings out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rules.explain import explained, exposed, owner_name
from rules.har import HarPage, HarReading, read_har
from scanner.capture import read_source
from scanner.house_rules import HouseRules
from scanner.model import (
    Coverage,
    Outcome,
    PageCapture,
    PageInventory,
    ScanRecord,
    ScanState,
    SiteConfig,
    Snapshot,
)
from scanner.policy import Policy
from scanner.service.compare import NO_HOUSE_RULES, OBSERVE, Comparison, judged_alone
from scanner.service.judge import RulesJudge
from scanner.urls import host_of, is_third_party, registrable_domain, same_site


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
    site: SiteConfig | None = None
    """The configured site that its pages belong to; None: nobody configured it."""


def judge_har(path: Path, judge: RulesJudge, sites: Sequence[SiteConfig] = ()) -> JudgedFile:
    """Read one HAR file and judge its pages; `sites` are those of the configuration: whose own domains count.

    Raises:
        ProblemsError: nothing in it can be read.
    """
    reading = read_har(path.read_bytes(), str(path), wanted=judge.rules.wanted())
    site = site_of((page.capture.final_url for page in reading.pages), sites)
    own = site.own_domains if site is not None else ()
    return JudgedFile(str(path), reading, tuple(_judged(page, judge, own) for page in reading.pages), site)


def site_of(urls: Iterable[str], sites: Sequence[SiteConfig]) -> SiteConfig | None:
    """Return the site to which most of these pages belong, by its start addresses and own domains; None if to none."""
    hosts = [host for url in urls if (host := host_of(url))]

    def belonging(site: SiteConfig) -> int:
        return sum(any(same_site(host, host_of(start), site.own_domains) for start in site.start) for host in hosts)

    best = max(sites, key=belonging, default=None)
    return best if best is not None and belonging(best) else None


def _judged(page: HarPage, judge: RulesJudge, own_domains: Sequence[str]) -> JudgedPage:
    capture = page.capture
    if page.source is not None:
        source = read_source(page.source, capture.final_url)
        capture = replace(capture, signals=source.signals, links=source.links, title=capture.title or source.title)
    document = _page_document(capture, judge, own_domains)
    return JudgedPage(capture, document, judge.inventory(capture, own_domains))


def _page_document(capture: PageCapture, judge: RulesJudge, own_domains: Sequence[str]) -> dict[str, Any]:
    judged = judge.judgement(capture, own_domains)
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
                "placeholders": [],
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
            ("placeholders", told["placeholders"]),
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
        if not one.placeholder
    ]
    return {
        "url": capture.final_url,
        "title": capture.title,
        "outcome": capture.outcome.value,
        "requests": len(capture.requests),
        "detections": [tags[key] for key in sorted(tags, key=str)],
        "third_parties": _third_parties(capture, judge, own_domains),
        "exposures": exposures,
    }


def _third_parties(capture: PageCapture, judge: RulesJudge, own_domains: Sequence[str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for request in capture.requests:
        if not is_third_party(request.url, capture.final_url, own_domains):
            continue
        host = host_of(request.url)
        domain = registrable_domain(host)
        owner = owner_name(host, judge.rules)
        party = found.setdefault(domain, {"domain": domain, "owner": owner, "hosts": [], "requests": 0})
        party["requests"] += 1
        party["owner"] = party["owner"] or owner
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


def har_comparison(
    files: list[JudgedFile],
    judge: RulesJudge,
    name: str,
    policy: Policy = OBSERVE,
    house: HouseRules = NO_HOUSE_RULES,
) -> Comparison:
    """Return the files' pages as if they were a first scan, for the usual report.

    `name` is whose policy and approvals count: a configured site's, or a name that no approval speaks of.
    """
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
    return judged_alone(judge, snapshot, policy, house)


def _pages(files: list[JudgedFile]) -> Iterator[PageInventory]:
    """Inventories under distinct names: the same page recorded twice counts once, seen whole before half-seen."""
    every = [page.inventory for file in files for page in file.pages if page.inventory.page]
    yield from sorted(every, key=lambda page: page.outcome is not Outcome.OK)
