"""Opening, migrating, and every way in which a database cannot be opened."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from scanner.errors import StoreError
from scanner.store import open_store
from scanner.store.engine import connect, parse_url, transaction
from scanner.store.migrate import HEAD, VERSION_TABLE, alembic_config
from scanner.store.tables import metadata
from tests import make
from tests.contract.scans import begin, execute, save


def test_the_migrations_make_the_tables_the_code_knows(sql_url: str) -> None:
    engine = connect(parse_url(sql_url))
    with transaction(engine, writes=False) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


def test_every_table_and_column_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
    sections = {section.split("`")[0]: section for section in page.split("\n### `")[1:]}
    assert sections.keys() == {*metadata.tables, VERSION_TABLE}
    for table in metadata.sorted_tables:
        rows = [line.split("|")[1] for line in sections[table.name].splitlines() if line.startswith("| `")]
        assert re.findall(r"`(\w+)`", " ".join(rows)) == list(table.columns.keys()), table.name


def test_opening_twice_keeps_what_is_there(empty_url: str) -> None:
    store = open_store(empty_url)
    scan = begin(store)
    save(store, scan, "/")
    store.close()
    again = open_store(empty_url)
    assert again.visited_pages(scan.id) == {make.page_url("/")}
    again.close()


def test_processes_that_open_a_new_store_at_once_do_not_collide(empty_url: str) -> None:
    program = (
        "import sys; from scanner.store import open_store; sys.stdin.read();"
        "store = open_store(sys.argv[1]); store.sites(); store.close()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, empty_url], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(5)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    errors = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert errors == [""] * 5


def test_a_newer_schema_is_refused(sql_url: str) -> None:
    execute(sql_url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer tagdrift \(schema 9999") as caught:
        open_store(sql_url)
    assert caught.value.hint == "pip install --upgrade tagdrift"


def test_an_unknown_schema_version_is_refused(sql_url: str) -> None:
    execute(sql_url, f"UPDATE {VERSION_TABLE} SET version_num = 'abc'")
    with pytest.raises(StoreError, match="unknown schema version 'abc'"):
        open_store(sql_url)


def a_text_file(folder: Path) -> str:
    (folder / "x.db").write_text("This is a text file, and long enough to be looked at. " * 100)
    return f"sqlite:///{folder}/x.db"


def another_programs_database(folder: Path) -> str:
    connection = sqlite3.connect(folder / "x.db")
    connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()
    return f"sqlite:///{folder}/x.db"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param(a_text_file, "not a database.*name another", id="a text file"),
        pytest.param(another_programs_database, "another program", id="somebody else's database"),
        pytest.param(lambda folder: f"sqlite:///{folder}", "unable to open.*folder", id="a folder"),
        pytest.param(lambda folder: f"sqlite:///{folder}/no/x.db", "no is not a folder.*make it", id="no such folder"),
        pytest.param(lambda _: "sqlite:////proc/self/x.db", "unable to open.*writable", id="an unwritable folder"),
        pytest.param(lambda _: "sqlite://", "names no file", id="no file"),
        pytest.param(lambda _: "mysql://u:hunter2@h/x", "cannot store in 'mysql'", id="another database"),
        pytest.param(lambda _: "hunter2 is no URL", "cannot be read", id="no URL"),
        pytest.param(
            lambda _: "postgresql+psycopg://u:hunter2@127.0.0.1:1/x?sslpassword=hunter2",
            "refused.*server running",
            id="no server",
        ),
        pytest.param(
            lambda _: "postgres://u:hunter2@127.0.0.1:1/hunter2?bogus=hunter2", "store postgres", id="a bad option"
        ),
    ],
)
def test_a_store_that_cannot_be_opened_says_why_and_keeps_the_password(
    tmp_path: Path, url: Callable[[Path], str], says: str
) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url(tmp_path))
    shown = " ".join(str(caught.value).split())
    assert "hunter2" not in shown.replace("/hunter2", "")
    assert re.search(says, shown), shown


def test_a_password_of_one_letter_does_not_show_itself_by_missing_elsewhere() -> None:
    with pytest.raises(StoreError, match=r"u:\*\*\*@[\s\S]*port 1 failed"):
        open_store("postgresql+psycopg://u:p@127.0.0.1:1/x")


def test_an_unknown_database_on_a_server_is_named(postgres_url: str) -> None:
    with pytest.raises(StoreError, match=r'database "elsewhere" does not exist[\s\S]*createdb'):
        open_store(re.sub(r"/store\d+", "/elsewhere", postgres_url))


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"tagdrift\[postgres\]"):
        open_store("postgresql://localhost/x")
