"""Addresses without their chance."""

from __future__ import annotations

import random
import string
import uuid
from collections import Counter

import pytest

from scanner.script_identity import cookie_identity, endpoint_identity, normalise_host, script_identity


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://cdn1.vendor.example/v2.11.83/main.3fa9c1d2.js?cb=17", "cdn*.vendor.example/*/main.*.js"),
        ("https://s.pinimg.com/ct/core.js", "s.pinimg.com/ct/core.js"),
        ("https://s.pinimg.com/ct/lib/main.55e552f9.js", "s.pinimg.com/ct/lib/main.*.js"),
        ("https://connect.facebook.net/en_US/fbevents.js?v=2", "connect.facebook.net/en_US/fbevents.js"),
        ("https://connect.facebook.net/signals/config/123456789012345", "connect.facebook.net/signals/config/*"),
        ("https://www.googletagmanager.com/gtm.js?id=GTM-ABC", "www.googletagmanager.com/gtm.js"),
        ("https://code.jquery.com/jquery-3.7.1.min.js", "code.jquery.com/jquery-*.min.js"),
        ("https://cdn.example/a/index-DkAb_dEf.js", "cdn.example/a/index-*.js"),
        ("https://cdn.example/12.3fa9c1d2.chunk.js", "cdn.example/*.chunk.js"),
        ("https://cdn.example/js/AppMeasurement.js", "cdn.example/js/AppMeasurement.js"),
        ("https://2784362.fls.doubleclick.net/activityi;src=2784362;ord=5", "*.fls.doubleclick.net/activityi"),
        ("https://static.hotjar.com/c/hotjar-1234567.js?sv=6", "static.hotjar.com/c/hotjar-*.js"),
        ("https://api.example/articles/my-new-article-about-hearts", "api.example/articles/*"),
        ("https://t.example/a/b/c/d/e/f/g/h", "t.example/a/b/c/d/e/f/…"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_scripts(url: str, expected: str) -> None:
    assert script_identity(url) == expected


def test_endpoints_keep_method_and_version() -> None:
    assert endpoint_identity("get", "https://ct.pinterest.com/v3/?tid=1&cb=2") == "GET ct.pinterest.com/v3/"


@pytest.mark.parametrize(
    ("host", "other"),
    [
        ("o2.mouseflow.com", "o3.mouseflow.com"),
        ("region1.analytics.google.com", "analytics.google.com"),
        ("a1b2c3d4e5.events.example", "ffee112233.events.example"),
        ("CDN-12.Vendor.example.", "cdn-7.vendor.example"),
    ],
)
def test_shards_are_one_host(host: str, other: str) -> None:
    assert normalise_host(host) == normalise_host(other)


@pytest.mark.parametrize("host", ["ct.pinterest.com", "px.ads.linkedin.com", "t.co", "10.0.0.1", "localhost"])
def test_names_are_kept(host: str) -> None:
    assert normalise_host(host) == host


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_ga", "_ga"),
        ("_ga_ABCDEFGHIJ", "_ga_*"),
        ("_hjSession_1234567", "_hjSession_*"),
        ("_gat_UA-1-2", "_gat_*"),
        ("AMCV_1234567890%40AdobeOrg", "AMCV_*"),
        ("mp_0a1b2c3d4e5f60718293a4b5c6d7e8f9_mixpanel", "mp_*_mixpanel"),
        ("_pin_unauth", "_pin_unauth"),
        ("_vwo_uuid_v2", "_vwo_uuid_v2"),
        ("OptanonConsent", "OptanonConsent"),
        ("__cf_bm", "__cf_bm"),
    ],
)
def test_cookies(name: str, expected: str) -> None:
    assert cookie_identity(name) == expected


def _tokens(alphabet: str, length: int, count: int = 4_000) -> list[str]:
    chance = random.Random(length)
    return ["".join(chance.choices(alphabet, k=length)) for _ in range(count)]


def _hashes(length: int) -> list[str]:
    """Ordinary ones, and some of the rare ones that are digits or letters throughout."""
    return [
        token
        for alphabet in (string.hexdigits[:16], string.digits, "abcdef")
        for token in _tokens(alphabet, length, 200)
    ]


@pytest.mark.parametrize("length", [8, 12, 16, 20, 32, 40, 64])
@pytest.mark.parametrize("shape", ["main.{}.js", "a/{}/core.js", "vendors~main.{}.chunk.js", "{}.js", "app-{}.min.js"])
def test_build_hashes_never_show(shape: str, length: int) -> None:
    names = {script_identity(f"https://cdn.example/{shape.format(t)}") for t in _hashes(length)}
    assert len(names) == 1


def test_timestamps_ids_and_uuids_never_show() -> None:
    chance = random.Random(1)
    tokens = [str(chance.randrange(10**length)) for length in range(1, 20) for _ in range(50)]
    tokens += [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(200)]
    tokens += [f"{chance.randrange(30)}.{chance.randrange(300)}.{chance.randrange(20)}" for _ in range(200)]
    assert {script_identity(f"https://cdn.example/x/{token}/y.js") for token in tokens} == {"cdn.example/x/*/y.js"}


@pytest.mark.parametrize(
    ("alphabet", "length", "tolerated"),
    [
        (string.ascii_letters + string.digits, 16, 0.01),
        (string.ascii_letters + string.digits, 22, 0.002),
        (string.ascii_lowercase + string.digits, 16, 0.01),
        (string.ascii_letters + string.digits + "-_", 22, 0.03),
    ],
)
def test_other_random_tokens_hardly_ever_show(alphabet: str, length: int, tolerated: float) -> None:
    tokens = _tokens(alphabet, length)
    names = Counter(script_identity(f"https://cdn.example/x/css_{token}.js") for token in tokens)
    assert 1 - names.most_common(1)[0][1] / len(tokens) < tolerated
