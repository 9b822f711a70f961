"""The command tree."""

from __future__ import annotations

import click

from scanner import __version__
from scanner.cli.demo import demo
from scanner.cli.doctor import doctor
from scanner.cli.evidence import evidence, verify
from scanner.cli.incidents import incident, incidents
from scanner.cli.mail import check_health, mail
from scanner.cli.recorded import explain, har
from scanner.cli.rules import rules
from scanner.cli.run import run
from scanner.cli.scan import scan
from scanner.cli.state import approve, diff, history, report


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="tagdrift")
def cli() -> None:
    """Notice when an advertising tag comes back.

    tagdrift visits every page of a website with a real browser, records everything the pages load and send,
    says whose it is and what it carries, and compares that with the approved state.

    \b
    Exit codes: 0 nothing to report, 1 drift or violations, 2 usage, configuration or rules,
    3 nothing seen but too few pages seen whole, 4 could not do the job, 70 a bug in tagdrift.
    """


for command in (
    scan,
    run,
    demo,
    diff,
    report,
    history,
    approve,
    incidents,
    incident,
    evidence,
    verify,
    explain,
    har,
    rules,
    mail,
    check_health,
    doctor,
):
    cli.add_command(command)
