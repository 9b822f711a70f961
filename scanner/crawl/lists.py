"""URL lists: text files with one address a line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scanner.canonical import canonical_url
from scanner.errors import Problem

MAX_LIST_BYTES = 64 * 1024 * 1024
_SHOWN_CHARS = 80


def read_url_list(path: Path) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return (addresses in order, problems with file and line).

    Empty lines and lines that begin with `#` are passed over; so is text after an address and ` #`.
    """
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            return (), (Problem(str(path), None, f"larger than {MAX_LIST_BYTES // 2**20} MiB"),)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        return (), (Problem(str(path), None, f"URL list cannot be read: {error.strerror or error}"),)
    except UnicodeDecodeError:
        return (), (Problem(str(path), None, "URL list is not UTF-8 text"),)
    return parse_url_list(text.splitlines(), str(path))


def parse_url_list(lines: Iterable[str], file: str) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """As `read_url_list`, of lines already read."""
    urls: dict[str, None] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        entry = line.partition(" #")[0].strip()
        if not entry or entry.startswith("#"):
            continue
        if canonical_url(entry):
            urls[entry] = None
        else:
            problems.append(Problem(file, number, f"`{entry[:_SHOWN_CHARS]}` is no http(s) address"))
    return tuple(urls), tuple(problems)
