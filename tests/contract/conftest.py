"""`store` runs every test that takes it against memory, a SQLite file and a real PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scanner.ports import Store
from scanner.store import open_store
from tests.contract.postgres import Databases, server


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    with server() as folder:
        made = Databases(folder)
        yield made
        made.close()


@pytest.fixture(scope="session")
def migrated_postgres(databases: Databases) -> str:
    name = databases.create()
    open_store(databases.url(name)).close()
    return name


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_sqlite, tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def postgres_url(databases: Databases, migrated_postgres: str) -> Iterator[str]:
    name = databases.create(migrated_postgres)
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database in which nothing is yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    databases: Databases = request.getfixturevalue("databases")
    name = databases.create()
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture(params=["sqlite", "postgres"])
def sql_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty store in a database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def reopen(request: pytest.FixtureRequest) -> Iterator[Callable[[], Store]]:
    """Opens the same store again and again, as processes after each other would; memory has only one."""
    opened: list[Store] = []
    if request.param == "memory":
        memory = open_store("memory:")

        def open_again() -> Store:
            return memory
    else:
        url = request.getfixturevalue(f"{request.param}_url")

        def open_again() -> Store:
            opened.append(open_store(url))
            return opened[-1]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Store:
    return reopen()
