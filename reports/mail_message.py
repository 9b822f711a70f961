"""A mail as it goes over the wire (RFC 5322), one for each recipient. Pure: date and identity are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

import idna

from reports.escape import file_name, header
from reports.mail import MailContent

MAX_ATTACHMENT_BYTES = 8 * 1024 * 1024
"""Mail servers commonly refuse messages of 10 MB and more; base64 adds a third."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom, and which conversation it belongs to."""

    sender: str
    recipient: str
    site: str
    message_id: str
    date: datetime
    reply_to: str | None = None
    references: tuple[str, ...] = ()
    """Message-IDs of earlier messages about the same incidents, the most important last."""


def message_id(sender: str, *identity: str) -> str:
    """Return the Message-ID of what `identity` names: the same for the same message, however often it is made."""
    digest = hashlib.sha256("\0".join(identity).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"<{digest}@{_domain(sender)}>"


def mail_bytes(envelope: Envelope, content: MailContent, report_html: str | None = None) -> bytes:
    """Return the finished message, lines ended by CRLF, ASCII only; `report_html` becomes its one attachment.

    A report that is too large for mail servers is left out, and the text says so.
    """
    report = None if report_html is None else report_html.encode()
    too_large = report is not None and len(report) > MAX_ATTACHMENT_BYTES
    site = file_name(envelope.site, 40).lower()
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(envelope.sender, "tagdrift")
    mail["To"] = _address(envelope.recipient)
    if envelope.reply_to:
        mail["Reply-To"] = _address(envelope.reply_to)
    mail["Subject"] = header(content.subject)
    mail["Date"] = envelope.date.astimezone(UTC)
    mail["Message-ID"] = envelope.message_id
    if envelope.references:
        mail["In-Reply-To"] = envelope.references[-1]
        mail["References"] = " ".join(envelope.references)
    mail["List-Id"] = f"tagdrift on {site} <{site}.tagdrift.{_domain(envelope.sender)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if content.urgent:
        mail["Importance"] = "high"
    text = content.text
    if too_large:
        text += "(The report is too large to be attached: `tagdrift report` writes it to a file.)\n"
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(content.html, subtype="html", cte="quoted-printable")
    if report is not None and not too_large:
        name = f"tagdrift-{site}-{envelope.date:%Y-%m-%d}.html"
        mail.add_attachment(report.decode(), subtype="html", cte="base64", filename=name)
    _set_boundaries(mail, envelope.message_id)
    # Folded, a long subject begins with a line of its own and, for some readers, with a blank. Encoded words must be
    # short, though, so that other subjects are folded all the same.
    return mail.as_bytes(policy=SMTP.clone(max_line_length=900) if content.subject.isascii() else SMTP)


def _set_boundaries(mail: EmailMessage, seed: str) -> None:
    """Left to the library they would be random; `=_` can stand in no encoded line."""
    digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_{digest}_{number}")


def _address(address: str, name: str = "") -> Address:
    local, _, _ = address.rpartition("@")
    return Address(name, local, _domain(address))


def _domain(address: str) -> str:
    domain = address.rpartition("@")[2]
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()


def thread_of(earlier: Sequence[str], own: str, limit: int = 20) -> tuple[str, ...]:
    """Return the References of a message: earlier ones, worst incident last, without its own and repetitions."""
    return tuple(reversed(dict.fromkeys(one for one in earlier if one != own)))[-limit:]
