"""What one visit keeps, hides and leaves behind, on small pages of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from scanner.fleet.local import LocalFleet
from scanner.model import (
    BodyWanted,
    HttpCredentials,
    Outcome,
    PageCapture,
    RequestRecord,
    Secret,
    StopReason,
    VisitLimits,
    VisitTask,
    Wanted,
)
from scanner.urls import host_of
from tests.site.config import fixture_site
from tests.site.reply import GIF, Fate, Reply
from tests.site.server import FixtureServer, Received

CLINIC = "https://www.clinic.test"
QUICK = VisitLimits(stall_ms=4_000, visit_timeout_ms=60_000)


def page(body: str, *headers: tuple[str, str]) -> Reply:
    text = f"<!doctype html><html lang=en><title>Care</title><body>{body}</body></html>"
    return Reply(200, (("content-type", "text/html; charset=utf-8"), *headers), text.encode())


def script(code: str) -> Reply:
    return Reply(200, (("content-type", "text/javascript"), ("etag", '"1"')), code.encode())


def redirect(url: str) -> Reply:
    return Reply(302, (("location", url),))


def visit_pages(
    replies: Mapping[str, Reply],
    *paths: str,
    origin: str = CLINIC,
    wanted: Wanted | None = None,
    attempt: int = 1,
    screenshot: bool = False,
    **site: object,
) -> tuple[list[PageCapture], list[Received]]:
    """Visit pages of the clinic one after the other in one browser; return captures and all that was received.

    `attempt` 2: what goes wrong is not tried again.
    """

    async def run() -> list[PageCapture]:
        async with LocalFleet(fixture_site(server, origin + "/", **site), wanted or Wanted()) as fleet:
            more = {"limits": QUICK, "attempt": attempt, "screenshot": screenshot}
            tasks = [VisitTask(origin + path, origin + path, **more) for path in paths]  # type: ignore[arg-type]
            return [await fleet.visit(task) for task in tasks]

    with FixtureServer(
        {f"www.clinic.test{key}" if key[0] == "/" else key: reply for key, reply in replies.items()}
    ) as server:
        captures = asyncio.run(run())
    return captures, list(server.log)


def one(capture: PageCapture, url_start: str) -> RequestRecord:
    found = [request for request in capture.requests if request.url.startswith(url_start)]
    assert len(found) == 1, [request.url for request in capture.requests]
    return found[0]


def test_second_visit_is_a_first_time_visitors_again() -> None:
    remember = (
        "<script>const seen = localStorage.getItem('v') || document.cookie || sessionStorage.getItem('v') || name;"
        "fetch('https://t.tracker.test/seen?' + encodeURIComponent(seen || 'nothing'), {mode: 'no-cors'});"
        "localStorage.setItem('v', 'stored'); sessionStorage.setItem('v', 'kept'); window.name = 'named';"
        "document.cookie = 'v=cookie; max-age=1000';</script>"
    )
    captures, _ = visit_pages({"/a": page(remember), "/b": page(remember)}, "/a", "/b", concurrency=1)
    for capture in captures:
        assert capture.outcome is Outcome.OK
        one(capture, "https://t.tracker.test/seen?nothing")
        assert [(key.area, key.key) for key in capture.storage] == [("local", "v"), ("session", "v")]
        assert [(cookie.name, cookie.domain) for cookie in capture.cookies] == [("v", "www.clinic.test")]


def test_a_script_hears_of_what_it_asked_to_be_told_on_a_used_page_too() -> None:
    """The browser takes the wish in real time; the page's own timers must not run before that."""
    tell = "() => navigator.sendBeacon('https://t.tracker.test/b')"
    listen = f"cookieStore.addEventListener('change', {tell}, {{once: true}})"
    replies = {"/a": page(f"<script>{listen}; setTimeout(() => {{ document.cookie = 'k=v' }}, 800)</script>")}
    captures, _ = visit_pages(replies, *["/a"] * 5, concurrency=1)
    for capture in captures:
        one(capture, "https://t.tracker.test/b")


