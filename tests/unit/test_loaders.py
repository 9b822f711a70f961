"""Initiator chains in words."""

from __future__ import annotations

import pytest

from scanner.loaders import loader_words, setter_words
from scanner.model import Initiator
from tests import make

PAGE = f"{make.SITE}/care"
GTM = "https://www.googletagmanager.com/gtm.js?id=GTM-ABC123"


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        pytest.param([("script", PAGE)], ["inline snippet in the page"], id="inline"),
        pytest.param([("script", f"{PAGE}#part")], ["inline snippet in the page"], id="inline, with a fragment"),
        pytest.param([("parser", PAGE)], ["HTML of the page"], id="html"),
        pytest.param(
            [("parser", f"{make.SITE}/site.3fa9c1d2.css")],
            ["HTML or style sheet of https://www.clinic.example/site.*.css"],
            id="css",
        ),
        pytest.param(
            [("script", f"{make.SITE}/theme.js"), ("parser", PAGE)],
            ["https://www.clinic.example/theme.js", "HTML of the page"],
            id="theme",
        ),
        pytest.param(
            [("script", "https://s.pinimg.com/ct/core.js"), ("script", GTM), ("script", PAGE)],
            ["https://s.pinimg.com/ct/core.js", f"{GTM.partition('?')[0]} (GTM-ABC123)", "inline snippet in the page"],
            id="through a tag manager",
        ),
        pytest.param(
            [("redirect", "https://t.example/hop?x=1")], ["redirect from https://t.example/hop"], id="redirect"
        ),
        pytest.param([("worker", f"{make.SITE}/sw.js")], ["worker https://www.clinic.example/sw.js"], id="worker"),
        pytest.param([("preload", None)], ["preload in the page"], id="preload"),
        pytest.param([("script", None)], ["script in the page"], id="nobody says"),
        pytest.param([("other", None)], [], id="nothing known"),
        pytest.param([("script", PAGE), ("script", PAGE)], ["inline snippet in the page"], id="no repetitions"),
    ],
)
def test_words(chain: list[tuple[str, str | None]], expected: list[str]) -> None:
    request = make.request(initiators=tuple(Initiator(kind, url) for kind, url in chain))
    assert loader_words(request, PAGE) == tuple(expected)


def test_a_redirect_is_told_even_when_the_chain_does_not() -> None:
    request = make.request(redirected_from="https://t.example/a?b=c", initiators=(make.initiator(),))
    assert loader_words(request, PAGE) == ("redirect from https://t.example/a", "https://www.clinic.example/theme.js")


def test_a_frames_own_snippet_is_not_the_pages() -> None:
    frame = "https://widget.example/embed"
    request = make.request(frame_url=frame, initiators=(make.initiator(url=frame),))
    assert loader_words(request, PAGE) == ("inline snippet in the frame https://widget.example/embed",)


def test_endless_chains_are_cut() -> None:
    request = make.request(initiators=tuple(make.initiator(url=f"{make.SITE}/{c}.js") for c in "abcdefghij"))
    assert len(loader_words(request, PAGE)) == 6


@pytest.mark.parametrize(
    ("url", "kind", "expected"),
    [
        pytest.param(f"{PAGE}#top", None, ["the page itself"], id="the page"),
        pytest.param("https://s.pinimg.com/ct/core.js", None, ["https://s.pinimg.com/ct/core.js"], id="nothing loaded"),
        pytest.param(GTM, "script", [f"{GTM.partition('?')[0]} (GTM-ABC123)", "HTML of the page"], id="a script"),
        pytest.param(
            "https://t.example/sync?u=1",
            "image",
            ["answer of https://t.example/sync", "HTML of the page"],
            id="an answer",
        ),
    ],
)
def test_who_set_a_cookie(url: str, kind: str | None, expected: list[str]) -> None:
    loaded = make.request(url, type=kind, initiators=(Initiator("parser", PAGE),)) if kind else None
    assert list(setter_words(url, loaded, PAGE)) == expected
