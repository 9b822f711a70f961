"""How a running scan shows itself: a live bar on a terminal, plain lines otherwise. Always on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bar,
)
from rich.text import Text

from reports import words
from reports.escape import one_line
from scanner.cli.options import Terminal
from scanner.model import Outcome
from scanner.service.scan import Observer, Progress

PLAIN_EVERY = 25
"""Pages between two plain lines."""


class _PagesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} pages/s" if speed else "", style="dim")


class LiveView:
    """A bar with pages done and planned, pages per second, time left, and the tags found so far."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _PagesPerSecond(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("[dim]{task.fields[tags]}"),
            console=console,
        )
        self._task = self._bar.add_task("scanning", total=None, tags="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, news: Progress) -> None:
        if news.note:
            self._console.print(Text(one_line(news.note), style="dim"))
        if news.outcome is not None and news.outcome is not Outcome.OK:
            self._console.print(Text(_trouble(news), style="yellow"))
        if news.planned:
            found = words.count(len(news.tags), "tag") if news.tags else "no tags so far"
            self._bar.update(self._task, completed=news.done, total=news.planned, tags=found)


class PlainView:
    """One line for trouble, one every so many pages, and one at the end: what a log file wants."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._count = ""
        """Where the scan stands, if that was not said yet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._count:
            self._line(self._count)

    def show(self, news: Progress) -> None:
        if news.note:
            self._line(news.note)
        if news.outcome is not None and news.outcome is not Outcome.OK:
            self._line(_trouble(news))
        if news.page is not None:
            pages = "page" if news.planned == 1 else "pages"
            self._count = f"{news.done} of {news.planned} {pages}, {words.count(len(news.tags), 'tag')}"
            if news.done % PLAIN_EVERY == 0 or news.done == 1:
                self._line(self._count)
                self._count = ""

    def _line(self, text: str) -> None:
        self._console.print(Text(one_line(text)), soft_wrap=True)


def _trouble(news: Progress) -> str:
    detail = f": {news.detail}" if news.detail else ""
    return one_line(f"{news.outcome} {news.page}{detail}")


@contextmanager
def watching(*, quiet: bool) -> Iterator[Observer]:
    """Yield the observer that suits standard error."""
    if quiet:
        yield lambda _news: None
        return
    console = Terminal(stderr=True, highlight=False)
    with LiveView(console) if console.is_terminal else PlainView(console) as view:
        yield view.show
