"""Severities of one's own, as a table."""

from __future__ import annotations

import pytest

from scanner.model import Category, Finding, Severity, SightingKind, Verdict
from scanner.severity_rules import SeverityRule, overridden, read_severity_rules
from tests.make import PINTEREST, drift_entry, finding, identity, page_url

LOW, CRITICAL = Severity.LOW, Severity.CRITICAL
HOME, PORTAL = page_url("/"), page_url("/portal")
HOST = drift_entry(identity("newcomer.test", SightingKind.HOST, None))
OTHER_HOST = drift_entry(identity("other.test", SightingKind.HOST, None))


def kind_of(page: str) -> str | None:
    return "patient-portal" if "portal" in page else None


@pytest.mark.parametrize(
    ("rule", "more", "expected"),
    [
        pytest.param(SeverityRule(LOW, vendor=("pinterest",)), {}, LOW, id="vendor"),
        pytest.param(SeverityRule(LOW, vendor=("meta",)), {}, Severity.HIGH, id="another vendor"),
        pytest.param(SeverityRule(LOW, vendor=("pin*",), account=("9",)), {}, Severity.HIGH, id="another account"),
        pytest.param(SeverityRule(LOW, vendor=("pinterest",)), {"tag": None}, Severity.HIGH, id="no tag"),
        pytest.param(SeverityRule(LOW, category=(Category.ADVERTISING,)), {}, LOW, id="category"),
        pytest.param(SeverityRule(LOW, was=("medium",)), {}, Severity.HIGH, id="was something else"),
        pytest.param(SeverityRule(LOW, verdict=(Verdict.REMOVED,)), {}, Severity.HIGH, id="another verdict"),
        pytest.param(SeverityRule(LOW, pages=("/portal",)), {"pages": (HOME, PORTAL)}, Severity.HIGH,
                     id="to lower, every page must fit"),
        pytest.param(SeverityRule(CRITICAL, pages=("/portal",)), {"pages": (HOME, PORTAL)}, CRITICAL,
                     id="to raise, one will do"),
        pytest.param(SeverityRule(LOW, page_kind=("patient-portal",)), {"pages": (PORTAL,)}, LOW, id="kind of page"),
        pytest.param(SeverityRule(CRITICAL, exposure=("email",)), {"sends": (("email", "em"), ("page_url", "dl"))},
                     CRITICAL, id="to raise, one kind of information"),
        pytest.param(SeverityRule(LOW, exposure=("page_url",)), {"sends": (("email", "em"), ("page_url", "dl"))},
                     Severity.HIGH, id="to lower, all of them"),
        pytest.param(SeverityRule(LOW, exposure=("page_url",)), {}, Severity.HIGH, id="nothing sent fits nothing"),
        pytest.param(SeverityRule(LOW, host=("newcomer.test",)), {"tag": None, "entries": (HOST,)}, LOW, id="host"),
        pytest.param(SeverityRule(LOW, host=("newcomer.test",)), {"tag": None, "entries": (HOST, OTHER_HOST)},
                     Severity.HIGH, id="and a second one"),
    ],
)  # fmt: skip
def test_the_first_rule_that_fits_decides(rule: SeverityRule, more: dict[str, object], expected: Severity) -> None:
    given: Finding = finding(**more)
    (judged,) = overridden([given], [rule, SeverityRule(Severity.INFO, vendor=("nobody",))], kind_of)
    assert judged.severity is expected
    assert (judged == given) is (expected is given.severity)


def test_the_reason_names_the_line_and_why() -> None:
    rules = read_severity_rules([{"set": "low", "vendor": "pinterest", "reason": "agreed."}], ["tagdrift.yaml:7"])
    (judged,) = overridden([finding(tag=PINTEREST)], rules, kind_of)
    assert judged.reason == "A new advertising tag. Set from high to low by tagdrift.yaml:7: agreed."
