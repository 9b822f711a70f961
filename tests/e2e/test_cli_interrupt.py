"""A scan that is stopped, killed or doubled: nothing finished is lost, nothing keeps running, the next run goes on."""

from __future__ import annotations

import random
import re
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.model import ScanState
from scanner.store import open_store
from tests.e2e.cli import Workplace, config_text, valid_report
from tests.site.bulk import BulkSite
from tests.site.reply import Fate, Reply
from tests.site.server import FixtureServer

PAGES = 30
SITE = BulkSite(PAGES, hang_percent=0, crash_percent=0, error_percent=0, endless_percent=0)
KILLS = 3
PATIENCE_S = 120


@pytest.fixture
def server() -> Iterator[FixtureServer]:
    with FixtureServer(responder=SITE.respond) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    place = Workplace(tmp_path)
    yield place
    for process in place.living():  # after a failure only: the tests see to their processes
        process.kill()


def configure(place: Workplace, server: FixtureServer, **keys: object) -> None:
    place.write("tagdrift.yaml", config_text(server, SITE.url(0), name="bulk", concurrency=2, **keys))


def wait_until(met: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Poll for what another process does; fail when that process ends first or time runs out."""
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def visits(server: FixtureServer) -> Counter[str]:
    return Counter(entry.url for entry in list(server.log) if "/p/" in entry.url and "tracker" not in entry.url)


def saved(place: Workplace) -> frozenset[str]:
    """The pages that are in the store now, read beside whoever writes it."""
    if not place.store.exists():
        return frozenset()
    with closing(sqlite3.connect(f"file:{place.store}?mode=ro", uri=True, timeout=30)) as connection:
        try:
            rows = connection.execute("select page from visits join pages on pages.id = page_id").fetchall()
            return frozenset(page for (page,) in rows)
        except sqlite3.OperationalError:  # the tables are not there yet
            return frozenset()


@pytest.mark.timeout(900)
def test_kill_9_at_any_moment_loses_no_finished_visit_and_the_next_run_goes_on(
    place: Workplace, server: FixtureServer
) -> None:
    configure(place, server)
    chance = random.Random(20260302)
    before: frozenset[str] = frozenset()
    for round_ in range(KILLS):
        process = place.start("scan", "--quiet")
        goal = len(before) + chance.randint(2, 5) if round_ else 0  # the first dies while it starts
        wait_until(lambda goal=goal: len(saved(place)) >= goal and bool(place.living()), process)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.3))  # anywhere inside a visit or a transaction
        at_the_kill = saved(place)
        process.kill()
        process.communicate()
        assert place.left_behind() == [], "browsers die with the scanner"
        after = saved(place)
        assert at_the_kill <= after
        assert before <= after
        if place.store.exists():
            with closing(sqlite3.connect(place.store)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        before = after

    asked_before = visits(server)
    last = place.run("scan", "--json").exits(0)
    report = valid_report(last)
    assert re.search(rf"going on with scan \d+: {len(before)} pages are visited", last.stderr)
    assert (report["coverage"]["planned"], report["coverage"]["ok"]) == (PAGES, PAGES)
    assert [page["page"] for page in report["pages"]] == sorted(SITE.urls)
    asked_again = visits(server) - asked_before
    assert set(asked_again) == set(SITE.urls) - before, "what was saved is not visited again"
    store = open_store(f"sqlite:///{place.store}")
    try:
        assert [scan.state for scan in store.scans("bulk")] == [ScanState.COMPLETE]
        assert store.check() == ()
        assert store.verify_chain("bulk") == ()
    finally:
        store.close()


@pytest.mark.timeout(600)
def test_one_scan_at_a_time_and_sigterm_ends_it(place: Workplace) -> None:
    endless = replace(SITE, pages=2_000)  # a second process takes its time to start on a busy machine
    with FixtureServer(responder=endless.respond) as server:
        configure(place, server)
        process = place.start("scan", "--har", "part.har")
        wait_until(lambda: len(saved(place)) >= 2, process)

        second = place.run("scan", "--quiet").exits(4)
        assert re.search(rf"bulk is being scanned by \S+:{process.pid}:\w+ since \d{{4}}-\d\d-\d\d", second.stderr)
        assert process.poll() is None, "the first is not disturbed"

        had = saved(place)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 4
    assert out == ""
    assert "was stopped after" in err
    assert "Traceback" not in err
    assert place.left_behind() == []
    assert had <= saved(place)
    assert '"entries":' in (place.folder / "part.har").read_text(), "what was recorded is still written"
    store = open_store(f"sqlite:///{place.store}")
    try:
        assert store.running_scan("bulk") is not None, "the next run goes on with it"
        store.acquire_lease("bulk", "the next run", datetime.now(UTC), 1)
    finally:
        store.close()


@pytest.mark.timeout(600)
def test_ctrl_c_ends_a_scan_and_one_that_is_too_old_is_closed_as_incomplete(
    place: Workplace, server: FixtureServer
) -> None:
    configure(place, server, resume_max_age="10ms", max_pages=8)
    process = place.start("scan", "--quiet")
    wait_until(lambda: len(saved(place)) >= 1, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 4
    assert "Traceback" not in err
    assert place.left_behind() == []

    place.run("scan", "--quiet").exits(0)
    history = place.run("history", "bulk", "--json").exits(0).document
    newest, oldest = history["scans"]
    assert (newest["state"], newest["planned"], newest["ok"]) == ("complete", 8, 8)
    assert oldest["state"] == "incomplete"
    assert "interrupted and not resumed" in oldest["note"]
    assert oldest["unvisited"] >= 1
    refused = place.run("approve", "bulk", "--scan", str(oldest["id"]), "--reason", "why not").exits(2)
    assert "cannot become the baseline" in refused.stderr


def test_ctrl_c_is_obeyed_while_the_server_is_silent(place: Workplace) -> None:
    with FixtureServer(responder=lambda _request: Reply(fate=Fate.HANG)) as server:
        configure(place, server)
        process = place.start("scan")
        wait_until(lambda: bool(server.log), process)  # robots.txt is asked for, and nobody answers
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 4
        assert time.monotonic() - began < 15
        assert place.left_behind() == []
