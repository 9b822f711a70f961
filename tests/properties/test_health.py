"""Laws of term matching: a term is found between any two separators and never inside another word."""

from __future__ import annotations

import base64
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.health import HealthIndex, find_terms, load_terms, words_of
from rules.page_kinds import page_kind

TERMS = load_terms()
INDEX = HealthIndex.build(TERMS)
terms = st.sampled_from([term for group in TERMS.groups for term in group.terms])
single_words = st.sampled_from(
    [term for group in TERMS.groups for term in group.terms if " " not in term and len(term) >= 4]
)
separators = st.sampled_from(["-", "_", " ", "+", ".", "/", "%20", "%2D", " - "])
around = st.sampled_from(["", "/", "?q=", "&x=", " ", "|", '"', "(", "#", "\n", "="])


@settings(deadline=None, max_examples=300)
@given(terms, separators, around, around, st.sampled_from([str.lower, str.upper, str.title]))
def test_every_term_is_found_however_it_is_joined(
    term: str, separator: str, before: str, after: str, case: object
) -> None:
    assert callable(case)
    written = separator.join(case(word) for word in term.split())
    found = find_terms(f"{before}{written}{after}", INDEX)
    assert " ".join(words_of(term)) in {each.term for each in found}


@settings(deadline=None)
@given(terms, st.sampled_from(["url", "base64", "twice"]))
def test_every_term_is_found_behind_encodings(term: str, how: str) -> None:
    packed = base64.b64encode(f"about {term} today".encode()).decode()
    text = {
        "url": quote(f"about {term}"),
        "base64": f"d={packed}",
        "twice": f"d={base64.b64encode(packed.encode()).decode()}",
    }
    assert " ".join(words_of(term)) in {each.term for each in find_terms(text[how], INDEX)}


@settings(deadline=None)
@given(single_words, st.sampled_from("bcfgqvwxz"), st.sampled_from("bcfgqvwxz"))
def test_no_term_is_found_inside_another_word(term: str, before: str, after: str) -> None:
    found = {each.term for each in find_terms(f"/page/{before}{term}{after}/", INDEX)}
    assert term not in found


@settings(deadline=None, max_examples=300)
@given(st.binary(min_size=12, max_size=60))
def test_random_ids_hold_no_terms(raw: bytes) -> None:
    token = base64.urlsafe_b64encode(b"\xff\x00" + raw + b"\xfe").decode().replace("-", "A").replace("_", "B")
    assert find_terms(f"gclid={token}", INDEX) == () or any(
        each.term in "".join(map(chr, raw)).lower() for each in find_terms(f"gclid={token}", INDEX)
    )


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200), st.text(max_size=80), st.lists(st.text(max_size=20), max_size=5), st.booleans())
def test_no_text_makes_them_raise(text: str, title: str, fields: list[str], has_password: bool) -> None:
    find_terms(text, INDEX)
    page_kind(text, title, tuple(fields), has_password)
    page_kind("https://c.test/" + text, None, tuple(fields))
