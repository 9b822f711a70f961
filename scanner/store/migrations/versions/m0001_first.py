"""Scans, visits, captures, leases, approvals, and the hash chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
APPEND_ONLY = ("approvals", "chain_links")


def upgrade() -> None:
    _content()
    _scans()
    _captures()
    _people()
    for table in APPEND_ONLY:
        append_only(table)


def _id() -> sa.Column[int]:
    return sa.Column("id", _ID, primary_key=True, autoincrement=True)


def _number(name: str, *, key: bool = False, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _binary(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _content() -> None:
    op.create_table(
        "blobs",
        _id(),
        _binary("digest"),
        _number("size_bytes"),
        _binary("packed"),
        sa.PrimaryKeyConstraint("id", name="pk_blobs"),
        sa.UniqueConstraint("digest", name="uq_blobs_digest"),
    )
    op.create_table(
        "rule_sets",
        _id(),
        _text("digest"),
        sa.PrimaryKeyConstraint("id", name="pk_rule_sets"),
        sa.UniqueConstraint("digest", name="uq_rule_sets_digest"),
    )
    op.create_table(
        "pages",
        _id(),
        _text("site"),
        _binary("digest"),
        _text("page"),
        sa.PrimaryKeyConstraint("id", name="pk_pages"),
        sa.UniqueConstraint("site", "digest", name="uq_pages_site_digest"),
    )


def _scans() -> None:
    op.create_table(
        "scans",
        _id(),
        _text("site"),
        _text("state"),
        _number("started_at"),
        _number("ended_at", nullable=True),
        _number("last_activity_at"),
        _binary("profile"),
        _binary("coverage"),
        _number("skipped_id", nullable=True),
        _text("tool_version"),
        _text("rules_digest"),
        _text("config_digest"),
        _text("note", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_scans"),
        sa.ForeignKeyConstraint(["skipped_id"], ["blobs.id"], name="fk_scans_skipped_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_scans_site_id", "scans", ["site", "id"])
    op.create_index("ix_scans_skipped_id", "scans", ["skipped_id"])
    op.create_table(
        "visits",
        _number("scan_id", key=True),
        _number("page_id", key=True),
        _number("ended_at"),
        _number("rule_set_id"),
        _number("inventory_id"),
        _binary("capture_digest"),
        sa.PrimaryKeyConstraint("scan_id", "page_id", name="pk_visits"),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name="fk_visits_scan_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["page_id"], ["pages.id"], name="fk_visits_page_id"),
        sa.ForeignKeyConstraint(["rule_set_id"], ["rule_sets.id"], name="fk_visits_rule_set_id"),
        sa.ForeignKeyConstraint(["inventory_id"], ["blobs.id"], name="fk_visits_inventory_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_visits_page_id", "visits", ["page_id"])
    op.create_index("ix_visits_inventory_id", "visits", ["inventory_id"])
    op.create_table(
        "rematches",
        _number("scan_id", key=True),
        _number("page_id", key=True),
        _number("rule_set_id"),
        _number("inventory_id"),
        sa.PrimaryKeyConstraint("scan_id", "page_id", name="pk_rematches"),
        _of("visits", "rematches"),
        sa.ForeignKeyConstraint(["rule_set_id"], ["rule_sets.id"], name="fk_rematches_rule_set_id"),
        sa.ForeignKeyConstraint(["inventory_id"], ["blobs.id"], name="fk_rematches_inventory_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rematches_inventory_id", "rematches", ["inventory_id"])


def _of(target: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["scan_id", "page_id"],
        [f"{target}.scan_id", f"{target}.page_id"],
        name=f"fk_{table}_scan_id_page_id",
        ondelete="CASCADE",
    )


def _captures() -> None:
    op.create_table(
        "captures",
        _number("scan_id", key=True),
        _number("page_id", key=True),
        _binary("packed"),
        sa.PrimaryKeyConstraint("scan_id", "page_id", name="pk_captures"),
        _of("visits", "captures"),
    )
    op.create_table(
        "capture_blobs",
        _number("scan_id", key=True),
        _number("page_id", key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        _number("blob_id"),
        sa.PrimaryKeyConstraint("scan_id", "page_id", "position", name="pk_capture_blobs"),
        _of("captures", "capture_blobs"),
        sa.ForeignKeyConstraint(["blob_id"], ["blobs.id"], name="fk_capture_blobs_blob_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_capture_blobs_blob_id", "capture_blobs", ["blob_id"])


def _people() -> None:
    op.create_table(
        "leases",
        _text("site"),
        _text("holder"),
        _number("since"),
        _number("expires_at"),
        sa.PrimaryKeyConstraint("site", name="pk_leases"),
    )
    op.create_table(
        "approvals",
        _id(),
        _text("site"),
        _number("scan_id"),
        _text("who"),
        _text("why"),
        _number("at"),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_approvals_site_id", "approvals", ["site", "id"])
    op.create_table(
        "chain_links",
        _id(),
        _text("site"),
        _number("scan_id"),
        _text("previous"),
        _text("hash"),
        _binary("statement"),
        sa.PrimaryKeyConstraint("id", name="pk_chain_links"),
        sa.UniqueConstraint("scan_id", name="uq_chain_links_scan_id"),
        sa.UniqueConstraint("site", "previous", name="uq_chain_links_site_previous"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "removals",
        _number("scan_id", key=True),
        _number("removed_at"),
        _number("manifest_id", nullable=True),
        sa.PrimaryKeyConstraint("scan_id", name="pk_removals"),
        sa.ForeignKeyConstraint(["manifest_id"], ["blobs.id"], name="fk_removals_manifest_id"),
    )
    op.create_index("ix_removals_manifest_id", "removals", ["manifest_id"])


def append_only(table: str) -> None:
    """Let the database itself refuse to change or delete rows of an audit table."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
