"""The rule files that ship: sound, and proven by their own examples."""

from __future__ import annotations

import re

import pytest

from rules.check import check, example_request
from rules.index import index_of
from rules.load import bundled_sources, load_rules
from rules.match import match_request
from rules.message import Message
from rules.model import Example, Rule
from rules.wanting import wants
from scanner.urls import host_of

RULES = load_rules()
EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.id}-{n}") for rule in RULES.rules for n, example in enumerate(rule.examples)
]


def test_every_file_passes_schema_conventions_and_its_own_examples() -> None:
    rules, problems = check()
    assert [str(problem) for problem in problems] == []
    assert rules is not None
    assert rules.digest == RULES.digest


def test_pinterest_meta_and_google_are_there() -> None:
    assert {"pinterest", "meta", "google"} <= {vendor.id for vendor in RULES.vendors}
    products = {product.id for vendor in RULES.vendors for product in vendor.products}
    assert {"pinterest-tag", "meta-pixel", "google-analytics-4", "google-ads", "google-tag-manager"} <= products
    assert len(bundled_sources()) == len(RULES.files)


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_vendor_inside_another_urls_parameter_matches_nothing(rule: Rule, example: Example) -> None:
    from urllib.parse import quote

    wrapped = example_request(Example(url=f"https://go.test/redirect?to={quote(example.url, safe='')}"))
    assert match_request(wrapped, RULES, page_url="https://clinic.test/") == ()


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_look_alike_host_is_never_taken_for_the_vendors_own(rule: Rule, example: Example) -> None:
    """Not even by a host-independent shape, unless the example's own host was a stranger's before."""
    from dataclasses import replace
    from urllib.parse import urlsplit

    host = urlsplit(example.url).hostname or ""
    fake = replace(example, url=example.url.replace(host, f"{host}.evil.test", 1))
    for detection in match_request(example_request(fake), RULES, page_url="https://clinic.test/"):
        found = RULES.rule(detection.rule)
        assert any(condition.anywhere for condition in found.when)
        assert detection.first_party_collection
        assert not any(f".{domain}." in f".{host}." for domain in found.vendor.domains)


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_rule_speaks_once_about_an_account(rule: Rule, example: Example) -> None:
    found = match_request(example_request(example), RULES, page_url="https://clinic.test/")
    told = [(detection.rule, detection.account) for detection in found]
    assert len(told) == len(set(told))


WITHOUT_CUSTOMERS = {
    "google.youtube.event",
    "gravatar.avatar.load",
    "esri.maps.event",
    "soundcloud.player.event",
    "openstreetmap.tiles.search",
}
"""Anybody may embed a video, a picture or a map: nobody has an account for that."""


@pytest.mark.parametrize(
    "rule", [pytest.param(r, id=r.id) for r in RULES.rules if r.kind == "event" and r.id not in WITHOUT_CUSTOMERS]
)
def test_an_event_rule_says_whose_account_it_is_or_names_no_account_at_all(rule: Rule) -> None:
    assert rule.account


def test_what_the_recorder_must_keep_is_bounded() -> None:
    wanted = RULES.wanted()
    assert {"pintrk", "fbq", "google_tag_manager"} <= set(wanted.globals)
    assert any(body.host == "connect.facebook.net" for body in wanted.bodies)
    for image in ("https://www.clinic.test/family.jpg", "https://cdn.clinic.test/app.3fa9.js?v=2"):
        assert not wants(wanted, image), "nothing is kept for its host alone, unless the host is a vendor's"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(example.url, id=f"{rule.id}-{number}")
        for rule in RULES.rules
        if rule.keep_response or rule.response_features
        for number, example in enumerate(rule.examples)
        if not any(condition.content for condition in rule.when) or example.response is None
    ],
)
def test_the_recorder_keeps_what_a_rule_reads(url: str) -> None:
    """The recorder searches the whole address, the HAR reader path and query: both find the same."""
    wanted = RULES.wanted()
    assert wants(wanted, url)
    host = host_of(url)
    hosts = [body for body in wanted.bodies if body.host in ("*", host) or host.endswith(body.host.removeprefix("*"))]
    assert any(re.search(body.path, url) for body in hosts)


def test_filing_by_the_paths_first_segment_hides_no_rule() -> None:
    index = index_of(RULES)
    for rule in RULES.rules:
        for example in (*rule.examples, *rule.counterexamples):
            message = Message(example_request(example))
            bound = index.for_host(message.host)
            tried = {id(ready) for ready, test in bound.for_path(message.path) if test(message)}
            holding = {
                id(ready)
                for entries in (*bound.by_segment.values(), bound.elsewhere)
                for ready, test in entries
                if test(message)
            }
            assert tried == holding, example.url
