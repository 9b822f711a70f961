"""One page of documentation per vendor, made from the rule files: what it is, what it can carry, how we know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rules.check import example_request
from rules.decode import canonical
from rules.match import match_message
from rules.message import Message
from rules.model import PageRule, Product, Rule, RuleSet, Vendor
from rules.vendor_docs_words import (
    TYPICAL,
    account_words,
    cell,
    code,
    field_words,
    names_words,
    role_words,
    where_words,
)
from scanner.model import ExposureKind

MAX_EXAMPLE_CHARS = 80
_STATUS_ORDER = ("stable", "experimental", "deprecated")
_HEADER = "<!-- Made from rules/vendors/*.yaml by `python -m tests.docs.make_vendor_pages`. Do not edit. -->\n\n"


class Parameter(NamedTuple):
    """One line of a parameter table."""

    path: str
    role: str
    """In words: what it means, its form, how it is collected."""
    example: str
    """From a tested example of the rule; empty: none."""
    status: str
    kind: ExposureKind | None


def vendor_pages(rules: RuleSet) -> dict[str, str]:
    """Return file name → Markdown: `README.md` (the index) and one page per vendor."""
    vendors = sorted(rules.vendors, key=lambda vendor: vendor.name.lower())
    pages = {"README.md": index_page(vendors, rules)}
    for vendor in vendors:
        its_rules = [rule for rule in rules.rules if rule.vendor.id == vendor.id]
        its_traces = [rule for rule in rules.page_rules if rule.vendor.id == vendor.id]
        pages[f"{vendor.id}.md"] = vendor_page(vendor, its_rules, its_traces, rules)
    return pages


def index_page(vendors: Sequence[Vendor], rules: RuleSet) -> str:
    """Return the table of all vendors."""
    products = sum(len(vendor.products) for vendor in vendors)
    lines = [
        _HEADER + "# Vendors\n",
        f"{len(vendors)} vendors, {products} products, {len(rules.rules)} rules for requests and "
        f"{len(rules.page_rules)} for traces in the page. `stable`: the vendor's own script or document, or a real "
        "capture, stands behind every part that is called so; `experimental`: known from others, not yet proven; "
        "`deprecated`: given up by the vendor.\n",
        "| vendor | products | category | rules |",
        "|---|---|---|---|",
    ]
    for vendor in vendors:
        statuses = [rule.status for rule in rules.rules if rule.vendor.id == vendor.id]
        categories = dict.fromkeys(product.category.value for product in vendor.products)
        names = ", ".join(cell(product.name) for product in vendor.products)
        lines.append(
            f"| [{cell(vendor.name)}]({vendor.id}.md) | {names} | {', '.join(categories)} | {_counts(statuses)} |"
        )
    return "\n".join(lines) + "\n"


def vendor_page(vendor: Vendor, rules: Sequence[Rule], traces: Sequence[PageRule], everything: RuleSet) -> str:
    """Return one vendor's page. `everything` is what the examples are read with."""
    parts = [
        f"{_HEADER}# {vendor.name}\n\n{vendor.company} · <{vendor.website}>\n",
        *([vendor.description + "\n"] if vendor.description else []),
        _products(vendor, rules),
        _carries(rules),
        _recognised(rules),
        _accounts(rules),
        _traces(traces),
        _features(rules),
        *(_parameters(product, rules, everything) for product in vendor.products),
        _knowledge(rules),
    ]
    return "\n".join(part for part in parts if part)


def parameters_of(rules: Iterable[Rule], everything: RuleSet) -> list[Parameter]:
    """Return every named parameter once per role, in the order of the files, with an example where one is known."""
    found: dict[tuple[str, str], Parameter] = {}
    for rule in rules:
        examples = _example_values(rule, everything)
        for path, words, example, kind in (*_read_by(rule), *_named_by(rule)):
            known = found.get((path, words))
            status = min(rule.status, known.status if known else rule.status, key=_STATUS_ORDER.index)
            shown = example or examples.get(path, "") or (known.example if known else "")
            found[path, words] = Parameter(path, words, shown, status, kind)
    return list(found.values())


def _read_by(rule: Rule) -> Iterable[tuple[str, str, str, ExposureKind | None]]:
    """(path, meaning, example, kind) of what says account, event, de-duplication id and consent."""
    named = {path for path, _ in rule.fields}
    roles = (("account", rule.account), ("event", rule.event), ("de-duplication id", rule.dedup))
    for words, refs in (*roles, *((f"consent: {name}", refs) for name, refs in rule.consent)):
        for path in dict.fromkeys(path for ref in refs for path in ref.fields if path not in named):
            yield path, words, "", None


def _named_by(rule: Rule) -> Iterable[tuple[str, str, str, ExposureKind | None]]:
    """The same for the table of fields."""
    for path, first in rule.fields:
        for role in first.alternatives():
            if role.role != "ignore":
                yield path, field_words(role), role.example, role.kind


def _example_values(rule: Rule, everything: RuleSet) -> dict[str, str]:
    """Field path → value, from the rule's own examples."""
    values: dict[str, str] = {}
    for example in rule.examples:
        message = Message(example_request(example))
        for detection in match_message(message, everything, page_url=example.page_url):
            if detection.rule == rule.id:
                for exposure in detection.exposures:
                    values.setdefault(canonical(exposure.field.replace("[]", "")), exposure.value)
                for name, value in detection.other:
                    values.setdefault(canonical(name.replace("[]", "")), value)
        for path, _, value, _ in message.fields:
            if value:
                values.setdefault(path, value)
    return values


