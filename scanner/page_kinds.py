"""What kind of page an address and a title speak of, where that makes a tag on it worse.

A small word list, read from path and title only. `rules` has a fuller matcher; both answer with the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote, urlsplit

PageKindOf = Callable[[str, str | None], str | None]
"""(page URL, title) → kind, or None for an ordinary page."""

PORTAL, APPOINTMENT, CONDITION, SYMPTOM = "patient-portal", "appointment", "condition", "symptom-checker"
PHARMACY, INTAKE, BILLING, FIND_A_DOCTOR = "pharmacy", "intake-form", "billing", "find-a-doctor"

RAISING = frozenset({PORTAL, APPOINTMENT, CONDITION, SYMPTOM, PHARMACY})
"""Kinds that raise a severity by one step."""
FORMS = frozenset({PORTAL, APPOINTMENT, SYMPTOM, INTAKE, BILLING, PHARMACY})
"""Kinds on which visitors type."""
SENSITIVE = RAISING | FORMS | {FIND_A_DOCTOR}
"""Every kind that findings name; the words are those of `rules.page_kinds` and of the policy."""

_WORDS: tuple[tuple[str, str], ...] = (
    (PORTAL, r"my-?chart|(?:patient|member)s?-?portal|portal|log-?(?:in|on)|sign-?(?:in|on|up)|my-?(?:health|account)"),
    (APPOINTMENT, r"(?:re)?schedul(?:e|ing)|(?:request-(?:an-)?|book-(?:an-)?)?appointments?|booking"
                  r"|book-(?:online|now|a-visit)|telehealth|virtual-visits?|walk-?in"),
    (SYMPTOM, r"symptoms?(?:-check(?:er)?)?|self-assessments?|risk-assessments?|screening"),
    (CONDITION, r"conditions?|diseases?|disorders?|diagnos[ie]s|treatments?|therap(?:y|ies)"),
    (PHARMACY, r"pharmac(?:y|ies)|refills?|prescriptions?|medications?"),
    (INTAKE, r"intake|questionnaires?|pre-?regist(?:er|ration)|registration|regist(?:er|ry)|(?:new-)?patient-forms?"
             r"|second-opinion"),
    (BILLING, r"bills?|billing|pay(?:-(?:my|your)-bill|-bill|ments?)?|financial-(?:assistance|aid)|insurance"
              r"|charity-care"),
    (FIND_A_DOCTOR, r"(?:find-(?:a|your)-)?(?:doctors?|providers?|physicians?|specialists?|clinicians?)|find-care"),
)  # fmt: skip
_KINDS = tuple((kind, re.compile(rf"(?:^|[/_.\-])(?:{words})(?=$|[/_.\-])")) for kind, words in _WORDS)
_GAP = re.compile(r"[^\w]+")


@lru_cache(maxsize=32_768)
def default_page_kind(url: str, title: str | None) -> str | None:
    """Name the most sensitive kind that the path, or else the title, speaks of; None for an ordinary page."""
    try:
        path = unquote(urlsplit(url).path)
    except ValueError:
        path = ""
    words = "-".join((title or "")[:300].lower().split())
    for text in (path[:500].lower(), "-" + _GAP.sub("-", words)):
        for kind, pattern in _KINDS:
            if pattern.search(text):
                return kind
    return None
