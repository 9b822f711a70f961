"""`--config` and `--identity` of commands that judge recorded traffic: whose values are looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from scanner.cli.options import config_option
from scanner.cli.target import configuration
from scanner.errors import UsageError
from scanner.judging import KINDS, Judging, WatchedIdentity
from scanner.model import Secret

F = TypeVar("F", bound=Callable[..., Any])


def identity_options(command: F) -> F:
    """`--config` and `--identity`."""
    return config_option(
        click.option(
            "--identity",
            "identities",
            multiple=True,
            metavar="KIND=VALUE",
            help="Look for this value of an invented person, e.g. email=jane@clinic.example. Repeatable.",
        )(command)
    )


def judging_of(config_path: Path | None, identities: Sequence[str]) -> Judging:
    """Return what the configuration and the command line say of identities and health terms.

    Raises `UsageError` for an identity in the wrong form, without repeating its value.
    """
    config = configuration(config_path)
    judging = config.judging if config else Judging()
    given = tuple(_identity(text, number) for number, text in enumerate(identities, 1))
    return replace(judging, identities=(*judging.identities, *given))


def _identity(text: str, number: int) -> WatchedIdentity:
    kind, equals, value = text.partition("=")
    known = {one.value: one for one in KINDS}
    if not equals or kind not in known or len(value.strip()) < 3:
        raise UsageError(
            f"--identity number {number} is no KIND=VALUE with three characters or more",
            hint=f"kinds: {', '.join(known)}",
        )
    return WatchedIdentity(known[kind], Secret("--identity", value), f"--identity {number} ({kind})")
