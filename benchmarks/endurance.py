"""A thousand pages, some of which hang, crash, fail or never end: memory, coverage, and what is left running."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from benchmarks.scan import Measured, scan
from benchmarks.site import BenchSite, served
from scanner.model import VisitLimits
from tests.site.bulk import BulkSite

LIMITS = VisitLimits(navigation_timeout_ms=5_000, visit_timeout_ms=30_000)


async def memory(pages: int, say: Callable[[str], None], concurrency: int = 4) -> dict[str, float]:
    """Return peak memory of this process over `pages` ordinary pages and its growth over the second half."""
    site = BenchSite(pages)
    with served(site.respond) as at:
        measured = await scan(site.urls, at, concurrency, on_page=_every(200, pages, say))
    return {
        "peak_mib_1000_pages": round(max(measured.rss_mib), 1),
        "growth_mib_per_1000_pages": round(growth_mib(measured.rss_mib), 1),
        "memory_pages": measured.pages,
    }


async def robustness(pages: int, say: Callable[[str], None], concurrency: int = 4) -> dict[str, float | str]:
    """Return how a scan of a site with known troubles ended, against what must have come of it."""
    site = BulkSite(pages)
    with served(site.respond) as at:
        measured = await scan(site.urls, at, concurrency, LIMITS, on_page=_every(100, pages, say))
    say(f"outcomes: {dict(measured.outcomes)}; processes left behind: {measured.left_behind}")
    wrong = differences(site, measured)
    for line in wrong:
        say(line)
    return {
        "robustness_pages": measured.pages,
        "robustness_ok": measured.coverage.ok,
        "robustness_not_ok": measured.coverage.visited - measured.coverage.ok,
        "robustness_seconds": round(measured.seconds, 1),
        "robustness_differences": len(wrong),
        "processes_left_behind": measured.left_behind,
        "robustness_peak_mib": round(max(measured.rss_mib), 1),
    }


def differences(site: BulkSite, measured: Measured) -> list[str]:
    """Say where coverage differs from the site's known troubles; empty when the numbers are exact."""
    kinds = site.kinds
    wanted = {
        "planned": site.pages,
        "ok": kinds["good"],
        "visited": site.pages,
        "unvisited": 0,
        "hung": kinds["hang"],
        "crashed": kinds["crash"],
        "answered 500": kinds["error"],
    }
    coverage, outcomes = measured.coverage, measured.outcomes
    seen = {
        "planned": coverage.planned,
        "ok": coverage.ok,
        "visited": coverage.visited,
        "unvisited": coverage.unvisited,
        "hung": outcomes["failed navigation-timeout"],
        "crashed": outcomes["failed crashed"],
        "answered 500": outcomes["failed http-error"],
    }
    return [f"{name}: {seen[name]} instead of {wanted[name]}" for name in wanted if seen[name] != wanted[name]]


def growth_mib(rss_mib: list[float]) -> float:
    """Return the slope of the second half of the samples, MiB per thousand pages."""
    half = rss_mib[len(rss_mib) // 2 :]
    return statistics.linear_regression(range(len(half)), half).slope * 1000 if len(half) > 1 else 0.0


def _every(step: int, pages: int, say: Callable[[str], None]) -> Callable[[int], None]:
    def report(done: int) -> None:
        if done % step == 0:
            say(f"{done} of {pages} pages")

    return report
