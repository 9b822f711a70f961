"""Secrets by reference: `env:NAME` or `file:PATH`. Their values never stand in a configuration or a message."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from scanner.model import Secret

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TELLING_HEADER = re.compile(
    r"auth|cookie|token|secret|passw|api-?key|-key$|session|credential|signature", re.IGNORECASE
)
_MAX_SECRET_BYTES = 8 * 1024 * 1024


def is_reference(text: str) -> bool:
    return text.startswith(("env:", "file:"))


def header_is_secret(name: str) -> bool:
    """Say whether the value of a header with this name is a secret, by its name."""
    return _TELLING_HEADER.search(name) is not None


def check_reference(text: str, key: str) -> None:
    """Raise `ValueError` with advice if `text` is no reference to a secret."""
    kind, _, target = text.partition(":")
    if not is_reference(text):
        raise ValueError(
            f"`{key}` is a secret and must not stand here in plain text; put it into an environment variable and write"
            f" `env:NAME`, or into a file of its own and write `file:PATH`"
        )
    if not target or (kind == "env" and not _NAME.fullmatch(target)):
        raise ValueError(f"`{key}`: {kind}: needs {'the name of a variable' if kind == 'env' else 'a path'}")


def read_secret(text: str, key: str, base: Path, environ: Mapping[str, str]) -> Secret:
    """Follow the reference `text`; paths count from `base`. The last line break of a file is not part of the secret.

    Raises `ValueError` naming the variable or file that is missing, empty or unreadable.
    """
    check_reference(text, key)
    kind, _, target = text.partition(":")
    if kind == "env":
        value = environ.get(target)
        if value is None:
            raise ValueError(f"`{key}`: the environment variable {target} is not set; set it where tagdrift runs")
    else:
        path = base / os.path.expanduser(target)  # noqa: PTH111 - the other one raises for unknown users
        try:
            if path.stat().st_size > _MAX_SECRET_BYTES:
                raise ValueError(f"`{key}`: the file {path} is too large for a secret")
            value = path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise ValueError(f"`{key}`: the file {path} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise ValueError(f"`{key}`: the file {path} is not UTF-8 text") from None
    if not value:
        raise ValueError(f"`{key}`: {text} is empty")
    return Secret(text, value)
