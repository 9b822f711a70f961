"""`kill -9` at any moment: every visit reported as saved is there, the rest is whole or absent, work goes on."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from scanner.model import Coverage, PageCapture, PageInventory, ScanState, SignalKind
from scanner.store import open_store
from tests import make

SITE = "clinic"
KILLS = 30
TTL_S = 60


def page_path(round_: int, n: int) -> str:
    return f"/round-{round_}/page-{n}"


def whole_visit(round_: int, n: int) -> tuple[PageCapture, PageInventory]:
    """A visit whose every part can be told from its path: bodies of its own, code shared with all others."""
    path = page_path(round_, n)
    requests = [
        make.request(f"https://ct.pinterest.com/v3/?n={k}", body=f"{path} {k}".encode() * 50) for k in range(30)
    ]
    requests.append(make.script(response_body=f"config of {path}".encode() * 100))
    shared = make.signal(SignalKind.INLINE, text="shared code " * 500)
    capture = make.capture(path, requests, signals=(shared,), title=path)
    return replace(capture, duration_ms=n), make.inventory(path, [make.sighting()], title=path)


def worker(url: str, round_: int) -> None:
    """Resume (or begin) the site's scan and save visits until killed; each is reported only when saved."""
    store = open_store(url)
    now = make.NOW + timedelta(seconds=round_ * (TTL_S + 1))
    store.acquire_lease(SITE, f"round {round_}", now, TTL_S)
    scan = store.running_scan(SITE) or store.begin_scan(SITE, now, make.profile(), "1.0", make.RULES, "config")
    print("scan", scan.id, flush=True)
    n = 0
    while True:
        store.save_visit(scan.id, *whole_visit(round_, n), make.RULES)
        print("saved", n, flush=True)
        n += 1


def run_and_kill(url: str, round_: int, chance: random.Random) -> list[str]:
    """Start a worker, kill it at a random moment, return the complete lines it printed."""
    command = [sys.executable, "-c", f"from tests.e2e.test_store_kill import worker; worker({url!r}, {round_})"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    lines: list[bytes] = []  # read before the kill
    # Every fifth round dies while it starts: opening, migrating, taking the lease.
    if round_ % 5:
        lines = [process.stdout.readline() for _ in range(chance.randint(1, 12))]
        moment = chance.uniform(0, 0.01)
    else:
        moment = chance.uniform(0, 1.2)
    deadline = time.perf_counter() + moment
    while time.perf_counter() < deadline:
        pass  # a sleep would not hit the inside of a transaction so evenly
    process.kill()
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == -9
    return [line for line in (b"".join(lines) + rest).decode().split("\n")[:-1] if line]


def test_kill_9_loses_no_saved_visit(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    url = f"sqlite:///{path}"
    chance = random.Random(20260302)
    saved: set[str] = set()
    scan_ids: set[str] = set()
    for round_ in range(KILLS):
        for word, number in (line.split() for line in run_and_kill(url, round_, chance)):
            if word == "saved":
                saved.add(make.page_url(page_path(round_, int(number))))
            else:
                scan_ids.add(number)
        if path.exists() and round_ % 2:  # otherwise the next worker is the first to see what is left
            with sqlite3.connect(path) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            connection.close()

    assert len(scan_ids) == 1, "each process resumed the same scan"
    assert len(saved) > KILLS
    store = open_store(url)
    scan = store.running_scan(SITE)
    assert scan is not None
    there = store.visited_pages(scan.id)
    assert saved <= there
    assert len(there - saved) <= KILLS, "at most the visit in flight may be saved without having been reported"
    inventories = {inventory.page: inventory for inventory, _ in store.inventories(scan.id)}
    captures = 0
    for capture in store.captures(scan.id):
        _, round_text, page_text = (capture.title or "").split("/")
        expected = whole_visit(int(round_text.split("-")[1]), int(page_text.split("-")[1]))
        assert (capture, inventories[capture.page]) == expected
        captures += 1
    assert captures == len(inventories) == len(there)
    assert store.check() == ()

    store.finish_scan(scan.id, ScanState.COMPLETE, make.NOW, Coverage(planned=captures, ok=captures), ())
    assert store.verify_chain(SITE) == ()
    assert store.running_scan(SITE) is None
    store.close()
