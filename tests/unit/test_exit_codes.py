"""Every way out of the program ends in one of the documented exit codes, with words for a person on standard error."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from scanner.cli.commands import cli
from scanner.cli.main import main, run
from scanner.cli.output import exit_code
from scanner.errors import (
    CannotRun,
    Exit,
    Interrupted,
    Problem,
    ProblemsError,
    SiteBusy,
    StoreError,
    TagdriftError,
    UsageError,
)

COMMAND = str(Path(sys.executable).with_name("tagdrift"))


def raising(error: BaseException) -> Callable[[], None]:
    def callback() -> None:
        raise error

    return callback


WAYS_OUT: list[tuple[BaseException, int, str]] = [
    (SystemExit(0), 0, ""),
    (SystemExit(Exit.DRIFT), 1, ""),
    (SystemExit(Exit.COVERAGE), 3, ""),
    (SystemExit(), 0, ""),
    (click.exceptions.Exit(3), 3, ""),
    (UsageError("not so", hint="but so"), 2, "tagdrift: not so\ntagdrift:   → but so\n"),
    (ProblemsError([Problem("a.yaml", 3, "wrong"), Problem("b.yaml", None, "gone")]), 2, "tagdrift: a.yaml:3: wrong\n"),
    (click.UsageError("no such option"), 2, "no such option"),
    (click.BadParameter("bad"), 2, "bad"),
    (click.FileError("x.har", "unreadable"), 2, "unreadable"),
    (CannotRun("no browser"), 4, "tagdrift: no browser\n"),
    (StoreError("the store is damaged"), 4, "tagdrift: the store is damaged\n"),
    (SiteBusy("somebody scans"), 4, "tagdrift: somebody scans\n"),
    (Interrupted("stopped after 3 pages"), 4, "tagdrift: stopped after 3 pages\n"),
    (TagdriftError("anything else we raise"), 4, "tagdrift: anything else we raise\n"),
    (KeyboardInterrupt(), 4, "tagdrift: stopped\n"),
    (click.Abort(), 4, "tagdrift: stopped\n"),
    (OSError(errno.ENOSPC, "No space left on device", "report.html"), 4, "No space left on device: report.html\n"),
    (PermissionError(errno.EACCES, "Permission denied"), 4, "tagdrift: Permission denied\n"),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), 4, ""),
    (ZeroDivisionError("division by zero"), 70, "this is a bug in tagdrift"),
    (AssertionError(), 70, "this is a bug in tagdrift"),
    (ExceptionGroup("several", [ValueError("x")]), 70, "this is a bug in tagdrift"),
    (RecursionError(), 70, "this is a bug in tagdrift"),
    (UsageError("\x1b[31mred\x1b[0m \u202egnp"), 2, "tagdrift: ␛[31mred␛[0m ⟨U+202E⟩gnp\n"),
]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    WAYS_OUT,
    ids=[f"{type(e).__name__}-{code}-{n}" for n, (e, code, _) in enumerate(WAYS_OUT)],
)
def test_every_way_out_has_its_code(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.commands, "doctor", click.Command("doctor", callback=raising(error)))
    assert run(["doctor"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err if said else err == ""
    assert "\x1b" not in err


def test_main_leaves_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.commands, "doctor", click.Command("doctor", callback=raising(SiteBusy("busy"))))
    with pytest.raises(SystemExit) as left:
        main(["doctor"])
    assert left.value.code == Exit.CANNOT


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["-h"], ["scan", "--help"], ["rules", "list", "-h"]])
def test_questions_about_the_command_itself_are_answered(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [["no-such-command"], ["scan", "--no-such-option"], ["scan", "--max-pages", "0"], ["approve", "clinic"], ["har"]],
)
def test_a_wrong_command_line_is_2_and_says_what_is_wrong(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Error: " in err


def test_signal_handling_is_as_it_was_before(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setitem(cli.commands, "doctor", click.Command("doctor", callback=raising(KeyboardInterrupt())))
    run(["doctor"])
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_is_answered_like_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def told_to_stop() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    monkeypatch.setitem(cli.commands, "doctor", click.Command("doctor", callback=told_to_stop))
    assert run(["doctor"]) == 4
    assert capsys.readouterr().err.strip() == "tagdrift: stopped"


def test_every_state_of_a_report_has_a_code() -> None:
    from reports.model import ReportState
    from scanner.cli.output import _EXITS

    assert set(_EXITS) == set(ReportState)
    assert exit_code.__doc__ is not None


# --------------------------------------------------------------------------- as a process


def shell(script: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=cwd, env={**os.environ, "T": COMMAND}, timeout=60
    )


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param('"$T" rules list --json | head -c 1', 4, id="much output, reader gone"),
        pytest.param('"$T" --version | true', 0, id="little output, read or not"),
        pytest.param('"$T" rules list > /dev/full', 4, id="disk full"),
        pytest.param('"$T" rules list --json > /dev/full', 4, id="disk full, JSON"),
        pytest.param('"$T" rules list >&-', 0, id="closed output"),
        pytest.param('"$T" rules list --json >&-', 0, id="closed output, JSON"),
        pytest.param('"$T" history nobody 2>&-', 2, id="closed errors"),
        pytest.param('"$T" history nobody 2>/dev/full', 2, id="errors on a full disk"),
    ],
)
def test_output_that_nobody_takes_is_no_bug(script: str, code: int, tmp_path: Path) -> None:
    done = shell(f'{script}; codes=("${{PIPESTATUS[@]}}"); exit "${{codes[0]}}"', tmp_path)
    if "--version" in script:
        assert done.returncode in (0, 4)  # whether `true` is gone already is up to the machine
    else:
        assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
