"""One request, opened only as far as somebody asks: most requests are decided by host and path alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import unquote

from rules.body import inflated, parse_body
from rules.decode import Field, expand_all, parse_query
from rules.decoders import apply_decoders
from scanner.model import RequestRecord
from scanner.urls import as_sent

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(?://([^/?#\\]*))?([^?#]*)(?:\?([^#]*))?", re.DOTALL)
_BARE_PAGE = re.compile(r"[^\s:/?#@]+\.[^\s:/?#@]+(?::\d+)?(?:[/?#]|$)")
"""An address as people write it: `www.clinic.example/doctors`."""
_MATRIX = re.compile(r"[^/;=]+=")


@lru_cache(maxsize=16_384)
def split_authority(authority: str) -> str:
    """Return the lower-case host of `user@host:port`, without a trailing dot."""
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    host = host.partition(":")[0].rstrip(".").lower()
    return as_sent(host)


@lru_cache(maxsize=1_024)
def page_host(url: str) -> str:
    """Return the host of a page's URL, or an empty string: the same few pages are asked for again and again."""
    url = url.strip()
    found = _URL.match(f"https://{url}" if _BARE_PAGE.match(url) else url)
    return split_authority(found[2] or "") if found else ""


@lru_cache(maxsize=512)
def split_matrix(path: str) -> tuple[str, tuple[Field, ...]]:
    """Take `;name=value` parameters off a path: `/activity;src=1;type=a` is `/activity` and two fields.

    A last segment that is itself `name=value;…` counts as parameters, too (`/ddm/activity/src=1;…`).
    """
    head, semicolon, tail = path.partition(";")
    slash = head.rfind("/") + 1
    if _MATRIX.match(head, slash) and (semicolon or "/ddm/activity" in head):
        return head[:slash], tuple(parse_query(path[slash:], -1, ";"))
    return (head, tuple(parse_query(tail, -1, ";"))) if semicolon else (path, ())


class Message:
    """A request being looked at. Whatever needs decoding is decoded once, when asked for."""

    __slots__ = (
        "_all",
        "_body",
        "_body_index",
        "_opened",
        "_shapes",
        "_url_fields",
        "_url_index",
        "_values",
        "host",
        "path",
        "plain_path",
        "query",
        "record",
    )

    def __init__(self, record: RequestRecord) -> None:
        self.record = record
        found = _URL.match(record.url)
        authority, path, query = (found[2] or "", found[3], found[4] or "") if found else ("", "", "")
        self.host = split_authority(authority) if len(authority) < 300 else ""
        if "&amp;" in query:  # a page that escaped its pixel's address twice: such hits arrive with half of their names
            query = query.replace("&amp;", "&")
        self.query = query
        if ";" in path or "=" in path:
            self.path, matrix = split_matrix(path) if len(path) < 4_096 else _matrix_of_long(path)
        else:
            self.path, matrix = path, ()
        if "%" in self.path:
            self.path = unquote(self.path)
        self.plain_path = self.path.rstrip("/") or "/"
        self._url_fields: list[Field] | None = list(matrix) if matrix else None
        if matrix and query:
            self._url_fields = [*matrix, *parse_query(query)]
        self._url_index: dict[str, list[str]] | None = None
        self._body: list[Field] | None = None
        self._body_index: dict[str, list[str]] | None = None
        self._shapes: frozenset[str] = frozenset()
        self._all: list[Field] | None = None
        self._opened: bytes | None = None
        self._values: dict[str, list[str]] | None = None

    @property
    def url_fields(self) -> list[Field]:
        if self._url_fields is None:
            self._url_fields = parse_query(self.query) if self.query else []
        return self._url_fields

    @property
    def body_fields(self) -> list[Field]:
        if self._body is None:
            raw = self.record.body
            self._body, self._shapes = parse_body(raw, self.record.content_type) if raw else ([], frozenset())
        return self._body

    @property
    def opened_body(self) -> bytes:
        """The body without its compression; empty without a visible body."""
        if self._opened is None:
            raw = self.record.body or b""
            self._opened = inflated(raw) or raw
        return self._opened

    @property
    def shapes(self) -> frozenset[str]:
        """Which layers the body had; empty without a visible body."""
        if self._body is None:
            _ = self.body_fields
        return self._shapes

    @property
    def fields(self) -> list[Field]:
        """URL first, then body; a value that is JSON is replaced by what is in it."""
        if self._all is None:
            self._all = expand_all([*self.url_fields, *self.body_fields])
        return self._all

    def url_values(self, path: str) -> list[str]:
        if self._url_index is None:
            self._url_index = indexed(self.url_fields)
        return self._url_index.get(path, _NOTHING)

    def body_values(self, path: str) -> list[str]:
        if self._body_index is None:
            self._body_index = indexed(self.body_fields)
        return self._body_index.get(path, _NOTHING)

    @property
    def values(self) -> dict[str, list[str]]:
        """Field path → values, with JSON inside parameters opened."""
        if self._values is None:
            self._values = indexed(self.fields)
        return self._values

    def opened_by(self, steps_for: Callable[[str], tuple[str, ...]], items: str | None = None) -> list[Field]:
        """All fields, opened by the decoders that `steps_for(path)` names, else as `fields` does.

        `items`: the field whose list elements are events of their own, also when it came as a line of a form.
        """
        result: list[Field] = []
        for field in (*self.url_fields, *self.body_fields):
            if field[0] == items:
                field = (*field[:3], -1)
            inside = apply_decoders(field, steps_for(field[0]))
            if inside:
                result.extend(expand_all(inside))
                continue
            opened = expand_all([field])
            for inner in opened:
                result.extend((len(opened) > 1 and apply_decoders(inner, steps_for(inner[0]))) or [inner])
        return result


_NOTHING: list[str] = []


def indexed(fields: Iterable[Field]) -> dict[str, list[str]]:
    """Field path → values in their order."""
    index: dict[str, list[str]] = {}
    for path, _, value, _ in fields:
        found = index.get(path)
        if found is None:
            index[path] = [value]
        else:
            found.append(value)
    return index


def _matrix_of_long(path: str) -> tuple[str, tuple[Field, ...]]:
    return split_matrix.__wrapped__(path)
