"""The entry point: every way out of the program ends in one of the exit codes of `scanner.errors`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from reports.escape import one_line
from scanner import __version__
from scanner.errors import Exit, TagdriftError


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    raise SystemExit(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code. Nothing escapes."""
    # A subcommand's imports happen here, so that `--version` and a typing error answer at once.
    from scanner.cli.commands import cli

    try:
        result = cli.main(args=list(argv) if argv is not None else None, prog_name="tagdrift", standalone_mode=False)
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else Exit.CLEAN
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        _say("stopped")
        return Exit.CANNOT
    except TagdriftError as error:
        _say(str(error))
        return error.exit_code
    except BrokenPipeError:
        # The reader (`| head`) went away. Python would complain once more while closing standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.CANNOT
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _say(f"{error.strerror or error}{where}")
        return Exit.CANNOT
    except Exception:  # noqa: BLE001 - the last line of defence, and it ends the process
        traceback.print_exc()
        _say(f"this is a bug in tagdrift {__version__}; please report it with the lines above")
        return Exit.BUG


def _say(message: str) -> None:
    print("\n".join(f"tagdrift: {one_line(line)}" for line in message.splitlines()), file=sys.stderr)  # noqa: T201
