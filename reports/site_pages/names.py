"""Where each page lies. Names of sites may be hostile, and file systems deaf to capitals."""

from __future__ import annotations

import hashlib

from reports.escape import file_name

INDEX = "index.html"
_LONGEST = 60


def site_folder(site: str) -> str:
    """Return the folder of a site's pages, `sites/clinic`: harmless everywhere, different for different sites."""
    name = file_name(site, _LONGEST)
    if name == site != name.lower():
        digest = hashlib.sha256(site.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        name = f"{name[: _LONGEST - 9]}-{digest}"
    return f"sites/{name.lower()}"


def site_path(site: str) -> str:
    return f"{site_folder(site)}/{INDEX}"


def month_name(month: str) -> str:
    """`scans-2026-03.html`; `month` is `2026-03`."""
    return f"scans-{month}.html"


def incident_name(number: int) -> str:
    return f"incident-{number}.html"


def incident_path(site: str, number: int) -> str:
    return f"{site_folder(site)}/{incident_name(number)}"
