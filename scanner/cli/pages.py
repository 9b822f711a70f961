"""`tagdrift report --site-dir DIR`: pages to look at about every site in the store."""

from __future__ import annotations

import time
from pathlib import Path

import click

from reports.escape import one_line
from reports.site_pages.model import Making
from reports.words import count
from scanner import __version__
from scanner.cli.options import print_json
from scanner.cli.target import stored_site
from scanner.service.site_dir import SiteDir
from scanner.service.site_pages import PageBuilder
from scanner.wiring import App


def write_pages(folder: Path, config_path: Path | None, store_url: str | None, *, as_json: bool) -> None:
    """Build the pages into `folder`: what did not change stays as it is, what is stale goes."""
    began = time.monotonic()
    chosen = stored_site(config_path, store_url, "-")
    configured = {site.name: site for site in chosen.config.sites} if chosen.config else {}
    with App.open(chosen.store_url, chosen.rule_paths, chosen.policy, chosen.judging) as app:
        target = SiteDir.open(folder)
        making = Making(app.judge.names, __version__, app.clock.now())
        builder = PageBuilder(app.store, app.judge, making, configured, known=target.known())
        fingerprints: dict[str, str] = {}
        for built in builder.sites():
            fingerprints[built.folder] = built.fingerprint
            if built.files is None:
                target.keep(built.folder)
                continue
            for file in built.files:
                target.put(file)
        target.put(builder.overview())
        target.close(fingerprints)
    first = folder / "index.html"
    if as_json:
        print_json(
            {
                "format": 1,
                "document": "pages",
                "index": str(first),
                "sites": len(fingerprints),
                "written": target.written,
                "unchanged": target.unchanged,
                "removed": target.removed,
                "undrawn_scans": builder.undrawn,
            }
        )
    else:
        click.echo(f"pages: {one_line(str(first))}")
    click.echo(
        f"{count(len(fingerprints), 'site')}; {count(target.written, 'page')} written, "
        f"{target.unchanged} as they were, {target.removed} removed, in {time.monotonic() - began:.1f} s",
        err=True,
    )
    if builder.undrawn:
        click.echo(f"{builder.undrawn} older scans are not drawn yet: run it again to go on", err=True)
    for path in target.left_alone:
        click.echo(f"left alone, somebody changed it: {one_line(str(folder / path))}", err=True)
