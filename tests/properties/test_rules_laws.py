"""Laws of matching: how a request is written does not matter, and strangers are never taken for vendors."""

from __future__ import annotations

import json
import string
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rules.check import example_request
from rules.hosts import host_pattern
from rules.load import load_rules
from rules.match import match_request
from scanner.model import Detection, RequestRecord

RULES = load_rules()
PAGE = "https://www.clinic.test/"
BEACONS = [
    example_request(example)
    for rule in RULES.rules
    if rule.kind == "event"
    for example in rule.examples
    if not example.body and ";" not in example.url and "&" in example.url
]
HOSTS = sorted(
    {host for rule in RULES.rules for condition in rule.when for host in condition.hosts if not set(host) & set("*<")}
)


def said(request: RequestRecord) -> list[tuple[object, ...]]:
    """What a request gives away, without the parameters that no rule names."""
    found = match_request(request, RULES, page_url=PAGE)
    return [identity(d) for d in found]


def identity(d: Detection) -> tuple[object, ...]:
    exposures = sorted((e.kind, e.field, e.value, e.form) for e in d.exposures)
    return (
        d.rule,
        d.account,
        sorted(d.events),
        d.first_party_collection,
        tuple(sorted(d.consent)),
        tuple(exposures),
        d.dedup_id,
    )


beacons = st.sampled_from(BEACONS)
names = st.text(string.ascii_lowercase, min_size=1, max_size=6).map("zz_{}".format)
values = st.text(max_size=20)


@settings(deadline=None)
@given(beacons, st.randoms(use_true_random=False))
def test_the_order_of_parameters_does_not_matter(request: RequestRecord, random: object) -> None:
    head, _, query = request.url.partition("?")
    pairs = query.split("&")
    random.shuffle(pairs)  # type: ignore[attr-defined]
    assert said(RequestRecord(f"{head}?{'&'.join(pairs)}", type=request.type)) == said(request)


@settings(deadline=None)
@given(beacons, st.dictionaries(names, values, max_size=4))
def test_unknown_parameters_change_nothing_but_are_kept(request: RequestRecord, extra: dict[str, str]) -> None:
    longer = RequestRecord(f"{request.url}&{urlencode(extra)}", type=request.type)
    assert said(longer) == said(request)
    for detection in match_request(longer, RULES, page_url=PAGE):
        assert {(n, v) for n, v in extra.items() if v and v not in ("{}", "[]")} <= set(detection.other)


def in_the_url_only(request: RequestRecord) -> bool:
    """What has no body to travel in: a cloaked path in a query value, a script's account, a query without names."""
    named = all("=" in part for part in request.url.partition("?")[2].split("&"))
    return request.type == "script" or "ab=L2" in request.url or not named


@settings(deadline=None)
@given(beacons.filter(lambda r: not in_the_url_only(r)))
def test_a_post_of_the_same_parameters_says_the_same(request: RequestRecord) -> None:
    head, _, query = request.url.partition("?")
    assert said(RequestRecord(head, "POST", request.type, query.encode(), "text/plain")) == said(request)


@settings(deadline=None)
@given(beacons.filter(lambda r: not in_the_url_only(r) and "[" not in r.url))
def test_json_of_the_same_parameters_says_the_same(request: RequestRecord) -> None:
    head, _, query = request.url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    assume(len(dict(pairs)) == len(pairs))
    posted = RequestRecord(head, "POST", request.type, json.dumps(dict(pairs)).encode(), "application/json")
    assert said(posted) == said(request)


@settings(deadline=None)
@given(st.sampled_from(HOSTS), st.from_regex(r"[a-z]{1,8}", fullmatch=True))
def test_a_look_alike_is_another_host(host: str, word: str) -> None:
    bare = host.lstrip(".")
    fits = host_pattern(host)
    assert fits(bare)
    for fake in (f"{bare}.{word}.test", f"{word}{bare}", f"{word}-{bare}", bare.replace(".", "-"), f"{bare}{word}"):
        assert not fits(fake) or (host.startswith(".") and fake.endswith(host))


@settings(deadline=None)
@given(st.sampled_from(HOSTS), st.text(max_size=30))
def test_a_path_of_a_vendors_host_on_another_host_needs_more_than_the_path(host: str, text: str) -> None:
    url = f"https://www.clinic.test/{host.lstrip('.')}/{quote(text)}?u={quote(f'https://{host}/x?id=1', safe='')}"
    assert match_request(RequestRecord(url), RULES, page_url=PAGE) == ()


@settings(deadline=None)
@given(st.text(max_size=200))
def test_random_text_is_nobodys_beacon(text: str) -> None:
    url = f"https://{quote(text)}.test/{quote(text)}?{text}"
    assert match_request(RequestRecord(url), RULES, page_url=PAGE) == ()


@settings(deadline=None)
@given(beacons)
def test_the_host_is_the_requests_own(request: RequestRecord) -> None:
    parts = urlsplit(request.url)
    moved = f"https://stranger.test/?{urlencode({'u': request.url, 'h': parts.hostname or ''})}"
    assert match_request(RequestRecord(moved), RULES, page_url=PAGE) == ()
