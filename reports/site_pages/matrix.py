"""Which tag is on which kind of page: the numbers of a table. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.inventory import group_sends, tag_name, tag_words
from reports.model import Names, Sends
from scanner.model import Category, PageGroupCount, ScanSummary, TagPicture

MOST_ROWS = 60
_HOT = frozenset({Category.ADVERTISING, Category.SESSION_REPLAY, Category.SOCIAL, Category.CDP, Category.MARKETING})


@dataclass(frozen=True, slots=True)
class Cell:
    pages: int
    level: int
    """0: none; 1 to 4: up to a quarter, half, three quarters, all of the group's pages."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    vendor: str
    category: Category
    pages: int
    hot: bool
    """Of a category that a hospital should look at first."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    groups: tuple[PageGroupCount, ...]
    rows: tuple[Row, ...]
    more_rows: int


def matrix_of(summary: ScanSummary, names: Names) -> Matrix:
    """Return the matrix, the worst category first, then the most widespread tag."""
    pictures = ordered(summary.pictures)
    rows = tuple(_row(picture, summary.groups, names) for picture in pictures[:MOST_ROWS])
    return Matrix(summary.groups, rows, max(len(pictures) - MOST_ROWS, 0))


def ordered(pictures: Iterable[TagPicture]) -> list[TagPicture]:
    categories = list(Category)
    return sorted(
        pictures,
        key=lambda p: (categories.index(p.category), -p.pages, p.tag.vendor, p.tag.product, p.tag.account or ""),
    )


def _row(picture: TagPicture, groups: Sequence[PageGroupCount], names: Names) -> Row:
    of_group = Counter[int]()
    for place in picture.places:
        of_group[place.group] += place.pages
    return Row(
        name=tag_name(picture.tag, names),
        vendor=tag_words(picture.tag, names)[0],
        category=picture.category,
        pages=picture.pages,
        hot=is_hot(picture.category),
        cells=tuple(Cell(of_group[n], _level(of_group[n], group.pages)) for n, group in enumerate(groups)),
    )


def _level(pages: int, of: int) -> int:
    return min(-(-4 * pages // of), 4) if pages and of else 0


def is_hot(category: Category) -> bool:
    return category in _HOT


def sends_of(picture: TagPicture) -> tuple[Sends, ...]:
    """What a tag carries, worst first; the summary names kinds, no fields."""
    return group_sends((send.kind, send.form, "", send.left) for send in picture.sends)
