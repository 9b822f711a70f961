"""Chats, pings and the health check, against a real web server and the command line; no browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reports.deliver.chat import ChatCourier
from reports.deliver.ping import ping
from scanner.model import Coverage, Delivery, DeliveryTrouble, Profile, ScanState
from scanner.store import open_store
from tests.e2e.cli import Workplace
from tests.mail_server import PASSWORD, MailServer
from tests.make import NOW


class Web:
    """Remembers what it was asked; `status` is its answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.status = 200
        web = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                web.asked.append((self.command, self.path, body))
                self.send_response(web.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = _answer

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(5)


def chat_message(name: str) -> Delivery:
    return Delivery("k", "chat", name, "[High] clinic: <b>it</b> is back", "Neu · Größe".encode(), NOW, NOW)


def test_a_chat_gets_subject_and_text(web: Web) -> None:
    courier = ChatCourier({"team": f"json://127.0.0.1:{web.port}/hook"})
    assert courier.deliver(chat_message("team")) is None
    ((method, path, body),) = web.asked
    told = json.loads(body)
    assert (method, path.rstrip("/")) == ("POST", "/hook")
    assert (told["title"], told["message"]) == ("[High] clinic: <b>it</b> is back", "Neu · Größe")


def test_a_chat_that_refuses_or_is_not_configured(web: Web) -> None:
    web.status = 500
    courier = ChatCourier({"team": f"json://127.0.0.1:{web.port}/T0K3N", "odd": "nonsense"})
    refused, unknown, odd = (courier.deliver(chat_message(name)) for name in ("team", "nobody", "odd"))
    assert refused is not None and refused.trouble is DeliveryTrouble.LATER and "T0K3N" not in str(refused)
    for failure in (unknown, odd):
        assert failure is not None and failure.trouble is DeliveryTrouble.CONFIGURATION


def test_a_ping_says_how_it_went(web: Web) -> None:
    address = f"http://127.0.0.1:{web.port}/key/{{site}}"
    assert ping(address, "clinic", ok=True) is None
    assert ping(f"{address}?create=1", "clinic", ok=False) is None
    assert [path for _, path, _ in web.asked] == ["/key/clinic", "/key/clinic/fail?create=1"]
    web.status = 404
    said = ping(address, "clinic", ok=True)
    assert said == "the ping was answered with 404"
    assert "not heard" in (ping("http://127.0.0.1:1/secret", "clinic", ok=True) or "")


def test_check_health_tells_once_that_scans_have_stopped(tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    with MailServer(tmp_path / "mail") as mail:
        place = Workplace(tmp_path / "place", SMTP_PASSWORD=PASSWORD)
        config = {
            "sites": [{"name": name, "start": [f"https://{name}.example/"]} for name in ("clinic", "lab")],
            "mail": {"smtp": mail.config(), "from": "t@clinic.example", "to": "it@clinic.example"},
        }
        place.write("tagdrift.yaml", json.dumps(config))
        store = open_store(f"sqlite:///{place.store}")
        for site, at in (("clinic", long_ago), ("lab", datetime.now(UTC))):
            scan = store.begin_scan(site, at, Profile(), "1", "rules", "config")
            store.finish_scan(scan.id, ScanState.COMPLETE, at, Coverage(planned=4, ok=4), ())
        store.close()
        first = place.run("check-health").exits(4)
        assert "FAIL clinic" in first.stdout and "no scan since" in first.stdout and "ok   lab" in first.stdout
        assert [one.subject.split(" since")[0] for one in mail.drain()] == ["[Not watched] clinic: no scan"]
        again = place.run("check-health", "--json").exits(4).document
        assert [site["state"] for site in again["sites"]] == ["overdue", "well"] and mail.drain() == []
        place.run("check-health", "--site", "lab").exits(0)
        # Cron mails what a job prints: without a mail server of one's own the check works as well.
        del config["mail"]
        place.write("tagdrift.yaml", json.dumps(config))
        bare = place.run("check-health").exits(4)
        assert "FAIL clinic" in bare.stdout and "ok   lab" in bare.stdout
        place.run("check-health", "--site", "lab").exits(0)
