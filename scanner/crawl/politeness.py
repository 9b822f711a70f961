"""How fast one host may be asked: visits started per second and visits at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from scanner.model import SiteConfig
from scanner.urls import host_of

LONGEST_DELAY_S = 60.0
"""A longer `Crawl-delay` is cut to this: at one page a minute a scan is already slower than any visitor."""


@dataclass(slots=True)
class _HostGate:
    slots: asyncio.Semaphore
    interval_s: float
    next_start: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Gate:
    """A gate that every visit passes: `async with gate.slot(url): …`.

    Starts of visits to one host are at least `1 / site.requests_per_second` apart (or the host's crawl delay, if
    that is longer), and at most `site.concurrency` run at once. Hosts do not wait for one another. Who waits is
    served in order. Time is the event loop's own, so a loop with another clock is obeyed.

    `crawl_delay_s` gives a host's delay in seconds or None; leave it out where robots.txt is not obeyed. It
    is asked once per host, at the host's first visit.
    """

    def __init__(self, site: SiteConfig, crawl_delay_s: Callable[[str], float | None] = lambda _host: None) -> None:
        self._interval_s = 1.0 / site.requests_per_second
        self._concurrency = site.concurrency
        self._crawl_delay_s = crawl_delay_s
        self._gates: dict[str, _HostGate] = {}

    def interval_s(self, host: str) -> float:
        """Return the seconds between two starts at `host`."""
        return self._gate(host).interval_s

    def _gate(self, host: str) -> _HostGate:
        if (gate := self._gates.get(host)) is None:
            delay_s = min(max(0.0, self._crawl_delay_s(host) or 0.0), LONGEST_DELAY_S)
            # A host that wants its visitors one after another and apart gets no two at once either.
            slots = 1 if delay_s > self._interval_s else self._concurrency
            gate = _HostGate(asyncio.Semaphore(slots), max(self._interval_s, delay_s))
            self._gates[host] = gate
        return gate

    @asynccontextmanager
    async def slot(self, url: str) -> AsyncIterator[None]:
        """Wait for the host's turn, and hold one of its places until the block ends."""
        gate = self._gate(host_of(url))
        async with gate.slots:
            await self._wait_for_turn(gate)
            yield

    async def _wait_for_turn(self, gate: _HostGate) -> None:
        async with gate.turn:
            loop = asyncio.get_running_loop()
            # A timer may fire a hair early: look again until it is really time.
            while (wait_s := gate.next_start - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            gate.next_start = loop.time() + gate.interval_s
