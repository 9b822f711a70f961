"""SARIF 2.1.0, for GitHub code scanning and others (OASIS standard, 2020)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from reports import words
from reports.escape import one_line
from reports.model import FindingView, ReportState, ReportView
from scanner.model import Severity, Verdict

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME = "https://github.com/tagdrift/tagdrift"
MOST_PAGES = 100
"""Locations per result; code scanning shows no more. The message says how many there are."""
_LEVEL = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SCORE = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "0.0",
}
"""GitHub reads a number from 0 to 10."""
_MEANS = {
    Verdict.ADDED: "a page loads it, or sends something to it, that did not so in the state it is compared with.",
    Verdict.CHANGED: "it is there as before, and does something else than in the state it is compared with.",
    Verdict.REMOVED: "it is no longer where it was in the state it is compared with.",
}
_HELP = (
    "tagdrift's report says on which pages, who loads it and what it carries. Take it out of the page or its tag "
    "manager, or accept it with `tagdrift approve`."
)
_VERB = {Verdict.ADDED: "is there", Verdict.CHANGED: "changed", Verdict.REMOVED: "is gone"}


def render_sarif(view: ReportView) -> str:
    """Return one SARIF document. Page addresses are its locations: a website has no files."""
    told = [v for v in view.findings if v.finding.verdict is not Verdict.REMOVED]
    rules = {_rule_id(v): v for v in told}
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "tagdrift",
                        "version": view.tool_version,
                        "informationUri": HOME,
                        "rules": [_rule(rule_id, v) for rule_id, v in rules.items()],
                    }
                },
                "results": [_result(v) for v in told],
                "invocations": [
                    {
                        # What could not be verified must not look like a clean run.
                        "executionSuccessful": view.verdict.state is not ReportState.UNVERIFIED,
                        "toolExecutionNotifications": _notifications(view),
                    }
                ],
                "properties": {"site": view.site, "scan": view.scan.id, "verdict": view.verdict.state.value},
            }
        ],
    }
    # Inert even where somebody pastes it into a page.
    return json.dumps(document, indent=2, ensure_ascii=True).replace("<", "\\u003c") + "\n"


def _rule_id(view: FindingView) -> str:
    tag = view.finding.tag
    what = f"{tag.vendor}/{tag.product}" if tag else "third-party"
    return f"tagdrift/{view.finding.verdict.value}/{what}"


def _rule(rule_id: str, view: FindingView) -> dict[str, Any]:
    finding = view.finding
    name = one_line(f"{view.product or 'A third party'} {_VERB[finding.verdict]}")
    return {
        "id": rule_id,
        "name": rule_id.replace("/", "-"),
        # Code scanning shows nothing about a rule without its full description and its help.
        "shortDescription": {"text": name},
        "fullDescription": {"text": f"{name}: {_MEANS[finding.verdict]}"},
        "help": {"text": f"{name}: {_MEANS[finding.verdict]} {_HELP}"},
        "defaultConfiguration": {"level": _LEVEL[finding.severity]},
        "properties": {"security-severity": _SCORE[finding.severity], "tags": ["privacy", finding.category.value]},
    }


def _result(view: FindingView) -> dict[str, Any]:
    finding = view.finding
    sends = words.listing([send.words for send in view.sends if send.left], 6)
    text = words.ends(finding.title)
    if sends:
        text += f" It sends {sends}."
    if finding.reason:
        text += f" {words.ends(words.capital(finding.reason))}"
    if len(finding.pages) > MOST_PAGES:
        text += f" The first {MOST_PAGES} of {len(finding.pages)} pages are listed."
    return {
        "ruleId": _rule_id(view),
        "level": _LEVEL[finding.severity],
        "message": {"text": one_line(text, 2_000)},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": _uri(page)}, "region": {"startLine": 1}}}
            for page in finding.pages[:MOST_PAGES]
        ],
        "partialFingerprints": {"tagdriftKey/v1": hashlib.sha256(finding.key.encode("utf-8", "replace")).hexdigest()},
        "properties": {
            "severity": finding.severity.value,
            "account": finding.tag.account if finding.tag else None,
            "loadedBy": [one_line(loader) for loader in finding.loaders],
            "policyRule": finding.rule,
        },
    }


def _uri(page: str) -> str:
    return one_line(page, 2_000).replace(" ", "%20")


def _notifications(view: ReportView) -> list[dict[str, Any]]:
    told = (f"{words.count(len(group.pages), 'page')} unverified: {group.reason}" for group in view.unverified)
    return [{"level": "warning", "message": {"text": one_line(text)}} for text in told]
