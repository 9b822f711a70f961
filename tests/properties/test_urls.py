"""Laws of canonical addresses, on friendly and hostile text."""

from urllib.parse import urljoin

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.urls import canonical_url, page_template

anything = st.text(max_size=200)
awkward = st.text(st.sampled_from("/.;?#&=%:@[]()\\ +~!aZ0é\ud800\n\t-_") | st.characters(), max_size=60)
addresses = st.builds(
    lambda scheme, host, rest: f"{scheme}://{host}{rest}",
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(
        ["c.example", "WWW.C.Example:443", "bücher.example", "[::1]:80", "u:p@c.example.", "c.example:8443"]
    ),
    awkward.map(lambda rest: f"/{rest}.".replace("#", "")),
)


@settings(deadline=None)
@given(anything | addresses, st.booleans())
@example("https://c.example/%%41", False)
@example("https://c.example/.;sid=1/.", False)
@example("https://c.example/;sid=;sid=1;jsession;jsessionid=1id=2", False)
@example("https://c.example/a/(S(x))/..", False)
@example("https://c.example/?%67clid=1", False)
@example("https://c.example/?a%3D=1&%26", False)
@example("https://c.example/#!#/?%", True)
def test_canonical_is_idempotent_and_never_raises(url: str, hash_routes: bool) -> None:
    once = canonical_url(url, hash_routes=hash_routes)
    assert canonical_url(once, hash_routes=hash_routes) == once
    assert once == "" or (once.isascii() and once.startswith(("http://", "https://")) and " " not in once)


@settings(deadline=None)
@given(anything | addresses)
def test_templates_are_the_same_for_all_spellings_of_a_page(url: str) -> None:
    assert page_template(url) == page_template(canonical_url(url, hash_routes=True))


@settings(deadline=None)
@given(addresses, st.sampled_from(["utm_source=x", "fbclid=1", "gclid=%20", "PHPSESSID=abc"]))
def test_a_tracking_parameter_changes_nothing(url: str, parameter: str) -> None:
    tracked = f"{url}{'&' if '?' in url else '?'}{parameter}"
    assert canonical_url(tracked) == canonical_url(url)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a=1", "b=2", "c", "d=x+y", "e=%C3%A4"]), unique=True), st.randoms())
def test_order_of_different_parameters_changes_nothing(pairs: list[str], random: object) -> None:
    shuffled = sorted(pairs, key=lambda _: random.random())  # type: ignore[attr-defined]
    join = "https://c.example/?" + "{}"
    assert canonical_url(join.format("&".join(pairs))) == canonical_url(join.format("&".join(shuffled)))


@settings(deadline=None)
@given(st.lists(st.sampled_from(["..", ".", "a", "b c", "ü"]), max_size=8))
def test_relative_links_lead_where_a_browser_goes(segments: list[str]) -> None:
    """Dot segments resolved by us or by the library: the same page."""
    resolved = urljoin("https://c.example/dir/page", "/".join(["/x", *segments]))
    assert canonical_url(resolved) == canonical_url("https://c.example" + "/".join(["/x", *segments]))
