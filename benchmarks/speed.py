"""How much longer a complete visit takes than just going there."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

from playwright.async_api import async_playwright

from benchmarks.scan import Measured, browser_settings, scan, site_config
from benchmarks.site import BenchSite, Served, served
from scanner.browser.launch import launch
from scanner.browser.settings import context_options
from scanner.model import VisitLimits

Report = Callable[[str], None]
CONCURRENCIES = (1, 2, 4, 6, 8, 12)
TRIAL_PAGES = 48
ROUNDS = 3


async def bare(urls: tuple[str, ...], at: Served, concurrency: int) -> float:
    """Return milliseconds of wall time per page of plain `page.goto`, in `concurrency` reused pages."""
    settings = browser_settings(site_config(urls, at, concurrency, VisitLimits()), at)
    async with async_playwright() as playwright:
        browser = await launch(playwright, settings)
        try:
            contexts = [await browser.new_context(**context_options(settings)) for _ in range(concurrency)]  # type: ignore[arg-type]
            pages = [await context.new_page() for context in contexts]
            for page in pages:  # caches are warm, as those of the complete visits are after their first page
                await page.goto(urls[0])
            todo = list(reversed(urls))
            started = time.perf_counter()

            async def drive(number: int) -> None:
                while todo:
                    await pages[number].goto(todo.pop(), wait_until="load")

            await asyncio.gather(*(drive(number) for number in range(concurrency)))
            return (time.perf_counter() - started) * 1000 / len(urls)
        finally:
            await browser.close()


async def measure(pages: int, say: Report) -> dict[str, float]:
    """Find the best concurrency of each on a few pages, then measure both in turn; the median of the rounds counts."""
    site = BenchSite(pages)
    with served(site.respond) as at:
        trial = site.urls[:TRIAL_PAGES]
        bare_at = _best({c: await bare(trial, at, c) for c in CONCURRENCIES}, "bare navigation", say)
        full_at = _best({c: (await scan(trial, at, c)).ms_per_page for c in CONCURRENCIES}, "complete visit", say)
        # The machine's own speed may change from minute to minute: each scan is compared with what was measured right
        # before and right after it.
        bare_ms = [await bare(site.urls, at, bare_at)]
        full: list[Measured] = []
        ratios: list[float] = []
        for number in range(ROUNDS):
            full.append(await scan(site.urls, at, full_at))
            bare_ms.append(await bare(site.urls, at, bare_at))
            ratios.append(full[-1].ms_per_page / statistics.mean(bare_ms[-2:]))
            say(f"round {number + 1}: complete {full[-1].ms_per_page:.0f} ms a page, {ratios[-1]:.2f} times bare")
    not_ok = {key: n for measured in full for key, n in measured.outcomes.items() if key != "ok"}
    if not_ok:
        say(f"not all pages were seen whole: {not_ok}")
    full_ms = statistics.median(measured.ms_per_page for measured in full)
    return {
        "visit_over_bare": round(statistics.median(ratios), 2),
        "bare_ms_per_page": round(statistics.median(bare_ms), 1),
        "bare_concurrency": bare_at,
        "visit_ms_per_page": round(full_ms, 1),
        "visit_concurrency": full_at,
        "requests_per_page": round(full[-1].requests / max(1, full[-1].pages), 1),
        "speed_pages": pages,
        "speed_pages_not_whole": sum(not_ok.values()),
    }


def _best(times_ms: dict[int, float], what: str, say: Report) -> int:
    best = min(times_ms, key=lambda concurrency: times_ms[concurrency])
    say(f"{what}: best at {best} at once (" + ", ".join(f"{c}: {ms:.0f} ms" for c, ms in times_ms.items()) + ")")
    return best
