"""Who visits a site, and what is known of it before the first visit.

Browsers and web clients take a third of a command's start to import, so only scans do.
"""

from __future__ import annotations

import asyncio
import sys

from scanner.browser.launch import browser_version, find_browser
from scanner.browser.settings import user_agent_for
from scanner.crawl.discover import Discovery, discover
from scanner.fleet.local import LocalFleet
from scanner.fleet.names import NamingFleet
from scanner.fleet.places import Places, SharingFleet
from scanner.model import SiteConfig, Wanted
from scanner.ports import Fleet


def fleet_for(site: SiteConfig, wanted: Wanted, places: Places | None = None) -> Fleet:
    """Return this machine's browsers for `site`, which ask the DNS where it wants that and wait for one of `places`."""
    fleet: Fleet = LocalFleet(site, wanted)
    if site.dns:
        fleet = NamingFleet(fleet, site.own_domains)
    return fleet if places is None else SharingFleet(fleet, places)


async def discover_as_visitor(site: SiteConfig) -> Discovery:
    """Ask for robots.txt and sitemaps as the same visitor as for the pages."""
    version = await asyncio.to_thread(lambda: browser_version(find_browser().path))
    return await discover(site, user_agent=user_agent_for(site.profile, version, sys.platform))