def test_third_parties_may_set_cookies_and_the_next_visitor_has_none() -> None:
    follow_up = "setTimeout(() => { new Image().src = 'https://t.tracker.test/second.gif' }, 500)"
    body = f'<img src="https://t.tracker.test/first.gif" onload="{follow_up}">'
    answer = Reply(200, (("content-type", "image/gif"), ("set-cookie", "id=7; SameSite=None; Secure; Max-Age=99")), GIF)
    captures, _ = visit_pages(
        {"/a": page(body), "/b": page(body), "t.tracker.test/first.gif": answer}, "/a", "/b", concurrency=1
    )
    for capture in captures:
        assert [(cookie.name, cookie.domain) for cookie in capture.cookies] == [("id", "t.tracker.test")]
        assert "cookie" not in dict(one(capture, "https://t.tracker.test/first.gif").headers)
        assert dict(one(capture, "https://t.tracker.test/second.gif").headers)["cookie"] == "id=7"


def test_a_page_is_silent_when_it_is_replaced_by_the_next() -> None:
    tell = (
        "<script>for (const e of ['pagehide', 'pageswap', 'freeze'])"
        " addEventListener(e, () => navigator.sendBeacon('https://t.tracker.test/b', 'bye'));"
        "setInterval(() => navigator.sendBeacon('https://t.tracker.test/t'), 60_000)</script>"
    )
    frame = '<iframe src="https://embed.other.test/frame"></iframe>'
    replies = {"/a": page(tell + frame), "/b": page(tell), "embed.other.test/frame": page(tell)}
    captures, received = visit_pages(replies, "/a", "/b", "/a", concurrency=1)
    assert [sum(r.url.endswith("/b") and r.method == "POST" for r in c.requests) for c in captures] == [3, 2, 3]
    assert sum(entry.method == "POST" for entry in received) == 8


def test_what_stands_in_the_page_is_never_taken_for_the_next_page() -> None:
    first = page('<a href="/from-a">more</a><input name="mrn"><img src="https://t.tracker.test/a.gif">')
    replies = {
        "/a": first,
        "/stuck": Reply(200, (("content-type", "text/html"),), b"", Fate.HEAD_THEN_HANG),
        "/nothing": Reply(204),
        "/file": Reply(200, (("content-type", "application/zip"),), b"PK"),
        "/dropped": Reply(200, (), b"", Fate.DROP),
    }
    for path in ("/stuck", "/nothing", "/file", "/dropped"):
        (before, capture, after), received = visit_pages(replies, "/a", path, "/a", concurrency=1, attempt=2)
        assert before.outcome is after.outcome is Outcome.OK
        assert before.form_fields and before.links and capture.outcome is not Outcome.OK
        assert (capture.form_fields, capture.links, capture.title) == ((), (), None), path
        assert {urlsplit(request.url).path for request in capture.requests} == {path}
        assert sum(entry.url.endswith("/a") for entry in received) == 2


def test_the_same_address_is_gone_to_anew_whatever_its_fragment() -> None:
    replies = {"/a": page('<img src="https://t.tracker.test/i.gif?1">')}
    captures, received = visit_pages(replies, "/a", "/a", "/a#part", "/a#other", concurrency=1)
    for capture in captures:
        assert capture.outcome is Outcome.OK
        assert one(capture, CLINIC + "/a").status == 200
        one(capture, "https://t.tracker.test/i.gif")
    assert sum(entry.url == CLINIC + "/a" for entry in received) == 4
    assert all("max-age=0" not in str(entry.headers) for entry in received)


