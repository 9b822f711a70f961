"""Which site, which store, which rules: from the configuration file, a URL, and what the command line adjusts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from scanner.config import DEFAULT_APPROVALS, DEFAULT_PATH, DEFAULT_STORE, Config, load_config, site_from_url
from scanner.crawl.resolve import parse_resolve
from scanner.errors import UsageError
from scanner.judging import Judging
from scanner.model import ResolveRule, SiteConfig
from scanner.ports import Store
from scanner.severity_rules import SeverityRule


class House(TypedDict):
    approvals: Path
    severities: tuple[SeverityRule, ...]


@dataclass(frozen=True, slots=True)
class Target:
    site: SiteConfig
    store_url: str
    rule_paths: tuple[str, ...]
    config: Config | None
    """None when there is no configuration file."""

    @property
    def policy(self) -> Mapping[str, Any] | None:
        return self.config.policy if self.config else None

    @property
    def house(self) -> House:
        """What the owner decided beside the policy; without a configuration the approvals of this directory count."""
        if self.config is None:
            return {"approvals": Path(DEFAULT_APPROVALS), "severities": ()}
        return {"approvals": self.config.approvals_file, "severities": self.config.severities}

    @property
    def judging(self) -> Judging | None:
        return self.config.judging if self.config else None

    def adjusted(
        self,
        *,
        max_pages: int | None = None,
        resolve: Sequence[str] = (),
        insecure: bool = False,
        page_time_s: float | None = None,
        ignore_robots: bool = False,
    ) -> SiteConfig:
        """The site with what the command line says otherwise. Raises `UsageError` for a bad `--resolve`."""
        site = self.site
        if max_pages is not None:
            site = replace(site, max_pages=max_pages)
        if resolve:
            # The command line comes first: the first pattern that fits decides.
            site = replace(site, resolve=(*map(_resolve_rule, resolve), *site.resolve))
        if insecure:
            site = replace(site, insecure=True)
        if page_time_s is not None:
            site = replace(site, limits=replace(site.limits, page_time_ms=round(page_time_s * 1000)))
        if ignore_robots:
            site = replace(site, obey_robots=False)
        return site


def _resolve_rule(text: str) -> ResolveRule:
    try:
        return parse_resolve(text)
    except ValueError as error:
        raise UsageError(f"--resolve {text!r}: {error}", hint='e.g. --resolve "* 127.0.0.1:8443"') from None


def configuration(path: Path | None, *, secrets: bool | str = False) -> Config | None:
    """Read `path`, or `tagdrift.yaml` in this directory; None when neither is there.

    `secrets`: whether references to secrets are followed, or the name of the site whose are.

    Raises:
        ProblemsError: what is wrong in the file.
        UsageError: a named file does not exist.
    """
    if path is None:
        return load_config(DEFAULT_PATH, site_secrets=secrets) if DEFAULT_PATH.exists() else None
    if not path.exists():
        raise UsageError(f"{path}: there is no such file", hint="docs/configuration.md shows how to write one")
    return load_config(path, site_secrets=secrets)


def target(path: Path | None, store_url: str | None, *, url: str | None, site_name: str | None) -> Target:
    """Find the site to scan, its secrets included. Raises `UsageError` or `ProblemsError`.

    `url` may also be a configured site's name: other commands take one in this place.
    """
    if url and site_name:
        raise UsageError("name either a URL or --site, not both")
    config = configuration(path, secrets=site_name or url or True)
    if config is not None and url and (_is_one_word(url) or any(site.name == url for site in config.sites)):
        url, site_name = None, url
    if url:
        site = site_from_url(url)
    elif site_name is not None:
        if config is None:
            raise UsageError(f"--site {site_name} needs a configuration file", hint="pass --config FILE, or name a URL")
        site = config.site(site_name)
    else:
        site = _only_site(config)
    return _target(site, store_url, config)


def _is_one_word(url: str) -> bool:
    """Rather a site's name with a mistake in it than a host: those of the Internet have a dot."""
    return url != "localhost" and not set(url) & set(".:/[")


def stored_site(path: Path | None, store_url: str | None, name: str) -> Target:
    """Find a site by its name in the configuration or the store, or by its URL; secrets are left alone."""
    config = configuration(path)
    site = next((site for site in config.sites if site.name == name), None) if config else None
    if site is None and "://" in name:
        site = site_from_url(name)
    return _target(site or SiteConfig(name=name, start=(f"https://{name}/",)), store_url, config)


def must_be_known(chosen: Target, store: Store) -> None:
    """Raise `UsageError` for a site that neither configuration nor store has: silence about it would prove nothing."""
    name = chosen.site.name
    configured = [site.name for site in chosen.config.sites] if chosen.config else []
    if name in configured or store.scans(name, 1, with_skipped=False):
        return
    known = ", ".join(dict.fromkeys((*configured, *store.sites())))
    hint = f"known sites: {known}" if known else "run `tagdrift scan URL` first"
    raise UsageError(f"no site is called `{name}`", hint=hint)


def _only_site(config: Config | None) -> SiteConfig:
    sites = config.sites if config else ()
    if len(sites) == 1:
        return sites[0]
    names = ", ".join(site.name for site in sites)
    hint = f"the configuration knows: {names}" if names else "tagdrift scan https://www.clinic.example"
    raise UsageError("which site? Name a URL, or a site of the configuration with --site", hint=hint)


def _target(site: SiteConfig, store_url: str | None, config: Config | None) -> Target:
    return Target(
        site=site,
        store_url=store_url or (config.store_url if config else DEFAULT_STORE),
        rule_paths=config.rule_paths if config else (),
        config=config,
    )
