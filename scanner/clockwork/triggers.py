"""From cron text and intervals to APScheduler's triggers."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from scanner.clockwork.alarm import Alarm
from scanner.model import When

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
"""As crontab counts them; 7 is Sunday, too."""


def cron_trouble(text: str) -> str | None:
    """Say why `text` is no crontab expression of five fields; None if it is one."""
    try:
        _cron(text, ZoneInfo("UTC"), 0)
    except ValueError as error:
        return f"`{text}` is no crontab expression: {error}"
    return None


def trigger_of(alarm: Alarm) -> BaseTrigger:
    zone = ZoneInfo(alarm.timezone)
    if alarm.when.every_s is not None:
        # The first ring is one interval from now, or `alarm.first`; the jitter is added to each.
        return IntervalTrigger(seconds=alarm.when.every_s, timezone=zone, jitter=alarm.jitter_s or None)
    return _cron(alarm.when.text, zone, alarm.jitter_s)


def next_times(when: When, timezone: str, after: datetime, count: int) -> tuple[datetime, ...]:
    """Return the next `count` times of a cron expression from `after` on, without jitter."""
    trigger = _cron(when.text, ZoneInfo(timezone), 0)
    times: list[datetime] = []
    previous = None
    while len(times) < count and (found := trigger.get_next_fire_time(previous, after)) is not None:
        times.append(found)
        previous = after = found
    return tuple(times)


def _cron(text: str, zone: ZoneInfo, jitter_s: int) -> CronTrigger:
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"it has {len(fields)} fields, not minute, hour, day, month and weekday")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        # cron takes either, APScheduler both: nobody would be sure what was meant.
        raise ValueError("name a day of the month or a weekday, not both")
    trigger = CronTrigger(
        minute=minute,
        hour=hour,
        day=day,
        month=month.lower(),
        day_of_week=_weekdays(weekday),
        timezone=zone,
        jitter=jitter_s or None,
    )
    if trigger.get_next_fire_time(None, datetime(2000, 1, 1, tzinfo=zone)) is None:
        raise ValueError("there is no such day")
    return trigger


def _weekdays(field: str) -> str:
    """Spell crontab's weekdays out: APScheduler counts from Monday and knows no range across the end of the week."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.lower().split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = 0, 6
        else:
            begin = _weekday(first)
            end = _weekday(last) if dash else (6 if slash else begin)
            end += 7 if end < begin else 0
        if slash and not (step.isascii() and step.isdigit() and int(step)):
            raise ValueError(f"`{part}` is no weekday")
        days.update(day % 7 for day in range(begin, end + 1, int(step) if slash else 1))
    return ",".join(_WEEKDAYS[day] for day in sorted(days))


def _weekday(text: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if text.isascii() and text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"`{text}` is no weekday")
