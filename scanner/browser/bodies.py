"""Bodies: what requests carried, and the contents of scripts and of answers that rules ask for."""

from __future__ import annotations

import asyncio
import base64
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from scanner.browser.channel import Channel, ChannelError, Params
from scanner.browser.draft import Draft
from scanner.browser.fingerprint import digest, fingerprint
from scanner.model import BodyWanted, VisitLimits, Wanted
from scanner.urls import host_of

# The browser may announce a request a moment before its body can be asked for.
_RETRY_PAUSES_S = (0.0, 0.02, 0.06, 0.15, 0.4)
_ASK_TIMEOUT_S = 5.0
_MAX_SCRIPT_BYTES = 16 * 1024 * 1024
_MOST_REMEMBERED = 1_000
"""Characters of a URL. Files that every page loads have short ones; long ones are new every time."""

_Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class ScriptContent:
    """What is known of a script's content."""

    sha256: str
    fingerprint: str
    is_signed: bool = False
    """One of the signs that rules look for stands in it: it is kept whatever its address."""
    kept: bytes | None = None


@dataclass(slots=True)
class ScriptContents:
    """Scripts already read, shared by all visits of a fleet; the oldest are forgotten.

    A key holds the address and the validators of the answer (ETag, Last-Modified, length): an answer without
    validators is read again every time, unless it comes from the browser's cache. What rules want to read is kept,
    so that a container that every page loads does not travel from the browser to us on every page.
    """

    signs: tuple[bytes, ...] = ()
    max_entries: int = 20_000
    max_kept_bytes: int = 48 * 1024 * 1024
    _known: OrderedDict[_Key, ScriptContent] = field(default_factory=OrderedDict)
    _by_sha256: OrderedDict[str, ScriptContent] = field(default_factory=OrderedDict)
    _kept_bytes: int = 0

    def get(self, key: _Key) -> ScriptContent | None:
        return self._known.get(key)

    async def read(self, key: _Key, content: bytes, keep: bool) -> ScriptContent:
        """Say what is known of `content`, and remember it under `key`; `keep`: some rule wants to read it."""
        sha256 = digest(content)
        known = self._by_sha256.get(sha256) or await self._look_at(content, sha256)
        # Another visit may have read the same script in the meantime: what is kept is counted once.
        known = self._by_sha256.get(sha256, known)
        if known.kept is None and (keep or known.is_signed):
            known = replace(known, kept=content)
            self._kept_bytes += len(content)
        self._by_sha256[sha256] = self._known[key] = known
        self._forget_old()
        return known

    async def _look_at(self, content: bytes, sha256: str) -> ScriptContent:
        long = len(content) > 65_536
        marks = await asyncio.to_thread(fingerprint, content) if long else fingerprint(content)
        return ScriptContent(sha256, marks, any(sign in content for sign in self.signs))

    def _forget_old(self) -> None:
        if len(self._known) > self.max_entries:
            self._known.popitem(last=False)
        while len(self._by_sha256) > self.max_entries or self._kept_bytes > self.max_kept_bytes:
            _, oldest = self._by_sha256.popitem(last=False)
            self._kept_bytes -= len(oldest.kept or b"")
            for key in [key for key, known in self._known.items() if known.sha256 == oldest.sha256]:
                del self._known[key]


