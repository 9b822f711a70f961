"""Which policy rule decides about what, as tables."""

from __future__ import annotations

from datetime import date

import pytest

from scanner.approvals import Acceptance, Approved
from scanner.model import Category, ConsentState, Identity, Outcome, PageInventory, Sighting, SightingKind, TagKey
from scanner.policy import Action, Policy, PolicyRule, violations
from tests.make import GA4, PINTEREST, page_url

TODAY = date(2026, 3, 2)
ADVERTISING = Category.ADVERTISING


def tag(key: TagKey = PINTEREST, category: Category = ADVERTISING) -> Sighting:
    return Sighting(Identity(SightingKind.TAG, str(key), key), category=category, evidence=("request",))


def field(kind: str, path: str, key: TagKey = GA4, category: Category = Category.ANALYTICS) -> Sighting:
    return Sighting(Identity(SightingKind.FIELD, path, key, kind), category=category)


def host(domain: str) -> Sighting:
    return Sighting(Identity(SightingKind.HOST, domain))


def page(path: str, *sightings: Sighting, outcome: Outcome = Outcome.OK) -> PageInventory:
    return PageInventory(page_url(path), page_url(path), outcome, sightings=sightings)


def kind_by_path(url: str, _title: str | None) -> str | None:
    return "appointment" if "appointment" in url else None


def broken(policy: Policy, *pages: PageInventory) -> list[tuple[str, str, int]]:
    """(rule name, tag or host, how many pages) of every violation."""
    return [
        (v.rule.name, str(v.tag or v.host), len(v.pages))
        for v in violations(policy, pages, today=TODAY, page_kind=kind_by_path)
    ]


ADS = "healthcare preset: no advertising tag on any page"
CONTEXT = "healthcare preset: no health context to a third party without an agreement"
PERSON = "healthcare preset: no identifier of a person to a third party without an agreement"


def allow(**conditions: object) -> PolicyRule:
    return PolicyRule(Action.ALLOW, name="ours", **conditions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "pages", "expected"),
    [
        pytest.param((), (page("/", tag()), page("/b", tag())), [(ADS, str(PINTEREST), 2)], id="advertising anywhere"),
        pytest.param((), (page("/", tag(GA4, Category.ANALYTICS)),), [], id="analytics by itself is no violation"),
        pytest.param(
            (),
            (page("/", tag(GA4, Category.ANALYTICS), field("email", "ep.mail")),),
            [(PERSON, str(GA4), 1)],
            id="an identifier is, whoever gets it",
        ),
        pytest.param(
            (),
            (
                page("/", tag(GA4, Category.ANALYTICS), field("page_url", "dl")),
                page("/appointment", tag(GA4, Category.ANALYTICS), field("page_url", "dl")),
            ),
            [(CONTEXT, str(GA4), 1)],
            id="an address tells about health only where the page does",
        ),
        pytest.param((allow(vendor=("pinterest",)),), (page("/", tag()),), [], id="our rule comes before the preset's"),
        pytest.param(
            (allow(vendor=("pinterest",), account=("999",)),),
            (page("/", tag()),),
            [(ADS, str(PINTEREST), 1)],
            id="another account of an allowed vendor",
        ),
        pytest.param(
            (allow(vendor=("pinterest",), pages=("/promo/*",)),),
            (page("/promo/x", tag()), page("/", tag())),
            [(ADS, str(PINTEREST), 1)],
            id="allowed on some pages only",
        ),
        pytest.param(
            (allow(vendor=("pinterest",), until=date(2026, 3, 1)),),
            (page("/", tag()),),
            [(ADS, str(PINTEREST), 1)],
            id="an allowance that ended yesterday",
        ),
        pytest.param(
            (allow(vendor=("pinterest",), until=TODAY),), (page("/", tag()),), [], id="an allowance that ends today"
        ),
        pytest.param(
            (allow(vendor=("google",), contract="BAA-7"),),
            (page("/", tag(GA4, Category.ANALYTICS), field("email", "ep.mail")),),
            [],
            id="an agreement covers what the vendor gets",
        ),
        pytest.param(
            (PolicyRule(Action.REQUIRE, category=("consent",), name="ours"),),
            (page("/"), page("/half", outcome=Outcome.PARTIAL)),
            [("ours", "None", 1)],
            id="a required tag is missing only where the page was seen whole",
        ),
        pytest.param(
            (PolicyRule(Action.FORBID, host=("*.evil.test", "evil.test"), name="ours"),),
            (page("/", host("evil.test"), host("fine.test")),),
            [("ours", "evil.test", 1)],
            id="a forbidden host",
        ),
    ],
)
def test_first_rule_that_fits_decides(
    rules: tuple[PolicyRule, ...], pages: tuple[PageInventory, ...], expected: list[tuple[str, str, int]]
) -> None:
    assert broken(Policy(rules), *pages) == expected


