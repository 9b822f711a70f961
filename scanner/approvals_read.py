"""The text of an approvals file as values, every problem with its line. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from scanner.approvals import Acceptance, Acceptances, Covered, Revocation
from scanner.config_schema import schema_problems
from scanner.config_yaml import Document, KeyPath, read_yaml
from scanner.errors import Problem, ProblemsError
from scanner.model import ExposureKind, Identity, SightingKind, TagKey, Verdict
from scanner.patterns import as_texts

HINT = "docs/policy.md describes the file; `git diff` shows what was edited"
_SUBJECTS = ("scan", "finding", "covers", "vendor", "product", "account", "host")
_NOT_FOR_SCANS = ("pages", "sends", "title")


@cache
def approvals_schema() -> Mapping[str, Any]:
    """Return the schema that is shipped for editors; the reader uses the very same file."""
    schema: dict[str, Any] = json.loads(files("scanner").joinpath("approvals_schema.json").read_text(encoding="utf-8"))
    return schema


def read_approvals(text: str, file: str) -> Acceptances:
    """Return what the text approves. An empty file approves nothing.

    Raises:
        ProblemsError: everything that is wrong, in the order of lines.
    """
    document = read_yaml(text, file)
    problems = dict.fromkeys(document.problems)
    entries: list[Acceptance] = []
    if not problems and document.value not in ({}, None):
        value, wrong = schema_problems(document, approvals_schema())
        problems |= dict.fromkeys(replace(one, message=_of_this_file(one.message)) for one in wrong)
        if not wrong:
            reader = _Reader(document)
            entries = reader.entries(value["approvals"])
            problems |= dict.fromkeys(reader.problems)
    if problems:
        raise ProblemsError(sorted(problems, key=lambda problem: problem.line or 0), hint=HINT)
    return Acceptances(tuple(entries), exists=True)


def _of_this_file(message: str) -> str:
    return (
        message.replace("the configuration ", "the file ", 1) if message.startswith("the configuration ") else message
    )


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def entries(self, given: Iterable[dict[str, Any]]) -> list[Acceptance]:
        found: list[Acceptance] = []
        lines: dict[str, int | None] = {}
        for position, one in enumerate(given):
            at: KeyPath = ("approvals", position)
            entry = self.entry(one, at)
            if entry.id in lines:
                self.problem((*at, "id"), f"two approvals are called `{entry.id}` (first in line {lines[entry.id]})")
            lines.setdefault(entry.id, self.document.line(at))
            found.append(entry)
        return found

    def entry(self, given: dict[str, Any], at: KeyPath) -> Acceptance:
        self.check_subject(given, at)
        revoked = given.get("revoked")
        return Acceptance(
            id=given.get("id") or content_id(given),
            who=given["who"],
            why=given["why"],
            at=self.moment(given, "at", at),
            until=self.day(given.get("until"), (*at, "until")),
            contract=given.get("contract", ""),
            site=as_texts(given.get("site")),
            pages=as_texts(given.get("pages")),
            vendor=as_texts(given.get("vendor")),
            product=as_texts(given.get("product")),
            account=as_texts(given.get("account")),
            host=as_texts(given.get("host")),
            sends=self.kinds(given["sends"], (*at, "sends")) if "sends" in given else None,
            finding=given.get("finding", ""),
            title=given.get("title", ""),
            covers=tuple(
                self.covered(one, (*at, "covers", position)) for position, one in enumerate(given.get("covers", ()))
            ),
            scan=given.get("scan"),
            revoked=Revocation(revoked["who"], revoked["why"], self.moment(revoked, "at", (*at, "revoked")))
            if revoked is not None
            else None,
            place=f"{self.document.file}:{self.document.line(at)}",
        )

    def check_subject(self, given: Mapping[str, Any], at: KeyPath) -> None:
        has = [key for key in _SUBJECTS if key in given]
        if not has:
            self.problem(at, "an approval needs something to approve: `finding` with `covers`, `vendor`, `product`, "
                             "`host` or `scan`")  # fmt: skip
        elif "scan" in has and (len(has) > 1 or any(key in given for key in _NOT_FOR_SCANS)):
            self.problem((*at, "scan"), "an approval of a whole scan takes no other conditions than `site`")
        elif ("covers" in has or "finding" in has) and set(has) - {"covers", "finding"}:
            other = next(key for key in has if key not in ("covers", "finding"))
            self.problem((*at, other), f"`{other}` does not go together with `covers`: make it two approvals")
        elif "finding" in has and "covers" not in has:
            self.problem((*at, "finding"), "`finding` needs `covers`: `tagdrift approve SITE --finding KEY` writes it")
        elif has == ["account"]:
            self.problem((*at, "account"), "`account` needs a `vendor` or `product`")
        elif "host" in has and len(has) > 1:
            self.problem((*at, "host"), "`host` does not go together with a vendor: make it two approvals")

    def covered(self, given: Mapping[str, Any], at: KeyPath) -> Covered:
        if "change" in given and given["change"] == "changed" and "version" not in given:
            self.problem(at, "`change: changed` needs the `version` that was approved")
        if given["kind"] == "field" and given.get("role") not in set(ExposureKind):
            self.problem(at, f"a field needs `role`, one of: {', '.join(ExposureKind)}")
        tag = given.get("tag")
        return Covered(
            Identity(SightingKind(given["kind"]), given.get("subject", ""), _tag(tag) if tag else None,
                     given.get("role", "")),
            Verdict(given.get("change", Verdict.ADDED)),
            given.get("version"),
            as_texts(given.get("pages")),
        )  # fmt: skip

    def kinds(self, value: Any, at: KeyPath) -> tuple[str, ...]:
        texts = as_texts(value)
        for text in texts:
            if text not in set(ExposureKind):
                self.problem(at, f"`{text}` is no kind of information; known are {', '.join(ExposureKind)}")
        return texts

    def moment(self, given: Mapping[str, Any], key: str, at: KeyPath) -> datetime | None:
        if key not in given:
            return None
        try:
            moment = datetime.fromisoformat(given[key])
        except ValueError:
            self.problem((*at, key), f"`{given[key]}` is no time, such as `2026-03-02T04:30:00Z`")
            return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

    def day(self, text: str | None, at: KeyPath) -> date | None:
        if text is None:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.problem(at, f"`{text}` is no day of the calendar")
            return None

    def problem(self, at: KeyPath, message: str) -> None:
        self.problems.append(Problem(self.document.file, self.document.line(at), message))


def content_id(given: Mapping[str, Any]) -> str:
    """Name an entry after its content, whether it is revoked or not; equal content has equal names."""
    plain = {key: value for key, value in given.items() if key not in ("id", "revoked")}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()[:10]


def _tag(text: str) -> TagKey:
    product, _, account = text.partition(" ")
    vendor, _, product = product.partition("/")
    return TagKey(vendor, product, account or None)
