"""Listen to a page and to everything it starts: frames in other processes, workers, workers in frames, popups …

Every one is held until we listen (`waitForDebuggerOnStart`), so that its first request is not missed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from scanner.browser.channel import Channel, ChannelError, Params
from scanner.browser.farewell import KEEP_BACK, WORLD
from scanner.browser.recorder import Recorder
from scanner.browser.setters import Setters
from scanner.browser.wire import WireChannel

# Longer bodies are asked for one by one.
_INLINE_BODY_BYTES = 64 * 1024
_NETWORK = {
    "maxPostDataSize": _INLINE_BODY_BYTES,
    "maxTotalBufferSize": 64 * 1024 * 1024,
    "maxResourceBufferSize": 32 * 1024 * 1024,
}
_ATTACH = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
_STACK_DEPTH = 8
_NOT_LISTENED = ("page", "tab", "browser", "webview", "other")
_WORKERS = ("worker", "shared_worker", "service_worker")
_HOOKED = (
    "Emulation.virtualTimeBudgetExpired", "Fetch.requestPaused", "Fetch.authRequired", "Page.frameNavigated",
)  # fmt: skip

# As a browser does whose user has switched them off. Playwright's own way of blocking them names Playwright to the page
# and answers with nothing, where pages expect a registration or an error.
_REFUSE_SERVICE_WORKERS = """(() => {
  const container = self.ServiceWorkerContainer; if (!container) return;
  const refuse = () => Promise.reject(new DOMException(
    'Failed to register a ServiceWorker: The user denied permission to use Service Worker.', 'SecurityError'));
  container.prototype.register = new Proxy(container.prototype.register, {apply: refuse});
})()"""

EventHook = Callable[[Channel, str, Params], None]
AttachHook = Callable[[Channel], None]


class Targets:
    """All targets of one visit. Implements `wire.Listener`."""

    def __init__(
        self,
        recorder: Recorder,
        hints: Params | None,
        header_patterns: tuple[str, ...] = (),
        *,
        service_workers_allowed: bool = False,
    ) -> None:
        self._recorder = recorder
        self._service_workers_allowed = service_workers_allowed
        self._hints = hints
        self._children: dict[str, WireChannel] = {}
        self.root: WireChannel | None = None
        self.heir: Targets | None = None
        """Those of the next visit to the same page."""
        self.is_over = False
        self.crashed = False
        self.console_lines = 0
        self.setters = Setters()
        self.hooks: list[EventHook] = []
        """Told of every event that is not the recorder's."""
        self.on_attached: AttachHook | None = None
        """Told of every child that we listen to."""
        self.gaps: list[str] = []
        """Targets that could not be listened to."""
        self.strangers = 0
        """Requests told of by children that are not this visit's: those of the page visited before."""
        self._with_script: set[str] = set()
        """Session ids of workers whose script has begun to run."""
        self._patterns = [{"urlPattern": pattern, "requestStage": "Request"} for pattern in header_patterns]

    def listen_to(self, channel: WireChannel) -> None:
        """Listen to a page that was attached before, by an earlier visit: its session keeps what it was told."""
        if isinstance(channel.listener, Targets):
            channel.listener.heir = self
        channel.listener = self
        self.root = channel

    def _prepare(self, channel: Channel) -> None:
        channel.tell("Network.enable", _NETWORK)
        if channel.kind in ("page", "popup", "iframe"):
            channel.tell("Audits.enable")
            channel.tell("Performance.enable")
            channel.tell("Network.enableReportingApi", {"enable": True})
            channel.tell("Page.enable")
            channel.tell("Page.addScriptToEvaluateOnNewDocument", {"source": KEEP_BACK, "worldName": WORLD})
            if not self._service_workers_allowed:
                channel.tell("Page.addScriptToEvaluateOnNewDocument", {"source": _REFUSE_SERVICE_WORKERS})
        if channel.kind != "service_worker":
            # Asynchronous stacks say which script set a pixel's timer; no statement may stop the page.
            channel.tell("Debugger.enable", {"maxScriptsCacheSize": 0})
            channel.tell("Debugger.setSkipAllPauses", {"skip": True})
            channel.tell("Debugger.setAsyncCallStackDepth", {"maxDepth": _STACK_DEPTH})
        if channel.kind in ("page", "popup"):
            # A page that is rendered before anybody goes there lives out of every listener's sight.
            channel.tell("Page.setPrerenderingAllowed", {"isAllowed": False})
        if self._hints is not None and channel.kind != "service_worker":
            channel.tell("Emulation.setUserAgentOverride", self._hints)
        if self._patterns:
            channel.tell("Fetch.enable", {"patterns": self._patterns, "handleAuthRequests": True})
        channel.tell("Target.setAutoAttach", _ATTACH)

    def children(self, *kinds: str) -> list[WireChannel]:
        """Live children of these kinds (all kinds when none is named)."""
        return [c for c in self._children.values() if not c.closed and (not kinds or c.kind in kinds)]

    def adopt(self, channel: WireChannel, info: Params) -> bool:
        """Listen to one target from its first moment on. False: it is nothing that sends."""
        if channel.kind == "page" and channel.parent is None:
            return self._adopt_page(channel, bool(info.get("openerId")))
        # The browser tells of service workers as well, and that it holds them.
        if channel.kind in _NOT_LISTENED or (channel.kind == "service_worker" and channel.parent is not None):
            return False
        self._children[channel.session_id] = channel
        if channel.kind in _WORKERS:
            self._recorder.on_worker(str(info.get("url", "")), channel.kind)
        if channel.kind == "shared_worker" and not channel.was_held:
            self.gaps.append("a shared worker ran before it could be listened to")
        self._prepare(channel)
        if channel.is_ours_alone:
            channel.tell("Runtime.runIfWaitingForDebugger")
        if self.on_attached is not None:
            self.on_attached(channel)
        return True

    def _adopt_page(self, channel: WireChannel, has_opener: bool) -> bool:
        if self.root is None and not has_opener:
            self.root = channel
        else:
            channel.kind = "popup"
        self._prepare(channel)
        return True

    async def shared_workers_ran(self, timeout_s: float) -> bool:
        """Wait until every shared worker has run its script once. True: there are any.

        Their clock is not the page's. One that does not get there in time is a gap: what it would send is not known.
        """
        until = time.monotonic() + timeout_s
        workers = self.children("shared_worker")
        for worker in workers:
            while worker.session_id not in self._with_script and not worker.closed and time.monotonic() < until:
                await asyncio.sleep(0.02)
            try:
                await worker.call("Runtime.evaluate", {"expression": "1"}, max(0.2, until - time.monotonic()))
            except ChannelError:
                if not worker.closed:
                    self.gaps.append("a shared worker did not answer")
            else:
                if worker.session_id not in self._with_script:
                    self.gaps.append("a shared worker did not start in time")
        return bool(workers)

    def lose(self, channel: WireChannel) -> None:
        """A target is gone."""
        if self._children.pop(channel.session_id, None) is not None:
            self._recorder.on_gone(channel)

    def on_event(self, channel: WireChannel, method: str, params: Params) -> None:
        """Take in what a target tells. Never raises: what could not be understood is a gap."""
        try:
            if self.is_over:
                if method == "Network.requestWillBeSent" and self.heir is not None:
                    self.heir.strangers += 1
            elif method.startswith(("Network.", "Audits.")):
                self._recorder.on_event(channel, method, params)
            else:
                self._on_target_event(channel, method, params)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            self.gaps.append(f"{method} was not understood ({type(error).__name__})")

    def _on_target_event(self, channel: WireChannel, method: str, params: Params) -> None:
        if method == "Inspector.workerScriptLoaded":
            self._with_script.add(channel.session_id)
        elif method == "Debugger.scriptParsed":
            # Worklets do not wait for us: of what they load first nobody tells but the scripts themselves.
            if channel.kind == "worklet":
                self._recorder.on_worker(str(params.get("url", "")), channel.kind)
        elif method == "Runtime.consoleAPICalled":
            self.console_lines += not (channel is self.root and self.setters.hear(params))
        elif method == "Inspector.targetCrashed" and channel is self.root:
            self.crashed = True
        elif method == "Inspector.targetCrashed" and channel.kind in ("iframe", "popup"):
            self.gaps.append(f"a {channel.kind} crashed its renderer")
        elif method in _HOOKED:
            for hook in self.hooks:
                hook(channel, method, params)

    def close(self) -> None:
        """Stop listening to everything; the page itself stays open for the next visit."""
        self.is_over = True
        for child in list(self._children.values()):
            child.close()
        self._children.clear()
