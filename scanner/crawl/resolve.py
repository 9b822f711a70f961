"""Rules that send connections elsewhere, as curl's --connect-to does. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from scanner.model import ResolveRule

_PATTERN = re.compile(r"\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_FORM = "write `HOST_PATTERN IP:PORT`, such as `www.clinic.example 127.0.0.1:8443` or `*.clinic.example [::1]:443`"


def parse_resolve(text: str) -> ResolveRule:
    """Read one rule, `HOST_PATTERN IP:PORT`. The pattern is a host, `*.host` (its subdomains, not itself) or `*`.

    An IPv6 address stands in brackets. Raises `ValueError` with a sentence that says what is wrong and how to write it.
    """
    words = text.split()
    if len(words) != 2:
        raise ValueError(f"resolve rule `{text}`: {_FORM}")
    pattern = words[0].lower().rstrip(".")
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(f"resolve rule `{text}`: `{words[0]}` is neither a host, `*.host` nor `*`; {_FORM}")
    address, colon, port = words[1].rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise ValueError(f"resolve rule `{text}`: `{words[1]}` has no port from 1 to 65535; {_FORM}")
    bracketed = address.startswith("[") and address.endswith("]")
    try:
        parsed = ip_address(address[1:-1] if bracketed else address)
    except ValueError:
        raise ValueError(f"resolve rule `{text}`: `{address}` is no IP address; {_FORM}") from None
    if (parsed.version == 6) != bracketed:
        raise ValueError(f"resolve rule `{text}`: brackets go around IPv6 addresses, and only these; {_FORM}")
    return ResolveRule(pattern, parsed.compressed, int(port))


def resolve_to(rules: Iterable[ResolveRule], host: str) -> tuple[str, int] | None:
    """Return (address, port) of the first rule that fits `host`; None if none does."""
    host = host.lower().rstrip(".")
    for rule in rules:
        if rule.pattern in ("*", host) or (rule.pattern.startswith("*.") and host.endswith(rule.pattern[1:])):
            return rule.address, rule.port
    return None
