"""The command line and what is written about it are one thing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from scanner.cli.commands import cli
from scanner.errors import Exit
from tests.docs.make_cli_reference import PAGE, commands, reference, root

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = dict(commands())


def test_the_reference_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run: python -m tests.docs.make_cli_reference"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts}"


def test_the_readme_names_every_command() -> None:
    spoken = " ".join(re.findall(r"^\| (`tagdrift [^|]*(?:\\\|[^|]*)*)\|", README, re.MULTILINE))
    for name in cli.list_commands(root()):
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", spoken), name


def test_the_readme_lists_every_exit_code() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert listed == {int(code) for code in Exit}


# --------------------------------------------------------------------------- examples

_BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_DOCS = sorted(path for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if path != PAGE)


def examples() -> list[tuple[str, str]]:
    """Every line in a code block of the documentation that calls `tagdrift`, as (file, line)."""
    found = []
    for path in _DOCS:
        for language, block in _BLOCK.findall(path.read_text(encoding="utf-8")):
            if language not in ("console", "sh", "bash"):
                continue
            for line in block.replace("\\\n", " ").splitlines():
                parts = map(str.strip, re.split(r"\||&&|;", line.strip().removeprefix("$ ")))
                found += [(path.name, part) for part in parts if part.startswith("tagdrift ")]
    return found


@pytest.mark.parametrize(("file", "line"), examples())
def test_every_example_is_a_command_line_that_exists(file: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((n for n, word in enumerate(words) if word in (">", "<", ">>", "2>")), len(words))]
    command: click.Command = cli
    context = root()
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    try:
        command.make_context("tagdrift", list(words), parent=context)
    except click.exceptions.Exit:
        pass  # --help and --version
    except click.BadParameter as error:
        # A file of the example need not exist; everything else must be right.
        assert "does not exist" in str(error), f"{file}: {line}"


def test_there_are_examples() -> None:
    assert len(examples()) >= 5
