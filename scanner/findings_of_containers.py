"""What findings say of tag-manager containers: which one holds a tag, when it fires, what a new version changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.finding_words import listed
from scanner.model import Category, DriftEntry, Finding, Identity, Severity, SightingKind, TagKey, Verdict
from scanner.scene import Scene, of_kind
from scanner.severity import lower, severity_of_script_change

_MOST_TRIGGERS = 2
_LONGEST_TRIGGER_CHARS = 160


def holders_of(entries: Iterable[DriftEntry]) -> tuple[str, ...]:
    """The containers that hold what `entries` speak of, sorted."""
    return tuple(sorted({words for entry in entries for name, words in entry.details if name == "container" and words}))


def only_held(entries: Iterable[DriftEntry]) -> bool:
    """Say whether a container alone shows all of this: nothing of it was seen to run."""
    return all(entry.evidence == ("container",) for entry in entries)


def when_it_fires(entries: Iterable[DriftEntry]) -> str:
    """`it fires on page view where Page Path contains "/thank-you"`; empty when nothing is known of it."""
    held = of_kind(entries, SightingKind.CONTAINER_TAG)
    triggers = sorted({words for entry in held for name, words in entry.details if name == "fires"})
    if not triggers:
        return ""
    if _states(held) == {"paused"}:
        return "it is paused"
    shown = [
        words if len(words) <= _LONGEST_TRIGGER_CHARS else words[:_LONGEST_TRIGGER_CHARS] + "…" for words in triggers
    ]
    more = f", and on {len(shown) - _MOST_TRIGGERS} further triggers" if len(shown) > _MOST_TRIGGERS else ""
    return f"it fires {' or '.join(shown[:_MOST_TRIGGERS])}{more}"


def _states(entries: Iterable[DriftEntry]) -> set[str]:
    return {words for entry in entries for name, words in entry.details if name == "state"}


def sleeps(entries: Sequence[DriftEntry]) -> bool:
    """Say whether these are tags of containers alone, paused or without a trigger, every one."""
    return bool(entries) and all(
        entry.identity.kind is SightingKind.CONTAINER_TAG and "live" not in _states([entry]) for entry in entries
    )


def moves_in_words(containers: Iterable[str], scene: Scene) -> str:
    """`GTM-ABC123 went from version 41 to 42`; empty when no container is new or has another version."""
    told = []
    for container in containers:
        then, now = scene.container_versions(container)
        if scene.present or then == now or not now:
            continue
        told.append(
            f"{container} went from version {listed(sorted(then))} to {listed(sorted(now))}"
            if then
            else f"container {container} (version {listed(sorted(now))}) is new"
        )
    return "; ".join(told)


def with_cause(finding: Finding, scene: Scene) -> Finding:
    """Add to the reason which container it stands in or came through, and what became of that container."""
    holders = holders_of(finding.entries)
    through = [c for c in scene.containers if any(f"({c} version " in word for word in finding.loaders)]
    if not holders and not (through and finding.verdict is not Verdict.CHANGED):
        return finding
    moves = moves_in_words(sorted({*holders, *through}), scene)
    fires = when_it_fires(e for e in finding.entries if e.verdict is not Verdict.REMOVED)
    told = [text for text in (moves, fires) if text and text not in finding.title]
    sentences = [f"{text[:1].upper()}{text[1:]}." for text in told]
    return replace(finding, reason=" ".join([finding.reason, *sentences])) if sentences else finding


def title_of_held(name: str, entries: Sequence[DriftEntry], where: str, scene: Scene) -> str:
    """Title of a tag that a container holds and that was not seen to run."""
    containers = listed([f"container {container}" for container in holders_of(entries)])
    fires = when_it_fires(entries)
    behind = f"; {fires}" if fires else ""
    if scene.present:
        return f"{name} stands in {containers} {where}{behind}"
    moves = moves_in_words(holders_of(entries), scene)
    return f"{name} was added to {containers}{f' ({moves})' if moves else ''} {where}{behind}"


# --------------------------------------------------------------------------- a new version of a container


def held_changes(name: str, entries: Sequence[DriftEntry], scene: Scene) -> tuple[tuple[Severity, str], str]:
    """Judge and title tags that a container holds in another form than before."""
    told = [_change_of(entry.identity, scene) for entry in entries]
    own = all(entry.identity.tag is not None and entry.identity.tag.account == entry.identity.role for entry in entries)
    parts = [
        f"{entry.identity.subject} {change}" if own or len(entries) > 1 else change
        for entry, change in zip(entries, told, strict=True)
    ]
    containers = sorted({entry.identity.role for entry in entries})
    moves = moves_in_words(containers, scene) or f"in container {listed(containers)}"
    title = f"{name}: {moves}: {'; '.join(parts[:3])}"
    if len(parts) > 3:
        title += f"; and {len(parts) - 3:,} more"
    if all(change == "was paused" for change in told):
        return (Severity.INFO, "The container no longer fires it."), title
    judged = severity_of_script_change(Category.TAG_MANAGER, known=True)
    if sleeps(entries):
        judged = (lower(judged[0], 1), "The container holds it and does not fire it.")
    return judged, title


def _change_of(identity: Identity, scene: Scene) -> str:
    then, now = scene.held_before.get(identity, {}), scene.held_after.get(identity, {})
    if then.get("state") != now.get("state"):
        match now.get("state"):
            case "paused":
                return "was paused"
            case "never":
                return "lost its trigger"
            case _:
                return f"fires again: {now.get('fires', '')}" if "state" in then else "fires"
    parts = []
    if then.get("fires") != now.get("fires"):
        parts.append(f"now fires {now.get('fires', '')} (before: {then.get('fires', '')})")
    if then.get("code") != now.get("code"):
        parts.append("has other code")
    if then.get("settings") != now.get("settings"):
        parts.append("has other settings")
    return " and ".join(parts) or "changed"


def held_in_words(entries: Sequence[DriftEntry], tag: TagKey) -> list[str]:
    """What an entry of a container says of `tag`, as verbs: of the container itself `contains …`."""
    own = [e.identity.subject for e in entries if e.identity.role == tag.account]
    parts = [f"contains {listed(own)}"] if own else []
    by_container: dict[str, list[str]] = {}
    for entry in entries:
        if entry.identity.role != tag.account:
            by_container.setdefault(entry.identity.role, []).append(entry.identity.subject)
    return parts + [f"stands in container {c} as {listed(subjects)}" for c, subjects in sorted(by_container.items())]
