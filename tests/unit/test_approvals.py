"""What an approval covers, how the file is read and written, where file and log disagree."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scanner.approvals import Acceptance, Acceptances, Approved, Covered, Revocation, Standing, without_approved
from scanner.approvals_file import change_file, read_file
from scanner.approvals_log import differences, event_of
from scanner.approvals_read import read_approvals
from scanner.approvals_write import named, with_entry, with_revocation
from scanner.errors import ProblemsError, UsageError
from scanner.model import (
    Finding,
    Identity,
    Incident,
    IncidentState,
    PageInventory,
    Sighting,
    SightingKind,
    TagKey,
    Verdict,
)
from scanner.service.accepting import (
    Terms,
    acceptance_of_finding,
    acceptance_of_incident,
    finding_called,
    pattern_of,
)
from tests import make
from tests.make import META, NOW, PINTEREST

OLD = TagKey("meta", "meta-pixel", "999")
NAMELESS = TagKey("meta", "meta-pixel", None)


def entry(**more: object) -> Acceptance:
    return Acceptance(**({"id": "a1", "who": "officer", "why": "agreed"} | more))  # type: ignore[arg-type]


def page(path: str = "/", *sightings: Sighting) -> PageInventory:
    return make.inventory(path, sightings)


def beacon(tag: TagKey, domain: str = "facebook.com") -> Sighting:
    return make.sighting(f"GET www.{domain}/tr/", SightingKind.ENDPOINT, tag)


HOST = Identity(SightingKind.HOST, "facebook.com")
TAG = make.identity("", SightingKind.TAG, META)
EMAIL = make.identity("ud[em]", SightingKind.FIELD, META, "email")


@pytest.mark.parametrize(
    ("approval", "where", "what", "covered"),
    [
        pytest.param(entry(vendor=("meta",)), page(), TAG, True, id="the vendor, anywhere"),
        pytest.param(entry(vendor=("meta",)), page(), EMAIL, True, id="whatever the vendor gets"),
        pytest.param(entry(vendor=("me*",)), page(), TAG, True, id="a pattern"),
        pytest.param(entry(vendor=("pinterest",)), page(), TAG, False, id="another vendor"),
        pytest.param(entry(product=("meta-pixel",)), page(), TAG, True, id="the product"),
        pytest.param(entry(vendor=("meta",), pages=("/landing/*",)), page("/landing/x"), TAG, True, id="fitting page"),
        pytest.param(entry(vendor=("meta",), pages=("/landing/*",)), page("/"), TAG, False, id="other page"),
        pytest.param(entry(vendor=("meta",), sends=("page_url",)), page(), EMAIL, False, id="gets more than agreed"),
        pytest.param(entry(vendor=("meta",), sends=("email",)), page(), EMAIL, True, id="gets what was agreed"),
        pytest.param(entry(vendor=("meta",), account=("999",)), page(), TAG, False, id="another account"),
        pytest.param(entry(vendor=("meta",)), page("/", beacon(META)), HOST, True, id="a host that only it uses"),
        pytest.param(
            entry(vendor=("meta",)), page("/", beacon(META), beacon(PINTEREST)), HOST, False, id="a host of two"
        ),
        pytest.param(entry(vendor=("meta",)), page(), HOST, False, id="a host that it was not seen to use"),
        pytest.param(entry(host=("facebook.com",)), page(), HOST, True, id="a host by name"),
        pytest.param(entry(host=("facebook.com",)), page(), TAG, False, id="a host's name says nothing of tags"),
        pytest.param(
            entry(vendor=("meta",), account=("999",)),
            page("/", beacon(OLD)),
            make.identity("", SightingKind.TAG, NAMELESS),
            True,
            id="a loader goes with the account of the page",
        ),
        pytest.param(
            entry(vendor=("meta",), account=("999",)),
            page("/", beacon(OLD), beacon(META)),
            make.identity("", SightingKind.TAG, NAMELESS),
            False,
            id="but not with two of them",
        ),
        pytest.param(entry(covers=(Covered(TAG),)), page(), TAG, True, id="thing by thing"),
        pytest.param(entry(covers=(Covered(TAG),)), page(), EMAIL, False, id="and nothing else"),
        pytest.param(entry(covers=(Covered(TAG, pages=("/a",)),)), page("/b"), TAG, False, id="on its own pages"),
    ],
)
def test_what_an_approval_covers(approval: Acceptance, where: PageInventory, what: Identity, covered: bool) -> None:
    assert (Approved([approval]).by(where, what) is approval) is covered


def test_presence_change_and_absence_are_approved_each_by_itself() -> None:
    approved = Approved([entry(covers=(Covered(TAG, Verdict.CHANGED, "v2"), Covered(EMAIL, Verdict.REMOVED)))])
    assert approved.by(page(), TAG, Verdict.CHANGED, "v2")
    assert not approved.by(page(), TAG, Verdict.CHANGED, "v3")
    assert not approved.by(page(), TAG)
    assert approved.by(page(), EMAIL, Verdict.REMOVED)
    assert not Approved([entry(vendor=("meta",))]).by(page(), TAG, Verdict.REMOVED), "that it went was not approved"


def test_drift_is_split_by_page() -> None:
    drift = [
        make.drift_entry(TAG, pages=("/a", "/b", "/c"), pages_new=(make.page_url("/b"), make.page_url("/c"))),
        make.drift_entry(EMAIL, pages=("/a",)),
    ]
    approval = entry(covers=(Covered(TAG),), pages=("/a", "/b"))
    kept, (left_out,) = without_approved(
        drift, Approved([approval]), {make.page_url(p): page(p) for p in ("/a", "/b", "/c")}.get
    )
    assert [(one.identity, one.pages, one.pages_new, one.pages_after) for one in kept] == [
        (TAG, (make.page_url("/c"),), (make.page_url("/c"),), 1),
        (EMAIL, (make.page_url("/a"),), (), 1),
    ]
    assert [(one.identity, one.pages) for one in left_out.entries] == [
        (TAG, (make.page_url("/a"), make.page_url("/b")))
    ]


def test_standing_on_a_day() -> None:
    approval = entry(until=date(2026, 3, 2))
    assert approval.standing(date(2026, 3, 2)) is Standing.IN_FORCE
    assert approval.standing(date(2026, 3, 3)) is Standing.EXPIRED
    assert replace(approval, revoked=Revocation("kim", "over")).standing(date(2026, 3, 2)) is Standing.REVOKED
    acceptances = Acceptances((approval, entry(site=("shop-*",)), entry(scan=3)), exists=True)
    assert acceptances.of("clinic", Standing.IN_FORCE, date(2026, 3, 1)) == (approval,)
    assert len(acceptances.of("shop-1", Standing.IN_FORCE, date(2026, 3, 1))) == 2


# --------------------------------------------------------------------------- the text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("format: 2\napprovals: []\n", "f:1: `format` must be `1`, not `2`"),
        ("approvals: []\n", "f:1: the file needs `format`"),
        ("format: 1\napprovals:\n  - {who: x, why: y}\n", "f:3: an approval needs something to approve"),
        ("format: 1\napprovals:\n- who: x\n  why: y\n  vendr: z\n", "f:5: unknown key `vendr`; did you mean `vendor`?"),
        ("format: 1\napprovals:\n- {who: x, vendor: z}\n", "f:3: `approvals[1]` needs `why`"),
        ("format: 1\napprovals:\n- {who: x, why: y, vendor: z, until: 2026-02-30}\n", "f:3: `2026-02-30` is no day"),
        ("format: 1\napprovals:\n- {who: x, why: y, vendor: z, until: soon}\n", "must be a date, such as"),
        ("format: 1\napprovals:\n- {who: x, why: y, vendor: z, at: noon}\n", "f:3: `noon` is no time"),
        ("format: 1\napprovals:\n- {who: x, why: y, account: '1'}\n", "`account` needs a `vendor` or `product`"),
        ("format: 1\napprovals:\n- {who: x, why: y, scan: 1, vendor: z}\n", "takes no other conditions than `site`"),
        ("format: 1\napprovals:\n- {who: x, why: y, finding: k}\n", "`finding` needs `covers`"),
        ("format: 1\napprovals:\n- {who: x, why: y, vendor: z, host: h}\n", "make it two approvals"),
        ("format: 1\napprovals:\n- {who: x, why: y, vendor: z, sends: emial}\n", "`emial` is no kind of information"),
        ("format: 1\napprovals:\n- {who: x, why: y, vendor: a, id: q}\n- {who: x, why: y, vendor: b, id: q}\n",
         "f:4: two approvals are called `q` (first in line 3)"),
        ("format: 1\napprovals:\n- {who: x, why: y, covers: [{kind: field, subject: em}]}\n", "a field needs `role`"),
        ("format: 1\napprovals:\n- {who: x, why: y, covers: [{kind: tag, tag: meta}]}\n", "must be a tag, such as"),
        ("format: 1\napprovals:\n- {who: x, why: y, covers: [{kind: tag, change: changed}]}\n", "needs the `version`"),
        ("format: 1\napprovals: [\n", "not valid YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        read_approvals(text, "f")
    assert expected in str(caught.value)


def test_an_empty_file_approves_nothing() -> None:
    assert read_approvals("", "f") == Acceptances((), exists=True)
    assert read_approvals("# later\n", "f").entries == ()


def test_entries_by_hand_need_no_name_and_equal_ones_have_the_same() -> None:
    text = "format: 1\napprovals:\n- {vendor: meta, who: kim, why: ok}\n"
    (one,) = read_approvals(text, "f").entries
    (again,) = read_approvals(text.replace("{", "{ "), "g").entries
    assert one.id == again.id and len(one.id) == 10 and one.place == "f:3"


LAYOUTS = [
    pytest.param("", id="no file"),
    pytest.param("# ours\n", id="a comment alone"),
    pytest.param("format: 1\napprovals: []  # none yet\n", id="an empty list"),
    pytest.param("format: 1\napprovals:\n- vendor: a   # first\n  who: x\n  why: y\n\n# the end\n", id="no indent"),
    pytest.param("format: 1\napprovals:\n    - vendor: a\n      who: x\n      why: >-\n        a\n        b", id="in"),
    pytest.param("approvals:\n  - {vendor: a, who: x, why: y}\n\nformat: 1\n", id="another order"),
]  # fmt: skip


@pytest.mark.parametrize("text", LAYOUTS)
def test_an_entry_is_added_and_taken_back_and_everything_else_stays(text: str) -> None:
    before = read_approvals(text, "f").entries
    new = named(entry(vendor=("meta",), pages=("/a", "/b"), at=NOW, until=date(2027, 1, 1)))
    added = with_entry(text, new, "f")
    assert read_approvals(added, "f").entries == (*before, new)
    assert [line for line in text.splitlines() if "#" in line] == [
        line for line in added.splitlines() if "#" in line and line not in with_entry("", new, "f").splitlines()
    ] or "none yet" in added
    assert with_entry(added, new, "f") == added, "twice is harmless"
    revoked = with_revocation(added, new.id, Revocation("kim", "over: {done}", NOW), "f")
    (*others, last) = read_approvals(revoked, "f").entries
    assert tuple(others) == before and last.revoked == Revocation("kim", "over: {done}", NOW)


def test_what_cannot_be_edited_safely_is_refused_with_what_to_write() -> None:
    text = "format: 1\napprovals: [{vendor: a, who: x, why: y}]\n"
    with pytest.raises(UsageError, match="nothing was changed") as caught:
        with_entry(text, named(entry(vendor=("meta",))), "f")
    assert "vendor: meta" in (caught.value.hint or "")


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x85\u2028\u2029\r\x00"), max_size=20)
telling = ["yes", "1", "~", "a: b", "- x", "# no", "'", '"', "{", "\t", "1e3", " lead", "\u202e", "🙂"]
hostile = texts | st.sampled_from(telling)
accounts = st.none() | st.from_regex(r"[A-Z0-9-]{1,9}", fullmatch=True)
tags = st.builds(TagKey, st.sampled_from(["meta", "x"]), st.just("pixel"), accounts)
kinds = st.sampled_from([SightingKind.TAG, SightingKind.HOST, SightingKind.EVENT])
identities = st.builds(Identity, kinds, hostile, st.none() | tags)
verdicts = st.sampled_from([Verdict.ADDED, Verdict.REMOVED])
covered = st.builds(Covered, identities, verdicts, st.none(), st.lists(st.just("/a"), max_size=2).map(tuple))


@given(
    who=hostile.filter(bool), why=hostile.filter(bool), title=hostile, contract=hostile,
    covers=st.lists(covered, min_size=1, max_size=3).map(tuple),
    until=st.none() | st.dates(date(2000, 1, 1)),
)  # fmt: skip
def test_whatever_is_written_is_read_again(
    who: str, why: str, title: str, contract: str, covers: tuple[Covered, ...], until: date | None
) -> None:
    new = named(entry(who=who, why=why, title=title, contract=contract, covers=covers, until=until, at=NOW))
    text = with_entry("", new, "f")
    assert read_approvals(text, "f").entries == (new,)
    assert not any(char in text for char in "\u202e\x1b"), "what turns or hides text is written as an escape"
    yaml.safe_load(text)  # and other readers of YAML take it


# --------------------------------------------------------------------------- the file


def _approve(path: Path, number: int) -> None:
    new = named(entry(vendor=("meta",), account=(str(number),)))
    change_file(path, lambda text: with_entry(text, new, str(path)))


def test_approvals_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_approve, [path] * 24, range(24)))
    found = read_file(path)
    assert sorted(int(one.account[0]) for one in found.entries) == list(range(24))
    assert [one.name for one in tmp_path.iterdir()] == ["approvals.yaml"], "nothing is left beside it"


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("format: 1\napprovals: []\n")
    real.chmod(0o640)
    link.symlink_to(real)
    _approve(link, 1)
    assert link.is_symlink() and len(read_file(real).entries) == 1
    assert real.stat().st_mode & 0o777 == 0o640


def test_no_file_is_no_approval_and_a_wrong_one_is_not_touched(tmp_path: Path) -> None:
    assert read_file(tmp_path / "none.yaml") == Acceptances()
    path = tmp_path / "wrong.yaml"
    path.write_text("format: 1\napprovals: none\n")
    with pytest.raises(ProblemsError, match=r"wrong\.yaml:2"):
        _approve(path, 1)
    assert path.read_text() == "format: 1\napprovals: none\n"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ProblemsError, match="not UTF-8"):
        read_file(path)


# --------------------------------------------------------------------------- file and log


def test_where_file_and_log_disagree() -> None:
    same, edited, new = entry(id="same", vendor=("a",)), entry(id="edited", vendor=("b",)), entry(id="new", host=("c",))
    log = [
        event_of(one, "approved", "officer", "ok", NOW)
        for one in (same, replace(edited, vendor=("old",)), entry(id="gone", vendor=("d",)))
    ]
    file = Acceptances((same, edited, new), exists=True)
    found = differences(file, log, (), NOW)
    assert [(one.approval_id, one.event.action if one.event else None) for one in found] == [
        ("edited", "edited"),
        ("new", "found"),
        ("gone", "missing"),
    ]
    told = [*log, *(one.event for one in found if one.event)]
    later = differences(file, told, (), NOW + timedelta(days=1))
    assert [(one.approval_id, one.event) for one in later] == [("gone", None)], "what was noticed is noticed once"


# --------------------------------------------------------------------------- from a finding to an entry


def test_a_finding_everywhere_is_approved_everywhere_and_its_parts_where_they_are() -> None:
    pages = ("/", "/a", "/search?q=[x]*")
    seen = make.snapshot(page(path, make.sighting(of=META)) for path in pages)
    finding = make.finding(
        tag=META,
        pages=tuple(make.page_url(path) for path in pages),
        entries=(make.drift_entry(TAG, pages=pages), make.drift_entry(EMAIL, pages=("/search?q=[x]*",))),
    )
    made = acceptance_of_finding(finding, seen, (), Terms("officer", "ok"))
    assert made.pages == ()
    assert {one.identity: one.pages for one in made.covers} == {TAG: (), EMAIL: ("/search[?]q=[[]x][*]",)}
    approved = Approved([made])
    assert approved.by(page("/new", make.sighting(of=META)), TAG)
    assert approved.by(seen.pages[2], EMAIL) and not approved.by(seen.pages[0], EMAIL)


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), max_size=30))
def test_a_pattern_made_of_a_page_fits_just_this_page(tail: str) -> None:
    url = make.page_url(f"/{tail.replace('#', '').replace('?', '')}")
    approved = Approved([entry(vendor=("meta",), pages=(pattern_of(url, True),))])
    assert approved.by(make.inventory(url), TAG)
    assert not approved.by(make.inventory(f"{url}x"), TAG)


def test_an_incident_is_approved_on_all_its_pages_with_all_its_tag_does() -> None:
    seen = make.snapshot(
        page(path, make.sighting(of=META), make.sighting("Lead", SightingKind.EVENT, META), beacon(META),
             make.sighting("facebook.com", SightingKind.HOST, None))
        for path in ("/", "/a", "/b")
    )  # fmt: skip
    finding = make.finding(tag=META, pages=(make.page_url("/"), make.page_url("/a")))
    incident = make_incident(finding)
    made = acceptance_of_incident(incident, seen, (), Terms("officer", "ok"))
    assert made.pages == ("/", "/a")
    assert {one.identity.kind for one in made.covers} == {
        SightingKind.TAG, SightingKind.EVENT, SightingKind.ENDPOINT, SightingKind.HOST,
    }  # fmt: skip
    with pytest.raises(UsageError, match="not there any more"):
        acceptance_of_incident(incident, make.snapshot([page("/")]), (), Terms("officer", "ok"))


def make_incident(finding: Finding) -> Incident:
    return Incident(4, "clinic", finding, IncidentState.OPEN, (TAG,), 1, NOW, NOW)


def test_a_finding_is_called_by_its_key_or_by_a_part_that_only_it_has() -> None:
    one, other = (
        make.finding("Meta Pixel 1 appeared", key="tag:meta:1"),
        make.finding("Meta Pixel 12", key="tag:meta:12"),
    )
    assert finding_called([one, other], "tag:meta:1") is one
    assert finding_called([one, other], "pixel 12") is other
    with pytest.raises(UsageError, match="2 findings are called like"):
        finding_called([one, other], "meta")
