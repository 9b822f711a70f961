"""The books of a crawl: what was visited and how it ended, what was left out and why. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, KeysView

from scanner.model import Coverage, Outcome, SkippedPage

SHOWN_PER_REASON = 1_000
"""Addresses kept per reason in a scan's record; the counts are always exact."""


class Ledger:
    """Every address of the site that is known stands in exactly one place: visited, skipped, or still planned."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcome] = {}
        self._gone: set[str] = set()
        self._skipped: dict[str, SkippedPage] = {}

    def __len__(self) -> int:
        """How many addresses are skipped."""
        return len(self._skipped)

    @property
    def visit_count(self) -> int:
        return len(self._outcomes)

    def visited_pages(self) -> KeysView[str]:
        return self._outcomes.keys()

    def visited(self, page: str) -> Outcome | None:
        """Return how the visit of `page` ended; None if there was none."""
        return self._outcomes.get(page)

    def visit(self, page: str, outcome: Outcome, *, gone: bool = False) -> None:
        """Enter a visit. It counts for more than an earlier reason to leave the page out.

        `gone`: the server says that there is no such page. That is an answer, not a failure: the dead link is
        counted apart, and does not lower the coverage.
        """
        self._outcomes[page] = outcome
        (self._gone.add if gone else self._gone.discard)(page)
        self._skipped.pop(page, None)

    def skipped(self, page: str) -> SkippedPage | None:
        return self._skipped.get(page)

    def skip(self, page: str, reason: str, detail: str | None = None) -> None:
        if page not in self._outcomes:
            self._skipped[page] = SkippedPage(page, reason, detail)

    def reconsider(self, page: str) -> None:
        """Forget why `page` was left out: a better reason to visit it has come."""
        self._skipped.pop(page, None)

    def coverage(
        self, unvisited: int, deferred: Iterable[SkippedPage], limited_templates: Iterable[tuple[str, int]]
    ) -> Coverage:
        ends = Counter(outcome for page, outcome in self._outcomes.items() if page not in self._gone)
        reasons = Counter(skipped.reason for skipped in (*self._skipped.values(), *deferred))
        reasons.update({"gone": len(self._gone)} if self._gone else {})
        return Coverage(
            planned=ends.total() + unvisited,
            ok=ends[Outcome.OK],
            partial=ends[Outcome.PARTIAL],
            failed=ends[Outcome.FAILED],
            blocked=ends[Outcome.BLOCKED],
            excluded=tuple(sorted(reasons.items())),
            limited_templates=tuple(sorted(limited_templates)),
            unvisited=unvisited,
        )

    def listing(self, more: Iterable[SkippedPage]) -> tuple[SkippedPage, ...]:
        """Return what was left out, sorted by reason and address, at most 1,000 for each reason."""
        seen: Counter[str] = Counter()
        result: list[SkippedPage] = []
        for skipped in sorted((*self._skipped.values(), *more), key=lambda page: (page.reason, page.url)):
            seen[skipped.reason] += 1
            if seen[skipped.reason] <= SHOWN_PER_REASON:
                result.append(skipped)
        return tuple(result)
