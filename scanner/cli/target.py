"""Which site, which store, which rules: from the configuration file, a URL, and what the command line adjusts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scanner.config import Config, load_config, site_from_url
from scanner.crawl.resolve import parse_resolve
from scanner.errors import UsageError
from scanner.model import ResolveRule, SiteConfig

DEFAULT_CONFIG = Path("tagdrift.yaml")
DEFAULT_STORE = "sqlite:///tagdrift.db"


@dataclass(frozen=True, slots=True)
class Target:
    site: SiteConfig
    store_url: str
    rule_paths: tuple[str, ...]
    config: Config | None
    """None when there is no configuration file."""

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


def configuration(path: Path | None) -> Config | None:
    """Read `path`, or `tagdrift.yaml` in this directory; None when neither is there.

    Raises:
        ProblemsError: what is wrong in the file.
        UsageError: a named file does not exist.
    """
    if path is None:
        return load_config(DEFAULT_CONFIG) if DEFAULT_CONFIG.exists() else None
    if not path.exists():
        raise UsageError(f"{path}: there is no such file", hint="docs/configuration.md shows how to write one")
    return load_config(path)


def target(path: Path | None, store_url: str | None, *, url: str | None, site_name: str | None) -> Target:
    """Find the site to work on. Raises `UsageError` or `ProblemsError`."""
    if url and site_name:
        raise UsageError("name either a URL or --site, not both")
    config = configuration(path)
    site = _site(config, url, site_name)
    return Target(
        site=site,
        store_url=store_url or (config.store if config else DEFAULT_STORE),
        rule_paths=config.rule_paths if config else (),
        config=config,
    )


def _site(config: Config | None, url: str | None, site_name: str | None) -> SiteConfig:
    if url:
        return site_from_url(url)
    sites = config.sites if config else ()
    if site_name is None:
        if len(sites) == 1:
            return sites[0]
        names = ", ".join(site.name for site in sites)
        hint = f"the configuration knows: {names}" if names else "tagdrift scan https://www.clinic.example"
        raise UsageError("which site? Name a URL, or a site of the configuration with --site", hint=hint)
    for site in sites:
        if site.name == site_name:
            return site
    if config is None:
        raise UsageError(f"--site {site_name} needs a configuration file", hint="pass --config FILE, or name a URL")
    raise UsageError(
        f"the configuration knows no site {site_name!r}", hint=f"it knows: {', '.join(s.name for s in sites)}"
    )


def stored_site(path: Path | None, store_url: str | None, name: str) -> Target:
    """Find a site by its name in the store or the configuration, or by its URL."""
    if "://" in name:
        return target(path, store_url, url=name, site_name=None)
    config = configuration(path)
    known = next((site for site in config.sites if site.name == name), None) if config else None
    return Target(
        site=known or SiteConfig(name=name, start=(f"https://{name}/",)),
        store_url=store_url or (config.store if config else DEFAULT_STORE),
        rule_paths=config.rule_paths if config else (),
        config=config,
    )
