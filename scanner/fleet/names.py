"""A fleet that also asks the DNS whose names the site's own hosts are: vendors hide behind aliases (CNAME cloaking)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

import dns.asyncresolver
import dns.exception
import dns.resolver

from scanner.model import Outcome, PageCapture, StopReason, VisitTask
from scanner.ports import Fleet
from scanner.urls import host_of, same_site

TIMEOUT_S = 3.0
TRIES = 3
MOST_ALIASES = 10

Aliases = Callable[[str], Awaitable[tuple[str, ...] | None]]
"""Host → its aliases, nearest first; None when nobody answered."""


class NamingFleet:
    """Adds the DNS aliases of first-party hosts to every visit's requests; each host is asked once.

    When the DNS does not answer, a page that shows no vendor behind an alias proves nothing: it is `partial`.
    """

    def __init__(self, fleet: Fleet, own_domains: Iterable[str] = (), aliases: Aliases | None = None) -> None:
        self._fleet = fleet
        self._own_domains = tuple(own_domains)
        self._ask = aliases or aliases_of
        self._known: dict[str, asyncio.Future[tuple[str, ...] | None]] = {}

    @property
    def capacity(self) -> int:
        return self._fleet.capacity

    async def visit(self, task: VisitTask) -> PageCapture:
        capture = await self._fleet.visit(task)
        page = host_of(capture.final_url)
        hosts = {host for request in capture.requests if (host := host_of(request.url))}
        own = sorted(host for host in hosts if same_site(host, page, self._own_domains))
        found = dict(zip(own, await asyncio.gather(*map(self._aliases, own)), strict=True))
        silent = [host for host, aliases in found.items() if aliases is None]
        if any(found.values()):
            requests = tuple(
                replace(request, cname=aliases) if (aliases := found.get(host_of(request.url))) else request
                for request in capture.requests
            )
            capture = replace(capture, requests=requests)
        if silent and capture.outcome is Outcome.OK:
            detail = f"the DNS did not say whose name {silent[0]} is"
            capture = replace(capture, outcome=Outcome.PARTIAL, stop_reason=StopReason.RECORDER_GAP, detail=detail)
        return capture

    async def _aliases(self, host: str) -> tuple[str, ...] | None:
        known = self._known.get(host)
        if known is None:
            known = self._known[host] = asyncio.ensure_future(self._ask(host))
        aliases = await asyncio.shield(known)  # a visit that is given up must not take the answer from others
        if aliases is None and self._known.get(host) is known:
            del self._known[host]  # the next page asks again
        return aliases

    async def __aenter__(self) -> Self:
        await self._fleet.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._known.values():
            future.cancel()
        await self._fleet.__aexit__(kind, error, trace)


async def aliases_of(host: str) -> tuple[str, ...] | None:
    """Ask the machine's resolver; a name that does not exist or has no alias has none."""
    for _ in range(TRIES):
        try:
            answer = await dns.asyncresolver.resolve(host, "A", lifetime=TIMEOUT_S, raise_on_no_answer=False)
        except (dns.resolver.NXDOMAIN, dns.exception.SyntaxError):
            return ()
        except (dns.exception.DNSException, OSError, ValueError):
            continue
        chain = [str(record.target).rstrip(".").lower() for alias in answer.chaining_result.cnames for record in alias]
        return tuple(chain[:MOST_ALIASES])
    return None
