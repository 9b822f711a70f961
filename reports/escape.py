"""Text from scanned pages is hostile. One function per place where it may end up.

HTML is not here: Jinja's autoescape does that, after `visible` has taken the invisible characters away.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
# Joiners stay: they are part of ordinary words in several scripts and of many emoji, and change no order.
_HARMLESS_FORMAT = frozenset("\u200c\u200d")
# Word and Excel take these for the start of a formula, also in their full-width shapes.
_FORMULA = frozenset("=+-@\t\r\n|%＝＋－＠")
_RESERVED_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_ORDINARY = re.compile(r"[ -~]*")


def visible(text: str) -> str:
    """Replace every character that hides, moves or controls with one that can be seen.

    Control characters become their pictures (`␛`), everything else without a shape of its own
    (bidi marks, zero-width spaces, line separators, lone surrogates, unassigned and private
    code points) its number (`⟨U+202E⟩`). The result holds no line break and encodes as UTF-8.
    """
    if _ORDINARY.fullmatch(text):
        return text
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if (picture := _PICTURES.get(ord(character))) is not None:
        return picture
    category = unicodedata.category(character)
    if character not in _HARMLESS_FORMAT and (category[0] == "C" or category in ("Zl", "Zp")):
        return f"⟨U+{ord(character):04X}⟩"
    return character


def shorten(text: str, limit: int, *, counted: bool = True) -> str:
    """Return `text`, its middle replaced by a visible ellipsis when it is longer than `limit` characters.

    Both ends stay, since the host stands at a URL's beginning and what tells two pages apart often at its
    end. Where there is room the ellipsis says how much is missing (unless `counted` is off).
    """
    if len(text) <= limit:
        return text
    ellipsis = f"[… {len(text) - limit:,} characters …]" if counted and limit >= 80 else "…"
    room = max(limit - len(ellipsis), 1)
    head = (room * 2 + 2) // 3
    tail = room - head
    return text[:head] + ellipsis + (text[-tail:] if tail else "")


def one_line(text: str, limit: int = 400) -> str:
    """Make text safe for a terminal line or a log: nothing invisible, no line break, at most `limit` characters."""
    # Shortened first, so that a megabyte costs nothing; again after, since a number is longer than its character.
    return shorten(visible(shorten(text, limit)), limit, counted=False)


def header(text: str, limit: int = 200) -> str:
    """Make text safe for a mail or HTTP header: one line, no control characters, at most `limit` characters.

    Runs of white space, line breaks among them, become one space, so that nothing can start a header of its own.
    """
    return one_line(" ".join(shorten(text, 4 * limit, counted=False).split()), limit)


def csv_cell(text: str, limit: int = 32_000) -> str:
    """Make text safe for a spreadsheet: never a formula, no control characters, below Excel's cell limit.

    A leading apostrophe is what spreadsheets themselves use to mark a cell as text.
    """
    risky = text.lstrip()[:1] in _FORMULA if text.strip() else False
    return ("'" if risky or text[:1] in _FORMULA else "") + one_line(text, limit)


def file_name(text: str, limit: int = 80) -> str:
    """Return a name that is harmless on every file system, and different for different texts.

    Letters, digits, dots, dashes and underscores of ASCII stay; anything else becomes a dash. When that changed
    anything, eight hexadecimal digits of the text's SHA-256 are added, so that two sites never share a file.
    """
    plain = unicodedata.normalize("NFKD", shorten(text, 1_000)).encode("ascii", "ignore").decode("ascii")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    name = re.sub(r"\.{2,}", ".", name).strip("-. ")[:limit]
    if _RESERVED_NAMES.fullmatch(name):
        name = f"page-{name}"
    if name == text and name:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: limit - 9].strip('-. ') or 'page'}-{digest}"