def test_scripts_of_a_frame_run_again_on_the_next_page() -> None:
    """Those of the page before were switched off, in the process that the next page's frame may share."""
    frame = '<iframe src="https://embed.other.test/frame"></iframe><noscript><img src="/no.gif"></noscript>'
    inside = page("<script>fetch('https://t.tracker.test/in', {mode: 'no-cors'})</script>")
    paths = ("/a", "/b", "/c", "/a")
    replies = {path: page(frame) for path in paths} | {"embed.other.test/frame": inside}
    captures, _ = visit_pages(replies, *paths, concurrency=1)
    for capture in captures:
        assert capture.outcome is Outcome.OK, capture.detail
        one(capture, "https://t.tracker.test/in")
        assert not any(request.url.endswith("/no.gif") for request in capture.requests)


def test_a_page_with_something_under_way_is_heard_to_its_end() -> None:
    """What could still speak after its visit is replaced while somebody listens, so nothing is sent unheard."""
    wait = "fetch('/slow').catch(() => 0).finally(() => navigator.sendBeacon('https://t.tracker.test/late', 'x'))"
    replies = {
        "/a": page(f"<script>{wait}</script>"),
        "/slow": Reply(200, (("content-type", "text/plain"),), b"x", Fate.HANG),
        "/b": page('<img src="https://t.tracker.test/b.gif">'),
    }
    (first, second), received = visit_pages(replies, "/a", "/b", concurrency=1, attempt=2)
    sent = Counter(urlsplit(entry.url).path for entry in received if host_of(entry.url) == "t.tracker.test")
    told = [Counter(urlsplit(r.url).path for r in c.requests if "tracker" in r.url) for c in (first, second)]
    assert told[0] + told[1] == sent
    assert told[1] == {"/b.gif": 1} and second.outcome is Outcome.OK


def test_secrets_reach_the_site_and_end_at_a_redirect() -> None:
    replies = {
        "/a": page("<img src=/hop><img src=https://t.tracker.test/p>"),
        "/hop": redirect("https://t.tracker.test/h"),
    }
    captures, received = visit_pages(
        replies,
        "/a",
        extra_headers=(("x-staging", Secret("env:S", "geheim")),),
        http_credentials=HttpCredentials("nurse", Secret("env:P", "geheim2")),
    )
    by_host: dict[str, set[bool]] = {}
    for entry in received:
        headers = {name.lower(): value for name, value in entry.headers}
        by_host.setdefault(host_of(entry.url), set()).add("x-staging" in headers and "authorization" in headers)
        assert ("x-staging" in headers) == ("authorization" in headers)
    assert by_host["www.clinic.test"] == {True}
    assert by_host["t.tracker.test"] == {False}
    assert "geheim" not in repr(captures)
    assert one(captures[0], "https://t.tracker.test/h").redirected_from == CLINIC + "/hop"


def test_chain_of_scripts_globals_and_wanted_answers_are_recorded() -> None:
    replies = {
        "/a": page("<script src=https://tags.vendor.test/loader.js></script>"),
        "tags.vendor.test/loader.js": script(
            "window.fbq = {loaded: true}; setTimeout(() => { const s = document.createElement('script');"
            "s.src = 'https://tags.vendor.test/tag.js'; document.head.append(s); }, 50);"
        ),
        "tags.vendor.test/tag.js": script(
            "setTimeout(() => { new Image().src = 'https://t.tracker.test/px'; }, 5000);"
        ),
    }
    wanted = Wanted(globals=("fbq", "fbq.loaded", "pintrk"), bodies=(BodyWanted("*.vendor.test", r"/tag\.js"),))
    (capture,), _ = visit_pages(replies, "/a", wanted=wanted)
    chain = [entry.url for entry in one(capture, "https://t.tracker.test/px").initiators]
    assert chain == ["https://tags.vendor.test/tag.js", "https://tags.vendor.test/loader.js", CLINIC + "/a"]
    assert capture.globals == ("fbq", "fbq.loaded")
    tag = one(capture, "https://tags.vendor.test/tag.js")
    assert tag.response_body is not None and b"t.tracker.test" in tag.response_body
    assert tag.response_sha256 and tag.response_fingerprint
    assert one(capture, "https://tags.vendor.test/loader.js").response_body is None


