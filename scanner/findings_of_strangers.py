"""Findings of third parties that no rule knows, put together by owner, or else by registrable domain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from scanner.finding_words import kinds_in_words, listed, pages
from scanner.model import DriftEntry, Finding, Severity, SightingKind, Verdict
from scanner.scene import Scene, domain_of, main_category, make_finding, of_kind, pages_of, sends_of
from scanner.severity import severity_of_presence, severity_of_removal, severity_of_script_change

_KEYS = {Verdict.ADDED: "host", Verdict.REMOVED: "gone:host", Verdict.CHANGED: "script"}


def stranger_findings(entries: Sequence[DriftEntry], scene: Scene) -> list[Finding]:
    """Return one finding per verdict and owner (or domain); together they hold every entry once."""
    groups: dict[tuple[Verdict, str], list[DriftEntry]] = defaultdict(list)
    for entry in entries:
        domain = domain_of(entry.identity)
        groups[entry.verdict, scene.owners.get(domain) or entry.owner or domain or "the site"].append(entry)
    return [_finding(verdict, owner, of_it, scene) for (verdict, owner), of_it in sorted(groups.items())]


def _finding(verdict: Verdict, owner: str, entries: list[DriftEntry], scene: Scene) -> Finding:
    domains = sorted({domain for entry in entries if (domain := domain_of(entry.identity))})
    name = f"{owner} ({listed(domains)})" if domains and domains != [owner] else f"{owner} (owner unknown)"
    if not domains:
        name = owner
    key = f"{_KEYS[verdict]}:{owner}"
    category = main_category(entries)
    if verdict is Verdict.ADDED:
        judged, title = _added(name, entries, scene)
    elif verdict is Verdict.REMOVED:
        judged, title = _removed(name, entries)
    else:
        subjects = sorted({entry.identity.subject for entry in entries})
        judged = severity_of_script_change(category, known=False)
        title = f"{name}: the content of {listed(subjects)} changed on {pages(len(pages_of(entries)))}"
    return make_finding(key, judged, verdict, title, None, entries, None, category)


def _added(name: str, entries: list[DriftEntry], scene: Scene) -> tuple[tuple[Severity, str], str]:
    hosts = of_kind(entries, SightingKind.HOST)
    where = scene.on(len(pages_of(hosts or entries)))
    judged = severity_of_presence(scene.case(entries, main_category(entries)))
    if scene.present:
        return judged, f"Third party {name} is contacted {where}"
    if any(not entry.pages_before for entry in hosts):
        return judged, f"New third party: {name} {where}"
    if hosts:
        count = len(pages_of(hosts))
        return judged, f"Third party {name} spread to {count:,} more {'page' if count == 1 else 'pages'}"
    sends = kinds_in_words(sends_of(entries))
    if sends:
        return judged, f"Third party {name} now receives {listed(sends)} {where}"
    subjects = sorted({entry.identity.subject for entry in entries})
    low = (Severity.LOW, "A third party that was there before is used in another way.")
    return low, f"Third party {name} now also shows {listed(subjects)} {where}"


def _removed(name: str, entries: list[DriftEntry]) -> tuple[tuple[Severity, str], str]:
    hosts = of_kind(entries, SightingKind.HOST)
    count = pages(len(pages_of(hosts or entries)))
    if hosts:
        altogether = all(entry.pages_after == 0 for entry in hosts)
        return severity_of_removal(main_category(entries), altogether), f"Third party {name} disappeared from {count}"
    subjects = sorted({entry.identity.subject for entry in entries})
    return (Severity.INFO, "A third party is used less than before."), (
        f"Third party {name} no longer shows {listed(subjects)} on {count}"
    )
