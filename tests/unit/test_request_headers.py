"""Which request headers are kept: evidence and accounts, no secrets."""

from __future__ import annotations

import base64

import pytest

from scanner.request_headers import basic_user, kept_headers


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "user"),
    [
        (basic("2abCdEf:"), "2abCdEf"),
        (basic("a:"), "a"),
        (basic("ana:secret"), None),
        (basic("no colon"), None),
        (basic(":"), None),
        (basic("a\x00b:"), None),
        ("Basic not base64!", None),
        ("Basic " + "A" * 500, None),
        ("Bearer 2abCdEf", None),
        ("", None),
    ],
)
def test_only_a_name_without_a_password_is_read(authorization: str, user: str | None) -> None:
    assert basic_user(authorization) == user


def test_rules_name_the_headers_that_tell_an_account_and_secrets_stay_out() -> None:
    headers = {
        "referer": "https://www.clinic.test/",
        "x-mp-key": "us1-0a1b",
        "x-session": "s3cret",
        "authorization": basic("ana:s3cret"),
        "cookie": "sid=s3cret; theme=dark",
        "accept": "*/*",
    }
    named = ("x-mp-key", "authorization", "cookie")
    assert kept_headers(headers, named) == (
        ("referer", "https://www.clinic.test/"),
        ("x-mp-key", "us1-0a1b"),
        ("cookie", "sid; theme"),
    )
    key = basic("2abCdEf:")
    assert ("authorization", key) in kept_headers({"authorization": key}, named)
    assert kept_headers({"authorization": key, "x-mp-key": "a"}) == ()
