"""Traces of a tag in the page itself: inline code, JS globals, cookies, storage keys, preconnects."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rules.exposure import form_of, stands_for_nobody
from rules.hosts import host_pattern
from rules.model import InlineSign, NameSign, PageRule, RuleSet
from scanner.model import (
    CookieRecord,
    Detection,
    DetectionKind,
    Exposure,
    PageCapture,
    SignalKind,
    SourceSignal,
    TagKey,
)
from scanner.urls import host_of

_MAX_ACCOUNTS = 50
_EVIDENCE = {SignalKind.INLINE: "source", SignalKind.HELD_BACK: "held-back"}


def match_traces(capture: PageCapture, rules: RuleSet) -> list[Detection]:
    """Return one detection per rule, account and kind of evidence."""
    names = frozenset(capture.globals)
    inline = [signal for signal in capture.signals if signal.text and signal.kind in _EVIDENCE]
    preconnects = {host_of(s.url) for s in capture.signals if s.kind is SignalKind.PRECONNECT and s.url}
    found: dict[tuple[str, str | None, str], Detection] = {}
    for rule in rules.page_rules:
        for detection in _traces_of(rule, capture, names, inline, preconnects):
            found.setdefault((detection.rule, detection.account, detection.evidence), detection)
    return list(found.values())


def _traces_of(
    rule: PageRule,
    capture: PageCapture,
    names: frozenset[str],
    inline: list[SourceSignal],
    preconnects: set[str],
) -> Iterable[Detection]:
    for signal in inline:
        for account, exposures in inline_matches(rule.inline, signal.text or ""):
            yield _trace(rule, DetectionKind.SCRIPT, _EVIDENCE[signal.kind], account, exposures)
    if not names.isdisjoint(rule.globals):
        yield _trace(rule, DetectionKind.SCRIPT, "global", None)
    for cookie in capture.cookies if rule.cookies else ():
        for account in _named(rule.cookies, cookie.name, cookie.domain):
            yield _trace(rule, DetectionKind.OTHER, "cookie", account)
    for key in capture.storage if rule.storage else ():
        for account in _named(rule.storage, key.key, None):
            yield _trace(rule, DetectionKind.OTHER, "storage", account)
    if rule.preconnect and any(host_pattern(p)(host) for p in rule.preconnect for host in preconnects):
        yield _trace(rule, DetectionKind.OTHER, "source", None)


def inline_matches(signs: Iterable[InlineSign], code: str) -> list[tuple[str | None, tuple[Exposure, ...]]]:
    """Return (account, exposures) for every sign that a piece of inline code holds; the account where it names one."""
    found: list[tuple[str | None, tuple[Exposure, ...]]] = []
    for sign in signs:
        if sign.contains not in code:
            continue
        exposures = tuple(
            Exposure(kind, "(page source)", match[1], *form_of(kind, match[1]), None, stands_for_nobody(kind, match[1]))
            for kind, pattern in sign.extract
            for match, _ in zip(pattern.finditer(code), range(_MAX_ACCOUNTS), strict=False)
        )
        if sign.account is None:
            found.append((None, exposures))
            continue
        matches = [match for match, _ in zip(sign.account.finditer(code), range(_MAX_ACCOUNTS), strict=False)]
        accounts = dict.fromkeys(sign.prefix + m[1] if not m[1].startswith(sign.prefix) else m[1] for m in matches)
        found += [(account, exposures) for account in accounts]
    if any(account for account, _ in found):
        # A named account says more than a bare sign of the same tag.
        return [(account, exposures) for account, exposures in found if account or exposures]
    return found


def _named(signs: Iterable[NameSign], name: str, domain: str | None) -> Iterable[str | None]:
    for sign in signs:
        if not (sign.pattern.fullmatch(name) if sign.pattern else sign.name == name):
            continue
        if sign.domain is not None and domain is not None and not host_pattern(f".{sign.domain}")(domain.lstrip(".")):
            continue
        account = sign.account.search(name) if sign.account else None
        yield sign.prefix + account[1] if account else None
        return


def cookie_tag(cookie: CookieRecord, rules: RuleSet) -> TagKey | None:
    """Return the tag whose cookie it is, on whatever domain it was set; the first rule that knows the name decides."""
    return _cookie_tag(cookie.name, cookie.domain, rules)


@lru_cache(maxsize=8_192)
def _cookie_tag(name: str, domain: str, rules: RuleSet) -> TagKey | None:
    for rule in rules.page_rules:
        for account in _named(rule.cookies, name, domain):
            return TagKey(rule.vendor.id, rule.product.id, account)
    return None


def _trace(
    rule: PageRule, kind: DetectionKind, evidence: str, account: str | None, exposures: tuple[Exposure, ...] = ()
) -> Detection:
    return Detection(
        rule=rule.id,
        vendor=rule.vendor.id,
        product=rule.product.id,
        category=rule.product.category,
        kind=kind,
        account=account,
        exposures=exposures,
        status=rule.status,
        evidence=evidence,
    )
