"""Whose a container's tag is: by its built-in function, or by the hosts and calls in its code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from typing import Final, NamedTuple
from urllib.parse import parse_qsl


class Maker(NamedTuple):
    """Vendor and product ids as in the rule files."""

    vendor: str
    product: str


GTM: Final = Maker("google", "google-tag-manager")
GA4: Final = Maker("google", "google-analytics-4")
UA: Final = Maker("google", "google-universal-analytics")
ADS: Final = Maker("google", "google-ads")
FLOODLIGHT: Final = Maker("google", "google-floodlight")
GOOGLE_TAG: Final = Maker("google", "google-tag")
META: Final = Maker("meta", "meta-pixel")
PINTEREST: Final = Maker("pinterest", "pinterest-tag")
TIKTOK: Final = Maker("tiktok", "tiktok-pixel")
SNAP: Final = Maker("snap", "snap-pixel")
LINKEDIN: Final = Maker("linkedin", "linkedin-insight-tag")
UET: Final = Maker("microsoft", "microsoft-uet")
CLARITY: Final = Maker("microsoft", "microsoft-clarity")
X: Final = Maker("x", "x-pixel")
REDDIT: Final = Maker("reddit", "reddit-pixel")
CRITEO: Final = Maker("criteo", "criteo-onetag")
HOTJAR: Final = Maker("hotjar", "hotjar")
ADROLL: Final = Maker("adroll", "adroll-pixel")
QUANTCAST: Final = Maker("quantcast", "quantcast-measure")

BY_FUNCTION: Final[dict[str, Maker]] = {
    "__googtag": GOOGLE_TAG,
    "__gaawc": GA4,
    "__gaawe": GA4,
    "__gct": GOOGLE_TAG,
    "__ua": UA,
    "__ga": UA,
    "__asprv": UA,
    "__awct": ADS,
    "__awud": ADS,
    "__awcc": ADS,
    "__awcalls": ADS,
    "__sp": ADS,
    "__gclidw": ADS,
    "__flc": FLOODLIGHT,
    "__fls": FLOODLIGHT,
    "__opt": Maker("google", "google-optimize"),
    "__bzi": LINKEDIN,
    "__baut": UET,
    "__hjtc": HOTJAR,
    "__asp": ADROLL,
    "__pntr": PINTEREST,
    "__qcm": QUANTCAST,
    "__twitter_website_tag": X,
    "__crto": CRITEO,
    "__adm": Maker("adometry", "adometry"),
    "__cegg": Maker("crazy-egg", "crazy-egg"),
    "__csm": Maker("comscore", "comscore"),
    "__k50Init": Maker("k50", "k50"),
    "__mf": Maker("mouseflow", "mouseflow"),
    "__ms": Maker("marin", "marin-software"),
    "__ndp": Maker("nextdoor", "nextdoor-pixel"),
    "__placed": Maker("foursquare", "placed"),
    "__shareaholic": Maker("shareaholic", "shareaholic"),
    "__sca": Maker("intent-media", "intent-media"),
    "__svw": Maker("survicate", "survicate"),
    "__tdc": Maker("turn", "turn"),
    "__tdlc": Maker("turn", "turn"),
    "__tdsc": Maker("turn", "turn"),
    "__tpdpx": Maker("tradedoubler", "tradedoubler"),
    "__veip": Maker("ve-interactive", "ve-interactive"),
    "__vdc": Maker("visual-dna", "visual-dna"),
    "__xpsh": Maker("xtremepush", "xtremepush"),
    "__yieldify": Maker("yieldify", "yieldify"),
}
"""Built-in templates. Names of the rarer ones are from memory; unknown functions simply have no vendor."""

LISTENERS: Final[dict[str, str]] = {
    "__fsl": "form submissions",
    "__fil": "form interactions",
    "__lcl": "link clicks",
    "__cl": "all clicks",
    "__sdl": "scrolling",
    "__evl": "elements becoming visible",
    "__ytl": "YouTube videos",
    "__hl": "history changes",
    "__ehl": "history changes",
    "__jel": "JavaScript errors",
    "__tl": "a timer",
    "__tg": "trigger groups",
}

_BY_HOST: Final[tuple[tuple[str, Maker], ...]] = (
    ("connect.facebook.net", META),
    ("facebook.com", META),
    ("pinimg.com", PINTEREST),
    ("pinterest.com", PINTEREST),
    ("tiktok.com", TIKTOK),
    ("sc-static.net", SNAP),
    ("snapchat.com", SNAP),
    ("licdn.com", LINKEDIN),
    ("linkedin.com", LINKEDIN),
    ("bat.bing.com", UET),
    ("bat.bing.net", UET),
    ("clarity.ms", CLARITY),
    ("ads-twitter.com", X),
    ("t.co", X),
    ("twitter.com", X),
    ("redditstatic.com", REDDIT),
    ("reddit.com", REDDIT),
    ("criteo.com", CRITEO),
    ("criteo.net", CRITEO),
    ("hotjar.com", HOTJAR),
    ("adroll.com", ADROLL),
    ("quantserve.com", QUANTCAST),
    ("fullstory.com", Maker("fullstory", "fullstory")),
    ("mouseflow.com", Maker("mouseflow", "mouseflow")),
    ("crazyegg.com", Maker("crazy-egg", "crazy-egg")),
    ("contentsquare.net", Maker("contentsquare", "contentsquare")),
    ("logrocket.io", Maker("logrocket", "logrocket")),
    ("luckyorange.com", Maker("lucky-orange", "lucky-orange")),
    ("taboola.com", Maker("taboola", "taboola-pixel")),
    ("outbrain.com", Maker("outbrain", "outbrain-pixel")),
    ("quora.com", Maker("quora", "quora-pixel")),
    ("nextdoor.com", Maker("nextdoor", "nextdoor-pixel")),
    ("stackadapt.com", Maker("stackadapt", "stackadapt-pixel")),
    ("adsrvr.org", Maker("the-trade-desk", "the-trade-desk")),
    ("amazon-adsystem.com", Maker("amazon", "amazon-ads")),
    ("yimg.com", Maker("yahoo", "yahoo-dot")),
    ("analytics.yahoo.com", Maker("yahoo", "yahoo-dot")),
    ("rlcdn.com", Maker("liveramp", "liveramp")),
    ("hs-scripts.com", Maker("hubspot", "hubspot")),
    ("callrail.com", Maker("callrail", "callrail")),
    ("segment.com", Maker("segment", "segment")),
    ("mixpanel.com", Maker("mixpanel", "mixpanel")),
    ("doubleclick.net", FLOODLIGHT),
    ("googleadservices.com", ADS),
    ("google-analytics.com", GA4),
    ("googletagmanager.com", GOOGLE_TAG),
)

_ID: Final = r"""\s{0,9}+["']([\w.-]{1,80}+)["']"""
_BY_CALL: Final[tuple[tuple[re.Pattern[str], Maker], ...]] = tuple(
    (re.compile(pattern), maker)
    for pattern, maker in (
        (r"""\bfbq\(\s{0,9}+["']init["']\s{0,9}+,""" + _ID, META),
        (r"""\bpintrk\(\s{0,9}+["']load["']\s{0,9}+,""" + _ID, PINTEREST),
        (r"""\bttq\.(?:load|instance)\(""" + _ID, TIKTOK),
        (r"""\bsnaptr\(\s{0,9}+["']init["']\s{0,9}+,""" + _ID, SNAP),
        (r"""\b_linkedin_(?:data_)?partner_id\s{0,9}+=""" + _ID, LINKEDIN),
        (r"""\btwq\(\s{0,9}+["'](?:init|config)["']\s{0,9}+,""" + _ID, X),
        (r"""\brdt\(\s{0,9}+["']init["']\s{0,9}+,""" + _ID, REDDIT),
        (r"""\bhjid\s{0,9}+:\s{0,9}+["']?(\d{4,9})""", HOTJAR),
        (r"""["']clarity["']\s{0,9}+,\s{0,9}+["']script["']\s{0,9}+,""" + _ID, CLARITY),
        (r"""\bti\s{0,9}+:\s{0,9}+["']?(\d{5,12})["']""", UET),
        (r"""\bqp\(\s{0,9}+["']init["']\s{0,9}+,""" + _ID, Maker("quora", "quora-pixel")),
        (r"""\badroll_adv_id\s{0,9}+=""" + _ID, ADROLL),
        (r"""\bgtag\(\s{0,9}+["']config["']\s{0,9}+,\s{0,9}+["'](G-[A-Z0-9]{4,14})["']""", GA4),
        (r"""\bgtag\(\s{0,9}+["']config["']\s{0,9}+,\s{0,9}+["'](AW-\d{6,14})["']""", ADS),
        (r"""\bgtag\(\s{0,9}+["']config["']\s{0,9}+,\s{0,9}+["'](DC-\d{4,14})["']""", FLOODLIGHT),
        (r"""\bga\(\s{0,9}+["']create["']\s{0,9}+,\s{0,9}+["'](UA-\d{4,10}-\d{1,4})["']""", UA),
    )
)
"""Snippet calls that name the account, in the form the vendors hand out."""
_BY_NAME: Final[tuple[tuple[re.Pattern[str], Maker], ...]] = tuple(
    (re.compile(pattern), maker)
    for pattern, maker in (
        (r"\bfbq\(", META),
        (r"\bpintrk\(", PINTEREST),
        (r"\bttq\.", TIKTOK),
        (r"\bsnaptr\(", SNAP),
        (r"\blintrk\(|\b_linkedin_", LINKEDIN),
        (r"\btwq\(", X),
        (r"\brdt\(", REDDIT),
        (r"\buetq\b", UET),
        (r"\bcriteo_q\b", CRITEO),
        (r"\b_hjSettings\b|\bhj\(", HOTJAR),
        (r"\b_fs_org\b", Maker("fullstory", "fullstory")),
    )
)
_EVENT_CALLS: Final = re.compile(
    r"""\b(?:fbq|pintrk|snaptr|rdt|qp|ttq\.(?=track))(?:\(\s{0,9}+["']track(?:Custom|Single)?["']\s{0,9}+,|track\()"""
    r"""\s{0,9}+["']([\w -]{1,60}+)["']"""
)
_BY_URL: Final[tuple[tuple[re.Pattern[str], str, Maker], ...]] = tuple(
    (re.compile(pattern + r"""([^\s"'<>]{0,400}+)"""), parameter, maker)
    for pattern, parameter, maker in (
        (r"facebook\.com/tr/?\?", "id", META),
        (r"ct\.pinterest\.com/v3/?\?", "tid", PINTEREST),
        (r"linkedin\.com/collect/?\?", "pid", LINKEDIN),
        (r"googletagmanager\.com/(?:gtag/js|gtm\.js|ns\.html)\?", "id", GOOGLE_TAG),
        (r"fls\.doubleclick\.net/activity[ij]?;", "src", FLOODLIGHT),
        (r"bat\.bing\.com/action/\d\?", "ti", UET),
    )
)
"""Pixel addresses that name the account in a parameter."""
_HOST: Final = re.compile(r"//((?:\*\.)?[A-Za-z0-9][A-Za-z0-9.-]{2,252}+)")
MAX_CODE_CHARS: Final = 200_000
MAX_HOSTS: Final = 200


class CodeTrace(NamedTuple):
    """What a piece of code gives away."""

    maker: Maker | None
    account: str | None
    event: str | None
    others: tuple[str, ...]
    """Further products the same code names."""


def known_makers() -> frozenset[Maker]:
    """Every vendor and product that a container's tag can be called."""
    listed = {GTM, GOOGLE_TAG, *BY_FUNCTION.values()}
    return frozenset(listed | {row[-1] for table in (_BY_HOST, _BY_CALL, _BY_NAME, _BY_URL) for row in table})


def hosts_in(text: str) -> set[str]:
    """Hosts of every URL in a text, lower-case, wildcards taken off; at most 200."""
    found: set[str] = set()
    for match in _HOST.finditer(text[:MAX_CODE_CHARS]):
        host = match[1].lower().removeprefix("*.").rstrip(".-")
        label = host.rpartition(".")[2]
        if "." in host and ".." not in host and (label.isalpha() or label.startswith("xn--")) and len(label) > 1:
            found.add(host)
            if len(found) >= MAX_HOSTS:
                break
    return found


def maker_of_hosts(hosts: Iterable[str]) -> Maker | None:
    """The first vendor of the table (most telling first) that one of the hosts belongs to."""
    known = tuple(hosts)
    for suffix, maker in _BY_HOST:
        if any(host == suffix or host.endswith("." + suffix) for host in known):
            return maker
    return None


def trace_code(code: str, hosts: Iterable[str]) -> CodeTrace:
    """Guess vendor, account and event of a custom HTML tag; calls that name an account weigh most."""
    code = code[:MAX_CODE_CHARS]
    makers: list[Maker] = []
    account: str | None = None
    named: list[tuple[Maker, str | None]] = []
    for pattern, maker in _BY_CALL:
        match = pattern.search(code)
        if match:
            named.append((maker, match[1]))
    for pattern, parameter, maker in _BY_URL:
        match = pattern.search(code)
        if match:
            fields = dict(parse_qsl(unescape(match[1]).replace(";", "&"), max_num_fields=100))
            named.append((maker, fields.get(parameter)))
    for maker, number in named:
        if maker not in makers:
            account = account if makers else number
            makers.append(maker)
    makers.extend(maker for pattern, maker in _BY_NAME if maker not in makers and pattern.search(code))
    by_host = None if makers else maker_of_hosts(hosts)
    if by_host:
        makers.append(by_host)
    event = _EVENT_CALLS.search(code)
    return CodeTrace(
        makers[0] if makers else None,
        account,
        event[1] if event else None,
        tuple(maker.product for maker in makers[1:]),
    )
