"""The approvals file on disk: read as it is, changed by one process at a time, replaced whole or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scanner.approvals import Acceptances
from scanner.approvals_read import HINT, read_approvals
from scanner.errors import CannotRun, Problem, ProblemsError

_WAIT_S = 30.0
_POLL_S = 0.05


def read_file(path: Path | None) -> Acceptances:
    """Return what the file approves; nothing if there is none.

    Raises:
        ProblemsError: it cannot be read, or something in it is wrong.
    """
    text = _text(path) if path is not None else None
    return Acceptances() if text is None or path is None else read_approvals(text, str(path))


def change_file(path: Path, edit: Callable[[str], str]) -> Acceptances:
    """Replace the file's text by what `edit` makes of it (of nothing, if there is none); return what it says then.

    Whoever else changes it waits. A reader sees the old file or the new one.

    Raises:
        ProblemsError: the file is wrong as it is.
        CannotRun: it cannot be written.
    """
    try:
        target = path.resolve()  # a link stays a link: what it leads to is replaced
        with _alone(target.parent):
            before = _text(path) or ""
            after = edit(before)
            if after != before:
                _replace(target, after)
            return read_approvals(after, str(path))
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the directory's lock: the file itself is replaced, and a lock file beside it would be one more to commit."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + _WAIT_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CannotRun(f"somebody else has been changing files in {folder} for {_WAIT_S:.0f} s") from None
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        problem = Problem(str(path), None, f"not UTF-8 text (byte {error.start})")
        raise ProblemsError([problem], hint=HINT) from None
    except OSError as error:
        problem = Problem(str(path), None, f"cannot be read: {error.strerror or error}")
        raise ProblemsError([problem], hint=HINT) from None


def _replace(path: Path, text: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
