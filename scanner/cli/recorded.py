"""`tagdrift explain` and `tagdrift har`: judge traffic that somebody else recorded."""

from __future__ import annotations

import sys

import click
from rules.explain import explain_lines

from rules.load import load_rules
from scanner.cli.options import rules_option
from scanner.cli.recorded_text import explained


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object a line instead of text.")
@rules_option
def explain(as_json: bool, rule_paths: tuple[str, ...]) -> None:
    """Read requests from standard input, one JSON object a line, and say what each is and carries.

    \b
    A line holds {"url", "method"?, "body"? | "body_base64"?, "content_type"?, "page_url"?, "type"?}.
      echo '{"url": "https://ct.pinterest.com/v3/?tid=2612000000001&event=lead"}' | tagdrift explain
    """
    rules = load_rules(rule_paths)
    write = sys.stdout.write
    for line in explain_lines(sys.stdin.buffer, rules):
        write(line + "\n" if as_json else explained(line) + "\n")
