"""Plain data of a rule file → values of `rules.model`.

Assumes that the schema holds. What it cannot say (patterns that do not compile, unknown products) becomes problems.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from rules.decode import canonical
from rules.examples import example_body
from rules.model import (
    Condition,
    Example,
    Feature,
    FieldRole,
    InlineSign,
    NameSign,
    PageRule,
    Product,
    Ref,
    Rule,
    ValueTest,
    Vendor,
)
from rules.patterns import Pattern
from rules.source import Document, Where
from scanner.errors import Problem
from scanner.model import Category, DetectionKind, ExposureKind, Form

_KINDS = {kind.value: kind for kind in ExposureKind}
T = TypeVar("T")
_NEVER = Pattern(r"(?!)")


def texts(value: Any) -> tuple[str, ...]:
    """A text or a list of texts, as a tuple; nothing for None."""
    if value is None:
        return ()
    return (str(value),) if isinstance(value, str) else tuple(str(v) for v in value)


def merge_vendors(documents: Iterable[Document]) -> tuple[dict[str, Vendor], list[Problem]]:
    """Collect vendors from all files. A vendor may be spread over several: one says who it is, all add products."""
    vendors: dict[str, Vendor] = {}
    problems: list[Problem] = []
    for document in documents:
        raw = document.content["vendor"]
        known = vendors.get(raw["id"], Vendor(raw["id"], "", ""))
        products = {product.id: product for product in known.products}
        for raw_product in document.content.get("products", ()):
            products[raw_product["id"]] = Product(
                raw_product["id"],
                raw_product["name"],
                Category(raw_product["category"]),
                raw_product.get("description", ""),
            )
        vendors[raw["id"]] = Vendor(
            id=raw["id"],
            name=raw.get("name", known.name),
            company=raw.get("company", known.company),
            website=raw.get("website", known.website),
            domains=tuple(dict.fromkeys([*known.domains, *raw.get("domains", ())])),
            products=tuple(products.values()),
            description=raw.get("description", known.description),
        )
    for document in documents:
        vendor = vendors[document.content["vendor"]["id"]]
        missing = [key for key in ("name", "company", "website") if not getattr(vendor, key)]
        if missing:
            problems.append(document.problem(("vendor",), f"vendor {vendor.id}: no file gives {', '.join(missing)}"))
    return vendors, problems


class Builder:
    """Builds one document's rules and collects what is wrong with them."""

    def __init__(self, document: Document, vendor: Vendor, checked: bool) -> None:
        self.document = document
        self.vendor = vendor
        self.checked = checked
        self.problems: list[Problem] = []

    def problem(self, where: Where, message: str) -> None:
        self.problems.append(self.document.problem(where, message))

    def pattern(self, text: str | None, where: Where, *, group: bool = False) -> Pattern | None:
        if text is None:
            return None
        pattern = Pattern(text)
        if self.checked:
            try:
                groups = pattern.groups
            except re.error as error:
                self.problem(where, f"not a regular expression: {error}: {text}")
                return _NEVER
            if group and not groups:
                self.problem(where, f"needs a group that holds the account or value: {text}")
                return _NEVER
        return pattern

    def product(self, product_id: str, where: Where) -> Product:
        for product in self.vendor.products:
            if product.id == product_id:
                return product
        self.problem(where, f"vendor {self.vendor.id} has no product {product_id}")
        return Product(product_id, product_id, Category.OTHER)

    # -- conditions

    def tests(self, raw: Mapping[str, Any] | None, where: Where) -> tuple[ValueTest, ...]:
        found: list[ValueTest] = []
        for name, wanted in (raw or {}).items():
            path = canonical(name)
            found.append(
                ValueTest(
                    path=path,
                    is_glob="*" in path,
                    absent=wanted is False,
                    values=frozenset(wanted) if isinstance(wanted, list) else frozenset(),
                    pattern=self.pattern(wanted, (*where, name)) if isinstance(wanted, str) else None,
                )
            )
        return tuple(found)

    def condition(self, raw: Mapping[str, Any], where: Where) -> Condition:
        body = raw.get("body", {})
        hosts = texts(raw.get("host"))
        for host in hosts:
            if host != host.lower() or "/" in host or ":" in host:
                self.problem((*where, "host"), f"a host is lower-case, without scheme, port or path: {host}")
        for key in ("path", "path_prefix", "path_suffix"):
            for path in texts(raw.get(key)):
                if not path.startswith("/"):
                    self.problem((*where, key), f"starts with a slash: {path}")
        return Condition(
            hosts=hosts,
            paths=frozenset(path.rstrip("/") or "/" for path in texts(raw.get("path"))),
            path_prefixes=texts(raw.get("path_prefix")),
            path_suffixes=tuple(path.rstrip("/") for path in texts(raw.get("path_suffix"))),
            path_pattern=self.pattern(raw.get("path_regex"), (*where, "path_regex")),
            methods=frozenset(m.upper() for m in texts(raw.get("method"))),
            types=frozenset(texts(raw.get("type"))),
            params=self.tests(raw.get("params"), (*where, "params")),
            shapes=frozenset(texts(body.get("shape"))),
            body_contains=texts(body.get("contains")),
            has_body=body.get("present"),
            content=texts(raw.get("content")),
            any_of=tuple(self.condition(c, (*where, "any_of", n)) for n, c in enumerate(raw.get("any_of", ()))),
            none_of=tuple(self.condition(c, (*where, "none_of", n)) for n, c in enumerate(raw.get("none_of", ()))),
            anywhere=bool(raw.get("anywhere")),
        )

    # -- reading

    def refs(self, raw: Any, where: Where) -> tuple[Ref, ...]:
        if raw is None:
            return ()
        if isinstance(raw, list):
            return tuple(self.ref(part, (*where, n)) for n, part in enumerate(raw))
        return (self.ref(raw, where),)

    def ref(self, raw: Any, where: Where) -> Ref:
        if isinstance(raw, str):
            return Ref(fields=(canonical(raw),))
        sources = [key for key in ("field", "path", "host", "header") if key in raw]
        if len(sources) != 1 and not (not sources and "default" in raw):
            self.problem(where, "needs exactly one of field, path, host, header (or only a default)")
        fields = texts(raw.get("field"))
        if len(fields) > 1 and "join" not in raw:
            self.problem(where, "several fields need `join`; alternatives are a list of references")
        return Ref(
            fields=tuple(canonical(field) for field in fields),
            path=self.pattern(raw.get("path"), (*where, "path")),
            host=self.pattern(raw.get("host"), (*where, "host")),
            header=raw["header"].lower() if "header" in raw else None,
            basic_user=bool(raw.get("basic_user")),
            join=raw.get("join"),
            pattern=self.pattern(raw.get("regex"), (*where, "regex")),
            split=raw.get("split"),
            prefix=raw.get("prefix", ""),
            case=raw.get("case"),
            index=raw.get("index"),
            names=tuple((str(k), str(v)) for k, v in raw.get("names", {}).items()),
            default=raw.get("default"),
            constant=raw.get("as"),
        )

    def field(self, raw: Any, where: Where) -> FieldRole:
        if isinstance(raw, str):
            return FieldRole(raw, _KINDS.get(raw))
        if isinstance(raw, list):
            role: FieldRole | None = None
            for number, part in reversed([*enumerate(raw)]):
                role = replace(self.field(part, (*where, number)), otherwise=role)
                if role.only is None and role.otherwise is not None:
                    self.problem((*where, number), "without `only` the alternatives behind it never count")
            assert role is not None
            return role
        return FieldRole(
            role=raw["role"],
            kind=_KINDS.get(raw["role"]),
            form=Form(raw["form"]) if "form" in raw else Form.HASHED if "hash" in raw else None,
            hash=raw.get("hash"),
            automatic=raw.get("automatic"),
            automatic_when=self.tests(raw.get("automatic_when"), (*where, "automatic_when")),
            nothing=self.pattern(raw.get("nothing"), (*where, "nothing")),
            pattern=self.pattern(raw.get("regex"), (*where, "regex")),
            note=raw.get("note", ""),
            example=raw.get("example", ""),
            only=self.pattern(raw.get("only"), (*where, "only")),
        )

    def features(self, raw: Sequence[Any], where: Where) -> tuple[Feature, ...]:
        found: list[Feature] = []
        for number, part in enumerate(raw):
            at = (*where, number)
            if "field" not in part and "regex" not in part:
                self.problem(at, "a feature needs `field` or `regex`")
            pattern = self.pattern(part.get("regex"), (*at, "regex"))
            slots = [int(n) for n in re.findall(r"\{(\d)\}", part["name"])] if self.checked else []
            if slots and max(slots) > (pattern.groups if pattern else 0):
                self.problem(at, f"{{{max(slots)}}} has no such group in the pattern")
                continue
            path = canonical(part["field"]) if "field" in part else None
            found.append(Feature(part["name"], path, pattern, part.get("bit")))
        return tuple(found)

    # -- rules

    def rule(self, raw: Mapping[str, Any], where: Where) -> Rule:
        read = raw.get("read", {})
        alternatives = raw["when"] if isinstance(raw["when"], list) else [raw["when"]]
        decode = tuple((canonical(name), tuple(chain.split("+"))) for name, chain in raw.get("decode", {}).items())
        return Rule(
            id=raw["id"],
            title=raw["title"],
            vendor=self.vendor,
            product=self.product(raw["product"], (*where, "product")),
            kind=DetectionKind(raw["kind"]),
            status=raw["status"],
            references=texts(raw["references"]),
            when=tuple(self.condition(c, (*where, "when", n)) for n, c in enumerate(alternatives)),
            account=self.refs(read.get("account"), (*where, "read", "account")),
            event=self.refs(read.get("event"), (*where, "read", "event")),
            items=raw.get("items"),
            dedup=self.refs(read.get("dedup"), (*where, "read", "dedup")),
            consent=tuple(
                (name, self.refs(part, (*where, "read", "consent", name)))
                for name, part in read.get("consent", {}).items()
            ),
            fields=tuple(
                (canonical(name), self.field(part, (*where, "fields", name)))
                for name, part in raw.get("fields", {}).items()
            ),
            ignore=tuple(canonical(name) for name in raw.get("ignore", ())),
            decode=decode,
            features=self.features(raw.get("features", ()), (*where, "features")),
            response_features=self.features(
                raw.get("response", {}).get("features", ()), (*where, "response", "features")
            ),
            standard_events=tuple(raw.get("standard_events", ())),
            loose_events=bool(raw.get("loose_events")),
            keep_response=bool(raw.get("response", {}).get("keep")),
            duplicate_of=raw.get("duplicate_of"),
            fallback=bool(raw.get("fallback")),
            examples=self.examples(raw["examples"].get("matches", ()), (*where, "examples", "matches")),
            counterexamples=self.examples(
                raw["examples"].get("does_not_match", ()), (*where, "examples", "does_not_match")
            ),
            file=self.document.file,
            line=self.document.line(where),
        )

    def examples(self, raw: Sequence[Mapping[str, Any]], where: Where) -> tuple[Example, ...]:
        return tuple(self.example(part, (*where, number)) for number, part in enumerate(raw))

    def example(self, raw: Mapping[str, Any], where: Where) -> Example:
        try:
            body, content_type = example_body(raw)
        except ValueError as error:
            self.problem(where, f"body_base64: {error}")
            body, content_type = b"", None
        return Example(
            url=raw["url"],
            line=self.document.line(where),
            method=raw.get("method", "POST" if body else "GET"),
            type=raw.get("type", "other"),
            body=body,
            content_type=raw.get("content_type", content_type),
            page_url=raw.get("page"),
            response=raw["response"].encode() if "response" in raw else None,
            headers=tuple((name.lower(), value) for name, value in raw.get("headers", {}).items()),
            gives=tuple(raw.get("gives", {}).items()),
            also=tuple(raw.get("also", ())),
            because=raw.get("because", ""),
        )

    # -- page

    def page_rule(self, raw: Mapping[str, Any], where: Where) -> PageRule:
        return PageRule(
            id=raw["id"],
            vendor=self.vendor,
            product=self.product(raw["product"], (*where, "product")),
            status=raw.get("status", "stable"),
            globals=tuple(raw.get("globals", ())),
            inline=tuple(self._each(self.inline, raw, "inline", where)),
            cookies=tuple(self._each(self.name_sign, raw, "cookies", where)),
            storage=tuple(self._each(self.name_sign, raw, "storage", where)),
            preconnect=tuple(raw.get("preconnect", ())),
            file=self.document.file,
            line=self.document.line(where),
        )

    def _each(self, build: Callable[[Any, Where], T], raw: Mapping[str, Any], key: str, where: Where) -> list[T]:
        return [build(part, (*where, key, number)) for number, part in enumerate(raw.get(key, ()))]

    def inline(self, raw: Any, where: Where) -> InlineSign:
        if isinstance(raw, str):
            return InlineSign(raw)
        extract = raw.get("extract", {})
        return InlineSign(
            contains=raw["contains"],
            account=self.pattern(raw.get("account"), (*where, "account"), group=True),
            prefix=raw.get("prefix", ""),
            extract=tuple(
                (ExposureKind(kind), self.pattern(text, (*where, "extract", kind), group=True) or _NEVER)
                for kind, text in extract.items()
            ),
        )

    def name_sign(self, raw: Any, where: Where) -> NameSign:
        raw = {"name": raw} if isinstance(raw, str) else raw
        name = raw["name"]
        glob = Pattern(".*".join(re.escape(part) for part in name.split("*"))) if "*" in name else None
        account = self.pattern(raw.get("account"), (*where, "account"), group=True)
        return NameSign(name, glob, raw.get("domain"), account, raw.get("prefix", ""))


def build(
    document: Document, vendor: Vendor, *, checked: bool = True
) -> tuple[list[Rule], list[PageRule], list[Problem]]:
    """Return a file's rules, page rules and problems.

    Patterns are tried out where the file is `checked`; else each is compiled when it is first used.
    """
    builder = Builder(document, vendor, checked)
    rules = [builder.rule(raw, ("rules", n)) for n, raw in enumerate(document.content.get("rules", ()))]
    page_rules = [builder.page_rule(raw, ("page", n)) for n, raw in enumerate(document.content.get("page", ()))]
    return rules, page_rules, builder.problems
