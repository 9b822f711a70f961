"""A real SMTP server on the loopback interface: STARTTLS or TLS, authentication, and every kind of trouble."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "tagdrift", "correct horse"


@dataclass(frozen=True, slots=True)
class Taken:
    """One message as the server took it."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    secure: bool

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=default)

    @property
    def subject(self) -> str:
        return str(self.mail["Subject"])

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"])

    @property
    def text(self) -> str:
        part = self.mail.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def html(self) -> str:
        part = self.mail.get_body(("html",))
        assert part is not None
        return str(part.get_content())


@dataclass(slots=True)
class Behaviour:
    """What goes wrong; nothing by default. May be changed while the server runs."""

    rcpt: Mapping[str, str] = field(default_factory=dict)
    """Recipient → answer to RCPT."""
    data: str = "250 taken"
    sender: str = "250 fine"
    """Answer to MAIL FROM."""
    drop_in_data: bool = False
    delay_s: float = 0.0
    """Before each answer to RCPT."""


class MailServer:
    """Use as a context manager; `taken` is the ground truth. `security`: none | starttls | tls."""

    def __init__(self, folder: Path, security: str = "starttls", *, auth: bool = True) -> None:
        self.taken: list[Taken] = []
        self.behaviour = Behaviour()
        self.port = 0
        self.security, self._auth = security, auth
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        certificate = authority.issue_cert("127.0.0.1", "localhost", key_type=trustme.KeyType.ECDSA)
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(self._tls)
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None

    # -- life
    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-server", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        tls = self._tls if self.security == "tls" else None
        self._server = await self._loop.create_server(self._protocol, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def _protocol(self) -> SMTP:
        return SMTP(
            self,
            tls_context=self._tls if self.security == "starttls" else None,
            require_starttls=self.security == "starttls",
            auth_required=self._auth,
            auth_require_tls=self.security == "starttls",
            auth_exclude_mechanism=["CRAM-MD5"],
            authenticator=self._authenticate,
            loop=self._loop,
        )

    # -- what aiosmtpd asks
    def _authenticate(self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=False)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.behaviour.sender.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.behaviour.sender

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.behaviour.delay_s)
        answer = self.behaviour.rcpt.get(address, "250 fine")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.behaviour.drop_in_data:
            cast(asyncio.Transport, server.transport).abort()
            return "451 never seen"
        if self.behaviour.data.startswith("250"):
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            secure = self.security == "tls" or session.ssl is not None
            self.taken.append(Taken(envelope.mail_from or "", tuple(envelope.rcpt_tos), content, secure))
        return self.behaviour.data

    # -- for tests
    def config(self, **more: Any) -> dict[str, Any]:
        """The `smtp` section that reaches this server."""
        section: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "security": self.security, "timeout": "5s"}
        if self.security != "none":
            section["ca_file"] = str(self.ca_file)
        if self._auth:
            section |= {"username": USER, "password": "env:SMTP_PASSWORD"}
        return section | more

    def drain(self) -> list[Taken]:
        """Return what was taken since the last call."""
        taken, self.taken = self.taken, []
        return taken