@pytest.mark.parametrize("before", ["", "Set = Map = undefined; Object.getOwnPropertyNames = () => { throw 1 };"])
def test_globals_are_what_scripts_made_also_where_builtins_are_replaced(before: str) -> None:
    replies = {"/a": page(f"<form id=pintrk></form><script>{before} window.fbq = {{loaded: true}}</script>")}
    (capture,), _ = visit_pages(replies, "/a", wanted=Wanted(globals=("fbq.loaded", "fbq.queue", "_fbq", "pintrk")))
    assert capture.globals[:1] == ("fbq.loaded",)
    # An element of that name is none. A page that lets nobody list its names is asked for each.
    assert capture.globals[1:] == (("pintrk",) if before else ())


def test_leaving_is_told_once_and_what_is_said_then_is_recorded() -> None:
    say = (
        "<script>for (const e of ['pagehide', 'beforeunload', 'unload'])"
        " addEventListener(e, () => navigator.sendBeacon('https://t.tracker.test/' + e, new Blob([e])), true);"
        "document.addEventListener('visibilitychange', () =>"
        " navigator.sendBeacon('https://t.tracker.test/' + document.visibilityState, 'v'))</script>"
    )
    (capture,), received = visit_pages({"/a": page(say)}, "/a")
    sent = sorted(urlsplit(entry.url).path for entry in received if host_of(entry.url) == "t.tracker.test")
    recorded = sorted(r.url.rpartition("test")[2] for r in capture.requests if "tracker" in r.url)
    assert sent == recorded
    assert one(capture, "https://t.tracker.test/pagehide").body == b"pagehide"
    one(capture, "https://t.tracker.test/hidden")


def test_a_person_moves_again_after_late_scripts_have_started() -> None:
    late = (
        "<script>setTimeout(() => { for (const e of ['mousemove', 'keydown', 'touchstart', 'wheel'])"
        " addEventListener(e, () => fetch('https://t.tracker.test/' + e, {mode: 'no-cors'}), {once: true})"
        "}, 1500)</script>"
    )
    (capture,), _ = visit_pages({"/a": page(late)}, "/a")
    for event in ("mousemove", "keydown", "touchstart", "wheel"):
        one(capture, f"https://t.tracker.test/{event}")


def test_interaction_follows_no_link_and_submits_nothing() -> None:
    everywhere = (
        "<a href=/elsewhere style='position:fixed;inset:0;display:block'>all of it</a>"
        "<form action=/sent><button style='position:fixed;inset:0'>send</button></form>"
    )
    (capture,), received = visit_pages({"/a": page(everywhere), "/elsewhere": page(""), "/sent": page("")}, "/a")
    assert capture.final_url == CLINIC + "/a"
    assert not [entry for entry in received if urlsplit(entry.url).path in ("/elsewhere", "/sent")]


def test_beacon_before_an_endless_loop_is_recorded_with_its_body() -> None:
    loop = "<script>navigator.sendBeacon('https://t.tracker.test/b', new Blob(['last words'])); for (;;);</script>"
    (capture, after), _ = visit_pages({"/a": page(loop), "/b": page("fine")}, "/a", "/b", attempt=2)
    assert (capture.outcome, capture.stop_reason) == (Outcome.PARTIAL, StopReason.PAGE_HUNG)
    assert one(capture, "https://t.tracker.test/b").body == b"last words"
    assert after.outcome is Outcome.OK


def test_policy_stops_are_attempts_and_are_told_once() -> None:
    policy = ("content-security-policy", "img-src 'self'; connect-src 'self'")
    body = (
        "<img src=https://t.tracker.test/img><script>fetch('https://t.tracker.test/fetch').catch(() => 0);"
        "navigator.sendBeacon('https://t.tracker.test/beacon', 'x')</script>"
    )
    (capture,), received = visit_pages({"/a": page(body, policy)}, "/a")
    assert capture.outcome is Outcome.OK
    for name in ("img", "fetch", "beacon"):
        assert one(capture, f"https://t.tracker.test/{name}").blocked == "csp"
    assert not [entry for entry in received if host_of(entry.url) == "t.tracker.test"]


