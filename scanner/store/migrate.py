"""Bring a database to the newest schema, or say clearly why not. Alembic is loaded only if there is work for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from scanner.errors import StoreError
from scanner.store.engine import shown, transaction

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0005"
"""The newest migration of this tagdrift; they are numbered, so "newer" can be seen by comparing."""
VERSION_TABLE = "tagdrift_version"
"""An own name: a PostgreSQL database may be shared with a program that uses Alembic, too."""
_LOCK = 0x7461_6764_7269_6674
"""Advisory lock of PostgreSQL, `tagdrift` in ASCII. SQLite's writer lock needs no name."""


def alembic_config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("version_table", VERSION_TABLE)
    return config


def upgrade(engine: Engine) -> None:
    """Migrate to HEAD in one transaction, under a lock: of two processes that start at once the second waits.

    Raises:
        StoreError: the schema is newer than known, the database belongs to another program, or it refuses.
    """
    with transaction(engine, writes=False) as connection:
        if _version(connection) == HEAD:
            return
    with transaction(engine, writes=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        version = _version(connection)
        if version == HEAD:
            return
        from alembic import command

        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def _version(connection: Connection) -> str | None:
    """Return the schema's version, None for an empty database."""
    name = shown(connection.engine.url)
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in tables:
        if tables and connection.dialect.name == "sqlite":
            raise StoreError(f"{name} is the database of another program", hint="name another file in `store:`")
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()  # noqa: S608
    if len(found) != 1 or not found[0].isdigit():
        raise StoreError(f"{name} has an unknown schema version {', '.join(map(repr, found))}")
    version = str(found[0])
    if version > HEAD:
        raise StoreError(
            f"{name} was written by a newer tagdrift (schema {version}, this one knows up to {HEAD})",
            hint="pip install --upgrade tagdrift",
        )
    return version
