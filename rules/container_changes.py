"""What changed between two versions of a container, tag by tag."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final

from rules.container_model import (
    ChangeKind,
    Container,
    ContainerChange,
    ContainerFeature,
    ContainerTag,
    TagRole,
)

_COMPARED: Final = (
    "function",
    "vendor",
    "product",
    "account",
    "event",
    "trigger",
    "paused",
    "html",
    "hosts",
    "details",
)
_Key = tuple[object, ...]


def compare_containers(before: Container, after: Container) -> tuple[ContainerChange, ...]:
    """Say what `after` gained, lost and changed, one change per tag or feature, each with a sentence.

    A tag is recognised by its content, then by its id inside the container, then by vendor, account and event;
    its place in the list never counts. Of an incomplete container only what it shows counts: nothing it lacks
    is called removed (or, in `before`, new), and no half-read tag is called changed.
    Settings and listeners are told as features. Order: tags (added, removed, then the rest), features, version.
    """
    start = _start(before, after)
    old, new = _without_equal(_told(before), _told(after))
    old, new, pairs = _pair(old, new)
    changes = [_added(start, tag) for tag in new]
    if after.complete:
        changes += [_removed(start, tag) for tag in old]
    if not before.complete:
        # An older copy that broke off does not prove that a tag is new.
        changes = [change for change in changes if change.kind is not ChangeKind.ADDED]
    whole = before.complete and after.complete
    changes += [_changed(start, was, now) for was, now in pairs if whole or was.paused != now.paused]
    changes += _feature_changes(start, before, after)
    if not changes and before.version != after.version:
        changes.append(ContainerChange(ChangeKind.VERSION, f"{start}; no tag and no setting changed."))
    return tuple(changes)


def _start(before: Container, after: Container) -> str:
    name = after.id or before.id or "The container"
    if before.version == after.version:
        return f"{name} (version {after.version or 'unknown'})"
    return f"{name} went from version {before.version or 'unknown'} to {after.version or 'unknown'}"


def _told(container: Container) -> list[ContainerTag]:
    return [tag for tag in container.tags if tag.role is TagRole.TAG]


def _content(tag: ContainerTag) -> _Key:
    return tuple(getattr(tag, name) for name in _COMPARED)


def _without_equal(old: list[ContainerTag], new: list[ContainerTag]) -> tuple[list[ContainerTag], list[ContainerTag]]:
    both = Counter(map(_content, old)) & Counter(map(_content, new))
    return _subtract(old, both), _subtract(new, both)


def _subtract(tags: Iterable[ContainerTag], both: Counter[_Key]) -> list[ContainerTag]:
    left = both.copy()
    rest = []
    for tag in tags:
        key = _content(tag)
        if left[key] > 0:
            left[key] -= 1
        else:
            rest.append(tag)
    return rest


def _by_id(tag: ContainerTag) -> _Key | None:
    return None if tag.tag_id is None else (tag.tag_id, tag.function)


def _by_purpose(tag: ContainerTag) -> _Key | None:
    return (tag.function, tag.vendor, tag.account, tag.event) if tag.account or tag.event else None


def _by_account(tag: ContainerTag) -> _Key | None:
    return (tag.function, tag.vendor, tag.account) if tag.account else None


def _by_text(tag: ContainerTag) -> _Key | None:
    return (tag.html,) if tag.html else None


def _pair(
    old: list[ContainerTag], new: list[ContainerTag]
) -> tuple[list[ContainerTag], list[ContainerTag], list[tuple[ContainerTag, ContainerTag]]]:
    """Find tags that are the same one with other settings, surest likeness first.

    Returns what is left of `old` and of `new`, and the pairs.
    """
    pairs: list[tuple[ContainerTag, ContainerTag]] = []
    for key_of in _LIKENESSES:
        waiting: dict[_Key, deque[ContainerTag]] = {}
        rest: list[ContainerTag] = []
        for tag in old:
            key = key_of(tag)
            if key is None:
                rest.append(tag)
            else:
                waiting.setdefault(key, deque()).append(tag)
        unmatched: list[ContainerTag] = []
        for tag in new:
            key = key_of(tag)
            if key is not None and waiting.get(key):
                pairs.append((waiting[key].popleft(), tag))
            else:
                unmatched.append(tag)
        old = rest + [tag for tags in waiting.values() for tag in tags]
        new = unmatched
    return sorted(old, key=_place), new, pairs


def _place(tag: ContainerTag) -> int:
    return tag.index


_LIKENESSES: Final[tuple[Callable[[ContainerTag], _Key | None], ...]] = (_by_id, _by_text, _by_purpose, _by_account)


def _added(start: str, tag: ContainerTag) -> ContainerChange:
    state = "paused" if tag.paused else f"fires {tag.trigger}"
    return ContainerChange(ChangeKind.ADDED, f"{start}: {tag.label} was added; {state}.", after=tag)


def _removed(start: str, tag: ContainerTag) -> ContainerChange:
    return ContainerChange(ChangeKind.REMOVED, f"{start}: {tag.label} was removed.", before=tag)


def _changed(start: str, was: ContainerTag, now: ContainerTag) -> ContainerChange:
    fields = tuple(name for name in _COMPARED if getattr(was, name) != getattr(now, name))
    if was.paused != now.paused:
        if now.paused:
            return ContainerChange(ChangeKind.PAUSED, f"{start}: {was.label} was paused.", was, now, fields)
        sentence = f"{start}: {now.label} is no longer paused; fires {now.trigger}."
        return ContainerChange(ChangeKind.RESUMED, sentence, was, now, fields)
    parts = []
    if was.account != now.account:
        parts.append(f"account {was.account or 'unknown'} became {now.account or 'unknown'}")
    if was.trigger != now.trigger:
        parts.append(f"now fires {now.trigger} (before: {was.trigger})")
    if was.event != now.event:
        parts.append(f"event {was.event or 'unknown'} became {now.event or 'unknown'}")
    if was.html != now.html:
        parts.append("its HTML changed")
    gained = sorted(set(now.hosts) - set(was.hosts))
    if gained:
        parts.append(f"now names {', '.join(gained[:5])}")
    if not parts:
        names = sorted({name for name, _ in set(was.details) ^ set(now.details)})
        parts.append(f"settings changed: {', '.join(names[:8])}" if names else "it changed")
    return ContainerChange(ChangeKind.CHANGED, f"{start}: {now.label}: {'; '.join(parts)}.", was, now, fields)


def _feature_changes(start: str, before: Container, after: Container) -> list[ContainerChange]:
    old, new = set(before.features), set(after.features)
    gone, come = sorted(old - new, key=_feature_order), sorted(new - old, key=_feature_order)
    # Only a feature that stands alone on both sides can have changed; of lists, members come and go.
    lone_new = _alone(come)
    lone_old = _alone(gone)
    gone = [each for each in gone if not (_key(each) in lone_old and _key(each) in lone_new)]
    changes: list[ContainerChange] = []
    for feature in come:
        was = lone_old.get(_key(feature)) if _key(feature) in lone_new else None
        if was is not None and was.on == feature.on:
            if not (before.complete and after.complete):
                continue
            sentence = f"{start}: {feature.name} changed from {was.detail or 'none'} to {feature.detail or 'none'}."
            changes.append(ContainerChange(ChangeKind.FEATURE_CHANGED, sentence, was, feature))
        elif feature.on and (was is not None or before.complete):
            changes.append(
                ContainerChange(ChangeKind.SWITCHED_ON, f"{start}: {feature.label} was switched on.", was, feature)
            )
        elif was is not None:
            changes.append(
                ContainerChange(ChangeKind.SWITCHED_OFF, f"{start}: {feature.label} was switched off.", was, feature)
            )
    if after.complete:
        changes += [
            ContainerChange(ChangeKind.SWITCHED_OFF, f"{start}: {feature.label} is gone.", feature, None)
            for feature in gone
            if feature.on
        ]
    return changes


def _key(feature: ContainerFeature) -> tuple[str, str | None]:
    return (feature.name, feature.account)


def _alone(features: Iterable[ContainerFeature]) -> dict[tuple[str, str | None], ContainerFeature]:
    listed = tuple(features)
    counts = Counter(map(_key, listed))
    return {_key(each): each for each in listed if counts[_key(each)] == 1}


def _feature_order(feature: ContainerFeature) -> tuple[str, str, str, bool]:
    return (feature.name, feature.account or "", feature.detail or "", feature.on)
