"""The `schedule` section of a site: when `tagdrift run` scans it."""

from __future__ import annotations

import re
from typing import Any

from scanner.clockwork.triggers import cron_trouble
from scanner.config_site import Context, Section, duration_ms, known_zone
from scanner.model import SiteSchedule, When

SHORTEST_INTERVAL_S = 1
_DURATION = re.compile(r"[\d.]+\s*(?:ms|[smhd])")


def read_schedule(group: Section, context: Context) -> SiteSchedule:
    """Return when the site is scanned; what cannot be read is left out (its problem is in the context)."""
    values: dict[str, Any] = {}
    for key in ("full", "light"):
        if key in group:
            values[key] = _when(group, key, context)
    if "timezone" in group:
        values["timezone"] = group.get("timezone")
        context.attempt(group.path("timezone"), lambda: known_zone(values["timezone"]))
    for key in ("jitter", "grace"):
        if key in group:
            values[f"{key}_s"] = duration_ms(group.get(key)) // 1_000
    if values.get("light") and "full" not in group:
        context.problem(group.path("light"), "`light` scans go by the last full scan: give `full` a time, too")
    return SiteSchedule(**values)


def _when(group: Section, key: str, context: Context) -> When | None:
    text = " ".join(group.get(key).split())
    if _DURATION.fullmatch(text):
        every_s = duration_ms(text) // 1_000
        if every_s < SHORTEST_INTERVAL_S:
            context.problem(group.path(key), f"`{key}` must be at least {SHORTEST_INTERVAL_S}s")
            return None
        return When(text, every_s)
    if (trouble := cron_trouble(text)) is not None:
        context.problem(group.path(key), f"{trouble}; write one such as `30 2 * * *`, or an interval such as `6h`")
        return None
    return When(text)
