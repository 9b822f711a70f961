"""The figures as a page of documentation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROWS: tuple[tuple[str, str, str], ...] = (
    ("visit_over_bare", "Complete visit ÷ bare navigation, wall time per page", "≤ 2.0"),
    ("bare_ms_per_page", "Bare `page.goto` in reused pages, ms a page", ""),
    ("visit_ms_per_page", "Complete visit: 30 s of page time, interaction, match, store; ms a page", ""),
    ("requests_per_page", "Requests recorded per page", ""),
    ("peak_mib_1000_pages", "Peak memory of the Python process over 1,000 pages, MiB", "≤ 300"),
    ("growth_mib_per_1000_pages", "Its growth over the second half, MiB per 1,000 pages", "flat"),
    ("match_us_per_request", "Matching one request against all rules, µs", "≤ 50"),
    ("explain_lines_per_second", "Lines a second answered by `tagdrift explain`", ""),
    ("explain_per_second", "Requests a second on one core: match, decode, exposures, identifiers by shape", "≥ 10,000"),
    ("explain_per_second_with_identities", "The same with five known identities", "≥ 4,000"),
    ("robustness_pages", "Pages of the site of which 17 % hang, crash, fail or never end", ""),
    ("robustness_ok", "… of them seen whole (83 % are good)", ""),
    ("robustness_differences", "… coverage numbers that were not exact", "0"),
    ("robustness_seconds", "… seconds from first to last page", ""),
    ("processes_left_behind", "… processes left behind", "0"),
    (
        "site_pages_seconds",
        "Pages to look at for 50 sites, 365 scans each, 2,000 pages a scan: seconds to build",
        "≤ 60",
    ),
    ("site_pages_again_seconds", "… and to build them again when one site was scanned since", ""),
    ("site_pages_first_page_kb", "… size of the first page, kB", "≤ 300"),
    ("site_pages_files", "… pages written", ""),
    ("site_pages_peak_mib", "… peak memory, MiB", ""),
)


def performance_page(results: Mapping[str, Any]) -> str:
    """Return docs/performance.md for `results`, with the rows that were measured."""
    lines = ["| figure | measured | wanted |", "|---|---:|---:|"]
    lines += [f"| {text} | {results[key]:,} | {wanted} |" for key, text, wanted in ROWS if key in results]
    machine = {"cpus": "?", "python": "?", "browser": "?", "when": "?", **results.get("machine", {})}
    return PAGE.format(table="\n".join(lines), speed_pages=results.get("speed_pages", 200), **machine)


PAGE = """# Performance

This page is written by `make bench`; the figures are in `benchmarks/results.json`. Only ratios carry over to another
machine. These come from {cpus} processor cores, {python}, {browser}, on {when}.

{table}

## What is measured

- **Complete visit over bare navigation.** A site of {speed_pages} pages, about thirty requests each, most of them
  cacheable, under a certificate that the browser trusts, served by a process of its own. *Bare* is `page.goto` until
  the load event, again and again in the same pages, nothing recorded. *Complete* is what a scan does: a clean page for
  every visit, everything recorded, mouse, keys and scrolling, 30 seconds of the page's own time, exit events, rules,
  and the page saved to SQLite. Each is first tried with 1 to 12 pages at once, then three scans run, each at its best,
  with bare navigation before, between and after; each is compared with its neighbours, the median of the three counts.
- **Memory.** Resident size of the Python process, looked at after every page of a scan. The browser's memory is not in
  it: browsers are recycled by visits and by memory.
- **Matching.** All examples of all rules and as many ordinary requests, so more of them match than on any real page.
- **Pages to look at.** `tagdrift report --site-dir` on a store of 18,250 scans whose numbers differ from scan to scan,
  with six incidents a site. Each scan says that it saw 2,000 pages; visits of 25 of them are stored for the newest scan
  of each site: the builder reads a scan's numbers and, for the evidence of an incident, a visit. Catching up with scans
  that were made before there were such numbers is not in it.
- **Robustness.** 5 % of the pages never answer, 5 % crash their renderer, 5 % answer 500 and 2 % stream for ever.
"""
