"""What is usual for a home or a device, learned each night."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "baselines",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_baselines_community_id_communities")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "kind", "entity", "quantity", "version", name=op.f("pk_baselines")
        ),
        sa.UniqueConstraint(
            "community_id",
            "kind",
            "entity",
            "quantity",
            "until",
            name=op.f("uq_baselines_community_id_kind_entity_quantity_until"),
        ),
    )
    op.create_table(
        "baseline_runs",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_baseline_runs_community_id_communities"),
        ),
        sa.PrimaryKeyConstraint("community_id", name=op.f("pk_baseline_runs")),
    )


def downgrade() -> None:
    op.drop_table("baseline_runs")
    op.drop_table("baselines")
