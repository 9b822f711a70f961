"""Which rules could speak about a request: found by its host and path, by names of its values, by what stands in it.

Most requests are decided by one look-up of the host and one of the path's first segment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rules.compiled import MEMO_LIMIT, ReadyRule, Test, condition_test, ready_rule
from rules.garbage import not_collected
from rules.hosts import host_key, host_pattern
from rules.message import Message
from rules.model import Condition, PageRule, RuleSet
from rules.patterns import Pattern
from rules.values import TEST_LENGTH

Entry = tuple[ReadyRule, Test]
Place = tuple[int, int]
"""A condition: its rule's number among all, its own among the rule's."""
Segments = frozenset[str] | None
"""First segments of all paths that a condition can hold for; None: any."""
_NO_ENTRIES: tuple[Entry, ...] = ()


class HostRules(NamedTuple):
    """The rules bound to one host, in order."""

    by_segment: Mapping[str, tuple[Entry, ...]]
    """First segment of the path → the rules that could speak there."""
    elsewhere: tuple[Entry, ...]

    def for_path(self, path: str) -> tuple[Entry, ...]:
        if not self.by_segment:
            return self.elsewhere
        return self.by_segment.get(path[1:].partition("/")[0], self.elsewhere)


class Index:
    """Finds the rules that could speak about a request."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules.rules
        self._by_suffix: dict[str, list[tuple[str, Place]]] = {}
        """End of a host → (pattern for the host, whose it is)."""
        self._ready: dict[int, ReadyRule] = {}
        self._entries: dict[Place, Entry] = {}
        self._memo: dict[str, HostRules] = {}
        self.by_param: dict[str, list[Entry]] = {}
        self.by_last_segment: dict[str, list[Entry]] = {}
        self.by_first_segment: dict[str, list[Entry]] = {}
        self.by_path_pattern: list[tuple[Pattern, Entry]] = []
        self.by_body: list[Entry] = []
        """Rules that know a request by a text in its body."""
        self.by_content: list[tuple[tuple[bytes, ...], Entry]] = []
        """Rules that know a script by what stands in it."""
        self._content_memo: dict[str, tuple[Entry, ...]] = {}
        self.unfiled: list[Entry] = []
        self.page_rules: tuple[PageRule, ...] = rules.page_rules
        for order, rule in enumerate(rules.rules):
            for number, condition in enumerate(rule.when):
                if condition.anywhere:
                    self._file_shape(condition, self._entry((order, number)))
                for host in () if condition.anywhere else condition.hosts:
                    self._by_suffix.setdefault(host_key(host), []).append((host, (order, number)))
        self.param_keys = frozenset(self.by_param)
        names = sorted({key.rpartition(".")[2] for key in self.by_param}, key=len, reverse=True)
        self.key_in_body = re.compile("|".join(map(re.escape, names)).encode()) if names else None
        patterns = [f"(?:{pattern.pattern})" for pattern, _ in self.by_path_pattern]
        self.any_path_pattern = re.compile("|".join(patterns)) if patterns else None

    def _entry(self, place: Place) -> Entry:
        """Make a rule and a condition ready when they are first wanted: most vendors are never met."""
        found = self._entries.get(place)
        if found is None:
            order, number = place
            if order not in self._ready:
                self._ready[order] = ready_rule(self._rules[order], order)
            condition = self._rules[order].when[number]
            found = self._ready[order], condition_test(condition, with_hosts=condition.anywhere)
            self._entries[place] = found
        return found

    def _file_shape(self, condition: Condition, entry: Entry) -> None:
        """File a host-independent rule under the cheapest thing that must be there."""
        pattern = condition.path_pattern
        if condition.content:
            self.by_content.append((tuple(text.encode() for text in condition.content), entry))
        elif condition.paths or condition.path_suffixes:
            for path in (*condition.paths, *condition.path_suffixes):
                self.by_last_segment.setdefault(path.rpartition("/")[2], []).append(entry)
        elif condition.params and not (condition.params[0].absent or condition.params[0].is_glob):
            self.by_param.setdefault(condition.params[0].path, []).append(entry)
        elif condition.path_prefixes:
            for path in condition.path_prefixes:
                self.by_first_segment.setdefault(path.split("/")[1], []).append(entry)
        elif pattern is not None and not pattern.groups and pattern.flags == re.UNICODE:
            # Without groups and flags of their own patterns can be looked for together.
            self.by_path_pattern.append((pattern, entry))
        elif condition.body_contains and all(condition.body_contains):
            self.by_body.append(entry)
        else:
            self.unfiled.append(entry)

    def for_host(self, host: str) -> HostRules:
        """Rules bound to hosts like `host`."""
        found = self._memo.get(host)
        if found is None:
            rest, places = host, self._fitting("", host)
            while rest:
                places += self._fitting(rest, host)
                rest = rest.partition(".")[2]
            found = _host_rules(
                (_first_segments(self._rules[place[0]].when[place[1]]), self._entry(place))
                for place in sorted(dict.fromkeys(places))
            )
            if len(self._memo) >= MEMO_LIMIT:
                self._memo.clear()
            self._memo[host] = found
        return found

    def _fitting(self, suffix: str, host: str) -> list[Place]:
        return [place for pattern, place in self._by_suffix.get(suffix, ()) if host_pattern(pattern)(host)]

    def shapes(self, message: Message) -> Sequence[Entry]:
        """Host-independent rules whose cheapest sign is there."""
        entries = list(self.unfiled)
        path = message.plain_path
        entries += self.by_last_segment.get(path.rpartition("/")[2], _NO_ENTRIES)
        entries += self.by_first_segment.get(path[1:].partition("/")[0], _NO_ENTRIES)
        if self.any_path_pattern is not None and self.any_path_pattern.search(message.path[:TEST_LENGTH]):
            entries += [entry for _, entry in self.by_path_pattern]
        for name in self.param_keys.intersection([found[0] for found in message.url_fields]):
            entries += self.by_param[name]
        if message.record.body:
            entries += self.by_body
            if self._worth_opening(message.record.body):
                for name in self.param_keys.intersection([found[0] for found in message.body_fields]):
                    entries += self.by_param[name]
        if message.record.response_body and message.record.type == "script":
            entries += self._speaking_of(message.record.response_body, message.record.response_sha256)
        if len(entries) > 1:
            entries.sort(key=lambda entry: entry[0].order)
        return entries

    def _speaking_of(self, script: bytes, digest: str | None) -> tuple[Entry, ...]:
        """Rules whose signs stand in a script. The same one comes with every page, so it is searched once."""
        found = self._content_memo.get(digest) if digest else None
        if found is None:
            found = tuple(entry for signs, entry in self.by_content if all(sign in script for sign in signs))
            if digest:
                if len(self._content_memo) >= MEMO_LIMIT:
                    self._content_memo.clear()
                self._content_memo[digest] = found
        return found

    def _worth_opening(self, body: bytes) -> bool:
        packed = body[:1] in (b"\x1f", b"\x78") or body[:4] == b"H4sI" or body[:3] == b"eyJ" or b"%" in body[:64]
        return packed or (self.key_in_body is not None and self.key_in_body.search(body) is not None)


def _first_segments(condition: Condition) -> Segments:
    if condition.paths:
        return frozenset(path.split("/")[1] for path in condition.paths)
    # A prefix names its first segment only where the segment ends within it.
    if condition.path_prefixes and all(path.count("/") > 1 for path in condition.path_prefixes):
        return frozenset(path.split("/")[1] for path in condition.path_prefixes)
    return None


def _host_rules(entries: Iterable[tuple[Segments, Entry]]) -> HostRules:
    bound = list(entries)
    known = {segment for segments, _ in bound if segments is not None for segment in segments}
    by_segment = {
        segment: tuple(entry for segments, entry in bound if segments is None or segment in segments)
        for segment in known
    }
    return HostRules(by_segment, tuple(entry for segments, entry in bound if segments is None))


@lru_cache(maxsize=8)
def index_of(rules: RuleSet) -> Index:
    """The index of a rule set; made once per rule set and process."""
    with not_collected():
        return Index(rules)
