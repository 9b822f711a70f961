"""Regular expressions of rule files, compiled when they are first used: of the bundled ones, most never are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_OF_A_PATTERN = ("finditer", "flags", "fullmatch", "groups", "search")


class Pattern:
    """A pattern that looks and behaves like `re.Pattern`. Raises re.error at its first use if it is none."""

    __slots__ = ("_flags", "finditer", "flags", "fullmatch", "groups", "pattern", "search")

    pattern: str
    flags: int
    groups: int
    finditer: Callable[..., Iterator[re.Match[str]]]
    fullmatch: Callable[..., re.Match[str] | None]
    search: Callable[..., re.Match[str] | None]

    def __init__(self, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # Asked for only while the slot is empty: from then on the compiled pattern's own methods stand there.
        if name not in _OF_A_PATTERN:
            raise AttributeError(name)
        compiled = re.compile(self.pattern, self._flags)
        for each in _OF_A_PATTERN:
            setattr(self, each, getattr(compiled, each))
        return getattr(compiled, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and (self.pattern, self._flags) == (other.pattern, other._flags)

    def __hash__(self) -> int:
        return hash((self.pattern, self._flags))

    def __repr__(self) -> str:
        return f"Pattern({self.pattern!r})"
