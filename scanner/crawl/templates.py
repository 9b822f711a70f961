"""Learns from the addresses themselves which parts vary, so that a thousand doctors are one kind of page."""

from __future__ import annotations

from urllib.parse import urlsplit

from scanner.canonical import page_template

VARIES = "{…}"
_SIBLINGS = 20
"""This many different names in one place are content, not structure."""
_MOST_PLACES = 200_000


class TemplateLearner:
    """Page templates of one site: `page_template`, refined by what was seen so far.

    A segment below the first level that takes more than 20 different names becomes `{…}`: `/doctors/smith` cannot
    be told from `/doctors/contact` alone, but among a hundred siblings it can. First segments stay as they
    are: they are a site's sections, and each deserves its own look. The same addresses in the same order
    always give the same templates.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], set[str]] = {}
        self._varying: set[tuple[str, ...]] = set()

    def observe(self, page: str) -> None:
        """Remember the address; call it for a whole batch before asking for the batch's templates."""
        place: tuple[str, ...] = (urlsplit(page).netloc,)
        for level, segment in enumerate(_segments(page)):
            if level >= 1 and place not in self._varying:
                self._note(place, segment)
            place = (*place, VARIES if place in self._varying else segment)

    def _note(self, place: tuple[str, ...], segment: str) -> None:
        names = self._names.get(place)
        if names is None:
            if len(self._names) >= _MOST_PLACES:
                return
            names = self._names[place] = set()
        names.add(segment)
        if len(names) > _SIBLINGS:
            self._varying.add(place)
            del self._names[place]

    def template(self, page: str) -> str:
        """Return the template of `page` with its host in front: templates of two hosts are two."""
        whole = page_template(page)
        marks = [at for mark in "?#" if (at := whole.find(mark)) >= 0]
        tail = whole[min(marks) :] if marks else ""
        host = urlsplit(page).netloc
        place: tuple[str, ...] = (host,)
        for segment in _segments(page):
            place = (*place, VARIES if place in self._varying else segment)
        return f"{host}/{'/'.join(place[1:])}{tail}"


def _segments(page: str) -> list[str]:
    whole = page_template(page)
    path = whole.partition("#")[0].partition("?")[0]
    return path.split("/")[1:]
