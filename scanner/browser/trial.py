"""Start a browser once, to know that it starts: missing libraries, a sandbox that is not allowed, a broken profile."""

from __future__ import annotations

import asyncio

from playwright.async_api import Error

from scanner.browser.channel import ChannelError
from scanner.browser.launch import FoundBrowser, launch_on_wire, start_playwright
from scanner.browser.settings import BrowserSettings
from scanner.errors import CannotRun
from scanner.model import SiteConfig

TRIAL_S = 60.0


async def try_browser(found: FoundBrowser) -> None:
    """Start `found`, open a blank page, end it.

    Raises:
        CannotRun: it does not start or does not answer, with the browser's own first words.
    """
    settings = BrowserSettings.of(SiteConfig(name="trial", start=("about:blank",)), found.path)
    try:
        async with asyncio.timeout(TRIAL_S):
            playwright = await start_playwright()
            try:
                browser, wire = await launch_on_wire(playwright, settings)
                try:
                    page = await browser.new_page()
                    await page.evaluate("1 + 1")
                    await wire.root.call("Browser.getVersion")
                finally:
                    await browser.close()
                    wire.close()
            finally:
                await playwright.stop()
    except TimeoutError:
        raise CannotRun(f"{found.path} does not answer within {TRIAL_S:.0f} s", hint="try another browser") from None
    except ChannelError as error:
        raise CannotRun(f"{found.path} does not answer: {error}", hint="try another browser") from None
    except Error as error:
        words = str(error).strip().splitlines()
        raise CannotRun(
            f"{found.path} does not start: {words[0] if words else 'no reason given'}",
            hint="install the distribution's chromium package with its libraries, or set TAGDRIFT_BROWSER",
        ) from None
