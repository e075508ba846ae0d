"""A community's holidays, and the hours in which its zones are armed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "communities",
        sa.Column(
            "holidays",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            server_default=sa.text("'[]'"),
        ),
    )
    op.add_column(
        "communities",
        sa.Column("armed", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.alter_column("communities", "holidays", server_default=None)


def downgrade() -> None:
    op.drop_column("communities", "armed")
    op.drop_column("communities", "holidays")
