"""The entry point: every way out of the program ends in one of the exit codes of `scanner.errors`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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

    if sys.stdout is None:  # closed by the caller
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the process ends
    try:
        with _termination_interrupts():
            code = _exit_code_of(cli, argv)
            sys.stdout.flush()
            return code
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
        _give_up(sys.stdout)  # the reader (`| head`) went away
        return Exit.CANNOT
    except OSError as error:
        _give_up(sys.stdout)
        where = f": {error.filename}" if error.filename else ""
        _say(f"{error.strerror or error}{where}")
        return Exit.CANNOT
    except Exception:  # noqa: BLE001 - the last line of defence, and it ends the process
        traceback.print_exc()
        _say(f"this is a bug in tagdrift {__version__}; please report it with the lines above")
        return Exit.BUG
    finally:
        _give_up(sys.stderr)


def _exit_code_of(cli: click.Command, argv: Sequence[str] | None) -> int:
    output, errors = sys.stdout, sys.stderr
    try:
        result = cli.main(args=list(argv) if argv is not None else None, prog_name="tagdrift", standalone_mode=False)
    except SystemExit as leave:  # how a command says that there is something to report
        if sys.stdout is not output:  # Click wraps a broken pipe and leaves with 1, which says "drift" here
            sys.stdout, sys.stderr = output, errors
            raise BrokenPipeError from None
        result = leave.code
    return int(result) if isinstance(result, int) else Exit.CLEAN


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that everything is closed on the way out."""
    before = None
    with contextlib.suppress(ValueError):  # not the main thread: somebody else handles signals
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _give_up(stream: TextIO | None) -> None:
    """Drop what is still to be written if it cannot be: Python would complain once more while it ends."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say(message: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens
        _print(message)


def _print(message: str) -> None:
    print("\n".join(f"tagdrift: {one_line(line)}" for line in message.splitlines()), file=sys.stderr)  # noqa: T201
