"""Lesser alerts of one place and minute are told in one message."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.add_column("deliveries", sa.Column("together", sa.String(), nullable=True))
    op.create_index(
        "ix_deliveries_together",
        "deliveries",
        ["together"],
        postgresql_where=sa.text("together IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_together", table_name="deliveries")
    op.drop_column("deliveries", "together")
