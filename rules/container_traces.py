"""The tags that a container would fire, as detections, and its content as what is compared between versions.

A container is the same on every page of a site, so it is read once per content.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs, urlsplit

from rules.container import Container, ContainerTag, TagRole, read_container
from rules.container_literal import CONTAINER_SIGN
from rules.match import match_request
from rules.model import RuleSet
from rules.page import inline_matches
from scanner.contained import ContainerContent, HeldTag
from scanner.model import Category, Detection, DetectionKind, RequestRecord, TagKey

RULE: Final = "container.tag"
"""Stands for the rule's id where the container itself says whose a tag is."""
_ACCOUNT_PREFIXES: Final = {("google", "google-ads"): "AW-", ("google", "google-floodlight"): "DC-"}
"""Containers keep the bare number; requests show it with these."""
_ADDRESS: Final = re.compile(r"(?:https?:)?//[^\s\"'<>\\)]{4,2000}")
_SIGN: Final = CONTAINER_SIGN.encode()
_ID: Final = re.compile(r"[A-Z]{1,4}-[A-Z0-9]{2}")
_MOST_ADDRESSES: Final = 50
_MOST_HOSTS_IN_NAME: Final = 3
_NEVER: Final = "never by itself"


class _Script:
    """A response's body, known by its digest."""

    __slots__ = ("body", "digest")

    def __init__(self, body: bytes, digest: str) -> None:
        self.body = body
        self.digest = digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Script) and other.digest == self.digest


def container_in(request: RequestRecord, rules: RuleSet) -> ContainerContent | None:
    """Return the container that `request` brought; None if it brought none or its response was not kept.

    Wherever it came from: a proxied or renamed script is recognised by what is in it. Never raises.
    """
    body = request.response_body
    if not body or b"resource" not in body:
        return None
    named_id = _named_id(request.url)
    if _SIGN not in body and not _ID.match(named_id):
        return None  # lists called `tags` stand in many scripts
    digest = request.response_sha256 or hashlib.sha256(body).hexdigest()
    return _content(_Script(body, digest), named_id, rules)


def _named_id(url: str) -> str:
    try:
        return parse_qs(urlsplit(url).query, max_num_fields=50).get("id", [""])[0]
    except ValueError:
        return ""


@lru_cache(maxsize=64)
def _content(script: _Script, named_id: str, rules: RuleSet) -> ContainerContent | None:
    container = read_container(script.body, f"https://container.invalid/?id={named_id}")
    if container is None:
        return None
    tags = [tag for tag in container.tags if _is_told(tag, container)]
    traces = {id(tag): tuple(_traces(tag, rules)) for tag in tags}
    detections: dict[TagKey, Detection] = {}
    for tag in tags:
        if _state(tag) == "live":
            for detection in traces[id(tag)]:
                detections.setdefault(detection.tag, detection)
    return ContainerContent(
        tag=container_tag(container.id),
        version=container.version,
        complete=container.complete,
        held=_held([(tag, traces[id(tag)]) for tag in tags], container.complete),
        features=_features(container),
        detections=tuple(detections.values()),
    )


def container_tag(container_id: str | None) -> TagKey:
    """Return the container's own tag, as the rules call it."""
    product = "google-tag-manager" if container_id is None or container_id.startswith("GTM-") else "google-tag"
    return TagKey("google", product, container_id)


def _is_told(tag: ContainerTag, container: Container) -> bool:
    # A destination is a setting of the Google tag, but it names one more account that is reported to.
    return tag.role is TagRole.TAG or (tag.function == "__gct" and tag.account not in (None, container.id))


def _state(tag: ContainerTag) -> str:
    if tag.paused:
        return "paused"
    return "never" if tag.trigger.startswith(_NEVER) else "live"


# --------------------------------------------------------------------------- whose tags they are


def _traces(tag: ContainerTag, rules: RuleSet) -> Iterator[Detection]:
    """Every tag that one entry stands for: what the container says, what its code calls, which addresses it names."""
    found: dict[TagKey, Detection] = {}
    for detection in (*_told_by_code(tag, rules), *_told_by_container(tag, rules)):
        found.setdefault(detection.tag, detection)
    named = {(key.vendor, key.product) for key in found if key.account is not None}
    for key, detection in found.items():
        if key.account is not None or (key.vendor, key.product) not in named:
            yield detection


def _told_by_container(tag: ContainerTag, rules: RuleSet) -> Iterator[Detection]:
    if tag.vendor is None or tag.product is None:
        return
    for account in _accounts(tag):
        yield _detection(RULE, TagKey(tag.vendor, tag.product, account), _category(tag.vendor, tag.product, rules))


