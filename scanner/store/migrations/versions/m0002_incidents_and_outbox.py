"""Incidents with their history, and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _ID, primary_key=True, autoincrement=True)


def _number(name: str, *, key: bool = False, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "incidents",
        _id(),
        _text("site"),
        _text("state"),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incidents_site_state", "incidents", ["site", "state"])
    op.create_table(
        "incident_entries",
        _id(),
        _number("incident_id"),
        _number("scan_id"),
        _number("at"),
        _text("kind"),
        _text("reasons"),
        sa.PrimaryKeyConstraint("id", name="pk_incident_entries"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_incident_entries_incident_id"),
        sa.UniqueConstraint("incident_id", "scan_id", name="uq_incident_entries_incident_id_scan_id"),
    )
    op.create_table(
        "settled_scans",
        _number("scan_id", key=True),
        _number("at"),
        sa.PrimaryKeyConstraint("scan_id", name="pk_settled_scans"),
    )
    op.create_table(
        "deliveries",
        _id(),
        _text("key"),
        _text("channel"),
        _text("recipient"),
        _text("subject"),
        sa.Column("content", sa.LargeBinary, nullable=False),
        _number("created_at"),
        _number("next_try_at"),
        _text("state"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _number("sent_at", nullable=True),
        _text("error", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("key", name="uq_deliveries_key"),
    )
    op.create_index("ix_deliveries_state_next_try_at", "deliveries", ["state", "next_try_at"])
