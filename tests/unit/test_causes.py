"""Who brought what a finding speaks of, and what else changed on its pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from rules.load import load_rules
from scanner.causes import with_causes
from scanner.drift import compare
from scanner.findings import findings
from scanner.model import Finding, Initiator, Outcome, PageCapture, PageInventory, RequestRecord, Snapshot
from scanner.service.judge import RulesJudge
from tests import make
from tests.containers import ALWAYS, GA4_EVENT, PINTEREST, PINTEREST_ACCOUNT, container_js

JUDGE = RulesJudge(load_rules(()))
PAGE = make.page_url("/")
THEME = make.page_url("/theme.js")
GTM_URL = "https://www.googletagmanager.com/gtm.js?id=GTM-ABC1234"
DAY = {1: make.NOW, 2: make.NOW.replace(day=3)}


def side(number: int, requests: Iterable[RequestRecord]) -> Snapshot:
    return sides(number, [make.capture("/", requests)])


def sides(number: int, captures: Iterable[PageCapture], **more: object) -> Snapshot:
    pages: list[PageInventory] = [replace(JUDGE.inventory(one), **more) for one in captures]  # type: ignore[arg-type]
    made = make.snapshot(pages, id=number)
    return replace(made, scan=replace(made.scan, started_at=DAY[number]))


def found(before: Snapshot, after: Snapshot) -> Finding:
    """The finding of the Pinterest Tag, with its cause."""
    told = findings(compare(before, after), before, after, names=JUDGE.names)
    (finding,) = (f for f in with_causes(told, before, after, JUDGE.names) if f.tag and f.tag.vendor == "pinterest")
    return finding


def beacon(*chain: tuple[str, str]) -> RequestRecord:
    return make.request(initiators=tuple(Initiator(kind, url) for kind, url in chain))


def theme(content: str) -> RequestRecord:
    return make.script(THEME, content * 64)


# --------------------------------------------------------------------------- the three of every day


def test_an_inline_snippet_in_the_page() -> None:
    told = found(side(1, [theme("a")]), side(2, [theme("a"), beacon(("script", PAGE))]))
    assert told.cause == "an inline snippet in the page"
    assert told.also_changed == (), "its own host is no other change"


def test_custom_html_in_a_tag_manager_container() -> None:
    def container(js: str) -> RequestRecord:
        return make.script(GTM_URL, None, response_body=js.encode(), initiators=(Initiator("script", PAGE),))

    sent = make.request(
        make.PINTEREST_BEACON.replace("2612000000001", PINTEREST_ACCOUNT),
        initiators=(Initiator("script", PAGE), Initiator("script", GTM_URL)),
    )
    before = side(1, [container(container_js((GA4_EVENT, ALWAYS), version="11"))])
    after = side(2, [container(container_js((GA4_EVENT, ALWAYS), (PINTEREST, ALWAYS), version="12")), sent])
    told = found(before, after)
    assert told.cause == "Google Tag Manager GTM-ABC1234 version 12 → custom HTML"
    assert told.also_changed == ("Google Tag Manager GTM-ABC1234 went from version 11 to 12",)


def test_a_script_of_the_site_that_changed() -> None:
    told = found(side(1, [theme("a")]), side(2, [theme("b"), beacon(("script", THEME), ("parser", PAGE))]))
    between = "between 2026-03-02 04:30 and 2026-03-03 04:30 UTC"
    assert told.cause == f"the script /theme.js, which changed {between}"
    assert told.also_changed[0] == f"the script /theme.js changed {between} (SHA-256 {'a' * 12}… → {'b' * 12}…)"


# --------------------------------------------------------------------------- and what is not one


def test_a_script_that_did_not_change_is_named_as_the_loader_only() -> None:
    told = found(side(1, [theme("a")]), side(2, [theme("a"), beacon(("script", THEME), ("parser", PAGE))]))
    assert told.cause == "the script /theme.js"
    assert not [change for change in told.also_changed if "script" in change]


def test_a_script_that_was_not_there_before() -> None:
    told = found(side(1, []), side(2, [theme("a"), beacon(("script", THEME))]))
    assert told.cause == "the script /theme.js, which was not on these pages before"


def test_other_scripts_and_hosts_of_the_same_pages_are_told_beside_it() -> None:
    widget = "https://cdn.widgets.test/w.js"
    before = side(1, [make.script(widget, "a" * 64)])
    stranger = make.request("https://px.stranger.test/i.gif?x=1")
    after = side(2, [make.script(widget, "b" * 64), stranger, beacon(("script", PAGE))])
    told = found(before, after)
    assert told.cause == "an inline snippet in the page"
    assert [change.split(" between")[0] for change in told.also_changed] == [
        "the script cdn.widgets.test/w.js changed",
        "the host stranger.test is new",
    ]


@pytest.mark.parametrize(
    "older",
    [
        pytest.param({"scripts": None}, id="entered before scripts were kept"),
        pytest.param({"outcome": Outcome.FAILED}, id="not seen whole then"),
    ],
)
def test_what_nobody_knows_of_the_older_scan_is_no_change(older: dict[str, object]) -> None:
    elsewhere = make.capture("/other")
    before = sides(1, [make.capture("/", [theme("a")])], **older)
    before = replace(before, pages=(*before.pages, JUDGE.inventory(elsewhere)))
    after = sides(2, [make.capture("/", [theme("b"), beacon(("script", THEME))]), elsewhere])
    told = found(before, after)
    assert told.cause == "the script /theme.js"
    assert not [change for change in told.also_changed if "script" in change]


def test_a_first_scan_names_the_loader() -> None:
    after = side(2, [theme("a"), beacon(("script", THEME))])
    (told,) = with_causes([make.finding(loaders=("https://www.clinic.example/theme.js",))], None, after, {})
    assert (told.cause, told.also_changed) == ("the script /theme.js", ())
