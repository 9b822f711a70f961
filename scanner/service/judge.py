"""Today's rules, applied to captures: match, then boil down. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property, partial

from rules.entities import owner_of
from rules.health import HealthIndex, load_terms
from rules.judge import Judgement, judge_page
from rules.judge_health import TermsOf, page_terms, terms_in
from rules.leaks import KnownIdentity, LeakIndex
from rules.model import RuleSet
from rules.page import cookie_tag
from rules.page_kinds import page_kind
from scanner.canonical import page_template
from scanner.inventory import page_inventory
from scanner.judging import Judging
from scanner.model import Category, PageCapture, PageInventory
from scanner.second_look import together, visits_of

EDITION = 4
"""Of the judgement itself: raise it when equal rules would judge a capture otherwise than before."""


def owner_and_category(host: str) -> tuple[str, Category] | None:
    owner = owner_of(host)
    return (owner.company, owner.category) if owner else None


class RulesJudge:
    """Implements `Judge` over one set of rules and what the site's owner adds to them."""

    def __init__(self, rules: RuleSet, judging: Judging = Judging()) -> None:  # noqa: B008 - a frozen value
        self.rules = rules
        self._judging = judging

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(f"{EDITION} {self.rules.digest} {self._judging.digest}".encode()).hexdigest()

    @cached_property
    def identities(self) -> LeakIndex:
        """Whose values are looked for, ready for look-ups."""
        watched = self._judging.identities
        return LeakIndex.build([KnownIdentity(one.kind, one.value.reveal(), one.label) for one in watched])

    @cached_property
    def _terms_of(self) -> TermsOf:
        own, ignored = self._judging.health_terms, self._judging.health_ignored
        return terms_in(HealthIndex.build(load_terms(), own, ignored))

    def page_kind(self, url: str, title: str | None) -> str | None:
        """What a page is for by address and title alone, where nobody kept its form."""
        return page_kind(url, title, has_health_terms=bool(page_terms(url, title, self._terms_of)))

    @cached_property
    def names(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        return {(v.id, p.id): (v.name, p.name) for v in self.rules.vendors for p in v.products}

    def judgement(self, capture: PageCapture, own_domains: Sequence[str] = ()) -> Judgement:
        """Everything `capture` gives away."""
        return judge_page(capture, self.rules, own_domains, identities=self.identities, terms_of=self._terms_of)

    def inventory(self, capture: PageCapture, own_domains: Sequence[str] = ()) -> PageInventory:
        """The page as its visit saw it; as both saw it, if it was visited twice."""
        first, *again = (self._inventory(visit, own_domains) for visit in visits_of(capture))
        return together(first, again[0]) if again else first

    def _inventory(self, capture: PageCapture, own_domains: Sequence[str]) -> PageInventory:
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
            strangers=judged.strangers,
            kind=judged.kind,
            page_terms=judged.terms,
            terms_of=self._terms_of,
        )
