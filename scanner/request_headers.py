"""Which request headers are kept as evidence. Secrets are not: of cookies the names, of passwords nothing. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping

EVIDENCE = ("referer", "origin", "sec-gpc", "sec-fetch-dest", "content-encoding", "x-requested-with")
_SECRET = ("cookie", "authorization", "proxy-authorization")
_BROWSERS_OWN = (
    *("accept", "accept-charset", "accept-encoding", "accept-language", "access-control-request-method"),
    *("authorization", "cache-control", "connection", "content-length", "content-type", "cookie", "host", "origin"),
    *("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range", "pragma"),
    *("last-event-id", "ping-from", "ping-to", "priority", "purpose", "referer", "user-agent", "te", "dnt"),
    *("service-worker", "service-worker-navigation-preload", "transfer-encoding", "upgrade"),
    *("upgrade-insecure-requests", "device-memory", "downlink", "dpr", "ect", "rtt", "save-data", "viewport-width"),
    "width",
)


def is_browsers_own(name: str) -> bool:
    """Say whether a request header (lower case) is the browser's work. Every other one is a page's, and can carry
    anything.
    """
    return name.startswith((":", "sec-", "proxy-")) or name in _BROWSERS_OWN


def kept_headers(headers: Mapping[str, str], named_by_rules: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """Return what is kept of a request's headers (names in lower case).

    `named_by_rules`: where rules find an account (`Wanted.headers`). Basic authorization without a password is no
    secret but the key that a library sends with every event; every other authorization is left out.
    """
    wanted = (*EVIDENCE, *(name for name in named_by_rules if name not in EVIDENCE and name not in _SECRET))
    kept = [(name, headers[name]) for name in wanted if headers.get(name)]
    if "authorization" in named_by_rules and basic_user(headers.get("authorization", "")) is not None:
        kept.append(("authorization", headers["authorization"]))
    if headers.get("cookie"):
        names = (part.partition("=")[0].strip() for part in headers["cookie"].split(";"))
        kept.append(("cookie", "; ".join(name for name in names if name)))
    return tuple(kept)


def basic_user(authorization: str) -> str | None:
    """Return the user name of a Basic authorization without a password; None for every other.

    >>> basic_user("Basic MmFiQ2RFZjo=")
    '2abCdEf'
    """
    scheme, _, packed = authorization.strip().partition(" ")
    if scheme.lower() != "basic" or len(packed) > 400:
        return None
    try:
        user, colon, password = base64.b64decode(packed.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return user if user and colon and not password and user.isprintable() else None
