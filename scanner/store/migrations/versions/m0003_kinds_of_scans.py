"""Light scans beside the full ones; every scan so far was full."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scans", sa.Column("kind", sa.Text, nullable=False, server_default="full"))
