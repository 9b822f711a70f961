"""The few exceptions that leave a module on purpose, and the exit codes they become.

    TagdriftError
    ├── UsageError         2   the command line, the configuration or a rule file is wrong
    │   └── ProblemsError  2   … several problems found in one go, each with file and line
    ├── CannotRun          4   the job cannot be done: no browser, no store, no network, no disk
    │   ├── StoreError     4   the store refused, is damaged, or is of a newer format
    │   └── SiteBusy       4   another scan of this site holds the lease
    └── Interrupted        4   Ctrl-C or a stop signal; finished visits are in the store

Trouble on a *page* is never an exception: it is an outcome in the capture. Anything else that
reaches `main()` is a bug (70). Do not add a class here without a caller that treats it differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Process exit codes: an outward contract, see the README."""

    CLEAN = 0
    DRIFT = 1
    USAGE = 2
    COVERAGE = 3
    CANNOT = 4
    BUG = 70


class TagdriftError(Exception):
    """Base of every deliberate error. `str()` of it is one clear text for a person."""

    exit_code = Exit.CANNOT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """The next step that helps, or None if there is none to offer."""

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class UsageError(TagdriftError):
    """The caller asked for something that makes no sense; nothing was done."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one file."""

    file: str
    line: int | None
    """1-based; None when the whole file is meant."""
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class ProblemsError(UsageError):
    """Everything wrong with a configuration or a set of rule files, reported at once."""

    def __init__(self, problems: Sequence[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems), hint=hint)


class CannotRun(TagdriftError):
    """The machine or its surroundings do not allow the job."""


class StoreError(CannotRun):
    """The store could not be read or written. What was saved before stays saved."""


class SiteBusy(CannotRun):
    """Another process scans this site at the moment."""

    def __init__(self, message: str, *, hint: str | None = None, holder: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder
        """Who holds the site's lease, as written there."""


class Interrupted(CannotRun):
    """A person or the system asked to stop. The scan can be resumed."""
