"""Cookies as records, and a first-time visitor's clean slate before each visit. Values are never kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from playwright.async_api import BrowserContext

from scanner.browser.channel import Channel
from scanner.errors import UsageError
from scanner.model import CookieRecord, Secret

_CLEARED = "local_storage,indexeddb,service_workers,cache_storage,file_systems,interest_groups"


def cookie_records(
    cookies: Iterable[Mapping[str, Any]], setter_of: Callable[[str, str], str | None], now_s: float
) -> tuple[CookieRecord, ...]:
    """Turn the browser's cookies into records, sorted. `setter_of`: name, domain → URL of who set it; `now_s`: Unix."""
    records = []
    for cookie in cookies:
        expires = float(cookie.get("expires", -1))
        records.append(
            CookieRecord(
                name=str(cookie["name"]),
                domain=str(cookie["domain"]),
                path=str(cookie.get("path", "/")),
                lifetime_s=max(0, round(expires - now_s)) if expires > 0 else None,
                http_only=bool(cookie.get("httpOnly")),
                secure=bool(cookie.get("secure")),
                same_site=cookie.get("sameSite") or "Lax",  # what a browser makes of a cookie that does not say
                set_by=setter_of(str(cookie["name"]), str(cookie["domain"])),
            )
        )
    return tuple(sorted(records, key=lambda record: (record.domain, record.path, record.name)))


def parse_storage_state(secret: Secret | None) -> dict[str, Any] | None:
    """Read a Playwright storage state.

    Raises:
        UsageError: it is not the JSON that Playwright writes. The text never holds the secret.
    """
    if secret is None:
        return None
    try:
        state = json.loads(secret.reveal())
        if not isinstance(state.get("cookies", []), list) or not isinstance(state.get("origins", []), list):
            raise TypeError
    except (ValueError, TypeError, AttributeError):
        raise UsageError(
            f"storage_state {secret.reference} is not a Playwright storage state",
            hint="write it with Playwright: context.storage_state(path=…)",
        ) from None
    return dict(state)


class CleanSlate:
    """Makes a warm context look like a first-time visitor's (or like the logged-in one's) again."""

    def __init__(
        self, context: BrowserContext, browser: Channel, context_id: str, storage_state: Mapping[str, Any] | None
    ) -> None:
        """`browser`: the browser's own channel, by which it is told of the context named `context_id`."""
        self._context = context
        self._browser = browser
        self._which = {"browserContextId": context_id}
        self._cookies: Sequence[Any] = (storage_state or {}).get("cookies", ())
        self._kept_origins = {str(o.get("origin")) for o in (storage_state or {}).get("origins", ())}

    async def restore(self, channel: Channel, origins: Iterable[str]) -> None:
        """Forget what a visit left behind; `origins`: those of all its frames. The HTTP cache stays.

        Raises:
            ChannelError, PlaywrightError: the browser does not.
        """
        for origin in origins:
            if origin not in self._kept_origins and origin.startswith("http"):
                channel.tell("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": _CLEARED})
        await self._browser.call("Storage.clearCookies", self._which)
        if self._cookies:
            await self._context.add_cookies(self._cookies)

    async def cookies(self) -> Sequence[Mapping[str, Any]]:
        """Return what the visit left behind, as the browser tells it.

        Raises:
            ChannelError: it does not tell.
        """
        return list((await self._browser.call("Storage.getCookies", self._which)).get("cookies", ()))


def unix_time() -> float:
    return time.time()
