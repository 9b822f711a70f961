"""One real scan, wired as the command wires it, with a stopwatch and a memory gauge beside it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.site import Served
from rules.load import load_rules
from scanner.browser.launch import find_browser
from scanner.browser.settings import BrowserSettings
from scanner.clock import SystemClock
from scanner.crawl.discover import Discovery
from scanner.crawl.robots import Robots
from scanner.fleet.local import LocalFleet
from scanner.model import Coverage, PageCapture, ResolveRule, SiteConfig, VisitLimits
from scanner.service.judge import RulesJudge
from scanner.service.scan import Progress, ScanRun
from scanner.store import open_store

MIB = 1024 * 1024


@dataclass(slots=True)
class Measured:
    """What a scan cost."""

    pages: int = 0
    seconds: float = 0.0
    """From the first finished page to the last."""
    coverage: Coverage = field(default_factory=Coverage)
    outcomes: Counter[str] = field(default_factory=Counter)
    """How many captures ended as `outcome stop-reason`."""
    requests: int = 0
    rss_mib: list[float] = field(default_factory=list)
    """Resident memory of this process after every page."""
    left_behind: int = 0
    """Child processes still alive after the scan."""

    @property
    def ms_per_page(self) -> float:
        return self.seconds * 1000 / max(1, self.pages - 1)


def site_config(urls: tuple[str, ...], served: Served, concurrency: int, limits: VisitLimits) -> SiteConfig:
    return SiteConfig(
        name="bench",
        start=(urls[0],),
        resolve=(ResolveRule("*", "127.0.0.1", served.port),),
        requests_per_second=10_000.0,
        concurrency=concurrency,
        max_pages=len(urls),
        max_pages_per_template=len(urls),
        max_depth=len(urls),
        limits=limits,
    )


def browser_settings(site: SiteConfig, served: Served) -> BrowserSettings:
    """Trust the server's key, so that answers are cached as they would be under a real certificate."""
    return BrowserSettings.of(site, find_browser().path, trusted_spki=(served.spki_sha256,))


async def scan(
    urls: tuple[str, ...],
    served: Served,
    concurrency: int,
    limits: VisitLimits | None = None,
    on_page: Callable[[int], None] = lambda _done: None,
) -> Measured:
    """Scan `urls` completely: visit with interaction and 30 s of page time, match, save to SQLite."""
    site = site_config(urls, served, concurrency, limits or VisitLimits())
    judge = RulesJudge(load_rules(()))
    process = psutil.Process()
    before = set(process.children(recursive=True))
    measured = Measured()
    moments: list[float] = []

    def observe(progress: Progress) -> None:
        if progress.page is None:
            return
        moments.append(time.perf_counter())
        measured.rss_mib.append(process.memory_info().rss / MIB)
        on_page(progress.done)

    def keep(capture: PageCapture) -> None:
        measured.requests += len(capture.requests)
        measured.outcomes[" ".join(filter(None, (capture.outcome, capture.stop_reason)))] += 1

    async def discover(of: SiteConfig) -> Discovery:
        return Discovery(of, Robots(), pages=(("list", urls),))

    with TemporaryDirectory(prefix="tagdrift-bench-") as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            run = ScanRun(
                site=site,
                store=store,
                fleet=LocalFleet(site, judge.rules.wanted(), settings=browser_settings(site, served)),
                judge=judge,
                clock=SystemClock(),
                discover=discover,
                tool_version="bench",
                config_digest="bench",
                observe=observe,
                keep=keep,
            )
            record = await run.run()
        finally:
            store.close()
    left = set(process.children(recursive=True)) - before
    return replace(
        measured,
        pages=len(moments),
        seconds=moments[-1] - moments[0],
        coverage=record.coverage,
        left_behind=sum(child.status() != psutil.STATUS_ZOMBIE for child in left),
    )
