"""What a mail says and how it goes over the wire: subject, text, HTML, headers; hostile text stays inert."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.mail import MAX_HTML_BYTES, MailContent, News, Notice, Told, chat_text, digest, notice, worst_first
from reports.mail_message import Envelope, mail_bytes, message_id, thread_of
from reports.render import render_html
from scanner.model import Finding, Incident, IncidentState, Severity
from tests.make import META, NOW, finding, page_url
from tests.report_samples import back, hostile

REPORT = back()
SENDER = "tagdrift@clinic.example"
NASTY = (
    'x\r\nBcc: victim@evil.test\r\n\r\n<script>alert(1)</script>\u202egnp.exe\x1b[31m =HYPERLINK("http://evil.test")'
)


def incident(number: int = 12, of: Finding | None = None, **more: Any) -> Incident:
    made = Incident(
        id=number,
        site="clinic",
        finding=of or finding(pages=(page_url("/"), page_url("/blog"))),
        state=IncidentState.OPEN,
        identities=(),
        opened_scan=3,
        first_seen_at=NOW,
        last_seen_at=NOW,
        last_absent_at=NOW - timedelta(days=1),
    )
    return replace(made, **more)


def told(news: News = News.OPENED, *reasons: str, **more: Any) -> Told:
    return Told(news, incident(**more), reasons)


def envelope(**more: Any) -> Envelope:
    made = Envelope(SENDER, "officer@clinic.example", "clinic", message_id(SENDER, "digest", "clinic", "3"), NOW)
    return replace(made, **more)


def parsed(content: MailContent, report: str | None = None, **more: Any) -> EmailMessage:
    wire = mail_bytes(envelope(**more), content, report)
    assert wire.isascii() and b"\n" not in wire.replace(b"\r\n", b"")
    assert max(map(len, wire.split(b"\r\n"))) <= 998, "RFC 5322's longest line"
    mail = message_from_bytes(wire, policy=default)
    assert not any(part.defects for part in mail.walk())
    return mail


CLOSED: dict[str, Any] = {"state": IncidentState.CLOSED, "closed_at": NOW + timedelta(days=1)}


@pytest.mark.parametrize(
    ("one", "subject"),
    [
        (told(), "[High] clinic: Pinterest Tag 2612000000001 appeared on 1 of 1 page"),
        (told(News.WORSENED, "on 1 more page"), "[High] clinic: Pinterest Tag 2612000000001 is now on 2 pages"),
        (told(News.REMINDER), "[High] clinic: Pinterest Tag 2612000000001 is still on 2 pages"),
        (told(News.CLOSED, **CLOSED), "[Gone] clinic: Pinterest Tag 2612000000001 is gone from 2 pages"),
        (
            told(of=finding("Unknown third party px.test", tag=None, severity=Severity.LOW)),
            "[Low] clinic: Unknown third party px.test (1 page)",
        ),
    ],
)
def test_the_subject_names_severity_site_what_and_pages(one: Told, subject: str) -> None:
    assert digest([one], REPORT).subject == subject


def test_the_first_line_says_what_it_counts() -> None:
    worse, gone = told(News.WORSENED, number=1), told(News.CLOSED, number=2, **CLOSED)
    assert "clinic: 1 incident has become worse and 1 is over." in digest([worse, gone], REPORT).text
    assert "clinic: 2 incidents are over." in digest([gone, gone], REPORT).text
    assert "clinic: 1 incident is over." in digest([gone], REPORT).text


def test_worst_first_and_what_is_over_last() -> None:
    gone = told(News.CLOSED, number=1, of=finding(severity=Severity.CRITICAL), **CLOSED)
    low = told(News.OPENED, number=2, of=finding(severity=Severity.LOW))
    worse = told(News.WORSENED, number=3)
    new = told(News.OPENED, number=4)
    assert [one.incident.id for one in worst_first([gone, low, worse, new])] == [4, 3, 2, 1]
    content = digest([gone, low, worse, new], REPORT)
    assert content.subject.endswith("(+3 more)") and content.subject.startswith("[High]")
    assert "2 new incidents, 1 has become worse and 1 is over." in content.text
    assert content.urgent and not digest([gone], REPORT).urgent


def test_text_and_html_tell_the_same() -> None:
    content = digest([told(News.WORSENED, "also sends phone numbers")], REPORT)
    html = " ".join(BeautifulSoup(content.html, "html.parser").get_text(" ").split())
    text = " ".join(content.text.split())
    for fact in (
        "also sends phone numbers",
        "Began between 1 March 2026, 04:30 and 2 March 2026, 04:30 UTC.",
        "A new advertising tag.",
        page_url("/blog"),
        "14 of 14 pages seen whole (100 %)",
        "tagdrift incident 12",
    ):
        assert fact in html and fact in text
    ended = digest([told(News.CLOSED, **CLOSED)], REPORT).text
    assert "Ended between 2 March 2026, 04:30 and 3 March 2026, 04:30 UTC." in ended


def test_the_message_as_mail_programs_and_servers_see_it() -> None:
    content = digest([told()], REPORT)
    report = render_html(REPORT)
    first = message_id(SENDER, "digest", "clinic", "1")
    mail = parsed(content, report, references=(first,), reply_to="it@clinic.example")
    assert str(mail["From"]) == "tagdrift <tagdrift@clinic.example>"
    assert str(mail["To"]) == "officer@clinic.example" and str(mail["Reply-To"]) == "it@clinic.example"
    assert str(mail["Date"]) == "Mon, 02 Mar 2026 04:30:00 +0000"
    assert mail["Message-ID"] == message_id(SENDER, "digest", "clinic", "3") != first
    assert mail["In-Reply-To"] == mail["References"] == first
    assert mail["List-Id"] == "tagdrift on clinic <clinic.tagdrift.clinic.example>"
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Importance"] == "high"
    assert mail.get_content_type() == "multipart/mixed"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None and plain.get_content().replace("\r\n", "\n") == content.text
    assert html is not None and html.get_content().replace("\r\n", "\n").rstrip() == content.html.rstrip()
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("tagdrift-clinic-2026-03-02.html", "text/html")
    assert attached.get_content().replace("\r\n", "\n").rstrip() == report.rstrip()
    assert mail_bytes(envelope(), content, report) == mail_bytes(envelope(), content, report), "nothing random in it"


def test_the_hash_of_the_scan_is_there_to_be_kept() -> None:
    content = digest([told()], replace(REPORT, scan_hash="ab" * 32))
    for said in (content.text, content.html):
        assert f"Scan {REPORT.scan.id}, SHA-256 " in said and "ab" * 32 in said and "tagdrift verify --hash" in said
    assert "SHA-256" not in digest([told()], REPORT).text


def test_a_report_too_large_for_mail_servers_is_named_instead() -> None:
    mail = parsed(digest([told()], REPORT), "x" * (9 * 1024 * 1024))
    plain = mail.get_body(("plain",))
    assert list(mail.iter_attachments()) == [] and plain is not None
    assert "`tagdrift report` writes it" in plain.get_content()


def test_html_holds_in_mail_programs() -> None:
    html = digest([told(number=n) for n in range(1, 6)], REPORT).html
    page = BeautifulSoup(html, "html.parser")
    assert page.find_all(["script", "img", "link", "iframe", "form", "object"]) == []
    assert not re.search(r"url\(|https?://(?!www\.clinic\.example)", html.replace("http://www.w3.org", ""))
    cells = page.find_all("td")
    assert cells and all(cell.get("style") for cell in cells if cell.get("class")), "Gmail drops style elements"
    assert all(table.get("role") == "presentation" for table in page.find_all("table"))
    assert "prefers-color-scheme: dark" in html and '<meta name="color-scheme" content="light dark">' in html
    assert "[if mso]" in html and 'width="600"' in html


def test_a_thousand_incidents_still_fit_into_a_mail_that_gmail_shows_whole() -> None:
    address = "https://www.clinic.example/" + "&<>\"'\u202e" * 200_000
    wide = finding("<&>" * 100_000, pages=tuple(f"{address}{n}" for n in range(30)), owner="&" * 10_000, tag=None)
    content = digest([told(number=n, of=wide) for n in range(1, 1001)], REPORT)
    assert len(content.html.encode()) <= MAX_HTML_BYTES
    assert "more incident" in content.html and len(content.text) < 200_000
    parsed(content)


def nasty_incident() -> Told:
    return told(
        News.WORSENED,
        NASTY,
        of=finding(
            NASTY,
            pages=(f"https://www.clinic.example/{NASTY}", "https://www.clinic.example/?" + "q=1&" * 250_000),
            owner=NASTY,
            loaders=(NASTY, f"https://evil.test/{NASTY}"),
            events=(NASTY,),
            reason=NASTY,
            rule=NASTY,
            tag=replace(META, account=NASTY),
            sends=(("email", NASTY),),
        ),
    )


@pytest.mark.parametrize("one", [nasty_incident(), replace(nasty_incident(), news=News.OPENED)])
def test_hostile_text_is_inert_everywhere(one: Told) -> None:
    content = digest([one], hostile())
    mail = parsed(content, render_html(hostile()))
    assert mail["Bcc"] is None and set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "List-Id", "Auto-Submitted", "X-Auto-Response-Suppress",
        "Importance", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert "victim@evil.test" not in (str(mail["To"]), str(mail["From"]))
    for text in (content.subject, content.text, content.html, chat_text([one], hostile())):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text.replace("\r\n", "\n"))
    page = BeautifulSoup(content.html, "html.parser")
    assert page.find_all(["script", "a", "img"]) == []
    assert "&lt;script&gt;" in content.html
    assert not any(line.startswith(("Bcc:", "=HYPERLINK")) for line in content.text.splitlines())
    assert len(content.subject) <= 200


TEXTS = st.text(st.characters(exclude_categories=()), max_size=300)


@settings(max_examples=60, deadline=None)
@given(title=TEXTS, account=TEXTS, reason=TEXTS)
def test_any_text_gives_a_message_that_parses_back(title: str, account: str, reason: str) -> None:
    one = told(News.OPENED, of=finding(title, reason=reason, tag=None))
    other = told(News.WORSENED, reason, number=2, of=finding(tag=replace(META, account=account)))
    content = digest([one, other], REPORT)
    mail = parsed(content)
    assert " ".join(str(mail["Subject"]).split()) == " ".join(content.subject.split())
    plain = mail.get_body(("plain",))
    assert plain is not None and plain.get_content().replace("\r\n", "\n") == content.text


def test_a_conversation_leads_back_to_the_first_message_of_the_worst_incident() -> None:
    own, a, b = (message_id(SENDER, "digest", name) for name in "oab")
    assert thread_of([a, b, a, own], own) == (b, a)
    assert thread_of([], own) == ()
    assert len(thread_of([message_id(SENDER, str(n)) for n in range(99)], own)) == 20
    assert message_id("t@bücher.example", "x").endswith("@xn--bcher-kva.example>")


@pytest.mark.parametrize(
    "subject",
    [
        "[Not watched] clinic: the site cannot be scanned: 0 of 3 pages seen whole, and some more words",
        "[High] " + "ä" * 150,
    ],
)
def test_a_long_subject_comes_back_letter_for_letter(subject: str) -> None:
    mail = parsed(
        MailContent(subject, "text", "<p>text</p>"), references=tuple(f"<{n:050}@clinic.example>" for n in range(20))
    )
    assert str(mail["Subject"]) == subject
    assert len(str(mail["References"]).split()) == 20


def test_a_notice() -> None:
    content = notice(Notice("[All is well] clinic", "good", "All is well", NASTY, (NASTY,), (("Pages", NASTY),), NASTY))
    parsed(content)
    assert BeautifulSoup(content.html, "html.parser").find_all("script") == []
    assert not content.urgent
