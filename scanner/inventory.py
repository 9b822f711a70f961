"""Boils one visit down to what is compared: a page's tags, events, fields, hosts, scripts, endpoints and cookies.

Identity, not URL: cache busters, ids, order, shards and build hashes are gone after this step. A tag's way out
(straight to the vendor, or through the site's own host) is part of its identity, but not of its events' and fields':
a tag that moves behind a proxy drifts in one place and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.contained import ContainerContent
from scanner.loaders import loader_words, setter_words
from scanner.model import (
    Category,
    CookieRecord,
    Detection,
    DetectionKind,
    Exposure,
    Identity,
    PageCapture,
    PageInventory,
    RequestRecord,
    Sighting,
    SightingKind,
    SignalKind,
    TagKey,
)
from scanner.script_identity import cookie_identity, endpoint_identity, normalise_host, script_identity
from scanner.sighting_words import (
    CHANCE_IN_NAME,
    CONTAINER,
    CONTAINER_VERSION,
    LEAK,
    MAY_TELL_OF_HEALTH,
    SENSITIVE_TERM,
    SERVER_COPY,
    TERM,
    events_of,
    evidence_of,
    example_of,
    is_beacon,
    leak_in_words,
    tag_of,
    tells_of_server_copy,
)
from scanner.urls import host_of, is_third_party, registrable_domain, same_site

OwnerOf = Callable[[str], tuple[str, Category] | None]
"""Host → (company, category), or None when nobody knows it."""
TermsOf = Callable[[str], tuple[tuple[str, str], ...]]
"""Text or URL → (health term, high | normal), the most sensitive first."""
CookieTag = Callable[[CookieRecord], TagKey | None]
"""A cookie → the tag that a rule says sets it, or None."""

FIRST_PARTY = "first-party"
PLACEHOLDER = " (placeholder)"
"""Behind the path of a field that carries a hash of nothing or an unfilled template: no person yet."""
_MOST_TERMS = 5
_MOST_EXAMPLES = 3
_MOST_DETAILS = 40
_MOST_LOADERS = 6
_LONGEST_SUBJECT_CHARS = 200
_MOST_SCRIPTS = 60
_SCRIPT_DIGITS = 16
"""Of a script's SHA-256 are kept: enough to tell a site's own scripts apart."""
_SIGNAL_EVIDENCE = {
    SignalKind.SCRIPT: "source",
    SignalKind.FRAME: "source",
    SignalKind.IMAGE: "source",
    SignalKind.PRECONNECT: "source",
    SignalKind.NOSCRIPT: "noscript",
    SignalKind.HELD_BACK: "held-back",
}
_LOADERS_OF_TRACES = {
    "source": "HTML of the page",
    "noscript": "<noscript> in the page",
    "held-back": "the page, held back by a consent platform",
}


@dataclass(slots=True)
class _Draft:
    """A sighting while it is being put together."""

    category: Category
    owner: str | None = None
    versions: set[str] = field(default_factory=set)
    chains: set[tuple[str, ...]] = field(default_factory=set)
    evidence: set[str] = field(default_factory=set)
    consent: set[tuple[str, str]] = field(default_factory=set)
    examples: set[str] = field(default_factory=set)
    details: set[tuple[str, str]] = field(default_factory=set)

    def done(self, identity: Identity) -> Sighting:
        chains = sorted((chain for chain in self.chains if chain), key=lambda chain: (len(chain), chain))
        traces = [_LOADERS_OF_TRACES[e] for e in sorted(self.evidence) if e in _LOADERS_OF_TRACES] if not chains else []
        loaders = dict.fromkeys([word for chain in chains[:3] for word in chain] + traces)
        return Sighting(
            identity=identity,
            version="+".join(sorted(self.versions)) or None,
            loaders=tuple(loaders)[:_MOST_LOADERS],
            owner=self.owner,
            category=self.category,
            evidence=tuple(sorted(self.evidence)),
            consent=tuple(sorted(self.consent)),
            examples=tuple(sorted(self.examples)[:_MOST_EXAMPLES]),
            details=tuple(sorted(self.details)[:_MOST_DETAILS]),
        )


def page_inventory(
    capture: PageCapture,
    detections: Sequence[Detection],
    owner_of: OwnerOf,
    own_domains: Iterable[str] = (),
    template: str = "",
    cookie_tag: CookieTag | None = None,
    *,
    containers: Mapping[int, ContainerContent] | None = None,
    unread: Iterable[TagKey] = (),
    strangers: Iterable[tuple[int, Exposure]] = (),
    kind: str | None = None,
    page_terms: tuple[tuple[str, str], ...] = (),
    terms_of: TermsOf = lambda _text: (),
) -> PageInventory:
    """Return what `capture` and its `detections` say about the page, sorted and without chance.

    Args:
        detections: all detections of this capture; `request_index` points into `capture.requests`.
        owner_of: who owns a host; unknown third parties are kept all the same.
        own_domains: registrable domains that count as first party besides the page's own.
        template: the page's URL template, for the reader.
        cookie_tag: which tag sets a first-party cookie; without it only third-party cookies are listed.
        containers: index of a request → the tag-manager container it brought. Their detections are among `detections`.
        unread: containers that were loaded and not read, or not whole.
        strangers: (index of a request, what it carries) for third parties that no rule knows.
        kind: what the page is for.
        page_terms: health terms of its address and title.
        terms_of: the health terms of a text or URL.
    """
    containers = containers or {}
    sheet = _Sheet(capture, owner_of, tuple(own_domains), containers, terms_of)
    by_request: dict[int, list[Detection]] = {}
    for detection in detections:
        request = sheet.request_of(detection)
        if request is not None and detection.request_index is not None:
            by_request.setdefault(detection.request_index, []).append(detection)
        sheet.detection(detection, request)
    sheet.tags(detections)
    third_party_count = 0
    for number, request in enumerate(capture.requests):
        third = is_third_party(request.url, capture.final_url, sheet.own_domains)
        third_party_count += third
        sheet.request(request, by_request.get(number, []), third, is_container=number in containers)
    for number, content in containers.items():
        sheet.container(content, capture.requests[number])
    for number, exposure in strangers:
        sheet.stranger(exposure, capture.requests[number])
    sheet.signals()
    sheet.cookies(cookie_tag, {(d.vendor, d.product): d.category for d in detections})
    return PageInventory(
        page=capture.page,
        final_url=capture.final_url,
        outcome=capture.outcome,
        stop_reason=capture.stop_reason,
        detail=capture.detail,
        template=template,
        title=capture.title,
        sightings=sheet.done(),
        request_count=len(capture.requests),
        third_party_request_count=third_party_count,
        status=capture.status,
        kind=str(kind) if kind else None,
        health=page_terms[:_MOST_TERMS],
        unread=tuple(sorted(unread, key=str)),
        scripts=_own_scripts(capture, sheet.own_domains),
    )


def _own_scripts(capture: PageCapture, own_domains: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = {
        (script_identity(request.url), digest[:_SCRIPT_DIGITS])
        for request in capture.requests
        if request.type == "script"
        and (digest := request.response_fingerprint or request.response_sha256)
        and not is_third_party(request.url, capture.final_url, own_domains)
    }
    return tuple(sorted(found)[:_MOST_SCRIPTS])


class _Sheet:
    """The page's drafts, keyed by identity; lives only inside `page_inventory`."""

    def __init__(
        self,
        capture: PageCapture,
        owner_of: OwnerOf,
        own_domains: tuple[str, ...],
        containers: Mapping[int, ContainerContent],
        terms_of: TermsOf,
    ) -> None:
        self.capture = capture
        self.terms_of = terms_of
        self.names = {capture.requests[number].url: content.name for number, content in containers.items()}
        self.owner_of = owner_of
        self.own_domains = own_domains
        self.drafts: dict[Identity, _Draft] = {}
        self.chains: dict[int, tuple[str, ...]] = {}

    def done(self) -> tuple[Sighting, ...]:
        ordered = sorted(self.drafts.items(), key=lambda pair: pair[0].sort_key)
        return tuple(draft.done(identity) for identity, draft in ordered)

    def draft(self, kind: SightingKind, subject: str, tag: TagKey | None, category: Category, role: str = "") -> _Draft:
        return self.drafts.setdefault(Identity(kind, subject[:_LONGEST_SUBJECT_CHARS], tag, role), _Draft(category))

    def request_of(self, detection: Detection) -> RequestRecord | None:
        index = detection.request_index
        return self.capture.requests[index] if index is not None and index < len(self.capture.requests) else None

    def saw(
        self, draft: _Draft, request: RequestRecord | None, evidence: str = "request", example: str | None = None
    ) -> None:
        """Note how something was seen; a request the browser stopped is `blocked`, it never left."""
        if example is not None or request is not None:
            draft.examples.add(example or (request.url.partition("?")[0][:300] if request else ""))
        if request is None:
            draft.evidence.add(evidence)
            return
        draft.evidence.add(evidence_of(request))
        chain = self.chains.get(id(request))
        if chain is None:
            chain = self.chains[id(request)] = loader_words(request, self.capture.final_url, self.names)
        draft.chains.add(chain)

    # ------------------------------------------------------------------ tags

    def tags(self, detections: Sequence[Detection]) -> None:
        """One sighting per tag and way out. A trace in the page says nothing of the way, so it joins the one in use."""
        with_account = {(d.vendor, d.product) for d in detections if d.account is not None}
        for detection in sorted(detections, key=lambda d: self.request_of(d) is None):
            if detection.account is None and (detection.vendor, detection.product) in with_account:
                continue  # a part of a tag that says elsewhere on this page whose account it is
            request = self.request_of(detection)
            role = FIRST_PARTY if request is not None and detection.first_party_collection else ""
            if request is None and Identity(SightingKind.TAG, "", detection.tag, "") not in self.drafts:
                used = Identity(SightingKind.TAG, "", detection.tag, FIRST_PARTY) in self.drafts
                role = FIRST_PARTY if used else ""
            draft = self.draft(SightingKind.TAG, "", detection.tag, detection.category, role)
            draft.consent.update(detection.consent)
            self.saw(draft, request, detection.evidence)

    def detection(self, detection: Detection, request: RequestRecord | None) -> None:
        tag, category = detection.tag, detection.category
        for event in events_of(detection):
            draft = self.draft(SightingKind.EVENT, event, tag, category)
            draft.consent.update(detection.consent)
            self.saw(draft, request, detection.evidence)
        for exposure in detection.exposures:
            path = CHANCE_IN_NAME.sub("*", exposure.field) + (PLACEHOLDER if exposure.placeholder else "")
            draft = self.draft(SightingKind.FIELD, path, tag, category, exposure.kind.value)
            self.saw(draft, request, detection.evidence, example_of(exposure))
            self.exposed(draft, exposure, request)
        for feature in detection.features:
            self.saw(self.draft(SightingKind.FEATURE, feature, tag, category), request, detection.evidence)
        if request is not None and tells_of_server_copy(detection):
            self.saw(self.draft(SightingKind.FEATURE, SERVER_COPY, tag, category), request, detection.evidence)

    def stranger(self, exposure: Exposure, request: RequestRecord) -> None:
        """An identifier in a request of which no rule knows whose it is."""
        domain = registrable_domain(host_of(request.url))
        owner = self.owner_of(host_of(request.url))
        path = CHANCE_IN_NAME.sub("*", exposure.field) + f" to {domain}" + (PLACEHOLDER if exposure.placeholder else "")
        category = owner[1] if owner else Category.OTHER
        draft = self.draft(SightingKind.FIELD, path, None, category, exposure.kind.value)
        draft.owner = owner[0] if owner else None
        self.saw(draft, request, "request", example_of(exposure))
        self.exposed(draft, exposure, request)

    def exposed(self, draft: _Draft, exposure: Exposure, request: RequestRecord | None) -> None:
        """Note whose value it is and which health terms stand in it."""
        if exposure.label is not None and request is not None:
            draft.details.add((LEAK, leak_in_words(exposure, registrable_domain(host_of(request.url)))))
        if exposure.kind in MAY_TELL_OF_HEALTH and not exposure.placeholder:
            for term, sensitivity in self.terms_of(exposure.value)[:_MOST_TERMS]:
                draft.details.add((SENSITIVE_TERM if sensitivity == "high" else TERM, term))

    # ------------------------------------------------------------------ requests

    def request(
        self,
        request: RequestRecord,
        detections: Sequence[Detection],
        third_party: bool,
        is_container: bool = False,
    ) -> None:
        tag, category = tag_of(detections)
        if not third_party and tag is None:
            return
        host = host_of(request.url)
        owner = self.owner_of(host) if third_party else None
        if third_party:
            self.host(request.url, request)
        if tag is None and owner is not None:
            category = owner[1]
        kinds: list[tuple[SightingKind, str]] = []
        if request.type == "script":
            kinds.append((SightingKind.SCRIPT, script_identity(request.url)))
        elif is_beacon(request, detections):
            method = "WS" if request.type.startswith("websocket") else request.method
            kinds.append((SightingKind.ENDPOINT, endpoint_identity(method, request.url)))
        for kind, subject in kinds:
            draft = self.draft(kind, subject, tag, category)
            draft.owner = owner[0] if owner else None
            self.saw(draft, request)
            configures = is_container or any(d.kind is DetectionKind.CONFIG for d in detections)
            if kind is SightingKind.SCRIPT and not configures:
                # A configuration or container changes daily; what matters in it is compared as features and tags.
                version = request.response_fingerprint or request.response_sha256
                draft.versions.update([version] if version else [])

    def host(self, url: str, request: RequestRecord | None, evidence: str = "request") -> None:
        owner = self.owner_of(host_of(url))
        draft = self.draft(
            SightingKind.HOST, registrable_domain(host_of(url)), None, owner[1] if owner else Category.OTHER
        )
        draft.owner = draft.owner or (owner[0] if owner else None)
        self.saw(draft, request, evidence, normalise_host(host_of(url)))

    # ------------------------------------------------------------------ containers

    def container(self, content: ContainerContent, request: RequestRecord) -> None:
        """What a container holds and switches on; the tags it would fire have their own sightings already."""
        own, where = content.tag, self.container_details(content)
        category = Category.TAG_MANAGER
        for held in content.held:
            kind, role = SightingKind.CONTAINER_TAG, own.account or ""
            draft = self.draft(kind, held.subject, held.tag or own, held.category if held.tag else category, role)
            self.holds(draft, content, request)
            draft.details.update(held.details)
            draft.versions.update([held.version] if held.version else [])
        for feature, version in content.features:
            draft = self.draft(SightingKind.FEATURE, feature, own, category)
            self.holds(draft, content, request)
            draft.versions.update([version] if version else [])
        for detection in content.detections:
            for role in ("", FIRST_PARTY):
                known = self.drafts.get(Identity(SightingKind.TAG, "", detection.tag, role))
                if known is not None:
                    self.holds(known, content, request)
        own_draft = self.drafts.get(Identity(SightingKind.TAG, "", own, ""))
        if own_draft is not None:
            own_draft.details.update(where)

    def holds(self, draft: _Draft, content: ContainerContent, request: RequestRecord) -> None:
        draft.evidence.add("container")
        draft.details.update(self.container_details(content))
        draft.chains.add((f"container {content.name}", *loader_words(request, self.capture.final_url, self.names)))

    @staticmethod
    def container_details(content: ContainerContent) -> set[tuple[str, str]]:
        found = {(CONTAINER, content.tag.account or "")}
        return found | {(CONTAINER_VERSION, f"{content.tag.account or ''} {content.version or 'unknown'}")}

    # ------------------------------------------------------------------ traces in the page

    def signals(self) -> None:
        for signal in self.capture.signals:
            evidence = _SIGNAL_EVIDENCE.get(signal.kind)
            if evidence is None or not signal.url:
                continue
            if not is_third_party(signal.url, self.capture.final_url, self.own_domains):
                continue
            self.host(signal.url, None, evidence)

    def cookies(self, cookie_tag: CookieTag | None, categories: Mapping[tuple[str, str], Category]) -> None:
        page_host = host_of(self.capture.final_url)
        for cookie in self.capture.cookies:
            domain = cookie.domain.lstrip(".").lower()
            third_party = bool(domain) and not same_site(domain, page_host, self.own_domains)
            tag = cookie_tag(cookie) if cookie_tag else None
            if not third_party and tag is None:
                continue
            name = cookie_identity(cookie.name)
            owner = self.owner_of(domain) if third_party else None
            subject = f"{name} of {registrable_domain(domain)}" if third_party else name
            category = categories.get((tag.vendor, tag.product)) if tag else None
            category = category or (owner[1] if owner else Category.OTHER)
            draft = self.draft(SightingKind.COOKIE, subject, tag, category)
            draft.owner = owner[0] if owner else None
            draft.evidence.add("cookie")
            if cookie.set_by is not None:
                loaded = next((r for r in self.capture.requests if r.url == cookie.set_by), None)
                draft.chains.add(setter_words(cookie.set_by, loaded, self.capture.final_url, self.names))
