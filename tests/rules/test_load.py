"""Rule files of one's own: everything wrong at once, each with file and line."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from rules.load import assemble, load_rules
from rules.match import match_request
from rules.patterns import Pattern
from rules.source import parse
from rules.wanting import wants
from scanner.errors import ProblemsError
from scanner.model import RequestRecord

GOOD = """\
vendor: {id: acme, name: Acme, company: Acme Inc., website: https://acme.test, domains: [acme.test]}
products:
  - {id: acme-pixel, name: Acme Pixel, category: advertising}
rules:
  - id: acme.pixel.event
    title: The Acme pixel reports an event
    product: acme-pixel
    kind: event
    status: experimental
    references: [https://acme.test/docs]
    when: {host: [px.acme.test], path: [/collect]}
    read: {account: a, event: ev}
    fields: {u: page_url}
    examples:
      matches: [{url: "https://px.acme.test/collect?a=1", gives: {account: "1"}}]
      does_not_match: [{url: "https://clinic.test/collect?a=1", because: another host}]
"""


def write(folder: Path, text: str, name: str = "acme.yaml") -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        load_rules([path])
    return [str(problem) for problem in caught.value.problems]


def test_a_file_of_ones_own_speaks_beside_the_bundled_ones(tmp_path: Path) -> None:
    rules = load_rules([write(tmp_path, GOOD)])
    (found,) = match_request(
        RequestRecord(url="https://px.acme.test/collect?a=7&ev=lead&u=https%3A%2F%2Fclinic.test%2F"),
        rules,
        page_url="https://clinic.test/",
    )
    assert (found.vendor, found.account, found.event, found.first_party_collection) == ("acme", "7", "lead", False)
    assert rules.digest != load_rules().digest
    assert load_rules([tmp_path]).digest == rules.digest


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        pytest.param("kind: event", "kind: beacon", 8, "beacon", id="unknown kind"),
        pytest.param("u: page_url", "u: page", 13, "'page' is not one of", id="unknown role"),
        pytest.param("path: [/collect]", "pth: [/collect]", 11, "pth", id="misspelt condition"),
        pytest.param("[px.acme.test]", "[https://px.acme.test]", 11, "without scheme", id="URL instead of host"),
        pytest.param("path: [/collect]", "path_regex: '('", 11, "not a regular expression", id="broken pattern"),
        pytest.param("product: acme-pixel", "product: other-pixel", 7, "no product other-pixel", id="unknown product"),
        pytest.param("id: acme.pixel.event", "id: other.pixel.event", 5, "starts with its vendor", id="foreign id"),
        pytest.param("host: [px.acme.test], ", "", 11, "needs a `host`", id="no host"),
        pytest.param(
            "host: [px.acme.test], path: [/collect]", "anywhere: true, params: {a: true}", 11, "needs a path", id="weak"
        ),
        pytest.param("because: another host", "method: GET", 16, "say `because`", id="unexplained counterexample"),
        pytest.param(
            "fields: {u: page_url}", "decode: {u: rot13}\n    fields: {u: page_url}", 13, "unknown decoder", id="rot13"
        ),
        pytest.param("    kind: event", "    kind: event\n    kind: event", 9, "stands here twice", id="doubled key"),
        pytest.param("rules:", "rules: [", None, "not valid YAML", id="not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, old: str, new: str, line: int | None, said: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    found = problems_of(path)
    assert any(said in text for text in found), found
    if line is not None:
        assert any(text.startswith(f"{path}:{line}:") and said in text for text in found), found


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("kind: event", "kind: beacon"), "one.yaml")
    write(tmp_path, GOOD.replace("u: page_url", "u: page").replace("acme", "bcme"), "two.yaml")
    (tmp_path / "empty.yaml").write_text("")
    found = problems_of(tmp_path)
    assert {text.split(":")[0].rpartition("/")[2] for text in found} == {"one.yaml", "two.yaml", "empty.yaml"}


def test_a_missing_file_and_an_empty_directory_are_problems(tmp_path: Path) -> None:
    assert "cannot be read" in problems_of(tmp_path / "nothing.yaml")[0]
    assert "no *.yaml files" in problems_of(tmp_path)[0]


def test_a_rule_of_the_same_id_replaces_the_bundled_one(tmp_path: Path) -> None:
    text = """\
    vendor: {id: pinterest}
    rules:
      - id: pinterest.tag.script
        title: Our own view of the script
        product: pinterest-tag
        kind: other
        status: experimental
        references: [https://clinic.test/]
        when: {host: [s.pinimg.com], path: [/ct/core.js]}
        examples:
          matches: [{url: "https://s.pinimg.com/ct/core.js", gives: {account: null}}]
          does_not_match: [{url: "https://s.pinimg.com/x", because: another path}]
    """
    rules = load_rules([write(tmp_path, text)])
    assert rules.rule("pinterest.tag.script").title == "Our own view of the script"
    assert len(rules.rules) == len(load_rules().rules)


def test_the_same_id_twice_in_ones_own_files_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "one.yaml")
    write(tmp_path, GOOD, "two.yaml")
    assert any("is used twice" in text for text in problems_of(tmp_path))


def test_keys_that_yaml_would_turn_into_truth_values_stay_text(tmp_path: Path) -> None:
    rules = load_rules([write(tmp_path, GOOD.replace("u: page_url", "on: page_url, no: referrer, 1: free_text"))])
    found = match_request(RequestRecord(url="https://px.acme.test/collect?a=1&on=x&no=y&1=z"), rules, page_url=None)
    assert [(e.field, e.kind.value) for e in found[0].exposures] == [
        ("on", "page_url"), ("no", "referrer"), ("1", "free_text"),
    ]  # fmt: skip


def test_a_reference_can_say_its_own_word(tmp_path: Path) -> None:
    text = GOOD.replace("event: ev", "event: [ev, {field: btn.text, as: button click}]")
    rules = load_rules([write(tmp_path, text)])
    url = "https://px.acme.test/collect?a=1&btn[text]=Book"
    (found,) = match_request(RequestRecord(url=url), rules, page_url=None)
    assert found.event == "button click"


def test_a_field_can_mean_this_or_that_by_its_value(tmp_path: Path) -> None:
    roles = "[{role: page_url, only: '^https?:'}, {role: referrer, only: '^from '}, browser_id]"
    rules = load_rules([write(tmp_path, GOOD.replace("u: page_url", f"u: {roles}"))])
    url = "https://px.acme.test/collect?a=1&ev=x&u=https%3A%2F%2Fclinic.test%2F&u=from+here&u=7f7f"
    (found,) = match_request(RequestRecord(url=url), rules, page_url=None)
    assert [(e.kind.value, e.value) for e in found.exposures if e.field == "u"] == [
        ("page_url", "https://clinic.test/"),
        ("referrer", "from here"),
        ("browser_id", "7f7f"),
    ]
    broken = write(tmp_path, GOOD.replace("u: page_url", "u: [page_url, browser_id]"))
    assert any(":13:" in text and "never count" in text for text in problems_of(broken))


def test_a_path_with_flags_can_be_wanted_too(tmp_path: Path) -> None:
    text = GOOD.replace("path: [/collect]", "path_regex: '(?i)^/Collect'").replace(
        "    examples:", "    response: {keep: true}\n    examples:", 1
    )
    rules = load_rules([write(tmp_path, text)])
    assert wants(rules.wanted(), "https://px.acme.test/COLLECT?a=1")
    assert not wants(rules.wanted(), "https://px.acme.test/other")


def test_bundled_files_are_tried_out_only_where_they_are_to_be_validated() -> None:
    broken = GOOD.replace("path: [/collect]", "path_regex: '('")
    (rule,) = assemble([("acme.yaml", broken)], []).rules
    with pytest.raises(re.error):
        match_request(RequestRecord(url=rule.examples[0].url), assemble([("acme.yaml", broken)], []), page_url=None)
    with pytest.raises(ProblemsError, match=r"acme\.yaml:11: not a regular expression"):
        assemble([("acme.yaml", broken)], [], validate_bundled=True)


def test_a_broken_bundled_file_says_what_is_wrong_with_it() -> None:
    with pytest.raises(ProblemsError, match=r"acme\.yaml:\d+: .*status"):
        assemble([("acme.yaml", GOOD.replace("    status: experimental\n", ""))], [])


def test_a_pattern_is_compiled_when_it_is_first_used() -> None:
    lazy = Pattern("a(b)?")
    assert (lazy.pattern, lazy) == ("a(b)?", Pattern("a(b)?"))
    assert lazy.fullmatch("ab") and lazy.search("xa") and not lazy.fullmatch("b")
    assert ([found[0] for found in lazy.finditer("ab a")], lazy.groups) == (["ab", "a"], 1)
    with pytest.raises(re.error):
        Pattern("(").search("")


@pytest.mark.parametrize("text", ["1", "1.5", "true", "no", "~", "2026-03-02", "0x1f", "on", "plain", "1e3", ""])
def test_values_mean_what_the_safe_loader_takes_them_for(text: str) -> None:
    document, problems = parse(f"a: {text}\nb: '{text}'\nc: [{text}]", "x.yaml")
    assert document is not None
    assert problems == []
    expected = yaml.safe_load(text)
    assert document.content == {"a": expected, "b": text, "c": [] if text == "" else [expected]}
