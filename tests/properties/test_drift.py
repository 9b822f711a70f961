"""Laws of drift and findings, for any two scans; and that chance in a site's traffic is never drift."""

from __future__ import annotations

import random
import re
import string
import uuid
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.load import load_rules
from rules.match import match_page
from scanner.drift import compare
from scanner.findings import findings, inventory_findings
from scanner.inventory import page_inventory
from scanner.model import (
    Category,
    Outcome,
    PageCapture,
    PageInventory,
    RequestRecord,
    Severity,
    Sighting,
    SightingKind,
    SignalKind,
    Snapshot,
    SourceSignal,
    StopReason,
    TagKey,
    Verdict,
)
from tests import make

LAW = settings(deadline=None)
PATHS = ("/", "/a", "/b", "/c", "/login")
TAGS = (make.PINTEREST, make.META, TagKey("meta", "meta-pixel", "2"), TagKey("meta", "meta-pixel", None))

sightings = st.builds(
    lambda kind, tag, subject, role, version, evidence: make.sighting(
        subject,
        kind,
        None if kind is SightingKind.HOST else tag,
        role if kind in (SightingKind.FIELD, SightingKind.TAG) else "",
        version=version if kind is SightingKind.SCRIPT else None,
        evidence=(evidence,),
    ),
    st.sampled_from((SightingKind.EVENT, SightingKind.HOST, SightingKind.SCRIPT, SightingKind.ENDPOINT)),
    st.sampled_from((*TAGS, None)),
    st.sampled_from(("x.example", "GET t.x.example/c", "lead")),
    st.just(""),
    st.sampled_from((None, "f1", "f2", "f1+f2")),
    st.sampled_from(("request", "blocked", "source")),
) | st.builds(
    lambda kind, tag, role: make.sighting("", kind, tag, role),
    st.just(SightingKind.TAG),
    st.sampled_from(TAGS),
    st.sampled_from(("", "first-party")),
)


def unique(found: Iterable[Sighting]) -> list[Sighting]:
    return list({s.identity: s for s in found}.values())


def page(path: str) -> st.SearchStrategy[PageInventory]:
    def build(seen: list[Sighting], outcome: Outcome, gone: bool) -> PageInventory:
        ok = outcome is Outcome.OK
        return make.inventory(
            path,
            unique(seen),
            outcome,
            stop_reason=None if ok else StopReason.PAGE_HUNG,
            status=404 if gone and not ok else 200,
        )

    return st.builds(
        build, st.lists(sightings, max_size=6), st.sampled_from((Outcome.OK, Outcome.OK, *Outcome)), st.booleans()
    )


def _sites(paths: set[str]) -> st.SearchStrategy[Snapshot]:
    return st.tuples(*(page(path) for path in sorted(paths))).map(make.snapshot)


scans = st.sets(st.sampled_from(PATHS)).flatmap(_sites)


def pairs(a: Snapshot, b: Snapshot, verdict: Verdict) -> set[tuple[object, str]]:
    return {(e.identity, p) for e in compare(a, b).entries if e.verdict is verdict for p in e.pages}


def whole(scan: Snapshot) -> set[str]:
    return {p.page for p in scan.pages if p.outcome is Outcome.OK}


def seen_in(scan: Snapshot) -> set[object]:
    return {s.identity for p in scan.pages for s in p.sightings}


@LAW
@given(scans)
def test_a_scan_against_itself_is_empty(scan: Snapshot) -> None:
    drift = compare(scan, scan)
    assert drift.empty
    assert drift.new_pages == drift.gone_pages == ()
    assert findings(drift, scan, scan) == ()


@LAW
@given(scans, scans)
def test_reversing_time_swaps_added_and_removed(a: Snapshot, b: Snapshot) -> None:
    both_whole = whole(a) & whole(b)

    def on_whole_pages(found: set[tuple[object, str]]) -> set[tuple[object, str]]:
        return {(identity, p) for identity, p in found if p in both_whole}

    assert on_whole_pages(pairs(a, b, Verdict.ADDED)) == on_whole_pages(pairs(b, a, Verdict.REMOVED))
    changed = {(e.identity, e.before, e.after) for e in compare(a, b).entries if e.verdict is Verdict.CHANGED}
    back = {(e.identity, e.after, e.before) for e in compare(b, a).entries if e.verdict is Verdict.CHANGED}
    assert changed == back


