"""From one recorded visit to what an incident's page shows of it: fields, raw requests and initiators, masked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from reports import words
from reports.masked import TELLS_NOTHING, mask_value
from reports.site_pages.model import Evidence, EvidenceField, EvidenceRequest
from scanner.loaders import loader_words
from scanner.masking import mask
from scanner.model import Detection, Finding, PageCapture, RequestRecord, SightingKind, TagKey
from scanner.script_identity import script_identity
from scanner.urls import host_of, registrable_domain

Pairs = Sequence[tuple[str, str]]
Fields = Callable[[RequestRecord], tuple[Pairs, Pairs]]
"""Every (field, value) in a request's address and in its body, as the rules take them apart."""

MOST_REQUESTS = 5
_MOST_FIELDS = 80
_MOST_LINES = 120
_MOST_INITIATORS = 12
_NOT_KEPT = "No screenshot was taken of this visit."
_IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def evidence_of(
    capture: PageCapture, detections: Iterable[Detection], finding: Finding, fields: Fields, scan_id: int
) -> Evidence | None:
    """Return what `capture` shows of `finding`; None if neither a request nor a trace of it is there.

    `detections` are all of the capture's; `fields` takes a request apart.
    """
    by_request: dict[int, list[Detection]] = {}
    traces: dict[str, None] = {}
    for detection in detections:
        if finding.tag is None or not _same_tag(detection.tag, finding.tag):
            continue
        if detection.request_index is None:
            traces[words.EVIDENCE.get(detection.evidence, detection.evidence)] = None
        else:
            by_request.setdefault(detection.request_index, []).append(detection)
    if finding.tag is None:
        wanted = _wanted(finding)
        by_request = {n: [] for n, request in enumerate(capture.requests) if wanted(request)}
    telling = sorted(by_request, key=lambda n: (-sum(len(d.exposures) for d in by_request[n]), n))
    if not telling and not traces:
        return None
    screenshot = capture.screenshot if picture_type(capture.screenshot) else None
    return Evidence(
        page=capture.page,
        scan_id=scan_id,
        visited_at=capture.started_at,
        browser=capture.browser,
        requests=tuple(
            _request(capture.requests[number], by_request[number], capture.final_url, fields)
            for number in telling[:MOST_REQUESTS]
        ),
        more_requests=max(len(telling) - MOST_REQUESTS, 0),
        traces=tuple(traces),
        screenshot=screenshot,
        no_screenshot="" if screenshot else _NOT_KEPT,
    )


def picture_type(content: bytes | None) -> str | None:
    """`image/png` or `image/jpeg` by the first bytes; None for anything else, which is not shown."""
    return next((kind for start, kind in _IMAGES.items() if content and content.startswith(start)), None)


def _same_tag(one: TagKey, other: TagKey) -> bool:
    same_product = (one.vendor, one.product) == (other.vendor, other.product)
    return same_product and (one.account == other.account or None in (one.account, other.account))


def _wanted(finding: Finding) -> Callable[[RequestRecord], bool]:
    """Which requests a finding without a tag is about: those to its hosts, and its scripts."""
    identities = [entry.identity for entry in finding.entries]
    hosts = {one.subject for one in identities if one.kind is SightingKind.HOST}
    hosts |= {one.subject.rpartition(" to ")[2].split(" ")[0] for one in identities if one.kind is SightingKind.FIELD}
    scripts = {one.subject for one in identities if one.kind is SightingKind.SCRIPT}

    def wanted(request: RequestRecord) -> bool:
        if registrable_domain(host_of(request.url)) in hosts:
            return True
        return request.type == "script" and script_identity(request.url) in scripts

    return wanted


