"""Tells a dead-man's switch that a scan took place. Best effort: a ping that comes late would be a lie."""

from __future__ import annotations

from urllib.parse import quote

import httpx

TIMEOUT_S = 10.0


def ping(address: str, site: str, *, ok: bool) -> str | None:
    """Ask for `address`, with `/fail` behind it unless `ok`; return what went wrong, without the address, or None.

    `{site}` in the address stands for the site's name. It takes at most `TIMEOUT_S` for each step of the connection.
    """
    url = address.replace("{site}", quote(site, safe=""))
    if not ok:
        before, question, query = url.partition("?")
        url = f"{before.rstrip('/')}/fail{question}{query}"
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"the ping was not heard ({type(error).__name__})"
    if answer.status_code >= 400:
        return f"the ping was answered with {answer.status_code}"
    return None
