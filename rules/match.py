"""What a request, or a whole visit, gives away: values in, detections out. Pure; never raises on what a page sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from rules.cname import cloaked_by
from rules.compiled import ReadyRule
from rules.decode import from_base64
from rules.index import Entry, index_of
from rules.message import Message, page_host
from rules.model import RuleSet
from rules.page import match_traces
from rules.read import read
from scanner.model import Detection, DetectionKind, Exposure, ExposureKind, PageCapture, RequestRecord, SignalKind
from scanner.urls import same_site

_EVIDENCE = {
    SignalKind.SCRIPT: "source",
    SignalKind.FRAME: "source",
    SignalKind.IMAGE: "source",
    SignalKind.NOSCRIPT: "noscript",
    SignalKind.HELD_BACK: "held-back",
}
_SPEAKING = (DetectionKind.EVENT, DetectionKind.IDENTITY_SYNC)
REFERER = "header.referer"
_LONGEST_REFERER_CHARS = 4_096
_WRAPPED = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")


def match_request(
    request: RequestRecord, rules: RuleSet, *, page_url: str | None, own_domains: Iterable[str] = ()
) -> tuple[Detection, ...]:
    """Return what `request` gives away, in the order of the rules; empty if no rule knows it.

    Rules bound to the host speak first. Host-independent shapes are looked for only where none of those did, and a
    `fallback` rule speaks only when nothing else of its vendor matched. A request that carries several events is one
    detection with all of them; one that names several accounts is a detection each.

    Args:
        page_url: the page's final URL; None if unknown. A beacon to the page's own site is first-party collection.
        own_domains: further registrable domains of the page's owner.
    """
    return match_message(Message(request), rules, page_url=page_url, own_domains=own_domains)


def match_message(
    message: Message, rules: RuleSet, *, page_url: str | None, own_domains: Iterable[str] = ()
) -> tuple[Detection, ...]:
    """`match_request` for a request that was taken apart already."""
    index = index_of(rules)
    matched: list[ReadyRule] = []
    shapes: list[ReadyRule] = []
    if message.host:
        matched = _holding(index.for_host(message.host).for_path(message.path), message)
        if not matched or all(ready.rule.fallback for ready in matched):
            shapes = _holding(index.shapes(message), message)
            if not shapes:
                unwrapped = _unwrap(message)
                if unwrapped is not None:
                    shapes = _holding(index.shapes(unwrapped), unwrapped)
                    message = unwrapped if shapes else message
            # A fallback that knows the host may know the shape, too: it speaks once.
            matched += [ready for ready in shapes if ready not in matched]
        if not matched and message.record.cname:
            for alias in message.record.cname:
                matched += _holding(index.for_host(alias).for_path(message.path), message)
            if not matched:
                return tuple(filter(None, map(cloaked_by, message.record.cname)))[:1]
    if not matched:
        return ()
    if len(matched) > 1:
        speaking = {ready.rule.vendor.id for ready in matched if not ready.rule.fallback}
        matched = [r for r in matched if not (r.rule.fallback and r.rule.vendor.id in speaking)]
    page = page_host(page_url) if page_url else ""
    local = bool(page) and same_site(message.host, page, own_domains)
    if shapes and not local:
        matched = [ready for ready in matched if ready not in shapes or not _looks_alike(ready, message.host)]
    found: tuple[Detection, ...] = ()
    for ready in matched:
        found += read(ready, message, first_party=local or not ready.at_home(message.host))
    if page and not local and message.record.headers:
        found = tuple(_with_referer(detection, message.record, page, own_domains) for detection in found)
    if message.record.method == "OPTIONS" or message.record.type == "preflight":
        # The browser asks for leave; the event comes with the request that follows, or never.
        return tuple(replace(d, kind=DetectionKind.OTHER, event=None, events=(), dedup_id=None) for d in found)
    return found


def _holding(entries: Iterable[Entry], message: Message) -> list[ReadyRule]:
    found: list[ReadyRule] = []
    for ready, test in entries:
        if ready not in found and test(message):
            found.append(ready)
    return found


def _with_referer(detection: Detection, record: RequestRecord, page: str, own_domains: Iterable[str]) -> Detection:
    """Add the page's address where only the Referer header tells it: no parameter need name it then.

    Browsers cut it to the bare origin for other sites, unless the site's referrer policy wants otherwise.
    """
    if detection.kind not in _SPEAKING:
        return detection
    referer = next((value for name, value in record.headers if name == "referer"), "")
    rest = referer.partition("://")[2].partition("/")[2]
    if not rest or not same_site(page_host(referer), page, own_domains):
        return detection
    if any(e.kind is ExposureKind.PAGE_URL and rest in e.value for e in detection.exposures):
        return detection
    exposure = Exposure(ExposureKind.PAGE_URL, REFERER, referer[:_LONGEST_REFERER_CHARS])
    return replace(detection, exposures=(*detection.exposures, exposure))


def _looks_alike(ready: ReadyRule, host: str) -> bool:
    """Say whether a strange host wears the vendor's name (`ct.pinterest.com.evil.test`): no proxy is called so."""
    inside = f".{host}"
    return any(_stands_in(domain, inside) for domain in ready.rule.vendor.domains) and not ready.at_home(host)


def _stands_in(domain: str, inside: str) -> bool:
    if "<cc>" not in domain:
        return f".{domain}." in inside
    countries = rf"\.{re.escape(domain.removesuffix('.<cc>'))}\.(?:com?\.)?(?:com|[a-z]{{2}})\."
    return re.search(countries, inside) is not None


def _unwrap(message: Message) -> Message | None:
    """A request whose path and query travel as base64 in one parameter, as cloaking loaders do; None if it is none.

    Only a path is taken for one: a whole URL in a parameter is a link or a proxy's target, not a beacon.
    """
    for _, _, value, _ in message.url_fields[:20]:
        if len(value) >= 40 and _WRAPPED.fullmatch(value):
            inner = from_base64(value)
            if inner is not None and inner[:1] == b"/" and b"?" in inner:
                url = f"https://{message.host}{inner.decode('utf-8', 'replace')}"
                return Message(replace(message.record, url=url))
    return None


def match_page(capture: PageCapture, rules: RuleSet, own_domains: Iterable[str] = ()) -> tuple[Detection, ...]:
    """Return everything a visit gives away: its requests first (with `request_index`), then traces in the page.

    A script or pixel that only stands in the source (`evidence` source, noscript, held-back) says that the page has it,
    not that anything left the browser; its exposures are left out for that reason.
    """
    own = tuple(own_domains)
    found: list[Detection] = []
    for number, request in enumerate(capture.requests):
        detections = match_request(request, rules, page_url=capture.final_url, own_domains=own)
        found += (replace(detection, request_index=number) for detection in detections)
    seen: set[tuple[str, str | None, str]] = set()
    for signal in capture.signals:
        evidence = _EVIDENCE.get(signal.kind)
        if evidence is None or not signal.url:
            continue
        record = RequestRecord(url=signal.url, type="script" if signal.kind is SignalKind.SCRIPT else "image")
        for detection in match_request(record, rules, page_url=capture.final_url, own_domains=own):
            key = (detection.rule, detection.account, evidence)
            if key not in seen:
                seen.add(key)
                found.append(replace(detection, evidence=evidence, exposures=(), other=(), consent=()))
    found += match_traces(capture, rules)
    return tuple(found)
