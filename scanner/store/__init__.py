"""Where scans, visits, approvals and leases live: SQLite by default, PostgreSQL by URL, or memory."""

from __future__ import annotations

from scanner.ports import Store
from scanner.store.memory import MemoryStore

__all__ = ["MemoryStore", "open_store"]

MEMORY_URL = "memory:"


def open_store(url: str) -> Store:
    """Open the store at `url`, creating or migrating it as needed.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql+psycopg://user:password@host/name`,
    or `memory:`, which keeps nothing.

    Raises:
        StoreError: the URL makes no sense, the path or server cannot be used, the driver is missing, or the
            database is damaged, of another program, or of a newer tagdrift. The message says what to do
            and never holds the password.
    """
    if url == MEMORY_URL:
        return MemoryStore()
    # SQLAlchemy costs a third of a second to import: only who opens a database pays for it.
    from scanner.store.engine import connect, parse_url
    from scanner.store.migrate import upgrade
    from scanner.store.sql import SqlStore

    engine = connect(parse_url(url))
    try:
        upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine)
