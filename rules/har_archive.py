"""HAR files as archives: Playwright packs the log and every body into one zip file. Pure."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from typing import Any, Final

from rules.har_entry import as_map, as_text

MAX_LOG_BYTES: Final = 1024 * 1024 * 1024
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
MAX_BODIES_BYTES: Final = 512 * 1024 * 1024


class Attachments:
    """The bodies beside the log, by name. Reads them when asked, within limits; never raises."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MAX_BODIES_BYTES

    def fill(self, entry: Any) -> None:
        """Put the bodies that an entry names (`_file`) where HAR has them."""
        request, response = (as_map(as_map(entry).get(side)) for side in ("request", "response"))
        for holder in (request.get("postData"), response.get("content")):
            if isinstance(holder, dict) and holder.get("_file") and not holder.get("text"):
                body = self._read(as_text(holder["_file"]))
                if body is not None:
                    holder.update(text=base64.b64encode(body).decode(), encoding="base64")

    def _read(self, name: str) -> bytes | None:
        try:
            with self._archive.open(name) as file:
                body = file.read(min(MAX_BODY_BYTES, self._left) + 1)
        except (KeyError, *_DAMAGES):
            return None
        if len(body) > min(MAX_BODY_BYTES, self._left):
            return None
        self._left -= len(body)
        return body


_DAMAGES: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


def opened(raw: bytes) -> tuple[bytes, Attachments]:
    """Return the log of a zipped HAR file and the bodies beside it.

    Raises:
        ValueError: damaged, or without a HAR file in it; says which.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
        names = [one.filename for one in archive.infolist() if one.filename.lower().endswith(".har")]
        if not names:
            raise ValueError("a zip archive without a .har file in it")
        with archive.open(names[0]) as file:
            log = file.read(MAX_LOG_BYTES)
    except _DAMAGES as error:
        text = str(error)
        raise ValueError(text if text.startswith("a zip") else f"a damaged zip archive: {text}") from None
    return log, Attachments(archive)
