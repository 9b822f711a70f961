"""`tagdrift rules`: list, check and test the rule files."""

from __future__ import annotations

import click

from reports.escape import one_line
from rules.check import check as check_rules
from rules.load import load_rules
from scanner.cli.options import json_option, print_json, rules_option
from scanner.errors import Exit, ProblemsError


@click.group()
def rules() -> None:
    """List, check and test the rule files."""


@rules.command("list")
@json_option
@rules_option
def list_rules(as_json: bool, rule_paths: tuple[str, ...]) -> None:
    """List vendors, products and rules."""
    loaded = load_rules(rule_paths)
    if as_json:
        print_json(
            {
                "format": 1,
                "document": "rules",
                "digest": loaded.digest,
                "vendors": [
                    {
                        "id": vendor.id,
                        "name": vendor.name,
                        "company": vendor.company,
                        "products": [
                            {"id": p.id, "name": p.name, "category": p.category.value} for p in vendor.products
                        ],
                        "rules": [
                            {"id": r.id, "title": r.title, "kind": r.kind.value, "status": r.status}
                            for r in loaded.rules
                            if r.vendor.id == vendor.id
                        ],
                    }
                    for vendor in loaded.vendors
                ],
            }
        )
        return
    for vendor in loaded.vendors:
        click.echo(f"{vendor.name} ({vendor.company})")
        for product in vendor.products:
            count = sum(r.product.id == product.id and r.vendor.id == vendor.id for r in loaded.rules)
            click.echo(f"  {vendor.id}/{product.id:<28} {product.name} [{product.category}] {count} rules")


@rules.command("check")
@rules_option
def check(rule_paths: tuple[str, ...]) -> None:
    """Check the rule files against schema and conventions. Every problem is named with file and line."""
    loaded = load_rules(rule_paths, validate_bundled=True)
    counts = f"{len(loaded.vendors)} vendors, {len(loaded.rules)} request rules, {len(loaded.page_rules)} page rules"
    click.echo(f"{counts}: no problems")


@rules.command("test")
@rules_option
def test(rule_paths: tuple[str, ...]) -> None:
    """Run every example of every rule against all rules: the right ones match, and no others."""
    loaded, problems = check_rules(rule_paths)
    if problems or loaded is None:
        raise ProblemsError(problems)
    matching = sum(len(rule.examples) for rule in loaded.rules)
    refused = sum(len(rule.counterexamples) for rule in loaded.rules)
    click.echo(f"{one_line(str(matching))} examples match, {refused} do not, as they should")
    raise SystemExit(Exit.CLEAN)
