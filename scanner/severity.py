"""How bad a finding is, and why, in one sentence. The table and its reasons: docs/severity.md, kept alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scanner.model import Category, ExposureKind, Severity
from scanner.page_kinds import FORMS, RAISING

Verdict = tuple[Severity, str]
"""Severity and the reason for it."""

PERSON = frozenset(
    {ExposureKind.EMAIL, ExposureKind.PHONE, ExposureKind.NAME, ExposureKind.ADDRESS, ExposureKind.DATE_OF_BIRTH}
)
WRITTEN = frozenset({ExposureKind.FORM_FIELD, ExposureKind.FREE_TEXT, ExposureKind.SEARCH_QUERY})
IDENTIFIER = frozenset(
    {ExposureKind.BROWSER_ID, ExposureKind.CLICK_ID, ExposureKind.EXTERNAL_ID, ExposureKind.IP_ADDRESS, *PERSON}
)
IN_WORDS = {
    ExposureKind.PAGE_URL: "the page's address",
    ExposureKind.PAGE_TITLE: "the page's title",
    ExposureKind.REFERRER: "the previous page's address",
    ExposureKind.SEARCH_QUERY: "search terms",
    ExposureKind.FORM_FIELD: "form contents",
    ExposureKind.BUTTON_TEXT: "the text of clicked buttons",
    ExposureKind.EVENT_NAME: "event names",
    ExposureKind.PRODUCT_OR_CONTENT: "product or content names",
    ExposureKind.EMAIL: "e-mail addresses",
    ExposureKind.PHONE: "phone numbers",
    ExposureKind.NAME: "names",
    ExposureKind.ADDRESS: "postal addresses",
    ExposureKind.DATE_OF_BIRTH: "dates of birth",
    ExposureKind.EXTERNAL_ID: "the site's own visitor ids",
    ExposureKind.BROWSER_ID: "browser ids",
    ExposureKind.CLICK_ID: "ad click ids",
    ExposureKind.IP_ADDRESS: "IP addresses",
    ExposureKind.PRECISE_LOCATION: "precise locations",
    ExposureKind.FREE_TEXT: "free text",
}

_MOST_TERMS = 3

BASE = {
    Category.ADVERTISING: Severity.HIGH,
    Category.SESSION_REPLAY: Severity.HIGH,
    Category.SOCIAL: Severity.MEDIUM,
    Category.CDP: Severity.MEDIUM,
    Category.MARKETING: Severity.MEDIUM,
    Category.ANALYTICS: Severity.MEDIUM,
    Category.CALL_TRACKING: Severity.MEDIUM,
    Category.CHAT: Severity.MEDIUM,
    Category.TAG_MANAGER: Severity.MEDIUM,
    Category.OTHER: Severity.MEDIUM,
    Category.SCHEDULING: Severity.LOW,
    Category.VIDEO: Severity.LOW,
    Category.MAPS: Severity.LOW,
    Category.FONTS_CDN: Severity.LOW,
    Category.MONITORING: Severity.LOW,
    Category.SECURITY: Severity.LOW,
    Category.ACCESSIBILITY: Severity.LOW,
    Category.HOSTING: Severity.LOW,
    Category.CONSENT: Severity.INFO,
}
"""For something that reports from an ordinary page."""
RAISED = frozenset(
    {
        Category.ADVERTISING,
        Category.SESSION_REPLAY,
        Category.SOCIAL,
        Category.CDP,
        Category.MARKETING,
        Category.ANALYTICS,
    }
)
_SCRAPING_WORDS = (
    "match",
    "aem",
    "auto",
    "infer",
    "form",
    "pii",
    "email",
    "phone",
    "user_data",
    "user-provided",
    "button",
)


@dataclass(frozen=True, slots=True)
class Case:
    """What a severity is decided from."""

    category: Category
    sends: frozenset[ExposureKind] = frozenset()
    """Kinds of information that left the browser, misconfigured placeholders left out."""
    beacon: bool = False
    """Something was reported to the vendor: an event or a call to a collector."""
    loaded: bool = True
    """At least one request left the browser; False for traces in the page and for blocked attempts."""
    page_kinds: frozenset[str] = frozenset()
    first_party: bool = False
    """It collects through the site's own host or somebody's proxy."""
    terms: frozenset[str] = frozenset()
    """Health terms in what was sent."""
    sensitive_terms: frozenset[str] = frozenset()
    """Those of mental, sexual and reproductive health, addiction, cancer, genetics, violence."""
    contained: bool = False
    """A tag-manager container holds it and would fire it."""


def severity_of_presence(case: Case) -> Verdict:
    """Judge a tag or host that is there, new or not."""
    what = words_of(case.category)
    if case.loaded and case.sends & PERSON:
        return Severity.CRITICAL, f"{_kinds(case.sends & PERSON)} go to a third party, in clear or hashed."
    if case.loaded and case.sends & WRITTEN:
        written = _kinds(case.sends & WRITTEN)
        telling = f" They speak of {_quoted(case)}." if case.terms or case.sensitive_terms else ""
        if case.sends & IDENTIFIER:
            with_whom = _kinds(case.sends & IDENTIFIER)
            return Severity.CRITICAL, f"{written} go to a third party together with {with_whom}.{telling}"
        return Severity.HIGH, f"{written} go to a third party.{telling}"
    base = BASE[case.category]
    if not case.loaded and case.contained:
        return lower(
            base, 1
        ), f"{what} stands in a tag manager's container; it was not seen to run on the pages visited."
    if not case.loaded:
        return lower(base, 2), f"{what} stands in the page, but nothing was seen to leave the browser."
    if not case.beacon:
        return lower(base, 1), f"{what} was loaded, but it was not seen to report anything."
    if case.terms or case.sensitive_terms:
        return _in_health_context(case, base)
    if case.category is Category.SESSION_REPLAY and case.page_kinds & FORMS:
        return Severity.CRITICAL, f"Session replay on pages where visitors type ({_listed(case.page_kinds & FORMS)})."
    if case.category in RAISED and case.page_kinds & RAISING:
        return raised(base), f"{what} reports from sensitive pages ({_listed(case.page_kinds & RAISING)})."
    if case.sends & {ExposureKind.EXTERNAL_ID, ExposureKind.PRECISE_LOCATION}:
        kinds = case.sends & {ExposureKind.EXTERNAL_ID, ExposureKind.PRECISE_LOCATION}
        return worst(base, Severity.HIGH), f"It sends {_kinds(kinds)}."
    if case.first_party and base.rank <= Severity.MEDIUM.rank:
        return worst(base, Severity.HIGH), f"{what} collects through an address that hides whose it is."
    if case.page_kinds and case.category in RAISED:
        return base, f"{what} reports from this site, {_listed(case.page_kinds)} pages included."
    return base, f"{what} reports from this site."


def _in_health_context(case: Case, base: Severity) -> Verdict:
    """What was read or done says something of somebody's health; an identifier beside it says of whose."""
    where = f" ({_listed(case.page_kinds)} pages)" if case.page_kinds else ""
    known_to = case.sends & IDENTIFIER
    is_tool = base.rank > Severity.MEDIUM.rank
    if known_to:
        reason = f"{_quoted(case)}{where} goes to a third party together with {_kinds(known_to)}."
        return raised(base) if is_tool else raised(raised(base)), reason
    return base if is_tool else raised(base), f"{_quoted(case)}{where} goes to a third party."


