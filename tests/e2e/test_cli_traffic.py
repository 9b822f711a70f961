"""`explain`, `har`, `rules` and `doctor`: traffic that somebody else recorded, and the tool's own state."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from scanner.cli.main import run
from scanner.har_export import har_chunks
from tests import make
from tests.e2e.cli import Workplace

MAIL = "dana.whitfield@example.com"
BEACON = "https://ct.pinterest.com/v3/?tid=2612000000001&event=lead&cb={}"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


# --------------------------------------------------------------------------- explain


def test_explain_answers_every_line_in_order(place: Workplace) -> None:
    lines = [json.dumps({"url": BEACON.format(number)}) for number in range(200)]
    lines[10] = "no JSON at all"
    lines[20] = "[]"
    lines[30] = '{"no": "url"}'
    lines[40] = json.dumps({"url": "http://[broken"})
    lines[50] = '{"url": "https://ct.pinterest.com/v3/?tid=2612000000001", "page_url": "https://clinic.example/"'
    lines[60] = json.dumps({"url": "https://www.clinic.example/logo.png", "page_url": "https://clinic.example/"})
    lines[70] = json.dumps({"url": "https://x.example/?" + "a" * 1_000_000})
    lines[80] = json.dumps({"url": "https://x.example/\u202e\x1b[31m"})
    stdin = "\r\n".join(lines).encode() + b"\n\n\xff\xfe not even text\n"
    ran = place.run("explain", "--json", stdin=stdin).exits(2)  # some lines were no request
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(answers) == len(lines) + 1
    assert all(answer["format"] == 1 for answer in answers)
    wrong = [number for number, answer in enumerate(answers) if "error" in answer]
    assert {10, 20, 30, 50, 200} <= set(wrong) <= {10, 20, 30, 40, 50, 200}
    for number in set(range(200)) - {*wrong, 40, 60, 70, 80}:
        assert answers[number]["url"] == BEACON.format(number)
        assert [(d["vendor"], d["account"], d["event"]) for d in answers[number]["detections"]] == [
            ("pinterest", "2612000000001", "lead")
        ]
    assert (answers[60]["third_party"], answers[60]["detections"]) == (False, [])
    assert ran.stdout.isascii()


def test_explain_knows_a_configured_sites_own_domains(place: Workplace) -> None:
    place.write("two.yaml", CONFIG.replace("policy:", "  - {name: other, start: [https://other.example/]}\npolicy:"))
    pages = ("https://www.clinic.example/knee", "https://other.example/", None)
    lines = [json.dumps({"url": "https://px.stranger.example/i.gif", "page_url": page}) for page in pages]
    ran = place.run("explain", "--json", "--config", "two.yaml", stdin="\n".join(lines)).exits(0)
    assert [json.loads(line)["third_party"] for line in ran.stdout.splitlines()] == [False, True, None]


def test_explain_in_words_shows_nothing_that_moves_the_cursor(place: Workplace) -> None:
    requests = [
        {"url": BEACON.format(1), "page_url": "https://clinic.example/"},
        {"url": "https://x.example/\x1b[2J\u202etxt.exe\r\n", "page_url": "https://clinic.example/"},
    ]
    ran = place.run("explain", stdin="\n".join(map(json.dumps, requests))).exits(0)
    assert "pinterest/pinterest-tag 2612000000001 (event, events: lead)" in ran.stdout
    assert "third party" in ran.stdout
    assert not set(ran.stdout) & set("\x1b\r\u202e")


def test_explain_of_nothing_says_nothing(place: Workplace) -> None:
    assert place.run("explain", "--json").exits(0).stdout == ""


# --------------------------------------------------------------------------- har


def har_text(*paths: str) -> str:
    body = json.dumps(
        {"tid": "2612000000001", "event": "search", "ed": {"search_query": "insulin"}, "pd": {"em": MAIL}}
    ).encode()
    return "".join(
        har_chunks(
            make.capture(
                path,
                [
                    make.request(make.page_url(path), type="document", mime="text/html"),
                    make.request(BEACON.format(1)),
                    make.request(
                        "https://ct.pinterest.com/v3/", method="POST", body=body, content_type="application/json"
                    ),
                    make.request("https://px.stranger.example/i.gif?u=1"),
                ],
            )
            for path in paths
        )
    )


def test_har_reads_several_files_the_broken_ones_as_far_as_they_go(place: Workplace) -> None:
    whole = har_text("/", "/knee")
    place.write("whole.har", whole)
    place.write("cut.har", whole[: whole.index('"pages"') - 40])
    (place.folder / "packed.har").write_bytes(gzip.compress(har_text("/heart").encode()))
    ran = place.run("har", "whole.har", "cut.har", "packed.har", "--json", "--report", "out").exits(0)
    document = ran.document
    assert (document["format"], document["document"]) == (1, "har")
    assert [(f["file"], f["truncated"]) for f in document["files"]] == [
        ("whole.har", False),
        ("cut.har", True),
        ("packed.har", False),
    ]
    assert "cut.har: the file is cut off" in ran.stderr
    pages = {(page["file"], page["url"]): page for page in document["pages"]}
    assert pages["whole.har", make.page_url("/")]["outcome"] == "ok"
    assert {page["outcome"] for (file, _), page in pages.items() if file == "cut.har"} == {"partial"}
    (tag,) = pages["packed.har", make.page_url("/heart")]["detections"]
    assert (tag["vendor"], tag["account"], sorted(tag["events"])) == ("pinterest", "2612000000001", ["lead", "search"])
    assert {"search_query", "email"} <= {exposure["kind"] for exposure in tag["exposures"]}
    assert MAIL not in ran.stdout + (place.folder / "out" / "report.html").read_text(), "what names a person is masked"
    assert "stranger.example" in ran.stdout
    assert (place.folder / "out" / "report.html").read_text().count("Pinterest")


CONFIG = """
sites:
  - {name: clinic, start: [https://www.clinic.example/], own_domains: [stranger.example]}
policy: {preset: healthcare}
severity:
  - {set: info, vendor: pinterest, reason: counsel knows}
"""
APPROVALS = """format: 1
approvals:
  - {who: officer, why: agreed, vendor: pinterest, site: clinic}
"""


def test_a_recording_of_a_configured_site_is_judged_as_that_site(place: Workplace) -> None:
    place.write("whole.har", har_text("/"))

    def report(*more: str) -> tuple[str, str]:
        ran = place.run("har", "whole.har", "--json", "--report", "out", *more).exits(0)
        third = {party["domain"] for page in ran.document["pages"] for party in page["third_parties"]}
        return (place.folder / "out" / "report.html").read_text(), ",".join(sorted(third))

    plain, parties = report()
    assert ("gainst the policy" in plain, parties) == (False, "pinterest.com,stranger.example")
    place.write("clinic.yaml", CONFIG)
    judged, parties = report("--config", "clinic.yaml")
    assert parties == "pinterest.com", "what the site declared its own is no third party"
    assert "gainst the policy" in judged
    assert ("counsel knows" in plain, "counsel knows" in judged) == (False, True)
    place.write("tagdrift-approvals.yaml", APPROVALS)
    approved, _ = report("--config", "clinic.yaml")
    assert "gainst the policy" not in approved
    place.write("other.yaml", CONFIG.replace("www.clinic.example", "www.another.example"))
    elsewhere, parties = report("--config", "other.yaml")
    assert ("gainst the policy" in elsewhere, parties) == (False, "pinterest.com,stranger.example")


def test_a_file_that_is_no_har_is_2_and_the_others_are_judged_all_the_same(place: Workplace) -> None:
    place.write("words.har", "these are words")
    place.write("whole.har", har_text("/"))
    ran = place.run("har", "words.har", "whole.har").exits(2)
    assert "words.har" in ran.stderr
    assert "pinterest/pinterest-tag 2612000000001 (advertising): " in ran.stdout
    assert "Traceback" not in ran.stderr


# --------------------------------------------------------------------------- rules and doctor


def test_rules_list_check_and_test(place: Workplace) -> None:
    listed = place.run("rules", "list", "--json").exits(0).document
    vendors = {vendor["id"]: vendor for vendor in listed["vendors"]}
    assert {"pinterest", "meta", "google"} <= set(vendors)
    assert "pinterest-tag" in {product["id"] for product in vendors["pinterest"]["products"]}
    assert "no problems" in place.run("rules", "check").exits(0).stdout
    assert "examples match" in place.run("rules", "test").exits(0).stdout


WRONG_RULE = """\
vendor: {id: acme, name: Acme, company: Acme, website: https://acme.example, domains: [acme.example]}
products:
  - {id: acme-pixel, name: Acme Pixel, category: advertising}
rules:
  - id: acme.pixel.event
    title: The Acme Pixel reports an event
    product: acme-pixel
    kind: event
    statsu: stable
    references: [https://acme.example/docs]
    when: {host: [px.acme.example]}
    read: {account: id}
    examples:
      matches:
        - {url: "https://px.acme.example/?id=7", gives: {account: "8"}}
      does_not_match:
        - {url: "https://acme.example/", because: another host}
"""


def test_a_wrong_rule_is_2_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("acme.yaml").write_text(WRONG_RULE)
    for command in ("check", "test"):
        assert run(["rules", command, "--rules", "acme.yaml"]) == 2
        err = capsys.readouterr().err
        assert "acme.yaml:5: " in err, "where the rule begins"
        assert "statsu" in err
    Path("acme.yaml").write_text(WRONG_RULE.replace("statsu", "status"))
    assert run(["rules", "test", "--rules", "acme.yaml"]) == 2
    err = capsys.readouterr().err
    assert "acme.yaml:15: " in err
    Path("acme.yaml").write_text(WRONG_RULE.replace("statsu", "status").replace('"8"', '"7"'))
    assert run(["rules", "test", "--rules", "acme.yaml"]) == 0


def test_doctor_finds_this_machine_fit(place: Workplace) -> None:
    document = place.run("doctor", "--json").exits(0).document
    assert (document["format"], document["document"], document["ok"]) == (1, "doctor", True)
    assert {"python", "browser", "configuration", "rules", "store", "disk"} <= {c["name"] for c in document["checks"]}
    assert not place.store.exists(), "looking leaves nothing behind"


def test_doctor_names_everything_that_is_missing_and_what_helps(place: Workplace) -> None:
    place.write("tagdrift.yaml", "sites: [{start: https://a.example/, max_page: 3}]\nstore: sqlite:///no/such/a.db\n")
    ran = place.run("doctor", variables={"TAGDRIFT_BROWSER": "/no/browser"}).exits(4)
    failed = [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("FAIL")]
    assert {"browser", "configuration"} <= set(failed)
    assert "TAGDRIFT_BROWSER" in ran.stdout
    assert "max_pages" in ran.stdout
    assert "→" in ran.stdout
