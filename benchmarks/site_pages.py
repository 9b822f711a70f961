"""How long the pages to look at take for many sites with a year of scans each, and how large the first one is."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rules.load import load_rules
from scanner.model import (
    Approval,
    Category,
    Coverage,
    Finding,
    Identity,
    Incident,
    IncidentChange,
    IncidentChangeKind,
    IncidentState,
    Outcome,
    PageCapture,
    PageInventory,
    Profile,
    RequestRecord,
    ScanState,
    ScanSummary,
    Severity,
    Sighting,
    SightingKind,
    TagKey,
    Verdict,
)
from scanner.ports import Store
from scanner.service.judge import RulesJudge
from scanner.service.scan_summary import summarise
from scanner.store import open_store

SITES, SCANS, TAGS = 50, 365, 30
_BEGAN = datetime(2026, 1, 1, 3, tzinfo=UTC)
_EVERY = timedelta(days=1)
_PINTEREST = TagKey("pinterest", "pinterest-tag", "2612000000001")
_BEACON = "https://ct.pinterest.com/v3/?tid=2612000000001&event=pagevisit&cb={n}"
_KINDS = ("page_url", "page_title", "browser_id", "email", "search_query")
_SECTIONS = ("services", "doctors", "news", "locations", "careers", "conditions", "events", "about")


def measure(
    say: Callable[[str], None], pages: int = 2_000, sites: int = SITES, scans: int = SCANS
) -> dict[str, float | int]:
    """Return the figures for a store filled through its own front door, and built by the command."""
    with tempfile.TemporaryDirectory() as folder:
        url, out = f"sqlite:///{folder}/store.db", Path(folder, "pages")
        began = time.monotonic()
        store = open_store(url)
        digest = RulesJudge(load_rules(())).digest
        inventories = _inventories(pages)
        summary = summarise(inventories)
        for number in range(sites):
            _fill(store, f"site-{number:02}.example", inventories, summary, digest, scans, random.Random(number))
        size_mb = Path(folder, "store.db").stat().st_size / 1e6
        say(f"{sites * scans:,} scans in a store of {size_mb:,.0f} MB, filled in {time.monotonic() - began:.0f} s")
        first, peak_mib = _build(url, out)
        _scan(store, "site-00.example", summary, digest, _BEGAN + scans * _EVERY, pages)
        again, _ = _build(url, out)
        store.close()
        return {
            "site_pages_seconds": round(first, 1),
            "site_pages_again_seconds": round(again, 1),
            "site_pages_first_page_kb": round((out / "index.html").stat().st_size / 1_000),
            "site_pages_files": sum(1 for _ in out.rglob("*.html")),
            "site_pages_peak_mib": round(peak_mib),
        }


def _build(url: str, out: Path) -> tuple[float, float]:
    """Run the command; return (seconds, peak MiB)."""
    command = [sys.executable, "-m", "scanner.cli.main", "report", "--site-dir", str(out), "--store", url, "--json"]
    program = f"import sys; from scanner.cli.main import main; sys.argv = {command[2:]!r}; main()"
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    told = json.load(process.stdout)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or told["undrawn_scans"]:
        raise RuntimeError(f"the build failed with {process.returncode}: {told}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def _inventories(pages: int) -> list[PageInventory]:
    tags = [TagKey(f"vendor{n % 20}", f"product{n}", f"ACC-{n:06}") for n in range(TAGS - 1)] + [_PINTEREST]
    categories = list(Category)
    sightings = []
    for number, tag in enumerate(tags):
        category, loaders = categories[number % len(categories)], (f"https://cdn{number % 7}.example/loader.js",)
        parts = [Identity(SightingKind.TAG, "", tag)]
        parts += [Identity(SightingKind.FIELD, f"f.{kind}", tag, kind) for kind in _KINDS[: number % 6]]
        sightings.append(
            tuple(Sighting(part, loaders=loaders, category=category, evidence=("request",)) for part in parts)
        )
    found = []
    for number in range(pages):
        url = f"https://www.clinic.example/{_SECTIONS[number % 8]}/page-number-{number:04}"
        there = tuple(s for n, own in enumerate(sightings) if number % (n % 5 + 1) == 0 for s in own)
        found.append(
            PageInventory(url, url, Outcome.OK, template=f"/{_SECTIONS[number % 8]}/{{slug}}", sightings=there)
        )
    return found


def _fill(
    store: Store,
    site: str,
    inventories: Sequence[PageInventory],
    summary: ScanSummary,
    digest: str,
    scans: int,
    chance: random.Random,
) -> None:
    ids: list[int] = []
    for number in range(scans):
        # Every scan counts a little otherwise, so that no two of a site share their numbers.
        tags = tuple(replace(tag, pages=max(tag.pages - chance.randrange(40), 1)) for tag in summary.tags)
        gone = number % 90 < 60
        kept = tuple(tag for tag in tags if not (gone and tag.tag == _PINTEREST))
        ids.append(
            _scan(store, site, replace(summary, tags=kept), digest, _BEGAN + number * _EVERY, len(inventories),
                  inventories[:25] if number == scans - 1 else ())
        )  # fmt: skip
    store.approve(Approval(site, ids[0], "officer@clinic.example", "reviewed with counsel", _BEGAN))
    pages = tuple(inventory.page for inventory in inventories)
    changes = [_incident(site, n, pages, ids, open_now=n < 2) for n in range(6)]
    store.settle(ids[-1], [IncidentChange(IncidentChangeKind.OPENED, one) for one in changes], lambda _: (), _BEGAN)


def _scan(
    store: Store,
    site: str,
    summary: ScanSummary,
    digest: str,
    at: datetime,
    pages: int,
    visits: Sequence[PageInventory] = (),
) -> int:
    scan = store.begin_scan(site, at, Profile(), "1.0", digest, "config")
    for number, inventory in enumerate(visits):
        requests = (RequestRecord(_BEACON.format(n=number), type="image", status=200),)
        capture = PageCapture(inventory.page, inventory.page, inventory.page, Outcome.OK, at, requests=requests)
        store.save_visit(scan.id, capture, inventory, digest)
    thin = int(at.timestamp() // 86_400) % 29 == 0
    coverage = Coverage(planned=pages, ok=pages * 3 // 5 if thin else pages, failed=pages * 2 // 5 if thin else 0)
    store.finish_scan(scan.id, ScanState.COMPLETE, at + timedelta(hours=1), coverage, ())
    store.save_summary(scan.id, summary)
    return scan.id


def _incident(site: str, number: int, pages: tuple[str, ...], ids: Sequence[int], *, open_now: bool) -> Incident:
    finding = Finding(
        key=f"incident-{number}",
        severity=list(Severity)[number % 4],
        verdict=Verdict.ADDED,
        title=f"Pinterest Tag 2612000000001 appeared on {len(pages)} of {len(pages)} pages",
        tag=_PINTEREST,
        owner="Pinterest, Inc.",
        category=Category.ADVERTISING,
        pages=pages if open_now else pages[:200],
        loaders=("https://www.googletagmanager.com/gtm.js (GTM-CLIN1C)", "inline snippet in the page"),
        sends=tuple((kind, f"f.{kind}") for kind in _KINDS),
        events=("pagevisit",),
        violation=open_now,
    )
    first = _BEGAN + (len(ids) - 30 if open_now else 60 + 20 * number) * _EVERY
    last = _BEGAN + (len(ids) - 1) * _EVERY if open_now else first + 9 * _EVERY
    return Incident(
        id=0,
        site=site,
        finding=finding,
        state=IncidentState.OPEN if open_now else IncidentState.CLOSED,
        identities=(Identity(SightingKind.TAG, "", _PINTEREST),),
        opened_scan=ids[0],
        first_seen_at=first,
        last_seen_at=last,
        last_absent_at=first - _EVERY,
        closed_at=None if open_now else last + _EVERY,
        last_scan=ids[-1],
        seen_scans=10,
    )
