"""Writes docs/cli.md from the commands themselves: `python -m tests.docs.make_cli_reference`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from scanner.cli.commands import cli

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_HEAD = """\
# The command line

Written by `python -m tests.docs.make_cli_reference` from the commands themselves; a test holds it to them.
`tagdrift COMMAND --help` says the same. Results go to standard output, everything else to standard error. Every
`--json` document bears its `"format"`.
"""


def root() -> click.Context:
    """The context every command has: without it, commands would remember other names of the help option."""
    return cli.make_context("tagdrift", [], resilient_parsing=True)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something as (`rules check`, command), in the order of their names."""
    yield from _below(cli, "")


def _below(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    context = root()
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _below(command, f"{prefix}{name} ")
        elif command is not None and not command.hidden:
            yield f"{prefix}{name}", command


def reference() -> str:
    """Return the page's text."""
    return "\n".join([_HEAD, *(_section(name, command) for name, command in commands())])


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, parent=root())
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"## `{name}`\n", f"```text\n{usage}\n```\n", f"{_description(command)}\n"]
    rows = [_row(option, context) for option in command.params if isinstance(option, click.Option)]
    if rows:
        parts.append("| option | meaning | default |\n|---|---|---|\n" + "".join(rows))
    return "\n".join(parts)


def _description(command: click.Command) -> str:
    """The docstring as Markdown: what Click is told to leave as it is, becomes a block of its own."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(_verbatim(text) if text.startswith("\b\n") else _escaped(text) for text in paragraphs)


def _verbatim(text: str) -> str:
    return f"```text\n{text.removeprefix(chr(8)).strip(chr(10))}\n```"


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;")


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if not option.is_flag:
        names += f" `{option.make_metavar(context)}`"
    default = option.get_default(context)
    shown = "required" if option.required else "" if not option.show_default or default is None else f"`{default}`"
    help_text = (option.help or "").replace("|", "\\|").replace("<", "&lt;")
    return f"| {names.replace('|', chr(92) + '|')} | {help_text} | {shown} |\n"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
