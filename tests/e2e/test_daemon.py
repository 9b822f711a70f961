"""`tagdrift run` as a process: it scans at its times, takes new configurations, stops, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scanner.cli.main import run
from scanner.clockwork.timetable import Timetable
from scanner.config import load_config
from scanner.demo import ClinicSite
from scanner.model import ScanKind, ScanRecord
from scanner.ports import Store
from scanner.service.compare import newest_scan, older_side
from scanner.service.schedule import alarms
from scanner.store import open_store
from tests.e2e.cli import Workplace

PATIENCE_S = 120


class Watched:
    """A running `tagdrift run` and the lines of its log."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def until(self, *words: str) -> str:
        """Read on to the first line that holds all `words`."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, ends - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no line with {words} came:\n" + "\n".join(self.lines)
            self.lines.append(line)
            if all(word in line for word in words):
                return line

    def ends(self, *signals: signal.Signals, code: int = 0, within_s: float = 20) -> list[str]:
        """Send `signals`; return all lines."""
        for number in signals:
            self.process.send_signal(number)
        assert self.process.wait(within_s) == code, self.lines
        while (line := self._queue.get(timeout=5)) is not None:
            self.lines.append(line)
        return self.lines


@pytest.fixture
def clinic() -> Iterator[ClinicSite]:
    with ClinicSite() as site:
        yield site


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path / "work")


@contextmanager
def running(place: Workplace, *args: str, alone: bool = True) -> Iterator[Watched]:
    """Run a daemon; in the end none of its processes is left (`alone`: no other one runs in `place`)."""
    process = place.start("run", *args)
    try:
        yield Watched(process)
    finally:
        process.kill()
        process.wait()
    assert not alone or place.left_behind() == []


def config(clinic: ClinicSite, schedule: dict[str, str] | None, **more: Any) -> str:
    top = {key: more.pop(key) for key in ("schedule_file", "mail") if key in more}
    site = {
        "name": "clinic",
        "start": [clinic.start_url],
        "resolve": [f"* 127.0.0.1:{clinic.port}"],
        "insecure": True,
        "requests_per_second": 100,
        "max_pages": 2,
        "concurrency": 2,
        "limits": {"page_time": "300ms", "drain": "100ms", "interact": False},
        **({"schedule": schedule} if schedule else {}),
        **more,
    }
    return json.dumps({"policy": {"preset": "observe"}, **top, "sites": [site]})


@contextmanager
def opened(place: Workplace) -> Iterator[Store]:
    store = open_store(f"sqlite:///{place.store}")
    try:
        yield store
    finally:
        store.close()


def here(place: Workplace, *words: str) -> tuple[int, str, str]:
    """Run a command that ends at once in this process: another start of Python takes longer than all it does."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(place.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    return code, out.getvalue(), err.getvalue()


def scans(place: Workplace) -> list[ScanRecord]:
    """Oldest first."""
    with opened(place) as store:
        return list(reversed(store.scans("clinic")))


