"""Is this response one that the rules want to read?"""

from __future__ import annotations

import re
from functools import lru_cache

from scanner.model import BodyWanted, Wanted
from scanner.urls import host_of


def wants(wanted: Wanted, url: str) -> bool:
    """Say whether the response of `url` should be kept. The recorder and the HAR reader ask the same question."""
    host = host_of(url)
    if not host:
        return False
    rest = url.partition("://")[2].partition("#")[0]
    target = rest[rest.find("/") :] if "/" in rest else "/"
    return any(_at_host(body, host) and _expression(body.path).search(target[:8192]) for body in wanted.bodies)


def _at_host(body: BodyWanted, host: str) -> bool:
    if body.host == "*":
        return True
    return host.endswith(body.host[1:]) if body.host.startswith("*.") else host == body.host


@lru_cache(maxsize=1024)
def _expression(text: str) -> re.Pattern[str]:
    return re.compile(text)
