"""One incident's evidence as a zip file that anybody can check: what was recorded, judged, approved, and by which tool.

Every file's SHA-256 stands in `manifest.json`, and the manifest's own in `manifest.sha256`. The hash chain of the store
vouches for the scans themselves (`chain.json`; see docs/store.md).
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from reports.escape import file_name
from rules.match import match_page
from scanner import __version__
from scanner.approvals import Acceptances
from scanner.approvals_write import document_of
from scanner.errors import UsageError
from scanner.har_export import har_chunks
from scanner.model import Incident, IncidentEntry, Outcome, PageCapture, PageInventory, ScanRecord
from scanner.patterns import any_fits
from scanner.ports import Store
from scanner.second_look import visits_of
from scanner.service.judge import RulesJudge

FORMAT = 1
NOTHING_ACCEPTED = Acceptances()
_CHUNK_BYTES = 1024 * 1024
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of files in the archive: the same evidence gives the same bytes."""


def write_evidence(
    store: Store,
    judge: RulesJudge,
    incident: Incident,
    policy: Mapping[str, Any],
    made_at: datetime,
    path: Path,
    acceptances: Acceptances = NOTHING_ACCEPTED,
) -> tuple[str, ...]:
    """Write the evidence of `incident` to `path`; return what could not be included, in words.

    Holds, for each scan that touched the incident: the recorded traffic of its pages as HAR, what today's rules make
    of it, each page's outcome in that scan (which proves absence where it was seen whole without it), and the link of
    the hash chain.
    """
    missing: list[str] = []
    history = store.incident_history(incident.id)
    digests: dict[str, str] = {}
    partly = path.with_name(path.name + ".part")
    with zipfile.ZipFile(partly, "w", zipfile.ZIP_DEFLATED) as archive:
        _add_json(archive, digests, "incident.json", _plain({"incident": asdict(incident), "history": history}))
        for number, entry in enumerate(history):
            scan = store.scan(entry.scan_id)
            if scan is None:
                missing.append(f"scan {entry.scan_id} has been removed by the retention")
                continue
            folder = f"scan-{scan.id}"
            _add_json(archive, digests, f"{folder}/scan.json", _plain(_scan(scan, entry, store)))
            _add_json(archive, digests, f"{folder}/pages.json", _plain(_pages(store, scan, incident)))
            captures = store.captures(scan.id, incident.finding.pages)
            kept = _add_traffic(archive, digests, folder, captures, judge)
            left_out = len(set(incident.finding.pages) & store.visited_pages(scan.id)) - kept
            if left_out > 0 and number == 0:
                missing.append(f"scan {scan.id}: the traffic of {left_out} of the pages is no longer kept whole")
        _add_json(
            archive,
            digests,
            "approvals.json",
            _plain([asdict(approval) for approval in store.approvals(incident.site)]),
        )
        _add_json(archive, digests, "approvals-file.json", _plain(_accepted(acceptances, incident.site, made_at)))
        log = [asdict(event) for event in store.approval_log() if any_fits(incident.site, event.sites)]
        _add_json(archive, digests, "approvals-log.json", _plain(log))
        _add_json(archive, digests, "policy.json", _plain(policy))
        _add_json(
            archive,
            digests,
            "tool.json",
            {
                "tagdrift": __version__,
                "python": platform.python_version(),
                "system": platform.platform(),
                "rules_digest": judge.digest,
                "rules": sorted(rule.id for rule in judge.rules.rules),
            },
        )
        manifest = _json(
            {
                "format": FORMAT,
                "document": "evidence",
                "incident": incident.id,
                "site": incident.site,
                "made_at": made_at.isoformat(),
                "missing": missing,
                "sha256": digests,
            }
        )
        _add(archive, "manifest.json", manifest)
        _add(archive, "manifest.sha256", f"{hashlib.sha256(manifest).hexdigest()}  manifest.json\n".encode())
    partly.replace(path)
    return tuple(missing)


def _accepted(acceptances: Acceptances, site: str, at: datetime) -> list[dict[str, Any]]:
    """The entries of the approvals file that speak of the site, with what they were worth at that time."""
    return [
        {"id": entry.id, **document_of(entry), "state": entry.standing(at.date())}
        for entry in acceptances.entries
        if entry.speaks_of(site)
    ]


