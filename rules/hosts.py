"""Host patterns of rules, and where they are filed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from rules.patterns import Pattern

HostTest = Callable[[str], bool]


@lru_cache(maxsize=8_192)
def host_pattern(pattern: str) -> HostTest:
    """Compile a host pattern.

    `a.b` exactly; `*.a.b` below; `.a.b` it and below; `x*.a.b` within a label; `www.a.<cc>` com or a country.
    """
    if "<cc>" in pattern:
        # Not any public suffix: `google.github.io` is a stranger.
        suffix = r"(?:com|[a-z]{2}|com?\.[a-z]{2})"
        start = r"(?:[a-z0-9_.-]+\.)?" if pattern.startswith(".") else ""
        country = Pattern(start + suffix.join(re.escape(p) for p in pattern.lstrip(".").split("<cc>")))
        return lambda host: country.fullmatch(host) is not None
    if pattern.startswith("*."):
        below = pattern[1:]
        return lambda host: host.endswith(below) and len(host) > len(below)
    if pattern.startswith("."):
        bare = pattern[1:]
        return lambda host: host == bare or host.endswith(pattern)
    if "*" in pattern:
        expression = Pattern("[a-z0-9_-]*".join(re.escape(p) for p in pattern.split("*")))
        return lambda host: expression.fullmatch(host) is not None
    return lambda host: host == pattern


def host_key(pattern: str) -> str:
    """Return the text under which a host pattern is filed: a suffix every matching host ends in (or `` if none)."""
    if "<cc>" in pattern:
        return ""
    if pattern.startswith(("*.", ".")):
        return pattern.lstrip("*").lstrip(".")
    if "*" in pattern:
        return pattern[pattern.rindex("*") :].partition(".")[2]
    return pattern


def home_test(domains: Iterable[str]) -> HostTest:
    """Return a test for hosts that are one of `domains` or below it."""
    listed = [f".{domain.lstrip('.')}" for domain in domains]
    endings = tuple(domain for domain in listed if "<cc>" not in domain)
    others = tuple(host_pattern(domain) for domain in listed if "<cc>" in domain)

    def at_home(host: str) -> bool:
        return f".{host}".endswith(endings) or (bool(others) and any(fits(host) for fits in others))

    return at_home
