"""Today's rules, applied to captures: match, then boil down. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property, partial

from rules.entities import owner_of
from rules.judge import Judgement, judge_page
from rules.model import RuleSet
from rules.page import cookie_tag
from scanner.canonical import page_template
from scanner.inventory import page_inventory
from scanner.model import Category, PageCapture, PageInventory
from scanner.service.compare import PageKind

EDITION = 2
"""Of the judgement itself: raise it when equal rules would judge a capture otherwise than before."""


def owner_and_category(host: str) -> tuple[str, Category] | None:
    owner = owner_of(host)
    return (owner.company, owner.category) if owner else None


class RulesJudge:
    """Implements `Judge` over one set of rules."""

    def __init__(self, rules: RuleSet, page_kind: PageKind) -> None:
        self.rules = rules
        self._page_kind = page_kind

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(f"{EDITION} {self.rules.digest}".encode()).hexdigest()

    @property
    def page_kind(self) -> PageKind:
        return self._page_kind

    @cached_property
    def names(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        return {(v.id, p.id): (v.name, p.name) for v in self.rules.vendors for p in v.products}

    def judgement(self, capture: PageCapture, own_domains: Sequence[str] = ()) -> Judgement:
        """Everything `capture` gives away."""
        return judge_page(capture, self.rules, own_domains)

    def inventory(self, capture: PageCapture, own_domains: Sequence[str] = ()) -> PageInventory:
        judged = self.judgement(capture, own_domains)
        return page_inventory(
            capture,
            judged.detections,
            owner_and_category,
            own_domains=own_domains,
            template=page_template(capture.page),
            cookie_tag=partial(cookie_tag, rules=self.rules),
            containers=judged.containers,
            unread=judged.unread,
        )
