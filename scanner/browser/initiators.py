"""Who caused a request: the browser's initiator, followed through the scripts that loaded the script. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.model import Initiator

MAX_CHAIN = 16


def direct_chain(initiator: Mapping[str, Any], redirected_from: str | None, is_worker: bool) -> tuple[Initiator, ...]:
    """Return what the browser says about one request, nearest first: redirect, scripts on the stack, parser.

    One entry per script in a row on the stack (its topmost frame); asynchronous parents (timers,
    promises, injected scripts) follow in the order the browser tells.
    """
    chain: list[Initiator] = []
    if redirected_from:
        chain.append(Initiator("redirect", redirected_from))
    kind = str(initiator.get("type", "other"))
    if kind == "script":
        chain += _scripts(initiator.get("stack"), "worker" if is_worker else "script")
    elif kind in ("parser", "preload", "preflight", "SignedExchange"):
        chain.append(Initiator(kind.lower(), initiator.get("url"), _line(initiator)))
    if not chain or (kind == "script" and chain[-1].kind == "redirect"):
        chain.append(Initiator("worker" if is_worker else "other", initiator.get("url"), _line(initiator)))
    return tuple(chain[:MAX_CHAIN])


def _line(mapping: Mapping[str, Any]) -> int | None:
    number = mapping.get("lineNumber")
    return int(number) + 1 if isinstance(number, int | float) else None


def _scripts(stack: Mapping[str, Any] | None, kind: str) -> Iterator[Initiator]:
    last: str | None = None
    depth = 0
    while stack is not None and depth < MAX_CHAIN:
        depth += 1
        for frame in stack.get("callFrames", ()):
            url = frame.get("url") or None
            if url is not None and url != last:
                yield Initiator(kind, url, _line(frame), frame.get("functionName") or None)
                last = url
        stack = stack.get("parent")


def whole_chain(direct: tuple[Initiator, ...], loaders: Mapping[str, tuple[Initiator, ...]]) -> tuple[Initiator, ...]:
    """Extend `direct` by who loaded its last script, and who loaded that one, and so on.

    `loaders`: URL of a script (or worker, stylesheet, frame document) → direct chain of the request
    that loaded it. Stops at what it has seen already, and after `MAX_CHAIN` entries.
    """
    chain = list(direct)
    seen = {entry.url for entry in chain if entry.url}
    while chain and len(chain) < MAX_CHAIN:
        last = chain[-1]
        parents = loaders.get(last.url or "", ())
        fresh = [entry for entry in parents if entry.url and entry.url not in seen]
        if not fresh:
            break
        chain += fresh
        seen.update(entry.url for entry in fresh if entry.url)
    return tuple(chain[:MAX_CHAIN])
