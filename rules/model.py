"""What a rule file says, as frozen values. Loading, matching and checking live elsewhere; nothing here does any work.

A *field path* names a value wherever a request carries it: query, matrix parameters, form, multipart or JSON body,
or JSON inside a parameter. Brackets and dots mean the same and list indexes are left out, so `pd[em]`, `pd.em` and the
JSON `{"pd": {"em": …}}` in a parameter are all `pd.em`, and `items[0][name]` is `items.name`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rules.patterns import Pattern
from scanner.model import Category, DetectionKind, ExposureKind, Form, Wanted


@dataclass(frozen=True, slots=True)
class Owner:
    """Who stands behind a host, from `entities.tsv` or from a rule file's list of domains."""

    entity: str
    company: str
    categories: tuple[str, ...] = ()
    """The list's own words (`ad`, `analytics`, `consent-provider` …), kept as they are."""
    category: Category = Category.OTHER
    domain: str = ""
    """The entry that matched, without its leading dot."""


@dataclass(frozen=True, slots=True)
class Product:
    id: str
    name: str
    category: Category
    description: str = ""


@dataclass(frozen=True, slots=True)
class Vendor:
    id: str
    name: str
    company: str
    website: str = ""
    domains: tuple[str, ...] = ()
    """Registrable domains (or hosts) of the vendor: collection elsewhere counts as first-party or proxied."""
    products: tuple[Product, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class ValueTest:
    """A condition on one field: present, absent, one of several values, or matching a pattern."""

    path: str
    is_glob: bool = False
    absent: bool = False
    values: frozenset[str] = frozenset()
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """All parts must hold. Empty parts always hold."""

    hosts: tuple[str, ...] = ()
    paths: frozenset[str] = frozenset()
    """Exact, compared without a trailing slash."""
    path_prefixes: tuple[str, ...] = ()
    path_suffixes: tuple[str, ...] = ()
    """Compared without a trailing slash."""
    path_pattern: Pattern | None = None
    methods: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    params: tuple[ValueTest, ...] = ()
    shapes: frozenset[str] = frozenset()
    body_contains: tuple[str, ...] = ()
    has_body: bool | None = None
    content: tuple[str, ...] = ()
    """Texts that all stand in the script which the response brought: a vendor's library under another name."""
    any_of: tuple[Condition, ...] = ()
    none_of: tuple[Condition, ...] = ()
    anywhere: bool = False
    """Host-independent: looks at every request that no vendor host claimed."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a value comes from: a field, or a part of the path, host or a header."""

    fields: tuple[str, ...] = ()
    """Field paths or globs; several only together with `join`."""
    path: Pattern | None = None
    """Groups of the first match in the URL's path, joined."""
    host: Pattern | None = None
    header: str | None = None
    basic_user: bool = False
    """The header is a Basic authorization: its user name counts, and only one without a password."""
    join: str | None = None
    """Put the values of all `fields` together with this between them."""
    pattern: Pattern | None = None
    """Keeps only the groups (or the whole) of the first match; a value that does not match is passed over."""
    split: str | None = None
    prefix: str = ""
    case: str | None = None
    """upper | lower"""
    index: int | None = None
    """The n-th value of the field, counted from 0: for positional lists."""
    names: tuple[tuple[str, str], ...] = ()
    """Translates values into words; other values stay, unless `*` (named last) gives a word for all of them."""
    default: str | None = None
    constant: str | None = None
    """What to say when there is a value, whatever it is."""


@dataclass(frozen=True, slots=True)
class FieldRole:
    """What a field means. `role` is an exposure kind, or `known`, `other`, `ignore`."""

    role: str
    kind: ExposureKind | None = None
    form: Form | None = None
    """Fixed by the rule; None: seen from the value."""
    hash: str | None = None
    automatic: str | None = None
    automatic_when: tuple[ValueTest, ...] = ()
    nothing: Pattern | None = None
    """Values that mean "nothing was sent"."""
    pattern: Pattern | None = None
    """Keeps only the groups of the first match; a value that does not match is kept whole."""
    note: str = ""
    example: str = ""
    only: Pattern | None = None
    """The role counts for values in which this is found; others go to `otherwise`."""
    otherwise: FieldRole | None = None

    def of(self, value: str) -> FieldRole | None:
        """Return what this very value means: lists of positional values hold an address here and an id there."""
        role: FieldRole | None = self
        while role is not None and role.only is not None and not role.only.search(value):
            role = role.otherwise
        return role

    def alternatives(self) -> Iterator[FieldRole]:
        role: FieldRole | None = self
        while role is not None:
            yield role
            role = role.otherwise


@dataclass(frozen=True, slots=True)
class Feature:
    """Something switched on, read from a request's field or from a config response."""

    name: str
    """May hold `{1}`, `{2}` … for the groups of `pattern`."""
    path: str | None = None
    """Field path (in requests) or JSON path (in responses); None: the whole response text."""
    pattern: Pattern | None = None
    bit: int | None = None
    """Holds when the field's number has this bit set."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request and what must come of it."""

    url: str
    line: int | None = None
    method: str = "GET"
    type: str = "other"
    body: bytes = b""
    content_type: str | None = None
    page_url: str | None = None
    response: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    gives: tuple[tuple[str, Any], ...] = ()
    also: tuple[str, ...] = ()
    """Ids of other rules that are meant to match, too."""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    title: str
    vendor: Vendor
    product: Product
    kind: DetectionKind
    status: str
    references: tuple[str, ...]
    when: tuple[Condition, ...]
    account: tuple[Ref, ...] = ()
    event: tuple[Ref, ...] = ()
    items: str | None = None
    """`lines`, or the path of the list that holds one event each (`*`: the body itself is the list)."""
    dedup: tuple[Ref, ...] = ()
    consent: tuple[tuple[str, tuple[Ref, ...]], ...] = ()
    fields: tuple[tuple[str, FieldRole], ...] = ()
    ignore: tuple[str, ...] = ()
    decode: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(field path or glob, decoders in order)."""
    features: tuple[Feature, ...] = ()
    response_features: tuple[Feature, ...] = ()
    standard_events: tuple[str, ...] = ()
    """Names the vendor gives; any other event name was chosen by the site and is an exposure of its own."""
    loose_events: bool = False
    """Standard events are the same whatever their case, `_` and `-`."""
    keep_response: bool = False
    """The recorder keeps the response although no feature is read here: the container reader wants it."""
    duplicate_of: str | None = None
    fallback: bool = False
    """Speaks only when no other rule of the vendor matched."""
    examples: tuple[Example, ...] = ()
    counterexamples: tuple[Example, ...] = ()
    file: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class InlineSign:
    """A piece of inline code that names a tag."""

    contains: str
    account: Pattern | None = None
    """First group, every match; a sign with an account pattern counts only where it matches or `optional`."""
    prefix: str = ""
    extract: tuple[tuple[ExposureKind, Pattern], ...] = ()


@dataclass(frozen=True, slots=True)
class NameSign:
    """A cookie or storage key, by name or glob; the account may be part of the name."""

    name: str
    pattern: Pattern | None
    """None: compare literally."""
    domain: str | None = None
    account: Pattern | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class PageRule:
    """Traces of a tag in the page itself, without any request."""

    id: str
    vendor: Vendor
    product: Product
    status: str = "stable"
    globals: tuple[str, ...] = ()
    inline: tuple[InlineSign, ...] = ()
    cookies: tuple[NameSign, ...] = ()
    storage: tuple[NameSign, ...] = ()
    preconnect: tuple[str, ...] = ()
    file: str = ""
    line: int | None = None


@dataclass(frozen=True, eq=False)
class RuleSet:
    """Every rule in force, checked and ready. Equal digests mean equal judgement.

    Compared by identity: hashing thousands of values for every request would cost more than matching.
    """

    vendors: tuple[Vendor, ...]
    rules: tuple[Rule, ...]
    page_rules: tuple[PageRule, ...]
    digest: str
    files: tuple[str, ...] = ()
    want: Wanted = field(default_factory=Wanted)

    def wanted(self) -> Wanted:
        """What the recorder should keep for these rules: JS globals to look for, responses to keep."""
        return self.want

    def rule(self, rule_id: str) -> Rule:
        """Raises KeyError for an unknown id."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)
