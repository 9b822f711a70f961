"""What a scan writes into a log while it runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from scanner.cli.progress import PLAIN_EVERY, PlainView
from scanner.model import Outcome
from scanner.service.scan import Progress


@pytest.mark.parametrize(
    ("pages", "counts"),
    [
        (0, []),
        (1, [1]),
        (3, [1, 3]),
        (PLAIN_EVERY, [1, PLAIN_EVERY]),
        (PLAIN_EVERY + 1, [1, PLAIN_EVERY, PLAIN_EVERY + 1]),
    ],
)
def test_the_first_page_some_between_and_the_last_are_counted(pages: int, counts: list[int]) -> None:
    out = io.StringIO()
    with PlainView(Console(file=out, width=80)) as view:
        for done in range(1, pages + 1):
            view.show(Progress(planned=pages, done=done, ok=done, tags=(), page=f"/{done}", outcome=Outcome.OK))
        view.show(Progress(planned=pages, done=pages, ok=pages, tags=(), note="looking twice"))
    said = out.getvalue().splitlines()
    unit = "page" if pages == 1 else "pages"
    assert [line for line in said if " of " in line] == [f"{n} of {pages} {unit}, 0 tags" for n in counts]
