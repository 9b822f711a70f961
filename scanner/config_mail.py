"""The `mail` section: the server, who is told what, and how often."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from scanner.config_secrets import is_reference
from scanner.config_site import Context, Section, duration_ms, secret_of
from scanner.config_yaml import KeyPath
from scanner.model import Secret, Severity

_DEFAULT_PORTS = {"none": 25, "starttls": 587, "tls": 465}
OVERDUE_AFTER = timedelta(hours=36)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")


@dataclass(frozen=True, slots=True)
class SmtpConfig:
    """The mail server."""

    host: str
    port: int = 587
    security: str = "starttls"
    """none | starttls | tls"""
    username: str | None = None
    password: Secret | None = None
    """None: no password, or the configuration was loaded without mail secrets."""
    timeout_s: float = 30.0
    ca_file: str | None = None
    """Certificates that vouch for the server beside the machine's own."""


@dataclass(frozen=True, slots=True)
class MailRoute:
    """Who is told of what. Every condition that is given must hold."""

    to: tuple[str, ...] = ()
    chat: tuple[str, ...] = ()
    """Names of `MailConfig.chat`."""
    site: tuple[str, ...] = ()
    """Globs; empty: every site."""
    severity: Severity | None = None
    """This one or worse; None: any, and also what has none, such as a site that cannot be scanned."""
    vendor: tuple[str, ...] = ()
    """Vendor ids; empty: any."""


@dataclass(frozen=True, slots=True)
class MailConfig:
    smtp: SmtpConfig
    sender: str
    """`from` in the file."""
    to: tuple[str, ...]
    """Who is told what no route takes."""
    reply_to: str | None = None
    routes: tuple[MailRoute, ...] = ()
    chat: Mapping[str, Secret | None] = field(default_factory=lambda: MappingProxyType({}))
    """Name → address in Apprise's notation; None: loaded without mail secrets."""
    remind_after: timedelta | None = timedelta(days=7)
    """None: never."""
    heartbeat: timedelta | None = timedelta(days=7)
    """None: never."""
    overdue_after: timedelta = OVERDUE_AFTER
    pings: bool = False
    """A ping address is configured."""
    ping: Secret | None = None
    """Address that is told of every scan; `{site}` in it stands for the site's name. None: there is none, or the
    configuration was loaded without mail secrets."""


def read_mail(top: Section, context: Context, secrets: bool) -> MailConfig | None:
    """Return the section; None if there is none, or too little of it (its problems are in the context)."""
    mail = top.group("mail")
    server = _smtp(mail.group("smtp"), context, secrets)
    chat = {
        name: secret_of(mail.group("chat"), name, context, secrets)
        for name in dict.fromkeys(name for values, _ in mail.group("chat").layers for name in values)
    }
    routes = tuple(
        _route(Section(((own, (*mail.path("routes"), position)),)), context, chat)
        for position, own in enumerate(mail.get("routes", []))
        if own is not None
    )
    addresses = [*mail.texts("to"), *((mail.path(key), mail.get(key)) for key in ("from", "reply_to") if key in mail)]
    for at, address in addresses:
        _check_address(at, address, context)
    if server is None or "from" not in mail or "to" not in mail:
        return None
    return MailConfig(
        smtp=server,
        sender=mail.get("from"),
        to=_texts(mail, "to"),
        reply_to=mail.get("reply_to"),
        routes=routes,
        chat=MappingProxyType(chat),
        remind_after=_span(mail.get("remind_after", "7d")),
        heartbeat=_span(mail.get("heartbeat", "7d")),
        overdue_after=timedelta(milliseconds=duration_ms(mail.get("overdue_after", "36h"))),
        pings="ping" in mail,
        ping=_ping(mail, context, secrets),
    )


def _smtp(smtp: Section, context: Context, secrets: bool) -> SmtpConfig | None:
    password = secret_of(smtp, "password", context, secrets) if "password" in smtp else None
    username = smtp.get("username")
    if username is not None and is_reference(username):
        named = secret_of(smtp, "username", context, secrets)
        username = named.reveal() if named else None
    if ("username" in smtp) != ("password" in smtp):
        given, missing = ("username", "password") if "username" in smtp else ("password", "username")
        context.problem(smtp.path(given), f"`mail.smtp` has `{given}` but no `{missing}`")
    if "host" not in smtp:
        return None
    security = smtp.get("security", "starttls")
    if security == "none" and "password" in smtp and smtp.get("host") not in _LOOPBACK:
        context.problem(
            smtp.path("security"), "`security: none` would send the password unprotected; write `starttls` or `tls`"
        )
    ca_file = None
    if "ca_file" in smtp:
        path = context.place(smtp.path("ca_file"), smtp.get("ca_file"))
        ca_file = str(path)
        if not path.is_file():
            context.problem(smtp.path("ca_file"), f"the file {path} does not exist")
    return SmtpConfig(
        host=smtp.get("host"),
        port=int(smtp.get("port", _DEFAULT_PORTS[security])),
        security=security,
        username=username,
        password=password,
        timeout_s=duration_ms(smtp.get("timeout", "30s")) / 1000,
        ca_file=ca_file,
    )


def _route(route: Section, context: Context, chat: Mapping[str, Any]) -> MailRoute:
    if "to" not in route and "chat" not in route:
        context.problem(route.layers[0][1], "a route needs `to` or `chat`: whom does it lead to?")
    for at, address in route.texts("to"):
        _check_address(at, address, context)
    for at, name in route.texts("chat"):
        context.attempt(at, partial(_known_chat, name, chat))
    severity = route.get("severity")
    return MailRoute(
        to=_texts(route, "to"),
        chat=_texts(route, "chat"),
        site=_texts(route, "site"),
        severity=Severity(severity) if severity else None,
        vendor=_texts(route, "vendor"),
    )


def _texts(section: Section, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for _, text in section.texts(key)))


def _known_chat(name: str, chat: Mapping[str, Any]) -> None:
    if name not in chat:
        known = f"there are: {', '.join(chat)}" if chat else "`mail.chat` names none"
        raise ValueError(f"no chat is called `{name}`; {known}")


def _check_address(at: KeyPath, address: str, context: Context) -> None:
    if (problem := address_problem(address)) is not None:
        context.problem(at, f"`{address}`: {problem}")


def address_problem(address: str) -> str | None:
    """Say why SMTP cannot carry mail to `address`; None: it can. The schema asks for the rough form, too."""
    if not _ADDRESS.fullmatch(address):
        return "that is no mail address"
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        return "what stands before the @ must be plain ASCII"
    try:
        domain.encode("idna")
    except UnicodeError:
        return "what stands behind the @ is no host name"
    return None


def _span(text: str) -> timedelta | None:
    return None if text == "never" else timedelta(milliseconds=duration_ms(text))


def _ping(mail: Section, context: Context, secrets: bool) -> Secret | None:
    """Such an address is often a secret, and need not be: both a reference and plain text will do."""
    if "ping" not in mail:
        return None
    text = mail.get("ping")
    if is_reference(text):
        return secret_of(mail, "ping", context, secrets)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        context.problem(mail.path("ping"), f"`{text[:60]}` is no http(s) URL")
    return Secret("mail.ping", text)
