"""`python -m benchmarks [PART]…`: measure, and write benchmarks/results.json and docs/performance.md."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks import endurance, explain, rules_speed, site_pages, speed
from benchmarks.table import performance_page
from scanner.browser.launch import find_browser

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
PARTS = ("match", "explain", "speed", "memory", "robustness", "site-pages")


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--pages", type=click.IntRange(10, 100_000), help="Pages of the site (default: 200 for speed, else 1,000)."
)
@click.option("--write/--no-write", default=True, help="Write the results and the page of documentation.")
def main(parts: tuple[str, ...], pages: int | None, write: bool) -> None:
    """Measure PARTS (default: all of them)."""
    console = Console(stderr=True)
    results: dict[str, Any] = {}
    for part in parts or PARTS:
        with console.status(f"{part} …"):
            figures = _measure(part, pages, lambda text, part=part: console.log(f"{part}: {text}"))  # type: ignore[misc]
        console.print_json(data=figures)
        results |= figures
    if write:
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        merged = {**kept, **results, "machine": _machine()}
        RESULTS.write_text(json.dumps(merged, indent=2, sort_keys=True) + "\n")
        PAGE.write_text(performance_page(merged))
        console.print(f"written: {RESULTS.relative_to(ROOT)}, {PAGE.relative_to(ROOT)}")


def _measure(part: str, pages: int | None, say: speed.Report) -> dict[str, Any]:
    match part:
        case "match":
            return dict(rules_speed.measure(say))
        case "explain":
            return dict(explain.measure(say))
        case "site-pages":
            return dict(site_pages.measure(say, pages or 2_000))
        case "speed":
            return dict(asyncio.run(speed.measure(pages or 200, say)))
        case "memory":
            return dict(asyncio.run(endurance.memory(pages or 1_000, say)))
        case _:
            return dict(asyncio.run(endurance.robustness(pages or 1_000, say)))


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "python": f"Python {platform.python_version()}",
        "browser": find_browser().version,
        "when": datetime.now(UTC).date().isoformat(),
    }


if __name__ == "__main__":
    main()
