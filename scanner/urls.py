"""Hosts, registrable domains and canonical page URLs. Pure; the Public Suffix List is the package's own copy."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import idna
from publicsuffixlist import PublicSuffixList

from scanner.canonical import canonical_url as canonical_url
from scanner.canonical import page_template as page_template


@cache
def _suffixes() -> PublicSuffixList:
    # Private suffixes (github.io, azurewebsites.net …) count: neighbours there are strangers.
    return PublicSuffixList()


@lru_cache(maxsize=65_536)
def registrable_domain(host: str) -> str:
    """Return the registrable domain (eTLD+1) of `host`, lower-case, by the Public Suffix List.

    An IP address, a single label (`localhost`) or a bare public suffix is its own domain.
    """
    host = host.strip().rstrip(".").lower()
    bare = host.strip("[]")
    try:
        ip_address(bare)
    except ValueError:
        pass
    else:
        return bare
    if "." not in host:
        return host
    return _suffixes().privatesuffix(host) or host


def host_of(url: str) -> str:
    """Return the lower-case host of `url` as browsers send it; empty if it has none or cannot be parsed."""
    try:
        return as_sent((urlsplit(url).hostname or "").rstrip("."))
    except ValueError:
        return ""


def as_sent(host: str) -> str:
    """Return a host with letters outside ASCII as browsers send it.

    >>> as_sent("bücher.example")
    'xn--bcher-kva.example'
    """
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return host


def same_site(host: str, other: str, own_domains: Iterable[str] = ()) -> bool:
    """Say whether two hosts belong together: one registrable domain, or both among the site's own.

    `own_domains` extends the *page's* side: `same_site(request_host, page_host, own)`.
    """
    domain = registrable_domain(host)
    if domain == registrable_domain(other):
        return True
    return any(domain == registrable_domain(own) for own in own_domains)


def is_third_party(request_url: str, page_url: str, own_domains: Iterable[str] = ()) -> bool:
    """Third party is decided against the page's final URL. URLs without a host (data:, blob:) are not."""
    host = host_of(request_url)
    return bool(host) and not same_site(host, host_of(page_url), own_domains)
