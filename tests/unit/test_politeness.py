"""How fast a host is asked. The loop's clock jumps instead of waiting."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from scanner.crawl.politeness import Gate
from tests.make import site_config


class JumpingLoop(asyncio.SelectorEventLoop):
    """Time passes only while everybody waits, and then at once."""

    def __init__(self) -> None:
        self.clock_s = 1000.0
        loop = self

        class Selector(selectors.DefaultSelector):
            def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
                ready = super().select(0)
                if not ready and timeout:
                    loop.clock_s += timeout
                return ready

        super().__init__(Selector())

    def time(self) -> float:
        return self.clock_s


def gate_of(
    requests_per_second: float, concurrency: int, delays: Callable[[str], float | None] = lambda _host: None
) -> Gate:
    return Gate(site_config(requests_per_second=requests_per_second, concurrency=concurrency), delays)


def starts(gate: Gate, urls: list[str], visit_s: float = 0.0) -> tuple[list[tuple[str, float]], int]:
    """Visit all at once; return who started when (seconds, rounded), and how many ran at the same time at most."""
    log: list[tuple[str, float]] = []
    running = most = 0

    async def visit(url: str) -> None:
        nonlocal running, most
        async with gate.slot(url):
            log.append((url, round(asyncio.get_running_loop().time() - 1000.0, 3)))
            running += 1
            most = max(most, running)
            await asyncio.sleep(visit_s)
            running -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*map(visit, urls))

    run(all_of_them())
    return log, most


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    loop = JumpingLoop()
    try:
        loop.run_until_complete(coroutine)
    finally:
        loop.close()


def test_starts_are_apart_and_in_order() -> None:
    urls = [f"https://c.example/{n}" for n in range(5)]
    log, _ = starts(gate_of(4.0, 10), urls)
    assert log == [(url, n / 4) for n, url in enumerate(urls)]


def test_not_more_at_once_than_allowed() -> None:
    log, most = starts(gate_of(1000.0, 2), [f"https://c.example/{n}" for n in range(6)], visit_s=10)
    assert most == 2
    assert log[-1][1] >= 20


def test_hosts_do_not_wait_for_one_another() -> None:
    log, _ = starts(gate_of(1.0, 1), ["https://a.example/", "https://b.example/", "https://a.example/2"])
    assert [at for _, at in log] == [0, 0, 1]


def test_a_longer_crawl_delay_counts_and_is_capped() -> None:
    delays = {"slow.example": 10.0, "rude.example": 1e9, "fast.example": 0.01}
    gate = gate_of(2.0, 4, delays.get)
    log, most = starts(gate, ["https://slow.example/1", "https://slow.example/2"], visit_s=15)
    assert ([at for _, at in log], most) == ([0, 15], 1)
    assert gate.interval_s("rude.example") == 60
    assert gate.interval_s("fast.example") == 0.5


def test_a_visit_that_raises_gives_its_place_back() -> None:
    gate = gate_of(100.0, 1)

    async def twice() -> None:
        for _ in range(2):
            try:
                async with gate.slot("https://c.example/"):
                    raise RuntimeError("page trouble")
            except RuntimeError:
                pass
        async with asyncio.timeout(1), gate.slot("https://c.example/"):
            pass

    run(twice())
