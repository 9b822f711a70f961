"""The use case "look twice": what a scan shows for the first time is looked at again at once, before the scan ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from scanner.crawl.politeness import Gate
from scanner.drift import compare
from scanner.house_rules import HouseRules, sieve
from scanner.model import PageCapture, PageInventory, ScanRecord, SiteConfig, Snapshot, VisitTask
from scanner.ports import Fleet, Store
from scanner.second_look import pages_to_look_at, with_second_look
from scanner.service.compare import NO_HOUSE_RULES, Judge, older_side, snapshot_of

Save = Callable[[PageCapture, PageInventory], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class OlderSide:
    """What a running scan will be compared with, read while its pages are being visited."""

    scan: ScanRecord
    inventories: tuple[tuple[PageInventory, str], ...]
    """As `Store.inventories` gives them."""


def read_ahead(store: Store, scan: ScanRecord, house: HouseRules = NO_HOUSE_RULES) -> OlderSide | None:
    """Read the older side of a running scan; None: there is nothing to compare it with."""
    older, _approval = older_side(store, scan, acceptances=house.acceptances)
    return OlderSide(older, tuple(store.inventories(older.id))) if older is not None else None


def surprising_pages(
    store: Store,
    judge: Judge,
    after: Snapshot,
    older: OlderSide | None,
    own_domains: Sequence[str] = (),
    house: HouseRules = NO_HOUSE_RULES,
) -> tuple[str, ...]:
    """Return the pages of a running scan to visit again: a few for each thing that its older side did not have.

    Without an older side nothing is a surprise; nor is what somebody approved.
    """
    scan = after.scan
    if older is None:
        return ()
    before = snapshot_of(store, older.scan, judge, own_domains, older.inventories)
    drift = compare(before, after)
    now = {page.page: page for page in after.pages}
    known = {page.page: page for page in before.pages} | now
    left = sieve(house.in_force(scan.site, scan.started_at.date()), known.get)
    return pages_to_look_at(replace(drift, entries=left(drift.entries)), now)


@dataclass(frozen=True, slots=True)
class SecondVisits:
    """Visits pages of a running scan again, each in a fresh context, as politely as the first time."""

    site: SiteConfig
    store: Store
    fleet: Fleet
    judge: Judge
    gate: Gate
    keep: Callable[[PageCapture], None]
    """Called with each second visit as it was."""
    save: Save
    """Called with the page's capture, second look included, and its inventory."""

    async def look(self, scan: ScanRecord, pages: Sequence[str]) -> None:
        """Visit `pages`; those whose capture is there are saved again with what the second visit saw."""
        firsts = await asyncio.to_thread(lambda: tuple(self.store.captures(scan.id, pages)))
        async with asyncio.TaskGroup() as tasks:
            for first in firsts:
                tasks.create_task(self._again(first))

    async def _again(self, first: PageCapture) -> None:
        site = self.site
        task = VisitTask(first.page, first.url, site.profile, site.limits, source="again", fresh=True, screenshot=True)
        async with self.gate.slot(task.url):
            second = await self.fleet.visit(task)
        self.keep(second)
        both = with_second_look(first, second)
        await self.save(both, await asyncio.to_thread(self.judge.inventory, both, self.site.own_domains))
