"""Everything the rules make of one visit, in one value: what `scanner.inventory` boils down. Pure; never raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rules.container_traces import container_in, container_tag
from rules.judge_health import Terms, TermsOf, kind_of_page, page_terms
from rules.judge_leaks import Strangers, with_leaks
from rules.leaks import LeakIndex
from rules.match import match_page
from rules.model import RuleSet
from rules.page_kinds import PageKind
from scanner.contained import ContainerContent
from scanner.model import Category, Detection, DetectionKind, PageCapture, TagKey

NOBODY = LeakIndex.build(())
_LOADERS = frozenset({("google", "google-tag-manager"), ("google", "google-tag")})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one capture gives away under one set of rules."""

    detections: tuple[Detection, ...]
    """Of requests first, then of traces in the page, then of what containers would fire."""
    containers: Mapping[int, ContainerContent] = field(default_factory=dict)
    """Index into `PageCapture.requests` → the container that the response held."""
    unread: tuple[TagKey, ...] = ()
    """Containers that were loaded and could not be read, or not whole."""
    strangers: Strangers = ()
    """Identifiers in requests to third parties that no rule knows."""
    kind: PageKind | None = None
    """What the page is for; None: nothing tells."""
    terms: Terms = ()
    """Health terms of address and title."""


def judge_page(
    capture: PageCapture,
    rules: RuleSet,
    own_domains: Iterable[str] = (),
    *,
    identities: LeakIndex = NOBODY,
    terms_of: TermsOf = lambda _text: (),
) -> Judgement:
    """Return what `capture` gives away.

    Args:
        own_domains: further registrable domains of the page's owner.
        identities: whose values are looked for; what looks like anybody's identifier is found without, too.
        terms_of: the health terms of a text or URL.
    """
    own = tuple(own_domains)
    detections, strangers = with_leaks(capture, match_page(capture, rules, own), identities, own)
    terms = page_terms(capture.final_url, capture.title, terms_of)
    containers = {
        number: content
        for number, request in enumerate(capture.requests)
        if request.response_body is not None and (content := container_in(request, rules)) is not None
    }
    return Judgement(
        detections=(*detections, *_disguised(detections, containers), *_held(containers)),
        containers=containers,
        unread=_unread(capture, detections, containers),
        strangers=strangers,
        kind=kind_of_page(capture, terms),
        terms=terms,
    )


def _held(containers: Mapping[int, ContainerContent]) -> list[Detection]:
    held: dict[TagKey, Detection] = {}
    for content in containers.values():
        for detection in content.detections:
            held.setdefault(detection.tag, detection)
    return list(held.values())


def _disguised(detections: Sequence[Detection], containers: Mapping[int, ContainerContent]) -> list[Detection]:
    """Containers whose address says nothing: a renamed loader on the site's own host."""
    known = {d.request_index for d in detections if (d.vendor, d.product) in _LOADERS}
    return [
        Detection(
            rule="container.content",
            vendor=content.tag.vendor,
            product=content.tag.product,
            account=content.tag.account,
            category=Category.TAG_MANAGER,
            kind=DetectionKind.SCRIPT,
            first_party_collection=True,
            request_index=number,
        )
        for number, content in containers.items()
        if number not in known
    ]


def _unread(
    capture: PageCapture, detections: Sequence[Detection], containers: Mapping[int, ContainerContent]
) -> tuple[TagKey, ...]:
    cut = {content.tag for content in containers.values() if not content.complete}
    for detection in detections:
        number = detection.request_index
        is_loader = detection.kind is DetectionKind.SCRIPT and (detection.vendor, detection.product) in _LOADERS
        if is_loader and number is not None and capture.requests[number].type == "script" and number not in containers:
            cut.add(container_tag(detection.account))
    read = {content.tag for content in containers.values() if content.complete}
    return tuple(sorted(cut - read, key=str))
