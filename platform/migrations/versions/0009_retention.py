"""How long each community keeps what, and how far that has been carried out."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in (
        ("keep_rules", sa.Column("keep_days", sa.BigInteger(), nullable=False)),
        ("forgotten_days", sa.Column("until", sa.DateTime(timezone=True), nullable=False)),
    ):
        op.create_table(
            table,
            sa.Column("community_id", sa.BigInteger(), nullable=False),
            sa.Column("kind", sa.String(), nullable=False),
            column,
            sa.ForeignKeyConstraint(
                ["community_id"],
                ["communities.id"],
                name=op.f(f"fk_{table}_community_id_communities"),
            ),
            sa.PrimaryKeyConstraint("community_id", "kind", name=op.f(f"pk_{table}")),
        )


def downgrade() -> None:
    op.drop_table("forgotten_days")
    op.drop_table("keep_rules")
