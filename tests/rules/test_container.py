"""Containers as Google serves them, in small: built from plain values, read back in words."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.container import ChangeKind, Container, TagRole, compare_containers, read_container
from rules.container_vendors import known_makers
from tests.timing import BOUND, yardsticks

EVENT = {"function": "__e"}
PAGE_PATH = {"function": "__u", "vtp_component": "PATH"}
TRIGGERS = {"function": "__v", "vtp_name": "gtm.triggers", "vtp_dataLayerVersion": 2}
PAGE_VIEW = {"function": "_eq", "arg0": ["macro", 0], "arg1": "gtm.js"}
FORM_SUBMIT = {"function": "_eq", "arg0": ["macro", 0], "arg1": "gtm.formSubmit"}
ON_THANK_YOU = {"function": "_cn", "arg0": ["macro", 1], "arg1": "/thank-you"}
PINTEREST_HTML = (
    '<script type="text/gtmscript">!function(e){}("https://s.pinimg.com/ct/core.js");'
    'pintrk("load","2612345678901",{em:"{{email}}"});pintrk("page");pintrk("track","signup");</script>'
)


def script(
    tags: list[Any],
    *,
    macros: list[Any] | None = None,
    predicates: list[Any] | None = None,
    rules: list[Any] | None = None,
    version: str = "7",
    **siblings: Any,
) -> str:
    resource = {
        "version": version,
        "macros": macros if macros is not None else [EVENT, PAGE_PATH],
        "tags": tags,
        "predicates": predicates if predicates is not None else [PAGE_VIEW, ON_THANK_YOU, FORM_SUBMIT],
        "rules": rules if rules is not None else [[["if", 0], ["add", *range(len(tags))]]],
    }
    body = json.dumps({"resource": resource, **siblings})
    return "(function(){\nvar data = " + body + ';\nvar q={ctid:"GTM-ABC123",canonicalContainerId:"1"};})()'


def read(js: str | bytes, url: str | None = None) -> Container:
    container = read_container(js, url)
    assert container is not None
    return container


def only_tag(tag: dict[str, Any], **parts: Any) -> Any:
    return read(script([tag], **parts)).tags[0]


def test_a_pinterest_tag_that_fires_on_one_page_is_found_without_visiting_it() -> None:
    tag = only_tag(
        {"function": "__html", "vtp_html": PINTEREST_HTML, "tag_id": 12},
        rules=[[["if", 0, 1], ["add", 0]]],
    )
    assert (tag.vendor, tag.product, tag.account, tag.event) == (
        "pinterest",
        "pinterest-tag",
        "2612345678901",
        "signup",
    )
    assert tag.trigger == 'on page view where Page Path contains "/thank-you"'
    assert tag.hosts == ("s.pinimg.com",)
    assert not tag.paused
    assert tag.html is not None
    assert tag.html.startswith("<script>!function")


@pytest.mark.parametrize(
    ("tag", "maker", "account", "event"),
    [
        ({"function": "__googtag", "vtp_tagId": "G-ABCDEFGH12"}, "google-tag", "G-ABCDEFGH12", None),
        ({"function": "__gaawc", "vtp_measurementId": "G-ABCDEFGH12"}, "google-analytics-4", "G-ABCDEFGH12", None),
        (
            {"function": "__gaawe", "vtp_eventName": "refill", "vtp_measurementIdOverride": "G-ABCDEFGH12"},
            "google-analytics-4",
            "G-ABCDEFGH12",
            "refill",
        ),
        (
            {"function": "__awct", "vtp_conversionId": "981777556", "vtp_conversionLabel": "abcDEF"},
            "google-ads",
            "981777556",
            "abcDEF",
        ),
        (
            {"function": "__flc", "vtp_advertiserId": "1234567", "vtp_groupTag": "hosp", "vtp_activityTag": "appt"},
            "google-floodlight",
            "1234567",
            "hosp / appt",
        ),
        ({"function": "__bzi", "vtp_id": "42069"}, "linkedin-insight-tag", "42069", None),
        ({"function": "__baut", "vtp_tagId": "17000000"}, "microsoft-uet", "17000000", None),
        ({"function": "__hjtc", "vtp_hotjar_site_id": "123456"}, "hotjar", "123456", None),
        ({"function": "__pntr", "vtp_tagId": "2612345678901"}, "pinterest-tag", "2612345678901", None),
        ({"function": "__twitter_website_tag", "vtp_twitter_pixel_id": "o1abc"}, "x-pixel", "o1abc", None),
        (
            {"function": "__img", "vtp_url": "https://www.facebook.com/tr?id=123456789012345&ev=Lead&noscript=1"},
            "meta-pixel",
            "123456789012345",
            None,
        ),
        ({"function": "__zzz_unheard_of", "vtp_id": "9"}, None, "9", None),
    ],
)
def test_built_in_tags_name_product_account_and_event(
    tag: dict[str, Any], maker: str | None, account: str | None, event: str | None
) -> None:
    read_tag = only_tag(tag)
    assert (read_tag.product, read_tag.account, read_tag.event) == (maker, account, event)


@pytest.mark.parametrize(
    ("html", "product", "account"),
    [
        ("<script>fbq('init', '123456789012345');fbq('track','PageView')</script>", "meta-pixel", "123456789012345"),
        ("<script>ttq.load('C4ABCDEFGHIJKLMNOPQR');</script>", "tiktok-pixel", "C4ABCDEFGHIJKLMNOPQR"),
        ("<script>snaptr('init','a-b-c')</script>", "snap-pixel", "a-b-c"),
        ('<script>_linkedin_partner_id = "123";</script>', "linkedin-insight-tag", "123"),
        ("<script>twq('config','o1abc');</script>", "x-pixel", "o1abc"),
        ("<script>rdt('init','t2_abc');</script>", "reddit-pixel", "t2_abc"),
        ("<script>h._hjSettings={hjid:987654,hjsv:6};</script>", "hotjar", "987654"),
        ("<img src='https://dc.ads.linkedin.com/collect/?pid=42069&amp;fmt=gif'>", "linkedin-insight-tag", "42069"),
        ("<script src='https://www.googletagmanager.com/gtag/js?id=AW-1234567'>", "google-tag", "AW-1234567"),
        ("<script src='//static.criteo.net/js/ld/ld.js'></script>", "criteo-onetag", None),
        ("<script src='https://www.facebook.com.evil.test/x.js'></script>", None, None),
        ("<p>Call us</p>", None, None),
    ],
)
def test_custom_html_is_searched_for_other_vendors(html: str, product: str | None, account: str | None) -> None:
    tag = only_tag({"function": "__html", "vtp_html": html})
    assert (tag.product, tag.account) == (product, account)


def test_a_custom_html_tag_with_two_vendors_names_both() -> None:
    html = "<script>fbq('init','123456789012345');pintrk('load','2612345678901')</script>"
    tag = only_tag({"function": "__html", "vtp_html": html})
    assert tag.product == "meta-pixel"
    assert dict(tag.details)["also names"] == "pinterest-tag"


def test_variables_in_custom_html_stay_as_names_and_constants_are_filled_in() -> None:
    macros = [
        EVENT,
        PAGE_PATH,
        {"function": "__c", "vtp_value": "2612345678901"},
        {"function": "__v", "vtp_name": "mail"},
    ]
    template = [
        "template",
        "pintrk('load','",
        ["escape", ["macro", 2], 7],
        "',{em:",
        ["escape", ["macro", 3], 8, 16],
        "})",
    ]
    tag = only_tag({"function": "__html", "vtp_html": template}, macros=macros)
    assert tag.html == "pintrk('load','2612345678901',{em:{{data layer variable \"mail\"}}})"
    assert tag.account == "2612345678901"


def test_an_account_from_a_lookup_table_gives_every_account() -> None:
    table = {
        "function": "__smm",
        "vtp_input": ["macro", 1],
        "vtp_map": ["list", ["map", "key", "/a", "value", "G-AAAAAAAA"], ["map", "key", "/b", "value", ["macro", 3]]],
        "vtp_setDefaultValue": True,
        "vtp_defaultValue": "G-CCCCCCCC",
    }
    constant = {"function": "__c", "vtp_value": "G-BBBBBBBB"}
    tag = only_tag({"function": "__googtag", "vtp_tagId": ["macro", 2]}, macros=[EVENT, PAGE_PATH, table, constant])
    assert tag.account == "G-AAAAAAAA | G-BBBBBBBB | G-CCCCCCCC"


def test_an_account_that_only_the_page_knows_is_unknown_and_told_in_the_settings() -> None:
    macros = [EVENT, PAGE_PATH, {"function": "__v", "vtp_name": "pixel"}]
    tag = only_tag({"function": "__pntr", "vtp_tagId": ["macro", 2]}, macros=macros)
    assert tag.account is None
    assert dict(tag.details)["tagId"] == '{{data layer variable "pixel"}}'


@pytest.mark.parametrize(
    ("rules", "trigger"),
    [
        ([[["if", 0], ["add", 0]]], "on page view"),
        ([[["if", 2], ["add", 0]]], "on form submit"),
        ([[["if", 0], ["unless", 1], ["add", 0]]], 'on page view where Page Path does not contain "/thank-you"'),
        (
            [[["if", 0], ["add", 0]], [["if", 0, 1], ["block", 0]]],
            'on page view; never on page view where Page Path contains "/thank-you"',
        ),
        ([[["if", 2], ["add", 0]], [["if", 0], ["add", 0]]], "on form submit or on page view"),
        ([[["if", 1], ["add", 0]]], 'on any event where Page Path contains "/thank-you"'),
        ([], "never by itself: no trigger"),
        ([[["if", 99], ["add", 0, -1, 5]], "rubbish", [["if"]]], "on any event"),
    ],
)
def test_triggers_in_words(rules: list[Any], trigger: str) -> None:
    assert only_tag({"function": "__bzi", "vtp_id": "1"}, rules=rules).trigger == trigger


@pytest.mark.parametrize(
    ("macro", "words"),
    [
        ({"function": "__u", "vtp_component": "HOST"}, "Page Hostname"),
        ({"function": "__u", "vtp_component": "QUERY", "vtp_queryKey": "q"}, 'Page query parameter "q"'),
        ({"function": "__u"}, "Page URL"),
        ({"function": "__f"}, "Referrer"),
        ({"function": "__k", "vtp_name": "consent"}, 'cookie "consent"'),
        ({"function": "__j", "vtp_name": "site.area"}, 'JavaScript variable "site.area"'),
        ({"function": "__v", "vtp_name": "gtm.elementId"}, "Form ID"),
        ({"function": "__v", "vtp_name": "role"}, 'data layer variable "role"'),
        ({"function": "__aev", "vtp_varType": "TEXT"}, "Click Text"),
        ({"function": "__c", "vtp_value": "x"}, '"x"'),
        ({"function": "__d", "vtp_elementId": "h1"}, 'page element "h1"'),
        ({}, "variable without a kind"),
    ],
)
def test_conditions_name_what_they_look_at(macro: dict[str, Any], words: str) -> None:
    predicates = [FORM_SUBMIT, {"function": "_eq", "arg0": ["macro", 1], "arg1": "yes"}]
    tag = only_tag(
        {"function": "__bzi"}, macros=[EVENT, macro], predicates=predicates, rules=[[["if", 0, 1], ["add", 0]]]
    )
    assert tag.trigger == f'on form submit where {words} equals "yes"'


def test_trigger_ids_are_no_conditions_and_their_listener_adds_what_it_waits_for() -> None:
    scroll = {"function": "__sdl", "vtp_verticalThresholdsPercent": "25,50", "vtp_uniqueTriggerId": "99_3"}
    predicates = [
        {"function": "_eq", "arg0": ["macro", 0], "arg1": "gtm.scrollDepth"},
        {"function": "_re", "arg0": ["macro", 1], "arg1": "(^$|((^|,)99_3($|,)))"},
    ]
    container = read(
        script(
            [{"function": "__bzi"}, scroll],
            macros=[EVENT, TRIGGERS],
            predicates=predicates,
            rules=[[["if", 0, 1], ["add", 0]]],
        )
    )
    assert container.tags[0].trigger == "on scrolling (down to percent 25,50)"
    assert container.tags[1].role is TagRole.LISTENER
    assert container.features_on == ("watches scrolling",)


def test_a_paused_tag_keeps_its_kind() -> None:
    tag = only_tag({"function": "__paused", "vtp_originalTagType": "twitter_website_tag", "tag_id": 27})
    assert (tag.paused, tag.function, tag.product) == (True, "__twitter_website_tag", "x-pixel")


def test_a_paused_tag_whose_code_is_there_keeps_its_vendor() -> None:
    code = '<script>pintrk("load","2612345678901");</script><script src="https://s.pinimg.com/ct/core.js"></script>'
    tag = only_tag({"function": "__paused", "vtp_originalTagType": "html", "vtp_html": code, "tag_id": 27})
    assert (tag.paused, tag.function, tag.product, tag.account) == (True, "__html", "pinterest-tag", "2612345678901")


def test_a_community_template_is_named_by_the_hosts_it_may_reach() -> None:
    container = read(
        script(
            [{"function": "__cvt_1_2", "vtp_partnerId": "42"}, {"function": "__cvt_1_3", "vtp_pixelId": "7"}],
            permissions={"__cvt_1_2": {"inject_script": {"urls": ["https://snap.licdn.com/*"]}}},
            runtime=[[50, "__cvt_1_3", [46, "a"], [52, "v", [0, "https://ct.pinterest.com/v3/?", ["p"]]]]],
        )
    )
    assert [(tag.product, tag.account) for tag in container.tags] == [
        ("linkedin-insight-tag", "42"),
        ("pinterest-tag", "7"),
    ]
    assert container.hosts == ("ct.pinterest.com", "snap.licdn.com")


def test_a_set_up_tag_fires_with_the_tag_it_serves() -> None:
    container = read(
        script(
            [{"function": "__html", "vtp_html": "x"}, {"function": "__bzi", "setup_tags": ["list", ["tag", 0, 0]]}],
            rules=[[["if", 0], ["add", 1]]],
        )
    )
    assert container.tags[0].trigger == "before another tag (__bzi)"


def test_user_data_switches_of_an_account_become_features() -> None:
    settings = {
        "function": "__ogt_1p_data_v2",
        "vtp_isEnabled": True,
        "vtp_isAutoEnabled": True,
        "vtp_autoEmailEnabled": True,
        "vtp_autoPhoneEnabled": False,
    }
    redact = {"function": "__ccd_auto_redact", "vtp_redactEmail": False, "vtp_instanceDestinationId": "G-ABCDEFGH12"}
    search = {"function": "__ccd_em_site_search", "vtp_searchQueryParams": "q,s"}
    events = {"function": "__ogt_auto_events", "vtp_enableForm": True, "vtp_enableScroll": False}
    container = read(
        script([settings, redact, search, events]), "https://www.googletagmanager.com/gtag/js?id=G-ABCDEFGH12"
    )
    assert {(feature.name, feature.on) for feature in container.features} == {
        ("user-provided data collection", True),
        ("automatic user-provided data detection", True),
        ("automatic e-mail detection", True),
        ("automatic phone detection", False),
        ("e-mail redaction in URLs", False),
        ("enhanced measurement of site search", True),
        ("enhanced measurement of form interactions", True),
        ("enhanced measurement of scrolling", False),
    }
    assert {feature.account for feature in container.features} == {"G-ABCDEFGH12"}
    assert {tag.role for tag in container.tags} == {TagRole.SETTING}


def test_user_data_switches_count_for_nothing_while_the_collection_is_off() -> None:
    container = read(script([{"function": "__ogt_1p_data_v2", "vtp_isEnabled": False, "vtp_autoEmailEnabled": True}]))
    assert container.features_on == ()


def test_consent_defaults_of_a_template_are_features() -> None:
    row = ["map", "region", "", "ad_storage", "granted", "analytics_storage", "denied"]
    container = read(script([{"function": "__cvt_1_1", "vtp_defaultSettings": ["list", row]}]))
    assert container.features_on == ("consent default for ad_storage granted",)


# --------------------------------------------------------------------------- how the script may look


@pytest.mark.parametrize(
    ("js", "expected"),
    [
        pytest.param(script([{"function": "__bzi", "vtp_id": "5"}]), ("5", "7", True), id="as served"),
        pytest.param(script([{"function": "__bzi", "vtp_id": "5"}]).encode(), ("5", "7", True), id="bytes"),
        pytest.param(
            'var Z9={resource:{version:"7",macros:[{function:"__e"}],tags:[{function:"__bzi",vtp_id:"5",x:!0,y:void 0}]'
            ",predicates:[],rules:[]},runtime:[function(){}]};",
            ("5", "7", True),
            id="minified, renamed",
        ),
        pytest.param(
            "a={'resource':{'version':'7','macros':[],'tags':[{'function':'__bzi','vtp_id':'\\x35',},],}}",
            ("5", "7", True),
            id="single quotes, escapes, trailing commas",
        ),
        pytest.param(
            '{"version":"7","macros":[],"tags":[{"function":"__bzi","vtp_id":"5"}]}',
            ("5", "7", True),
            id="bare resource",
        ),
        pytest.param(
            'data={"resource":{"version":"7","tags":[{"function":"__bzi","vtp_id":"5"},{"function":"__ht',
            ("5", "7", False),
            id="cut off",
        ),
        pytest.param(
            'x={"resource":{"no":1}};data={"resource":{"version":"7","tags":[{"function":"__bzi","vtp_id":"5"}]}}',
            ("5", "7", True),
            id="another resource first",
        ),
    ],
)
def test_scripts_in_many_shapes(js: str | bytes, expected: tuple[str, str, bool]) -> None:
    container = read(js)
    assert (container.tags[0].account, container.version, container.complete) == expected


@pytest.mark.parametrize("js", ["", "var resource = 1;", '{"resource":{}}', "resource:{tags:5}", b"\xff\xfe\x00"])
def test_other_scripts_hold_no_container(js: str | bytes) -> None:
    assert read_container(js) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.googletagmanager.com/gtm.js?id=GTM-XYZ987&l=dl", "GTM-XYZ987"),
        ("https://metrics.clinic.example/a.js?id=%3Cscript%3E", "GTM-ABC123"),
        (None, "GTM-ABC123"),
        ("http://[broken", "GTM-ABC123"),
    ],
)
def test_the_id_comes_from_the_address_or_else_from_the_code(url: str | None, expected: str) -> None:
    assert read(script([]), url).id == expected


def test_a_cut_off_container_does_not_claim_that_a_tag_never_fires() -> None:
    whole = script([{"function": "__bzi", "vtp_id": "5"}])
    cut = read(whole[: whole.index('"predicates"')])
    assert not cut.complete
    assert cut.tags[0].trigger == "on a trigger that was cut off"


# --------------------------------------------------------------------------- versions


BZI = {"function": "__bzi", "vtp_id": "42", "tag_id": 3}
UET = {"function": "__baut", "vtp_tagId": "170000", "tag_id": 4}
PIN = {"function": "__html", "vtp_html": PINTEREST_HTML, "tag_id": 5}


def changes(before: str, after: str) -> list[tuple[ChangeKind, str]]:
    return [(change.kind, change.sentence) for change in compare_containers(read(before), read(after))]


def test_a_tag_that_comes_back_is_told_with_versions_account_and_trigger() -> None:
    assert changes(script([BZI], version="41"), script([PIN, BZI], version="42")) == [
        (
            ChangeKind.ADDED,
            "GTM-ABC123 went from version 41 to 42: "
            "pinterest-tag 2612345678901 (signup) was added; fires on page view.",
        )
    ]


def test_reordered_and_renumbered_tags_and_variables_are_no_change() -> None:
    before = script([BZI, UET], rules=[[["if", 0, 1], ["add", 0, 1]]])
    after = script(
        [UET, BZI],
        macros=[PAGE_PATH, EVENT],
        predicates=[
            {**ON_THANK_YOU, "arg0": ["macro", 0]},
            {**PAGE_VIEW, "arg0": ["macro", 1]},
        ],
        rules=[[["if", 0, 1], ["add", 1]], [["if", 1, 0], ["add", 0]]],
    )
    assert changes(before, after) == []


def test_a_new_version_without_a_difference_says_so() -> None:
    assert changes(script([BZI], version="1"), script([BZI], version="2")) == [
        (ChangeKind.VERSION, "GTM-ABC123 went from version 1 to 2; no tag and no setting changed.")
    ]


@pytest.mark.parametrize(
    ("before", "after", "kind", "part"),
    [
        ([BZI], [], ChangeKind.REMOVED, "linkedin-insight-tag 42 was removed"),
        ([BZI], [{**BZI, "vtp_id": "43"}], ChangeKind.CHANGED, "account 42 became 43"),
        (
            [BZI],
            [{"function": "__paused", "vtp_originalTagType": "bzi", "tag_id": 3}],
            ChangeKind.PAUSED,
            "linkedin-insight-tag 42 was paused",
        ),
        (
            [{"function": "__paused", "vtp_originalTagType": "bzi", "tag_id": 3}],
            [BZI],
            ChangeKind.RESUMED,
            "linkedin-insight-tag 42 is no longer paused; fires on page view",
        ),
        ([PIN], [{**PIN, "vtp_html": PINTEREST_HTML + "<!-- -->"}], ChangeKind.CHANGED, "its HTML changed"),
        ([BZI], [{**BZI, "vtp_region": "eu"}], ChangeKind.CHANGED, "settings changed: region"),
    ],
)
def test_changes_of_one_tag(before: list[Any], after: list[Any], kind: ChangeKind, part: str) -> None:
    [(seen, sentence)] = changes(script(before), script(after))
    assert seen is kind
    assert part in sentence


def test_a_changed_trigger_names_both() -> None:
    [(kind, sentence)] = changes(script([BZI], rules=[[["if", 0, 1], ["add", 0]]]), script([BZI]))
    assert kind is ChangeKind.CHANGED
    assert 'now fires on page view (before: on page view where Page Path contains "/thank-you")' in sentence


def test_switching_automatic_detection_on_is_a_change_of_its_own() -> None:
    off = {"function": "__ogt_1p_data_v2", "vtp_isEnabled": True, "vtp_autoEmailEnabled": False}
    found = changes(script([off]), script([{**off, "vtp_autoEmailEnabled": True}]))
    assert [kind for kind, _ in found] == [ChangeKind.SWITCHED_ON]
    assert "automatic e-mail detection" in found[0][1]


def test_what_a_cut_off_version_lacks_was_not_removed() -> None:
    whole = script([BZI, UET])
    cut = whole[: whole.index("__baut")]
    assert [kind for kind, _ in changes(whole, cut)] == []
    assert [kind for kind, _ in changes(cut, whole)] == []


def test_what_a_cut_off_version_shows_was_added() -> None:
    cut = script([PIN, BZI], version="8").partition('"predicates"')[0]
    assert [kind for kind, _ in changes(script([BZI]), cut)] == [ChangeKind.ADDED]


# --------------------------------------------------------------------------- hostile scripts


def _laughs() -> str:
    macros: list[Any] = [{"function": "__c", "vtp_value": "ha" * 40}]
    macros += [{"function": "__c", "vtp_value": ["template", *[["macro", index]] * 50]} for index in range(199)]
    return script([{"function": "__html", "vtp_html": ["macro", 199]}] * 50, macros=macros)


def _many_rules() -> str:
    predicates = [{"function": "_cn", "arg0": ["macro", 1], "arg1": f"/{n}"} for n in range(500)]
    rules = [[["if", *range(500)], ["add", *range(200)]] for _ in range(200)]
    return script([BZI] * 200, predicates=predicates, rules=rules)


HOSTILE = {
    "deep": '{"resource":{"tags":' + "[" * 1_000_000,
    "deep objects": '{"resource":{"tags":' + '{"a":' * 200_000,
    "many resources": '"resource":{"tags":[' * 50_000,
    "unterminated strings": '{"resource":{"tags":["' + "\\" * 1_000_000,
    "many tokens": '{resource:{"tags":[' + "[]," * 330_000,
    "many quotes": "{resource:{tags:[" + "'\\''," * 200_000,
    "blanks": '"resource"' + " " * 1_000_000,
    "many tags": '{"resource":{"tags":[' + '{"function":"__html"},' * 45_000 + "{}]}}",
    "digits": '{"resource":{"tags":[' + "9" * 1_000_000 + "]}}",
    "exponents": '{resource:{"tags":[' + "1e999," * 160_000 + "]}}",
    "laughs": _laughs(),
    "self": script(
        [{"function": "__html", "vtp_html": ["macro", 0]}], macros=[{"function": "__c", "vtp_value": ["macro", 0]}]
    ),
    "rules": _many_rules(),
    "slashes": script([{"function": "__html", "vtp_html": "//a.b" * 200_000}]),
    "pixels": script([{"function": "__html", "vtp_html": "facebook.com/tr?fbq('init'," * 40_000}]),
    "surrogates": script([{"function": "__html", "vtp_html": "\ud800" * 1000, "vtp_id": "\udfff"}]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_scripts_neither_raise_nor_hang(name: str) -> None:
    js = HOSTILE[name]

    def read() -> None:
        container = read_container(js, "https://a.test/gtm.js?id=" + "A" * 5000)
        if container is not None:
            compare_containers(container, container)
            "".join(tag.trigger + (tag.html or "") + tag.label for tag in container.tags).encode()

    assert yardsticks(read) < BOUND


def test_makers_are_called_as_in_the_rule_files() -> None:
    products: dict[str, set[str]] = {}
    for path in Path(str(files("rules").joinpath("vendors"))).glob("*.yaml"):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        products.setdefault(document["vendor"]["id"], set()).update(each["id"] for each in document["products"])
    assert products
    wrong = {
        maker for maker in known_makers() if maker.vendor in products and maker.product not in products[maker.vendor]
    }
    assert wrong == set()
