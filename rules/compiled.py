"""Rules made ready for speed: hosts into a look-up table, conditions into small functions.

Most requests are decided by one dictionary look-up of the host and a comparison of the path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rules.message import Message
from rules.model import Condition, FieldRole, PageRule, Ref, Rule, RuleSet, ValueTest

Test = Callable[[Message], bool]
MEMO_LIMIT = 2_048
MEMO_LENGTH = 200
"""Look-up memories are emptied at this size and keep no longer names: a hostile page must not make them grow."""
NAME_LENGTH = 400
TEST_LENGTH = 4_096
"""Patterns see so many characters of a name and a value: enough for every id, too few to hurt."""


# --------------------------------------------------------------------------- conditions


def glob_pattern(glob: str) -> re.Pattern[str]:
    """`*` stands for any run of characters, dots included."""
    return re.compile(".*".join(re.escape(part) for part in glob.split("*")), re.DOTALL)


def value_test(test: ValueTest) -> Test:
    pattern, values = test.pattern, test.values

    def fits(found: Iterable[str]) -> bool:
        if pattern is not None:
            return any(pattern.search(value[:TEST_LENGTH]) for value in found)
        return not values.isdisjoint(found) if values else bool(found)

    path = test.path
    if test.is_glob:
        names = glob_pattern(path)
        return lambda message: (
            fits([f[2] for f in message.fields if names.fullmatch(f[0][:NAME_LENGTH])]) is not test.absent
        )
    nested = "." in path

    def present(message: Message) -> bool:
        if fits(message.url_values(path)):
            return True
        if message.record.body and fits(message.body_values(path)):
            return True
        return nested and fits(message.inner_values(path))

    return (lambda message: not present(message)) if test.absent else present


def condition_test(condition: Condition, *, with_hosts: bool) -> Test:
    """Compile a condition. Hosts are left to the index unless `with_hosts` (nested conditions need them)."""
    tests: list[Test] = []
    if with_hosts and condition.hosts:
        hosts = [host_pattern(h) for h in condition.hosts]
        tests.append(lambda m: any(p(m.host) for p in hosts))
    if condition.methods:
        tests.append(lambda m: m.record.method.upper() in condition.methods)
    if condition.types:
        tests.append(lambda m: m.record.type in condition.types)
    if condition.paths:
        tests.append(lambda m: m.plain_path in condition.paths)
    if condition.path_prefixes:
        tests.append(lambda m: m.path.startswith(condition.path_prefixes))
    if condition.path_suffixes:
        tests.append(lambda m: m.plain_path.endswith(condition.path_suffixes))
    if condition.path_pattern is not None:
        search = condition.path_pattern.search
        tests.append(lambda m: search(m.path[:TEST_LENGTH]) is not None)
    if condition.has_body is not None:
        tests.append(lambda m: (m.record.body != b"") is condition.has_body)
    if condition.body_contains:  # before the parameters: a search in bytes is cheaper than opening the body
        needles = tuple(text.encode() for text in condition.body_contains)
        tests.append(lambda m: any(n in m.opened_body for n in needles))
    tests.extend(value_test(test) for test in condition.params)
    if condition.shapes:
        tests.append(lambda m: not condition.shapes.isdisjoint(m.shapes))
    if condition.content:
        signs = tuple(text.encode() for text in condition.content)
        tests.append(lambda m: (content := m.record.response_body) is not None and all(s in content for s in signs))
    if condition.any_of:
        choices = [condition_test(c, with_hosts=True) for c in condition.any_of]
        tests.append(lambda m: any(c(m) for c in choices))
    if condition.none_of:
        banned = [condition_test(c, with_hosts=True) for c in condition.none_of]
        tests.append(lambda m: not any(c(m) for c in banned))
    if len(tests) == 1:
        return tests[0]
    steps = tuple(tests)

    def holds(message: Message) -> bool:
        # A plain loop: `all()` over a generator costs twice as much, and this runs for every request.
        for step in steps:  # noqa: SIM110
            if not step(message):
                return False
        return True

    return holds


# --------------------------------------------------------------------------- hosts


def host_pattern(pattern: str) -> Callable[[str], bool]:
    """Compile a host pattern.

    `a.b` exactly; `*.a.b` below; `.a.b` it and below; `x*.a.b` within a label; `www.a.<cc>` com or a country.
    """
    if "<cc>" in pattern:
        # Not any public suffix: `google.github.io` is a stranger.
        suffix = r"(?:com|[a-z]{2}|com?\.[a-z]{2})"
        start = r"(?:[a-z0-9_.-]+\.)?" if pattern.startswith(".") else ""
        country = re.compile(start + suffix.join(re.escape(p) for p in pattern.lstrip(".").split("<cc>")))
        return lambda host: country.fullmatch(host) is not None
    if pattern.startswith("*."):
        below = pattern[1:]
        return lambda host: host.endswith(below) and len(host) > len(below)
    if pattern.startswith("."):
        bare = pattern[1:]
        return lambda host: host == bare or host.endswith(pattern)
    if "*" in pattern:
        expression = re.compile("[a-z0-9_-]*".join(re.escape(p) for p in pattern.split("*")))
        return lambda host: expression.fullmatch(host) is not None
    return lambda host: host == pattern


def host_key(pattern: str) -> str:
    """Return the text under which a host pattern is filed: a suffix every matching host ends in (or `` if none)."""
    if "<cc>" in pattern:
        return ""
    if pattern.startswith(("*.", ".")):
        return pattern.lstrip("*").lstrip(".")
    if "*" in pattern:
        return pattern[pattern.rindex("*") :].partition(".")[2]
    return pattern


# --------------------------------------------------------------------------- rules


@dataclass(slots=True, eq=False)
class ReadyRule:
    """A rule with its memories. One object per rule and process."""

    rule: Rule
    order: int
    exact_roles: dict[str, FieldRole]
    glob_roles: tuple[tuple[re.Pattern[str], FieldRole], ...]
    exact_steps: dict[str, tuple[str, ...]]
    glob_steps: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]
    own_hosts: tuple[Callable[[str], bool], ...]
    standard_events: frozenset[str]
    loose_spelling: dict[str, str]
    consent: tuple[tuple[str, tuple[Ref, ...], str | None], ...]
    """(name, where from, the one field that must be there or None): most requests carry few signals."""
    event_field: str
    """Where a custom event's name stands, for its exposure."""
    role_memo: dict[str, FieldRole | None] = field(default_factory=dict)
    steps_memo: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def role(self, path: str) -> FieldRole | None:
        """What the field at `path` means; None if the rule does not know it."""
        memo = self.role_memo
        if path in memo:
            return memo[path]
        found = self.exact_roles.get(path)
        if found is None:
            found = next((role for glob, role in self.glob_roles if glob.fullmatch(path[:NAME_LENGTH])), None)
        if len(path) <= MEMO_LENGTH:
            if len(memo) >= MEMO_LIMIT:
                memo.clear()
            memo[path] = found
        return found

    def steps(self, path: str) -> tuple[str, ...]:
        memo = self.steps_memo
        if path in memo:
            return memo[path]
        found = self.exact_steps.get(path)
        if found is None:
            found = next((steps for glob, steps in self.glob_steps if glob.fullmatch(path[:NAME_LENGTH])), ())
        if len(path) <= MEMO_LENGTH:
            if len(memo) >= MEMO_LIMIT:
                memo.clear()
            memo[path] = found
        return found


