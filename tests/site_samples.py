"""A store with stories of scans that never took place, for pages to look at: one clinic, and its neighbours."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from rules.load import load_rules
from scanner.model import (
    Approval,
    Category,
    Coverage,
    Initiator,
    Outcome,
    PageCapture,
    PageInventory,
    Profile,
    RequestRecord,
    ScanKind,
    ScanRecord,
    ScanState,
    Sighting,
    SightingKind,
    StopReason,
    TagKey,
)
from scanner.policy_read import read_policy
from scanner.ports import Store
from scanner.service.compare import compare_scans, older_side
from scanner.service.judge import RulesJudge
from scanner.service.scan_summary import summarise
from scanner.service.settle import settle
from tests.report_parts import BASE, DAY_1, META, PAGES, PINTEREST, google, page, pinterest, sighting
from tests.report_samples import HOSTILE

DAYS = 45
NOW = DAY_1 + timedelta(days=DAYS, hours=3)
BEACON = (
    "https://ct.pinterest.com/v3/?event=pagevisit&tid=2612000000001&cb=1747000000000"
    "&ed=%7B%22page_name%22%3A%22Oncology%22%7D"
    "&pd=%7B%22em%22%3A%22b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514%22%7D"
    "&ad=%7B%22loc%22%3A%22https%3A%2F%2Fwww.clinic.example%2Fservices%2Foncology%3Fmail%3Djane.doe%40mail.test%22%7D"
)


@cache
def judge() -> RulesJudge:
    return RulesJudge(load_rules(()))


def picture(width: int = 640, height: int = 400) -> bytes:
    """A PNG of a page: a dark band, then light."""
    rows = b"".join(b"\0" + (bytes((26, 86, 168)) if y < 60 else bytes((238, 241, 245))) * width for y in range(height))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def beacon(url: str = BEACON, **more: object) -> RequestRecord:
    return RequestRecord(
        url,
        type="image",
        status=200,
        remote_address="192.0.2.7:443",
        headers=(("referer", f"{BASE}/services/oncology"), ("cookie", "_pin_unauth=dWlkPU5qSTFPREk")),
        started_ms=1_240,
        initiators=(
            Initiator("script", "https://s.pinimg.com/ct/lib/main.js", 2, "sendEvent"),
            Initiator("script", "https://www.googletagmanager.com/gtm.js?id=GTM-CLIN1C", 311),
            Initiator("script", f"{BASE}/services/oncology", 12),
        ),
        **more,  # type: ignore[arg-type]
    )


def capture_of(inventory: PageInventory, at: datetime, *, screenshot: bytes | None = None) -> PageCapture:
    tags = {s.identity.tag for s in inventory.sightings}
    return PageCapture(
        page=inventory.page,
        url=inventory.page,
        final_url=inventory.page,
        outcome=inventory.outcome,
        started_at=at,
        stop_reason=inventory.stop_reason,
        requests=(beacon(),) if PINTEREST in tags else (),
        browser="Chromium 140",
        screenshot=screenshot,
    )


def scan_once(
    store: Store,
    site: str,
    at: datetime,
    pages: Sequence[PageInventory],
    *,
    kind: ScanKind = ScanKind.FULL,
    state: ScanState = ScanState.COMPLETE,
    screenshot: bytes | None = None,
) -> ScanRecord:
    """One scan through the store's own front door, with its incidents and its summary."""
    scan = store.begin_scan(site, at, Profile(), "0.1.0", judge().digest, "config-1", kind)
    for inventory in pages:
        store.save_visit(scan.id, capture_of(inventory, at, screenshot=screenshot), inventory, judge().digest)
    outcomes = [inventory.outcome for inventory in pages]
    coverage = Coverage(
        planned=len(pages),
        ok=outcomes.count(Outcome.OK),
        partial=outcomes.count(Outcome.PARTIAL),
        failed=outcomes.count(Outcome.FAILED),
        blocked=outcomes.count(Outcome.BLOCKED),
    )
    done = store.finish_scan(scan.id, state, at + timedelta(minutes=3, seconds=12), coverage, ())
    older, approval = older_side(store, done)
    comparison = compare_scans(store, judge(), done, older, approval, policy=read_policy({}))
    settle(store, comparison)
    if kind is ScanKind.FULL:
        store.save_summary(done.id, summarise(comparison.snapshot.pages))
    return done


