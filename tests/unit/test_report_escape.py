"""Hostile text stays inert wherever a report puts it."""

from __future__ import annotations

import csv
import io
import unicodedata
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.escape import csv_cell, file_name, header, one_line, shorten, visible

HOSTILE = st.text(st.characters(codec=None), max_size=300) | st.sampled_from(
    [
        "=cmd|' /C calc'!A0",
        "\x1b]0;owned\x07",
        "a\r\nBcc: x@evil.test",
        "abc\u202etxt.exe",
        "nul\x00byte",
        "\ud800",
        "CON",
    ]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Clinic – Über uns 日本語", "Clinic – Über uns 日本語", id="ordinary text of any script stays"),
        pytest.param("\x1b[2J\x07", "␛[2J␇", id="terminal escapes"),
        pytest.param("a\r\nb\x00\x7f", "a␍␊b␀␡", id="line breaks and NUL"),
        pytest.param("user\u202egnp.exe", "user⟨U+202E⟩gnp.exe", id="right-to-left override"),
        pytest.param("a\u200bb\u2028c\x9b", "a⟨U+200B⟩b⟨U+2028⟩c⟨U+009B⟩", id="zero width, line separator, C1"),
        pytest.param("\ud800", "⟨U+D800⟩", id="lone surrogate"),
        pytest.param("\U000e0041", "⟨U+E0041⟩", id="tag characters"),
    ],
)
def test_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(HOSTILE)
def test_visible_text_is_harmless_and_stable(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert all(
        unicodedata.category(c) not in ("Cc", "Cs") and c not in "\u202a\u202b\u202d\u202e\u2066\u2069" for c in shown
    )
    assert visible(shown) == shown


def test_a_megabyte_url_keeps_both_ends_and_says_what_is_missing() -> None:
    url = "https://ct.pinterest.com/v3/?" + "a" * 1_000_000 + "&event=pagevisit"
    short = shorten(url, 200)
    assert len(short) == 200
    assert short.startswith("https://ct.pinterest.com/v3/?aaa")
    assert short.endswith("&event=pagevisit")
    assert "[… 999,845 characters …]" in short


@given(HOSTILE, st.integers(min_value=2, max_value=200))
def test_shortened_text_is_never_longer_and_never_silently_cut(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or "…" in short


@given(HOSTILE)
def test_a_header_never_starts_another(text: str) -> None:
    message = EmailMessage()
    message["Subject"] = header(text)
    parsed = message.as_bytes().split(b"\n\n")[0]
    assert [line.split(b":")[0] for line in parsed.splitlines() if not line.startswith((b" ", b"\t"))] == [b"Subject"]
    assert len(header(text)) <= 200


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "  =", "＝", "|", "%"])
def test_a_cell_is_never_a_formula(start: str) -> None:
    assert csv_cell(f"{start}HYPERLINK(1)").startswith("'")


@given(HOSTILE)
def test_a_cell_survives_a_csv_round_trip(text: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([csv_cell(text), "next"])
    assert next(csv.reader(io.StringIO(buffer.getvalue(), newline=""))) == [csv_cell(text), "next"]
    assert csv_cell(text).lstrip()[:1] not in set("=+-@＝＋－＠")


@pytest.mark.parametrize("name", ["clinic", "clinic-2026.html", "A_b"])
def test_a_harmless_file_name_stays(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize(
    "text", ["../../etc/passwd", "..", ".", "", "con", "NUL.txt", "a/b\\c:d", "-rf", "x" * 5000, "clinic\u202e", "日本"]
)
def test_a_hostile_file_name_becomes_harmless(text: str) -> None:
    name = file_name(text)
    assert 1 <= len(name) <= 80
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \x00')
    assert not name.startswith((".", "-")) and ".." not in name and not name.endswith(".")
    assert name.split(".")[0].lower() not in {"con", "nul", "aux", "prn"}


@given(HOSTILE, HOSTILE)
def test_different_texts_never_share_a_file(a: str, b: str) -> None:
    assert (file_name(a) == file_name(b)) == (a == b)


@given(HOSTILE)
def test_one_line_holds_its_limit(text: str) -> None:
    assert len(one_line(text, 40)) <= 40
