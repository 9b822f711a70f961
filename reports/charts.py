"""Small pictures as inline SVG: who sends what to whom, and how much was seen. Pure.

Colours come from the page's classes, so that a picture follows dark mode and print; no `style` attribute, since the
page's own security policy would refuse it. Text passes `Markup.format`, which escapes it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports import words
from reports.escape import one_line
from reports.model import FindingView
from scanner.model import Coverage
from scanner.urls import host_of

_CHARACTER_PX = 7.4
"""Width of an average character at the pictures' 14 px; generous, since fonts differ between machines."""
_LINE_PX = 18
_PAD_PX = 12


@dataclass(frozen=True, slots=True)
class Box:
    role: str
    """What the box stands for; its small caption."""
    lines: tuple[str, ...]
    kind: str
    """Class for its colour: pages | loader | vendor | what."""


def flow_boxes(view: FindingView) -> tuple[Box, ...]:
    """Return page → loader → vendor → what for one finding, each in a few words."""
    finding = view.finding
    templates = [group.template for group in view.groups if group.template]
    boxes = [
        Box("Pages", (f"{words.count(len(finding.pages), 'page')}", words.listing(templates, 2)), "pages"),
    ]
    if finding.loaders:
        steps = _more(len(finding.loaders) - 1)
        boxes.append(Box("Loaded by", (loader_name(finding.loaders[0]), *steps), "loader"))
    boxes.append(Box("Goes to", (view.vendor or finding.owner or "unknown owner", view.name), "vendor"))
    if left := [send.words for send in view.sends if send.left]:
        boxes.append(Box("What is sent", (*left[:4], *_more(len(left) - 4)), "what"))
    return tuple(boxes)


def loader_name(loader: str) -> str:
    """Name a loader briefly: `gtm.js (GTM-ABC) from www.googletagmanager.com`; words stay as they are."""
    url, _, note = loader.partition(" ")
    host = host_of(url) if "://" in url else ""
    if not host:
        return loader
    last = url.split("?")[0].rstrip("/").rpartition("/")[2]
    return f"{last} {note} from {host}".replace("  ", " ") if last and last != host else f"{host} {note}".strip()


def flow(view: FindingView) -> Markup:
    """Draw a finding's data flow twice: side by side for wide windows, one below the other for narrow ones.

    The page shows one of them. Screen readers get one sentence instead of the drawing.
    """
    boxes = flow_boxes(view)
    sentence = one_line(" → ".join(f"{box.role}: {', '.join(filter(None, box.lines))}" for box in boxes))
    return Markup('<figure class="flow">{}{}<figcaption class="hidden-visually">{}</figcaption></figure>').format(
        _row(boxes), _column(boxes), sentence
    )


def _more(number: int) -> tuple[str, ...]:
    return (f"and {number} more",) if number > 0 else ()


def _fit(lines: Sequence[str], width_px: int) -> list[str]:
    """Break lines to the box; each text gets at most two lines and says where it was cut."""
    columns = int((width_px - 2 * _PAD_PX) / _CHARACTER_PX)
    fitted: list[str] = []
    for line in filter(None, lines):
        fitted += textwrap.wrap(one_line(line, 2 * columns - 2), columns, max_lines=2, placeholder="…")
    return fitted


def _row(boxes: Sequence[Box]) -> Markup:
    gap = 44
    width = (1000 - gap * (len(boxes) - 1)) // len(boxes)
    texts = [_fit(box.lines, width) for box in boxes]
    height = max(len(lines) for lines in texts) * _LINE_PX + 44
    parts: list[Markup] = []
    for number, (box, lines) in enumerate(zip(boxes, texts, strict=True)):
        left = number * (width + gap)
        parts.append(_box(box, lines, left, 0, width, height))
        if number:
            middle = height // 2
            parts.append(_arrow(f"M{left - gap + 4} {middle}H{left - 8}", f"M{left - 4} {middle}l-9 -5v10z"))
    return _picture("wide", 1000, height, parts)


def _column(boxes: Sequence[Box]) -> Markup:
    width, gap, top = 340, 30, 0
    parts: list[Markup] = []
    for number, box in enumerate(boxes):
        lines = _fit(box.lines, width)
        height = len(lines) * _LINE_PX + 44
        if number:
            parts.append(_arrow(f"M{width // 2} {top + 3}V{top + gap - 8}", f"M{width // 2} {top + gap - 3}l-5 -9h10z"))
            top += gap
        parts.append(_box(box, lines, 0, top, width, height))
        top += height
    return _picture("narrow", width, top, parts)


def _picture(name: str, width: int, height: int, parts: Sequence[Markup]) -> Markup:
    # Half a pixel of margin, or the outermost strokes would be cut.
    return Markup('<svg class="{}" viewBox="-1 -1 {} {}" aria-hidden="true" focusable="false">{}</svg>').format(
        name, width + 2, height + 2, Markup("").join(parts)
    )


def _box(box: Box, lines: Sequence[str], left: int, top: int, width: int, height: int) -> Markup:
    texts = Markup("").join(
        Markup('<text class="{}" x="{}" y="{}">{}</text>').format(
            "strong" if number == 0 and box.kind != "what" else "", left + _PAD_PX, top + 44 + number * _LINE_PX, line
        )
        for number, line in enumerate(lines)
    )
    return Markup(
        '<g class="box {}"><rect x="{}" y="{}" width="{}" height="{}" rx="8"/>'
        '<text class="role" x="{}" y="{}">{}</text>{}</g>'
    ).format(box.kind, left, top, width, height, left + _PAD_PX, top + 22, box.role, texts)


def _arrow(line: str, tip: str) -> Markup:
    return Markup('<path class="line" d="{}"/><path class="tip" d="{}"/>').format(line, tip)


def coverage_bar(coverage: Coverage) -> Markup:
    """Draw how the planned pages ended, as one bar; empty for a scan that planned nothing."""
    if not coverage.planned:
        return Markup("")
    parts: list[Markup] = []
    left = 0.0
    for kind, number in coverage_parts(coverage):
        # A single failed page of 2,000 must still be seen.
        width = max(1000 * number / coverage.planned, 4 if number else 0)
        parts.append(Markup('<rect class="{}" x="{:.1f}" width="{:.1f}" height="18"/>').format(kind, left, width))
        left += width
    label = words.listing([f"{number:,} {kind}" for kind, number in coverage_parts(coverage) if number], 9)
    return Markup(
        '<svg class="coverage" viewBox="0 0 {:.1f} 18" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(left, f"Of {words.count(coverage.planned, 'planned page')}: {label}", Markup("").join(parts))


def coverage_parts(coverage: Coverage) -> tuple[tuple[str, int], ...]:
    """(class, pages), in the order of the bar."""
    return (
        ("whole", coverage.ok),
        ("partial", coverage.partial),
        ("failed", coverage.failed),
        ("blocked", coverage.blocked),
        ("unvisited", coverage.unvisited),
    )


def share_bar(part: int, whole: int) -> Markup:
    """A bar a few letters long that says how many of all pages; decoration, the number stands beside it."""
    width = max(60 * part / whole, 1.5) if whole and part else 0
    return Markup(
        '<svg class="share" viewBox="0 0 60 6" aria-hidden="true" focusable="false">'
        '<rect class="track" width="60" height="6" rx="3"/><rect class="part" width="{:.1f}" height="6" rx="3"/></svg>'
    ).format(min(width, 60))
