"""The directory the pages lie in: what tagdrift wrote there it may replace and remove, nothing else.

`tagdrift-pages.json` lists every file that was written, with its SHA-256. Each file is replaced at once or not at
all, so that a web server that serves the directory meanwhile never hands out half a page.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from reports.site_pages.model import File
from scanner.errors import CannotRun, UsageError

LIST = "tagdrift-pages.json"
FORMAT = 1
_MARK = b"<!doctype html>\n<!-- tagdrift page -->\n"
"""How our pages begin: also those of a build that was killed before it could write its list."""


@dataclass(slots=True)
class SiteDir:
    """Use as: `open`, `put` every file, `keep` those that stay, then `close`, which removes what is stale."""

    root: Path
    before: dict[str, str] = field(default_factory=dict)
    """Path → SHA-256 of what the last build left."""
    fingerprints: dict[str, str] = field(default_factory=dict)
    """Folder → of what its pages were made."""
    written: int = 0
    unchanged: int = 0
    removed: int = 0
    left_alone: tuple[str, ...] = ()
    """Stale files that somebody else has changed since."""
    _now: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path) -> SiteDir:
        """Make the directory if need be and read what the last build left there.

        Raises:
            CannotRun: the directory cannot be made or written to.
        """
        with _refusals(root):
            root.mkdir(parents=True, exist_ok=True)
        before, fingerprints = _read_list(root / LIST)
        return cls(root, before, fingerprints)

    def known(self) -> Mapping[str, str]:
        """Folder → fingerprint, of those folders whose files are all still there."""
        gone = {path.rpartition("/")[0] for path in self.before if not (self.root / path).is_file()}
        return {folder: told for folder, told in self.fingerprints.items() if folder not in gone}

    def put(self, file: File) -> None:
        """Write one file, unless it lies there just so already.

        Raises:
            UsageError: a file lies there that tagdrift did not write.
            CannotRun: the disk is full, or the like.
        """
        path, content = file
        target = self._inside(path)
        digest = hashlib.sha256(content).hexdigest()
        with _refusals(self.root):
            if path in self.before:
                if self.before[path] == digest and target.is_file() and target.read_bytes() == content:
                    self._now[path] = digest
                    self.unchanged += 1
                    return
            elif os.path.lexists(target) and not _is_ours(target):
                raise UsageError(
                    f"{target} is there and was not written by tagdrift",
                    hint="name an empty directory, or one that only tagdrift writes to",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, content)
        self._now[path] = digest
        self.written += 1

    def keep(self, folder: str) -> None:
        """Leave the files of a folder as the last build left them."""
        for path, digest in self.before.items():
            if path.startswith(f"{folder}/"):
                self._now[path] = digest
                self.unchanged += 1

    def close(self, fingerprints: Mapping[str, str]) -> None:
        """Remove what the last build left and this one did not write, and write the list."""
        left: list[str] = []
        with _refusals(self.root):
            for path in sorted(self.before.keys() - self._now.keys()):
                target = self._inside(path)
                if not target.is_file() or target.is_symlink():
                    continue
                if hashlib.sha256(target.read_bytes()).hexdigest() != self.before[path]:
                    left.append(path)
                    continue
                target.unlink()
                self.removed += 1
                self._remove_empty(target.parent)
            listed = {"format": FORMAT, "files": self._now, "fingerprints": dict(fingerprints)}
            _replace(self.root / LIST, (json.dumps(listed, indent=1, sort_keys=True) + "\n").encode())
        self.left_alone = tuple(left)

    def _inside(self, path: str) -> Path:
        if not _is_harmless(path):
            raise ValueError(f"not a path below the directory: {path!r}")
        return self.root.joinpath(*PurePosixPath(path).parts)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return  # somebody's file is still in it
            folder = folder.parent


def _read_list(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """A list that cannot be read is none: then nothing is removed, and every page is written anew."""
    try:
        listed: Any = json.loads(path.read_bytes())
        if listed["format"] != FORMAT:
            return {}, {}
        files, fingerprints = dict(listed["files"]), dict(listed["fingerprints"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}
    harmless = {
        name: digest
        for name, digest in files.items()
        if isinstance(name, str) and isinstance(digest, str) and _is_harmless(name)
    }
    return harmless, fingerprints if len(harmless) == len(files) else {}


def _is_harmless(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not path.startswith("/") and "\\" not in path and ":" not in path


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MARK)) == _MARK


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".tagdrift-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)  # mkstemp lets nobody else read; a web server has to
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@contextlib.contextmanager
def _refusals(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotRun(f"cannot write to {root}: {error.strerror or error}", hint="name another directory") from error
