"""What codes are called when a person reads them. One place, so that page, terminal and mail speak alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from scanner.model import Category, Identity, Outcome, Severity, SightingKind, StopReason

EXPOSURES = {
    "page_url": "page addresses",
    "page_title": "page titles",
    "referrer": "referring pages",
    "search_query": "search words",
    "form_field": "form fields",
    "button_text": "button texts",
    "event_name": "event names",
    "product_or_content": "product or content names",
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "name": "names",
    "address": "postal addresses",
    "date_of_birth": "dates of birth",
    "external_id": "the site's own user ids",
    "browser_id": "browser ids",
    "click_id": "ad click ids",
    "ip_address": "IP addresses",
    "precise_location": "precise locations",
    "free_text": "free text",
}
"""Exposure kind → what is sent, in the plural."""

FORMS = {"plain": "", "hashed": "hashed", "encoded": "encoded", "encrypted": "encrypted"}

# Who somebody is, then what they looked for, then where they were, then technical ids: worst first.
_GRAVITY = (  # noqa: SIM905
    "email phone name date_of_birth address external_id precise_location form_field free_text search_query page_url "
    "product_or_content button_text page_title referrer ip_address click_id browser_id event_name"
).split()

CATEGORIES = {
    Category.ADVERTISING: "advertising",
    Category.ANALYTICS: "analytics",
    Category.SESSION_REPLAY: "session replay",
    Category.TAG_MANAGER: "tag manager",
    Category.SOCIAL: "social media",
    Category.CDP: "customer data platform",
    Category.MARKETING: "marketing automation",
    Category.CHAT: "chat",
    Category.CALL_TRACKING: "call tracking",
    Category.VIDEO: "video",
    Category.MAPS: "maps",
    Category.FONTS_CDN: "fonts and CDN",
    Category.MONITORING: "monitoring",
    Category.SECURITY: "security",
    Category.CONSENT: "consent",
    Category.ACCESSIBILITY: "accessibility",
    Category.SCHEDULING: "scheduling",
    Category.HOSTING: "hosting",
    Category.OTHER: "other",
}

SEVERITIES = {severity: severity.value.capitalize() for severity in Severity}

OUTCOMES: dict[Outcome | None, str] = {
    Outcome.OK: "seen whole",
    Outcome.PARTIAL: "seen in part",
    Outcome.FAILED: "failed",
    Outcome.BLOCKED: "blocked",
    None: "not reached",
}

STOP_REASONS: dict[str, str] = {
    StopReason.VISIT_TIMEOUT: "the visit ran out of time",
    StopReason.NAVIGATION_TIMEOUT: "the page did not answer in time",
    StopReason.PAGE_HUNG: "the page hung",
    StopReason.PENDING_REQUESTS: "some requests were never answered",
    StopReason.TOO_MANY_REQUESTS: "the page made too many requests",
    StopReason.TOO_MUCH_DATA: "the page sent or loaded too much",
    StopReason.BODY_LOST: "the content of a request could not be read",
    StopReason.RECORDER_GAP: "part of the page could not be listened to",
    StopReason.CRASHED: "the page crashed the browser",
    StopReason.BROWSER_GONE: "the browser died",
    StopReason.DNS: "the host name does not resolve",
    StopReason.CONNECTION: "the connection failed",
    StopReason.TLS: "the certificate was refused",
    StopReason.HTTP_ERROR: "the server answered with an error",
    StopReason.REDIRECT_LOOP: "the page redirects in a circle",
    StopReason.BOT_WALL: "a bot wall stood in front of the page",
    StopReason.CAPTCHA: "a captcha stood in front of the page",
    StopReason.LOGIN: "a login page answered",
    StopReason.ERROR_PAGE: "an error page answered",
    StopReason.NOT_HTML: "it is not a web page",
    StopReason.DOWNLOAD: "it is a download",
    StopReason.OFF_SITE: "it leads to another site",
    StopReason.STOPPED: "the scan was stopped",
}

SKIPPED = {
    "robots": "forbidden by robots.txt",
    "out-of-scope": "outside the site's scope",
    "excluded": "excluded by the configuration",
    "template-limit": "beyond the limit of pages per template",
    "page-limit": "beyond the limit of pages per scan",
    "depth": "too deep",
    "duration": "the scan's time was over",
    "not-html": "not a web page",
    "trap": "endless variants of one address",
    "stopped": "the scan was stopped",
    "off-site": "leads to another site",
    "gone": "does not exist any more (404 or 410): a dead link",
    "redirect": "leads to a page that was visited already",
}

EVIDENCE = {
    "request": "requests",
    "blocked": "an attempt that the browser stopped",
    "placeholder": "a placeholder instead of a value",
    "source": "page source",
    "held-back": "held back until consent",
    "container": "in a tag manager's container",
    "noscript": "noscript only",
    "global": "script object",
    "cookie": "cookie",
    "storage": "browser storage",
}

SIGHTINGS = {
    SightingKind.TAG: "tag",
    SightingKind.EVENT: "event",
    SightingKind.FIELD: "field",
    SightingKind.HOST: "third party",
    SightingKind.SCRIPT: "script",
    SightingKind.ENDPOINT: "collector address",
    SightingKind.COOKIE: "cookie",
    SightingKind.FEATURE: "feature switched on",
    SightingKind.CONTAINER_TAG: "tag in a container",
}

# Not strftime: its names depend on the machine's locale.
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905


def day(moment: datetime | date) -> str:
    """`3 May 2026`, in UTC."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def minute(moment: datetime) -> str:
    """`3 May 2026, 02:15 UTC`."""
    return f"{day(moment)}, {moment.astimezone(UTC):%H:%M} UTC"


