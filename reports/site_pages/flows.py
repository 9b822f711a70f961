"""Page → loader → vendor → what leaves, for a whole site: as a picture and as the table that says the same. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports import words
from reports.charts import loader_name
from reports.escape import one_line
from reports.inventory import tag_name, tag_words
from reports.model import Names
from reports.site_pages.matrix import is_hot, ordered, sends_of
from scanner.model import Category, ScanSummary, TagPicture
from scanner.page_kinds import SENSITIVE

_MOST_NODES = 9
"""In a column; the others share a box."""
_MOST_ROWS = 60
COLUMNS = ("Kind of page", "Loaded by", "Goes to", "What leaves")


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One tag of the table."""

    pages: tuple[str, ...]
    """Kinds of pages, most pages first."""
    loaders: tuple[str, ...]
    vendor: str
    name: str
    category: Category
    leaves: tuple[str, ...]
    """Worst first, in words."""


@dataclass(frozen=True, slots=True)
class Node:
    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class Band:
    """A connection between two neighbouring columns."""

    column: int
    """Of its left end."""
    left: int
    """Position in its column."""
    right: int
    pages: int
    tone: str


@dataclass(frozen=True, slots=True)
class Flows:
    columns: tuple[tuple[Node, ...], ...]
    bands: tuple[Band, ...]
    rows: tuple[FlowRow, ...]
    more_rows: int
    silent: int
    """Tags of which nothing that tells of a visitor was seen to leave."""


def flows_of(summary: ScanSummary, names: Names) -> Flows:
    """Return who sends what to whom. Tags that were not seen to send anything of a visitor are only counted."""
    telling = [p for p in ordered(summary.pictures) if any(send.left for send in p.sends)]
    links = _links(telling, summary, names)
    chosen = _nodes(links, _gravities(telling, summary))
    tones: dict[tuple[int, str], str] = {}
    merged: dict[tuple[int, str, str], list[tuple[int, str]]] = defaultdict(list)
    for (column, left, right), (pages, tone) in links.items():
        left, right = chosen[column][left], chosen[column + 1][right]
        merged[column, left, right].append((pages, tone))
        for end in ((column, left), (column + 1, right)):
            tones[end] = _worse(tones.get(end), tone)
    columns = tuple(
        tuple(Node(label, tones[number, label]) for label in dict.fromkeys(chosen[number].values()))
        for number in range(4)
    )
    place = {(n, node.label): at for n, nodes in enumerate(columns) for at, node in enumerate(nodes)}
    bands = tuple(
        Band(
            column,
            place[column, left],
            place[column + 1, right],
            sum(pages for pages, _ in parts),
            _worst(tone for _, tone in parts),
        )
        for (column, left, right), parts in merged.items()
    )
    rows = tuple(_row(picture, summary, names) for picture in telling[:_MOST_ROWS])
    return Flows(columns, bands, rows, max(len(telling) - _MOST_ROWS, 0), len(summary.pictures) - len(telling))


_TONES = ("hot", "warm", "cool")
"""Advertising and the like; analytics; the rest."""
_Links = dict[tuple[int, str, str], tuple[int, str]]


def _tone(picture: TagPicture) -> str:
    if is_hot(picture.category):
        return "hot"
    return "warm" if picture.category is Category.ANALYTICS or picture.tag.vendor == picture.tag.product else "cool"


def _worse(one: str | None, other: str) -> str:
    return other if one is None else min(one, other, key=_TONES.index)


def _worst(tones: Iterable[str]) -> str:
    return min(tones, key=_TONES.index)


def _links(pictures: Sequence[TagPicture], summary: ScanSummary, names: Names) -> _Links:
    """(column, left, right) → (pages, tone)."""
    links: _Links = {}

    def link(column: int, left: str, right: str, pages: int, tone: str) -> None:
        before, worst = links.get((column, left, right), (0, None))
        links[column, left, right] = (before + pages, _worse(worst, tone))

    for picture in pictures:
        tone, vendor = _tone(picture), tag_words(picture.tag, names)[0]
        for place in picture.places:
            loader = _loader(summary, place.loader)
            link(0, group_words(summary, place.group), loader, place.pages, tone)
            link(1, loader, vendor, place.pages, tone)
        for send in picture.sends:
            if send.left:
                link(2, vendor, words.capital(words.exposure(send.kind, send.form)), send.pages, tone)
    return links


def group_words(summary: ScanSummary, number: int) -> str:
    return summary.groups[number].template


def _loader(summary: ScanSummary, number: int) -> str:
    return loader_name(summary.loaders[number]) if number >= 0 else "not seen by whom"


def _gravities(pictures: Sequence[TagPicture], summary: ScanSummary) -> list[dict[str, int]]:
    """For each column: label → what comes first where the tone is the same. Sensitive pages and worse leaks do."""
    kinds = sorted(
        {(send.kind, send.form) for p in pictures for send in p.sends}, key=lambda one: words.gravity(one[0])
    )
    of_kind = {words.capital(words.exposure(*one)): number for number, one in enumerate(kinds)}
    return [{group.template: int(group.kind not in SENSITIVE) for group in summary.groups}, {}, {}, of_kind]


