"""What a page brings along uninvited: dialogs, popups, downloads. Noted and bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from playwright.async_api import BrowserContext, Dialog, Download, Page
from playwright.async_api import Error as PlaywrightError

from scanner.browser.channel import Tasks
from scanner.browser.recorder import Recorder
from scanner.browser.targets import Targets

_MAX_POPUPS = 8
_CONSOLE_FLOOD = 500
_CLOSE_TIMEOUT_S = 3.0
_POPUP_S = 0.5
"""Real time that a loaded popup has for what its scripts send a moment later: its clock is not ours."""

_RESOURCES = """(() => {
  const kinds = {img: 'image', script: 'script', css: 'image', link: 'stylesheet', iframe: 'document', beacon: 'ping',
    fetch: 'fetch', xmlhttprequest: 'xhr'};
  return performance.getEntriesByType('resource').slice(0, 500).map(e => [e.name, kinds[e.initiatorType] || 'other']);
})()"""


class Doorway:
    """Listens on one page and its context for as long as the page is used, on behalf of the visit that is on.

    To begin and end listening costs a message each time: once for each page is enough.
    """

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.guests: Guests | None = None
        """Those of the visit that is on; None between visits."""
        self._tasks = Tasks()
        self._listening: list[tuple[BrowserContext | Page, str, Callable[..., None]]] = [
            (context, "page", self._pass_on(Guests.on_page)),
            (context, "dialog", self._on_dialog),
            (page, "download", self._pass_on(Guests.on_download)),
            (page, "crash", self._pass_on(Guests.on_crash)),
        ]
        for emitter, event, handler in self._listening:
            emitter.on(event, handler)  # type: ignore[call-overload]  # an overload for each literal name

    def _pass_on(self, tell: Callable[[Guests, Any], None]) -> Callable[[Any], None]:
        def handler(happened: Any) -> None:
            if self.guests is not None:
                tell(self.guests, happened)

        return handler

    def _on_dialog(self, dialog: Dialog) -> None:
        if self.guests is not None:
            self.guests.dialogs += 1
        self._tasks.start(_answered(dialog))  # also when nobody visits: it would block the page for ever

    def close(self) -> None:
        """Stop listening for good."""
        self.guests = None
        for emitter, event, handler in self._listening:
            with contextlib.suppress(KeyError, ValueError):
                emitter.remove_listener(event, handler)
        self._tasks.cancel()


class Guests:
    """What came along in one visit, told by the page's `Doorway`."""

    def __init__(self, context: BrowserContext, page: Page, recorder: Recorder, targets: Targets) -> None:
        self._context = context
        self._page = page
        self._recorder = recorder
        self._targets = targets
        self._tasks = Tasks()
        self._popups: list[Page] = []
        self.dialogs = 0
        self.popups = 0
        self.downloads: list[str] = []
        self.crashed = False

    @property
    def is_flooded(self) -> bool:
        """The page wrote more to the console than a page does that is well."""
        return self._targets.console_lines >= _CONSOLE_FLOOD

    def notes(self) -> tuple[str, ...]:
        """What happened, for a person."""
        notes = []
        if self.dialogs:
            notes.append(f"{self.dialogs} dialog(s) dismissed")
        if self.popups:
            notes.append(f"{self.popups} popup(s) opened")
        if self.is_flooded:
            notes.append(f"console flood: more than {_CONSOLE_FLOOD} lines")
        notes += [f"download: {url[:300]}" for url in self.downloads[:5]]
        return tuple(notes)

    def on_page(self, popup: Page) -> None:
        if popup is self._page:
            return
        self.popups += 1
        if self.popups > _MAX_POPUPS:
            self._tasks.start(_closed(popup))
            return
        self._popups.append(popup)
        popup.on("download", self.on_download)

    def on_download(self, download: Download) -> None:
        url = download.url
        self.downloads.append(url)
        # A link marked `download` is fetched by the browser's download manager, of which nobody else tells.
        self._recorder.on_heard_of([[url, "other"]], "page")

    def on_crash(self, _page: Page) -> None:
        self.crashed = True

    async def settle_popups(self, timeout_s: float) -> None:
        """Give open popups a moment to load, then close them."""
        if not self._popups:
            return

        async def loaded(popup: Page) -> None:
            with contextlib.suppress(PlaywrightError):
                await popup.wait_for_load_state("load", timeout=timeout_s * 1000)
                await asyncio.sleep(_POPUP_S)
            try:
                async with asyncio.timeout(timeout_s):
                    # What a page writes into a window in the moment of opening it may go out before we can listen.
                    self._recorder.on_heard_of(await popup.evaluate(_RESOURCES), "popup")
            except (PlaywrightError, TimeoutError) as error:
                if not (popup.is_closed() or "navigation" in str(error)):
                    self._targets.gaps.append("a popup did not answer")
            await _closed(popup)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s + _CLOSE_TIMEOUT_S):
                await asyncio.gather(*(loaded(popup) for popup in self._popups))

    def leave(self) -> None:
        """The visit is over. Popups still open are closed with the context's other pages by `close_strays`."""
        self._tasks.cancel()


async def close_strays(context: BrowserContext, *kept: Page) -> bool:
    """Close every page a visit left open, but not those `kept`. False: one of them does not go."""
    results = await asyncio.gather(*(_closed(page) for page in context.pages if page not in kept))
    return all(results)


async def _closed(page: Page) -> bool:
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await page.close()
    except (PlaywrightError, TimeoutError):
        return page.is_closed()
    return True


async def _answered(dialog: Dialog) -> None:
    with contextlib.suppress(PlaywrightError):
        # "Leave this page?" must not keep anybody; every other question is declined.
        if dialog.type == "beforeunload":
            await dialog.accept()
        else:
            await dialog.dismiss()