def lasted(seconds: float) -> str:
    """`42 s`, `3 min 5 s`, `2 h 7 min`: as exact as anybody needs."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 page`, `1,950 pages`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listing(parts: Sequence[str], limit: int = 4) -> str:
    """`a, b and c`; beyond `limit`, `a, b, c and 5 more`."""
    shown = list(parts)
    if len(shown) > limit:
        shown = [*shown[: limit - 1], f"{len(shown) - limit + 1} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def percent(ratio: float) -> str:
    """`61 %`. Rounded down, so that only everything is called 100 %; `<1 %` instead of a zero that is none."""
    whole = int(ratio * 100 + 1e-9)
    return "<1 %" if whole == 0 and ratio > 0 else f"{whole} %"


def exposure(kind: str, form: str = "") -> str:
    """`hashed e-mail addresses`. A kind that has no words of its own is named as it is."""
    return f"{FORMS.get(form, form)} {EXPOSURES.get(kind, kind.replace('_', ' '))}".strip()


def gravity(kind: str) -> tuple[int, str]:
    """Sort key for exposure kinds, worst first; unknown kinds stand first, since nobody has judged them yet."""
    return (_GRAVITY.index(kind) if kind in _GRAVITY else -1, kind)


def reason(code: str) -> str:
    """The words for a stop or skip reason, also where the code stands behind or before a colon.

    A reason that is already in words is returned as it is.
    """
    known = {**SKIPPED, **STOP_REASONS}
    if code in known:
        return known[code]
    head, colon, tail = code.partition(": ")
    return f"{known.get(head, head)}: {known.get(tail, tail)}" if colon else code


def ends(sentence: str) -> str:
    """Return the sentence with exactly one full stop at its end."""
    return re.sub(r"[.\s]*$", "", sentence) + "."


def capital(text: str) -> str:
    """Return `text` with its first letter large."""
    return text[:1].upper() + text[1:]


def change(identity: Identity) -> str:
    """Name what changed: `event pagevisit`, `field pd.em (e-mail addresses)`."""
    role = f" ({exposure(identity.role)})" if identity.kind is SightingKind.FIELD and identity.role else ""
    return f"{SIGHTINGS[identity.kind]} {identity.subject}{role}".strip()
