"""The limits of a crawl: pages, pages of one template, query combinations of one path. Pure bookkeeping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scanner.crawl.templates import TemplateLearner
from scanner.crawl.traps import CALENDAR_PAGES, Quota, is_calendar
from scanner.model import SiteConfig


@dataclass(frozen=True, slots=True)
class Place:
    """Under which keys a page counts."""

    template: str
    path: str | None
    """None when the address has no query."""


class Limits:
    """Who may be planned. `expected` pages (those of the last scan) have their places reserved."""

    def __init__(self, site: SiteConfig, learner: TemplateLearner, expected: Iterable[str]) -> None:
        self._site = site
        self._learner = learner
        self._expected = frozenset(expected)
        in_order = sorted(self._expected)
        for page in in_order:
            learner.observe(page)
        places = [self.place(page) for page in in_order]
        self._pages = Quota(site.max_pages, [""] * len(places))
        self._templates = Quota(site.max_pages_per_template, [place.template for place in places])
        self._variants = Quota(site.max_query_variants, [place.path for place in places if place.path])
        self._admitted: dict[str, Place] = {}

    def __len__(self) -> int:
        """How many pages hold a place."""
        return len(self._admitted)

    def place(self, page: str) -> Place:
        address, _, query = page.partition("#")[0].partition("?")
        return Place(self._learner.template(page), address if query else None)

    def objection(self, page: str, place: Place, source: str) -> tuple[str, str | None] | None:
        """Return (reason, detail) of the limit that keeps `page` out; None if there is room.

        Start pages are under no limit, URL lists only under that of pages: a person named them one by one.
        """
        if source == "start":
            return None
        expected = page in self._expected
        if not self._pages.has_room(expected=expected):
            return "page-limit", f"max_pages: {self._site.max_pages}"
        if source == "list":
            return None
        most = CALENDAR_PAGES if source != "sitemap" and is_calendar(page) else None
        if not self._templates.has_room(place.template, expected=expected, limit=most):
            return "template-limit", None
        if place.path and not self._variants.has_room(place.path, expected=expected):
            return "template-limit", f"max_query_variants: {self._site.max_query_variants} for one path"
        return None

    def admit(self, page: str, place: Place) -> None:
        expected = page in self._expected
        self._pages.take(expected=expected)
        self._templates.take(place.template, expected=expected)
        if place.path:
            self._variants.take(place.path, expected=expected)
        self._admitted[page] = place

    def withdraw(self, page: str) -> None:
        """Give back the place of a page that turned out to be none, or the same as another."""
        if (place := self._admitted.pop(page, None)) is not None:
            self._pages.give_back()
            self._templates.give_back(place.template)
            if place.path:
                self._variants.give_back(place.path)

    def rename(self, old: str, new: str) -> None:
        """Let `new` have the place of `old`; its own, if it has one, is given back."""
        self.withdraw(new)
        if (place := self._admitted.pop(old, None)) is not None:
            self._admitted[new] = place

    def release(self) -> None:
        """Stop waiting for expected pages that did not turn up."""
        for quota in (self._pages, self._templates, self._variants):
            quota.release()
