"""What kind of request it is, in our words: exporters and senders spell it in many ways. Pure."""

from __future__ import annotations

import re
from typing import Final

_TYPES: Final = {
    "document", "script", "image", "stylesheet", "font", "media", "xhr", "fetch", "ping", "websocket", "eventsource",
    "manifest", "preflight", "csp-report", "prefetch", "other",
}  # fmt: skip
_TYPE_NAMES: Final = {
    "beacon": "ping", "sendbeacon": "ping", "imageset": "image", "img": "image", "css": "stylesheet", "js": "script",
    "html": "document", "subdocument": "document", "sub_frame": "document", "main_frame": "document",
    "texttrack": "media", "cspviolationreport": "csp-report", "xmlhttprequest": "xhr", "iframe": "document",
    "frame": "document", "video": "media", "audio": "media", "track": "media", "style": "stylesheet",
    "websocket-frame": "websocket", "navigate": "document", "csp_report": "csp-report",
}  # fmt: skip
_SCRIPT: Final = re.compile(r"[^?#;]+\.m?js(?:$|[?#;])")


def type_named(said: str) -> str | None:
    """Return our word for what a sender calls the type; None if it says nothing that we know."""
    said = said.lower()
    said = _TYPE_NAMES.get(said, said)
    return said if said in _TYPES else None


def type_by_url(url: str) -> str:
    """Guess where nobody said: WebSockets by their scheme, scripts by the path's ending, anything else is `other`."""
    if url.startswith(("ws:", "wss:")):
        return "websocket"
    return "script" if _SCRIPT.match(url[:4_096]) else "other"
