"""What a page brings along uninvited: dialogs, popups, downloads, floods of console lines. Noted and bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Download, Page, Request, WebSocket
from playwright.async_api import Error as PlaywrightError

from scanner.browser.channel import ChannelError
from scanner.browser.draft import is_on_the_network
from scanner.browser.recorder import Recorder
from scanner.browser.records import ContextRequest
from scanner.browser.targets import Targets

_MAX_POPUPS = 8
_CONSOLE_FLOOD = 500
_MAX_TOLD = 20_000
_CLOSE_TIMEOUT_S = 3.0


class Guests:
    """Listens on one visit's context and page; `leave` stops listening."""

    def __init__(self, context: BrowserContext, page: Page, recorder: Recorder, targets: Targets) -> None:
        self._context = context
        self._page = page
        self._recorder = recorder
        self._targets = targets
        self._tasks: set[asyncio.Task[None]] = set()
        self._popups: list[Page] = []
        self.told: list[ContextRequest] = []
        self.dialogs = 0
        self.popups = 0
        self.console_lines = 0
        self.downloads: list[str] = []
        self.crashed = False
        context.on("request", self._on_request)
        context.on("page", self._on_page)
        context.on("dialog", self._on_dialog)
        page.on("download", self._on_download)
        page.on("crash", self._on_crash)
        page.on("console", self._on_console)
        page.on("websocket", self._on_socket)

    def notes(self) -> tuple[str, ...]:
        """What happened, for a person."""
        notes = []
        if self.dialogs:
            notes.append(f"{self.dialogs} dialog(s) dismissed")
        if self.popups:
            notes.append(f"{self.popups} popup(s) opened")
        if self.console_lines >= _CONSOLE_FLOOD:
            notes.append(f"console flood: more than {_CONSOLE_FLOOD} lines")
        notes += [f"download: {url[:300]}" for url in self.downloads[:5]]
        return tuple(notes)

    def _on_request(self, request: Request) -> None:
        self._tell(_as_context_request(request, self._page, self._recorder.elapsed_ms()))

    def _tell(self, request: ContextRequest) -> None:
        if len(self.told) < _MAX_TOLD:
            self.told.append(request)

    def _on_socket(self, socket: WebSocket) -> None:
        """Second witness for sockets, too: a worker may open one before the protocol is heard."""

        def on_frame(payload: str | bytes) -> None:
            body = payload.encode() if isinstance(payload, str) else payload
            self._tell(ContextRequest(socket.url, "SEND", "websocket-frame", body, "page", self._recorder.elapsed_ms()))

        self._tell(ContextRequest(socket.url, "GET", "websocket", b"", "page", self._recorder.elapsed_ms()))
        socket.on("framesent", on_frame)

    def _on_page(self, popup: Page) -> None:
        if popup is self._page:
            return
        self.popups += 1
        if self.popups > _MAX_POPUPS:
            self._start(_closed(popup))
            return
        self._popups.append(popup)
        popup.on("download", self._on_download)
        self._start(self._listen_to(popup))

    async def _listen_to(self, popup: Page) -> None:
        # Its first requests may be gone already: those the context has told us.
        with contextlib.suppress(PlaywrightError, ChannelError):
            session = await self._context.new_cdp_session(popup)
            await self._targets.attach(session, "popup", timeout_s=_CLOSE_TIMEOUT_S)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.dialogs += 1
        self._start(_answered(dialog))

    def _on_download(self, download: Download) -> None:
        url = download.url
        self.downloads.append(url)
        # A link marked `download` is fetched by the browser's download manager, of which nobody else tells.
        known = {draft.url for draft in self._recorder.drafts} | {request.url for request in self.told}
        if is_on_the_network(url) and url not in known:
            self.told.append(ContextRequest(url, "GET", "other", b"", "page", self._recorder.elapsed_ms()))

    def _on_crash(self, _page: Page) -> None:
        self.crashed = True

    def _on_console(self, _message: ConsoleMessage) -> None:
        self.console_lines += 1
        if self.console_lines == _CONSOLE_FLOOD:
            # Enough to know: without a listener the lines are not even sent to us.
            self._page.remove_listener("console", self._on_console)

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle_popups(self, timeout_s: float) -> None:
        """Give open popups a moment to load, then close them."""
        if not self._popups:
            return

        async def loaded(popup: Page) -> None:
            with contextlib.suppress(PlaywrightError):
                await popup.wait_for_load_state("load", timeout=timeout_s * 1000)
            await _closed(popup)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s + _CLOSE_TIMEOUT_S):
                await asyncio.gather(*(loaded(popup) for popup in self._popups))

    def leave(self) -> None:
        """Stop listening. Popups still open are closed with the context's other pages by `close_strays`."""
        pairs: list[tuple[str, Callable[..., None]]] = [
            ("request", self._on_request),
            ("page", self._on_page),
            ("dialog", self._on_dialog),
        ]
        for event, handler in pairs:
            with contextlib.suppress(KeyError, ValueError):
                self._context.remove_listener(event, handler)
        for task in list(self._tasks):
            task.cancel()


async def close_strays(context: BrowserContext, parked: Page) -> bool:
    """Close every page a visit left open, but not the `parked` one. False: one of them does not go."""
    results = await asyncio.gather(*(_closed(page) for page in context.pages if page is not parked))
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


def _as_context_request(request: Request, page: Page, at_ms: int) -> ContextRequest:
    body = request.post_data_buffer
    if body is None and request.method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        body = b""
    context = "browser"
    try:
        if request.service_worker is not None:
            context = "service-worker"
        elif request.frame.page is not page:
            context = "popup"
        else:
            context = "page" if request.frame is page.main_frame else "frame"
    except PlaywrightError:
        context = "popup"  # a navigation of a page that is not there yet
    kind = request.resource_type
    kind = kind if kind not in ("texttrack", "signedexchange", "cspviolationreport") else "other"
    return ContextRequest(request.url, request.method, kind, body, context, at_ms, request.headers.get("referer"))
