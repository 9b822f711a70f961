"""What makes two addresses the same page, and which pages look alike. Pure; never raises on hostile input."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes, urlsplit

import idna

# In this order: click identifiers of advertisers' landing links; mail and marketing automation (which letter
# to which reader); measurement helpers that never choose the content.
_TRACKING_WORDS = """
epik fbclid gclid gbraid wbraid gclsrc gad_source gad_campaignid dclid _gl srsltid tblci ndclid _kx vmcid oborigurl
cto_pld msclkid twclid rdt_cid li_fat_id ttclid sccid dicbo yclid ysclid irclickid igshid igsh

mc_eid mc_cid mkt_tok _hsenc _hsmi __hstc __hssc __hsfp hsctatracking vero_id vero_conv oly_enc_id oly_anon_id
wickedid s_kwcid ef_id _branch_match_id ml_subscriber ml_subscriber_hash

_ga gdfms gdftrk gdffi _openstat fb_action_ids fb_action_types fb_ref fb_source
"""
TRACKING_PARAMETERS = frozenset(_TRACKING_WORDS.split())
"""Query parameters, lower case, that say how a visitor came and never which page it is."""

TRACKING_PREFIXES = ("utm_", "hsa_", "mtm_", "pk_", "piwik_", "matomo_")

_SESSION_WORDS = "jsessionid phpsessid phpsessionid aspsessionid asp.net_sessionid cfid cftoken sessionid session_id"
_SESSION_NAMES = frozenset(_SESSION_WORDS.split())
_MAYBE_SESSION_NAMES = frozenset(["sid", "s", "sess", "session", "oscsid", "zenid", "xtcsid"])
_SESSION_TOKEN = re.compile(r"(?=.*\d)[A-Za-z0-9,_-]{16,}")
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|cfid|cftoken|sessionid|sid)=[^;]*", re.IGNORECASE)
_COOKIELESS_SEGMENT = re.compile(r"\((?:[A-Z]\([A-Za-z0-9_-]+\))+\)")

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = "/:@!$&'()*+,;=-._~%"
_NAME_SAFE = "/:@!$(),;?*-._~"
_VALUE_SAFE = _NAME_SAFE + "="
_ASCII_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
_SURROGATES = re.compile("[\ud800-\udfff]")
_EDGES = "".join(map(chr, range(0x21)))
_INNER = re.compile(r"[\t\n\r]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CACHED_LENGTH = 2_048


def canonical_url(url: str, *, hash_routes: bool = False) -> str:
    """Return the one address that stands for a page between links, visits and scans; `""` for what is no page.

    No page: anything but http(s), an address without a host, with an impossible port or host, or not an
    address at all. The function never raises, and `canonical_url(canonical_url(u)) == canonical_url(u)`.
    The result is a working address: it is what the browser visits, so that two scans ask for the same thing,
    whichever of many spellings was found first. Each choice, with its reason:

    - *Scheme and host* in lower case, a final dot dropped, international names in their ASCII form (UTS 46,
      as browsers do), IPv6 compressed, the scheme's own port dropped: browsers make no difference. http and
      https, and www and the bare name, stay different here: only the site can say that they are one
      (the frontier learns it from redirects).
    - *User name and password* are dropped: credentials must not reach the store.
    - *Path*: dot segments resolved and percent escapes in RFC 3986 normal form (what need not be escaped is
      not, hexadecimal digits upper case, a stray `%` escaped). Case, double and trailing slashes and index
      pages are kept: servers may answer differently, and where they do not, redirects bring them together.
    - *Session ids* are dropped, in the path (`;jsessionid=`, `/(S(…))/`) and in the query; short names that
      also have honest uses (`sid`, `s`) only when the value looks like a token. Each visit would
      otherwise find a new copy of the whole site.
    - *Tracking parameters* (`utm_…`, click ids) are dropped: they say how somebody came, and a click id
      in the address would be passed on by tags that otherwise have none to pass on.
    - *Query order*: sorted by name. Servers read parameters by name, while links are put together in any
      order, so unsorted addresses would multiply pages. Repeated names keep their order: lists mean it.
    - *Query spelling*: decoded and encoded again, a space as `+`; `a` and `a=` stay different. Empty pairs and
      an empty query are dropped.
    - *Fragments* are dropped: they name a place in a page. With `hash_routes`, those that begin with `/` or
      `!` are kept: there they are the page's name in a single-page application (`#/` alone is its start).
    """
    if len(url) <= _CACHED_LENGTH:
        return _cached(url, hash_routes)
    return _canonical(url, hash_routes)


@lru_cache(maxsize=32_768)
def _cached(url: str, hash_routes: bool) -> str:
    return _canonical(url, hash_routes)


def _canonical(url: str, hash_routes: bool) -> str:
    if not url.isascii():
        url = _SURROGATES.sub("\ufffd", url)
    url = _INNER.sub("", url.strip(_EDGES))
    head, mark, tail = _before_query(url)
    try:
        parts = urlsplit(head.replace("\\", "/") + mark + tail)
        host, port = _host(parts.hostname or ""), parts.port
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host or port == 0:
        return ""
    where = host if port is None or port == _DEFAULT_PORTS[scheme] else f"{host}:{port}"
    query = _query(parts.query)
    fragment = _route(parts.fragment) if hash_routes else ""
    return (
        f"{scheme}://{where}{_path(parts.path)}" + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")
    )


def _before_query(url: str) -> tuple[str, str, str]:
    """Split before the first `?` or `#`: only in front of it is a backslash a slash, as in browsers."""
    at = min((i for i in (url.find("?"), url.find("#")) if i >= 0), default=len(url))
    return url[:at], url[at : at + 1], url[at + 1 :]


def _host(host: str) -> str:
    """Return the host as it stands in a canonical URL; raises `ValueError` if it cannot be one."""
    if ":" in host:
        return f"[{ip_address(host).compressed}]"
    if not host.isascii():
        host = idna.encode(host, uts46=True, transitional=False).decode("ascii")
    host = host.removesuffix(".").lower()
    if not _ASCII_HOST.fullmatch(host) or ".." in host or len(host) > 253:
        raise ValueError("not a host name")
    return host


def _normal_escape(match: re.Match[str]) -> str:
    digits = match[1]
    if digits is None:
        return "%25"
    character = chr(int(digits, 16))
    return character if character in _UNRESERVED else f"%{digits.upper()}"


def _normal(text: str) -> str:
    return quote(_ESCAPE.sub(_normal_escape, text), safe=_PATH_SAFE)


def _path(path: str) -> str:
    kept: list[str] = []
    segments = _normal(path).split("/")[1:]
    last = len(segments) - 1
    for position, raw in enumerate(segments):
        segment = _PATH_SESSION.sub("", raw) if ";" in raw else raw
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != "." and not _COOKIELESS_SEGMENT.fullmatch(segment):
            kept.append(segment)
            continue
        if position == last:
            kept.append("")  # `/a/..` and `/a/.` name directories
    return "/" + "/".join(kept)


def _query(query: str) -> str:
    pairs: list[tuple[str, str]] = []
    for raw in query.split("&"):
        name, equals, value = raw.partition("=")
        if raw and not _says_nothing_about_the_page(unquote_plus(name).lower(), unquote_plus(value)):
            pair = _recode(name, _NAME_SAFE) + (f"={_recode(value, _VALUE_SAFE)}" if equals else "")
            pairs.append((pair.partition("=")[0], pair))
    return "&".join(pair for _, pair in sorted(pairs, key=lambda named: named[0]))


def _recode(text: str, safe: str) -> str:
    return quote_plus(unquote_to_bytes(text.replace("+", " ")), safe=safe)


def _says_nothing_about_the_page(name: str, value: str) -> bool:
    if name in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES):
        return True
    if name in _SESSION_NAMES or name.startswith("aspsessionid"):
        return True
    return name in _MAYBE_SESSION_NAMES and _SESSION_TOKEN.fullmatch(value) is not None


def _route(fragment: str) -> str:
    if not fragment.startswith(("/", "!")) or not fragment.strip("/!"):
        return ""
    return quote(_ESCAPE.sub(_normal_escape, fragment), safe=_PATH_SAFE + "?")


# --------------------------------------------------------------------------- templates

_YEAR = re.compile(r"(?:19|20)\d\d")
_DATE = re.compile(r"(?:19|20)\d\d[-_.]?(?:0?[1-9]|1[0-2])(?:[-_.]?(?:0?[1-9]|[12]\d|3[01]))?")
_UUID = re.compile(r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_HEX_ID = re.compile(r"(?=.*\d)[0-9a-f]{12,}", re.IGNORECASE)
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_=-]{20,}")
_EXTENSION = re.compile(r"(.+)(\.[A-Za-z][A-Za-z0-9]{1,4})")
_DIGITS = re.compile(r"\d+")
_JOINERS = re.compile(r"[-_+]|%20")
_TITLE_JOINERS = 3
_MAX_NAMES = 8


def page_template(url: str) -> str:
    """Say what kind of address this is, by its own looks: `/doctors/jane-doe` → `/doctors/{slug}`.

    Numbers, dates, ids and slugs become placeholders, query values are left out, the host too:
    `/news/{year}/{month}/{slug}.html`, `/search?page&q`. In the first segment, where sections live
    (`/about-us`), only a title of four words or more counts as a slug. `""` for what is no page.
    A single address cannot show everything: `scanner.crawl.templates` also learns from siblings.
    """
    return _cached_template(url) if len(url) <= _CACHED_LENGTH else _template(url)


@lru_cache(maxsize=4_096)
def _cached_template(url: str) -> str:
    return _template(url)


def _template(url: str) -> str:
    canonical = canonical_url(url, hash_routes=True)
    if not canonical:
        return ""
    address, _, route = canonical.partition("#")
    parts = urlsplit(address)
    template = "/".join(segment_templates(parts.path))
    names = sorted({_query_name(pair) for pair in parts.query.split("&") if pair})
    if names:
        template += "?" + "&".join(names[:_MAX_NAMES] + (["…"] if len(names) > _MAX_NAMES else []))
    if route:
        path, *_ = route.removeprefix("!").partition("?")
        template += "#" + "/".join(segment_templates(path))
    return template


def segment_templates(path: str) -> list[str]:
    """Return the segments of `path` (with the empty one before the first slash), what varies replaced."""
    segments = path.split("/")
    result: list[str] = []
    for position, segment in enumerate(segments):
        previous = result[-1] if result else ""
        result.append(_segment_template(segment, previous, first=position <= 1))
    return result


def _segment_template(segment: str, previous: str, *, first: bool) -> str:
    extension = ""
    if match := _EXTENSION.fullmatch(segment):
        segment, extension = match[1], match[2].lower()
    return _kind(segment, previous, first) + extension


def _kind(segment: str, previous: str, first: bool) -> str:
    if segment.isdecimal():
        if previous == "{year}" and len(segment) <= 2:
            return "{month}"
        if previous == "{month}" and len(segment) <= 2:
            return "{day}"
        if _YEAR.fullmatch(segment):
            return "{year}"
        return "{date}" if len(segment) in (6, 8) and _DATE.fullmatch(segment) else "{number}"
    if _DATE.fullmatch(segment):
        return "{date}"
    if _UUID.fullmatch(segment) or _HEX_ID.fullmatch(segment):
        return "{id}"
    joiners = len(_JOINERS.findall(segment.strip("-_+")))
    if joiners >= (_TITLE_JOINERS if first else 1):
        return "{slug}"
    if _TOKEN.fullmatch(segment):
        return "{id}"
    return _DIGITS.sub("{number}", segment)


def _query_name(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return _DIGITS.sub("{number}", name) if equals else "{…}"