_KNOWN = FieldRole("known")
_IGNORE = FieldRole("ignore")


def _ready(rule: Rule, order: int) -> ReadyRule:
    roles: list[tuple[str, FieldRole]] = list(rule.fields)
    roles += [(path, _IGNORE) for path in rule.ignore]
    named = {path for path, _ in roles}
    refs = [*rule.account, *rule.event, *rule.dedup, *(ref for _, refs in rule.consent for ref in refs)]
    used = [path for ref in refs for path in ref.fields] + [f.path for f in rule.features if f.path]
    exact = {path: role for path, role in reversed(roles) if "*" not in path}
    for path in used:
        if path not in named and "*" not in path:
            exact[path] = _KNOWN
    globs = [(glob_pattern(path), role) for path, role in roles if "*" in path]
    globs += [(glob_pattern(path), _KNOWN) for path in used if "*" in path and path not in named]
    return ReadyRule(
        rule=rule,
        order=order,
        exact_roles=exact,
        glob_roles=tuple(globs),
        exact_steps={path: steps for path, steps in rule.decode if "*" not in path},
        glob_steps=tuple((glob_pattern(path), steps) for path, steps in rule.decode if "*" in path),
        own_hosts=tuple(host_pattern(f".{domain.lstrip('.')}") for domain in rule.vendor.domains),
        standard_events=frozenset(rule.standard_events),
        loose_spelling={compact(name): name for name in rule.standard_events} if rule.loose_events else {},
        consent=tuple((name, refs, _only_field(refs)) for name, refs in rule.consent),
        event_field=next((ref.fields[0] for ref in rule.event if ref.fields), "(event)"),
    )


