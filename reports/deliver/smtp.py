"""Carries mail to an SMTP server. The only place that knows smtplib."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reports.escape import one_line
from scanner.model import Delivery, DeliveryFailure, DeliveryTrouble

_STEPS = 4
"""One attempt may take as long as so many of the server's slowest answers."""
_CONCERNS_ALL = (DeliveryTrouble.LOGIN, DeliveryTrouble.CONFIGURATION)
"""A server that says so after the connection was made says it to every message."""
_WANTS_LOGIN = frozenset({530, 534, 535, 538})
"""RFC 4954: authentication, or a safe connection before it, is missing. RFC 3207: 530, too, for STARTTLS."""


class SmtpCourier:
    """One connection for all messages of a flush; each message has an envelope of its own.

    A server that cannot be reached or used fails all further messages at once, without another wait.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        security: str = "starttls",
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 30.0,
        ca_file: str | None = None,
    ) -> None:
        """`security` is none, starttls or tls; `timeout_s` bounds each answer of the server."""
        self._host, self._port, self._security = host, port, security
        self._sender = sender
        self._username, self._password = username, password
        self._timeout_s, self._ca_file = timeout_s, ca_file
        self._server: smtplib.SMTP | None = None
        self._unusable: DeliveryFailure | None = None

    @property
    def longest_s(self) -> float:
        return self._timeout_s * _STEPS

    def deliver(self, message: Delivery) -> DeliveryFailure | None:
        """See `Courier.deliver`. None: the server answered 250 to this message for this recipient."""
        if self._unusable is not None:
            return self._unusable
        try:
            sender, recipient = _ascii(self._sender), _ascii(message.recipient)
        except UnicodeError:
            return DeliveryFailure(DeliveryTrouble.REFUSED, "no address that SMTP can carry: it is not ASCII")
        try:
            if self._server is None:
                self._server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            self._unusable = self._failure(error)
            return self._unusable
        try:
            with self._deadline(self._server):
                self._server.sendmail(sender, [recipient], message.content)
        except (OSError, smtplib.SMTPException) as error:
            failure = self._failure(error)
            if failure.trouble is DeliveryTrouble.CONNECTION:
                self.close()  # the next message gets a new connection
            elif failure.trouble in _CONCERNS_ALL:
                self._unusable = failure
            return failure
        return None

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        server: smtplib.SMTP
        if self._security == "tls":
            server = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_s, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        try:
            with self._deadline(server):
                server.ehlo_or_helo_if_needed()
                if self._security == "starttls":
                    server.starttls(context=context)
                    server.ehlo()
                if self._username is not None and self._password is not None:
                    server.login(self._username, self._password)
        except BaseException:
            server.close()
            raise
        return server

    @contextmanager
    def _deadline(self, server: smtplib.SMTP) -> Iterator[None]:
        """Hang up on a server that keeps each answer short of its timeout and never comes to an end."""

        late = threading.Event()

        def hang_up() -> None:
            late.set()
            with contextlib.suppress(OSError):
                if server.sock is not None:
                    server.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.longest_s / 2, hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (OSError, smtplib.SMTPException):
            if late.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()

    def _failure(self, error: Exception) -> DeliveryFailure:
        trouble, detail = _explained(error)
        return DeliveryFailure(trouble, one_line(f"{self._host}:{self._port} {detail}", 300))


def _explained(error: Exception) -> tuple[DeliveryTrouble, str]:
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, answer = next(iter(error.recipients.values()))
            return _by_code(code), f"does not take this recipient: {code} {_words(answer)}"
        case smtplib.SMTPAuthenticationError():
            trouble = DeliveryTrouble.LATER if error.smtp_code < 500 else DeliveryTrouble.LOGIN
            return trouble, f"refused the login: {error.smtp_code} {_words(error.smtp_error)}"
        case smtplib.SMTPSenderRefused() if error.smtp_code >= 500 and error.smtp_code not in _WANTS_LOGIN:
            # Not about this recipient: no message goes out before somebody puts it right; none is given up soon.
            said = f"does not take mail from {error.sender}: {error.smtp_code} {_words(error.smtp_error)}"
            return DeliveryTrouble.CONFIGURATION, said
        case smtplib.SMTPConnectError():
            return DeliveryTrouble.CONNECTION, f"does not want to talk: {error.smtp_code} {_words(error.smtp_error)}"
        case smtplib.SMTPResponseException():
            return _by_code(error.smtp_code), f"refused the message: {error.smtp_code} {_words(error.smtp_error)}"
        case smtplib.SMTPServerDisconnected() if isinstance(error.__context__, TimeoutError):
            return DeliveryTrouble.CONNECTION, "did not answer in time"
        case smtplib.SMTPServerDisconnected():
            return DeliveryTrouble.CONNECTION, f"hung up: {error}"
        case smtplib.SMTPNotSupportedError():
            starttls = "STARTTLS" in str(error)
            trouble = DeliveryTrouble.TLS if starttls else DeliveryTrouble.LOGIN
            return trouble, f"cannot do what is configured: {error}"
        case smtplib.SMTPException():
            return DeliveryTrouble.LOGIN, f"cannot do what is configured: {error}"
        case ssl.SSLError():
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            return DeliveryTrouble.TLS, f"no safe connection: {reason}"
        case TimeoutError():
            return DeliveryTrouble.CONNECTION, "did not answer in time"
        case _:
            return DeliveryTrouble.CONNECTION, f"cannot be reached: {getattr(error, 'strerror', None) or error}"


def _by_code(code: int) -> DeliveryTrouble:
    # 421 closes the whole connection, whatever it is an answer to.
    if code == 421:
        return DeliveryTrouble.CONNECTION
    if code in _WANTS_LOGIN:
        return DeliveryTrouble.LOGIN
    return DeliveryTrouble.LATER if code < 500 else DeliveryTrouble.REFUSED


def _words(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())


def _ascii(address: str) -> str:
    """Return the address with its host name in IDNA. Raises `UnicodeError` for other letters before the @."""
    local, at, domain = address.rpartition("@")
    ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
    return f"{local}{at}{ascii_domain}".encode("ascii").decode()