def test_strict_forbids_what_nobody_allowed_and_observe_forbids_nothing() -> None:
    there = page("/", tag(GA4, Category.ANALYTICS), tag(TagKey("onetrust", "cmp"), Category.CONSENT), host("x.test"))
    strict = broken(Policy(preset="strict"), there)
    assert [(what, pages) for _rule, what, pages in strict] == [(str(GA4), 1), ("x.test", 1)]
    assert broken(Policy(preset="observe"), there) == []


def test_expired_allowances_are_named() -> None:
    old = allow(vendor=("meta",), until=date(2026, 1, 31))
    assert Policy((old, allow(vendor=("google",)))).expired(TODAY) == (old,)


# --------------------------------------------------------------------------- what has ended, what is approved


def lasting(**conditions: object) -> PolicyRule:
    return PolicyRule(Action.ALLOW, name="ours", until=date(2026, 3, 1), **conditions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param((lasting(vendor=("google",)),), [("ours, allowed until 2026-03-01", str(GA4), 1)], id="over"),
        pytest.param((lasting(vendor=("google",)), allow(vendor=("google",))), [], id="renewed further down"),
        pytest.param((lasting(vendor=("meta",)),), [], id="somebody else's"),
        pytest.param(
            (PolicyRule(Action.FORBID, vendor=("google",), name="ours", until=date(2026, 3, 1)),),
            [],
            id="a ban",
        ),
    ],
)
def test_what_an_allowance_let_pass_is_reported_from_the_day_after(
    rules: tuple[PolicyRule, ...], expected: list[tuple[str, str, int]]
) -> None:
    assert broken(Policy(rules, "observe"), page("/", tag(GA4, Category.ANALYTICS))) == expected


def endpoint(domain: str, key: TagKey = GA4) -> Sighting:
    return Sighting(Identity(SightingKind.ENDPOINT, f"POST x.{domain}/collect", key))


STRANGER = Sighting(Identity(SightingKind.FIELD, "d.visitor to newcomer.test", None, "email"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(
            PolicyRule(Action.FORBID, exposure=("email",), host=("newcomer.test",), name="r"), 1, id="stranger"
        ),
        pytest.param(PolicyRule(Action.FORBID, exposure=("email",), host=("*gle.test",), name="r"), 1, id="tag's host"),
        pytest.param(PolicyRule(Action.FORBID, exposure=("email",), host=("other.test",), name="r"), 0, id="elsewhere"),
        pytest.param(PolicyRule(Action.FORBID, exposure=("phone",), host=("*",), name="r"), 0, id="other information"),
    ],
)
def test_a_field_is_at_the_hosts_it_is_sent_to(rule: PolicyRule, expected: int) -> None:
    seen = page("/", tag(GA4, Category.ANALYTICS), endpoint("google.test"), field("email", "ep.mail"), STRANGER)
    assert len(broken(Policy((rule,), "observe"), seen)) == expected


def test_an_allowed_host_allows_what_strangers_send_there_and_no_tag_with_a_name() -> None:
    seen = page("/", tag(GA4, Category.ANALYTICS), endpoint("newcomer.test"), field("email", "ep.mail"), STRANGER)
    assert broken(Policy((allow(host=("newcomer.test",)),)), seen) == [(PERSON, str(GA4), 1)]
    assert broken(Policy((allow(host=("newcomer.test",), exposure=("email",)),)), seen) == []


def test_what_is_approved_breaks_no_rule_and_what_was_approved_does_again() -> None:
    there = (page("/", tag()), page("/b", tag()))
    approved = Acceptance("a1", "kim", "campaign", until=date(2026, 3, 1), vendor=("pinterest",), pages=("/b",))

    def told(**more: Approved) -> list[tuple[str, int]]:
        found = violations(Policy(preset="healthcare"), there, today=TODAY, page_kind=kind_by_path, **more)
        return [(v.rule.name, len(v.pages)) for v in found]

    assert told(approved=Approved([approved])) == [(ADS, 1)]
    assert told(lapsed=Approved([approved])) == [(ADS, 2)], "the rule itself says so"
    analytics = page("/b", tag(GA4, Category.ANALYTICS), endpoint("google.test"), host("google.test"))
    ended = Approved([Acceptance("a1", "kim", "campaign", until=date(2026, 3, 1), vendor=("google",))])
    (found,) = violations(Policy(), [analytics], today=TODAY, page_kind=kind_by_path, lapsed=ended)
    assert (found.rule.name, found.tag) == ("approval a1 of kim, valid until 2026-03-01", GA4), "and once, for the tag"


def test_a_rule_speaks_of_the_consent_state_of_the_visit() -> None:
    rule = PolicyRule(Action.FORBID, category=("analytics",), consent=(ConsentState.REJECTED,), name="ours")
    seen = [page("/", tag(GA4, Category.ANALYTICS))]
    for consent, expected in ((ConsentState.REJECTED, 1), (ConsentState.ACCEPTED, 0)):
        found = violations(Policy((rule,), "observe"), seen, today=TODAY, consent=consent)
        assert len(found) == expected
