"""A request's values by field path, and the names and globs under which rules ask for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from rules.model import ValueTest
from rules.patterns import Pattern

NAME_LENGTH = 400
TEST_LENGTH = 4_096
"""Patterns see so many characters of a name and a value: enough for every id, too few to hurt."""
Values = Mapping[str, Sequence[str]]
"""Field path → values in the request's order."""


@cache
def glob_pattern(glob: str) -> Pattern:
    """`*` stands for any run of characters, dots included. Rules name the globs, so there are only so many."""
    return Pattern(".*".join(re.escape(part) for part in glob.split("*")), re.DOTALL)


def values_at(path: str, values: Values) -> Sequence[str]:
    """Values at a path or glob."""
    if "*" in path:
        fits = glob_pattern(path).fullmatch
        return [value for name, found in values.items() if fits(name[:NAME_LENGTH]) for value in found]
    return values.get(path, ())


def passes(test: ValueTest, found: Sequence[str]) -> bool:
    """Say whether one of the values is what `test` asks for; whether it should be absent is not looked at."""
    if not found:
        return False
    if test.pattern is not None:
        return any(test.pattern.search(value[:TEST_LENGTH]) for value in found)
    return not test.values or not test.values.isdisjoint(found)
