"""Addresses without their chance: what stays the same when a build hash, a shard, an id or a cache buster changes.

Used for what is compared (scripts, collector endpoints, cookie names) and for loaders in words, never for matching.
When in doubt a part is taken for chance: two scripts sharing a name cost detail, a build hash in a name costs an alarm.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

from scanner.urls import registrable_domain

ANY = "*"
_MOST_SEGMENTS = 6
_LONGEST_PATH_CHARS = 2_000
_SLUG_HYPHENS = 3

_SEPARATOR = r"[._~\-@,=;:+!%$()|&]"
_SEPARATORS = re.compile(f"({_SEPARATOR})")
_ANY_RUN = re.compile(rf"\*(?:{_SEPARATOR}*\*)+")
_UUID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}[-_]?(?:[0-9a-f]{4}[-_]?){3}[0-9a-f]{12}(?![0-9a-z])", re.IGNORECASE)
_VERSION = re.compile(
    r"(?<![0-9a-z])v?\d+(?:\.\d+)+(?:[-+.](?:alpha|beta|rc|pre|dev)[.\d]*)?(?![a-z0-9])", re.IGNORECASE
)
_FILE_END = re.compile(
    r"(?:\.(?:min|m?js|css|json|gif|png|php|html?|aspx?|wasm|jpe?g|webp|svg|xml|txt))+$", re.IGNORECASE
)
_SHORT_HASH = re.compile(r"(?<=[a-z0-9\]])[-_](?=[\w-]*[A-Z0-9_])[\w-]{8}$")
"""Bundlers that put eight characters of base64url behind a hyphen (`index-DkAb_dEf.js`)."""
_TRAILING_ID = re.compile(r"^[A-Za-z]+\d{5,}$")
_HEX = re.compile(r"^(?=.*\d)[0-9a-f]{6,}$|^[a-f]{8,}$", re.IGNORECASE)
_KIND_CHANGE = re.compile(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_UNSPEAKABLE = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}", re.IGNORECASE)
_REGION = re.compile(r"^(?:region\d+|[a-z]{2}-(?:gov-)?(?:north|south|east|west|central)+-?\d)$")
_SHARD = re.compile(r"\d+")

_COOKIE_STEMS = (
    "_ga_", "_gac_gb_", "_gac_", "_gat_gtag_", "_gat_", "_dc_gtm_", "_hjSessionUser_", "_hjSession_", "AMCVS_", "AMCV_",
    "_pk_id.", "_pk_ses.", "_pk_ref.", "_pk_cvar.", "_pk_hsr.", "intercom-device-id-", "intercom-id-",
    "intercom-session-", "amplitude_id_", "AMP_MKTG_", "AMP_", "ph_phc_", "_sp_id.", "_sp_ses.", "_vis_opt_exp_",
    "wordpress_logged_in_", "incap_ses_", "visid_incap_", "nlbi_", "BIGipServer", "_lr_tabs_", "_lr_hb_", "_lr_uf_",
)  # fmt: skip
"""Names that a vendor completes with an account or a session: everything behind the stem is left out."""


@lru_cache(maxsize=16_384)
def normalise_host(host: str) -> str:
    """Return `host` without shards and regions: `o2.mouseflow.com` → `o*.mouseflow.com`.

    The registrable domain is never touched.
    """
    host = host.strip().rstrip(".").lower()
    domain = registrable_domain(host)
    if host == domain or not host.endswith("." + domain):
        return host
    labels = host[: -len(domain) - 1].split(".")
    kept = [_steady_label(label) for label in labels if not _REGION.match(label)]
    return ".".join((*kept, domain))


@lru_cache(maxsize=32_768)
def normalise_path(path: str) -> str:
    """Return `path` without build hashes, versions, ids, timestamps and matrix parameters; at most six segments."""
    path = unquote(path.partition(";")[0][:_LONGEST_PATH_CHARS])
    segments = [segment for segment in path.split("/") if segment]
    steady = [_steady_segment(segment, last=i == len(segments) - 1) for i, segment in enumerate(segments)]
    if len(steady) > _MOST_SEGMENTS:
        steady = [*steady[:_MOST_SEGMENTS], "…"]
    slash = "/" if path.endswith("/") and segments else ""
    return "/" + "/".join(steady) + slash


@lru_cache(maxsize=16_384)
def script_identity(url: str) -> str:
    """Return what a script's URL says beyond chance: scheme-less host and path, the query left out.

    `https://cdn1.vendor.example/v2.11.83/main.3fa9c1d2.js?cb=17` → `cdn*.vendor.example/*/main.*.js`.
    """
    parts = _split(url)
    if parts is None:
        return url.partition("?")[0][:200]
    return normalise_host(parts.hostname or "") + normalise_path(parts.path)


def endpoint_identity(method: str, url: str) -> str:
    """Return `METHOD host/path` without chance; methods are upper-case."""
    return f"{method.upper()} {script_identity(url)}"


@lru_cache(maxsize=4_096)
def cookie_identity(name: str) -> str:
    """Return a cookie's name without account, session and random parts: `_ga_ABC123` → `_ga_*`."""
    name = unquote(name[:200])
    for stem in _COOKIE_STEMS:
        if name.startswith(stem) and len(name) > len(stem):
            return stem + ANY
    return _steady_text(name)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.hostname else None
    except ValueError:
        return None


