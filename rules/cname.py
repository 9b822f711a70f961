"""Vendors behind a host of the site's own, told by the host's DNS aliases. Pure: the aliases come with the request."""

from __future__ import annotations

from typing import Final, NamedTuple

from scanner.model import Category, Detection, DetectionKind


class Cloaked(NamedTuple):
    vendor: str
    product: str
    category: Category


_BY_SUFFIX: Final[dict[str, Cloaked]] = {
    "go.pardot.com": Cloaked("salesforce", "pardot", Category.MARKETING),
    "actonsoftware.com": Cloaked("act-on", "act-on", Category.MARKETING),
    "actonservice.com": Cloaked("act-on", "act-on", Category.MARKETING),
    "hs.eloqua.com": Cloaked("oracle", "eloqua", Category.MARKETING),
    "dnsdelegation.io": Cloaked("criteo", "criteo-onetag", Category.ADVERTISING),
    "storetail.io": Cloaked("criteo", "criteo-onetag", Category.ADVERTISING),
    "tagcommander.com": Cloaked("commanders-act", "commanders-act", Category.TAG_MANAGER),
    "eulerian.net": Cloaked("eulerian", "eulerian", Category.ANALYTICS),
    "at-o.net": Cloaked("at-internet", "at-internet", Category.ANALYTICS),
    "k.keyade.com": Cloaked("keyade", "keyade", Category.ADVERTISING),
    "2o7.net": Cloaked("adobe", "adobe-analytics", Category.ANALYTICS),
    "sc.omtrdc.net": Cloaked("adobe", "adobe-analytics", Category.ANALYTICS),
    "sc.adobedc.net": Cloaked("adobe", "adobe-analytics", Category.ANALYTICS),
    "data.adobedc.net": Cloaked("adobe", "adobe-analytics", Category.ANALYTICS),
    "wizaly.com": Cloaked("wizaly", "wizaly", Category.ANALYTICS),
    "webtrekk.net": Cloaked("mapp", "mapp-intelligence", Category.ANALYTICS),
    "wt-eu02.net": Cloaked("mapp", "mapp-intelligence", Category.ANALYTICS),
    "tracking.bp01.net": Cloaked("bp01", "bp01-tracking", Category.ADVERTISING),
    "a8.net": Cloaked("a8", "a8", Category.ADVERTISING),
    "ebis.ne.jp": Cloaked("ad-ebis", "ad-ebis", Category.ADVERTISING),
}
"""Suffix of an alias → who collects there. Hosting that anybody can rent proves nothing and is not listed."""


def cloaked_by(alias: str) -> Detection | None:
    """Return who collects behind an alias; None if nothing tells."""
    host = alias.rstrip(".").lower()
    while host:
        found = _BY_SUFFIX.get(host)
        if found is not None:
            return Detection(
                rule="cname.alias",
                vendor=found.vendor,
                product=found.product,
                category=found.category,
                kind=DetectionKind.OTHER,
                first_party_collection=True,
            )
        host = host.partition(".")[2]
    return None
