"""Which pages a light scan visits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.model import GONE_STATUSES, Incident, Outcome, PageInventory, SiteConfig

MOST_PAGES_PER_INCIDENT = 10
MOST_TROUBLED_PAGES = 50
"""When a whole site is down, looking at all of it again is a full scan's work."""


def light_pages(
    pages: Iterable[PageInventory], newer: Iterable[PageInventory], incidents: Sequence[Incident], turn: int
) -> tuple[str, ...]:
    """Choose pages, sorted: one of each template, those of open incidents, those not seen whole last time.

    Args:
        pages: of the last full scan.
        newer: of light scans since then, oldest first: what they saw counts for the page.
        incidents: the site's open ones.
        turn: the how-manieth light scan it is: with each the next page of a template has its turn.
    """
    known = {page.page: page for page in pages}
    known |= {page.page: page for page in newer if page.page in known}
    templates: dict[str, list[str]] = {}
    for page in sorted(known):
        if known[page].outcome is Outcome.OK:
            templates.setdefault(known[page].template, []).append(page)
    chosen = {of[turn % len(of)] for of in templates.values()}
    for incident in incidents:
        chosen.update([page for page in incident.finding.pages if page in known][:MOST_PAGES_PER_INCIDENT])
    troubled = [page for page in sorted(known) if known[page].outcome is not Outcome.OK and not _gone(known[page])]
    chosen.update(troubled[:MOST_TROUBLED_PAGES])
    return tuple(sorted(chosen))


def _gone(page: PageInventory) -> bool:
    return page.status in GONE_STATUSES


def light_site(site: SiteConfig) -> SiteConfig:
    """Return `site` as a light scan takes it: nothing is looked for beyond the pages that are chosen."""
    return replace(site, sitemaps=False, follow_links=False, url_lists=())
