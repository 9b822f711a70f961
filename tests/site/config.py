"""How a scan reaches the fixture server and nothing else."""

from __future__ import annotations

from scanner.model import ResolveRule, SiteConfig
from tests.site.server import FixtureServer


def fixture_site(server: FixtureServer, start: str, **changes: object) -> SiteConfig:
    """Return a site configuration whose every host is `server`; `changes` are further fields of `SiteConfig`."""
    settings: dict[str, object] = {
        "name": "fixture",
        "start": (start,),
        "resolve": (ResolveRule("*", "127.0.0.1", server.port),),
        "insecure": True,
        "requests_per_second": 1000.0,
        "concurrency": 4,
        **changes,
    }
    return SiteConfig(**settings)  # type: ignore[arg-type]