@LAW
@given(scans, scans)
def test_only_a_page_seen_whole_loses_anything(a: Snapshot, b: Snapshot) -> None:
    assert {p for _, p in pairs(a, b, Verdict.REMOVED)} <= whole(b)


@LAW
@given(scans, scans)
def test_news_was_seen_and_was_not_there_before(a: Snapshot, b: Snapshot) -> None:
    before = {p.page: {s.identity for s in p.sightings} for p in a.pages}
    after = {p.page: {s.identity for s in p.sightings} for p in b.pages}
    for identity, p in pairs(a, b, Verdict.ADDED):
        assert identity in after[p]
        assert identity not in before.get(p, set())
        assert p in whole(a) or identity not in seen_in(a)


@LAW
@given(scans, scans)
def test_nothing_that_appeared_is_passed_over(a: Snapshot, b: Snapshot) -> None:
    """Whatever the older scan saw nowhere is reported as added on every page, as soon as it saw anything whole."""
    news = pairs(a, b, Verdict.ADDED)
    unseen = seen_in(b) - seen_in(a)
    expected = {(s.identity, p.page) for p in b.pages for s in p.sightings if s.identity in unseen}
    if whole(a):
        assert expected <= news
    else:
        assert {p for _, p in expected} <= {u.page for u in compare(a, b).unverified}


@LAW
@given(scans, scans)
def test_a_page_that_loses_its_scan_loses_no_tag(a: Snapshot, b: Snapshot) -> None:
    """Breaking pages of the newer scan never adds a verdict; it only takes some away."""
    broken = replace(b, pages=tuple(replace(p, outcome=Outcome.FAILED, sightings=(), status=None) for p in b.pages))
    assert compare(a, broken).empty
    assert {u.page for u in compare(a, broken).unverified} == {p.page for p in b.pages}


@LAW
@given(scans, scans)
def test_every_page_is_accounted_for(a: Snapshot, b: Snapshot) -> None:
    drift = compare(a, b)
    old, new = ({p.page for p in scan.pages} for scan in (a, b))
    unverified = {u.page for u in drift.unverified}
    gone_before = {p.page for p in a.pages if p.status == 404}
    assert old - new <= unverified | set(drift.gone_pages) | gone_before
    assert set(drift.new_pages) == new - old
    # A page that is gone owes nothing, but its "not found" page may show what nothing can be compared with.
    assert unverified & set(drift.gone_pages) <= {p.page for p in b.pages if p.sightings}


@LAW
@given(scans, scans)
def test_findings_hold_every_entry_once(a: Snapshot, b: Snapshot) -> None:
    drift = compare(a, b)
    found = findings(drift, a, b)
    told = sorted((e.verdict.value, e.identity.sort_key) for f in found for e in f.entries)
    assert told == sorted((e.verdict.value, e.identity.sort_key) for e in drift.entries)
    assert len({f.key for f in found}) == len(found)
    assert [f.severity.rank for f in found] == sorted(f.severity.rank for f in found)
    assert all(f.pages and f.title and f.reason for f in found)


@LAW
@given(scans)
def test_a_first_scan_tells_everything_once(scan: Snapshot) -> None:
    found = inventory_findings(scan)
    assert {e.identity for f in found for e in f.entries} == seen_in(scan)
    assert sum(len(f.entries) for f in found) == len(seen_in(scan))


# --------------------------------------------------------------------------- chance


RULES = load_rules()
HEX = "0123456789abcdef"


