"""A number of places that many share, and a fleet that takes one for each visit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from scanner.model import PageCapture, VisitTask
from scanner.ports import Fleet


class Places:
    """Like a semaphore, but the number of places can be changed while some are taken."""

    def __init__(self, limit: int | None = None) -> None:
        """`limit` None: as many as come."""
        self._limit = limit
        self._taken = 0
        self._news = asyncio.Condition()

    async def resize(self, limit: int | None) -> None:
        """Change the number; whoever has a place keeps it."""
        async with self._news:
            self._limit = limit
            self._news.notify_all()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a place and hold it."""
        async with self._news:
            await self._news.wait_for(lambda: self._limit is None or self._taken < self._limit)
            self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            await asyncio.shield(self._wake())

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()


class SharingFleet:
    """A fleet that shares the machine with others: a visit begins when there is a place for it."""

    def __init__(self, fleet: Fleet, places: Places) -> None:
        self._fleet = fleet
        self._places = places

    @property
    def capacity(self) -> int:
        return self._fleet.capacity

    async def visit(self, task: VisitTask) -> PageCapture:
        async with self._places.one():
            return await self._fleet.visit(task)

    async def __aenter__(self) -> Self:
        await self._fleet.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fleet.__aexit__(kind, error, trace)
