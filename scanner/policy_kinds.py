"""Kinds of information and of pages that the presets of the policy speak of. Values."""

from __future__ import annotations

from scanner.model import ExposureKind

IDENTIFIERS = frozenset(
    {
        ExposureKind.EMAIL,
        ExposureKind.PHONE,
        ExposureKind.NAME,
        ExposureKind.ADDRESS,
        ExposureKind.DATE_OF_BIRTH,
        ExposureKind.EXTERNAL_ID,
        ExposureKind.PRECISE_LOCATION,
        ExposureKind.FORM_FIELD,
    }
)
"""Kinds of information that point at a person by themselves."""

CONTEXT = frozenset(
    {
        ExposureKind.PAGE_URL,
        ExposureKind.PAGE_TITLE,
        ExposureKind.REFERRER,
        ExposureKind.SEARCH_QUERY,
        ExposureKind.BUTTON_TEXT,
        ExposureKind.PRODUCT_OR_CONTENT,
        ExposureKind.FREE_TEXT,
        ExposureKind.EVENT_NAME,
    }
)
"""Kinds of information that tell what somebody read, looked for or did."""

HEALTH_PAGES = frozenset(
    {
        "appointment",
        "patient-portal",
        "find-a-doctor",
        "symptom-checker",
        "condition",
        "pharmacy",
        "intake-form",
        "billing",
    }
)
