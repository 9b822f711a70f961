"""Rings at the times of a set of alarms, and remembers the next ones in a file.

The file is one of its own and not part of the store: APScheduler keeps its jobs pickled, and whoever can write what is
unpickled here runs code as this process; two schedulers must never share one; and its writes never wait for a scan's.
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent, JobExecutionEvent
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from scanner.clockwork.alarm import Alarm
from scanner.clockwork.triggers import trigger_of
from scanner.errors import CannotRun

Ring = Callable[[str], Awaitable[None]]
"""Called in the event loop with an alarm's name."""

_bell: dict[str, Ring] = {}
"""What the jobs in the file, which name `ring` by its path, lead to in this process."""


async def ring(file: str, name: str) -> None:
    """What every job in the file calls."""
    if file in _bell:
        await _bell[file](name)


class _Complaints(logging.Handler):
    """APScheduler's own words about trouble with its file."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f"schedule: {record.getMessage()}")


class Timetable:
    """Alarms that survive the process. One timetable a file, one process a timetable."""

    def __init__(self, file: Path, ring: Ring, say: Callable[[str], None]) -> None:
        """`say` is told of times that were missed, and of trouble."""
        self._file = file.absolute()
        self._ring = ring
        self._say = say
        self._lock: TextIO | None = None
        self._scheduler: AsyncIOScheduler | None = None
        self._complaints = _Complaints(say)

    def start(self) -> None:
        """Open the file; nothing rings before `go`. Call it in the event loop.

        Raises:
            CannotRun: another process uses the file, or it cannot be used.
        """
        self._lock = _locked(self._file)
        _bell[str(self._file)] = self._ring
        logger = logging.getLogger("apscheduler")
        logger.propagate = False
        logger.addHandler(self._complaints)
        store = SQLAlchemyJobStore(f"sqlite:///{self._file}")
        scheduler = AsyncIOScheduler(jobstores={"default": store}, timezone=UTC)
        scheduler.add_listener(self._heard, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        try:
            scheduler.start(paused=True)
        except Exception as error:  # SQLAlchemy's, whatever is wrong with the file
            self._let_go()
            raise CannotRun(
                f"the schedule file {self._file} cannot be used: {type(error).__name__}",
                hint="remove it: the times start anew",
            ) from error
        self._scheduler = scheduler

    def set(self, alarms: Iterable[Alarm]) -> None:
        """Make these the alarms. One whose terms are as before keeps its next time, also if that is past by now."""
        assert self._scheduler is not None
        wanted = {alarm.name: alarm for alarm in alarms}
        known = {job.id: job for job in self._scheduler.get_jobs()}
        for name in known.keys() - wanted.keys():
            self._scheduler.remove_job(name)
        for name, alarm in wanted.items():
            if name in known and known[name].name == alarm.terms:
                continue
            first: dict[str, Any] = {"next_run_time": alarm.first} if alarm.first else {}
            self._scheduler.add_job(
                f"{__name__}:{ring.__name__}",
                trigger_of(alarm),
                args=[str(self._file), name],
                id=name,
                name=alarm.terms,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=max(1, alarm.grace_s),
                replace_existing=True,
                **first,
            )

    def go(self) -> None:
        """Begin to ring; what was missed rings now."""
        assert self._scheduler is not None
        self._scheduler.resume()

    def pause(self) -> None:
        """Ring no more. What is ringing goes on."""
        if self._scheduler is not None:
            self._scheduler.pause()

    def next_times(self) -> Mapping[str, datetime]:
        """Return when each alarm rings next, in its own time zone."""
        assert self._scheduler is not None
        due = [job for job in self._scheduler.get_jobs() if job.next_run_time is not None]
        return {job.id: job.next_run_time.astimezone(job.trigger.timezone) for job in due}

    def close(self) -> None:
        """Let the file go. Whoever was rung for must have finished."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
        self._let_go()

    def _let_go(self) -> None:
        _bell.pop(str(self._file), None)
        logging.getLogger("apscheduler").removeHandler(self._complaints)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _heard(self, event: JobEvent) -> None:
        if event.code == EVENT_JOB_MISSED and isinstance(event, JobExecutionEvent):
            self._say(
                f"{event.job_id}: missed {event.scheduled_run_time:%Y-%m-%d %H:%M:%S %Z}, too long ago to catch up"
            )
        elif event.code == EVENT_JOB_MAX_INSTANCES:
            self._say(f"{event.job_id}: the one before is not over, so this time is left out")


def _locked(file: Path) -> TextIO:
    """Open `file`'s lock file and hold it; a process that dies lets it go. Raises `CannotRun`."""
    beside = file.with_name(file.name + ".lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held = beside.open("a", encoding="utf-8")
    except OSError as error:
        raise CannotRun(
            f"the schedule file {file} cannot be written: {error.strerror}", hint="name another with `schedule_file`"
        ) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise CannotRun(
            f"another `tagdrift run` uses the schedule file {file}",
            hint="stop it first, or give this one a `schedule_file` of its own",
        ) from error
    return held
