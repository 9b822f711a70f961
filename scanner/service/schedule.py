"""Which alarms the sites' schedules ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from scanner.clockwork.alarm import Alarm
from scanner.model import ScanKind, ScanRecord, SiteConfig, When

Last = Mapping[tuple[str, ScanKind], datetime]
"""When each site's newest scan of each kind began; a full scan counts for both."""


def alarms(sites: Iterable[SiteConfig], last: Last, now: datetime) -> tuple[Alarm, ...]:
    """Return an alarm for each site and kind of scan that has a time, in the order of the sites.

    An interval counts from the last scan; where that is longer ago it is due now, and so is a site's first full scan.
    """
    return tuple(
        Alarm(
            name=alarm_name(site.name, kind),
            when=when,
            timezone=site.schedule.timezone or site.profile.timezone,
            jitter_s=site.schedule.jitter_s,
            grace_s=site.schedule.grace_s,
            first=_first(when, kind, last.get((site.name, kind)), now),
        )
        for site in sites
        for kind, when in ((ScanKind.FULL, site.schedule.full), (ScanKind.LIGHT, site.schedule.light))
        if when is not None
    )


def last_times(scans: Iterable[ScanRecord]) -> dict[tuple[str, ScanKind], datetime]:
    """Return when a site's newest scan of each kind began, of its scans, newest first. A full one counts for both."""
    last: dict[tuple[str, ScanKind], datetime] = {}
    for scan in scans:
        last.setdefault((scan.site, ScanKind.LIGHT), scan.started_at)
        if scan.kind is ScanKind.FULL:
            last[scan.site, ScanKind.FULL] = scan.started_at
            break
    return last


def _first(when: When, kind: ScanKind, last: datetime | None, now: datetime) -> datetime | None:
    if when.every_s is None:
        return None
    if last is None:
        return now if kind is ScanKind.FULL else None
    return max(now, last + timedelta(seconds=when.every_s))


def alarm_name(site: str, kind: ScanKind) -> str:
    return f"{site} {kind}"


def of_alarm(name: str) -> tuple[str, ScanKind]:
    """Return the site's name and the kind of scan. Sites' names hold no blanks."""
    site, _, kind = name.rpartition(" ")
    return site, ScanKind(kind)
