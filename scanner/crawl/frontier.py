"""Hands out the pages of one site as they become known, each once. No I/O, no clock; equal input, equal order."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urldefrag, urljoin, urlsplit

from scanner.crawl.landing import landing_url, links_to_follow
from scanner.crawl.ledger import Ledger
from scanner.crawl.limits import Limits
from scanner.crawl.origins import Origins
from scanner.crawl.scope import OFF_SITE, Exclusion, SiteScope
from scanner.crawl.templates import TemplateLearner
from scanner.crawl.traps import trap
from scanner.model import GONE_STATUSES, Coverage, Outcome, PageCapture, SiteConfig, SkippedPage, StopReason, VisitTask

Refusal = Callable[[str, bool], str | None]
"""(address, is it a start page?) → why robots.txt forbids it, or None. See `scanner.crawl.robots`."""

_MOST_KNOWN = 1_000_000
_LINKS = frozenset({"link", "source-link"})
_START_RANK, _FIRST_OF_TEMPLATE, _REST = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Deferred:
    task: VisitTask
    reason: str
    detail: str | None


class Frontier:
    """The pages of one site that are known and not yet visited.

    Order: start pages, then one page of each template, then the rest; each by distance from the
    start, then in the order they became known. There are no rounds: `next` gives a page whenever one is known.

    Pages that redirect to one another are visited once, under the final address. `expected` names the pages of
    the last scan: limits keep room for them, so that two scans of an unchanged site see the same pages, in
    whatever order visits end.
    """

    def __init__(
        self, site: SiteConfig, *, refusal: Refusal = lambda _page, _is_start: None, expected: Iterable[str] = ()
    ) -> None:
        self._site = site
        self._refusal = refusal
        self._origins = Origins(site)
        self._scope = SiteScope(site)
        self._learner = TemplateLearner()
        self._ledger = Ledger()
        self._start = frozenset(filter(None, map(self._origins.page, site.start)))
        self._limits = Limits(site, self._learner, filter(None, map(self._origins.page, expected)))
        self._templates_begun: set[str] = set()
        self._queued: set[str] = set()
        self._heap: list[tuple[int, int, int, VisitTask]] = []
        self._sequence = 0
        self._in_flight: dict[str, VisitTask] = {}
        self._deferred: dict[str, _Deferred] = {}
        self._stop_reason: str | None = None

    # ------------------------------------------------------------------ addresses come in

    def add_start(self) -> int:
        """Plan the site's start pages. They are visited whatever patterns say; only robots.txt can forbid them."""
        return self.add(self._site.start, "start")

    def add(self, urls: Iterable[str], source: str, depth: int = 0) -> int:
        """Plan pages and return how many are new and wanted; the others are entered with the reason.

        `source` is one of `VisitTask.source`, `depth` the number of links from a start page. Anything may
        come in: what is no address, and links to other sites, are passed over. Templates are learned
        from the whole batch before its order is decided.
        """
        return self._add(((url, source) for url in urls), depth)

    def _add(self, named: Iterable[tuple[str, str]], depth: int) -> int:
        fresh: list[VisitTask] = []
        for url, source in named:
            page = self._origins.page(url)
            if not page or self._is_settled(page) or self._size() >= _MOST_KNOWN:
                continue
            exclusion = self._exclusion(page, source, depth)
            if exclusion is None:
                self._ledger.reconsider(page)
                self._learner.observe(page)
                self._queued.add(page)
                address = self._as_given(url) if source == "start" else page
                fresh.append(VisitTask(page, address, self._site.profile, self._site.limits, 1, depth, source))
            elif exclusion.reason != OFF_SITE or source == "list":
                self._ledger.skip(page, exclusion.reason, exclusion.detail)
        return sum(map(self._plan, fresh))

    def _as_given(self, url: str) -> str:
        """A start page is visited as written (its parameters may be wanted), but for fragment and credentials."""
        address = (url if self._site.hash_routes else urldefrag(url).url).strip()
        where = urlsplit(address).netloc
        return address.replace(where, where.rpartition("@")[2], 1)

    def _size(self) -> int:
        return len(self._limits) + len(self._deferred) + len(self._ledger)

    def _is_settled(self, page: str) -> bool:
        """Known, and nothing new can be said about it."""
        if page in self._queued or page in self._in_flight or page in self._deferred:
            return True
        if self._ledger.visited(page) is not None:
            return True
        skipped = self._ledger.skipped(page)
        return skipped is not None and skipped.reason not in ("depth", "trap")

    def _exclusion(self, page: str, source: str, depth: int) -> Exclusion | None:
        if source != "start":
            if (exclusion := self._scope.exclusion(page)) is not None:
                return exclusion
            if source in _LINKS:
                if depth > self._site.max_depth:
                    return Exclusion("depth", f"more than {self._site.max_depth} links from the start")
                if (why := trap(page)) is not None:
                    return Exclusion("trap", why)
        if (refusal := self._refusal(page, source == "start")) is not None:
            return Exclusion("robots", refusal)
        return None

    def _plan(self, task: VisitTask) -> bool:
        """Queue the task, or put it aside if a limit says so."""
        place = self._limits.place(task.page)
        if (objection := self._limits.objection(task.page, place, task.source)) is not None:
            self._queued.discard(task.page)
            self._deferred[task.page] = _Deferred(task, *objection)
            return False
        self._limits.admit(task.page, place)
        self._queued.add(task.page)
        rank = _REST if place.template in self._templates_begun else _FIRST_OF_TEMPLATE
        self._templates_begun.add(place.template)
        self._sequence += 1
        rank = _START_RANK if task.source == "start" else rank
        if rank != _REST:
            task = replace(task, screenshot=True)  # a picture of each kind of page is evidence enough
        heapq.heappush(self._heap, (rank, task.depth, self._sequence, task))
        return True

    def _refill(self) -> None:
        """When all else is done, nothing more can be expected: what was put aside takes the room that is left."""
        if self._queued or self._in_flight or not self._deferred or self._stop_reason:
            return
        self._limits.release()
        waiting, self._deferred = self._deferred, {}
        for deferred in waiting.values():
            self._plan(deferred.task)

    # ------------------------------------------------------------------ visits go out and come back

    def next(self) -> VisitTask | None:
        """Return the page to visit now; None if none is known at the moment (see `finished`) or after `stop`."""
        if self._stop_reason:
            return None
        self._refill()
        while self._heap:
            *_, task = heapq.heappop(self._heap)
            if task.page not in self._queued:
                continue
            self._queued.discard(task.page)
            page = self._origins.page(task.page)
            if page != task.page:  # queued before the site's preferred origin was learned
                if self._is_settled(page) or self._ledger.skipped(page):
                    self._limits.withdraw(task.page)
                    continue
                self._limits.rename(task.page, page)
                task = replace(task, page=page, url=page if task.source != "start" else task.url)
            self._in_flight[page] = task
            return task
        return None

    def done(self, task: VisitTask, capture: PageCapture) -> str | None:
        """Enter a finished visit and plan what it names. Return the page to save the capture under.

        That is the final address if the server redirected. None: not a page of its own, do not save it (it
        redirects to a page that was visited, or off the site, or is no HTML). Where two visits show the same
        page, the one that saw it whole counts, and its capture replaces the other.
        """
        self._in_flight.pop(task.page, None)
        page = self._settle(task, capture)
        self._follow(capture, task.depth + 1)
        return page

    def origins(self, capture: PageCapture) -> tuple[str, ...]:
        """Return `scheme://host[:port]` of the pages in scope that `capture` names: whose robots.txt must be known."""
        pages = filter(None, (self._origins.page(link.url) for link in links_to_follow(capture)))
        found = {urljoin(page, "/")[:-1] for page in pages if self._scope.misplaced(page) is None}
        return tuple(sorted(found))

    def restore(self, capture: PageCapture, depth: int = 1) -> None:
        """Enter a visit that an earlier process saved, when a scan is resumed; before or after `add`."""
        page = capture.page
        if self._ledger.visited(page) is None:
            self._learner.observe(page)
            self._drop(page)
            place = self._limits.place(page)
            self._limits.admit(page, place)
            self._templates_begun.add(place.template)
            self._ledger.visit(page, capture.outcome, gone=_is_gone(page, capture, self._start))
        self._follow(capture, depth)

    def stop(self, reason: str) -> None:
        """Hand out nothing more. `reason` is `stopped` or `duration`; what is queued counts as never reached."""
        self._stop_reason = self._stop_reason or reason

    def _follow(self, capture: PageCapture, depth: int) -> None:
        if self._site.follow_links:
            links = links_to_follow(capture)
            self._add(((link.url, link.source if link.source in _LINKS else "link") for link in links), depth)

    def _settle(self, task: VisitTask, capture: PageCapture) -> str | None:
        landed = landing_url(capture)
        if task.source == "start" and landed != capture.url:
            self._origins.learn(task.page, landed)
        page = self._origins.page(landed if landed != capture.url else task.page) or task.page
        if task.source == "start" and self._scope.misplaced(page) is not None:
            page = task.page  # a start page that leads elsewhere stays a result: somebody asked for it
        if (no_page := self._no_page(task, capture, page)) is not None:
            self._drop(task.page)
            self._ledger.skip(task.page, no_page.reason, no_page.detail)
            return None
        if page != task.page:
            self._ledger.skip(task.page, "redirect", page)
        earlier = self._ledger.visited(page)
        if earlier is None and page != task.page:
            self._drop(page)
            self._limits.rename(task.page, page)
        elif earlier is not None:
            if page != task.page:
                self._limits.withdraw(task.page)
            if earlier is Outcome.OK or capture.outcome is not Outcome.OK:
                return None
        self._ledger.visit(page, capture.outcome, gone=_is_gone(page, capture, self._start))
        return page

    def _drop(self, page: str) -> None:
        self._queued.discard(page)
        self._deferred.pop(page, None)
        self._limits.withdraw(page)

    def _no_page(self, task: VisitTask, capture: PageCapture, page: str) -> Exclusion | None:
        """Return why the visit shows no page of the site; a start page always counts."""
        if task.source == "start":
            return None
        if capture.stop_reason in (StopReason.NOT_HTML, StopReason.DOWNLOAD):
            return Exclusion("not-html", capture.detail)
        if (misplaced := self._scope.misplaced(page)) is not None:
            return Exclusion(misplaced.reason, page)
        if capture.stop_reason is StopReason.OFF_SITE and capture.source_sha256 is None:
            return Exclusion(OFF_SITE, ", ".join(capture.off_site) or capture.final_url)
        return None

    # ------------------------------------------------------------------ the books

    @property
    def finished(self) -> bool:
        """True when nothing is being visited and nothing is left to visit."""
        self._refill()
        return not self._in_flight and (not self._queued or self._stop_reason is not None)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def planned(self) -> int:
        """Pages visited, being visited and to be visited, as far as known now."""
        return self._ledger.visit_count + self._unvisited

    @property
    def _unvisited(self) -> int:
        return len(self._queued) + len(self._in_flight.keys() - self._ledger.visited_pages())

    def coverage(self) -> Coverage:
        """Return the coverage so far; pages queued or in flight are `unvisited`."""
        limited = Counter(
            self._shown(self._learner.template(page))
            for page, deferred in self._deferred.items()
            if deferred.reason == "template-limit"
        )
        return self._ledger.coverage(self._unvisited, self._put_aside(), limited.items())

    def skipped(self) -> tuple[SkippedPage, ...]:
        """Return what was not visited and why, sorted; at most 1,000 addresses for each reason.

        After `stop` with the planned pages that were not reached, which `coverage` counts as `unvisited`.
        """
        left = (*self._queued, *self._in_flight) if self._stop_reason else ()
        return self._ledger.listing(
            (*self._put_aside(), *(SkippedPage(page, self._stop_reason or "") for page in left))
        )

    def _put_aside(self) -> list[SkippedPage]:
        return [SkippedPage(page, deferred.reason, deferred.detail) for page, deferred in self._deferred.items()]

    def _shown(self, template: str) -> str:
        """Leave the host out where it is the start page's own."""
        return template.removeprefix(urlsplit(self._origins.page(self._site.start[0])).netloc)


def _is_gone(page: str, capture: PageCapture, start: frozenset[str]) -> bool:
    """Say whether the server answered that there is no such page; a start page that is missing is a failure."""
    return capture.outcome is Outcome.FAILED and capture.status in GONE_STATUSES and page not in start