def test_a_picture_is_taken_where_one_is_asked_for() -> None:
    async def run() -> list[PageCapture]:
        async with LocalFleet(fixture_site(server, CLINIC + "/"), Wanted()) as fleet:
            asked = VisitTask(CLINIC + "/a", CLINIC + "/a", limits=QUICK, screenshot=True)
            return [await fleet.visit(asked), await fleet.visit(VisitTask(CLINIC + "/a", CLINIC + "/a", limits=QUICK))]

    with FixtureServer({"www.clinic.test/a": page("<h1 style='background: #f00; height: 9000px'>Red</h1>")}) as server:
        with_picture, without = asyncio.run(run())
    assert with_picture.screenshot is not None
    assert with_picture.screenshot[:3] == b"\xff\xd8\xff"
    assert len(with_picture.screenshot) > 2_000
    assert without.screenshot is None


def test_what_came_from_the_cache_is_not_told_as_sent() -> None:
    """A redirect from the cache was on no wire: the headers that follow are those of where it leads."""
    forth = Reply(301, (("location", "http://two.test/p.gif"), ("cache-control", "max-age=600"), ("etag", '"one"')))
    target = Reply(200, (("content-type", "image/gif"), ("cache-control", "no-store"), ("etag", '"two"')), GIF)
    replies = {
        **dict.fromkeys(("/a", "/b"), page("<img src=http://one.test/r.gif>")),
        "one.test/r.gif": forth,
        "two.test/p.gif": target,
    }
    captures, log = visit_pages(replies, "/a", "/b", origin="http://www.clinic.test", concurrency=1)
    first, second = ([one(capture, f"http://{host}.test/") for host in ("one", "two")] for capture in captures)
    for hop, followed in (first, second):
        assert (hop.status, dict(hop.response_headers)["etag"]) == (301, '"one"')
        assert (followed.status, dict(followed.response_headers)["etag"]) == (200, '"two"')
    assert [hop.from_cache for hop in (*first, *second)] == [False, False, True, False]
    assert Counter(urlsplit(entry.url).hostname for entry in log if "clinic" not in entry.url) == {
        "one.test": 1, "two.test": 2,
    }  # fmt: skip


def test_what_the_browser_sends_over_tls_by_itself_is_one_request() -> None:
    """It knows of some hosts (all of `.dev`) that they want TLS. Nothing went out in the clear; nobody redirected."""
    replies = {
        "/a": page("<img src='http://tracker.dev/p.gif?a=1'>"),
        "tracker.dev/p.gif": redirect("http://two.dev/q"),
    }
    (capture,), log = visit_pages(replies, "/a", origin="http://www.clinic.test")
    sent = [(r.url, r.status, r.redirected_from) for r in capture.requests if "clinic" not in r.url]
    assert sent == [
        ("https://tracker.dev/p.gif?a=1", 302, None),
        ("https://two.dev/q", 204, "https://tracker.dev/p.gif?a=1"),
    ]
    assert sorted(entry.url for entry in log if "clinic" not in entry.url) == [url for url, _, _ in sent]


def test_a_prompt_for_a_password_is_closed_and_the_page_goes_on() -> None:
    """As by a person who has none: the picture fails, the page hears of it and is seen whole."""
    ask = Reply(401, (("www-authenticate", 'Basic realm="Staff"'), ("content-type", "text/html")), b"no")
    say = "<img src='/staff.gif' onerror='navigator.sendBeacon(\"https://t.tracker.test/failed\")'>"
    (capture,), log = visit_pages({"/a": page(say), "/staff.gif": ask}, "/a")
    assert (capture.outcome, capture.attempt) == (Outcome.OK, 2)
    assert one(capture, CLINIC + "/staff.gif").status == 401
    assert one(capture, "https://t.tracker.test/failed").status == 204
    assert "https://t.tracker.test/failed" in {entry.url for entry in log}


