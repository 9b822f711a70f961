"""The configuration: one YAML file, read once into frozen values, every problem reported at once with its line.

Keys are described in `docs/configuration.md` and in `config_schema.json`, which editors can use, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scanner.canonical import canonical_url
from scanner.config_judging import read_judging
from scanner.config_mail import MailConfig, MailRoute, SmtpConfig, read_mail
from scanner.config_policy import read_policy_section, read_severities
from scanner.config_schedule import read_schedule
from scanner.config_schema import config_schema, schema_problems
from scanner.config_secrets import is_reference, read_secret
from scanner.config_site import (
    Context,
    Section,
    build_site,
    default_name,
    retention,
    start_trouble,
)
from scanner.config_yaml import KeyPath, read_yaml
from scanner.crawl.resolve import parse_resolve as parse_resolve
from scanner.errors import Problem, ProblemsError, UsageError
from scanner.judging import Judging
from scanner.model import Retention, SiteConfig
from scanner.severity_rules import SeverityRule

DEFAULT_PATH = Path("tagdrift.yaml")
DEFAULT_STORE = "sqlite:///tagdrift.db"
DEFAULT_APPROVALS = "tagdrift-approvals.yaml"
_HINT = "docs/configuration.md describes every key"
_STORE = re.compile(r"(?:sqlite:///.+|postgresql(?:\+psycopg)?://.+|memory:)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the file says."""

    store_url: str = field(default=DEFAULT_STORE, repr=False)
    """May hold a password: never print it."""
    sites: tuple[SiteConfig, ...] = ()
    rule_paths: tuple[str, ...] = ()
    browsers: int | None = None
    """Visits at the same time on this machine; None: as many as it can bear."""
    scans_at_once: int = 2
    """How many sites `tagdrift run` scans at the same time."""
    schedule_file: Path | None = None
    """Where `tagdrift run` keeps the next times; None: beside the store, or beside this file."""
    retention: Retention = field(default_factory=Retention)
    policy: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({"preset": "healthcare"}))
    """The policy section, frozen, as the schema describes it."""
    policy_places: tuple[str, ...] = ()
    """Where each policy rule stands, `file:line`."""
    severities: tuple[SeverityRule, ...] = ()
    """Severities of one's own, in order."""
    approvals_file: Path = Path(DEFAULT_APPROVALS)
    """What was accepted, by whom, why, and until when."""
    judging: Judging = field(default_factory=Judging)
    """Known identities and health terms."""
    mail: MailConfig | None = None
    path: Path | None = None
    """The file; None if there is none."""

    def site(self, name: str) -> SiteConfig:
        """Return the site of that name. Raises `UsageError` that says which there are."""
        for site in self.sites:
            if site.name == name:
                return site
        names = [site.name for site in self.sites]
        close = get_close_matches(name, names, n=1)
        known = f"the configuration knows: {', '.join(names)}" if names else "the configuration names no sites"
        raise UsageError(f"no site is called `{name}`", hint=f"did you mean `{close[0]}`?" if close else known)


def load_config(
    path: Path | str,
    *,
    environ: Mapping[str, str] | None = None,
    site_secrets: bool | str = True,
    mail_secrets: bool = False,
) -> Config:
    """Read the configuration file at `path`.

    Args:
        environ: where `env:` references look; the process's environment by default.
        site_secrets: True follows the references of all sites, a name those of that site only; the others have
            their secret values left out and must not be visited. False is for commands that only read the store.
        mail_secrets: whether the mail server's password is wanted.

    Raises:
        ProblemsError: everything that is wrong, in the order of lines.
    """
    path = Path(path)
    document = read_yaml(_text_of(path), str(path))
    value, problems = schema_problems(document) if document.value is not None else ({}, [])
    context = Context(document, path.resolve().parent, os.environ if environ is None else environ)
    context.problems.update(dict.fromkeys((*document.problems, *problems)))
    top = Section(((value, ()),))
    policy, places = read_policy_section(value.get("policy", {}), context)
    config = Config(
        store_url=_store_url(top, context),
        sites=_sites(top, value, context, site_secrets),
        rule_paths=_rule_paths(top, context),
        browsers=int(top.get("browsers")) if "browsers" in top else None,
        scans_at_once=int(top.get("scans_at_once", 2)),
        schedule_file=(
            context.place(top.path("schedule_file"), top.get("schedule_file")) if "schedule_file" in top else None
        ),
        retention=retention(top.group("retention")),
        policy=policy,
        policy_places=places,
        severities=read_severities(top.get("severity", []), context),
        approvals_file=context.place(
            top.path("approvals_file"), top.get("approvals_file", DEFAULT_APPROVALS), path.parent
        ),
        judging=read_judging(top, context),
        mail=read_mail(top, context, mail_secrets),
        path=path,
    )
    if context.problems:
        raise ProblemsError(_in_order(context.problems, str(path)), hint=_HINT)
    return config


