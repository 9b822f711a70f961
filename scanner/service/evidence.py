"""One incident's evidence as a zip file that anybody can check: what was recorded, judged, approved, and by which tool.

Every file's SHA-256 stands in `manifest.json`, and the manifest's own in `manifest.sha256`. The hash chain of the store
vouches for the scans themselves (`chain_hash` in each `scan.json`; see docs/store.md).
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from reports import words
from reports.escape import file_name
from rules.match import match_page
from rules.model import Rule
from rules.patterns import Pattern
from scanner import __version__
from scanner.approvals import Acceptances
from scanner.approvals_write import document_of
from scanner.errors import UsageError
from scanner.har_export import har_chunks
from scanner.model import Incident, IncidentChangeKind, IncidentEntry, Outcome, PageCapture, PageInventory, ScanRecord
from scanner.patterns import any_fits
from scanner.ports import Store
from scanner.second_look import visits_of
from scanner.service.judge import RulesJudge

FORMAT = 1
NOTHING_ACCEPTED = Acceptances()
_CHUNK_BYTES = 1024 * 1024
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of files in the archive: the same evidence gives the same bytes."""


@dataclass(frozen=True, slots=True)
class Packed:
    missing: tuple[str, ...]
    """What could not be included, in words."""
    manifest_digest: str


@dataclass(frozen=True, slots=True)
class Checked:
    problems: tuple[str, ...]
    """What is wrong with the archive, in words."""
    manifest_digest: str


def write_evidence(
    store: Store,
    judge: RulesJudge,
    incident: Incident,
    policy: Mapping[str, Any],
    made_at: datetime,
    path: Path,
    acceptances: Acceptances = NOTHING_ACCEPTED,
) -> Packed:
    """Write the evidence of `incident` to `path`.

    Holds, for the last scan without it and for each scan that touched the incident: the recorded traffic of its pages
    as HAR, what today's rules make of it, each page's outcome in that scan (which proves absence where it was seen
    whole without it), and the link of the hash chain.
    """
    missing: list[str] = []
    history = store.incident_history(incident.id)
    digests: dict[str, str] = {}
    with _whole_or_not_at_all(path) as partly, zipfile.ZipFile(partly, "w", zipfile.ZIP_DEFLATED) as archive:
        _add_json(archive, digests, "incident.json", _plain({"incident": asdict(incident), "history": history}))
        used: set[str] = set()
        for scan_id, entry in _entries(store, incident, history).items():
            scan = store.scan(scan_id)
            if scan is None:
                missing.append(f"scan {scan_id} has been removed by the retention")
                continue
            folder = f"scan-{scan.id}"
            captures = store.captures(scan.id, incident.finding.pages)
            traffic = _add_traffic(archive, digests, folder, captures, judge)
            used |= traffic.rules
            _add_json(archive, digests, f"{folder}/scan.json", _plain(_scan(scan, entry, store, traffic.browsers)))
            _add_json(archive, digests, f"{folder}/pages.json", _plain(_pages(store, scan, incident)))
            left_out = len(set(incident.finding.pages) & store.visited_pages(scan.id)) - traffic.pages
            if left_out > 0 and entry is not None and entry.kind is IncidentChangeKind.OPENED:
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
        # What the rules say, not only what they are called: they change with every release.
        rules = [_rule(rule) for rule in judge.rules.rules if rule.id in used]
        _add_json(archive, digests, "rules.json", _plain(rules))
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
    return Packed(tuple(missing), hashlib.sha256(manifest).hexdigest())


@contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[Path]:
    """A file beside `path`, which takes its place at the end, or leaves nothing."""
    partly = path.with_name(path.name + ".part")
    partly.unlink(missing_ok=True)
    partly.touch(mode=0o600)  # bodies are in it as they were sent
    try:
        yield partly
    except BaseException:
        partly.unlink(missing_ok=True)  # the disk may be full because of it
        raise
    partly.replace(path)


def _entries(store: Store, incident: Incident, history: Sequence[IncidentEntry]) -> dict[int, IncidentEntry | None]:
    """Scan → its first entry in the incident's history; None for the last scan without it, which comes first."""
    found: dict[int, IncidentEntry | None] = {}
    if incident.last_absent_at is not None:
        scans = store.scans(incident.site, with_skipped=False)
        found.update((scan.id, None) for scan in scans if scan.started_at == incident.last_absent_at)
    for entry in history:
        found.setdefault(entry.scan_id, entry)
    return found


def _accepted(acceptances: Acceptances, site: str, at: datetime) -> list[dict[str, Any]]:
    """The entries of the approvals file that speak of the site, with what they were worth at that time."""
    return [
        {"id": entry.id, **document_of(entry), "state": entry.standing(at.date())}
        for entry in acceptances.entries
        if entry.speaks_of(site)
    ]