class Chance:
    """Everything that differs between two loads of an unchanged page."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def hex(self, length: int) -> str:
        return "".join(self._random.choices(HEX, k=length))

    def digits(self) -> str:
        return str(self._random.randrange(10**9, 10**13))

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def word(self, length: int = 24) -> str:
        return "".join(self._random.choices(string.ascii_letters + string.digits, k=length))

    def number(self, top: int) -> int:
        return self._random.randrange(1, top)

    def shuffled(self, parts: Iterable[str]) -> list[str]:
        mixed = list(parts)
        self._random.shuffle(mixed)
        return mixed


def visit(path: str, chance: Chance) -> PageCapture:
    """A page with the Pinterest Tag, the Meta Pixel, and third parties that no rule knows."""
    location = f"{make.SITE}{path}"
    build, shard = chance.hex(8), chance.number(9)
    theme = make.initiator(url=f"{make.SITE}/theme.{chance.hex(8)}.js")
    version = f"{chance.number(9)}.{chance.number(99)}.{chance.number(99)}"

    def beacon(url: str, *parts: str, **more: object) -> RequestRecord:
        return make.request(f"{url}?{'&'.join(chance.shuffled(parts))}", initiators=(theme,), **more)

    def sent(kind: str) -> dict[str, object]:
        return {"type": kind, "method": "POST"}

    requests = [
        make.script(f"https://s.pinimg.com/ct/lib/main.{build}.js", "pin-1", initiators=(theme,)),
        make.script("https://s.pinimg.com/ct/core.js", "pin-0", initiators=(theme,)),
        beacon(
            "https://ct.pinterest.com/v3/", "tid=2612000000001", "event=pagevisit", f"cb={chance.digits()}",
            f"pd=%7B%22np%22%3A%22{chance.word(6)}%22%7D", f"ad=%7B%22loc%22%3A%22{location}%22%7D",
        ),
        make.script(f"https://connect.facebook.net/en_US/fbevents.js?v={chance.digits()}", "fb-0"),
        beacon(
            "https://www.facebook.com/tr/", "id=123456789012345", "ev=PageView", f"dl={location}",
            f"ts={chance.digits()}", f"fbp=fb.1.{chance.digits()}.{chance.digits()}", f"eid={chance.uuid()}",
        ),
        make.script(f"https://cdn{shard}.widget.example/v{version}/app.{chance.hex(20)}.js?t={chance.digits()}", "w"),
        beacon(f"https://o{shard}.recorder.example/{chance.uuid()}/events", f"s={chance.word()}", **sent("fetch")),
        beacon("https://px.nobody.example/p.gif", f"nonce={chance.word()}", f"r={chance.digits()}"),
        beacon(f"https://{chance.hex(12)}.edge.example/{chance.digits()}/ping", f"z={chance.word()}", **sent("ping")),
    ]  # fmt: skip
    signals = (
        SourceSignal(SignalKind.INLINE, text=f"nonce='{chance.word()}'; pintrk('load', '2612000000001');"),
        SourceSignal(SignalKind.NOSCRIPT, f"https://ct.pinterest.com/v3/?tid=2612000000001&noscript=1&cb={chance.digits()}"),
        SourceSignal(SignalKind.PRECONNECT, f"https://cdn{shard}.widget.example"),
    )  # fmt: skip
    cookies = tuple(
        make.cookie(name, domain)
        for name, domain in (
            (f"_ses_{chance.hex(16)}", ".recorder.example"),
            (f"id-{chance.uuid()}", ".nobody.example"),
        )
    )
    order = chance.shuffled([str(n) for n in range(len(requests))])
    return make.capture(path, [requests[int(n)] for n in order], signals=signals, cookies=cookies)


def scanned(seed: int) -> Snapshot:
    chance = Chance(seed)
    captures = [visit(path, chance) for path in ("/", "/care/heart", "/request-appointment")]
    return make.snapshot(
        page_inventory(capture, match_page(capture, RULES), lambda host: ("Somebody", Category.OTHER))
        for capture in captures
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_chance_is_never_drift(one: int, other: int) -> None:
    before, after = scanned(one), scanned(other)
    assert {s.identity.tag.vendor for s in before.pages[0].sightings if s.identity.tag} == {"pinterest", "meta"}
    assert compare(before, after).entries == ()


def test_among_all_that_chance_a_new_tag_is_one_finding() -> None:
    before, after = scanned(1), scanned(2)
    without = replace(
        before,
        pages=tuple(
            replace(p, sightings=tuple(s for s in p.sightings if not re.search("pinterest|pinimg", str(s.identity))))
            for p in before.pages
        ),
    )
    (finding,) = findings(compare(without, after), without, after)
    assert finding.title == "Pinterest Tag 2612000000001 appeared on 3 of 3 pages"
    assert finding.severity is Severity.CRITICAL
    assert "appointment" in finding.reason
    assert finding.loaders == ("https://www.clinic.example/theme.*.js",)
