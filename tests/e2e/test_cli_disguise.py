"""Vendors behind the site's own names, through the command line: a DNS alias, and containers without an id."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rrset

from tests.containers import ALWAYS, PINTEREST, PINTEREST_ACCOUNT, container_js
from tests.e2e.cli import Ran, Workplace, config_text, valid_report
from tests.site.reply import GIF, Reply
from tests.site.server import FixtureServer, Received

START = "https://www.clinic.test/"
HTML = (("Content-Type", "text/html"),)
WITH_THAT_RESOLVER = """
import sys
import dns.asyncresolver
resolver = dns.asyncresolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], int(sys.argv.pop(1))
dns.asyncresolver.default_resolver = resolver
from scanner.cli import main
main()
"""
"""The command as it is installed, on a machine whose resolver is the test's."""


class _Answer(socketserver.BaseRequestHandler):
    """`metrics.clinic.test` is an alias of a vendor's name; every other name stands for itself."""

    def handle(self) -> None:
        wire, socket = self.request
        query = dns.message.from_wire(wire)
        name = query.question[0].name
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if name.to_text() == "metrics.clinic.test.":
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "clinic.sc.omtrdc.net."))
            name = "clinic.sc.omtrdc.net."
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "127.0.0.1"))
        socket.sendto(reply.to_wire(), self.client_address)


@contextmanager
def resolver() -> Iterator[int]:
    """Yield the port of a DNS server on this machine."""
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def scan(place: Workplace, port: int) -> Ran:
    words = ("scan", "--site", "clinic", "--config", "tagdrift.yaml", "--json")
    done = subprocess.run(
        [sys.executable, "-c", WITH_THAT_RESOLVER, str(port), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=place.folder,
        env=place.environment,
        timeout=240,
    )
    return Ran(words, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_vendor_behind_an_alias_of_the_sites_own_is_named_and_is_drift(tmp_path: Path) -> None:
    """The address says nothing: own host, unknown path. Only the DNS knows whose name it is."""
    cloaked = False

    def respond(request: Received) -> Reply:
        if "metrics.clinic.test" in request.url:
            return Reply(200, (("Content-Type", "image/gif"),), GIF)
        if request.url.rstrip("/") != START.rstrip("/"):
            return Reply(404)
        pixel = b'<img src="https://metrics.clinic.test/m/1.gif">' if cloaked else b""
        return Reply(200, HTML, b"<!doctype html><title>Clinic</title><h1>Clinic</h1>" + pixel)

    place = Workplace(tmp_path)
    with FixtureServer(responder=respond) as server, resolver() as port:
        place.write("tagdrift.yaml", config_text(server, START, dns=True))
        clean = valid_report(scan(place, port).exits(0))
        cloaked = True
        drifted = valid_report(scan(place, port).exits(1))
    assert clean["inventory"]["tags"] == []
    [tag] = drifted["inventory"]["tags"]
    assert (tag["vendor"], tag["product"]) == ("adobe", "adobe-analytics"), json.dumps(tag)
    assert any("Adobe" in finding["title"] for finding in drifted["findings"])


def test_a_renamed_container_is_opened_on_every_page_although_the_browser_has_it_cached(tmp_path: Path) -> None:
    script = container_js((PINTEREST, ALWAYS)).encode()
    cacheable = (("Content-Type", "text/javascript"), ("ETag", '"a1"'), ("Cache-Control", "public, max-age=600"))
    links = (
        b"<!doctype html><title>Clinic</title><a href=/a>A</a><a href=/b>B</a><script src=/assets/k3jd9.js></script>"
    )

    def respond(request: Received) -> Reply:
        path = request.url.partition("clinic.test")[2]
        if path == "/assets/k3jd9.js":
            return Reply(200, cacheable, script)
        return Reply(200, HTML, links) if path in ("/", "/a", "/b") else Reply(404)

    place = Workplace(tmp_path)
    with FixtureServer(responder=respond) as server:
        place.write("tagdrift.yaml", config_text(server, START))
        report = valid_report(place.run("scan", "--site", "clinic", "--config", "tagdrift.yaml", "--json"))
    pages = {page["page"]: {(tag["product"], tag["account"]) for tag in page["tags"]} for page in report["pages"]}
    found = {("google-tag-manager", "GTM-ABC1234"), ("pinterest-tag", PINTEREST_ACCOUNT)}
    assert len(pages) == 3 and all(found <= tags for tags in pages.values()), pages