class BodyKeeper:
    """Fetches and counts the bodies of one visit."""

    def __init__(self, limits: VisitLimits, wanted: Wanted, scripts: ScriptContents) -> None:
        self._limits = limits
        self._scripts = scripts
        self._is_wanted = _wants(wanted.bodies)
        self._tasks: set[asyncio.Task[None]] = set()
        self.total_bytes = 0
        self.lost = 0
        """Request bodies that were there and could not be read."""
        self.contents_lost = 0
        """Scripts whose content could not be read."""
        self.cut = False
        """A cap on body or total size was hit."""
        self.source: bytes | None = None
        """The document as the server sent it."""

    # ------------------------------------------------------------------ requests

    def keep_request_body(self, draft: Draft, body: bytes) -> None:
        draft.body = self._admit(body, self._limits.max_body_bytes)
        draft.body_cut = len(draft.body) < len(body)

    def lose_request_body(self, draft: Draft) -> None:
        draft.body = None
        self.lost += 1

    def ask_request_body(self, channel: Channel, draft: Draft) -> None:
        draft.body = None
        self._start(self._request_body(channel, draft))

    async def _request_body(self, channel: Channel, draft: Draft) -> None:
        for pause_s in _RETRY_PAUSES_S:
            if pause_s:
                await asyncio.sleep(pause_s)
            try:
                answer = await channel.call(
                    "Network.getRequestPostData", {"requestId": draft.request_id}, timeout_s=_ASK_TIMEOUT_S
                )
            except ChannelError:
                if channel.closed:
                    break
                continue
            self.keep_request_body(draft, _decoded(answer, "postData"))
            return
        self.lost += 1

    # ------------------------------------------------------------------ answers

    def on_finished(self, channel: Channel, draft: Draft) -> None:
        """Look at an answer that arrived whole, and fetch its content where somebody wants it."""
        if draft.type == "document" and draft.context == "page":
            self._start(self._document(channel, draft))
        elif draft.type == "script" and (draft.status or 0) < 300:
            key = self._known_key(draft)
            known = self._scripts.get(key) if key is not None else None
            wanted = self._is_wanted(draft.url)
            if known is None or (known.kept is None and (wanted or known.is_signed)):
                self._start(self._script(channel, draft, wanted))
            else:
                self._note(draft, known, wanted)
        elif self._is_wanted(draft.url):
            self._start(self._content(channel, draft))

    def _known_key(self, draft: Draft) -> _Key | None:
        """Under which the script may be known; None: nothing says that it is the one that was read."""
        key = _key_of(draft)
        return key if key[1] or key[2] or draft.from_cache else None

    async def _document(self, channel: Channel, draft: Draft) -> None:
        content = await self._response_body(channel, draft)
        if content is not None:
            self.source = self._admit(content, self._limits.max_total_bytes)

    async def _content(self, channel: Channel, draft: Draft) -> None:
        content = await self._response_body(channel, draft)
        if content is None:
            self.contents_lost += 1
        else:
            draft.content = self._admit(content, self._limits.max_total_bytes)

    async def _script(self, channel: Channel, draft: Draft, wanted: bool) -> None:
        content = await self._response_body(channel, draft)
        if content is None:
            self.contents_lost += 1
            return
        self._note(draft, await self._scripts.read(_key_of(draft), content, wanted), wanted)

    def _note(self, draft: Draft, known: ScriptContent, wanted: bool) -> None:
        draft.content_sha256, draft.content_fingerprint = known.sha256, known.fingerprint
        if known.kept is not None and (wanted or known.is_signed):
            draft.content = self._admit(known.kept, self._limits.max_total_bytes)

    async def _response_body(self, channel: Channel, draft: Draft) -> bytes | None:
        try:
            answer = await channel.call(
                "Network.getResponseBody", {"requestId": draft.request_id}, timeout_s=_ASK_TIMEOUT_S
            )
        except ChannelError:
            return None
        return _decoded(answer, "body")

    # ------------------------------------------------------------------ bookkeeping

    def _admit(self, content: bytes, most_bytes: int) -> bytes:
        room = min(most_bytes, max(0, self._limits.max_total_bytes - self.total_bytes))
        kept = content[:room]
        if len(kept) < len(content):
            self.cut = True
        self.total_bytes += len(kept)
        return kept

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self, timeout_s: float) -> bool:
        """Wait until nothing is being fetched any more; False when `timeout_s` did not suffice."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._tasks:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await asyncio.wait(self._tasks, timeout=left)
        return True

    def abandon(self) -> None:
        """Stop fetching; what has not arrived is lost."""
        for task in list(self._tasks):
            task.cancel()


def _key_of(draft: Draft) -> _Key:
    headers = draft.response_headers
    return draft.url, headers.get("etag", ""), headers.get("last-modified", ""), headers.get("content-length", "")


def _decoded(answer: Params, name: str) -> bytes:
    text = str(answer.get(name, ""))
    return base64.b64decode(text) if answer.get("base64Encoded") else text.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=8)
def _wants(bodies: tuple[BodyWanted, ...]) -> Callable[[str], bool]:
    """Return what says whether somebody wants to read the answer at a URL: the same few files are on every page."""
    wanted = [(entry.host.lower(), re.compile(entry.path)) for entry in bodies]

    @lru_cache(maxsize=1_000)
    def paths_at(host: str) -> list[re.Pattern[str]]:
        return [path for pattern, path in wanted if _host_fits(pattern, host)]

    def is_wanted(url: str) -> bool:
        return any(path.search(url) for path in paths_at(host_of(url)))

    remembered = lru_cache(maxsize=1_000)(is_wanted)
    return lambda url: remembered(url) if len(url) < _MOST_REMEMBERED else is_wanted(url)


def _host_fits(pattern: str, host: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern
