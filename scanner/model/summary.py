"""A scan in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.model.detection import Category, TagKey


@dataclass(frozen=True, slots=True)
class TagCount:
    """On how many pages of one scan a tag was."""

    tag: TagKey
    pages: int
    sent: int = 0
    """Pages of these on which something left the browser, and not only a trace of the tag stood in the page."""


@dataclass(frozen=True, slots=True)
class PageGroupCount:
    """Pages of one kind in one scan."""

    template: str
    """What their addresses have in common: `/doctors/{slug}`, `/services/…`."""
    pages: int
    whole: int
    """How many of them were seen whole."""
    kind: str | None = None
    """What they are for, where all of them that tell say the same."""


@dataclass(frozen=True, slots=True)
class TagPlace:
    """On how many pages of a group a tag was loaded by one loader."""

    group: int
    """Into `ScanSummary.groups`."""
    loader: int
    """Into `ScanSummary.loaders`; -1: nobody saw who."""
    pages: int


@dataclass(frozen=True, slots=True)
class SentKind:
    """One kind of information that a tag carries, and on how many pages."""

    kind: str
    form: str
    """plain | hashed | encoded | encrypted; empty when unknown."""
    left: bool
    """False: nothing of it was seen to leave the browser."""
    pages: int


@dataclass(frozen=True, slots=True)
class TagPicture:
    """Where one tag is, who brings it there, and what it carries. A third party that no rule knows but that was sent
    something stands here with its domain as vendor and product."""

    tag: TagKey
    category: Category
    pages: int
    owner: str | None = None
    first_party: bool = False
    """It collects on the site's own hosts."""
    places: tuple[TagPlace, ...] = ()
    sends: tuple[SentKind, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """One scan boiled down to numbers, so that a year of scans can be drawn without reading a single page."""

    pages: int = 0
    tags: tuple[TagCount, ...] = ()
    """Sorted by tag."""
    groups: tuple[PageGroupCount, ...] = ()
    """Most pages first."""
    loaders: tuple[str, ...] = ()
    pictures: tuple[TagPicture, ...] = ()
    """Of the same tags, in the same order."""
