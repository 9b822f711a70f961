"""From checked YAML to `SiteConfig`: defaults, units, and everything a schema cannot say."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from scanner.canonical import canonical_url
from scanner.config_secrets import check_reference, header_is_secret, is_reference, read_secret
from scanner.config_yaml import Document, KeyPath
from scanner.crawl.lists import read_url_list
from scanner.crawl.resolve import parse_resolve
from scanner.crawl.scope import pattern_trouble
from scanner.errors import Problem
from scanner.model import (
    ConsentState,
    Device,
    HttpCredentials,
    Profile,
    ResolveRule,
    Retention,
    Scope,
    Secret,
    SiteConfig,
    VisitLimits,
)
from scanner.urls import registrable_domain

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_UNITS_BYTES = {
    "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_AMOUNT = re.compile(r"([\d.]+)\s*([A-Za-z]+)")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def duration_ms(text: str) -> int:
    """`30s` → 30000. The schema has seen to the form."""
    amount, unit = _amount(text)
    return round(amount * _UNITS_MS[unit])


def size_bytes(text: str) -> int:
    """`4MiB` → 4194304."""
    amount, unit = _amount(text)
    return round(amount * _UNITS_BYTES[unit])


def _amount(text: str) -> tuple[float, str]:
    match = _AMOUNT.fullmatch(text)
    assert match is not None
    return float(match[1]), match[2]


@dataclass(frozen=True, slots=True)
class Section:
    """Keys of one group, the site's own before those of `defaults`, each with where it stands."""

    layers: tuple[tuple[Mapping[str, Any], KeyPath], ...]

    def __contains__(self, key: str) -> bool:
        return any(key in values for values, _ in self.layers)

    def get(self, key: str, default: Any = None) -> Any:
        return next((values[key] for values, _ in self.layers if key in values), default)

    def path(self, key: str) -> KeyPath:
        """Return where the key stands; where the group stands if the key does not."""
        first = self.layers[0][1] if self.layers else ()
        return next(((*path, key) for values, path in self.layers if key in values), first)

    def texts(self, key: str) -> list[tuple[KeyPath, str]]:
        """Return the entries of a key that takes one text or a list, each with where it stands."""
        value, path = self.get(key, []), self.path(key)
        if isinstance(value, str):
            return [(path, value)]
        return [((*path, position), entry) for position, entry in enumerate(value) if entry is not None]

    def group(self, key: str) -> Section:
        """Return a group within: its keys, too, fall back to the defaults one by one."""
        return Section(tuple((values[key], (*path, key)) for values, path in self.layers if key in values))


@dataclass(slots=True)
class Context:
    """What building needs to know, and where problems are gathered."""

    document: Document
    base: Path
    """Relative paths count from here: the directory of the configuration file."""
    environ: Mapping[str, str]
    problems: dict[Problem, None] = field(default_factory=dict)
    """In order, without repetitions: several sites may share a wrong default."""

    def place(self, at: KeyPath, text: str, base: Path | None = None) -> Path:
        """Return the path that `text` means, relative to the file. One that cannot be is a problem."""
        path = (base or self.base) / os.path.expanduser(text)  # noqa: PTH111 - the other one raises for unknown users
        try:
            path.exists()
        except OSError as error:
            self.problem(at, f"the path {text[:60]!r} cannot be used: {error.strerror or error}")
            return self.base
        return path

    def problem(self, path: KeyPath, message: str) -> None:
        self.problems[Problem(self.document.file, self.document.line(path), message)] = None

    def attempt(self, path: KeyPath, read: Callable[[], Any]) -> Any:
        """Return what `read` returns; its `ValueError` becomes a problem and None."""
        try:
            return read()
        except ValueError as error:
            self.problem(path, str(error))
            return None


def build_site(section: Section, context: Context, *, secrets: bool) -> SiteConfig | None:
    """Return the site; None if it cannot be (its problems are in the context).

    `secrets=False` checks references for their form only and leaves everything secret out.
    """
    starts = tuple(url for path, url in section.texts("start") if _start_ok(url, path, context))
    name = section.get("name") or default_name(starts[0] if starts else "")
    values: dict[str, Any] = {"name": name, "start": starts}
    for key in ("sitemaps", "follow_links", "obey_robots", "hash_routes", "insecure", "service_workers_allowed",
                "site_isolation", "dns", "requests_per_second", "coverage_threshold"):  # fmt: skip
        if key in section:
            values[key] = section.get(key)
    for key in ("max_pages", "max_pages_per_template", "max_query_variants", "max_depth", "concurrency"):
        if key in section:
            values[key] = int(section.get(key))
    for key in ("max_duration", "resume_max_age"):
        if key in section:
            values[f"{key}_s"] = max(1, duration_ms(section.get(key)) // 1_000)
    if "scope" in section:
        values["scope"] = Scope(section.get("scope"))
    values["own_domains"] = tuple(d for p, d in section.texts("own_domains") if _domain_ok(d, p, context))
    for key in ("include", "exclude"):
        values[key] = tuple(text for path, text in section.texts(key) if _pattern_ok(text, path, context))
    values["url_lists"] = _url_lists(section, context)
    values["resolve"] = _resolve_rules(section, context)
    values["profile"] = _profile(section.group("profile"), context)
    values["limits"] = _limits(section.group("limits"), context)
    values["retention"] = retention(section.group("retention"))
    values["extra_headers"] = _headers(section.group("extra_headers"), context, secrets)
    values["http_credentials"] = _credentials(section.group("http_credentials"), context, secrets)
    if "storage_state" in section:
        values["storage_state"] = secret_of(section, "storage_state", context, secrets)
    return SiteConfig(**values) if starts else None


def default_name(start: str) -> str:
    """Return what a site without a name is called: its host, and its port if it is a special one."""
    parts = urlsplit(canonical_url(start))
    name = f"{parts.hostname or 'site'}-{parts.port}" if parts.port else parts.hostname or "site"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64] or "site"


