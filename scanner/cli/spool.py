"""Keeps recorded traffic on disk while a scan runs, then writes it as one HAR file."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from scanner.har_export import har_chunks
from scanner.model import PageCapture


class HarSpool:
    """Collects captures in a temporary file of this process, so that memory stays flat. Does nothing without a path."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._count = 0

    def __enter__(self) -> Self:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()  # a path that cannot be written is better known before the scan than after
            self._file = tempfile.TemporaryFile(prefix="tagdrift-har-")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            if error is not None and self._count:
                self.write()  # what an interrupted scan recorded is still worth having
            self._file.close()

    def keep(self, capture: PageCapture) -> None:
        if self._file is not None:
            pickle.dump(capture, self._file, protocol=pickle.HIGHEST_PROTOCOL)
            self._count += 1

    def write(self) -> None:
        """Write the HAR file, whole or not at all."""
        if self._path is None or self._file is None:
            return
        partly = self._path.with_name(self._path.name + ".part")
        with partly.open("w", encoding="utf-8") as out:
            out.writelines(har_chunks(self._captures()))
        partly.replace(self._path)

    def _captures(self) -> Iterator[PageCapture]:
        assert self._file is not None
        self._file.seek(0)
        for _ in range(self._count):
            # Written by this very process a moment ago, into an unnamed file: nobody else can have touched it.
            yield pickle.load(self._file)  # noqa: S301
        self._file.seek(0, 2)
