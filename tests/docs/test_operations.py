"""What operators copy works: the crontab, the systemd unit, the examples of docs/operations.md."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from scanner.cli.commands import cli
from scanner.clockwork.triggers import cron_trouble
from scanner.config import load_config

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNIT = (ROOT / "docs" / "examples" / "tagdrift.service").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "docs" / "examples" / "Dockerfile").read_text(encoding="utf-8")
CRON_JOBS = [
    (" ".join(line.split()[:5]), line.split(maxsplit=5)[5].replace(r"\%", "%"))
    for line in (ROOT / "crontab.example").read_text(encoding="utf-8").splitlines()
    if re.match(r"[\d*]", line)
]


def check_options(words: list[str]) -> None:
    """Hold one `tagdrift …` command against the command line as it is."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, words
        command = found
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    assert {word for word in words if re.match(r"--[a-z]", word)} <= known, words


@pytest.mark.parametrize(("times", "job"), CRON_JOBS)
def test_cron_jobs_have_times_are_shell_and_use_what_there_is(times: str, job: str) -> None:
    assert cron_trouble(times) is None
    subprocess.run(["bash", "-n", "-c", job], check=True)
    found = re.findall(r"tagdrift ([a-z-]+ [^>|]*)", job)
    assert found
    for words in found:
        if not words.startswith("ended"):
            check_options(shlex.split(words))


def run_cron_job(folder: Path, code: int) -> subprocess.CompletedProcess[str]:
    """The nightly job, with a command in place of the scan that says something and ends with `code`."""
    job = CRON_JOBS[0][1].replace("sleep $((RANDOM % 900))", "true")
    body = re.sub(r"tagdrift scan [^>]*", f"bash -c 'echo said; echo logged >&2; exit {code}' ", job)
    return subprocess.run(
        ["bash", "-c", body],
        env={"TAGDRIFT_DIR": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def test_the_nightly_job_is_silent_when_all_is_well_and_speaks_when_not(tmp_path: Path) -> None:
    well = run_cron_job(tmp_path, 0)
    assert (well.returncode, well.stdout, well.stderr) == (0, "", "")
    drift = run_cron_job(tmp_path, 1)
    assert (drift.returncode, drift.stdout) == (1, "tagdrift: clinic ended with exit code 1\nsaid\nlogged\nlogged\n")


def test_a_second_job_leaves_quietly(tmp_path: Path) -> None:
    with subprocess.Popen(["flock", str(tmp_path / "clinic.lock"), "cat"], stdin=subprocess.PIPE) as holder:
        while subprocess.run(["flock", "-n", str(tmp_path / "clinic.lock"), "true"]).returncode == 0:
            assert holder.poll() is None
        second = run_cron_job(tmp_path, 1)
        assert holder.stdin is not None
        holder.stdin.close()
    assert (second.returncode, second.stdout) == (0, "")


def test_the_unit_and_the_image_start_what_there_is() -> None:
    (start,) = re.findall(r"^ExecStart=\S*/tagdrift (.*)$", UNIT, re.MULTILINE)
    check_options(shlex.split(start))
    assert "-HUP $MAINPID" in UNIT
    (command,) = re.findall(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    check_options([word.strip(' "') for word in command.split(",")])


def test_the_examples_of_the_manual_load_and_name_what_there_is(tmp_path: Path) -> None:
    snippets = re.findall(r"^```yaml\n(.*?)^```", MANUAL, re.MULTILINE | re.DOTALL)
    assert snippets
    for snippet in snippets:
        path = tmp_path / "tagdrift.yaml"
        path.write_text(snippet, encoding="utf-8")
        assert all(site.schedule.full for site in load_config(path).sites)
    named = set(re.findall(r"`tagdrift ([a-z-]+)", MANUAL))
    assert named <= set(cli.list_commands(click.Context(cli)))
    for link in re.findall(r"\]\(([^)#]+)\)", MANUAL):
        assert (ROOT / "docs" / link).exists(), link