def verify_evidence(path: Path) -> Checked:
    """Hold every file of the archive against its manifest.

    Raises:
        UsageError: the file is no evidence archive.
    """
    problems: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            # Folders are nothing by themselves: some tools add them when an archive is packed again.
            listed = [name for name in archive.namelist() if not name.endswith("/")]
            names = set(listed)
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
            # Which of two files with one name somebody gets to see depends on the program.
            problems += [f"{name} is there {n} times" for name, n in sorted(Counter(listed).items()) if n > 1]
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise UsageError(
            f"{path} is no evidence archive: {error}", hint="tagdrift evidence INCIDENT makes one"
        ) from error
    return Checked(tuple(problems), hashlib.sha256(manifest).hexdigest())


def _digest_in(archive: zipfile.ZipFile, name: str) -> str:
    whole = hashlib.sha256()
    try:
        with archive.open(name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                whole.update(chunk)
    except zipfile.BadZipFile:
        return "damaged"
    return whole.hexdigest()


def _rule(rule: Rule) -> dict[str, Any]:
    return asdict(replace(rule, examples=(), counterexamples=(), file=Path(rule.file).name))


def _scan(scan: ScanRecord, entry: IncidentEntry | None, store: Store, browsers: Collection[str]) -> dict[str, Any]:
    return {
        "scan": asdict(scan),
        "did": entry.kind if entry else "saw it absent",
        "reasons": entry.reasons if entry else (),
        "browsers": sorted(browsers),
        "chain_hash": store.scan_hash(scan.id),
    }


def _pages(store: Store, scan: ScanRecord, incident: Incident) -> dict[str, Any]:
    """Say on which pages it was seen. Where on none, every page that was visited is named: that proves absence."""
    identities = set(incident.identities)
    pages = set(incident.finding.pages)
    told: list[tuple[bool, dict[str, Any]]] = []
    whole = seen_on = 0
    for inventory, _digest in store.inventories(scan.id):
        there = any(sighting.identity in identities for sighting in inventory.sightings)
        whole += inventory.outcome is Outcome.OK
        seen_on += there
        line = {"page": _page(inventory), "present": there, "proves_absence": _absent(inventory, there)}
        told.append((inventory.page in pages or there, line))
    what, at = _thing(incident), f"{scan.started_at:%Y-%m-%d %H:%M} UTC"
    planned = words.count(scan.coverage.planned, "planned page")
    sentence = f"{what} on {words.count(seen_on, 'page')} at {at}; {whole:,} of {planned} were seen whole"
    if not seen_on and whole:
        sentence = f"no {what} on {whole:,} of {planned} at {at}: these were seen whole without it"
    elif not seen_on:
        sentence = f"nobody can tell: none of {planned} was seen whole at {at}"
    return {"sentence": sentence, "pages": [line for concerned, line in told if concerned or not seen_on]}


def _thing(incident: Incident) -> str:
    tag = incident.finding.tag
    if tag is None:
        return f"trace of {incident.finding.key}"
    return f"{tag.vendor}/{tag.product}" + (f" {tag.account}" if tag.account else "")


def _page(inventory: PageInventory) -> dict[str, Any]:
    return {"page": inventory.page, "final_url": inventory.final_url, "outcome": inventory.outcome}


def _absent(inventory: PageInventory, there: bool) -> bool:
    return not there and inventory.outcome is Outcome.OK


def _picture_suffix(picture: bytes) -> str:
    return "png" if picture.startswith(b"\x89PNG") else "jpg"


@dataclass(slots=True)
class _Traffic:
    """What a scan's recorded traffic was made of."""

    pages: int = 0
    browsers: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    """Ids of those that matched."""


def _add_traffic(
    archive: zipfile.ZipFile,
    digests: dict[str, str],
    folder: str,
    captures: Iterator[PageCapture],
    judge: RulesJudge,
) -> _Traffic:
    """Add recorded traffic, decoded detections and screenshots; return what it was made of."""
    detections: list[dict[str, Any]] = []
    traffic = _Traffic()

    def passing() -> Iterator[PageCapture]:
        for capture in captures:
            traffic.pages += 1
            for number, visit in enumerate(visits_of(capture), start=1):
                traffic.browsers |= {visit.browser} if visit.browser else set()
                matched = match_page(visit, judge.rules)
                traffic.rules |= {detection.rule for detection in matched}
                found = [asdict(detection) for detection in matched]
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
        if traffic.pages:
            _add_stream(archive, f"{folder}/traffic.har", har, digests)
    if traffic.pages:
        _add_json(archive, digests, f"{folder}/detections.json", _plain(detections))
    return traffic


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
        case Pattern():
            return value.pattern
        case _:
            return value
