"""Rules made ready for speed: conditions into small functions, fields and references into look-ups.

Which rules are tried at all is decided in `rules.index`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rules.hosts import HostTest, home_test, host_pattern
from rules.message import Message
from rules.model import Condition, FieldRole, Ref, Rule, ValueTest
from rules.patterns import Pattern
from rules.refs import Reader, reader_of
from rules.values import NAME_LENGTH, TEST_LENGTH, glob_pattern, passes, values_at

Test = Callable[[Message], bool]
MEMO_LIMIT = 2_048
MEMO_LENGTH = 200
"""Look-up memories are emptied at this size and keep no longer names: a hostile page must not make them grow."""


# --------------------------------------------------------------------------- conditions


def value_test(test: ValueTest) -> Test:
    path, absent = test.path, test.absent
    if test.is_glob:
        return lambda message: passes(test, values_at(path, message.values)) is not absent
    nested = "." in path

    def present(message: Message) -> bool:
        if passes(test, message.url_values(path)):
            return True
        if message.record.body and passes(test, message.body_values(path)):
            return True
        return nested and passes(test, message.values.get(path, ()))

    return (lambda message: not present(message)) if absent else present


def _any_holds(conditions: Sequence[Condition]) -> Test:
    tests = tuple(condition_test(condition, with_hosts=True) for condition in conditions)
    if len(tests) == 1:
        return tests[0]

    def holds(message: Message) -> bool:
        for test in tests:  # noqa: SIM110 - as below
            if test(message):
                return True
        return False

    return holds


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
        pattern = condition.path_pattern
        tests.append(lambda m: pattern.search(m.path[:TEST_LENGTH]) is not None)
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
        tests.append(_any_holds(condition.any_of))
    if condition.none_of:
        banned = _any_holds(condition.none_of)
        tests.append(lambda m: not banned(m))
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


# --------------------------------------------------------------------------- rules


WHOLE_PATH = "(path)"
"""Where a rule says what the URL's own path gives away: the digest of an address, the name of a video."""
WHOLE_QUERY = "(query)"
"""The same for the query as it stands, where its parts have no names (`?4sBoston&7sUS`)."""
SILENT = FieldRole("ignore")
"""Stands for every role that neither exposes a value nor shows it."""
_KNOWN = FieldRole("known")


@dataclass(slots=True, eq=False)
class ReadyRule:
    """A rule with its memories. One object per rule and process."""

    rule: Rule
    order: int
    exact_roles: dict[str, FieldRole]
    glob_roles: tuple[tuple[Pattern, FieldRole], ...]
    exact_steps: dict[str, tuple[str, ...]]
    glob_steps: tuple[tuple[Pattern, tuple[str, ...]], ...]
    at_home: HostTest
    """Whether a host is one of the vendor's own."""
    account: Reader
    event: Reader
    several_events: bool
    """The reference to the event yields several of them; else the first value counts."""
    dedup: Reader
    consent: tuple[tuple[str, Reader, str | None], ...]
    """(name, where from, the one field that must be there or None): most requests carry few signals."""
    standard_events: frozenset[str]
    loose_spelling: dict[str, str]
    event_field: str
    """Where a custom event's name stands, for its exposure."""
    whole_roles: tuple[tuple[str, FieldRole], ...]
    whole_steps: tuple[tuple[str, tuple[str, ...]], ...]
    """What to make of path and query as a whole."""
    role_memo: dict[str, FieldRole | None] = field(default_factory=dict)
    steps_memo: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def role(self, path: str) -> FieldRole | None:
        """What the field at `path` means; None: show it as it is, whether the rule knows it or not."""
        found = self.exact_roles.get(path)
        if found is None:
            found = next((role for glob, role in self.glob_roles if glob.fullmatch(path[:NAME_LENGTH])), None)
        if found is not None and found.kind is None and found.only is None:
            found = None if found.role == "other" else SILENT
        if len(path) <= MEMO_LENGTH:
            if len(self.role_memo) >= MEMO_LIMIT:
                self.role_memo.clear()
            self.role_memo[path] = found
        return found

    def steps(self, path: str) -> tuple[str, ...]:
        """The decoders for the field at `path`."""
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


def ready_rule(rule: Rule, order: int) -> ReadyRule:
    """Make a rule ready; `order` is its place among all of them."""
    roles: list[tuple[str, FieldRole]] = list(rule.fields)
    roles += [(path, SILENT) for path in rule.ignore]
    named = {path for path, _ in roles}
    refs = [*rule.account, *rule.event, *rule.dedup, *(ref for _, refs in rule.consent for ref in refs)]
    used = [path for ref in refs for path in ref.fields] + [f.path for f in rule.features if f.path]
    exact = {path: role for path, role in reversed(roles) if "*" not in path}
    for path in used:
        if path not in named and "*" not in path:
            exact[path] = _KNOWN
    globs = [(glob_pattern(path), role) for path, role in roles if "*" in path]
    globs += [(glob_pattern(path), _KNOWN) for path in used if "*" in path and path not in named]
    ready = ReadyRule(
        rule=rule,
        order=order,
        exact_roles=exact,
        glob_roles=tuple(globs),
        exact_steps={path: steps for path, steps in rule.decode if "*" not in path},
        glob_steps=tuple((glob_pattern(path), steps) for path, steps in rule.decode if "*" in path),
        at_home=home_test(rule.vendor.domains),
        account=reader_of(rule.account),
        event=reader_of(rule.event),
        several_events=any(ref.split or "*" in "".join(ref.fields) for ref in rule.event),
        dedup=reader_of(rule.dedup),
        consent=tuple((name, reader_of(refs), _only_field(refs)) for name, refs in rule.consent),
        standard_events=frozenset(rule.standard_events),
        loose_spelling={compact(name): name for name in rule.standard_events} if rule.loose_events else {},
        event_field=next((ref.fields[0] for ref in rule.event if ref.fields), "(event)"),
        whole_roles=tuple((name, exact[name]) for name in (WHOLE_PATH, WHOLE_QUERY) if name in exact),
        whole_steps=(),
    )
    if rule.decode:
        ready.whole_steps = tuple((name, steps) for name in (WHOLE_PATH, WHOLE_QUERY) if (steps := ready.steps(name)))
    return ready


def _only_field(refs: tuple[Ref, ...]) -> str | None:
    fields = {path for ref in refs for path in ref.fields}
    if len(fields) != 1 or any(ref.default or not ref.fields for ref in refs):
        return None
    only = fields.pop()
    return None if "*" in only else only


def compact(event: str) -> str:
    """An event's name without what vendors spell in different ways."""
    return event.lower().replace("_", "").replace("-", "")
