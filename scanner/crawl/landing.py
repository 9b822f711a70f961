"""Where a visit landed. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from scanner.model import Link, Outcome, PageCapture, StopReason

FOLLOWED = frozenset({"link", "source-link", "canonical", "redirect"})
"""Sources of links that lead to pages. Frames were recorded with their page, forms are never sent."""


def landing_url(capture: PageCapture) -> str:
    """Return the address of the document that the *server* answered with, after its redirects.

    A page that goes on by itself (meta refresh, script) was a page: it ran and may have told somebody. It
    keeps its own address, and where it went is one more link. When the recorder saw no redirect hops the
    address asked for stands.

    It stands as well when something else answered in the page's place, a login or an error page at an address of its
    own: a hundred pages that lead to one login are a hundred pages that could not be seen, not one.
    """
    url = capture.url
    for request in capture.requests:
        if request.redirected_from == url and request.type == "document" and request.context == "page":
            url = request.url
    return capture.url if _answered_in_its_place(capture, url) else url


def _answered_in_its_place(capture: PageCapture, landed: str) -> bool:
    unseen = capture.outcome not in (Outcome.OK, Outcome.PARTIAL) and capture.stop_reason is not StopReason.OFF_SITE
    # Another host or a slash more is still the page, in trouble.
    return unseen and urlsplit(landed).path.rstrip("/") != urlsplit(capture.url).path.rstrip("/")


def links_to_follow(capture: PageCapture) -> tuple[Link, ...]:
    """Return what this capture names as pages, in order, without repetitions.

    Only a page that was really seen names pages: the links of an error page or a bot wall are not the
    site's, and a broken relative link on a "not found" page leads to the next one.
    """
    if capture.outcome not in (Outcome.OK, Outcome.PARTIAL):
        return ()
    links = [link for link in capture.links if link.source in FOLLOWED]
    if capture.final_url != capture.url:
        links.append(Link(capture.final_url, "redirect"))
    if capture.canonical:
        links.append(Link(capture.canonical, "canonical"))
    return tuple({link.url: link for link in reversed(links)}.values())[::-1]
