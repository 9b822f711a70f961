"""Masked values show what kind of thing was sent, and not whose."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.masking import SHOWN_LENGTH, mask
from scanner.model import ExposureKind


@pytest.mark.parametrize(
    ("value", "kind", "masked"),
    [
        ("jane.doe@mail.test", "email", "j***@m***.test"),
        ("9e107d9d372bb6826bd81d3542a419d6", "email", "9e107d…"),
        ("Kf0ynWmKCQTDWJXAU5s2zSfXXUSmkSs2AYbPiKVqWTk", "email", "Kf0ynW…"),
        ("****.***@****.***", "email", "****@****.***"),
        ("+15550100199", "phone", "***99"),
        ("Jane", "name", "J***"),
        ("MRN-004711", "external_id", "M***"),
        ("1980-02-29", "date_of_birth", "***"),
        ("fb.1.1700000000000.123456789", "browser_id", "fb.1***"),
        ("203.0.113.9", "ip_address", "203.***"),
        ("2001:db8::1", "ip_address", "2001.***"),
        ("knee pain", "search_query", "knee pain"),
        ("call 555-010-0199 or jane@mail.test", "search_query", "call 55*** or j***@m***.test"),
        ("Schedule with Dr Example", "button_text", "Schedule with Dr Example"),
        ("https://u:p@clinic.test/depression/help?q=knee+pain#top", "page_url", "https://clinic.test/depression/help?q=knee+pain#top"),
        ("https://clinic.test/p/20011234567?m=jane%40mail.test", "page_url", "https://clinic.test/p/20***?m=j***@m***.test"),
        ("https://clinic.test/?m=jane%2540mail.test", "page_url", "https://clinic.test/?m=j***@m***.test"),
        ("/results?token=8f14e45fceea167a5a36dedd4bea2543", "page_url", "/results?token=8f14…"),
        ("anything at all", "unheard-of", "anything at all"),
        ("", "email", ""),
    ],
)  # fmt: skip
def test_masks(value: str, kind: str, masked: str) -> None:
    assert mask(value, kind) == masked


kinds = st.sampled_from([*ExposureKind, "other"])


@settings(deadline=None)
@given(st.text(), kinds)
def test_a_mask_is_short_and_never_fails(value: str, kind: str) -> None:
    assert len(mask(value, kind)) <= SHOWN_LENGTH + 10


@settings(deadline=None)
@given(st.from_regex(r"[a-z]{4,10}\.[a-z]{4,10}", fullmatch=True), st.from_regex(r"[a-z]{5,9}", fullmatch=True), kinds)
def test_an_address_never_survives_in_any_kind_of_value(local: str, domain: str, kind: str) -> None:
    for text in (
        f"{local}@{domain}.test",
        f"https://a.test/x?e={local}%40{domain}.test&b=1",
        f"write {local}@{domain}.test!",
    ):
        shown = mask(text, kind)
        assert local not in shown
        assert f"{domain}.test" not in shown
