"""Let third parties set cookies, as a person's Chrome does.

A context of Playwright's is an incognito window, which blocks them; tags then leave out what needs one (identifier
syncs above all). The only switch for it is the browser's own settings page, site by site, in the default profile,
whose exceptions every incognito window takes over.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

from scanner.browser.channel import Channel, ChannelError
from scanner.browser.wire import Wire
from scanner.urls import host_of, registrable_domain

_SETTINGS = "chrome://settings/cookies"
_TIMEOUT_S = 8.0
_POLL_S = 0.03


def site_patterns(urls: Iterable[str], own_domains: Iterable[str]) -> tuple[str, ...]:
    """Return the browser's patterns for the sites of `urls` and for `own_domains`.

    >>> site_patterns(["https://www.clinic.example/a"], ["clinic-shop.example"])
    ('[*.]clinic-shop.example', '[*.]clinic.example')
    """
    domains = {registrable_domain(host_of(url)) for url in urls} | set(own_domains)
    return tuple(sorted(domain if _is_address(domain) else f"[*.]{domain}" for domain in domains if domain))


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


async def allow_third_party_cookies(wire: Wire, patterns: Iterable[str]) -> bool:
    """Allow third parties' cookies below pages of `patterns`, in all contexts opened from now on.

    False: this browser does not let us; its contexts block them.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await _allow(wire, tuple(patterns))
    except (ChannelError, TimeoutError):
        return False
    return True


async def _allow(wire: Wire, patterns: tuple[str, ...]) -> None:
    settings = await wire.open_target(_SETTINGS)
    while await _evaluate(settings, "typeof chrome === 'object' && typeof chrome.send") != "function":
        await asyncio.sleep(_POLL_S)
    for pattern in patterns:
        exception = json.dumps(["*", pattern, "cookies", "allow", False])
        await _evaluate(settings, f"chrome.send('setCategoryPermissionForPattern', {exception})")
    # The settings page asks the browser in the order of its messages: an answer says that they were taken.
    await settings.call("Page.getFrameTree")
    await wire.close_target(settings)


async def _evaluate(channel: Channel, expression: str) -> object:
    answer = await channel.call("Runtime.evaluate", {"expression": expression, "returnByValue": True})
    return answer.get("result", {}).get("value")
