"""What a page shows after the visit, read from a world of our own that page scripts cannot disturb."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from scanner.browser.channel import Channel, ChannelError, Params
from scanner.browser.farewell import WORLD, World
from scanner.browser.peers import Peer, read_all_peers
from scanner.browser.targets import Targets
from scanner.model import Link, StorageKey

_MAX_FRAMES = 60

_READ = """(() => {
  const out = {url: location.href, title: document.title, lang: document.documentElement.lang || null, links: [],
    fields: [], password: false, canonical: null, text: '', local: [], session: [], nodes: 0, origin: self.origin};
  const seen = new Set(), fields = new Set();
  const add = (url, kind) => {
    if (typeof url === 'string' && /^https?:/i.test(url) && url.length < 8192 && out.links.length < 20000) {
      const key = kind + url; if (!seen.has(key)) { seen.add(key); out.links.push([url, kind]); }
    } };
  const visit = root => {
    for (const a of root.querySelectorAll('a[href],area[href]')) add(a.href, 'link');
    for (const f of root.querySelectorAll('iframe[src],frame[src]')) add(f.src, 'frame');
    for (const f of root.querySelectorAll('form[action]'))
      if ((f.getAttribute('method') || 'get').toLowerCase() === 'get') add(f.action, 'form');
    for (const i of root.querySelectorAll('input,select,textarea')) {
      const type = i.localName === 'input' ? (i.getAttribute('type') || 'text').toLowerCase() : i.localName;
      if (type === 'password') out.password = true;
      const name = i.getAttribute('name') || i.id;
      if (name && fields.size < 2000) fields.add(type + ':' + name.slice(0, 200));
    } };
  visit(document);
  const all = document.getElementsByTagName('*');
  out.nodes = all.length;
  const roots = [document];
  for (let r = 0; r < roots.length && r < 500; r++)
    for (const e of roots[r] === document ? all : roots[r].querySelectorAll('*'))
      if (e.shadowRoot) { visit(e.shadowRoot); roots.push(e.shadowRoot); }
  const c = document.querySelector('link[rel~=canonical][href]'); if (c) out.canonical = c.href;
  out.fields = [...fields].sort();
  if (document.body) out.text = (out.nodes < 5000 ? document.body.innerText : '').slice(0, 4000);
  try { for (let i = 0; i < localStorage.length && i < 1000; i++) out.local.push(localStorage.key(i).slice(0, 300)); } catch (e) {}
  try { for (let i = 0; i < sessionStorage.length && i < 1000; i++) out.session.push(sessionStorage.key(i).slice(0, 300)); } catch (e) {}
  return out;
})()"""  # noqa: E501 - JavaScript

# Asking the window for a name that it has not got is slow, and finds elements that happen to be called so. Where a page
# has replaced what we list its names with, there is no other way.
_GLOBALS = """((names) => {
  let own = {__proto__: null};
  try { for (const name of Object.getOwnPropertyNames(window)) own[name] = true; } catch (e) {}
  if (!own.document) own = null;
  return names.filter(name => {
    const parts = name.split('.');
    if (own && !own[parts[0]]) return false;
    try { let at = window; for (const part of parts) { if (at == null) return false; at = at[part]; }
      return at !== undefined && at !== null; } catch (e) { return false; } });
})(%s)"""


@dataclass(frozen=True, slots=True)
class PageState:
    """What the rendered page and its frames show."""

    url: str
    title: str | None = None
    canonical: str | None = None
    language: str | None = None
    links: tuple[Link, ...] = ()
    storage: tuple[StorageKey, ...] = ()
    form_fields: tuple[str, ...] = ()
    has_password_field: bool = False
    text: str = ""
    """Beginning of the visible text; empty on very large pages."""
    nodes: int = 0
    globals: tuple[str, ...] = ()
    origins: frozenset[str] = field(default_factory=frozenset)
    """Origins of all frames that were read."""
    worlds: tuple[World, ...] = ()
    """Where the frames were read."""
    peers: tuple[Peer, ...] = ()


async def read_state(targets: Targets, wanted_globals: Iterable[str], timeout_s: float) -> PageState | None:
    """Read the page and its frames; None: the page itself did not answer within `timeout_s`."""
    root = targets.root
    if root is None:
        return None
    names = tuple(dict.fromkeys(wanted_globals))
    try:
        async with asyncio.timeout(timeout_s):
            trees = await _frame_trees(targets, timeout_s)
            main_channel, main_id = trees[0]
            read_main = asyncio.ensure_future(_read_frame(main_channel, main_id, timeout_s))
            read_peers = asyncio.ensure_future(read_all_peers([root, *targets.children("iframe")]))
            read_rest = asyncio.ensure_future(_read_frames(trees[1:_MAX_FRAMES], timeout_s))
            found = await _globals(root, names, timeout_s) if names else ()
            main, rest, peers = await read_main, await read_rest, await read_peers
    except (TimeoutError, ChannelError, IndexError):
        return None
    if main is None:
        return None
    worlds, frames = zip(main, *rest, strict=True)
    return replace(_as_state(frames[0], frames[1:], found, worlds), peers=peers)


async def _frame_trees(targets: Targets, timeout_s: float) -> list[tuple[Channel, str]]:
    """(channel, frame id) of every frame, the page's own first."""
    frames: list[tuple[Channel, str]] = []
    channels: list[Channel] = [channel for channel in (targets.root,) if channel is not None]
    channels += targets.children("iframe")
    answers = await asyncio.gather(
        *(channel.call("Page.getFrameTree", timeout_s=timeout_s / 2) for channel in channels), return_exceptions=True
    )
    for channel, answer in zip(channels, answers, strict=True):
        if isinstance(answer, BaseException):
            continue
        waiting = [answer["frameTree"]]
        while waiting:
            tree = waiting.pop()
            frames.append((channel, tree["frame"]["id"]))
            waiting += tree.get("childFrames", ())
    return frames


