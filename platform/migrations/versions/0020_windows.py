"""Planned work and drills: when alerts are muted, or marked as an exercise."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_windows",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("for_life", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{table}.id"],
                name=op.f(f"fk_alert_windows_{column}_{table}"),
            )
            for column, table in (
                ("community_id", "communities"),
                ("place_id", "places"),
                ("device_id", "devices"),
                ("created_by", "users"),
                ("ended_by", "users"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_windows")),
    )
    op.create_index(
        "ix_alert_windows_due",
        "alert_windows",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_alert_windows_community_starts", "alert_windows", ["community_id", "starts_at"]
    )


def downgrade() -> None:
    # nobody would ever let them speak again, nor take them for real
    op.execute(
        "UPDATE alerts SET overlays = overlays - 'maintenance' - 'inhibited'"
        " WHERE overlays ?| ARRAY['maintenance', 'inhibited']"
    )
    op.execute("UPDATE alerts SET mode = 'actual' WHERE mode = 'drill' AND handling <> 'closed'")
    op.drop_table("alert_windows")