def _only_field(refs: tuple[Ref, ...]) -> str | None:
    fields = {path for ref in refs for path in ref.fields}
    if len(fields) != 1 or any(ref.default or not ref.fields for ref in refs):
        return None
    only = fields.pop()
    return None if "*" in only else only


def compact(event: str) -> str:
    return event.lower().replace("_", "").replace("-", "")


Entry = tuple[ReadyRule, Test]


class Index:
    """Finds the rules that could speak about a request."""

    def __init__(self, rules: RuleSet) -> None:
        self._by_suffix: dict[str, list[tuple[Callable[[str], bool], Entry]]] = {}
        self._memo: dict[str, tuple[Entry, ...]] = {}
        self.by_param: dict[str, list[Entry]] = {}
        self.by_last_segment: dict[str, list[Entry]] = {}
        self.by_first_segment: dict[str, list[Entry]] = {}
        self.by_content: list[tuple[tuple[bytes, ...], Entry]] = []
        """Rules that know a script by what stands in it."""
        self._content_memo: dict[str, tuple[Entry, ...]] = {}
        self.unfiled: list[Entry] = []
        self.page_rules: tuple[PageRule, ...] = rules.page_rules
        for order, rule in enumerate(rules.rules):
            ready = _ready(rule, order)
            for condition in rule.when:
                if condition.anywhere:
                    self._file_shape(condition, (ready, condition_test(condition, with_hosts=True)))
                    continue
                entry = (ready, condition_test(condition, with_hosts=False))
                for host in condition.hosts:
                    self._by_suffix.setdefault(host_key(host), []).append((host_pattern(host), entry))
        self.param_keys = frozenset(self.by_param)
        names = sorted({key.rpartition(".")[2] for key in self.by_param}, key=len, reverse=True)
        self.key_in_body = re.compile("|".join(map(re.escape, names)).encode()) if names else None

    def _file_shape(self, condition: Condition, entry: Entry) -> None:
        """File a host-independent rule under the cheapest thing that must be there."""
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
        else:
            self.unfiled.append(entry)

    def for_host(self, host: str) -> tuple[Entry, ...]:
        """Rules bound to hosts like `host`, in order."""
        found = self._memo.get(host)
        if found is None:
            entries = [e for fits, e in self._by_suffix.get("", ()) if fits(host)]
            rest = host
            while rest:
                entries += [e for fits, e in self._by_suffix.get(rest, ()) if fits(host)]
                rest = rest.partition(".")[2]
            found = tuple(sorted(entries, key=lambda entry: entry[0].order))
            if len(self._memo) >= MEMO_LIMIT:
                self._memo.clear()
            self._memo[host] = found
        return found

    def shapes(self, message: Message) -> Sequence[Entry]:
        """Host-independent rules whose cheapest sign is there."""
        entries = list(self.unfiled)
        path = message.plain_path
        entries += self.by_last_segment.get(path.rpartition("/")[2], ())
        if self.by_first_segment:
            entries += self.by_first_segment.get(path[1:].partition("/")[0], ())
        for name in self.param_keys & {found[0] for found in message.url_fields}:
            entries += self.by_param[name]
        if message.record.body and self._worth_opening(message.record.body):
            for name in self.param_keys & {found[0] for found in message.body_fields}:
                entries += self.by_param[name]
        if message.record.response_body and message.record.type == "script":
            entries += self._speaking_of(message.record.response_body, message.record.response_sha256)
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


@lru_cache(maxsize=8)
def index_of(rules: RuleSet) -> Index:
    """The index of a rule set; made once per rule set and process."""
    return Index(rules)
