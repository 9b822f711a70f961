"""The SMTP courier against real servers: secure, refused, slow, broken; each trouble told apart, nothing lost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reports.deliver.smtp import SmtpCourier
from scanner.model import Delivery, DeliveryState, DeliveryTrouble
from scanner.service.outbox import flush
from scanner.store.memory import MemoryStore
from tests.mail_server import PASSWORD, USER, MailServer
from tests.make import NOW

SENDER = "tagdrift@clinic.example"
MAIL = (
    b"From: tagdrift@clinic.example\r\nSubject: It is back\r\nMessage-ID: <1@clinic.example>\r\n\r\nhello\r\n.dot\r\n"
)
THREE = ("a@clinic.example", "b@clinic.example", "c@clinic.example")


def message(recipient: str = THREE[0], key: str = "") -> Delivery:
    return Delivery(key or recipient, "mail", recipient, "It is back", MAIL, NOW, NOW)


def courier(server: MailServer, **more: Any) -> SmtpCourier:
    given: dict[str, Any] = {
        "sender": SENDER,
        "security": server.security,
        "username": USER,
        "password": PASSWORD,
        "timeout_s": 5.0,
        "ca_file": str(server.ca_file),
    }
    return SmtpCourier("127.0.0.1", server.port, **(given | more))


class Clock:
    """Stands still until it is told to move on."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_message_arrives_byte_for_byte(tmp_path: Path, security: str) -> None:
    with MailServer(tmp_path, security, auth=security != "none") as server:
        login = {} if security != "none" else {"username": None, "password": None}
        sending = courier(server, **login)
        assert [sending.deliver(message(recipient)) for recipient in THREE] == [None, None, None]
        sending.close()
    assert [taken.recipients for taken in server.taken] == [(recipient,) for recipient in THREE]
    assert {(taken.sender, taken.content.rstrip(b"\r\n"), taken.secure) for taken in server.taken} == {
        (SENDER, MAIL.rstrip(b"\r\n"), security != "none")
    }


@pytest.mark.parametrize(
    ("wrong", "trouble"),
    [
        pytest.param({"password": "wrong"}, DeliveryTrouble.LOGIN, id="password"),
        pytest.param({"ca_file": None}, DeliveryTrouble.TLS, id="a certificate nobody vouches for"),
        pytest.param({"security": "tls"}, DeliveryTrouble.TLS, id="TLS where the server speaks STARTTLS"),
    ],
)
def test_a_server_that_cannot_be_used_is_asked_once(
    tmp_path: Path, wrong: dict[str, Any], trouble: DeliveryTrouble
) -> None:
    with MailServer(tmp_path) as server:
        sending = courier(server, **wrong)
        first, second = sending.deliver(message(THREE[0])), sending.deliver(message(THREE[1]))
        sending.close()
    assert first is not None and first.trouble is trouble and f"127.0.0.1:{server.port}" in first.detail
    assert second is first
    assert PASSWORD not in first.detail and server.taken == []


def test_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    with MailServer(tmp_path, "none", auth=False) as server:
        failure = courier(server, security="starttls").deliver(message())
    assert failure is not None and failure.trouble is DeliveryTrouble.TLS
    assert server.taken == []


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    failure = SmtpCourier("127.0.0.1", port, sender=SENDER).deliver(message())
    assert failure is not None and failure.trouble is DeliveryTrouble.CONNECTION
    assert "refused" in failure.detail.lower()


@contextmanager
def mute_server(drip: bytes = b"") -> Iterator[int]:
    """Takes connections and says nothing, or one byte of an endless greeting every tenth of a second."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)

        def serve() -> None:
            taken: list[socket.socket] = []
            while not done.wait(0.1 if taken else 0.01):
                try:
                    taken.append(listener.accept()[0])
                    taken[-1].sendall(b"220 hello\r\n" if drip else b"")
                except TimeoutError:
                    pass
                for connection in taken:
                    try:
                        connection.sendall(drip)
                    except OSError:
                        done.set()
            for connection in taken:
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join(5)


@pytest.mark.parametrize("drip", [b"", b"2"], ids=["silent", "endless answer"])
def test_a_server_that_never_comes_to_the_point_costs_bounded_time(drip: bytes) -> None:
    with mute_server(drip) as port:
        started = time.monotonic()
        sending = SmtpCourier("127.0.0.1", port, sender=SENDER, timeout_s=0.5)
        failure = sending.deliver(message())
        took = time.monotonic() - started
    assert failure is not None and failure.trouble is DeliveryTrouble.CONNECTION
    assert took < sending.longest_s + 1


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [("451 4.3.0 try later", DeliveryTrouble.LATER), ("552 5.3.4 too big", DeliveryTrouble.REFUSED)],
)
def test_a_message_that_is_not_taken(tmp_path: Path, answer: str, trouble: DeliveryTrouble) -> None:
    with MailServer(tmp_path) as server:
        server.behaviour.data = answer
        sending = courier(server)
        failure = sending.deliver(message())
        server.behaviour.data = "250 taken"
        assert sending.deliver(message(THREE[1])) is None, "the connection is still of use"
        sending.close()
    assert failure is not None and failure.trouble is trouble and answer in failure.detail


def test_a_server_that_wants_a_login_or_another_sender_does_not_refuse_the_recipient(tmp_path: Path) -> None:
    """Nobody's address is at fault, so that no message may be given up as one that nobody wants."""
    with MailServer(tmp_path) as server:
        sending = courier(server, username=None, password=None)
        first, second = sending.deliver(message(THREE[0])), sending.deliver(message(THREE[1]))
        sending.close()
        assert first is not None and first.trouble is DeliveryTrouble.LOGIN and "530" in first.detail
        assert second is first, "it is asked once"
        server.behaviour.sender = "553 5.7.1 not one of your addresses"
        sending = courier(server)
        failure = sending.deliver(message())
        sending.close()
    assert failure is not None and failure.trouble is DeliveryTrouble.CONFIGURATION
    assert f"does not take mail from {SENDER}: 553" in failure.detail and server.taken == []


