"""The hash chain over a site's finished scans, so that later tampering shows. Pure.

Each finished scan gets one link. A link's *statement* says: the scan's record, the digest of its
manifest (which page was recorded as what), the digest of its skipped pages, and the hash of the
site's link before. The link's hash is the SHA-256 of the statement. Whoever changes a page, a scan or a
link afterwards has to recompute every later hash, and cannot reach the ones already mailed or printed.

The manifest is one line per page in the order of the page digests: page, inventory and capture, each as
SHA-256 in hex. Inventories count as recorded; re-matching with other rules does not touch them.

A statement also seals what had been approved when the scan was finished: the number of entries and their digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from scanner.model import Approval, ApprovalEvent, ScanRecord
from scanner.store.codec import CodecError, bytes_text, text_bytes
from scanner.store.documents import SCAN, SKIPPED, digest

START = "0" * 64
"""What the first link names as the hash before it."""
STATEMENT_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a finished scan says about one page; three SHA-256 digests of 32 bytes."""

    page: bytes
    inventory: bytes
    capture: bytes

    @property
    def line(self) -> str:
        return f"{self.page.hex()} {self.inventory.hex()} {self.capture.hex()}\n"


@dataclass(frozen=True, slots=True)
class ApprovalLog:
    """Who approved what, as the store knows it: states of one site, and the audit log of all sites. Oldest first."""

    states: tuple[Approval, ...] = ()
    events: tuple[ApprovalEvent, ...] = ()

    def first(self, states: int, events: int) -> ApprovalLog:
        return ApprovalLog(self.states[:states], self.events[:events])

    @property
    def seal(self) -> dict[str, object]:
        """What a statement says about it."""
        lines: list[list[object]] = [
            [a.site, a.scan_id, a.who, a.why, a.at.isoformat(), a.until.isoformat() if a.until else None, a.id]
            for a in self.states
        ]
        lines += [[e.at.isoformat(), e.who, e.action, e.approval_id, e.sites, e.why, e.document] for e in self.events]
        whole = "".join(json.dumps(line) + "\n" for line in lines)
        return {"states": len(self.states), "events": len(self.events), "digest": sha256(whole.encode()).hexdigest()}


@dataclass(frozen=True, slots=True)
class Link:
    scan_id: int
    hash: str
    statement: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the store holds today about the scan of one link."""

    scan: ScanRecord | None
    """None: the scan is gone."""
    skipped: bytes = b""
    """SHA-256 of its list of skipped pages."""
    leaves: tuple[Leaf, ...] = ()
    """Digests of what is really there, computed anew."""
    removed: bool = False
    """The retention took the scan, or all of its pages but those with findings."""
    manifest: bytes | None = None
    """Kept when only some of the pages stayed."""
    damage: str | None = None
    """Why the scan's record cannot be read."""


def manifest_of(leaves: Iterable[Leaf]) -> bytes:
    return "".join(leaf.line for leaf in sorted(leaves, key=lambda leaf: leaf.page)).encode("ascii")


def link_of(scan: ScanRecord, leaves: Iterable[Leaf], previous: str, approved: ApprovalLog) -> Link:
    """Return the link of a finished scan behind the link with the hash `previous`; `approved` is as of now."""
    statement = text_bytes(
        json.dumps(
            {
                "format": STATEMENT_FORMAT,
                "previous": previous,
                "manifest": digest(manifest_of(leaves)).hex(),
                "skipped": digest(SKIPPED.dumps(scan.skipped)).hex(),
                "scan": bytes_text(SCAN.dumps(replace(scan, skipped=()))),
                "approved": approved.seal,
            },
            ensure_ascii=False,
            sort_keys=True,
        )
    )
    return Link(scan.id, sha256(statement).hexdigest(), statement)


def problems(
    links: Iterable[Link], evidence: Iterable[Evidence], unlinked: Sequence[int], approved: ApprovalLog
) -> tuple[str, ...]:
    """Compare a site's links, oldest first, with what the store holds; empty when all is as it was recorded.

    `evidence` runs beside `links`; `unlinked` are the ids of finished scans that no link speaks of.
    """
    found: list[str] = []
    previous = START
    sealed = True
    for link, held in zip(links, evidence, strict=True):
        found.extend(f"scan {link.scan_id}: {what}" for what in _link_problems(link, held, previous))
        if sealed and not _is_sealed(link, approved):
            sealed = False  # every later link says the same
            found.append(f"scan {link.scan_id}: what had been approved until then was changed or deleted afterwards")
        previous = link.hash
    found.extend(f"scan {scan_id}: finished, but missing from the chain" for scan_id in unlinked)
    return tuple(found)


def _is_sealed(link: Link, approved: ApprovalLog) -> bool:
    """Say whether the approvals are those that the link saw; what cannot be read is told of elsewhere."""
    try:
        seal = json.loads(bytes_text(link.statement)).get("approved")
        # Links of an older tagdrift say nothing about approvals.
        return seal is None or approved.first(seal["states"], seal["events"]).seal == seal
    except (CodecError, ValueError, KeyError, TypeError, AttributeError):
        return True


def _link_problems(link: Link, held: Evidence, previous: str) -> Iterator[str]:
    if sha256(link.statement).hexdigest() != link.hash:
        yield "its entry in the chain was changed"
    try:
        said = json.loads(bytes_text(link.statement))
        scan = SCAN.load(text_bytes(said["scan"]))
        form, before, manifest, skipped = said["format"], said["previous"], said["manifest"], said["skipped"]
    except (CodecError, ValueError, KeyError, TypeError):
        yield "its entry in the chain cannot be read"
        return
    if form != STATEMENT_FORMAT:
        yield f"its entry in the chain has the unknown format {form}"
        return
    if before != previous:
        yield "the entry before it in the chain was removed, inserted or changed"
    if held.damage is not None:
        yield f"the scan's record cannot be read: {held.damage}"
        return
    if held.scan is None:
        if not held.removed:
            yield "the scan was deleted, and not by the retention"
        return
    if scan != replace(held.scan, skipped=()):
        yield "the scan's record was changed after it was finished"
    if skipped != held.skipped.hex():
        yield "the list of skipped pages was changed after the scan was finished"
    whole = held.manifest if held.manifest is not None else manifest_of(held.leaves)
    if manifest != digest(whole).hex():
        yield "pages were added, changed or deleted after the scan was finished"
    elif held.manifest is not None:
        lines = set(whole.decode("ascii").splitlines(keepends=True))
        if any(leaf.line not in lines for leaf in held.leaves):
            yield "pages were added or changed after the scan was finished"