def severity_of_move(category: Category, to_first_party: bool) -> Verdict:
    """Judge a tag that takes another way out than before."""
    if to_first_party:
        return worst(BASE[category], Severity.HIGH), "Behind another address a tag escapes blockers and inspections."
    return Severity.MEDIUM, "The tag now reports straight to the vendor."


def severity_of_feature(feature: str, category: Category) -> Verdict:
    """Judge a feature that somebody switched on in the vendor's own settings."""
    # What a container listens to for its triggers is not collected by that alone.
    if not feature.startswith("watches ") and any(word in feature.lower() for word in _SCRAPING_WORDS):
        return Severity.HIGH, "The vendor's script now collects from the page by itself."
    return lower(BASE[category], 1), "A setting at the vendor changed what the script does."


def severity_of_server_copy(category: Category) -> Verdict:
    """Judge events that carry an id by which the vendor tells a server's copy of them."""
    reason = (
        "The events carry a de-duplication id: a server probably sends the same ones, out of every browser's sight."
    )
    return (Severity.MEDIUM if BASE[category].rank <= Severity.MEDIUM.rank else Severity.INFO), reason


def severity_of_script_change(category: Category, known: bool) -> Verdict:
    """Judge new content under an old address."""
    if category is Category.TAG_MANAGER:
        return Severity.MEDIUM, "A tag manager decides what else the page loads; its content changed."
    if known:
        return Severity.INFO, "The vendor delivers other code than before, as vendors do."
    return Severity.LOW, "A third party that no rule knows delivers other code than before."


def severity_of_removal(category: Category, gone_altogether: bool) -> Verdict:
    """Judge what is no longer there."""
    if category is Category.CONSENT:
        return (
            Severity.HIGH if gone_altogether else Severity.MEDIUM
        ), "Nothing asks visitors for consent there any more."
    return Severity.INFO, "It was there before and is not any more."


def words_of(category: Category) -> str:
    """Name a category at the beginning of a sentence."""
    return {
        Category.ADVERTISING: "An advertising tag",
        Category.ANALYTICS: "An analytics tag",
        Category.SESSION_REPLAY: "A session recorder",
        Category.TAG_MANAGER: "A tag manager",
        Category.SOCIAL: "A social network's tag",
        Category.CDP: "A customer data platform",
        Category.MARKETING: "A marketing automation tag",
        Category.OTHER: "A third party whose purpose is not known",
    }.get(category, f"A third party ({category.value})")


def raised(severity: Severity) -> Severity:
    return list(Severity)[max(severity.rank - 1, 0)]


def lower(severity: Severity, steps: int) -> Severity:
    """Lower by `steps`; never below low, unless it was info already."""
    return severity if severity is Severity.INFO else list(Severity)[min(severity.rank + steps, Severity.LOW.rank)]


def worst(*severities: Severity) -> Severity:
    return min(severities, key=lambda severity: severity.rank)


def _kinds(kinds: Collection[ExposureKind]) -> str:
    words = [IN_WORDS[kind] for kind in ExposureKind if kind in kinds]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _quoted(case: Case) -> str:
    """The most telling health terms, in quotes."""
    terms = [*sorted(case.sensitive_terms), *sorted(case.terms - case.sensitive_terms)]
    shown = [f'"{term}"' for term in terms[:_MOST_TERMS]]
    if len(terms) > _MOST_TERMS:
        shown.append(f"{len(terms) - _MOST_TERMS:,} more health terms")
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def _listed(kinds: Collection[str]) -> str:
    return ", ".join(sorted(kinds))
