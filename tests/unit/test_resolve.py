"""Rules that send connections elsewhere."""

import pytest

from scanner.crawl.resolve import parse_resolve, resolve_to
from scanner.model import ResolveRule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("* 127.0.0.1:8443", ResolveRule("*", "127.0.0.1", 8443)),
        ("  *.X.com\t[::1]:443 ", ResolveRule("*.x.com", "::1", 443)),
        ("localhost 10.0.0.7:1", ResolveRule("localhost", "10.0.0.7", 1)),
    ],
)
def test_rules(text: str, rule: ResolveRule) -> None:
    assert parse_resolve(text) == rule


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "write `HOST_PATTERN IP:PORT`"),
        ("127.0.0.1:8443", "write `HOST_PATTERN IP:PORT`"),
        ("* 127.0.0.1", "no port"),
        ("* 127.0.0.1:0", "no port"),
        ("* 127.0.0.1:65536", "no port"),
        ("* staging.example:443", "no IP address"),
        ("* ::1:443", "brackets"),
        ("* [127.0.0.1]:443", "brackets"),
        ("a*b 127.0.0.1:1", "neither a host"),
        ("https://c.example 127.0.0.1:1", "neither a host"),
        ("* 127.0.0.1:1 x", "write `HOST_PATTERN IP:PORT`"),
    ],
)
def test_wrong_rules_say_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"(?s).*{why}"):
        parse_resolve(text)


def test_the_first_rule_that_fits_counts_and_a_star_does_not_mean_the_bare_name() -> None:
    rules = [
        parse_resolve("*.c.example 10.0.0.1:1"),
        parse_resolve("c.example 10.0.0.2:2"),
        parse_resolve("* 10.0.0.3:3"),
    ]
    assert resolve_to(rules, "WWW.C.example.") == ("10.0.0.1", 1)
    assert resolve_to(rules, "c.example") == ("10.0.0.2", 2)
    assert resolve_to(rules, "nc.example") == ("10.0.0.3", 3)
    assert resolve_to(rules[:2], "other.example") is None
