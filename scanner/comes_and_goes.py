"""What the last scans say of one thing: it stays, it is gone, or it comes and goes. Pure.

A history is one answer for each scan that could tell, oldest first: True where it was seen, False where all its pages
were seen whole without it. A scan that could not tell has no answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from scanner.model import GONE_STATUSES, DriftEntry, Finding, Identity, Outcome, PageInventory, SightingKind, Verdict

LAST_SCANS = 10
FEWEST_ABSENCES = 2
_DOUBT = 0.05
"""How likely a thing that is still there may be to hide from all scans that are taken for proof."""
_MAIN = (SightingKind.TAG, SightingKind.HOST, SightingKind.FEATURE, SightingKind.CONTAINER_TAG)


def main_identities(finding: Finding) -> frozenset[Identity]:
    """What the finding is about: its tag where it has one, else hosts or features, else all of it."""
    verdict = Verdict.REMOVED if finding.verdict is Verdict.REMOVED else Verdict.ADDED
    entries: list[DriftEntry] = [entry for entry in finding.entries if entry.verdict is verdict]
    for kind in _MAIN:
        found = frozenset(entry.identity for entry in entries if entry.identity.kind is kind)
        if found:
            return found
    return frozenset(entry.identity for entry in entries)


def answer(pages: Mapping[str, PageInventory], asked: Iterable[str], identities: frozenset[Identity]) -> bool | None:
    """Say whether a scan (`pages`) saw one of `identities` on the pages `asked`; None: it could not tell."""
    there = [pages[page] for page in asked if page in pages]
    if any(sighting.identity in identities for page in there for sighting in page.sightings):
        return True
    proven = [page for page in there if page.status not in GONE_STATUSES]
    return False if proven and all(page.outcome is Outcome.OK for page in proven) else None


def comes_and_goes(history: Sequence[bool]) -> bool:
    """Say whether it was missing for a single scan and came back, or came back more than once."""
    returns, gaps = 0, []
    gap = 0
    seen_before = False
    for seen in history:
        if seen:
            if gap and seen_before:
                returns += 1
                gaps.append(gap)
            gap, seen_before = 0, True
        else:
            gap += 1
    return returns > 1 or 1 in gaps


def absences_that_prove(history: Sequence[bool]) -> int:
    """Return how many scans in a row must miss a thing that comes and goes before it counts as gone: two to ten.

    How often it shows is taken from the scans up to the last that saw it: the absences behind are what is judged.
    """
    until = max((number for number, seen in enumerate(history, start=1) if seen), default=0)
    seen = sum(history)
    if seen == until:
        return FEWEST_ABSENCES
    needed = math.ceil(math.log(_DOUBT) / math.log(1 - seen / until))
    return min(max(needed, FEWEST_ABSENCES), LAST_SCANS)


def counted(history: Sequence[bool]) -> tuple[int, int]:
    return sum(history), len(history)
