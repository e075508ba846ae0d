"""A second factor being set up belongs to the log-in that began it."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # what waits for its first code has none: whoever began it begins anew
    op.add_column("second_factors", sa.Column("begun_by", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("second_factors", "begun_by")