def site_from_url(url: str, **overrides: Any) -> SiteConfig:
    """Return the configuration of a site of which only the URL is known; `https://` may be left out.

    `overrides` are fields of `SiteConfig`. Raises `UsageError` if the URL cannot be a start page.
    """
    written = url.strip()
    if "://" not in written and canonical_url(f"https://{written}"):
        written = f"https://{written}"
    if (trouble := start_trouble(written)) is not None:
        raise UsageError(trouble, hint="write it as in https://www.clinic.example/")
    return replace(SiteConfig(name=default_name(written), start=(written,)), **overrides)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProblemsError([Problem(str(path), None, f"not UTF-8 text (byte {error.start})")]) from None
    except OSError as error:
        problem = Problem(str(path), None, f"cannot be read: {error.strerror or error}")
        raise ProblemsError([problem], hint="name the file with --config, or scan a URL, which needs none") from None


def _sites(top: Section, value: dict[str, Any], context: Context, site_secrets: bool | str) -> tuple[SiteConfig, ...]:
    beneath: list[tuple[Mapping[str, Any], KeyPath]] = []
    if "defaults" in value:
        beneath.append((value["defaults"], ("defaults",)))
    if "retention" in value:
        beneath.append(({"retention": value["retention"]}, ()))
    sites: list[SiteConfig] = []
    lines: dict[str, int | None] = {}
    for position, own in enumerate(top.get("sites", [])):
        if own is None:
            continue
        section = Section(((own, ("sites", position)), *beneath))
        names = [section.get("name"), *(default_name(start) for _, start in section.texts("start")[:1])]
        wanted = site_secrets if isinstance(site_secrets, bool) else next(filter(None, names), "") == site_secrets
        if (site := build_site(section, context, secrets=wanted)) is None:
            continue
        site = replace(site, schedule=read_schedule(section.group("schedule"), context))
        key = site.name.casefold()  # names become file names, and some file systems do not tell A from a
        if key in lines:
            context.problem(section.path("name"), f"two sites are called `{site.name}` (first in line {lines[key]})")
        lines.setdefault(key, context.document.line(section.path("name")))
        sites.append(site)
    return tuple(sites)


def _store_url(top: Section, context: Context) -> str:
    text = top.get("store", DEFAULT_STORE)
    if is_reference(text):
        found = context.attempt(top.path("store"), lambda: read_secret(text, "store", context.base, context.environ))
        if found is None:
            return DEFAULT_STORE
        text = found.reveal().strip()
    if not _STORE.fullmatch(text):
        expected = config_schema()["properties"]["store"]["x-expects"]
        context.problem(top.path("store"), f"`store` must be {expected}, not what is there")
        return DEFAULT_STORE
    if text.startswith("sqlite:///"):
        file, question, options = text.removeprefix("sqlite:///").partition("?")
        place = file if file == ":memory:" else context.place(top.path("store"), file)
        return f"sqlite:///{place}{question}{options}"
    return re.sub(r"^postgresql://", "postgresql+psycopg://", text)


def _rule_paths(top: Section, context: Context) -> tuple[str, ...]:
    paths: list[str] = []
    for at, text in top.texts("rules"):
        path = context.place(at, text)
        if not path.exists():
            context.problem(at, f"the rule path {path} does not exist")
        paths.append(str(path))
    return tuple(paths)


def _in_order(problems: Mapping[Problem, None], own: str) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file != own, problem.file, problem.line or 0))


__all__ = [
    "DEFAULT_APPROVALS",
    "DEFAULT_PATH",
    "DEFAULT_STORE",
    "Config",
    "MailConfig",
    "MailRoute",
    "SmtpConfig",
    "load_config",
    "parse_resolve",
    "site_from_url",
]
