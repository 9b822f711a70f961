"""What single requests and exposures are called in an inventory: names, evidence, examples without the value. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.model import Category, Detection, DetectionKind, Exposure, ExposureKind, RequestRecord, TagKey

UNNAMED_EVENT = "(unnamed)"
CONTAINER, CONTAINER_VERSION = "container", "container version"
"""Names in `Sighting.details`: which container holds it, and (`GTM-ABC 42`) in which version. Of a held tag also
`fires`, `state`, `code` and `settings` (see `HeldTag`)."""
LEAK = "leak"
"""Name in `Sighting.details`: whose value leaves to whom, in one sentence without the value."""
TERM, SENSITIVE_TERM = "health term", "sensitive health term"
"""Names in `Sighting.details`: a health term in the value that was sent."""
SERVER_COPY = "server-side copy likely (de-duplication id)"
"""Subject of a FEATURE: events carry an id by which the vendor drops the copy that a server sends."""

_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|avif|svg|ico|bmp)$", re.IGNORECASE)
CHANCE_IN_NAME = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d{6,}", re.IGNORECASE)
_NEVER_SENT = frozenset({"csp", "mixed-content", "client", "other"})
_BEACON_TYPES = frozenset({"xhr", "fetch", "ping", "eventsource", "websocket", "websocket-frame"})
_NUMBERED_OTHERWISE = frozenset({("google", "google-ads"), ("criteo", "criteo-onetag")})
_SHOWN_AS_IT_IS = frozenset({ExposureKind.EVENT_NAME, ExposureKind.PRODUCT_OR_CONTENT})

MAY_TELL_OF_HEALTH = frozenset(
    {
        ExposureKind.PAGE_URL,
        ExposureKind.PAGE_TITLE,
        ExposureKind.REFERRER,
        ExposureKind.SEARCH_QUERY,
        ExposureKind.FORM_FIELD,
        ExposureKind.BUTTON_TEXT,
        ExposureKind.EVENT_NAME,
        ExposureKind.PRODUCT_OR_CONTENT,
        ExposureKind.FREE_TEXT,
    }
)
_DIFFERENT_EACH_VISIT = frozenset({ExposureKind.BROWSER_ID, ExposureKind.CLICK_ID, ExposureKind.IP_ADDRESS})


def evidence_of(request: RequestRecord) -> str:
    """`request`, or `blocked` for one that the browser stopped: it never left."""
    return "blocked" if request.blocked in _NEVER_SENT else "request"


def events_of(detection: Detection) -> tuple[str, ...]:
    """The events' names without ids and numbers; an event without a name has one, too."""
    names = detection.events or ((detection.event,) if detection.event else ())
    if not names and detection.kind is DetectionKind.EVENT:
        names = (UNNAMED_EVENT,)
    if not names and detection.kind is DetectionKind.IDENTITY_SYNC:
        names = ("identity sync",)
    return tuple(CHANCE_IN_NAME.sub("*", name) for name in names)


def tells_of_server_copy(detection: Detection) -> bool:
    """Say whether an event's de-duplication id was given by the site, as for a copy that its server sends.

    Libraries for analytics and customer data number every event themselves, and an order number is no such id.
    """
    product = (detection.vendor, detection.product)
    if not detection.dedup_id or product in _NUMBERED_OTHERWISE:
        return False
    return detection.category in (Category.ADVERTISING, Category.SOCIAL) or product == ("google", "google-analytics-4")


def tag_of(detections: Sequence[Detection]) -> tuple[TagKey | None, Category]:
    """The tag a request belongs to; without account when the request serves several."""
    if not detections:
        return None, Category.OTHER
    first = detections[0]
    if len({d.tag for d in detections}) == 1:
        return first.tag, first.category
    return TagKey(first.vendor, first.product), first.category


def is_beacon(request: RequestRecord, detections: Sequence[Detection]) -> bool:
    """Say whether a request reports something instead of fetching it."""
    if any(d.kind in (DetectionKind.EVENT, DetectionKind.IDENTITY_SYNC) for d in detections):
        return True
    if request.type == "preflight":
        return False
    if request.type in _BEACON_TYPES or request.method not in ("GET", "HEAD"):
        return True
    path, _, query = request.url.partition("?")
    return request.type == "image" and bool(query) and not _PICTURE.search(path)


def example_of(exposure: Exposure) -> str:
    """Say what was carried without carrying it on: reports and stores outlive the scan."""
    how = f"{exposure.form.value} ({exposure.hash})" if exposure.hash else exposure.form.value
    if exposure.kind in _DIFFERENT_EACH_VISIT:
        return how
    if exposure.kind in _SHOWN_AS_IT_IS:
        return f"{exposure.value[:80]}, {how}"
    return f"{exposure.value[:2]}… ({len(exposure.value)} characters, {how})"


_OF_A_PERSON = {
    ExposureKind.EMAIL: "e-mail",
    ExposureKind.PHONE: "phone number",
    ExposureKind.NAME: "name",
    ExposureKind.ADDRESS: "postal address",
    ExposureKind.DATE_OF_BIRTH: "date of birth",
    ExposureKind.EXTERNAL_ID: "id",
}


def leak_in_words(exposure: Exposure, domain: str) -> str:
    """`the e-mail of test patient A leaves to px.test in field em, hashed (sha256), found by query.em`."""
    what = _OF_A_PERSON.get(exposure.kind, "text")
    how = f"{exposure.form.value} ({exposure.hash})" if exposure.hash else exposure.form.value
    found = f", found by {' → '.join(exposure.found_by)[:200]}" if exposure.found_by else ""
    return f"the {what} of {exposure.label} leaves to {domain} in field {exposure.field[:100]}, {how}{found}"
