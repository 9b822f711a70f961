"""Who may scan a site at the moment. Pure: the stores only keep what is decided here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scanner.errors import SiteBusy


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's right to scan one site, until it expires."""

    site: str
    holder: str
    since: datetime
    expires_at: datetime


def decide(current: Lease | None, site: str, holder: str, now: datetime, ttl_s: int) -> Lease:
    """Return the lease that holds from now on: new, renewed, or taken over from a holder who let it expire.

    Raises:
        SiteBusy: somebody else holds it; the message says who, since when and until when.
    """
    expires_at = now + timedelta(seconds=ttl_s)
    if current is None or (current.holder != holder and current.expires_at <= now):
        return Lease(site, holder, now, expires_at)
    if current.holder == holder:
        return replace(current, expires_at=expires_at)
    raise SiteBusy(
        f"{site} is being scanned by {current.holder} since {_readable(current.since)}",
        hint=f"wait for it, or stop it; if it died, its lease ends by itself at {_readable(current.expires_at)}",
        holder=current.holder,
    )


def _readable(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