async def _read_frame(channel: Channel, frame_id: str, timeout_s: float) -> tuple[World, Params] | None:
    try:
        world = await channel.call(
            "Page.createIsolatedWorld", {"frameId": frame_id, "worldName": WORLD}, timeout_s=timeout_s
        )
        answer = await channel.call(
            "Runtime.evaluate",
            {"expression": _READ, "contextId": world["executionContextId"], "returnByValue": True},
            timeout_s=timeout_s,
        )
    except ChannelError:
        return None
    value = answer.get("result", {}).get("value")
    return ((channel, int(world["executionContextId"])), value) if isinstance(value, dict) else None


async def _read_frames(frames: list[tuple[Channel, str]], timeout_s: float) -> list[tuple[World, Params]]:
    read = await asyncio.gather(*(_read_frame(channel, frame, timeout_s / 2) for channel, frame in frames))
    return [value for value in read if value is not None]


async def _globals(root: Channel, names: tuple[str, ...], timeout_s: float) -> tuple[str, ...]:
    expression = _GLOBALS % json.dumps(names)
    answer = await root.call("Runtime.evaluate", {"expression": expression, "returnByValue": True}, timeout_s=timeout_s)
    value = answer.get("result", {}).get("value")
    return tuple(name for name in names if name in value) if isinstance(value, list) else ()


def _as_state(main: Params, rest: tuple[Params, ...], found: tuple[str, ...], worlds: tuple[World, ...]) -> PageState:
    links = dict.fromkeys((str(url), str(kind)) for url, kind in main["links"])
    storage: dict[tuple[str, str, str], None] = {}
    fields = set(main["fields"])
    for frame in (main, *rest):
        origin = str(frame["origin"])
        for area, keys in (("local", frame["local"]), ("session", frame["session"])):
            storage.update(dict.fromkeys((area, origin, str(key)) for key in keys))
        if frame is not main and origin == main["origin"]:
            links.update(dict.fromkeys((str(url), str(kind)) for url, kind in frame["links"]))
            fields.update(frame["fields"])
    return PageState(
        url=str(main["url"]),
        title=main["title"] or None,
        canonical=main["canonical"],
        language=main["lang"],
        links=tuple(Link(url, kind) for url, kind in links),
        storage=tuple(StorageKey(area, origin, key) for area, origin, key in sorted(storage)),
        form_fields=tuple(sorted(fields)),
        has_password_field=any(bool(frame["password"]) for frame in (main, *rest)),
        text=str(main["text"]),
        nodes=int(main["nodes"]),
        globals=found,
        origins=frozenset(str(frame["origin"]) for frame in (main, *rest) if frame["origin"] != "null"),
        worlds=worlds,
    )
