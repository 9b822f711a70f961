"""Headers and credentials that go to the site's own hosts and to nobody else, redirect targets included."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from scanner.browser.channel import Channel, Params
from scanner.browser.settings import own_hosts
from scanner.model import Secret, SiteConfig
from scanner.urls import host_of


@dataclass(frozen=True, slots=True)
class SiteHeaders:
    """What to add to requests for which host or origin. `repr` shows no values."""

    hosts: frozenset[str] = frozenset()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Added to requests for `hosts`."""
    credentials_origin: str | None = None
    authorization: str | None = field(default=None, repr=False)
    """Added to requests for `credentials_origin`."""

    @classmethod
    def of(cls, site: SiteConfig) -> SiteHeaders:
        """Take from the configuration what must be added, with secrets revealed."""
        headers = tuple(
            (name, value.reveal() if isinstance(value, Secret) else value) for name, value in site.extra_headers
        )
        credentials = site.http_credentials
        if credentials is None:
            return cls(own_hosts(site), headers)
        pair = f"{credentials.username}:{credentials.password.reveal()}".encode()
        origin = credentials.origin or (site.start[0] if site.start else "")
        return cls(own_hosts(site), headers, _origin(origin), "Basic " + base64.b64encode(pair).decode())

    def patterns(self) -> tuple[str, ...]:
        """URL patterns of requests to stop for a moment; empty when nothing is ever added."""
        hosts = set(self.hosts) if self.headers else set()
        patterns = {f"*://{host}{port}/*" for host in hosts for port in ("", ":*")}
        if self.authorization and self.credentials_origin:
            patterns.add(f"{self.credentials_origin}/*")
        return tuple(sorted(patterns))

    def added_for(self, url: str) -> Mapping[str, str]:
        """Return the headers that a request for `url` gets; empty for every host but the site's own."""
        added: dict[str, str] = {}
        if host_of(url) in self.hosts:
            added.update(self.headers)
        if self.authorization and _origin(url) == self.credentials_origin:
            added["Authorization"] = self.authorization
        return added

    def on_event(self, channel: Channel, method: str, params: Params) -> None:
        """Let a stopped request go on, with its headers. Overrides end at a redirect, which is stopped anew."""
        if method == "Fetch.authRequired":
            # What is given is given unasked: a prompt is closed, as by a person without the password.
            refusal = {"requestId": params["requestId"], "authChallengeResponse": {"response": "CancelAuth"}}
            channel.tell("Fetch.continueWithAuth", refusal)
        if method != "Fetch.requestPaused":
            return
        request = params["request"]
        reply: Params = {"requestId": params["requestId"]}
        added = self.added_for(request["url"])
        if added:
            own = {name.lower() for name in added}
            kept = [(n, v) for n, v in request.get("headers", {}).items() if n.lower() not in own]
            reply["headers"] = [{"name": n, "value": v} for n, v in (*kept, *added.items())]
        channel.tell("Fetch.continueRequest", reply)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
