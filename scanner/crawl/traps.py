"""Endless sites: what looks like a trap at once, and quotas that bound what does not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from urllib.parse import urlsplit

from scanner.canonical import page_template

MOST_CHARACTERS = 2_048
MOST_SEGMENTS = 16
MOST_PARAMETERS = 12
CALENDAR_PAGES = 60
"""Day, month and year views of one calendar: five years of months."""
_CALENDAR_ENDS = ("{date}", "{day}", "{month}", "{year}")


def trap(page: str) -> str | None:
    """Say in words why the canonical address is one of endlessly many; None if it does not look so.

    Only for addresses found as links: what a person or a sitemap names is no trap.
    """
    if len(page) > MOST_CHARACTERS:
        return f"longer than {MOST_CHARACTERS} characters"
    parts = urlsplit(page)
    segments = [segment for segment in parts.path.split("/") if segment]
    if len(segments) > MOST_SEGMENTS:
        return f"more than {MOST_SEGMENTS} path segments"
    if parts.query.count("&") >= MOST_PARAMETERS:
        return f"more than {MOST_PARAMETERS} query parameters"
    if repeats(segments):
        return "path segments repeat"
    return None


def repeats(segments: list[str]) -> bool:
    """Say whether a path runs in circles: `a/b/a/b`, or one segment three times in a row.

    That is what a relative link that misses its leading slash produces, one level deeper at each visit.
    """
    count = len(segments)
    for size in range(1, count // 2 + 1):
        times = 3 if size == 1 else 2
        for begin in range(count - size * times + 1):
            block = segments[begin : begin + size]
            if all(segments[begin + size * n : begin + size * (n + 1)] == block for n in range(1, times)):
                return True
    return False


def is_calendar(page: str) -> bool:
    """Say whether the address is a view of a calendar: its path ends in a date and nothing follows."""
    path = page_template(page).partition("#")[0].partition("?")[0].rstrip("/")
    return path.rpartition("/")[2] in _CALENDAR_ENDS


class Quota:
    """Counts what was taken per key against a limit, and keeps room for what is expected to come.

    The pages of the last scan have their places reserved. Otherwise the order in which visits
    happen to end would decide which pages of a limited template are seen, and every scan would bring other ones.
    """

    def __init__(self, limit: int, expected: Iterable[Hashable] = ()) -> None:
        self._limit = limit
        self._taken: Counter[Hashable] = Counter()
        self._reserved: Counter[Hashable] = Counter(expected)

    def has_room(self, key: Hashable = "", *, expected: bool = False, limit: int | None = None) -> bool:
        """Say whether one more may be taken; `limit` lowers the quota's own, `expected` uses a reserved place."""
        allowed = self._limit if limit is None else min(limit, self._limit)
        return self._taken[key] + (0 if expected else self._reserved[key]) < allowed

    def take(self, key: Hashable = "", *, expected: bool = False) -> None:
        self._taken[key] += 1
        if expected and self._reserved[key]:
            self._reserved[key] -= 1

    def give_back(self, key: Hashable = "") -> None:
        self._taken[key] -= 1

    def release(self) -> None:
        """Stop waiting for what was expected."""
        self._reserved.clear()
