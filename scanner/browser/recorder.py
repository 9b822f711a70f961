"""Turns what the browser tells about the network into one record per request.

The same request may be told by several targets (a frame's document by its parent and by itself): it is recorded
once. See `targets` for how we get to hear of all.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urldefrag

from scanner.browser.attempts import Attempts
from scanner.browser.bodies import BodyKeeper
from scanner.browser.channel import Channel, Params
from scanner.browser.draft import (
    Draft,
    OnTheWire,
    blocked_reason,
    context_name,
    goes_by_tls,
    is_on_the_network,
    lower_headers,
    request_type,
)
from scanner.browser.initiators import direct_chain
from scanner.browser.peers import Peer
from scanner.browser.reports import REPORT_EVENTS, Reports
from scanner.model import VisitLimits

_WITH_BODIES = ("ping", "fetch", "xhr")
_HEARD_OF = "heard-of-"
_HEARD_TYPES = ("image", "script", "stylesheet", "document", *_WITH_BODIES)
_BEACON_BYTES = 64 * 1024
"""What may be under way at once of requests that outlive their page; the browser refuses more."""


class Recorder:
    """Everything one visit hears about the network. `on_event` never raises and never waits."""

    def __init__(self, limits: VisitLimits, bodies: BodyKeeper) -> None:
        self._limits = limits
        self._bodies = bodies
        self._began = time.monotonic()
        self._hops: dict[str, list[Draft]] = {}
        self._owners: dict[str, Channel] = {}
        self._sent_extra: dict[str, list[dict[str, str]]] = {}
        self._got_extra: dict[str, list[tuple[int | None, dict[str, str]]]] = {}
        self._sent_by_popups: set[str] = set()
        self._in_flight: dict[str, Draft] = {}
        self._bodies_held: dict[str, bytes] = {}
        """Request id → body, of requests that were held on their way out."""
        self._transports: dict[str, Draft] = {}
        self.drafts: list[Draft] = []
        self.attempts = Attempts(limits.max_requests, self.elapsed_ms)
        self.main_frame: str | None = None
        self.documents: list[Draft] = []
        """Documents of the main frame, in order, redirect hops included."""
        self._worker_scripts: dict[str, tuple[str, int]] = {}
        """URL → kind of worker, ms since the visit began."""
        self.reports = Reports(self._add, bodies.keep_request_body, self.elapsed_ms, self._headers_of)
        self._document_at: dict[str, Draft] = {}
        """URL without its fragment → the document last fetched from there, in whichever frame."""
        self.over_limit = False
        self.came_early = 0
        """Requests of the page that were told of before it asked for its first document: not this visit's."""
        self.last_activity = self._began
        self._handlers: dict[str, Callable[[Channel, Params], None]] = {
            "Network.requestWillBeSent": self._sent,
            "Network.requestWillBeSentExtraInfo": self._sent_with,
            "Network.responseReceived": self._answered,
            "Network.responseReceivedExtraInfo": self._answered_with,
            "Network.requestServedFromCache": self._from_cache,
            "Network.loadingFinished": self._finished,
            "Network.loadingFailed": self._failed,
            "Network.webSocketCreated": self._socket_created,
            "Network.webSocketWillSendHandshakeRequest": self._socket_asked,
            "Network.webSocketHandshakeResponseReceived": self._socket_answered,
            "Network.webSocketFrameSent": self._socket_sent,
            "Network.webSocketFrameError": self._socket_closed,
            "Network.webSocketClosed": self._socket_closed,
            "Network.webTransportCreated": self._transport_created,
            "Network.webTransportConnectionEstablished": self._transport_opened,
            "Network.webTransportClosed": self._transport_closed,
            "Audits.issueAdded": lambda _channel, params: self.attempts.on_issue(params),
            **{method: self._reporter(method) for method in REPORT_EVENTS},
        }

    # ------------------------------------------------------------------ what others may ask

    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    def on_event(self, channel: Channel, method: str, params: Params) -> None:
        handler = self._handlers.get(method)
        if handler is not None:
            self.last_activity = time.monotonic()
            handler(channel, params)

    def on_gone(self, channel: Channel) -> None:
        """A worker ended: what it was fetching was given up with it. Beacons outlive it."""
        if channel.kind != "worker":
            return
        for request_id, draft in list(self._in_flight.items()):
            if self._owners.get(request_id) is channel and draft.status is None and draft.type != "ping":
                draft.failure = "its worker ended"
                del self._in_flight[request_id]

    def on_worker(self, url: str, kind: str) -> None:
        """A worker began to run the script at `url`."""
        if is_on_the_network(url) and len(self._worker_scripts) < self._limits.max_requests:
            self._worker_scripts.setdefault(url, (kind, self.elapsed_ms()))

    def on_heard_of(self, told: object, context: str) -> None:
        """Something else than the protocol tells of requests, as a list of [address, type]: record the unknown ones.

        A page may have had its hand in `told`: what is no such list, or no address, is passed over.
        """
        known = {urldefrag(draft.url).url for draft in self.drafts}
        for one in told if isinstance(told, list) else ():
            if not (isinstance(one, (list, tuple)) and len(one) == 2 and all(isinstance(part, str) for part in one)):
                continue
            url, kind = one[0].partition("#")[0], one[1] if one[1] in _HEARD_TYPES else "other"
            if url in known or not url.startswith(("http:", "https:")):
                continue
            known.add(url)
            self._add(
                Draft(
                    request_id=f"{_HEARD_OF}{len(self.drafts)}",
                    url=url,
                    method="POST" if kind == "ping" else "GET",
                    type=kind,
                    context=context,
                    started_ms=self.elapsed_ms(),
                    body=None if kind in _WITH_BODIES else b"",
                    finished=True,
                )
            )

    def on_paused(self, params: Params) -> None:
        """A request that is held on its way out shows its body, whatever it was made of."""
        parts = [entry.get("bytes") for entry in params["request"].get("postDataEntries") or ()]
        if parts and all(part is not None for part in parts):
            body = b"".join(base64.b64decode(part) for part in parts)
            self._bodies_held.setdefault(str(params.get("networkId")), body)

    def _unheard_workers(self) -> list[Draft]:
        """Scripts of running workers whose request nobody told of: nested ones may start before we listen."""
        heard = {urldefrag(draft.url).url for draft in self.drafts}
        return [
            Draft(
                request_id=f"worker-{number}",
                url=url,
                method="GET",
                type="script",
                context=context_name(kind, False),
                started_ms=at_ms,
                finished=True,
            )
            for number, (url, (kind, at_ms)) in enumerate(self._worker_scripts.items())
            if urldefrag(url).url not in heard
        ]

    def unanswered(self) -> list[Draft]:
        """Requests that hold up the page's clock: sent, neither finished nor failed, and not a stream by nature."""
        return [d for d in self._in_flight.values() if d.type not in ("eventsource", "websocket") and not _streams(d)]

    def is_quiet(self) -> bool:
        """Nothing is under way whose end could make a script run: no request, no open connection, no report."""
        lasting = [draft for draft in self.drafts if draft.type == "websocket"] + list(self._transports.values())
        return not (self._in_flight or self.reports.are_expected or any(not draft.finished for draft in lasting))

    def untold(self) -> int:
        """How many requests of popups went out of which nobody told what they were."""
        told_otherwise = sum(
            draft.context == "popup" and draft.request_id.startswith(_HEARD_OF) for draft in self.drafts
        )
        return sum(request_id not in self._hops for request_id in self._sent_by_popups) - told_otherwise

    def on_peers(self, peers: Iterable[Peer]) -> None:
        """Connections without requests: what they carry once they are open is not shown to us."""
        for number, peer in enumerate(peers):
            self._add(
                Draft(
                    request_id=f"peer-{number}",
                    url=peer.url,
                    method="CONNECT",
                    type="other",
                    context="page",
                    started_ms=self.elapsed_ms(),
                    body=None if peer.is_open else b"",
                    finished=True,
                )
            )

    def all_drafts(self) -> list[Draft]:
        """Everything there is to record, once the visit is over."""
        self.reports.send_rest()
        for draft in self.drafts:
            if draft.body is None and (held := self._bodies_held.get(draft.request_id)) is not None:
                self._bodies.keep_request_body(draft, held)
        for draft in self.drafts:
            if draft.status is not None or draft.wire.sent:
                continue
            # What a service worker took over and did not answer before the end never went out by itself.
            draft.from_service_worker = draft.context != "service-worker"
            # The browser tells of beacons that it refuses for their length, and of nothing after that.
            too_long = draft.body is not None and len(draft.body) > _BEACON_BYTES
            if too_long and self._in_flight.get(draft.request_id) is draft:
                draft.failure = "too long for a request that outlives its page"
        return [*self.drafts, *self.attempts.untold(self.drafts), *self._unheard_workers()]

    def streams(self) -> list[Draft]:
        """Open answers that are meant to last: event streams."""
        return [d for d in self._in_flight.values() if d.type == "eventsource" or _streams(d)]

    def cookies_set(self) -> dict[str, list[str]]:
        """Cookie name → URLs of the requests whose answers set it, in the order of sending."""
        found: dict[str, list[str]] = {}
        for draft in self.drafts:
            for line in draft.wire.got.get("set-cookie", "").split("\n"):
                if name := line.partition("=")[0].strip():
                    found.setdefault(name, []).append(draft.url)
        return found

    def main_document(self) -> Draft | None:
        """The document the page shows: the last one of the main frame that was answered."""
        answered = [draft for draft in self.documents if draft.status is not None]
        return answered[-1] if answered else None

    # ------------------------------------------------------------------ requests

    def _add(self, draft: Draft) -> bool:
        if len(self.drafts) >= self._limits.max_requests:
            self.over_limit = True
            return False
        self.drafts.append(draft)
        return True

    def _sent(self, channel: Channel, params: Params) -> None:
        request_id: str = params["requestId"]
        request = params["request"]
        url: str = request["url"]
        if not is_on_the_network(url):
            return
        hops = self._hops.get(request_id)
        redirect = params.get("redirectResponse")
        redirected_from = None
        if hops:
            owner = self._owners.get(request_id) is channel
            if redirect is None or (not owner and any(h.url == url and h.is_redirected for h in hops)):
                return  # told again by another target
            if goes_by_tls(hops[-1].url, redirect, url):
                self._go_by_tls(hops[-1], request)
                return
            redirected_from = hops[-1].url
            self._apply_response(hops[-1], redirect)
            hops[-1].was_on_the_wire = bool(params.get("redirectHasExtraInfo")) or not hops[-1].is_answered_within
            hops[-1].finished = True
        kind = channel.kind
        frame_id = params.get("frameId")
        is_document = params.get("type") == "Document"
        if self.main_frame is None and kind == "page" and is_document:
            self.main_frame = frame_id
        elif self.main_frame is None and kind == "page":
            self.came_early += 1
        in_main_frame = frame_id == self.main_frame or not frame_id
        headers = lower_headers(request.get("headers", {}))
        initiator = params.get("initiator", {})
        draft = Draft(
            request_id=request_id,
            url=url,
            method=request.get("method", "GET"),
            type=request_type(params.get("type"), initiator.get("type"), headers, request.get("method", "GET")),
            context=context_name(kind, in_main_frame),
            started_ms=self.elapsed_ms(),
            frame_id=frame_id,
            document_url=params.get("documentURL"),
            initiators=direct_chain(initiator, redirected_from, "worker" in kind),
            redirected_from=redirected_from,
            told_request_headers=headers,
        )
        if not self._add(draft):
            return
        self._hops.setdefault(request_id, []).append(draft)
        self._owners.setdefault(request_id, channel)
        self._in_flight[request_id] = draft
        self._match_extras(request_id)
        if is_document:
            self._document_at[urldefrag(url).url] = draft
        if is_document and kind == "page" and frame_id == self.main_frame:
            self.documents.append(draft)
        if request.get("hasPostData"):
            self._take_body(channel, draft, request)

    def _go_by_tls(self, draft: Draft, request: Params) -> None:
        """The browser went to `https:` by itself before anything was sent: it is one request, to the new address."""
        draft.url, draft.by_tls = request["url"], True
        draft.told_request_headers = lower_headers(request.get("headers", {}))
        if draft.type == "document":
            self._document_at[urldefrag(draft.url).url] = draft

    def _match_extras(self, request_id: str) -> None:
        """What was on the wire is told apart from the hops, in order and only of those that were there."""
        hops = self._hops.get(request_id, ())
        travelled = [hop for hop in hops if hop.was_on_the_wire]
        for hop in hops:
            hop.wire = OnTheWire()
        for hop, sent in zip(travelled, self._sent_extra.get(request_id, ()), strict=False):
            hop.wire.sent = sent
        for hop, (status, got) in zip(travelled, self._got_extra.get(request_id, ()), strict=False):
            hop.wire.status, hop.wire.got = status, got

    def _take_body(self, channel: Channel, draft: Draft, request: Params) -> None:
        entries = request.get("postDataEntries") or ()
        parts = [entry.get("bytes") for entry in entries]
        if parts and all(part is not None for part in parts):
            self._bodies.keep_request_body(draft, b"".join(base64.b64decode(part) for part in parts))
        else:
            # Blobs, files and anything long: the browser says only that there is a body.
            self._bodies.ask_request_body(channel, draft)

    def _sent_with(self, channel: Channel, params: Params) -> None:
        request_id = params["requestId"]
        self._sent_extra.setdefault(request_id, []).append(lower_headers(params.get("headers", {})))
        if channel.kind == "popup":
            self._sent_by_popups.add(request_id)
        self._match_extras(request_id)

    # ------------------------------------------------------------------ answers

    def _apply_response(self, draft: Draft, response: Params) -> None:
        draft.told_status = int(response.get("status") or 0) or draft.told_status
        draft.mime = response.get("mimeType") or None
        if address := response.get("remoteIPAddress"):
            port = response.get("remotePort")
            draft.remote_address = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        # A prefetch is told as an answer from the cache that it fills; it went out all the same.
        prefetched = response.get("fromPrefetchCache") and draft.type != "prefetch"
        draft.from_cache = bool(draft.from_cache or response.get("fromDiskCache") or prefetched)
        draft.from_service_worker = bool(response.get("fromServiceWorker"))
        came_from = response.get("remoteIPAddress") or draft.from_cache or draft.from_service_worker
        draft.from_the_browser = draft.type == "document" and response.get("encodedDataLength") == -1 and not came_from
        if security := response.get("securityDetails"):
            draft.tls_subject = security.get("subjectName") or None
        if (size := response.get("encodedDataLength")) is not None:
            draft.size_bytes = int(size)
        draft.told_response_headers = lower_headers(response.get("headers", {}))

    def _answered(self, channel: Channel, params: Params) -> None:
        hops = self._hops.get(params["requestId"])
        if not hops:
            return
        self._apply_response(hops[-1], params["response"])

    def _answered_with(self, channel: Channel, params: Params) -> None:
        request_id = params["requestId"]
        self._got_extra.setdefault(request_id, []).append(
            (params.get("statusCode"), lower_headers(params.get("headers", {})))
        )
        self._match_extras(request_id)

    def _from_cache(self, channel: Channel, params: Params) -> None:
        for draft in self._hops.get(params["requestId"], ())[-1:]:
            draft.from_cache = True

    def _finished(self, channel: Channel, params: Params) -> None:
        draft = self._in_flight.pop(params["requestId"], None)
        if draft is None:
            return
        draft.finished = True
        if not draft.from_cache and (size := params.get("encodedDataLength")):
            draft.size_bytes = int(size)
        self._bodies.on_finished(channel, draft)

    def _failed(self, channel: Channel, params: Params) -> None:
        request_id = params["requestId"]
        self._in_flight.pop(request_id, None)
        for draft in self._hops.get(request_id, ())[-1:]:
            draft.finished = True
            draft.blocked = blocked_reason(params) or draft.blocked
            # An answer that nobody reads (204 to a beacon) ends as "aborted": it was answered all the same.
            if not (params.get("canceled") and draft.status):
                draft.failure = params.get("errorText") or None

    def _headers_of(self, document_url: str) -> Mapping[str, str]:
        document = self._document_at.get(urldefrag(document_url).url)
        return document.response_headers if document is not None else {}

    def _reporter(self, method: str) -> Callable[[Channel, Params], None]:
        return lambda _channel, params: self.reports.on_event(method, params)

    # ------------------------------------------------------------------ sockets

    def _socket_created(self, channel: Channel, params: Params) -> None:
        if params["requestId"] in self._hops:
            return
        draft = Draft(
            request_id=params["requestId"],
            url=params["url"],
            method="GET",
            type="websocket",
            context=context_name(channel.kind, True),
            started_ms=self.elapsed_ms(),
            initiators=direct_chain(params.get("initiator", {}), None, "worker" in channel.kind),
        )
        if self._add(draft):
            self._hops[draft.request_id] = [draft]
            self._owners[draft.request_id] = channel

    def _socket_asked(self, channel: Channel, params: Params) -> None:
        for draft in self._hops.get(params["requestId"], ()):
            draft.told_request_headers |= lower_headers(params["request"].get("headers", {}))

    def _socket_answered(self, channel: Channel, params: Params) -> None:
        for draft in self._hops.get(params["requestId"], ()):
            response = params["response"]
            draft.told_status = int(response.get("status") or 0) or None
            draft.told_response_headers |= lower_headers(response.get("headers", {}))

    def _socket_sent(self, channel: Channel, params: Params) -> None:
        socket = self._hops.get(params["requestId"])
        frame = params["response"]
        if not socket or frame.get("opcode") not in (0, 1, 2) or self._owners[params["requestId"]] is not channel:
            return
        payload = str(frame.get("payloadData", ""))
        draft = Draft(
            request_id=params["requestId"],
            url=socket[0].url,
            method="SEND",
            type="websocket-frame",
            context=socket[0].context,
            started_ms=self.elapsed_ms(),
            initiators=socket[0].initiators,
            finished=True,
        )
        if self._add(draft):
            if frame["opcode"] == 1:
                self._bodies.keep_request_body(draft, payload.encode())
            elif payload:
                self._bodies.keep_request_body(draft, base64.b64decode(payload))
            else:
                self._bodies.lose_request_body(draft)  # the browser shows no content of a Blob that is sent

    def _socket_closed(self, channel: Channel, params: Params) -> None:
        for draft in self._hops.get(params["requestId"], ()):
            draft.finished = True
            if draft.status is None:
                draft.failure = params.get("errorMessage") or "closed before it was open"

    def _transport_created(self, channel: Channel, params: Params) -> None:
        draft = Draft(
            request_id=params["transportId"],
            url=params["url"],
            method="CONNECT",
            type="other",
            context=context_name(channel.kind, True),
            started_ms=self.elapsed_ms(),
            initiators=direct_chain(params.get("initiator", {}), None, "worker" in channel.kind),
        )
        if self._add(draft):
            self._transports[draft.request_id] = draft

    def _transport_opened(self, channel: Channel, params: Params) -> None:
        if draft := self._transports.get(params["transportId"]):
            draft.told_status = 200
            draft.body = None  # what it carries is not shown to us

    def _transport_closed(self, channel: Channel, params: Params) -> None:
        if draft := self._transports.get(params["transportId"]):
            draft.finished = True
            if draft.status is None:
                draft.failure = "closed before it was open"


def _streams(draft: Draft) -> bool:
    return draft.mime == "text/event-stream"