def _accounts(tag: ContainerTag) -> list[str | None]:
    """The accounts, written as requests write them; `[None]` when only the page knows."""
    prefix = _ACCOUNT_PREFIXES.get((tag.vendor or "", tag.product or ""), "")
    listed = [part for part in (tag.account or "").split(" | ") if part and "{{" not in part]
    return [prefix + part if part[:1].isdigit() else part for part in listed] or [None]


def _told_by_code(tag: ContainerTag, rules: RuleSet) -> Iterator[Detection]:
    code = tag.html
    if not code:
        return
    for rule in rules.page_rules:
        for account, _ in inline_matches(rule.inline, code) if rule.inline else ():
            key = TagKey(rule.vendor.id, rule.product.id, account)
            yield _detection(rule.id, key, rule.product.category, rule.status)
    for number, match in enumerate(_ADDRESS.finditer(code)):
        if number >= _MOST_ADDRESSES:
            break
        url = match[0].replace("&amp;", "&")
        record = RequestRecord(url=f"https:{url}" if url.startswith("//") else url, type="script")
        for found in match_request(record, rules, page_url=None):
            if not found.first_party_collection:
                yield _detection(found.rule, found.tag, found.category, found.status)


def _detection(rule: str, tag: TagKey, category: Category, status: str = "stable") -> Detection:
    return Detection(
        rule=rule,
        vendor=tag.vendor,
        product=tag.product,
        account=tag.account,
        category=category,
        kind=DetectionKind.SCRIPT,
        status=status,
        evidence="container",
    )


def _category(vendor: str, product: str, rules: RuleSet) -> Category:
    return _categories(rules).get((vendor, product), Category.OTHER)


@lru_cache(maxsize=8)
def _categories(rules: RuleSet) -> dict[tuple[str, str], Category]:
    return {(vendor.id, product.id): product.category for vendor in rules.vendors for product in vendor.products}


# --------------------------------------------------------------------------- what is compared


def _held(tags: Sequence[tuple[ContainerTag, tuple[Detection, ...]]], complete: bool) -> tuple[HeldTag, ...]:
    groups: dict[tuple[str, TagKey | None], list[tuple[ContainerTag, tuple[Detection, ...]]]] = {}
    for tag, traces in tags:
        whose = traces[0].tag if traces else None
        groups.setdefault((_subject(tag, whose), whose), []).append((tag, traces))
    return tuple(
        HeldTag(
            subject=subject,
            tag=whose,
            category=alike[0][1][0].category if alike[0][1] else Category.OTHER,
            version=_digest(sorted(_digest(_compared(tag)) for tag, _ in alike)) if complete else None,
            details=_details([tag for tag, _ in alike]),
        )
        for (subject, whose), alike in sorted(groups.items(), key=lambda group: (group[0][0], str(group[0][1])))
    )


def _subject(tag: ContainerTag, whose: TagKey | None) -> str:
    """A name that stays while somebody edits the tag: never its place, its trigger or its code."""
    if whose is not None:
        event = f"({tag.event})" if tag.event else None
        return " ".join(part for part in (whose.product, whose.account, event) if part)
    if tag.account or tag.event:
        return tag.label
    if tag.hosts:
        return f"{tag.label} naming {', '.join(tag.hosts[:_MOST_HOSTS_IN_NAME])}"
    return f"{tag.label} no. {tag.tag_id}" if tag.tag_id is not None else tag.label


def _compared(tag: ContainerTag) -> list[object]:
    return [tag.trigger, tag.paused, tag.html, tag.details]


def _details(tags: Iterable[ContainerTag]) -> tuple[tuple[str, str], ...]:
    found: set[tuple[str, str]] = set()
    for tag in tags:
        found.add(("fires", tag.trigger))
        found.add(("state", _state(tag)))
        if tag.html is not None:
            found.add(("code", _digest(tag.html)))
        if tag.details:
            found.add(("settings", _digest(tag.details)))
    return tuple(sorted(found))


def _features(container: Container) -> tuple[tuple[str, str | None], ...]:
    found: dict[str, list[str]] = {}
    for feature in container.features:
        if feature.on:
            elsewhere = feature.account and feature.account != container.id
            name = f"{feature.name} for {feature.account}" if elsewhere else feature.name
            found.setdefault(name, []).append(feature.detail or "")
    return tuple(
        (name, _digest(sorted(parameters)) if container.complete and any(parameters) else None)
        for name, parameters in sorted(found.items())
    )


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True).encode()).hexdigest()[:16]