def test_it_scans_at_its_times_takes_new_configurations_and_stops(clinic: ClinicSite, place: Workplace) -> None:
    path = place.write("tagdrift.yaml", config(clinic, {"full": "1h"}))
    with running(place) as daemon:
        assert daemon.until("running: clinic full at").startswith(f"{datetime.now(UTC):%Y-}")
        daemon.until("clinic: full scan 1 is complete", "2 of 2 pages seen whole")

        path.write_text(config(clinic, {"full": "every now and then"}, max_page=3), encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until("refused", "`max_page`")
        daemon.until("refused", "`every now and then` is no crontab expression")
        daemon.until("the old configuration stays in force")

        clinic.reinstall_pinterest()
        path.write_text(config(clinic, {"full": "1h", "light": "1s"}), encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until("new configuration in force: clinic full at", "clinic light at")
        daemon.until("light scan 2 is complete", "finding")
        lines = daemon.ends(signal.SIGTERM)
    assert lines[-1].endswith(" stopped")
    first, second, *_ = scans(place)
    assert (first.kind, second.kind) == (ScanKind.FULL, ScanKind.LIGHT)
    assert "a light scan of" in (second.note or "")
    with opened(place) as store:
        incidents = store.incidents("clinic", open_only=True)
        assert newest_scan(store, "clinic") == first
        assert older_side(store, replace(second, id=99)) == (first, None)
    assert any(one.finding.tag and one.finding.tag.vendor == "pinterest" for one in incidents)
    code, out, _ = here(place, "history", "clinic")
    assert (code, "light" in out) == (0, True)


def test_a_scan_that_was_parked_goes_on_at_the_next_start_and_a_second_signal_ends_at_once(
    clinic: ClinicSite, place: Workplace
) -> None:
    place.write("tagdrift.yaml", config(clinic, {"full": "1h"}, requests_per_second=0.05))
    with running(place) as daemon:
        daemon.until("clinic: full scan is due")
        while f"GET {clinic.start_url}" not in clinic.requests:
            assert daemon.process.poll() is None
        lines = daemon.ends(signal.SIGTERM)
    assert any("stopped after" in line for line in lines)
    with running(place) as daemon:
        daemon.until("clinic: going on with scan 1")
        daemon.ends(signal.SIGTERM, signal.SIGINT, code=4, within_s=8)


def test_two_on_one_store_never_scan_a_site_at_the_same_time(clinic: ClinicSite, place: Workplace) -> None:
    place.write("tagdrift.yaml", config(clinic, {"full": "1h"}, requests_per_second=0.05))
    place.write("other.yaml", config(clinic, {"full": "1s"}, schedule_file="other-schedule.db"))
    with running(place) as one:
        one.until("clinic: full scan is due")
        while f"GET {clinic.start_url}" not in clinic.requests:
            assert one.process.poll() is None
        code, _, err = here(place, "run")
        assert (code, "another `tagdrift run` uses the schedule file" in err) == (4, True)
        with running(place, "--config", "other.yaml", alone=False) as other:
            other.until("clinic: left out, clinic is being scanned by")
            other.until("clinic: left out, clinic is being scanned by")
            other.ends(signal.SIGTERM)
        assert len(scans(place)) == 1
        one.ends(signal.SIGTERM)


def test_times_that_were_missed_are_caught_up_once(clinic: ClinicSite, place: Workplace) -> None:
    path = place.write("tagdrift.yaml", config(clinic, {"full": "1h"}))
    now = datetime.now(UTC)
    (alarm,) = alarms(load_config(path).sites, {}, now)

    async def prepare() -> None:
        async def nobody(_name: str) -> None:
            raise AssertionError

        timetable = Timetable(place.folder / "tagdrift-schedule.db", nobody, print)
        timetable.start()
        timetable.set([replace(alarm, first=now - timedelta(hours=3, minutes=30))])
        timetable.close()

    asyncio.run(prepare())
    with running(place) as daemon:
        daemon.until("clinic: full scan 1 is complete")
        lines = daemon.ends(signal.SIGTERM)
    assert sum("clinic: full scan is due" in line for line in lines) == 1
    assert len(scans(place)) == 1


def test_once_scans_every_site_and_leaves_with_the_worst_result(clinic: ClinicSite, place: Workplace) -> None:
    clinic.reinstall_pinterest()
    document = json.loads(config(clinic, None)) | {"policy": {"preset": "healthcare"}, "scans_at_once": 2}
    document["sites"].append({**document["sites"][0], "name": "nowhere", "start": ["https://nowhere.invalid/"]})
    document["sites"][1]["resolve"] = ["* 127.0.0.1:1"]
    place.write("tagdrift.yaml", json.dumps(document))
    code, _, err = here(place, "run")
    assert (code, "has a schedule" in err) == (2, True)
    ran = place.run("run", "--once").exits(1)
    assert ran.stdout == ""
    assert "clinic: full scan" in ran.stderr
    assert "nowhere: full scan" in ran.stderr
    assert place.left_behind() == []