def _steady_label(label: str) -> str:
    steady = _steady_text(label)
    return _SHARD.sub(ANY, steady) if not steady.startswith(ANY) else ANY


def _steady_segment(segment: str, *, last: bool) -> str:
    end = _FILE_END.search(segment) if last else None
    stem, ending = (segment[: end.start()], end.group().lower()) if end and end.start() else (segment, "")
    if not ending and stem.isdigit():
        return ANY
    if not ending and stem.count("-") >= _SLUG_HYPHENS:
        return ANY  # a sentence made into an address: content, not machinery
    if ending in (".js", ".mjs", ".css"):
        stem = _SHORT_HASH.sub("-" + ANY, stem)
    steady = _steady_text(stem)
    if ANY in steady and all(part.isdigit() or part in ("", ANY) for part in _SEPARATORS.split(steady)[::2]):
        steady = ANY  # numbered chunks: `12.3fa9c1d2.js`
    return steady + ending


def _steady_text(text: str) -> str:
    text = _UUID.sub(ANY, text)
    text = _VERSION.sub(ANY, text)
    parts = _SEPARATORS.split(text)
    chance = [i % 2 == 0 and _is_chance(part) for i, part in enumerate(parts)]
    if any(chance):
        # A token of base64url may contain hyphens itself: its short, unwordy neighbours belong to it.
        # A number beside one is a chunk's.
        for i in range(2, len(parts), 2):
            scrap = parts[i - 1] in "-_" and (_is_scrap(parts[i]) or len(parts[i]) <= 3)
            chance[i] = chance[i] or (chance[i - 2] and (scrap or parts[i].isdigit()))
        for i in range(len(parts) - 3, -1, -2):
            scrap = parts[i + 1] in "-_" and _is_scrap(parts[i])
            chance[i] = chance[i] or (chance[i + 2] and (scrap or parts[i].isdigit()))
    steady = [ANY if is_chance else part for part, is_chance in zip(parts, chance, strict=True)]
    return _ANY_RUN.sub(ANY, "".join(steady))


def _is_chance(part: str) -> bool:
    if len(part) < 4:
        return False
    if part.isdigit() or _TRAILING_ID.match(part):
        return True
    if len(part) >= 6 and (part[0].isdigit() or _HEX.match(part) or len(_KIND_CHANGE.findall(part)) >= 2):
        return True
    if len(part) >= 8 and (_UNSPEAKABLE.search(part) or (any(map(str.isdigit, part)) and any(map(str.isupper, part)))):
        return True
    humps = _HUMP.findall(part)
    return len(part) >= 8 and len(humps) > 2 and len(part) / len(humps) < 3


def _is_scrap(part: str) -> bool:
    return len(part) <= 7 and not (len(part) >= 3 and part.isalpha() and part.islower())