def meta_in_source() -> Sighting:
    loaders = ("HTML of the page",)
    return sighting(
        SightingKind.TAG, "", META, owner="Meta", category=Category.ADVERTISING, evidence=("noscript",), loaders=loaders
    )


def stranger() -> Sighting:
    return sighting(
        SightingKind.FIELD, "uid to widget-booking.example", role="external_id", loaders=(f"{BASE}/theme.js",)
    )


def site_of(*extra: Sighting, on: Sequence[str] = PAGES, failed: int = 0) -> list[PageInventory]:
    """Google everywhere, `extra` on some pages; the first `failed` pages do not load."""
    found: list[PageInventory] = []
    for number, url in enumerate(PAGES):
        if number < failed:
            found.append(page(url, outcome=Outcome.FAILED, stop=StopReason.CONNECTION))
            continue
        more = extra if url in on else ()
        kind = "condition" if "/services/" in url else "find-a-doctor" if "/doctors/" in url else None
        ordered = sorted((*google(), stranger(), *more), key=lambda s: s.identity.sort_key)
        found.append(replace(page(url, *ordered), kind=kind))
    return found


def clinic(store: Store, name: str = "www.clinic.example") -> None:
    """Approved; the Pinterest Tag comes, spreads and goes; a thin scan; it comes back and stays."""
    first = scan_once(store, name, DAY_1, site_of())
    store.approve(
        Approval(name, first.id, "officer@clinic.example", "reviewed with counsel", DAY_1 + timedelta(hours=9))
    )
    for day in range(1, DAYS + 1):
        at = DAY_1 + timedelta(days=day)
        if 8 <= day < 15:
            pages = site_of(*pinterest(), on=PAGES[:3] if day < 11 else PAGES)
        elif day == 20:
            pages = site_of(failed=6)
        elif day >= 38:
            pages = site_of(*pinterest(), *((meta_in_source(),) if day > 41 else ()))
        else:
            pages = site_of()
        scan_once(store, name, at, pages, screenshot=picture() if day == 38 else None)
        if day > DAYS - 3:
            scan_once(store, name, at + timedelta(hours=1), pages[:2], kind=ScanKind.LIGHT)


def quiet(store: Store, name: str) -> None:
    for day in range(DAYS - 20, DAYS + 1):
        scan = scan_once(store, name, DAY_1 + timedelta(days=day), site_of())
        if day == DAYS - 20:
            store.approve(Approval(name, scan.id, "officer@clinic.example", "as agreed", scan.started_at))


def thin(store: Store, name: str) -> None:
    for day in (2, 1):
        scan = scan_once(store, name, DAY_1 + timedelta(days=DAYS - day), site_of())
        store.approve(Approval(name, scan.id, "officer@clinic.example", "as agreed", scan.started_at))
    scan_once(store, name, DAY_1 + timedelta(days=DAYS), site_of(failed=9), state=ScanState.INCOMPLETE)


def hostile(store: Store, names: int = len(HOSTILE)) -> None:
    """Every text that a scanned page, or whoever names a site, can choose is hostile."""
    texts = [text[:300] for text in HOSTILE]
    tags = [TagKey("evil", text, text) for text in texts]
    k = SightingKind
    for name in texts[:names]:
        clean = [page(f"{BASE}/{text}", template=text) for text in texts]
        bad = [
            page(
                f"{BASE}/{text}",
                *sorted(
                    (
                        sighting(kind, text, tag, "email" if kind is k.FIELD else "", owner=text, loaders=(text, text))
                        for tag in tags
                        for kind in (k.TAG, k.FIELD, k.EVENT, k.HOST)
                    ),
                    key=lambda s: s.identity.sort_key,
                ),
                template=text,
            )
            for text in texts
        ]
        scan_once(store, name, DAY_1, clean)
        done = scan_once(store, name, DAY_1 + timedelta(days=DAYS), [replace(one, kind=one.template) for one in bad])
        store.approve(Approval(name, done.id, name, name, NOW))


def fill(store: Store) -> None:
    clinic(store)
    quiet(store, "quiet.example")
    thin(store, "half-seen.example")
