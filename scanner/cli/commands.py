"""The command tree. A command's module is imported when the command is used: `explain` does not wait for a browser."""

from __future__ import annotations

from importlib import import_module

import click

from scanner import __version__

MODULES = {
    "scan": "scan",
    "run": "run",
    "demo": "demo",
    "diff": "state",
    "report": "state",
    "history": "state",
    "approve": "approve",
    "approvals": "approve",
    "policy": "policy",
    "incidents": "incidents",
    "incident": "incidents",
    "evidence": "evidence",
    "verify": "evidence",
    "explain": "recorded",
    "har": "recorded",
    "rules": "rules",
    "mail": "mail",
    "check-health": "mail",
    "doctor": "doctor",
}
"""Command → module of this room; the function is called like the command."""


class CommandTree(click.Group):
    """A group that knows its commands by name and imports them one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in MODULES:
            module = import_module(f"scanner.cli.{MODULES[cmd_name]}")
            self.commands[cmd_name] = getattr(module, cmd_name.replace("-", "_"))
        return self.commands.get(cmd_name)


@click.group(cls=CommandTree, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="tagdrift")
def cli() -> None:
    """Notice when an advertising tag comes back.

    tagdrift visits every page of a website with a real browser, records everything the pages load and send,
    says whose it is and what it carries, and compares that with the approved state.

    \b
    Exit codes: 0 nothing to report, 1 drift or violations, 2 usage, configuration or rules,
    3 nothing seen but too few pages seen whole, 4 could not do the job, 70 a bug in tagdrift.
    """
