"""The browser room's pure functions: tables of plain values, and two laws."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.browser import setters
from scanner.browser.cookies import cookie_records, parse_storage_state
from scanner.browser.draft import Draft, blocked_reason, request_type
from scanner.browser.fingerprint import fingerprint
from scanner.browser.initiators import direct_chain, whole_chain
from scanner.browser.launch import candidates, install_commands
from scanner.browser.outcome import Answer, judge_answer, transport_failure
from scanner.browser.records import finished_records
from scanner.browser.settings import BrowserSettings, launch_flags, resolver_rules, user_agent_for
from scanner.browser.site_headers import SiteHeaders
from scanner.errors import UsageError
from scanner.model import (
    Device,
    HttpCredentials,
    Initiator,
    Outcome,
    Profile,
    ResolveRule,
    Secret,
    SiteConfig,
    StopReason,
)

CLINIC = "https://www.clinic.example/"


# --------------------------------------------------------------------------- settings and launch


def test_resolve_rules_keep_their_order_and_bracket_ipv6() -> None:
    rules = (ResolveRule("www.clinic.example", "10.0.0.1", 443), ResolveRule("*", "::1", 8443))
    assert resolver_rules(rules) == "MAP www.clinic.example 10.0.0.1:443, MAP * [::1]:8443"


@pytest.mark.parametrize(("as_root", "isolated"), [(True, True), (True, False), (False, True), (False, False)])
def test_sandbox_is_off_only_for_root_and_isolation_only_where_asked(as_root: bool, isolated: bool) -> None:
    flags = launch_flags(BrowserSettings("/bin/browser", site_isolation=isolated), None, as_root)
    disabled = next(flag for flag in flags if flag.startswith("--disable-features="))
    assert ("--no-sandbox" in flags) is as_root
    assert ("site-per-process" in disabled) is not isolated


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (Profile(), "Chrome/156.0.0.0 Safari/537.36"),
        (Profile(device=Device.MOBILE), "Chrome/156.0.0.0 Mobile Safari/537.36"),
        (Profile(user_agent="mine"), "mine"),
    ],
)
def test_user_agent_is_a_persons(profile: Profile, expected: str) -> None:
    agent = user_agent_for(profile, "Chromium 156.0.8078.79 built on Debian", "linux")
    assert agent.endswith(expected)
    assert "Headless" not in agent


def test_browser_named_by_the_environment_comes_first_and_alone() -> None:
    assert candidates({"TAGDRIFT_BROWSER": "/opt/b"}, {"chromium": "/usr/bin/chromium"}, "linux") == [
        ("/opt/b", "environment")
    ]


def test_binary_behind_a_distributions_wrapper_is_preferred() -> None:
    found = [path for path, _ in candidates({}, {"chromium": "/usr/bin/chromium"}, "linux")]
    assert found.index("/usr/lib/chromium/chromium") < found.index("/usr/bin/chromium")


@pytest.mark.parametrize(
    ("platform", "tools", "is_root", "first"),
    [
        ("linux", ["apt-get"], True, ["apt-get", "update"]),
        ("linux", ["apt-get", "sudo"], False, ["sudo", "-n", "apt-get"]),
        ("darwin", ["brew"], False, ["brew", "install", "--cask"]),
    ],
)
def test_distribution_package_first_playwright_last(
    platform: str, tools: list[str], is_root: bool, first: list[str]
) -> None:
    commands = install_commands(platform, tools, is_root)
    assert commands[0][: len(first)] == first
    assert commands[-1][1:] == ["-m", "playwright", "install", "chromium"]


def test_without_rights_only_playwright_is_left() -> None:
    assert len(install_commands("linux", ["apt-get"], False)) == 1


# --------------------------------------------------------------------------- secrets stay at home


def _site(**changes: object) -> SiteConfig:
    return SiteConfig(name="clinic", start=(CLINIC,), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://www.clinic.example/a", {"X-Staging", "Authorization"}),
        ("http://www.clinic.example/a", {"X-Staging"}),
        ("https://cdn.clinic.example/a", set()),
        ("https://www.clinic.example.evil.test/", set()),
        ("https://ct.pinterest.com/v3/?u=https://www.clinic.example/", set()),
    ],
)
def test_headers_and_credentials_go_to_the_sites_own_hosts_only(url: str, names: set[str]) -> None:
    headers = SiteHeaders.of(
        _site(
            extra_headers=(("X-Staging", Secret("env:S", "geheim")),),
            http_credentials=HttpCredentials("u", Secret("env:P", "geheim2")),
        )
    )
    assert set(headers.added_for(url)) == names
    assert "geheim" not in repr(headers)


def test_a_bad_storage_state_is_named_but_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        parse_storage_state(Secret("file:state.json", "{not json geheim"))
    assert "file:state.json" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_own_cookies_lose_their_values_and_strangers_keep_theirs() -> None:
    def draft(url: str) -> Draft:
        headers = {"cookie": "sid=1; b=2", "authorization": "Bearer x"}
        return Draft("1", url, "GET", "image", "page", 0, told_request_headers=headers)

    own, strange = finished_records(
        [draft("https://www.clinic.example/a"), draft("https://t.example/p")], "www.clinic.example"
    )
    assert own.headers == (("cookie", "sid; b"),)
    assert strange.headers == (("cookie", "sid=1; b=2"),)


def test_headers_that_a_page_made_up_for_a_stranger_are_evidence() -> None:
    headers = {
        "x-user-email": "a@b.example",
        "accept": "*/*",
        "sec-fetch-mode": "cors",
        "authorization": "Bearer x",
        "x-api-key": "k",
        "access-control-request-headers": "x-user-email",
    }
    drafts = [
        Draft("1", url, "GET", "fetch", "page", 0, told_request_headers=headers)
        for url in ("https://www.clinic.example/a", "https://t.example/p")
    ]
    own, strange = finished_records(drafts, "www.clinic.example", wanted_headers=("x-api-key",))
    assert own.headers == (("x-api-key", "k"),)
    assert dict(strange.headers) == {
        "x-user-email": "a@b.example",
        "x-api-key": "k",
        "access-control-request-headers": "x-user-email",
    }
    assert len(strange.headers) == 3


def test_cookie_lifetimes_are_relative_and_session_cookies_have_none() -> None:
    cookies = [
        {"name": "a", "domain": ".x.example", "path": "/", "expires": 1_100.0, "httpOnly": True},
        {"name": "b", "domain": ".x.example", "path": "/", "expires": -1},
    ]
    records = cookie_records(
        cookies, lambda name, domain: f"https://{domain[1:]}/set" if name == "a" else None, 1_000.0
    )
    assert [(r.name, r.lifetime_s, r.set_by) for r in records] == [
        ("a", 100, "https://x.example/set"),
        ("b", None, None),
    ]


def test_who_set_a_cookie_is_one_that_may() -> None:
    calls = [{"url": ""}, {"url": "https://t.example/v.js#x"}, {"url": "https://www.clinic.example/"}]
    called = {"type": "warning", "stackTrace": {"callFrames": calls}}
    word = re.search(r"const (_[0-9a-f]{24}) =", setters._LISTEN)
    assert word is not None
    heard = setters.Setters()
    for name in ("_id", "uid"):
        args = [{"value": f"Count for '{word[1]} c{name}' does not exist"}]
        assert heard.hear({**called, "args": args})
    assert not heard.hear({**called, "args": [{"value": "Count for 'mine' does not exist"}]})
    page, answers = "www.clinic.example", ["https://a.example/sync", "https://b.example/sync"]
    assert heard.of_cookie("_id", ".clinic.example", page) == "https://t.example/v.js"
    assert heard.of_cookie("_id", ".b.example", page) is None
    assert heard.of_cookie("uid", ".b.example", page, answers) == "https://b.example/sync"
    assert heard.of_cookie("uid", "www.clinic.example", page, answers) == "https://t.example/v.js"
    assert heard.of_storage("local", "_id") is None


# --------------------------------------------------------------------------- requests


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        ({"blockedReason": "csp"}, "csp"),
        ({"errorText": "net::ERR_BLOCKED_BY_CSP"}, "csp"),
        ({"errorText": "net::ERR_FAILED", "corsErrorStatus": {"corsError": "MissingAllowOriginHeader"}}, "cors"),
        ({"blockedReason": "mixed-content"}, "mixed-content"),
        ({"errorText": "net::ERR_BLOCKED_BY_ORB"}, "orb"),
        ({"errorText": "net::ERR_BLOCKED_BY_CLIENT"}, "client"),
        ({"blockedReason": "coep-frame-resource-needs-coep-header"}, "other"),
        ({"errorText": "net::ERR_CONNECTION_REFUSED"}, None),
    ],
)
def test_who_stopped_a_request(failed: dict[str, object], expected: str | None) -> None:
    assert blocked_reason(failed) == expected


@pytest.mark.parametrize(
    ("cdp_type", "initiator", "headers", "expected"),
    [
        ("Ping", None, {}, "ping"),
        ("Other", "preflight", {}, "preflight"),
        ("Other", None, {"content-type": "application/csp-report"}, "csp-report"),
        ("Other", "parser", {"sec-purpose": "prefetch"}, "prefetch"),
        ("TextTrack", None, {}, "other"),
    ],
)
def test_request_types(cdp_type: str, initiator: str | None, headers: dict[str, str], expected: str) -> None:
    assert request_type(cdp_type, initiator, headers, "GET") == expected


def test_chain_follows_asynchronous_parents_and_then_who_loaded_the_script() -> None:
    stack = {
        "callFrames": [{"url": "https://t.example/tag.js", "lineNumber": 4, "functionName": "send"}],
        "parent": {"callFrames": [{"url": "https://t.example/loader.js", "lineNumber": 0, "functionName": ""}]},
    }
    direct = direct_chain({"type": "script", "stack": stack}, None, is_worker=False)
    loaders = {
        "https://t.example/loader.js": (Initiator("script", "https://gtm.example/gtm.js"),),
        "https://gtm.example/gtm.js": (Initiator("parser", CLINIC, 3),),
    }
    assert [(i.kind, i.url, i.line) for i in whole_chain(direct, loaders)] == [
        ("script", "https://t.example/tag.js", 5),
        ("script", "https://t.example/loader.js", 1),
        ("script", "https://gtm.example/gtm.js", None),
        ("parser", CLINIC, 3),
    ]


def test_scripts_that_load_each_other_end_the_chain() -> None:
    loaders = {"a": (Initiator("script", "b"),), "b": (Initiator("script", "a"),)}
    assert whole_chain((Initiator("script", "a"),), loaders) == (Initiator("script", "a"), Initiator("script", "b"))


# --------------------------------------------------------------------------- fingerprints

CODE = b"""!function(){var id="%s",t=%d,u='%s';load("https://t.example/tag.js?tid=2612000000001",id,t,u)}();"""


def test_a_stamp_for_every_visitor_is_not_a_change() -> None:
    one = CODE % (b"d41d8cd98f00b204e9800998ecf8427e", 1700000000123, b"2f1b7c0e-1111-4222-8333-444455556666")
    two = CODE % (b"900150983cd24fb0d6963f7d28e17f72", 1760000000456, b"9a9b7c0e-aaaa-4bbb-8ccc-ddddeeeeffff")
    assert fingerprint(one) == fingerprint(two)


@pytest.mark.parametrize(
    ("before", "after"), [(b"2612000000001", b"2612000000002"), (b"t.example", b"u.example"), (b"load(", b"send(")]
)
def test_another_account_host_or_call_is_a_change(before: bytes, after: bytes) -> None:
    assert fingerprint(CODE) != fingerprint(CODE.replace(before, after))


@given(st.binary(max_size=2_000))
def test_any_bytes_have_a_fingerprint_and_keep_it(content: bytes) -> None:
    assert fingerprint(content) == fingerprint(content)
    assert len(fingerprint(content)) == 64


# --------------------------------------------------------------------------- outcomes

CHALLENGE = "<title>Just a moment...</title><script>window._cf_chl_opt={}</script>"
BADGE = '<div class="g-recaptcha"></div>' + "<p>words</p>" * 300


def _answer(**changes: object) -> Answer:
    values: dict[str, object] = {"requested_url": CLINIC + "care", "final_url": CLINIC + "care", "status": 200}
    values |= {"mime": "text/html", "title": "Care", "text": "We care for you. " * 200, "nodes": 900}
    return Answer(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(_answer(), (Outcome.OK, None), id="a page"),
        pytest.param(_answer(source=BADGE), (Outcome.OK, None), id="a captcha badge on an ordinary page"),
        pytest.param(
            _answer(status=403, source=CHALLENGE, text="", nodes=20, title="Just a moment..."),
            (Outcome.BLOCKED, StopReason.BOT_WALL), id="challenge with 403",
        ),
        pytest.param(_answer(status=503, headers={"cf-mitigated": "challenge"}), (Outcome.BLOCKED, StopReason.BOT_WALL), id="header"),  # noqa: E501
        pytest.param(
            _answer(source=BADGE, text="Please complete the captcha", nodes=12), (Outcome.BLOCKED, StopReason.CAPTCHA),
            id="nothing but a captcha",
        ),
        pytest.param(
            _answer(text="How to complete the captcha on our portal. " * 90, source=BADGE), (Outcome.OK, None),
            id="a page that writes about captchas",
        ),
        pytest.param(_answer(status=404), (Outcome.FAILED, StopReason.HTTP_ERROR), id="404"),
        pytest.param(_answer(status=500), (Outcome.FAILED, StopReason.HTTP_ERROR), id="500"),
        pytest.param(_answer(status=403), (Outcome.BLOCKED, StopReason.HTTP_ERROR), id="403"),
        pytest.param(_answer(status=429, text="slow down"), (Outcome.BLOCKED, StopReason.BOT_WALL), id="429"),
        pytest.param(_answer(status=401), (Outcome.BLOCKED, StopReason.LOGIN), id="401"),
        pytest.param(
            _answer(final_url=CLINIC + "login?next=/care", has_password_field=True),
            (Outcome.BLOCKED, StopReason.LOGIN),
            id="sent to the login",
        ),
        pytest.param(
            _answer(requested_url=CLINIC + "login", final_url=CLINIC + "login", has_password_field=True),
            (Outcome.OK, None), id="the login page itself",
        ),
        pytest.param(_answer(has_password_field=True), (Outcome.OK, None), id="a page with a small login form"),
        pytest.param(
            _answer(final_url="https://login.idp.example/authorize", has_password_field=True),
            (Outcome.BLOCKED, StopReason.LOGIN), id="login on another host",
        ),
        pytest.param(_answer(final_url="https://other.example/"), (Outcome.FAILED, StopReason.OFF_SITE), id="off-site"),
        pytest.param(_answer(mime="application/pdf"), (Outcome.FAILED, StopReason.NOT_HTML), id="pdf"),
        pytest.param(
            _answer(title="404 Not Found", text="Page not found", nodes=20), (Outcome.BLOCKED, StopReason.ERROR_PAGE),
            id="soft 404 with its own words",
        ),
        pytest.param(_answer(title="Page not found: how sites fail"), (Outcome.OK, None), id="a long article"),
    ],
)  # fmt: skip
def test_what_answered(answer: Answer, expected: tuple[Outcome, StopReason | None]) -> None:
    assert judge_answer(answer)[:2] == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Page.goto: net::ERR_NAME_NOT_RESOLVED at https://x/", StopReason.DNS),
        ("Page.goto: net::ERR_CERT_AUTHORITY_INVALID at https://x/", StopReason.TLS),
        ("Page.goto: net::ERR_TOO_MANY_REDIRECTS at https://x/", StopReason.REDIRECT_LOOP),
        ("Page.goto: net::ERR_CONNECTION_REFUSED at https://x/", StopReason.CONNECTION),
        ("something else", StopReason.CONNECTION),
    ],
)
def test_transport_failures(message: str, expected: StopReason) -> None:
    assert transport_failure(message)[0] is expected