def _request(request: RequestRecord, detections: Sequence[Detection], page_url: str, fields: Fields) -> EvidenceRequest:
    kinds = {exposure.field: exposure.kind.value for detection in detections for exposure in detection.exposures}
    plain = {value for detection in detections for value in (detection.account, *detection.events) if value}
    in_address, in_body = (
        [(name, _masked(name, value, kinds, plain)) for name, value in pairs] for pairs in fields(request)
    )
    return EvidenceRequest(
        address=_address(request.url),
        method=request.method,
        type=request.type,
        answer=_answer(request),
        fields=tuple(_fields(detections, [*in_address, *in_body]))[:_MOST_FIELDS],
        raw=tuple(_raw(request, in_address, in_body))[:_MOST_LINES],
        initiators=tuple(
            (link.kind, _place(link.url, link.line, link.function)) for link in request.initiators[:_MOST_INITIATORS]
        ),
        chain=loader_words(request, page_url),
        started_ms=request.started_ms,
    )


def _masked(name: str, value: str, kinds: dict[str, str], plain: set[str]) -> str:
    if value in plain or TELLS_NOTHING.fullmatch(value):
        return value
    return mask_value(value, kinds.get(name, ""))


def _address(url: str) -> str:
    """Scheme, host and path, what could name a person masked."""
    return mask(url.partition("?")[0].partition("#")[0], "page_url")


def _answer(request: RequestRecord) -> str:
    if request.blocked:
        return f"stopped by the browser ({request.blocked})"
    if request.failure:
        return f"failed: {request.failure}"
    if request.status is None:
        return "no answer seen"
    where = f" from {request.remote_address}" if request.remote_address else ""
    return f"answered with {request.status}{where}"


def _place(url: str | None, line: int | None, function: str | None) -> str:
    where = mask(url, "page_url") if url else "the browser does not say where"
    if line is not None:
        where += f", line {line}"
    return f"{where}, in {function}()" if function else where


def _fields(detections: Sequence[Detection], parts: Pairs) -> Iterator[EvidenceField]:
    """What the rules read first, worst first; then everything else that was in the request."""
    told: set[str] = set()
    for account in dict.fromkeys(detection.account for detection in detections if detection.account):
        yield EvidenceField("", "account", account)
    for event in dict.fromkeys(event for detection in detections for event in detection.events):
        yield EvidenceField("", "event", event)
    exposures = {
        (exposure.field, exposure.kind, exposure.form): exposure
        for detection in detections
        for exposure in detection.exposures
    }
    for exposure in sorted(exposures.values(), key=lambda one: (words.gravity(one.kind.value), one.field)):
        told.add(exposure.field)
        said = words.exposure(exposure.kind.value, exposure.form.value)
        how = f" ({exposure.hash})" if exposure.hash else ""
        nobody = ", a placeholder" if exposure.placeholder else ""
        yield EvidenceField(exposure.field, f"{said}{how}{nobody}", mask(exposure.value, exposure.kind.value))
    for name, value in parts:
        if name not in told:
            yield EvidenceField(name, "", value)


def _raw(request: RequestRecord, in_address: Pairs, in_body: Pairs) -> Iterator[str]:
    """The request as it went over the wire, a field a line, every value masked."""
    yield f"{request.method} {_address(request.url)}"
    for name, value in in_address:
        yield f"  ?{name}={value}"
    for name, value in request.headers:
        yield f"{name}: {_header(name, value)}"
    if request.body is None:
        yield "(there was a body, which the browser did not show)"
    elif request.body:
        yield ""
        yield f"({len(request.body):,} bytes, {request.content_type or 'of no named type'})"
        for name, value in in_body:
            yield f"  {name}={value}"
        if not in_body:
            yield "  (not readable as text)"


def _header(name: str, value: str) -> str:
    if name == "cookie":
        pairs = (pair.strip().partition("=") for pair in value.split(";"))
        return "; ".join(f"{key}=‹{len(told)} characters›" if equals else key for key, equals, told in pairs)
    if name in ("referer", "origin"):
        return mask(value, "page_url")
    return mask(value, "free_text")
