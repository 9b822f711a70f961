"""`tagdrift explain`: one request in as JSON, one answer out. The answer's shape is an outward contract (format 1)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from rules.entities import owner_of
from rules.har_entry import headers_of
from rules.hosts import host_pattern
from rules.judge_leaks import added, exposures_by_value
from rules.leaks import LeakIndex
from rules.match import match_message
from rules.message import Message, page_host
from rules.model import RuleSet
from rules.request_types import type_by_url, type_named
from scanner.masking import mask
from scanner.model import Detection, Exposure, RequestRecord
from scanner.request_headers import kept_headers
from scanner.urls import registrable_domain, same_site

FORMAT = 1
_NOBODY = LeakIndex.build(())
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_TEXTS = ("method", "content_type", "page_url", "type", "body_base64")


OwnDomains = Callable[[str], Sequence[str]]
"""A page's address → further registrable domains of its owner."""


def nobodys_own(page_url: str) -> Sequence[str]:
    return ()


def explain_line(
    line: str | bytes, rules: RuleSet, identities: LeakIndex | None = None, *, own: OwnDomains = nobodys_own
) -> dict[str, Any]:
    """Answer one line of NDJSON. A line that is no request is answered, too, with `error` saying why."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _refusal(f"not JSON: {error}")
    if not isinstance(request, dict):
        return _refusal('not a JSON object like {"url": "https://…"}')
    page_url = request.get("page_url")
    return explain(request, rules, own(page_url) if isinstance(page_url, str) else (), identities)


def explain(
    request: Mapping[str, Any],
    rules: RuleSet,
    own_domains: Iterable[str] = (),
    identities: LeakIndex | None = None,
) -> dict[str, Any]:
    """Answer one request: `{"url", "method"?, "body"? | "body_base64"?, "content_type"?, "page_url"?, "type"?}`.

    `headers`, an object or HAR's list of name and value, may tell of an account, the page, the content's type.

    `third_party` is None when no `page_url` says whose page it was. Values of exposures are masked. What looks like
    anybody's identifier, and the values of `identities`, are looked for in every request that leaves the site: they
    stand among a detection's exposures where a rule knows the request, under `exposures` of the answer where none does.
    """
    try:
        record, page_url = _record(request, rules)
    except ValueError as error:
        return _refusal(str(error), url=request.get("url"))
    message = Message(record)
    host = message.host
    page = page_host(page_url) if page_url else ""
    detections = match_message(message, rules, page_url=page_url, own_domains=own_domains)
    third_party = bool(host) and not same_site(host, page, own_domains) if page else None
    strangers: tuple[Exposure, ...] = ()
    if detections or third_party is not False:
        found = exposures_by_value(record, _NOBODY if identities is None else identities)
        if found and detections:
            detections = (added(detections[0], found), *detections[1:])
        else:
            strangers = found
    return {
        "format": FORMAT,
        "url": record.url,
        "host": host,
        "owner": owner_name(host, rules) or _vendors_own(detections, rules),
        "third_party": third_party,
        "detections": [explained(detection) for detection in detections],
        "exposures": [exposed(exposure) for exposure in strangers if not exposure.placeholder],
    }


def explained(detection: Detection) -> dict[str, Any]:
    """A detection as the contract names it, values masked.

    What stands for nobody (a hash of nothing, a template left unfilled) is no exposure but a mistake: `placeholders`.
    """
    return {
        "rule": detection.rule,
        "vendor": detection.vendor,
        "product": detection.product,
        "category": detection.category.value,
        "kind": detection.kind.value,
        "account": detection.account,
        "event": detection.event,
        "events": list(detection.events),
        "first_party_collection": detection.first_party_collection,
        "consent": dict(detection.consent) or None,
        "exposures": [exposed(exposure) for exposure in detection.exposures if not exposure.placeholder],
        "placeholders": [exposed(exposure) for exposure in detection.exposures if exposure.placeholder],
    }


def exposed(exposure: Exposure) -> dict[str, str]:
    """The exposure as the contract names it; with its person's label, form and way where it was found by value."""
    told = {
        "kind": exposure.kind.value,
        "field": exposure.field,
        "value": mask(exposure.value, exposure.kind),
    }
    if exposure.label is not None:
        told["identity"] = exposure.label
    if exposure.found_by:
        form = exposure.form.value
        told["form"] = f"{form} ({exposure.hash})" if exposure.hash else form
        told["found_by"] = " → ".join(exposure.found_by)
    return told


@lru_cache(maxsize=8_192)
def owner_name(host: str, rules: RuleSet) -> str | None:
    """Return the company behind a host: from the list of entities, else from the rule files' own domains."""
    if not host:
        return None
    owner = owner_of(host)
    if owner is not None:
        return owner.company
    domain = registrable_domain(host)
    for vendor in rules.vendors:
        if domain in vendor.domains or host in vendor.domains:
            return vendor.company
    return next((company for fits, company in _of_many_countries(rules) if fits(host)), None)


@lru_cache(maxsize=8)
def _of_many_countries(rules: RuleSet) -> tuple[tuple[Callable[[str], bool], str], ...]:
    """Tests for vendors' domains that stand for those of every country (`google.<cc>`), and whose they are."""
    return tuple(
        (host_pattern(f".{domain}"), vendor.company)
        for vendor in rules.vendors
        for domain in vendor.domains
        if "<cc>" in domain
    )


def _vendors_own(detections: Iterable[Detection], rules: RuleSet) -> str | None:
    """The company of a vendor that is known by its host, not by a shape that any host may show."""
    known = next((detection.vendor for detection in detections if not detection.first_party_collection), None)
    return next((vendor.company for vendor in rules.vendors if vendor.id == known), None)


def _record(request: Mapping[str, Any], rules: RuleSet) -> tuple[RequestRecord, str | None]:
    """Raises ValueError with a sentence for the sender."""
    url = request.get("url")
    if not isinstance(url, str) or not url:
        raise ValueError("`url` is missing or not text")
    url = url.strip()  # as browsers do
    if not _ABSOLUTE.match(url):
        raise ValueError("`url` is not absolute: it begins with no scheme like https:")
    for name in _TEXTS:
        if not isinstance(request.get(name), str | None):
            raise ValueError(f"`{name}` is not text")
    body = request.get("body")
    if request.get("body_base64"):
        try:
            raw = base64.b64decode(request["body_base64"])
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"`body_base64` is not base64: {error}") from None
    elif isinstance(body, str):
        raw = body.encode("utf-8", "surrogatepass")
    elif body is None:
        raw = b""
    else:  # a sender who put the object itself there means its JSON
        raw = json.dumps(body).encode()
    headers = headers_of(request["headers"]) if request.get("headers") else {}
    record = RequestRecord(
        url=url,
        method=(request.get("method") or ("POST" if raw else "GET")).upper(),
        type=type_named(request.get("type") or "") or type_by_url(url),
        body=raw,
        content_type=request.get("content_type") or headers.get("content-type"),
        headers=kept_headers(headers, rules.wanted().headers) if headers else (),
    )
    return record, request.get("page_url") or None


def _refusal(reason: str, url: Any = None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "url": url if isinstance(url, str) else None,
        "host": None,
        "owner": None,
        "third_party": None,
        "detections": [],
        "error": reason,
    }
