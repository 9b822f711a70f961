"""A capture under today's rules: cookies, containers, identities, health context end in the inventory."""

from __future__ import annotations

from rules.load import load_rules
from scanner.model import PageCapture, Sighting, SightingKind
from scanner.service.judge import RulesJudge
from tests import make

JUDGE = RulesJudge(load_rules())


def seen(capture: PageCapture, kind: SightingKind, judge: RulesJudge = JUDGE) -> list[Sighting]:
    return [s for s in judge.inventory(capture).sightings if s.identity.kind is kind]


def test_first_party_cookies_of_known_vendors_belong_to_their_tags() -> None:
    cookies = [make.cookie(name, ".clinic.example") for name in ("_fbp", "_ga_ABCDEF1234", "session")]
    found = seen(make.capture("/", cookies=tuple(cookies)), SightingKind.COOKIE)
    assert [(s.identity.subject, str(s.identity.tag), s.category.value) for s in found] == [
        ("_fbp", "meta/meta-pixel", "advertising"),
        ("_ga_*", "google/google-analytics-4 G-ABCDEF1234", "analytics"),
    ]
