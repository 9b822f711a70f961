"""Let third parties set cookies, as a person's Chrome does.

A context of Playwright's is an incognito window, which blocks them; tags then leave out what needs one (identifier
syncs above all). The only switch for it is the browser's own settings page, site by site, in the default profile,
whose exceptions every incognito window takes over.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

from playwright.async_api import Browser
from playwright.async_api import Error as PlaywrightError

from scanner.browser.channel import Channel, ChannelError, ChildChannel, Params, SessionChannel
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


async def allow_third_party_cookies(browser: Browser, patterns: Iterable[str]) -> bool:
    """Allow third parties' cookies below pages of `patterns`, in all contexts opened from now on.

    False: this browser does not let us; its contexts block them.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            session = SessionChannel(await browser.new_browser_cdp_session(), "browser")
            try:
                return await _allow(session, tuple(patterns))
            finally:
                session.deafen()
    except (PlaywrightError, ChannelError, TimeoutError):
        return False


async def _allow(session: SessionChannel, patterns: tuple[str, ...]) -> bool:
    target = str((await session.call("Target.createTarget", {"url": _SETTINGS}))["targetId"])
    attached = await session.call("Target.attachToTarget", {"targetId": target, "flatten": False})
    settings = ChildChannel(session, str(attached["sessionId"]), "page", target, _hear_nothing)

    def pass_on(_channel: Channel, _method: str, params: Params) -> None:
        if params["sessionId"] == settings.session_id:
            settings.receive(params["message"])

    session.listen(("Target.receivedMessageFromTarget",), pass_on)
    while await _evaluate(settings, "typeof chrome === 'object' && typeof chrome.send") != "function":
        await asyncio.sleep(_POLL_S)
    for pattern in patterns:
        exception = json.dumps(["*", pattern, "cookies", "allow", False])
        await _evaluate(settings, f"chrome.send('setCategoryPermissionForPattern', {exception})")
    # The settings page asks the browser in the order of its messages: an answer says that they were taken.
    await settings.call("Page.getFrameTree")
    await session.call("Target.closeTarget", {"targetId": target})
    return True


async def _evaluate(channel: Channel, expression: str) -> object:
    answer = await channel.call("Runtime.evaluate", {"expression": expression, "returnByValue": True})
    return answer.get("result", {}).get("value")


def _hear_nothing(_channel: Channel, _method: str, _params: Params) -> None:
    """The settings page's own events are of no interest."""
