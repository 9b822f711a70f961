"""The use case "build the pages to look at": read the store, site by site, and hand over files. Nothing is visited."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from reports.html import asset
from reports.site_pages.build import incident_file, overview_file, site_files
from reports.site_pages.evidence import evidence_of
from reports.site_pages.model import Case, Evidence, File, Making, OpenIncident, SiteCard, SiteHistory
from reports.site_pages.names import site_folder
from reports.site_pages.state import card_of, finished_full, open_incidents
from rules.decode import expand_all
from rules.message import Message
from scanner.model import ApprovalEvent, IncidentChangeKind, PageCapture, RequestRecord, ScanRecord, SiteConfig
from scanner.older_scans import narrow
from scanner.page_kinds import RAISING
from scanner.patterns import any_fits
from scanner.ports import Store
from scanner.service.judge import RulesJudge
from scanner.service.scan_summary import summarise

BACKFILL_S = 20.0
"""How long one build may spend on scans that were made before there were summaries."""
_MOST_TRIES = 4
"""Kept visits that are looked at for one incident's evidence."""
_MOST_CANDIDATES = 120
"""Of an incident's pages: to know of thousands what each is for takes longer than it helps."""
_TEMPLATES = (
    "report.css", "site.css", "report.js", "site.js", "macros.html.j2", "site_base.html.j2", "site_macros.html.j2",
    "site_page.html.j2", "site_scans.html.j2", "site_incident.html.j2",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BuiltSite:
    """One site's pages; None for `files` when they are what they were."""

    site: str
    folder: str
    fingerprint: str
    files: Iterator[File] | None


@dataclass(slots=True)
class PageBuilder:
    """Reads one site at a time; memory holds that site's numbers, and one visit at most."""

    store: Store
    judge: RulesJudge
    making: Making
    configured: Mapping[str, SiteConfig] = field(default_factory=dict)
    """Sites of the configuration, by name: those without a scan are shown, too."""
    backfill_s: float = BACKFILL_S
    known: Mapping[str, str] = field(default_factory=dict)
    """Folder → fingerprint of what lies there already."""
    undrawn: int = 0
    """After `sites`: scans that still have no summary."""
    _cards: list[SiteCard] = field(default_factory=list)
    _open: list[OpenIncident] = field(default_factory=list)
    _log: list[ApprovalEvent] = field(default_factory=list)
    _until: float = 0.0

    def sites(self) -> Iterator[BuiltSite]:
        """Yield every site; its files have to be taken before the next one is asked for."""
        self._until = time.monotonic() + self.backfill_s
        self._log = sorted(self.store.approval_log(), key=lambda event: event.at, reverse=True)
        for name in sorted({*self.store.sites(), *self.configured}):
            history = self._history(name)
            self.undrawn += history.undrawn
            self._cards.append(card_of(history, self.making.generated_at))
            self._open += open_incidents(history)
            folder = site_folder(name)
            fingerprint = self._fingerprint(history)
            unchanged = self.known.get(folder) == fingerprint
            yield BuiltSite(name, folder, fingerprint, None if unchanged else self._files(history))

    def overview(self) -> File:
        """The first page, once all sites were taken."""
        return overview_file(self._cards, self._open, self.making)

    # ------------------------------------------------------------------ reading

    def _history(self, name: str) -> SiteHistory:
        site = self.configured.get(name, SiteConfig(name=name, start=(f"https://{name}/",)))
        scans = self.store.scans(name, with_skipped=False)
        counts = dict(self.store.tag_counts(name))
        few = narrow(scans)
        full = finished_full(scans, few)
        undrawn = 0
        for number, scan in enumerate(full):
            if scan.id in counts:
                continue
            if number and time.monotonic() > self._until:
                undrawn += 1
                continue
            # Made before there were summaries, or by a process that was killed in between.
            summary = summarise(inventory for inventory, _digest in self.store.inventories(scan.id))
            self.store.save_summary(scan.id, summary)
            counts[scan.id] = summary.tags
        newest = full[0] if full else None
        return SiteHistory(
            site=name,
            start_url=site.start[0],
            scans=scans,
            counts=counts,
            summary=self.store.summary(newest.id) if newest else None,
            summary_scan=newest,
            cases=tuple(
                Case(incident, self.store.incident_history(incident.id)) for incident in self.store.incidents(name)
            ),
            approvals=self.store.approvals(name),
            log=tuple(event for event in self._log if any_fits(name, event.sites)),
            coverage_threshold=site.coverage_threshold,
            undrawn=undrawn,
            narrow=few,
        )

    def _fingerprint(self, history: SiteHistory) -> str:
        """A digest of everything a site's pages are made from, but for the time of their making."""
        whole = hashlib.sha256()
        for part in (
            self.making.tool_version,
            self.judge.digest,
            _look(),
            history.site,
            history.start_url,
            history.coverage_threshold,
            history.undrawn,
            history.scans,
            sorted(history.narrow),
            sorted(history.counts),
            history.summary,
            history.approvals,
            history.log,
            [(case.entries, _without_pages(case)) for case in history.cases],
        ):
            whole.update(repr(part).encode("utf-8", "surrogatepass"))
            whole.update(b"\0")
        return whole.hexdigest()

    # ------------------------------------------------------------------ files

    def _files(self, history: SiteHistory) -> Iterator[File]:
        yield from site_files(history, self.making)
        for case in history.cases:
            yield incident_file(history, case, self._evidence(history, case), self.making)

    def _evidence(self, history: SiteHistory, case: Case) -> Evidence | None:
        """A kept visit that shows the incident: of the scan that opened it, else of a later one."""
        finding = case.incident.finding
        site = self.configured.get(history.site)
        own_domains = site.own_domains if site else ()
        for capture, scan_id in islice(self._kept_visits(history, case), _MOST_TRIES):
            detections = self.judge.judgement(capture, own_domains).detections
            found = evidence_of(capture, detections, finding, _fields, scan_id)
            if found is not None:
                return found
        return None

    def _kept_visits(self, history: SiteHistory, case: Case) -> Iterator[tuple[PageCapture, int]]:
        """Kept visits of the incident's pages, the telling ones first: an appointment says more than an imprint."""
        pages = case.incident.finding.pages[:_MOST_CANDIDATES]
        sensitive = frozenset(page for page in pages if self.judge.page_kind(page, None) in RAISING)
        for scan_id in _scans_with(case, history.scans):
            for some in (sensitive, frozenset(pages) - sensitive):
                if some:
                    yield from ((capture, scan_id) for capture in self.store.captures(scan_id, sorted(some)))


def _scans_with(case: Case, scans: tuple[ScanRecord, ...]) -> list[int]:
    """Scans in which it was seen, those that told something new first."""
    there = {scan.id for scan in scans}
    told = [
        entry.scan_id
        for entry in case.entries
        if entry.kind in (IncidentChangeKind.OPENED, IncidentChangeKind.WORSENED) and entry.scan_id in there
    ]
    return list(dict.fromkeys([*told[:1], *reversed(told[1:]), case.incident.last_scan]))[:_MOST_TRIES]


def _without_pages(case: Case) -> object:
    incident = case.incident
    return (
        incident.id, incident.state, incident.first_seen_at, incident.last_seen_at, incident.last_absent_at,
        incident.closed_at, incident.absent_scans, incident.seen_scans, incident.confirmed, incident.finding.title,
        incident.finding.severity, incident.finding.violation, incident.finding.reason, incident.finding.rule,
        incident.finding.sends, incident.finding.events, incident.finding.loaders, len(incident.finding.pages),
    )  # fmt: skip


def _fields(request: RequestRecord) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    message = Message(request)
    in_address, in_body = (
        [(name, value) for _path, name, value, _number in expand_all(fields)]
        for fields in (message.url_fields, message.body_fields)
    )
    return in_address, in_body


def _look() -> str:
    return hashlib.sha256(asset(*_TEMPLATES).encode()).hexdigest()
