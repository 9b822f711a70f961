"""How consent platforms and "delay JavaScript" plug-ins keep an element from running until the visitor agrees.

Facts about each platform's markup, kept apart from reading the page (`capture`). Present in the source does not mean
executed: a held-back script is evidence of intent, and what the scan after acceptance should see.
"""

from __future__ import annotations

from lxml import etree

RUN_TYPES = frozenset(
    {
        "", "module", "text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript",
        "application/ecmascript", "text/jscript", "text/livescript", "text/x-javascript", "text/x-ecmascript",
        "text/javascript1.0", "text/javascript1.1", "text/javascript1.2", "text/javascript1.3", "text/javascript1.4",
        "text/javascript1.5",
    }
)  # fmt: skip
_PAPER_TYPES = frozenset({"application/json", "application/ld+json", "importmap", "speculationrules", "text/html"})
"""Types of script elements that hold text for others, not code kept from running."""
_TEMPLATE_WORDS = ("template", "tmpl", "handlebars", "mustache", "magento", "mathjax", "jsrender", "shader", "fragment",
                   "vertex", "ejs", "text/ng", "math/tex", "json", "xml", "graphql", "text/markdown")  # fmt: skip

_HOLD_ATTRIBUTES = (
    "data-cookieconsent", "data-cookiecategory", "data-cookie-category", "data-cookie-consent", "data-cmp-src",
    "data-cmp-vendor", "data-cmp-purpose", "data-categories", "data-category", "data-consent", "data-consent-src",
    "data-consent-category", "data-service", "data-usercentrics", "data-uc-src", "data-cmplz-src", "data-cookieyes",
    "data-cky-tag", "data-cli-class", "data-cli-category", "data-borlabs-script-blocker-id",
    "data-borlabs-cookie-script-blocker-id", "data-cookiefirst-category", "data-cookiefirst-script",
    "data-suppressedsrc", "suppressedsrc",
    "data-rocketlazyloadscript", "data-rocket-src", "data-requires-vendor-consent", "data-vendor",
    "data-purposes", "data-purpose", "data-ot-category", "data-ot-ignore", "data-ketch-id", "data-osano",
    "data-iub-purposes", "data-termly-categories", "data-name",
)  # fmt: skip
_BARE_HOLD_ATTRIBUTES = frozenset(
    {"data-cookieconsent", "data-cmp-src", "data-consent-src", "data-uc-src", "data-cmplz-src", "data-suppressedsrc",
     "suppressedsrc", "data-cookiecategory", "data-cookiefirst-script", "data-requires-vendor-consent"}
)  # fmt: skip
"""Attributes that speak of consent by themselves; the others only on a script whose type does not run."""
_HOLD_CLASSES = ("optanon-category-", "cmplz-", "cky-", "_iub_cs_activate", "iub_cs_", "ot-category-", "cc-onconsent",
                 "termly-", "cli-blocker", "brlbs-", "uc-src", "cmp-")  # fmt: skip


def runs(element: etree._Element) -> bool:
    """Say whether a browser runs a script element of this type."""
    return _declared(element) in RUN_TYPES


def _declared(element: etree._Element) -> str:
    return (element.get("type") or "").split(";")[0].strip().lower()


def script_hold(element: etree._Element) -> str | None:
    """Name the attribute by which a consent platform keeps a script from running; None if it runs."""
    declared = _declared(element)
    if element.get("data-cookieconsent", "").strip().lower() == "ignore" and declared in RUN_TYPES:
        return None
    if declared in RUN_TYPES:
        return consent_hold(element) or _class_hold(element) or _only_later(element)
    if declared in _PAPER_TYPES:
        return None
    named = next((name for name in _HOLD_ATTRIBUTES if name in element.attrib), None) or _class_hold(element)
    if named:
        return str(named)
    if any(word in declared for word in _TEMPLATE_WORDS):
        return None
    return f"type={declared[:60]}"


def _only_later(element: etree._Element) -> str | None:
    if element.get("src") is None and element.get("data-src") and not (element.text or "").strip():
        return "data-src"
    return None


def consent_hold(element: etree._Element) -> str | None:
    """Name the attribute by which a consent platform holds back an element of any kind; None if it does not."""
    for name in element.keys():  # noqa: SIM118 - an lxml element iterates over its children
        if name in _BARE_HOLD_ATTRIBUTES and (element.get(name) or "").strip().lower() != "ignore":
            return str(name)
    return None


def _class_hold(element: etree._Element) -> str | None:
    for name in (element.get("class") or "").split():
        if name.lower().startswith(_HOLD_CLASSES):
            return f"class={name[:60]}"
    return None
