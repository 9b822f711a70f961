"""One view, three renderings: none hides anything, none lets hostile text do harm."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest
from jsonschema import Draft202012Validator
from rich.cells import cell_len

from reports.charts import coverage_bar, loader_name, share_bar
from reports.jsonable import report_document
from reports.model import ReportView
from reports.render import MAX_CARDS, render_html
from reports.text import full, summary, wrap
from scanner.model import Coverage
from tests import report_samples as samples

NAMES = sorted(samples.SAMPLES)


@cache
def sample(name: str) -> ReportView:
    return samples.SAMPLES[name]()


@cache
def page(name: str) -> str:
    return render_html(sample(name))


class Elements(HTMLParser):
    """Every element with its attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


# ---------------------------------------------------------------------------------------------------------- HTML


@pytest.mark.parametrize("name", NAMES)
def test_the_page_loads_nothing_and_its_policy_says_so(name: str) -> None:
    elements = Elements(page(name)).found
    assert not {tag for tag, _ in elements} & {"img", "iframe", "object", "embed", "link", "base", "form", "video"}
    attributes = {key for _, a in elements for key in a}
    assert not [key for key in attributes if key.startswith("on") or key in ("style", "src", "srcset", "action")]
    policy = next(a["content"] for tag, a in elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "*" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page(name), re.DOTALL)
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'" in policy


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_web_pages_only(name: str) -> None:
    links = [(a["href"] or "", a.get("rel")) for tag, a in Elements(page(name)).found if tag == "a"]
    assert all(href.startswith(("#", "https://", "http://")) for href, _ in links)
    assert all(href.startswith("#") or rel == "noreferrer noopener" for href, rel in links)