def test_a_server_that_is_too_slow_is_told_from_one_that_hangs_up(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        server.behaviour.delay_s = 2
        slow = courier(server, timeout_s=0.5).deliver(message())
        server.behaviour.delay_s, server.behaviour.drop_in_data = 0, True
        dropped = courier(server).deliver(message())
    assert slow is not None and slow.trouble is DeliveryTrouble.CONNECTION and "did not answer in time" in slow.detail
    assert dropped is not None and dropped.trouble is DeliveryTrouble.CONNECTION and "hung up" in dropped.detail


def test_one_rejected_recipient_of_three_concerns_nobody_else(tmp_path: Path) -> None:
    store, clock = MemoryStore(), Clock()
    store.record([message(recipient) for recipient in THREE])
    with MailServer(tmp_path) as server:
        server.behaviour.rcpt = {THREE[1]: "550 5.1.1 no such user"}
        done = flush(store, {"mail": courier(server)}, clock)
        assert [taken.recipients for taken in server.drain()] == [(THREE[0],), (THREE[2],)]
        (failed,) = done.failed
        assert (failed.message.recipient, failed.failure.trouble) == (THREE[1], DeliveryTrouble.REFUSED)
        assert "550" in str(failed.failure) and failed.next_try_at is not None
        # Somebody puts the server right: the refused one is asked about again and arrives.
        server.behaviour.rcpt = {}
        clock.time = failed.next_try_at
        assert len(flush(store, {"mail": courier(server)}, clock).sent) == 1
        assert [taken.recipients for taken in server.drain()] == [(THREE[1],)]
        assert flush(store, {"mail": courier(server)}, clock).sent == ()


def test_a_line_that_breaks_in_data_loses_nothing(tmp_path: Path) -> None:
    store, clock = MemoryStore(), Clock()
    store.record([message(recipient) for recipient in THREE])
    with MailServer(tmp_path) as server:
        server.behaviour.drop_in_data = True
        done = flush(store, {"mail": courier(server)}, clock)
        assert [failed.failure.trouble for failed in done.failed] == [DeliveryTrouble.CONNECTION] * 3
        server.behaviour.drop_in_data = False
        clock.time += timedelta(minutes=1)
        assert len(flush(store, {"mail": courier(server)}, clock).sent) == 3
        assert len(server.taken) == 3


def test_a_server_that_is_down_for_a_day(tmp_path: Path) -> None:
    """Flushed every ten minutes: all arrive once the server is back, each once, after a bounded number of attempts."""
    store, clock = MemoryStore(), Clock()
    store.record([message(recipient) for recipient in THREE])
    with MailServer(tmp_path) as server:
        down = replace_port(server)
        for _ in range(24 * 6):
            assert flush(store, {"mail": down}, clock).sent == ()
            clock.time += timedelta(minutes=10)
        waiting = store.deliveries()
        assert {one.state for one in waiting} == {DeliveryState.WAITING}
        assert all(one.error and "connection" in one.error and one.attempts < 15 for one in waiting)
        clock.time += timedelta(hours=4)
        assert len(flush(store, {"mail": courier(server)}, clock).sent) == 3
        assert sorted(taken.recipients[0] for taken in server.taken) == list(THREE)
    assert {one.state for one in store.deliveries()} == {DeliveryState.SENT}


def replace_port(server: MailServer) -> SmtpCourier:
    """A courier to where `server` would be, were it up."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return SmtpCourier("127.0.0.1", port, sender=SENDER, security=server.security, timeout_s=1)


def test_an_address_that_smtp_cannot_carry_is_refused_not_raised(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        sending = courier(server)
        odd = replace(message(), recipient="müller@clinic.example")
        failure = sending.deliver(odd)
        assert failure is not None and failure.trouble is DeliveryTrouble.REFUSED
        assert sending.deliver(replace(message(), recipient="a@bücher.example")) is None
        sending.close()
    assert server.taken[0].recipients == ("a@xn--bcher-kva.example",)
