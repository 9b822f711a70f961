"""Plain HTTP for robots.txt and sitemaps: the same addresses, headers and credentials as the browser's visits."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Iterable

import httpcore
import httpx

from scanner.crawl.resolve import resolve_to
from scanner.model import HttpCredentials, ResolveRule, Secret, SiteConfig
from scanner.urls import host_of, same_site

TIMEOUT_S = 20.0
"""For each of connecting, sending, and the next bytes of an answer."""
_MOST_CONNECTIONS = 8


def make_client(site: SiteConfig, *, user_agent: str, timeout_s: float = TIMEOUT_S) -> httpx.AsyncClient:
    """Return a client that reaches the site as its visits do; close it, or use it as a context manager.

    `resolve` rules change where connections go and nothing else: `Host` header, SNI and certificate names stay
    those of the URL. `insecure` skips certificate checks. Extra headers go to the site's own hosts, credentials
    to their origin only, also along redirects. Cookies are not kept, proxies and `.netrc` not read.
    """
    return httpx.AsyncClient(
        transport=_SiteTransport(site),
        headers={"user-agent": user_agent, "accept": "*/*", "accept-language": site.profile.locale},
        timeout=httpx.Timeout(timeout_s),
        follow_redirects=True,
        max_redirects=5,
        trust_env=False,
    )


class _ConnectTo(httpcore.AsyncNetworkBackend):
    """Opens connections where the rules say. TLS above it still speaks with the URL's own host."""

    def __init__(self, rules: tuple[ResolveRule, ...]) -> None:
        self._rules = rules
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        address, mapped_port = resolve_to(self._rules, host) or (host, port)
        return await self._network.connect_tcp(address, mapped_port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class _SiteTransport(httpx.AsyncHTTPTransport):
    """Adds what only the site may see just before a request leaves.

    Here, and not in the client's headers: whatever stands there travels along a redirect to another host.
    """

    def __init__(self, site: SiteConfig) -> None:
        context = ssl.create_default_context()
        if site.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        super().__init__(verify=context, trust_env=False)
        # httpx has no argument for the network backend of its pool; httpcore, which it stands on, has.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context, max_connections=_MOST_CONNECTIONS, network_backend=_ConnectTo(site.resolve)
        )
        self._site = site
        self._start_hosts = tuple({host_of(url) for url in site.start})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        extra = self._own_headers(request.url)
        if extra:
            headers = request.headers.copy()
            headers.update(extra)
            request = httpx.Request(
                request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
            )
        return await super().handle_async_request(request)

    def _own_headers(self, url: httpx.URL) -> dict[str, str]:
        headers: dict[str, str] = {}
        if any(same_site(url.host, host, self._site.own_domains) for host in self._start_hosts):
            headers.update((name, _plain(value)) for name, value in self._site.extra_headers)
        credentials = self._site.http_credentials
        if credentials is not None and _origin(url) in self._credential_origins(credentials):
            pair = f"{credentials.username}:{credentials.password.reveal()}".encode()
            headers["authorization"] = f"Basic {b64encode(pair).decode('ascii')}"
        return headers

    def _credential_origins(self, credentials: HttpCredentials) -> set[tuple[str, str, int | None]]:
        meant = self._site.start if credentials.origin is None else (credentials.origin,)
        return {_origin(httpx.URL(url)) for url in meant}


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _plain(value: Secret | str) -> str:
    return value.reveal() if isinstance(value, Secret) else value