def start_trouble(url: str) -> str | None:
    """Say why `url` cannot be a start URL; None if it can."""
    if not canonical_url(url):
        guess = f"; did you mean `https://{url}`?" if "://" not in url and canonical_url(f"https://{url}") else ""
        return f"`{url[:80]}` is no http(s) URL{guess}"
    if "@" in urlsplit(url.replace("\\", "/")).netloc:
        return "a start URL must not hold a user name or password; use `http_credentials`"
    return None


def _start_ok(url: str, path: KeyPath, context: Context) -> bool:
    if (trouble := start_trouble(url)) is not None:
        context.problem(path, trouble)
    return trouble is None


def _domain_ok(domain: str, path: KeyPath, context: Context) -> bool:
    if not _DOMAIN.fullmatch(domain.lower()):
        context.problem(path, f"`{domain}` is no domain; write it without scheme, path or `*.`")
        return False
    whole = registrable_domain(domain)
    if whole != domain.lower():
        context.problem(path, f"own domains are whole domains: write `{whole}` instead of `{domain}`")
        return False
    return True


def _pattern_ok(pattern: str, path: KeyPath, context: Context) -> bool:
    if (trouble := pattern_trouble(pattern)) is not None:
        context.problem(path, trouble)
    return trouble is None


def _url_lists(section: Section, context: Context) -> tuple[str, ...]:
    lists: list[str] = []
    for at, text in section.texts("url_lists"):
        path = context.place(at, text)
        _, problems = read_url_list(path)
        for problem in problems:
            if problem.line is None:
                context.problem(at, f"{path}: {problem.message}")
            else:
                context.problems[problem] = None
        lists.append(str(path))
    return tuple(lists)


def _resolve_rules(section: Section, context: Context) -> tuple[ResolveRule, ...]:
    rules = [context.attempt(path, partial(parse_resolve, text)) for path, text in section.texts("resolve")]
    return tuple(rule for rule in rules if rule is not None)


def _profile(group: Section, context: Context) -> Profile:
    values: dict[str, Any] = {key: group.get(key) for key in ("locale", "gpc", "user_agent") if key in group}
    if "device" in group:
        values["device"] = Device(group.get("device"))
    if "consent" in group:
        values["consent"] = ConsentState(group.get("consent"))
    if "timezone" in group:
        values["timezone"] = group.get("timezone")
        context.attempt(group.path("timezone"), lambda: known_zone(values["timezone"]))
    return Profile(**values)


def known_zone(name: str) -> None:
    """Raise `ValueError` if there is no time zone of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"`{name}` is no time zone; write one such as `America/New_York`") from None


def _limits(group: Section, context: Context) -> VisitLimits:
    values: dict[str, Any] = {key: group.get(key) for key in ("max_requests", "interact") if key in group}
    for key in ("page_time", "navigation_timeout", "visit_timeout", "drain", "stall"):
        if key in group:
            values[f"{key}_ms"] = duration_ms(group.get(key))
    for key in ("max_body", "max_total"):
        if key in group:
            values[f"{key}_bytes"] = size_bytes(group.get(key))
    limits = VisitLimits(**values)
    for key, value in (
        ("visit_timeout", limits.visit_timeout_ms),
        ("navigation_timeout", limits.navigation_timeout_ms),
    ):
        if value < 1_000:
            context.problem(group.path(key), f"`{key}` must be at least 1s: no page could be seen whole")
    if limits.visit_timeout_ms < limits.navigation_timeout_ms:
        context.problem(
            group.path("visit_timeout" if "visit_timeout" in group else "navigation_timeout"),
            f"`visit_timeout` ({limits.visit_timeout_ms / 1000:g}s) must not be shorter than `navigation_timeout`"
            f" ({limits.navigation_timeout_ms / 1000:g}s)",
        )
    return limits


def retention(group: Section) -> Retention:
    return Retention(**{key: int(group.get(key)) for key in ("keep_scans", "keep_days") if key in group})


def _headers(group: Section, context: Context, secrets: bool) -> tuple[tuple[str, Secret | str], ...]:
    headers: list[tuple[str, Secret | str]] = []
    for name in dict.fromkeys(name for values, _ in group.layers for name in values):
        value = group.get(name)
        if header_is_secret(name) or is_reference(value):
            if (secret := secret_of(group, name, context, secrets)) is not None:
                headers.append((name, secret))
        else:
            headers.append((name, value))
    return tuple(headers)


def _credentials(group: Section, context: Context, secrets: bool) -> HttpCredentials | None:
    if "username" not in group or "password" not in group:
        return None
    origin = group.get("origin")
    if origin is not None:
        canonical = canonical_url(origin)
        if not canonical or urlsplit(canonical).path != "/" or "?" in canonical:
            context.problem(
                group.path("origin"), f"`{origin}` is no origin; write `https://host` or `https://host:port`"
            )
        origin = canonical.removesuffix("/")
    username = group.get("username")
    if is_reference(username):
        named = secret_of(group, "username", context, secrets)
        username = named.reveal() if named else ""
    password = secret_of(group, "password", context, secrets)
    return HttpCredentials(username, password, origin) if password is not None else None


def secret_of(group: Section, key: str, context: Context, wanted: bool) -> Secret | None:
    """Follow a reference; if it is not `wanted`, look at its form only and return None."""

    def read() -> Secret | None:
        if wanted:
            return read_secret(group.get(key), key, context.base, context.environ)
        check_reference(group.get(key), key)
        return None

    found: Secret | None = context.attempt(group.path(key), read)
    return found
