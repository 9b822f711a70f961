"""Connections to the database: URLs, SQLite's settings, and errors that say what to do. Passwords never leave here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from scanner.errors import StoreError
from scanner.store.codec import CodecError

BUSY_TIMEOUT_S = 30
"""How long a SQLite writer waits for another one."""
CONNECT_TIMEOUT_S = 10
_LEAST_PASSWORD_CHARS = 4
"""From this length on a password is taken out of messages wherever it stands, within words as well."""
_KNOWN = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_HINTS = (
    ("not a database", "the file is something else: name another one in `store:`"),
    ("malformed", "the file is damaged: restore it from a backup, or move it away to start anew"),
    ("readonly", "make the file and its folder writable for this user"),
    ("unable to open", "make the folder, and make it writable for this user"),
    ("is locked", "another process has been writing for too long: look for one that hangs"),
    ("is full", "make room on the disk; everything saved before is still there"),
    ("disk I/O", "look at the disk; everything saved before is still there if the disk is"),
    ("does not exist", "create it first: `createdb NAME`, or check the name in `store:`"),
    ("authentication failed", "check user and password of the store URL"),
    ("no password supplied", "check user and password of the store URL"),
    ("permission denied", "grant the user CREATE on the schema"),
    ("connection", "is the server running, and can this machine reach it?"),
)


def shown(url: URL) -> str:
    """Return the URL for people: without password, and without options, which may hold another one."""
    return url.set(query={}).render_as_string(hide_password=True)


def parse_url(text: str) -> URL:
    """Read a store URL; anything that is not SQLite or PostgreSQL is a `StoreError`."""
    hint = "use sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError("the store URL cannot be read", hint=hint) from None
    if url.drivername not in _KNOWN:
        raise StoreError(f"tagdrift cannot store in {url.drivername!r}", hint=hint)
    url = url.set(drivername=_KNOWN[url.drivername])
    if url.drivername == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise StoreError("the store URL names no file", hint=hint + "; `memory:` keeps everything in memory")
        folder = Path(str(url.database)).parent
        if not folder.is_dir():
            raise StoreError(f"the store {shown(url)} cannot be opened: {folder} is not a folder", hint="make it first")
    return url


def connect(url: URL) -> Engine:
    """Return an engine; nothing is contacted yet."""
    options: dict[str, Any] = {"hide_parameters": True}
    if url.drivername == "sqlite":
        options["connect_args"] = {"timeout": BUSY_TIMEOUT_S}
    else:
        options["connect_args"] = {"connect_timeout": CONNECT_TIMEOUT_S}
        options["pool_pre_ping"] = True  # the daemon outlives restarts of the server
    try:
        engine = create_engine(url, **options)
    except (ImportError, NoSuchModuleError):
        raise StoreError(
            "the driver for PostgreSQL is not installed", hint="pip install 'tagdrift[postgres]'"
        ) from None
    if url.drivername == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # Python's own idea of when a transaction begins is turned off: `_begin_sqlite` says it.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
    # WAL alone survives kill -9. FULL survives a power cut, too, for one fsync a visit: a visit costs
    # seconds of a browser, and approvals and the audit log must not be lost at all.
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could fail half way when another one wrote in
    # between; a writer therefore takes the lock, and waits for it, at its beginning.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """Run the body in one transaction: all of it or, on any exception, nothing. Raises `StoreError`."""
    with store_errors(engine.url), engine.execution_options(writes=writes).begin() as connection:
        yield connection


@contextmanager
def store_errors(url: URL) -> Iterator[None]:
    """Turn the database's errors, and documents that cannot be read, into `StoreError`."""
    try:
        yield
    except DBAPIError as error:
        text = " ".join(str(error.orig).split())
        hint = next((hint for sign, hint in _HINTS if sign.lower() in text.lower()), None)
        raise StoreError(f"the store {shown(url)}: {_without_password(text, url)}", hint=hint) from None
    except SQLAlchemyError as error:
        raise StoreError(f"the store {shown(url)}: {_without_password(str(error), url)}") from None
    except CodecError as error:
        raise StoreError(f"the store {shown(url)} holds something unreadable: {error}") from error


def _without_password(text: str, url: URL) -> str:
    password = str(url.password or "")
    if len(password) >= _LEAST_PASSWORD_CHARS:
        return text.replace(password, "***")
    # As a word only: a password of one letter would show itself by its absence from all others.
    return re.sub(rf"(?<!\w){re.escape(password)}(?!\w)", "***", text) if password else text
