"""Approvals that end and that have a name, and the audit log about all of them (append-only)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scanner.store.migrations.versions.m0001_first import append_only

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("approvals", sa.Column("until", sa.Text, nullable=True))
    op.add_column("approvals", sa.Column("approval_id", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "approval_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("who", "action", "approval_id", "sites", "why", "document")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_approval_events"),
        sqlite_autoincrement=True,
    )
    append_only("approval_events")