@pytest.mark.parametrize("name", NAMES)
def test_anchors_and_labels_point_at_something(name: str) -> None:
    elements = Elements(page(name)).found
    ids = [a["id"] for _, a in elements if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = {(a["href"] or "")[1:] for tag, a in elements if tag == "a" and (a["href"] or "").startswith("#")}
    wanted |= {a["aria-labelledby"] or "" for _, a in elements if "aria-labelledby" in a}
    assert wanted <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_headings_go_down_one_step_at_a_time(name: str) -> None:
    levels = [int(tag[1]) for tag, _ in Elements(page(name)).found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", NAMES)
def test_every_table_has_a_caption_and_scoped_headings(name: str) -> None:
    elements = Elements(page(name)).found
    assert sum(tag == "table" for tag, _ in elements) == sum(tag == "caption" for tag, _ in elements)
    assert all(a.get("scope") in ("col", "row") for tag, a in elements if tag == "th")


def test_the_page_says_things_in_the_promised_order() -> None:
    html = page("back")
    landmarks = ["is back on 14 of 14 pages", 'id="appeared"', 'id="changed"', 'id="removed"', 'id="unverified"']
    landmarks += ['id="coverage"', 'id="inventory"', "owner unknown", "<footer>"]
    assert sorted(landmarks, key=html.index) == landmarks
    for told in (
        "2612000000001",
        "pd.em",
        "Hashed e-mail addresses",
        "/services/oncology",
        "gtm.js (GTM-CLIN1C)",
        "3 May 2026",
    ):
        assert told in html


def test_a_scan_that_saw_nothing_never_sounds_well() -> None:
    text = " ".join(Elements(page("empty")).text)
    assert "Cannot tell" in text and "everything is unverified" in text and "says nothing about the site" in text
    assert "Nothing new on the pages" not in text


def test_hostile_text_is_text() -> None:
    html = page("hostile")
    html.encode("utf-8")
    elements = Elements(html)
    assert sum(tag == "script" for tag, _ in elements.found) == 1
    assert "<img" not in html and "onerror=" not in "".join(k for _, a in elements.found for k in a)
    assert not set(html) & set("\x00\x1b\x07\u202e\ufeff")
    assert "49" not in re.findall(r"\{\{ 7\*7 \}\}|49 ", html)
    assert "{{ 7*7 }}" in html
    assert "characters …]" in html
    assert len(html) < 400_000


@pytest.fixture(scope="module")
def large() -> ReportView:
    return samples.large()


def test_two_thousand_pages_with_sixty_tags_stay_small_and_quick(large: ReportView) -> None:
    render_html(samples.clean())  # templates are compiled once
    began = time.perf_counter()
    html = render_html(large)
    took_s = time.perf_counter() - began
    assert len(html.encode()) <= 1_500_000
    assert took_s <= 2.0
    assert f"{len(large.findings) - MAX_CARDS} further findings" in html


def test_what_is_cut_is_counted(large: ReportView) -> None:
    html = render_html(large)
    first = html.split("</article>")[0]
    listed = len(re.findall(r'<li><a href="http', first))
    missing = sum(int(number.replace(",", "")) for number in re.findall(r"… and ([\d,]+) pages? more", first))
    assert listed + missing == 2_000


# ---------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [30, 80, 132])
def test_lines_fit_and_are_harmless(name: str, width: int) -> None:
    for text in (summary(sample(name), width), full(sample(name), width)):
        text.encode("utf-8")
        assert all(cell_len(line) <= width for line in text.splitlines())
        assert not set(text) & set("\x00\x1b\x07\r\u202e")


def test_colour_comes_only_when_asked_for_and_changes_no_text() -> None:
    plain, coloured = full(sample("hostile")), full(sample("hostile"), colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_the_summary_is_short_and_the_full_text_complete() -> None:
    assert summary(sample("back"), 200).splitlines() == [
        "DRIFT · clinic · 10 May 2026, 02:15 UTC",
        "",
        sample("back").verdict.sentence,
        "",
        "critical  Pinterest Tag 2612000000001 appeared on 14 pages",
        "low       The script https://widget-booking.example/embed/{hash}.js changed on 2 pages",
        "",
        "14 of 14 pages seen whole (100 %).",
    ]
    text = full(sample("back"), 200)
    order = [
        "WHAT APPEARED (1)",
        "WHAT CHANGED (1)",
        "WHAT DISAPPEARED (0)",
        "WHAT IS UNVERIFIED (0)",
        "COVERAGE",
        "TAGS (3)",
    ]
    assert [line for line in text.splitlines() if line in order] == order
    assert "sends:     hashed e-mail addresses in pd.em" in text
    assert "… and 6 pages more, all of them in the JSON report" in text


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]),
        ("ab cd ef", 5, ["ab cd", "ef"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("日本語 日本", 6, ["日本語", "日本"]),
    ],
)
def test_wrap(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


# ---------------------------------------------------------------------------------------------------------- JSON


@cache
def schema() -> Draft202012Validator:
    content = json.loads((files("reports") / "report_schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content)


@pytest.mark.parametrize("name", NAMES)
def test_the_document_follows_its_schema(name: str) -> None:
    document = report_document(sample(name))
    assert [error.message for error in schema().iter_errors(json.loads(json.dumps(document)))] == []


def test_the_schema_knows_every_field_of_the_document() -> None:
    """Otherwise a new field would be outside the contract without anybody noticing."""
    described = json.dumps(schema().schema)

    def names(tree: object) -> set[str]:
        match tree:
            case dict():
                return set(tree) | {name for value in tree.values() for name in names(value)}
            case list():
                return {name for value in tree for name in names(value)}
        return set()

    document = report_document(sample("back"))
    document["coverage"]["excluded"] = {}
    assert {name for name in names(document) if f'"{name}"' not in described} == set()


def test_the_document_says_what_the_page_says() -> None:
    document = report_document(sample("back"))
    assert (document["format"], document["document"]) == (1, "report")
    assert document["verdict"]["state"] == "drift"
    finding = document["findings"][0]
    assert (finding["vendor"], finding["account"], len(finding["pages"])) == ("pinterest", "2612000000001", 14)
    assert {"kind": "email", "field": "pd.em"} in finding["sends"]
    assert finding["entries"][0]["pages"] is None
    assert document["pages"][0]["tags"][-1]["fields"][0] == {"kind": "page_url", "field": "ad.loc"}
    assert document["inventory"]["tags"][-1]["exposures"] == [
        {"kind": "browser_id", "field": "pd.pin_unauth"},
        {"kind": "email", "field": "pd.em"},
        {"kind": "page_url", "field": "ad.loc"},
        {"kind": "product_or_content", "field": "ed.page_name"},
        {"kind": "search_query", "field": "ed.search_query"},
    ]
    unverified = report_document(sample("badly-seen"))["unverified"]
    assert len(unverified) == 160
    assert unverified == sorted(unverified, key=lambda one: one["page"])


@pytest.mark.parametrize("name", NAMES)
def test_equal_views_give_equal_reports(name: str) -> None:
    again = samples.SAMPLES[name]()
    assert json.dumps(report_document(again)) == json.dumps(report_document(sample(name)))
    assert render_html(again) == page(name)


# -------------------------------------------------------------------------------------------------------- charts


@pytest.mark.parametrize(
    ("loader", "name"),
    [
        ("inline snippet in the page", "inline snippet in the page"),
        ("https://www.googletagmanager.com/gtm.js (GTM-ABC)", "gtm.js (GTM-ABC) from www.googletagmanager.com"),
        ("https://cdn.example/a/b.js", "b.js from cdn.example"),
        ("https://cdn.example/", "cdn.example"),
        ("redirect from https://a.example/x", "redirect from https://a.example/x"),
    ],
)
def test_loader_name(loader: str, name: str) -> None:
    assert loader_name(loader) == name


def test_one_failed_page_of_two_thousand_can_be_seen() -> None:
    bar = coverage_bar(Coverage(planned=2_000, ok=1_999, failed=1))
    assert 'class="failed" x="999.5" width="4.0"' in bar
    assert "Of 2,000 planned pages: 1,999 whole and 1 failed" in bar
    assert coverage_bar(Coverage()) == ""


def test_a_share_is_never_wider_than_its_track() -> None:
    assert 'width="60.0"' in share_bar(15, 14)
    assert 'width="1.5"' in share_bar(1, 2_000)
