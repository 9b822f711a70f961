"""Options that several commands share, and what they are read into."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from reports.formats import FORMATS
from scanner.model import Severity

F = TypeVar("F", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Configuration file.  [default: tagdrift.yaml, if there is one]",
)
store_option = click.option(
    "--store", "store_url", metavar="URL", help="Store to use instead of the configured one, e.g. sqlite:///tagdrift.db"
)
rules_option = click.option(
    "--rules",
    "rule_paths",
    multiple=True,
    type=click.Path(exists=True),
    help="Further rule files, or directories of them. Repeatable.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
exit_zero_option = click.option("--exit-zero", is_flag=True, help="Exit 0 although there is something to report.")


class Terminal(Console):
    """Rich's console, but a reader that went away is an error like any other and no exit code of Rich's own."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def state_options(command: F) -> F:
    """`--config`, `--store` and `--json`."""
    return config_option(store_option(json_option(command)))


def print_json(document: object) -> None:
    """Write one JSON document to standard output. ASCII only: no terminal can be tricked by its text."""
    json.dump(document, sys.stdout, ensure_ascii=True, indent=2)
    sys.stdout.write("\n")


def width_of_output() -> int:
    """Columns of the terminal on standard output; 100 when there is none."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100


class FormatFile(click.ParamType[tuple[str, Path]]):
    """`FORMAT=FILE`, e.g. `sarif=out/tagdrift.sarif`."""

    name = "FORMAT=FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Path]:
        name, equals, path = str(value).partition("=")
        if not equals or not path or name not in FORMATS:
            self.fail(f"{value!r} is not FORMAT=FILE with a format of: {', '.join(FORMATS)}", param, ctx)
        return name, Path(path)


write_option = click.option(
    "--write",
    "wanted_formats",
    type=FormatFile(),
    multiple=True,
    help=f"Write the report in a further format ({', '.join(FORMATS)}). Repeatable.",
)
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice([severity.value for severity in Severity]),
    help="Exit 1 for findings of this severity or worse only; of a first scan, too.",
)
