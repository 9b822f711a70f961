"""Building the pages from a store: what is read, what is rebuilt, what older stores lack."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reports.site_pages.model import Making
from scanner.model import Coverage, PageInventory, Profile, ScanState
from scanner.service.site_dir import SiteDir
from scanner.service.site_pages import PageBuilder
from scanner.store import MemoryStore
from tests import make, site_samples
from tests.report_parts import DAY_1, pinterest
from tests.site_samples import NOW, judge, scan_once, site_of


class ReadingStore(MemoryStore):
    """A store that counts the inventories somebody reads."""

    reads = 0

    def inventories(self, scan_id: int, pages: Sequence[str] | None = None) -> Iterator[tuple[PageInventory, str]]:
        self.reads += 1
        return super().inventories(scan_id, pages)


@pytest.fixture
def store() -> ReadingStore:
    store = ReadingStore()
    scan_once(store, "clinic", DAY_1, site_of())
    scan_once(store, "clinic", DAY_1 + timedelta(days=1), site_of(*pinterest()))
    scan_once(store, "other", DAY_1, site_of())
    store.reads = 0
    return store


def builder(store: MemoryStore, target: SiteDir, **more: object) -> PageBuilder:
    return PageBuilder(store, judge(), Making(judge().names, "1.0", NOW), known=target.known(), **more)  # type: ignore[arg-type]


def build(store: MemoryStore, root: Path, **more: object) -> SiteDir:
    target = SiteDir.open(root)
    made = builder(store, target, **more)
    fingerprints = {}
    for site in made.sites():
        fingerprints[site.folder] = site.fingerprint
        if site.files is None:
            target.keep(site.folder)
        else:
            for file in site.files:
                target.put(file)
    target.put(made.overview())
    target.close(fingerprints)
    return target


def test_no_page_of_a_site_is_read(store: ReadingStore, tmp_path: Path) -> None:
    build(store, tmp_path)
    assert store.reads == 0
    assert "Pinterest Tag 2612000000001" in (tmp_path / "sites/clinic/index.html").read_text()


def test_only_sites_with_news_are_built_again(store: ReadingStore, tmp_path: Path) -> None:
    first = build(store, tmp_path)
    again = build(store, tmp_path)
    assert again.written == 0 and again.unchanged == first.written
    scan_once(store, "other", DAY_1 + timedelta(days=2), site_of())
    later = build(store, tmp_path)
    assert 0 < later.written < first.written
    assert later.removed == 0


def test_an_approval_is_news(store: ReadingStore, tmp_path: Path) -> None:
    build(store, tmp_path)
    store.approve(replace(make.approval(1), why="signed in April"))
    build(store, tmp_path)
    assert "signed in April" in (tmp_path / "sites/clinic/index.html").read_text()


def test_older_scans_get_their_numbers_the_newest_one_first(store: ReadingStore, tmp_path: Path) -> None:
    for site in store.sites():
        for scan in store.scans(site):
            store._scans[scan.id].summary = None  # as an older tagdrift left it
    made = builder(store, SiteDir.open(tmp_path), backfill_s=-1.0)
    list(made.sites())
    assert made.undrawn == 1
    assert store.summary(store.scans("clinic")[0].id) is not None
    assert store.summary(store.scans("clinic")[1].id) is None
    rest = builder(store, SiteDir.open(tmp_path))
    list(rest.sites())
    assert rest.undrawn == 0


def test_a_look_at_a_few_pages_is_no_state_of_the_site(store: ReadingStore, tmp_path: Path) -> None:
    build(store, tmp_path)
    before = (tmp_path / "sites/clinic/index.html").read_text()
    at = DAY_1 + timedelta(days=2)
    few = store.begin_scan("clinic", at, Profile(), "1", judge().digest, "five pages")
    seen = Coverage(planned=1, ok=1, excluded=(("page-limit", 13),))
    store.finish_scan(few.id, ScanState.COMPLETE, at, seen, ())
    build(store, tmp_path)
    after = (tmp_path / "sites/clinic/index.html").read_text()
    assert "A part of the site, by its own limits" in after
    whole = re.search(r"<dt>Pages seen whole</dt>.*?</dd>", before, re.DOTALL)
    assert whole is not None and whole.group() in after
    assert "1 of 1" not in (tmp_path / "index.html").read_text()


def test_evidence_comes_from_a_kept_visit_of_a_page_that_weighs(store: ReadingStore, tmp_path: Path) -> None:
    build(store, tmp_path)
    of_pinterest = [i.id for i in store.incidents("clinic") if i.finding.tag and i.finding.tag.vendor == "pinterest"]
    page = (tmp_path / f"sites/clinic/incident-{of_pinterest[0]}.html").read_text()
    assert 'One visit of <a href="https://www.clinic.example/appointments"' in page
    assert "jane.doe" not in page and "j***@m***.test" in page


def test_sites_of_the_configuration_are_there_before_their_first_scan(store: ReadingStore, tmp_path: Path) -> None:
    build(store, tmp_path, configured={"new": make.site_config("new")})
    assert "Never scanned" in (tmp_path / "index.html").read_text()
    assert (tmp_path / "sites/new/index.html").exists()


def test_hostile_names_and_texts_stay_inside_the_directory(tmp_path: Path) -> None:
    store = MemoryStore()
    site_samples.hostile(store, names=3)
    build(store, tmp_path / "pages")
    assert [p.name for p in tmp_path.iterdir()] == ["pages"]
    for page in (tmp_path / "pages").rglob("*.html"):
        assert "<script>alert" not in page.read_text() and "<svg onload" not in page.read_text()
