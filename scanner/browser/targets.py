"""Listen to a page and to everything it starts: frames in other processes, workers, workers in frames …

Every child is held until we listen (`waitForDebuggerOnStart`), so that its first request is not missed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from playwright.async_api import Browser

from scanner.browser.channel import Channel, ChannelError, ChildChannel, Params, SessionChannel
from scanner.browser.farewell import KEEP_BACK, WORLD
from scanner.browser.recorder import NETWORK_EVENTS, Recorder

# Longer bodies are asked for one by one.
_INLINE_BODY_BYTES = 64 * 1024
_NETWORK = {
    "maxPostDataSize": _INLINE_BODY_BYTES,
    "maxTotalBufferSize": 64 * 1024 * 1024,
    "maxResourceBufferSize": 32 * 1024 * 1024,
}
_ATTACH = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": False}
_STACK_DEPTH = 8
_NOT_LISTENED = ("page", "tab", "browser", "webview", "other")
_WORKERS = ("worker", "shared_worker", "service_worker")
_TARGET_EVENTS = (
    "Target.attachedToTarget",
    "Target.detachedFromTarget",
    "Target.receivedMessageFromTarget",
    "Inspector.targetCrashed",
    "Emulation.virtualTimeBudgetExpired",
    "Fetch.requestPaused",
    "Page.frameNavigated",
)

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
    """All targets of one visit."""

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
        self._header_patterns = header_patterns
        self._children: dict[str, ChildChannel] = {}
        self.root: SessionChannel | None = None
        self.crashed = False
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

    async def attach(self, channel: SessionChannel, timeout_s: float = 10.0) -> None:
        """Listen to a page (or popup) for the first time, and to its children.

        Raises:
            ChannelError: the page does not let us.
        """
        self.listen_to(channel)
        self._prepare(channel)
        # The answer to the last command says that all before it were taken.
        await channel.call("Target.setAutoAttach", _ATTACH, timeout_s=timeout_s)

    def listen_to(self, channel: SessionChannel) -> None:
        """Listen to a page that was attached before, by an earlier visit: its session keeps what it was told."""
        channel.listen(NETWORK_EVENTS, self._recorder.on_event)
        channel.listen(_TARGET_EVENTS, self._on_target_event)
        if channel.kind == "page":
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
        if self._header_patterns:
            patterns = [{"urlPattern": pattern, "requestStage": "Request"} for pattern in self._header_patterns]
            channel.tell("Fetch.enable", {"patterns": patterns})

    def children(self, *kinds: str) -> list[ChildChannel]:
        """Live children of these kinds (all kinds when none is named)."""
        return [c for c in self._children.values() if not c.closed and (not kinds or c.kind in kinds)]

    def adopt(self, parent: Channel, session_id: str, info: Params) -> None:
        """Listen to one child that `parent` attached to, and let it run."""
        kind = str(info.get("type", ""))
        if kind in _NOT_LISTENED:
            return
        child = ChildChannel(parent, session_id, kind, str(info.get("targetId", "")), self._on_child_event)
        self._children[session_id] = child
        if kind in _WORKERS:
            self._recorder.on_worker(str(info.get("url", "")), kind)
        self._prepare(child)
        child.tell("Target.setAutoAttach", _ATTACH)
        child.tell("Runtime.runIfWaitingForDebugger")
        if self.on_attached is not None:
            self.on_attached(child)

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

    def receive(self, session_id: str, text: str) -> None:
        """Pass a message on to the child it came from."""
        if child := self._children.get(session_id):
            child.receive(text)
        elif '"Network.requestWillBeSent"' in text:
            self.strangers += 1

    def lose(self, session_id: str) -> None:
        if child := self._children.pop(session_id, None):
            self._recorder.on_gone(child)
            child.close()

    def _on_child_event(self, channel: Channel, method: str, params: Params) -> None:
        if method.startswith(("Network.", "Audits.")):
            self._recorder.on_event(channel, method, params)
        elif method == "Inspector.workerScriptLoaded":
            if isinstance(channel, ChildChannel):
                self._with_script.add(channel.session_id)
            # Pages' own workers are told by Playwright's context as well; nobody else tells of shared ones.
            if isinstance(channel, ChildChannel) and not channel.listening and channel.kind == "shared_worker":
                self.gaps.append("a shared worker ran before it could be listened to")
        elif method == "Debugger.scriptParsed":
            # Worklets do not wait for us: of what they load first nobody tells but the scripts themselves.
            if channel.kind == "worklet":
                self._recorder.on_worker(str(params.get("url", "")), channel.kind)
        elif method in _TARGET_EVENTS:
            self._on_target_event(channel, method, params)

    def _on_target_event(self, channel: Channel, method: str, params: Params) -> None:
        if method == "Target.attachedToTarget":
            self.adopt(channel, params["sessionId"], params["targetInfo"])
        elif method == "Target.receivedMessageFromTarget":
            self.receive(params["sessionId"], params["message"])
        elif method == "Target.detachedFromTarget":
            self.lose(params["sessionId"])
        elif method == "Inspector.targetCrashed" and channel is self.root:
            self.crashed = True
        elif method == "Inspector.targetCrashed" and channel.kind in ("iframe", "popup"):
            self.gaps.append(f"a {channel.kind} crashed its renderer")
        for hook in self.hooks:
            hook(channel, method, params)

    def close(self) -> None:
        """Stop listening to everything."""
        for child in list(self._children.values()):
            child.close()
        self._children.clear()
        if self.root is not None:
            self.root.deafen()


class SharedTargets:
    """Shared and service workers of one browser, each passed to the visit whose context it runs in.

    They belong to no page, so they are found by the browser's own session.
    """

    def __init__(self) -> None:
        self._channel: SessionChannel | None = None
        self._visits: dict[str, Targets] = {}
        self._sessions: dict[str, Targets] = {}
        self._held: dict[str, str] = {}
        """Target id → session of the first attachment, which holds it."""
        self._sessions_of: dict[str, list[str]] = {}
        """Browser context id → sessions to end with its visit."""

    async def watch(self, browser: Browser) -> None:
        session = await browser.new_browser_cdp_session()
        channel = SessionChannel(session, "browser")
        channel.listen(("Target.attachedToTarget",), self._on_attached)
        channel.listen(("Target.receivedMessageFromTarget",), self._on_message)
        channel.listen(("Target.detachedFromTarget",), self._on_detached)
        self._channel = channel
        wanted = [{"type": "shared_worker"}, {"type": "service_worker"}, {"exclude": True}]
        # The browser holds new workers for flattened sessions only, and Playwright lets us talk through
        # the other kind only. So the first attachment stops the worker, and the second one speaks to it.
        await channel.call("Target.setAutoAttach", _ATTACH | {"flatten": True, "filter": wanted})

    def register(self, context_id: str, targets: Targets) -> None:
        self._visits[context_id] = targets

    def unregister(self, context_id: str) -> None:
        self._visits.pop(context_id, None)
        for session_id in self._sessions_of.pop(context_id, ()):
            self._sessions.pop(session_id, None)
            if self._channel is not None:
                # As long as somebody is attached, the next visit's worker of the same name is taken for this one.
                self._channel.tell("Target.detachFromTarget", {"sessionId": session_id})

    async def process_ids(self) -> dict[str, int]:
        """Return pid by process type (`browser` and others); empty when the browser does not answer."""
        if self._channel is None:
            return {}
        try:
            answer = await self._channel.call("SystemInfo.getProcessInfo", timeout_s=5.0)
        except ChannelError:
            return {}
        return {str(process["type"]): int(process["id"]) for process in answer.get("processInfo", ())}

    def _on_attached(self, channel: Channel, _method: str, params: Params) -> None:
        info: dict[str, Any] = params["targetInfo"]
        target_id, context_id = str(info["targetId"]), str(info.get("browserContextId"))
        self._sessions_of.setdefault(context_id, []).append(params["sessionId"])
        if target_id not in self._held:
            self._held[target_id] = params["sessionId"]
            channel.tell("Target.attachToTarget", {"targetId": target_id, "flatten": False})
            return
        targets = self._visits.get(context_id)
        if targets is not None:
            self._sessions[params["sessionId"]] = targets
            targets.adopt(channel, params["sessionId"], info)
        else:
            # Nobody listens any more; it must not stay stopped.
            ChildChannel(channel, params["sessionId"], "other", target_id, _nobody).tell(
                "Runtime.runIfWaitingForDebugger"
            )

    def _on_message(self, _channel: Channel, _method: str, params: Params) -> None:
        if targets := self._sessions.get(params["sessionId"]):
            targets.receive(params["sessionId"], params["message"])

    def _on_detached(self, _channel: Channel, _method: str, params: Params) -> None:
        self._held = {target: session for target, session in self._held.items() if session != params["sessionId"]}
        if targets := self._sessions.pop(params["sessionId"], None):
            targets.lose(params["sessionId"])


def _nobody(_channel: Channel, _method: str, _params: Params) -> None:
    """Listens to a target that belongs to no visit."""
