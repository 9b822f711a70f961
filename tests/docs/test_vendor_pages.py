"""The pages of docs/vendors are what the rule files say now, and they are whole."""

from __future__ import annotations

import re
from functools import cache

import pytest

from rules.load import load_rules
from rules.model import ValueTest
from rules.vendor_docs import parameters_of, vendor_pages
from rules.vendor_docs_words import account_words, cell, code, names_words, where_words
from tests.docs.make_vendor_pages import FOLDER

_PIPE = re.compile(r"(?<!\\)\|")


@cache
def _pages() -> dict[str, str]:
    return vendor_pages(load_rules())


def test_pages_are_current() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    pages = _pages()
    differing = sorted(name for name in written.keys() | pages.keys() if written.get(name) != pages.get(name))
    assert differing == [], "run: python -m tests.docs.make_vendor_pages"


def test_every_vendor_has_a_page_that_the_index_links() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", _pages()["README.md"]))
    assert linked == {f"{vendor.id}.md" for vendor in load_rules().vendors} == _pages().keys() - {"README.md"}


def test_every_table_row_has_as_many_cells_as_its_head() -> None:
    for name, text in _pages().items():
        columns = 0
        for line in text.splitlines():
            if not line.startswith("|"):
                columns = 0
            elif columns == 0:
                columns = len(_PIPE.findall(line))
            else:
                assert len(_PIPE.findall(line)) == columns, f"{name}: {line}"


@pytest.mark.parametrize("vendor", ["pinterest", "meta", "google"])
def test_the_parameter_tables_are_complete(vendor: str) -> None:
    page = _pages()[f"{vendor}.md"]
    rules = [rule for rule in load_rules().rules if rule.vendor.id == vendor]
    named = {path for rule in rules for path, role in rule.fields if path and role.role != "ignore"}
    named |= {
        path for rule in rules for refs in (rule.account, rule.event, rule.dedup) for r in refs for path in r.fields
    }
    rows = {line.split(" | ")[0].removeprefix("| ") for line in page.splitlines()}
    assert {code(path) for path in named} <= rows


@pytest.mark.parametrize(
    ("path", "role", "example"),
    [
        ("tid", "account", "2612000000001"),
        ("ad.loc", "page URL", "https://clinic.test/knee"),
        ("pd.aem", "e-mail address; by itself: automatic enhanced match", "b58996c504c5638798eb6b511e6f49af"),
    ],
)
def test_a_parameter_has_its_role_and_an_example_from_the_rules(path: str, role: str, example: str) -> None:
    rules = load_rules()
    own = [rule for rule in rules.rules if rule.id == "pinterest.tag.event"]
    found = {parameter.path: parameter for parameter in parameters_of(own, rules)}[path]
    assert (found.role, found.example, found.status) == (role, example, "stable")


def test_words_stay_inside_a_cell() -> None:
    assert cell("a | b\n<c>") == "a \\| b &lt;c>"
    assert code("x|y") == "`x\\|y`"
    assert code("a`b") == "`` a`b ``"
    assert names_words(["a", "b", "c"], 2) == "`a`, `b` and 1 more"


def test_conditions_and_accounts_in_words() -> None:
    rules = {rule.id: rule for rule in load_rules().rules}
    script = rules["pinterest.tag.script"]
    assert where_words(script.when[0]) == "`s.pinimg.com` `/ct/…`"
    beacon = rules["pinterest.tag.event"]
    assert beacon.when[0].params == (ValueTest("tid", pattern=beacon.when[0].params[0].pattern),)
    assert where_words(beacon.when[0]) == r"`ct.pinterest.com` `/v3` with `tid` like `^\d{1,20}$`"
    assert account_words(beacon.account[0]) == r"`tid` like `^\d{1,20}$`"
