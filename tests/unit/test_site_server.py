"""The fixture server is the ground truth of every end-to-end test, so its own honesty comes first."""

from __future__ import annotations

import base64
import os
import re
import socket
import ssl
import struct
from collections.abc import Iterator

import httpx
import pytest

from tests.site.mechanisms import MECHANISMS, Seen
from tests.site.reply import MENU, Reply
from tests.site.server import FixtureServer, Received

EVERY_BYTE = bytes(range(256))


@pytest.fixture(scope="module")
def server() -> Iterator[FixtureServer]:
    replies = {f"/{name}": reply for name, reply in MENU.items()}
    with FixtureServer({**replies, "a.test/x": Reply(200, (), b"a"), "b.test/x": Reply(200, (), b"b")}) as running:
        yield running


@pytest.fixture
def client(server: FixtureServer) -> Iterator[httpx.Client]:
    with httpx.Client(verify=False, base_url=f"https://127.0.0.1:{server.port}", timeout=1.0) as open_client:
        yield open_client


def test_log_holds_method_target_host_and_every_byte_of_the_body(server: FixtureServer, client: httpx.Client) -> None:
    client.post("/c?m=bytes&x=%00%C3%A4", content=EVERY_BYTE, headers={"Host": "t.tracker.test"})
    assert server.received("bytes") == [
        Received("POST", "https://t.tracker.test/c?m=bytes&x=%00%C3%A4", body=EVERY_BYTE)
    ]


def test_log_holds_chunked_bodies_without_their_chunks(server: FixtureServer, client: httpx.Client) -> None:
    client.post("/c?m=chunked", content=iter([b"one,", b"two"]))
    assert [entry.body for entry in server.received("chunked")] == [b"one,two"]


def test_a_body_that_breaks_off_is_marked(server: FixtureServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        plain.sendall(b"POST /c?m=broken-off HTTP/1.1\r\nHost: x.test\r\nContent-Length: 10\r\n\r\nfour")
        plain.shutdown(socket.SHUT_WR)
        plain.recv(1)
    assert server.received("broken-off") == [
        Received("POST", "http://x.test/c?m=broken-off", body=b"four", complete=False)
    ]


def test_every_host_has_its_own_answers(client: httpx.Client) -> None:
    assert client.get("/x", headers={"Host": "a.test"}).text == "a"
    assert client.get("/x", headers={"Host": "b.test"}).text == "b"
    assert client.get("/x", headers={"Host": "c.test"}).status_code == 204


def test_plain_http_is_answered_on_the_same_port(server: FixtureServer) -> None:
    assert httpx.get(f"http://127.0.0.1:{server.port}/p.gif").headers["content-type"] == "image/gif"


@pytest.mark.parametrize(
    ("name", "status"),
    [("good", 200), ("drip", 200), ("404", 404), ("500", 500), ("401", 401), ("403-bot-wall", 403), ("gzip", 200),
     ("members-only", 302), ("redirect-loop", 302), ("wrong-charset", 200), ("download", 200)],
)  # fmt: skip
def test_menu_of_answers(client: httpx.Client, name: str, status: int) -> None:
    assert client.get(f"/{name}", timeout=10).status_code == status


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("drop", httpx.RemoteProtocolError),
        ("partial", httpx.RemoteProtocolError),
        ("broken-chunk", httpx.RemoteProtocolError),
        ("hang", httpx.ReadTimeout),
        ("head-then-hang", httpx.ReadTimeout),
        ("wrong-encoding", httpx.DecodingError),
    ],
)
def test_menu_of_misbehaviours(client: httpx.Client, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.get(f"/{name}", timeout=0.5)


def test_an_endless_answer_goes_on_until_the_reader_leaves(client: httpx.Client) -> None:
    with client.stream("GET", "/endless") as answer:
        chunks = answer.iter_raw(chunk_size=1000)
        assert [len(next(chunks)) for _ in range(5)] == [1000] * 5


def test_websocket_messages_are_logged_unmasked(server: FixtureServer) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw, context.wrap_socket(raw) as tls:
        key = base64.b64encode(os.urandom(16)).decode()
        tls.sendall(
            f"GET /s?m=ws HTTP/1.1\r\nHost: live.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        assert b"101 Switching" in tls.recv(4096)
        mask = b"\x01\x02\x03\x04"
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(EVERY_BYTE))
        tls.sendall(b"\x82\xfe" + struct.pack("!H", 256) + mask + payload)
        tls.sendall(b"\x88\x80" + mask)
        while tls.recv(4096):  # until the server has answered the close
            pass
    handshake, frame = server.received("ws")
    assert (handshake.method, frame) == ("GET", Received("FRAME", "https://live.test/s?m=ws", body=EVERY_BYTE))


def test_mechanisms_have_pages_and_name_themselves_in_everything_they_expect() -> None:
    for entry in MECHANISMS:
        assert f"www.clinic.test/m/{entry.name}" in entry.replies
        for expected in entry.expected:
            assert {f"m={entry.name}", f"/m/{entry.name}?"} & {*re.findall(r"m=[\w-]+|/m/[\w-]+\?", expected.url)}, (
                entry.name
            )
            assert expected.seen in Seen