def test_who_sets_cookies_and_keys_is_known_and_the_page_cannot_tell() -> None:
    """One name of two hosts, one set by a server, by scripts at once and later; and nothing of the page is touched."""
    act = """
        const told = [];
        for (const name of Object.getOwnPropertyNames(console)) console[name] = () => told.push(name);
        for (const of of [String, Set]) for (const name of Object.getOwnPropertyNames(of.prototype)) {
          const own = Object.getOwnPropertyDescriptor(of.prototype, name);
          if (name !== 'constructor' && typeof own.value === 'function')
            of.prototype[name] = function (...given) { told.push(name); return own.value.apply(this, given); };
        }
        document.cookie = 'script=1; path=/'; localStorage.setItem('kept', 'v'); sessionStorage.setItem('now', 'v');
        localStorage.property = 'v'; setTimeout(() => { document.cookie = 'later=1' }, 3000);
        const set = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie').set;
        const traces = [told.length, set + '', Reflect.ownKeys(set).length, Reflect.ownKeys(window).filter(
          name => typeof name === 'symbol' || /^_[0-9a-f]{24}$/.test(name)).length];
        navigator.sendBeacon('https://t.tracker.test/traces', JSON.stringify(traces));"""
    given = (("set-cookie", "uid=1; Secure; SameSite=None"), ("content-type", "image/gif"))
    body = "<script src='https://t.tracker.test/v.js'></script>" + "".join(
        f"<img src='https://{host}/i.gif'>" for host in ("a.hop-one.test", "b.hop-two.test")
    )
    policy = ("content-security-policy", "script-src https://t.tracker.test")
    replies = {
        "/a": page(body, policy, ("set-cookie", "server=1")),
        "t.tracker.test/v.js": script(act),
        **{f"{host}/i.gif": Reply(200, given, GIF) for host in ("a.hop-one.test", "b.hop-two.test")},
    }
    (first, second), _ = visit_pages(replies, "/a", "/a", concurrency=1, screenshot=True)
    vendor = "https://t.tracker.test/v.js"
    for capture in (first, second):
        assert {(cookie.name, cookie.domain): cookie.set_by for cookie in capture.cookies} == {
            ("uid", "a.hop-one.test"): "https://a.hop-one.test/i.gif",
            ("uid", "b.hop-two.test"): "https://b.hop-two.test/i.gif",
            ("server", "www.clinic.test"): CLINIC + "/a",
            ("script", "www.clinic.test"): vendor,
            ("later", "www.clinic.test"): vendor,
        }
        assert {(key.area, key.key): key.set_by for key in capture.storage} == {
            ("local", "kept"): vendor, ("session", "now"): vendor, ("local", "property"): None,
        }  # fmt: skip
        traces = one(capture, "https://t.tracker.test/traces").body
        assert traces == b'[0,"function set cookie() { [native code] }",2,0]'


def test_a_page_asked_for_again_with_more_hints_keeps_its_own_headers() -> None:
    """The browser asks twice, and tells of what was on the wire the first time only: that is the first one's."""
    hints = (("accept-ch", "Sec-CH-UA-Model"), ("critical-ch", "Sec-CH-UA-Model"), ("etag", '"first"'))
    (capture,), log = visit_pages({"/a": page("<p>hello", *hints)}, "/a")
    first, second = (request for request in capture.requests if request.url == CLINIC + "/a")
    assert [entry.url for entry in log].count(CLINIC + "/a") == 2
    assert dict(first.response_headers)["etag"] == '"first"'
    assert (second.status, second.redirected_from) == (200, CLINIC + "/a")