# --------------------------------------------------------------------------- parts of a page


def _products(vendor: Vendor, rules: Sequence[Rule]) -> str:
    lines = ["## Products\n"]
    for product in vendor.products:
        statuses = [rule.status for rule in rules if rule.product.id == product.id]
        about = f" {product.description}" if product.description else ""
        lines.append(f"- **{product.name}** (`{product.id}`, {product.category.value}; {_counts(statuses)}).{about}")
    return "\n".join(lines) + "\n"


def _carries(rules: Sequence[Rule]) -> str:
    by_kind: dict[ExposureKind, dict[str, None]] = {}
    automatic: dict[str, None] = {}
    for rule in rules:
        for path, role in ((path, role) for path, first in rule.fields for role in first.alternatives()):
            if role.kind is not None:
                by_kind.setdefault(role.kind, {})[path] = None
            if role.automatic:
                automatic[role.automatic] = None
        if rule.standard_events:  # names that the site makes up are reported as such
            named = [path for ref in rule.event for path in ref.fields]
            by_kind.setdefault(ExposureKind.EVENT_NAME, {}).update(dict.fromkeys(named))
    if not by_kind:
        return (
            "## What it can carry\n\nNo field of its own. As with every request to another company: the visitor's IP "
            "address, browser, and the page's origin.\n"
        )
    lines = ["## What it can carry\n", "| what | where |", "|---|---|"]
    lines += [
        f"| {role_words(kind.value)} | {names_words(list(by_kind[kind]), 8)} |"
        for kind in ExposureKind
        if kind in by_kind
    ]
    if automatic:
        lines.append(f"\nCollected by itself, without code of the site's own: {', '.join(automatic)}.")
    return "\n".join(lines) + "\n"


def _recognised(rules: Sequence[Rule]) -> str:
    if not rules:
        return ""
    lines = ["## Requests\n", "| rule | says | kind | status | recognised by |", "|---|---|---|---|---|"]
    for rule in rules:
        where = "<br>".join(where_words(condition) for condition in rule.when)
        lines.append(f"| `{rule.id}` | {cell(rule.title)} | {rule.kind.value} | {rule.status} | {where} |")
    return "\n".join(lines) + "\n"


def _accounts(rules: Sequence[Rule]) -> str:
    accounts = dict.fromkeys(account_words(ref) for rule in rules for ref in rule.account)
    if not accounts:
        return "## Account\n\nNo request names the customer's account.\n"
    return "## Account\n\n" + "\n".join(f"- {words}" for words in accounts) + "\n"


def _traces(traces: Sequence[PageRule]) -> str:
    if not traces:
        return ""
    lines = ["## In the page\n", "| product | sign | names |", "|---|---|---|"]
    for trace in traces:
        rows = (
            ("JavaScript global", trace.globals),
            ("inline code", [sign.contains for sign in trace.inline]),
            ("cookie", [sign.name for sign in trace.cookies]),
            ("storage key", [sign.name for sign in trace.storage]),
            ("preconnect", trace.preconnect),
        )
        for sign, names in rows:
            if names:
                lines.append(f"| {cell(trace.product.name)} | {sign} | {names_words(list(dict.fromkeys(names)), 40)} |")
    return "\n".join(lines) + "\n"


def _features(rules: Sequence[Rule]) -> str:
    sent = dict.fromkeys(feature.name for rule in rules for feature in rule.features)
    configured = dict.fromkeys(feature.name for rule in rules for feature in rule.response_features)
    lines = [f"- seen in requests: {cell(name)}" for name in sent]
    lines += [f"- seen in the account's configuration: {cell(name)}" for name in configured]
    return "## What can be switched on\n\n" + "\n".join(lines) + "\n" if lines else ""


def _parameters(product: Product, rules: Sequence[Rule], everything: RuleSet) -> str:
    own = [rule for rule in rules if rule.product.id == product.id]
    parameters = parameters_of(own, everything)
    if not parameters:
        return ""
    lines = [f"## Parameters: {product.name}\n", "| parameter | role | example | status |", "|---|---|---|---|"]
    for parameter in parameters:
        shown = code(parameter.path) if parameter.path else "(body)"
        lines.append(f"| {shown} | {parameter.role} | {_example_words(parameter)} | {parameter.status} |")
    ignored = dict.fromkeys(path for rule in own for path in rule.ignore)
    if ignored:
        lines.append(f"\nNot reported, noise: {names_words(list(ignored), 200)}.")
    lines.append("\nExamples in italics are what such a field typically holds; the others come from tested examples.")
    return "\n".join(lines) + "\n"


def _example_words(parameter: Parameter) -> str:
    example = parameter.example.strip()
    if example:
        return code(example if len(example) <= MAX_EXAMPLE_CHARS else example[: MAX_EXAMPLE_CHARS - 1] + "…")
    return f"*{TYPICAL[parameter.kind]}*" if parameter.kind is not None else ""


def _knowledge(rules: Sequence[Rule]) -> str:
    references = dict.fromkeys(reference for rule in rules for reference in rule.references)
    lines = [f"## How we know\n\n{_counts([rule.status for rule in rules])}.\n"]
    lines += [f"- <{reference}>" for reference in references]
    return "\n".join(lines) + "\n"


def _counts(statuses: Sequence[str]) -> str:
    """`3 stable, 1 experimental`."""
    counted = [f"{statuses.count(status)} {status}" for status in _STATUS_ORDER if status in statuses]
    return ", ".join(counted) or "traces in the page only"
