"""The tables, as they are after the newest migration. `docs/store.md` explains every column.

Two column types keep both databases to one behaviour: `AnyText` (PostgreSQL refuses NULs in text, both
refuse lone surrogates) and `UtcTime` (SQLite knows no times). Page-controlled text of any length is never
indexed itself; its SHA-256 is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware time as whole microseconds since 1970, exact and sortable everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + int(value) * _MICROSECOND


_UNSTORABLE = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|u[0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """Any Python string: NULs, surrogates and the backslash itself are written as escapes, one to one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return _UNSTORABLE.sub(lambda m: "\\\\" if m[0] == "\\" else f"\\u{ord(m[0]):04x}", value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return _ESCAPED.sub(lambda m: "\\" if m[1] == "\\" else chr(int(m[1][1:], 16)), str(value))


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up only a column of exactly this type."""


def _id(name: str = "id") -> Column[int]:
    return Column(name, _ID, primary_key=True, autoincrement=True)


def _reference(name: str, target: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, BigInteger, ForeignKey(target), nullable=nullable)


blobs = Table(
    "blobs",
    metadata,
    _id(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)

rule_sets = Table("rule_sets", metadata, _id(), Column("digest", AnyText, nullable=False, unique=True))

pages = Table(
    "pages",
    metadata,
    _id(),
    Column("site", AnyText, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("page", AnyText, nullable=False),
    UniqueConstraint("site", "digest"),
)

scans = Table(
    "scans",
    metadata,
    _id(),
    Column("site", AnyText, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("last_activity_at", UtcTime, nullable=False),
    Column("profile", LargeBinary, nullable=False),
    Column("coverage", LargeBinary, nullable=False),
    _reference("skipped_id", "blobs.id", nullable=True),
    Column("tool_version", AnyText, nullable=False),
    Column("rules_digest", AnyText, nullable=False),
    Column("config_digest", AnyText, nullable=False),
    Column("note", AnyText),
    Column("kind", Text, nullable=False, server_default="full"),
    Index(None, "site", "id"),
    Index(None, "skipped_id"),
    sqlite_autoincrement=True,  # an id that the audit log names must never come back as another scan
)

visits = Table(
    "visits",
    metadata,
    Column("scan_id", BigInteger, ForeignKey("scans.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("page_id", BigInteger, ForeignKey("pages.id"), primary_key=True, autoincrement=False),
    Column("ended_at", UtcTime, nullable=False),
    _reference("rule_set_id", "rule_sets.id"),
    _reference("inventory_id", "blobs.id"),
    Column("capture_digest", LargeBinary, nullable=False),
    Index(None, "page_id"),
    Index(None, "inventory_id"),
    sqlite_with_rowid=False,
)


def _of_visit() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["scan_id", "page_id"], ["visits.scan_id", "visits.page_id"], ondelete="CASCADE")


rematches = Table(
    "rematches",
    metadata,
    Column("scan_id", BigInteger, primary_key=True, autoincrement=False),
    Column("page_id", BigInteger, primary_key=True, autoincrement=False),
    _reference("rule_set_id", "rule_sets.id"),
    _reference("inventory_id", "blobs.id"),
    _of_visit(),
    Index(None, "inventory_id"),
    sqlite_with_rowid=False,
)

captures = Table(
    "captures",
    metadata,
    Column("scan_id", BigInteger, primary_key=True, autoincrement=False),
    Column("page_id", BigInteger, primary_key=True, autoincrement=False),
    Column("packed", LargeBinary, nullable=False),
    _of_visit(),
)

capture_blobs = Table(
    "capture_blobs",
    metadata,
    Column("scan_id", BigInteger, primary_key=True, autoincrement=False),
    Column("page_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _reference("blob_id", "blobs.id"),
    ForeignKeyConstraint(["scan_id", "page_id"], ["captures.scan_id", "captures.page_id"], ondelete="CASCADE"),
    Index(None, "blob_id"),
    sqlite_with_rowid=False,
)

scan_summaries = Table(
    "scan_summaries",
    metadata,
    Column("scan_id", BigInteger, ForeignKey("scans.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    _reference("counts_id", "blobs.id"),
    _reference("summary_id", "blobs.id"),
    Index(None, "counts_id"),
    Index(None, "summary_id"),
)

leases = Table(
    "leases",
    metadata,
    Column("site", AnyText, primary_key=True),
    Column("holder", AnyText, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    _id(),
    Column("site", AnyText, nullable=False),
    Column("scan_id", BigInteger, nullable=False),
    Column("who", AnyText, nullable=False),
    Column("why", AnyText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("until", Text),
    Column("approval_id", AnyText, nullable=False, server_default=""),
    Index(None, "site", "id"),
    sqlite_autoincrement=True,
)

approval_events = Table(
    "approval_events",
    metadata,
    _id(),
    Column("at", UtcTime, nullable=False),
    Column("who", AnyText, nullable=False),
    Column("action", Text, nullable=False),
    Column("approval_id", AnyText, nullable=False),
    Column("sites", AnyText, nullable=False),
    Column("why", AnyText, nullable=False),
    Column("document", AnyText, nullable=False),
    sqlite_autoincrement=True,
)

chain_links = Table(
    "chain_links",
    metadata,
    _id(),
    Column("site", AnyText, nullable=False),
    Column("scan_id", BigInteger, nullable=False, unique=True),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    UniqueConstraint("site", "previous"),  # the chain has no branches
    sqlite_autoincrement=True,
)

removals = Table(
    "removals",
    metadata,
    Column("scan_id", BigInteger, primary_key=True, autoincrement=False),
    Column("removed_at", UtcTime, nullable=False),
    _reference("manifest_id", "blobs.id", nullable=True),
    Index(None, "manifest_id"),
)

incidents = Table(
    "incidents",
    metadata,
    _id(),
    Column("site", AnyText, nullable=False),
    Column("state", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index(None, "site", "state"),
    sqlite_autoincrement=True,  # mails and reports name it
)

incident_entries = Table(
    "incident_entries",
    metadata,
    _id(),
    _reference("incident_id", "incidents.id"),
    Column("scan_id", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reasons", AnyText, nullable=False),
    UniqueConstraint("incident_id", "scan_id"),
)

settled_scans = Table(
    "settled_scans",
    metadata,
    Column("scan_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    Column("key", AnyText, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("recipient", AnyText, nullable=False),
    Column("subject", AnyText, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_try_at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", UtcTime),
    Column("error", AnyText),
    Index(None, "state", "next_try_at"),
)