def _nodes(links: _Links, gravities: Sequence[dict[str, int]]) -> list[dict[str, str]]:
    """For each column: label → the label it is shown under, in the order of the column."""
    weights: list[Counter[str]] = [Counter() for _ in range(4)]
    tones: list[dict[str, str]] = [{} for _ in range(4)]
    for (column, left, right), (pages, tone) in links.items():
        for at, label in ((column, left), (column + 1, right)):
            weights[at][label] += pages
            tones[at][label] = _worse(tones[at].get(label), tone)
    chosen: list[dict[str, str]] = []
    for column in range(4):
        order = sorted(
            tones[column],
            key=lambda label: (
                _TONES.index(tones[column][label]),
                gravities[column].get(label, 0),
                -weights[column][label],
                label,
            ),
        )
        kept = order if len(order) <= _MOST_NODES else order[: _MOST_NODES - 1]
        rest = f"{len(order) - len(kept)} others"
        chosen.append({label: label if label in kept else rest for label in order})
    return chosen


def _row(picture: TagPicture, summary: ScanSummary, names: Names) -> FlowRow:
    groups: Counter[str] = Counter()
    loaders: Counter[str] = Counter()
    for place in picture.places:
        groups[group_words(summary, place.group)] += place.pages
        loaders[_loader(summary, place.loader)] += place.pages
    return FlowRow(
        pages=tuple(label for label, _ in groups.most_common()),
        loaders=tuple(label for label, _ in loaders.most_common()),
        vendor=tag_words(picture.tag, names)[0],
        name=tag_name(picture.tag, names),
        category=picture.category,
        leaves=tuple(send.words for send in sends_of(picture) if send.left),
    )


# --------------------------------------------------------------------------- the picture

_WIDTH, _NODE_PX, _GAP_PX, _BOX_PX, _HEAD_PX = 1000, 34, 10, 202, 26
_LETTER_PX, _WIDE_PX = 6.9, 8.9
"""Width of a character at the picture's 13 px, and of a capital, a digit or an m; generous, since fonts differ
between machines."""
_WIDE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789mw@%…")


def flow_picture(flows: Flows) -> Markup:
    """Draw the columns with their bands; empty where nothing was seen to leave. The table beside it says the same."""
    if not flows.rows:
        return Markup("")
    tallest = max(len(nodes) for nodes in flows.columns)
    height = _HEAD_PX + tallest * (_NODE_PX + _GAP_PX)
    tops = [[_top(position, len(nodes), tallest) for position in range(len(nodes))] for nodes in flows.columns]
    most = max(band.pages for band in flows.bands)
    bands = sorted(flows.bands, key=lambda band: (-_TONES.index(band.tone), band.column, band.left, band.right))
    parts = [_band(band, tops, most) for band in bands]
    for column, nodes in enumerate(flows.columns):
        left = _left(column)
        parts.append(Markup('<text class="role" x="{}" y="14">{}</text>').format(left, COLUMNS[column]))
        parts += [_node(node, left, tops[column][position]) for position, node in enumerate(nodes)]
    return Markup(
        '<svg class="flows" viewBox="-1 0 {} {}" role="img" focusable="false"><title>{}</title><desc>{}</desc>{}</svg>'
    ).format(
        _WIDTH + 2,
        height,
        "How information about visitors leaves the site",
        _sentence(flows),
        Markup("").join(parts),
    )


def _sentence(flows: Flows) -> str:
    kinds, loaders, vendors, _ = (len(nodes) for nodes in flows.columns)
    return (
        f"From {words.count(kinds, 'kind')} of pages through {words.count(loaders, 'loader')} to "
        f"{words.count(vendors, 'vendor')}; the table that follows says the same in words."
    )


def _left(column: int) -> int:
    return column * (_WIDTH - _BOX_PX) // 3


def _top(position: int, nodes: int, tallest: int) -> int:
    return _HEAD_PX + position * (_NODE_PX + _GAP_PX) + (tallest - nodes) * (_NODE_PX + _GAP_PX) // 2


def _band(band: Band, tops: Sequence[Sequence[int]], most: int) -> Markup:
    start, end = _left(band.column) + _BOX_PX, _left(band.column + 1)
    from_y = tops[band.column][band.left] + _NODE_PX // 2
    to_y = tops[band.column + 1][band.right] + _NODE_PX // 2
    bend = (start + end) // 2
    width = 1.5 + 9 * (band.pages / most) ** 0.5
    return Markup('<path class="band {}" stroke-width="{:.1f}" d="M{} {}C{} {} {} {} {} {}"/>').format(
        band.tone, width, start, from_y, bend, from_y, bend, to_y, end, to_y
    )


def _node(node: Node, left: int, top: int) -> Markup:
    return Markup(
        '<g class="node {}"><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="7"/>'
        '<text x="{}" y="{}">{}</text></g>'
    ).format(
        node.tone,
        one_line(node.label, 200),
        left,
        top,
        _BOX_PX,
        _NODE_PX,
        left + 10,
        top + 22,
        fitting(node.label, _BOX_PX - 20),
    )


def fitting(label: str, width_px: float) -> str:
    """Return `label`, shortened in its middle until it is not wider than `width_px` at the picture's size."""
    for room in range(int(width_px / _LETTER_PX), 4, -1):
        text = one_line(label, room)
        if sum(_WIDE_PX if letter in _WIDE or ord(letter) > 0x2E7F else _LETTER_PX for letter in text) <= width_px:
            return text
    return one_line(label, 4)
