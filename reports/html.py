"""What every HTML page shares: the template environment, the assets, and the page's own security policy. Pure."""

from __future__ import annotations

import base64
import hashlib
from functools import cache, lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import charts, words
from reports.escape import one_line


def new_environment(longest_text: int) -> Environment:
    """The templates; text is escaped, and nothing invisible or endless gets through: `longest_text` in characters."""
    made = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every text that is put into a template passes here first.
        finalize=lambda value: (
            value if isinstance(value, Markup) or not isinstance(value, str) else one_line(value, longest_text)
        ),
    )
    made.globals.update(words=words)
    made.filters.update(short=one_line)
    return made


@cache
def environment() -> Environment:
    """The templates of pages, with everything they may use."""
    made = new_environment(longest_text=1_500)
    made.globals.update(charts=charts)
    made.filters.update(page=page_link, change=words.change)
    return made


@cache
def asset(*names: str) -> Markup:
    """Return our own style sheets or scripts, one behind the other."""
    texts = ((files("reports") / "templates" / name).read_text("utf-8") for name in names)
    return Markup("\n".join(texts))  # noqa: S704 - our own files


@cache
def security_policy(style: Markup, script: Markup, *, pictures: bool = False) -> str:
    """Allow exactly this style sheet and this script, by their hashes; `pictures`: also images inside the page."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        + ("img-src data:; " if pictures else "")
        + "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def origin_of(url: str) -> str:
    """Scheme and host of a URL; empty if it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


@lru_cache(maxsize=20_000)
def page_link(url: str, origin: str) -> Markup:
    """A page's address as a link, without the site's own scheme and host in front; only web addresses are links."""
    text = url.removeprefix(origin) if origin and url.startswith(f"{origin}/") else url
    if len(url) > 1_500 or not url.startswith(("https://", "http://")):
        return Markup("<span>{}</span>").format(one_line(text, 160))
    return Markup('<a href="{}" rel="noreferrer noopener">{}</a>').format(one_line(url, 2_000), one_line(text, 160))
