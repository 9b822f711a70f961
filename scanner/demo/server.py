"""The bundled clinic on this machine's loopback: all host names of the demo, the vendors' included, are answered here.

Nothing leaves the machine: the browser is sent here by `resolve_rules` for whatever host it asks. The certificate is a
throw-away one that ships with the package, so the demo scans with `insecure`. It protects nothing and proves nothing.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import as_file, files
from socket import socket
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from scanner.demo.content import DOCTORS, MENU, PAGES, POSTS, SERVICES, TRACKED
from scanner.model import ResolveRule

HOST = "www.riverside-clinic.example"
ORIGIN = f"https://{HOST}"
PINTEREST_TAG_ID = "2612847360912"
_ASSETS = files("scanner.demo") / "assets"
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_FONTS = """@font-face{font-family:"Lora";font-weight:600;src:url(https://fonts.gstatic.com/s/lora/v35/lora.woff2)}
@font-face{font-family:"Source Sans 3";src:url(https://fonts.gstatic.com/s/sourcesans3/v15/source.woff2)}"""

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


class ClinicSite:
    """A small clinic's website and the vendors it meets; clean at first. A context manager, or start and stop."""

    def __init__(self) -> None:
        self.has_pinterest = False
        self.requests: list[str] = []
        """`METHOD URL` of everything that was asked for, in order: the demo's own ground truth."""
        self._pages = Environment(
            loader=PackageLoader("scanner.demo", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._server: _Server | None = None

    # -- what a scan needs to know
    @property
    def start_url(self) -> str:
        return f"{ORIGIN}/"

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the clinic is not open: call start() first")
        return int(self._server.server_address[1])

    @property
    def resolve_rules(self) -> tuple[ResolveRule, ...]:
        """Sends every host to this server, so that nothing leaves the machine."""
        return (ResolveRule("*", "127.0.0.1", self.port),)

    @property
    def pages(self) -> tuple[str, ...]:
        """The URLs of all pages, sorted."""
        return tuple(sorted(f"{ORIGIN}{path}" for path in PAGES))

    # -- life
    def start(self) -> int:
        """Open the clinic on a free loopback port and return it. Calling it again changes nothing."""
        if self._server is None:
            self._server = _Server(self)
            threading.Thread(target=self._server.serve_forever, name="clinic", daemon=True).start()
        return self.port

    def stop(self) -> None:
        """Close the clinic; harmless when it is closed already."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- the two states
    def reinstall_pinterest(self) -> None:
        """Marketing pastes the tag back into the theme: every page has it from now on."""
        self.has_pinterest = True

    def remove_pinterest(self) -> None:
        self.has_pinterest = False

    # -- answers
    def answer(self, host: str, target: str) -> Answer:
        """Return what `host` answers for a path with query. Pure but for the theme's state."""
        parts = urlsplit(target)
        if host == HOST:
            return self._clinic(parts.path, parts.query)
        return _vendor(host, parts.path)

    def _clinic(self, path: str, query: str) -> Answer:
        if path == "/robots.txt":
            return 200, "text/plain", f"User-agent: *\nDisallow: /api/\nSitemap: {ORIGIN}/sitemap.xml\n".encode()
        if path == "/sitemap.xml":
            urls = "".join(f"<url><loc>{page}</loc></url>" for page in self.pages)
            space = "http://www.sitemaps.org/schemas/sitemap/0.9"
            return 200, "application/xml", f'<?xml version="1.0"?><urlset xmlns="{space}">{urls}</urlset>'.encode()
        if path == "/assets/site.css":
            return 200, "text/css", _asset("site.css")
        if path == "/assets/visits.js":
            return 200, "text/javascript", _asset("visits.js")
        if path.startswith("/api/"):
            return 204, "text/plain", b""
        found = PAGES.get(path)
        if found is None:
            return 404, "text/html; charset=utf-8", self._render("missing.html", path, "", {})
        template, extra = found
        return 200, "text/html; charset=utf-8", self._render(template, path, query, extra)

    def _render(self, template: str, path: str, query: str, extra: Mapping[str, Any]) -> bytes:
        words = " ".join(parse_qs(query).get("q", []))
        track = TRACKED.get(path)
        if path == "/doctors/" and words:
            track = {"event": "search", "fields": {"search_query": words}}
        text = self._pages.get_template(template).render(
            path=path,
            origin=ORIGIN,
            menu=MENU,
            services=SERVICES,
            doctors=DOCTORS,
            posts=POSTS,
            query=words,
            pinterest=self.has_pinterest,
            tag_id=PINTEREST_TAG_ID,
            track=track,
            **extra,
        )
        return text.encode()


def _vendor(host: str, path: str) -> Answer:
    match host, path:
        case "fonts.googleapis.com", _:
            return 200, "text/css", _FONTS.encode()
        case "s.pinimg.com", "/ct/core.js":
            return 200, "text/javascript", _asset("core.js")
        case "s.pinimg.com", _ if path.startswith("/ct/lib/main."):
            return 200, "text/javascript", _asset("main.js")
        case "ct.pinterest.com", "/user/":
            return 200, "application/json", b'{"aemEnabled":true,"aemPhEnabled":true,"isEu":false}'
        case "ct.pinterest.com", "/v3/":
            return 200, "image/gif", _PIXEL
        case "fonts.gstatic.com", _:
            return 200, "font/woff2", b"wOF2"
        case _:
            return 404, "text/plain", b""


def _asset(name: str) -> bytes:
    return (_ASSETS / name).read_bytes()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, site: ClinicSite) -> None:
        self.site = site
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with as_file(_ASSETS / "loopback-only.pem") as pem:
            self.tls.load_cert_chain(pem)
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket, Any]:
        connection, address = super().get_request()
        # The handshake happens in the handler's thread: a browser's idle spare connection must not stop the others.
        return self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: browsers hang up whenever they like, and the demo's output belongs to the scan."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout: ClassVar[int] = 60

    def _serve(self) -> None:
        host = (self.headers.get("Host") or "").partition(":")[0]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.site.requests.append(f"{self.command} https://{host}{self.path}")
        status, kind, body = self.server.site.answer(host, self.path)
        self.send_response(HTTPStatus(status))
        self.send_header("Content-Type", kind)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        origin = self.headers.get("Origin")
        if origin:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Credentials", "true")
        self.end_headers()
        if self.command != "HEAD" and status != HTTPStatus.NO_CONTENT:
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_OPTIONS = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: standard error belongs to the scan's progress."""
