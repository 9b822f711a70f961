"""Identifiers that a visit's requests carry, found by value: added to what the rules made of them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rules.leaks import Certainty, Leak, LeakIndex, find_leaks
from scanner.model import Detection, DetectionKind, Exposure, PageCapture, RequestRecord
from scanner.urls import is_third_party

Strangers = tuple[tuple[int, Exposure], ...]
"""(index of the request, what it carries) of third parties that no rule knows."""
_SPEAKING = (DetectionKind.EVENT, DetectionKind.IDENTITY_SYNC)


def exposures_by_value(request: RequestRecord, index: LeakIndex) -> tuple[Exposure, ...]:
    """Return identifiers in `request` that are certain or likely, known identities first. Never raises."""
    found: dict[tuple[str, str, str | None], Exposure] = {}
    for leak in find_leaks(request, index):
        if leak.certainty is not Certainty.POSSIBLE:
            exposure = _exposure(leak)
            found.setdefault((exposure.kind.value, exposure.field, exposure.label), exposure)
    return tuple(found.values())


def with_leaks(
    capture: PageCapture, detections: Sequence[Detection], index: LeakIndex, own_domains: Iterable[str] = ()
) -> tuple[tuple[Detection, ...], Strangers]:
    """Search every request to a third party, known or not, and every one that a rule knows.

    Returns the detections with what was found among their exposures, and what goes to third parties without any.
    """
    own = tuple(own_domains)
    places: dict[int, list[int]] = defaultdict(list)
    for place, detection in enumerate(detections):
        if detection.request_index is not None:
            places[detection.request_index].append(place)
    result = list(detections)
    strangers: list[tuple[int, Exposure]] = []
    for number, request in enumerate(capture.requests):
        at = places.get(number)
        if at is None and not is_third_party(request.url, capture.final_url, own):
            continue
        found = exposures_by_value(request, index)
        if not found:
            continue
        if at is None:
            strangers += ((number, exposure) for exposure in found)
        else:
            speaking = next((place for place in at if result[place].kind in _SPEAKING), at[0])
            result[speaking] = added(result[speaking], found)
    return tuple(result), tuple(strangers)


def added(detection: Detection, found: Iterable[Exposure]) -> Detection:
    """Return `detection` with `found` among its exposures; what a rule has told already only learns whose it is."""
    exposures = list(detection.exposures)
    for one in found:
        known = [n for n, e in enumerate(exposures) if e.kind is one.kind and _same_field(e.field, one.field)]
        for number in known:
            if one.label is not None:
                exposures[number] = replace(
                    exposures[number], label=one.label, found_by=one.found_by, placeholder=False
                )
        if not known and (one.label is not None or not _told(exposures, one)):
            exposures.append(one)
    return replace(detection, exposures=tuple(exposures))


def _told(exposures: Iterable[Exposure], one: Exposure) -> bool:
    """Say whether a rule tells of the value under another name."""
    return any(e.kind is one.kind and one.value in e.value for e in exposures)


def _exposure(leak: Leak) -> Exposure:
    field = (
        f"{leak.where}.{leak.field}" if leak.where.startswith("header.") and leak.field != leak.where else leak.field
    )
    return Exposure(
        kind=leak.kind,
        field=field,
        value=leak.value,
        form=leak.form,
        hash=leak.hash,
        placeholder=leak.placeholder is not None,
        label=leak.label,
        found_by=leak.chain,
    )


def _same_field(one: str, other: str) -> bool:
    return _path(one) == _path(other)


def _path(field: str) -> str:
    return field.replace("[]", "").replace("[", ".").replace("]", "").strip(".").lower()
