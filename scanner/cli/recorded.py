"""`tagdrift explain` and `tagdrift har`: judge traffic that somebody else recorded."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from reports.escape import one_line
from reports.render import render_html
from reports.view import build_view
from rules.explain import explain_line
from rules.load import load_rules
from scanner import __version__
from scanner.approvals_file import read_file
from scanner.cli.identities import identity_options, judging_of
from scanner.cli.options import json_option, print_json, rules_option
from scanner.cli.target import configuration
from scanner.clock import SystemClock
from scanner.config import Config
from scanner.errors import Exit, ProblemsError
from scanner.house_rules import HouseRules
from scanner.policy_read import read_policy
from scanner.service.judge import RulesJudge
from scanner.service.recorded import JudgedFile, har_comparison, har_document, judge_har, site_of


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object a line instead of text.")
@rules_option
@identity_options
def explain(as_json: bool, rule_paths: tuple[str, ...], config_path: Path | None, identities: tuple[str, ...]) -> None:
    """Read requests from standard input, one JSON object a line, and say what each is and carries.

    \b
    A line holds {"url", "method"?, "body"? | "body_base64"?, "content_type"?, "page_url"?, "type"?}.
      echo '{"url": "https://ct.pinterest.com/v3/?tid=2612000000001&event=lead"}' | tagdrift explain
    What looks like anybody's identifier is always named. With --identity, or identities in the configuration, their
    values are found in any spelling, encoding and hash.
    Exits 2 if a line was no request; every line is answered all the same.
    """
    rules = load_rules(rule_paths)
    judging = judging_of(config_path, identities)
    index = RulesJudge(rules, judging).identities if judging.identities else None
    config = configuration(config_path)
    sites = config.sites if config else ()

    @lru_cache(maxsize=1_024)
    def own(page_url: str) -> tuple[str, ...]:
        site = site_of([page_url], sites)
        return site.own_domains if site is not None else ()

    refused = False
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        answer = explain_line(line, rules, index, own=own)
        refused = refused or "error" in answer
        sys.stdout.write((json.dumps(answer, ensure_ascii=True) if as_json else _told(answer)) + "\n")
    if refused:
        raise SystemExit(Exit.USAGE)


def _told(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return f"not understood: {one_line(str(answer['error']))}"
    party = {True: ", third party", False: ", first party", None: ""}[answer["third_party"]]
    lines = [
        f"{one_line(answer['url'], 200)}",
        f"  host {one_line(answer['host'])} ({answer['owner'] or 'owner unknown'}{party})",
    ]
    for detection in answer["detections"]:
        account = f" {one_line(detection['account'])}" if detection["account"] else ""
        events = f", events: {one_line(', '.join(detection['events']))}" if detection["events"] else ""
        lines.append(f"  {detection['vendor']}/{detection['product']}{account} ({detection['kind']}{events})")
        lines += [
            f"    {exposure['kind']:<20} {one_line(exposure['field'], 60)} = {one_line(exposure['value'], 100)}"
            for exposure in detection["exposures"]
        ]
    if not answer["detections"]:
        lines.append("  no rule knows it")
    for exposure in answer.get("exposures", ()):
        whose = f" of {exposure['identity']}" if "identity" in exposure else ""
        lines.append(f"    {exposure['kind']}{one_line(whose)}: {one_line(exposure['found_by'], 120)}")
    return "\n".join(lines)


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@json_option
@click.option(
    "--report",
    "report_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write report.html into this directory.",
)
@rules_option
@identity_options
def har(
    files: tuple[Path, ...],
    as_json: bool,
    report_dir: Path | None,
    rule_paths: tuple[str, ...],
    config_path: Path | None,
    identities: tuple[str, ...],
) -> None:
    """Judge HAR files that somebody recorded by hand: which tags, whose, and what they carry, page by page.

    Pages of a site in the configuration are judged with its own domains, policy, approvals and severities. A file that
    is broken is read as far as it goes, and the notes say so. Exits 2 if nothing in a file can be read; the
    others are judged all the same.
    """
    judge = RulesJudge(load_rules(rule_paths), judging_of(config_path, identities))
    config = configuration(config_path)
    judged: list[JudgedFile] = []
    unreadable: list[ProblemsError] = []
    for path in track(files, "reading", disable=not sys.stderr.isatty() or len(files) == 1, transient=True):
        try:
            judged.append(judge_har(path, judge, config.sites if config else ()))
        except ProblemsError as error:
            unreadable.append(error)
    for problem in unreadable:
        click.echo(f"tagdrift: {one_line(str(problem))}", err=True)
    for file in judged:
        for note in file.reading.notes:
            click.echo(f"{one_line(file.file)}: {one_line(note)}", err=True)
    if report_dir is not None and judged:
        _write_report(judged, judge, report_dir, config)
    if as_json:
        print_json(har_document(judged))
    else:
        for file in judged:
            _print(file)
    if unreadable:
        raise SystemExit(Exit.USAGE)


def _print(file: JudgedFile) -> None:
    for page in file.pages:
        document = page.document
        click.echo(f"{one_line(document['url'] or '(no page known)', 200)}  [{document['requests']} requests]")
        for tag in document["detections"]:
            account = f" {one_line(tag['account'])}" if tag["account"] else ""
            events = f": {one_line(', '.join(tag['events']), 120)}" if tag["events"] else ""
            click.echo(f"  {tag['vendor']}/{tag['product']}{account} ({tag['category']}){events}")
            for exposure in tag["exposures"]:
                field, value = one_line(exposure["field"], 60), one_line(exposure["value"], 80)
                click.echo(f"      {exposure['kind']:<20} {field} = {value}")
        known = {tag["vendor"] for tag in document["detections"]}
        click.echo(f"  third parties: {len(document['third_parties'])}, vendors with rules: {len(known)}")
        for party in document["third_parties"]:
            owner = f" ({one_line(party['owner'])})" if party["owner"] else ""
            click.echo(f"    {one_line(party['domain'])}{owner}: {party['requests']} request(s)")


def _write_report(judged: list[JudgedFile], judge: RulesJudge, folder: Path, config: Config | None) -> None:
    name = ", ".join(Path(file.file).name for file in judged)
    sites = {file.site.name for file in judged if file.site is not None}
    if config is not None and len(sites) == 1:
        # One configured site: its policy, approvals and severities say what counts.
        house = HouseRules(read_file(config.approvals_file), config.severities)
        (site,) = sites
        comparison = har_comparison(judged, judge, site, read_policy(config.policy or {}), house)
        name = f"{site} ({name})"
    else:
        comparison = har_comparison(judged, judge, name)
    pages = comparison.snapshot.pages
    view = build_view(
        site=name,
        start_url=pages[0].final_url if pages else "",
        scan=comparison.scan,
        baseline=None,
        drift=None,
        findings=comparison.findings,
        snapshot=comparison.snapshot,
        names=judge.names,
        generated_at=SystemClock().now(),
        tool_version=__version__,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.html"
    path.write_text(render_html(view), encoding="utf-8")
    click.echo(f"report: {path}", err=True)