def verify_evidence(path: Path) -> tuple[str, ...]:
    """Return what is wrong with the archive, in words; empty when every file is what the manifest says.

    Raises:
        UsageError: the file is no evidence archive.
    """
    problems: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            manifest = archive.read("manifest.json")
            expected = json.loads(manifest)["sha256"]
            if archive.read("manifest.sha256").split()[:1] != [hashlib.sha256(manifest).hexdigest().encode()]:
                problems.append("manifest.json is not the one that was written")
            for name, digest in sorted(expected.items()):
                if name not in names:
                    problems.append(f"{name} is missing")
                elif _digest_in(archive, name) != digest:
                    problems.append(f"{name} has been changed")
            strangers = names - set(expected) - {"manifest.json", "manifest.sha256"}
            problems += [f"{name} is not in the manifest" for name in sorted(strangers)]
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise UsageError(
            f"{path} is no evidence archive: {error}", hint="tagdrift evidence INCIDENT makes one"
        ) from error
    return tuple(problems)


def _digest_in(archive: zipfile.ZipFile, name: str) -> str:
    whole = hashlib.sha256()
    try:
        with archive.open(name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                whole.update(chunk)
    except zipfile.BadZipFile:
        return "damaged"
    return whole.hexdigest()


def _scan(scan: ScanRecord, entry: IncidentEntry, store: Store) -> dict[str, Any]:
    return {
        "scan": asdict(scan),
        "did": entry.kind,
        "reasons": entry.reasons,
        "chain_hash": store.scan_hash(scan.id),
    }


def _pages(store: Store, scan: ScanRecord, incident: Incident) -> dict[str, Any]:
    identities = set(incident.identities)
    pages = set(incident.finding.pages)
    told: list[dict[str, Any]] = []
    whole = seen_on = 0
    for inventory, _digest in store.inventories(scan.id):
        there = any(sighting.identity in identities for sighting in inventory.sightings)
        whole += inventory.outcome is Outcome.OK
        seen_on += there
        if inventory.page in pages or there:
            told.append({"page": _page(inventory), "present": there, "proves_absence": _absent(inventory, there)})
    sentence = f"seen on {seen_on} pages; {whole} of {scan.coverage.planned} planned pages were seen whole"
    if not seen_on and whole:
        sentence = f"not seen on {whole} of {scan.coverage.planned} planned pages that were seen whole"
    return {"sentence": sentence, "pages": told}


def _page(inventory: PageInventory) -> dict[str, Any]:
    return {"page": inventory.page, "final_url": inventory.final_url, "outcome": inventory.outcome}


def _absent(inventory: PageInventory, there: bool) -> bool:
    return not there and inventory.outcome is Outcome.OK


def _picture_suffix(picture: bytes) -> str:
    return "png" if picture.startswith(b"\x89PNG") else "jpg"


def _add_traffic(
    archive: zipfile.ZipFile,
    digests: dict[str, str],
    folder: str,
    captures: Iterator[PageCapture],
    judge: RulesJudge,
) -> int:
    """Add recorded traffic, decoded detections and screenshots; return how many pages there were."""
    detections: list[dict[str, Any]] = []
    count = 0

    def passing() -> Iterator[PageCapture]:
        nonlocal count
        for capture in captures:
            count += 1
            for number, visit in enumerate(visits_of(capture), start=1):
                found = [asdict(detection) for detection in match_page(visit, judge.rules)]
                detections.append({"page": capture.page, "visit": number, "detections": found})
            if capture.screenshot:
                _add(
                    archive,
                    f"{folder}/screenshots/{file_name(capture.page)}.{_picture_suffix(capture.screenshot)}",
                    capture.screenshot,
                    digests,
                )
            yield capture

    # A zip archive takes one file at a time, and screenshots may come in between: the HAR waits beside it.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as har:
        har.writelines(har_chunks(passing()))
        har.seek(0)
        if count:
            _add_stream(archive, f"{folder}/traffic.har", har, digests)
    if count:
        _add_json(archive, digests, f"{folder}/detections.json", _plain(detections))
    return count


def _add_stream(archive: zipfile.ZipFile, name: str, source: IO[str], digests: dict[str, str]) -> None:
    whole = hashlib.sha256()
    with archive.open(_entry(name), "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK_BYTES):
            raw = chunk.encode()
            whole.update(raw)
            target.write(raw)
    digests[name] = whole.hexdigest()


def _add_json(archive: zipfile.ZipFile, digests: dict[str, str], name: str, value: Any) -> None:
    _add(archive, name, _json(value), digests)


def _add(archive: zipfile.ZipFile, name: str, raw: bytes, digests: dict[str, str] | None = None) -> None:
    archive.writestr(_entry(name), raw)
    if digests is not None:
        digests[name] = hashlib.sha256(raw).hexdigest()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=True, sort_keys=True) + "\n").encode()


def _plain(value: Any) -> Any:
    """Dataclasses' dicts, times and bytes as JSON."""
    match value:
        case Mapping():
            return {str(key): _plain(entry) for key, entry in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(entry) for entry in value]
        case datetime():
            return value.isoformat()
        case bytes():
            return value.hex()
        case IncidentEntry():
            return _plain(asdict(value))
        case _:
            return value
