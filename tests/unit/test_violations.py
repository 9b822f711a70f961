"""How broken rules and drift become one list of findings."""

from __future__ import annotations

from scanner.model import Verdict
from scanner.policy import Action, PolicyRule, Violation
from scanner.violations import judged
from tests.make import META, PINTEREST, finding, page_url, tag

RULE = PolicyRule(Action.FORBID, category=("advertising",), reason="no ads", name="preset: no ads")
OTHER = PolicyRule(Action.FORBID, exposure=("email",), reason="no mail", name="preset: no mail")
HOME, BLOG = page_url("/"), page_url("/blog")


def violation(of=PINTEREST, pages=(HOME,), rule=RULE, **more):  # type: ignore[no-untyped-def]
    return Violation(rule=rule, tag=of, host=None, pages=tuple(pages), **more)


def test_a_change_that_breaks_a_rule_is_one_finding_and_comes_first() -> None:
    appeared = finding(tag=PINTEREST, pages=(HOME,))
    other = finding("Meta Pixel changed", key="x", tag=META, pages=(HOME, BLOG))
    found = judged([other, appeared], [], [violation()], [])
    assert [(f.tag, f.violation, f.rule) for f in found] == [(PINTEREST, True, "preset: no ads"), (META, False, None)]


def test_what_is_forbidden_is_reported_although_nothing_changed() -> None:
    there = finding("Pinterest Tag is on 2 of 2 pages", tag=PINTEREST, pages=(HOME, BLOG))
    (found,) = judged([], [there], [violation(pages=(BLOG, HOME)), violation(rule=OTHER)], [])
    assert found.violation and found.rule == "preset: no ads; no mail"
    assert found.title == there.title


def test_what_the_approved_baseline_had_is_accepted_where_it_was_and_as_it_was() -> None:
    old = violation(pages=(HOME,), exposures=(("email", "pd.em"),))
    assert judged([], [], [old], [old]) == ()
    (spread,) = judged([], [], [violation(pages=(HOME, BLOG), exposures=old.exposures)], [old])
    assert spread.pages == (BLOG,)
    (more,) = judged([], [], [violation(pages=(HOME,), exposures=(("phone", "pd.ph"),))], [old])
    assert more.pages == (HOME,)


def test_a_removed_tag_does_not_carry_the_violation_of_one_that_is_there() -> None:
    gone = finding("Pinterest Tag disappeared from 1 page", tag=PINTEREST, verdict=Verdict.REMOVED, pages=(BLOG,))
    found = judged([gone], [], [violation()], [])
    assert [f.violation for f in found] == [True, False]


def test_a_loader_without_account_goes_with_its_accounts() -> None:
    nameless = tag(account=None)
    assert len(judged([], [], [violation(), violation(nameless)], [])) == 1
    assert len(judged([], [], [violation(nameless)], [])) == 1


def test_a_missing_required_tag_says_what_is_missing() -> None:
    rule = PolicyRule(Action.REQUIRE, category=("consent",), name="policy rule 1")
    (found,) = judged([], [], [Violation(rule, None, None, (HOME,), missing=True)], [])
    assert found.title == "consent is required and missing on 1 page" and found.violation
