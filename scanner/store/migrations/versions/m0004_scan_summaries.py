"""Scans in numbers, so that a year of them can be drawn without reading pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scan_summaries",
        sa.Column("scan_id", sa.BigInteger, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("counts_id", sa.BigInteger, nullable=False),
        sa.Column("summary_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("scan_id", name="pk_scan_summaries"),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name="fk_scan_summaries_scan_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["counts_id"], ["blobs.id"], name="fk_scan_summaries_counts_id"),
        sa.ForeignKeyConstraint(["summary_id"], ["blobs.id"], name="fk_scan_summaries_summary_id"),
    )
    op.create_index("ix_scan_summaries_counts_id", "scan_summaries", ["counts_id"])
    op.create_index("ix_scan_summaries_summary_id", "scan_summaries", ["summary_id"])
