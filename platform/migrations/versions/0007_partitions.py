"""Until when somebody listened to each partition of the communities."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partitions",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_partitions"),
    )
    # the one ingest of before listened to all of them
    op.execute(
        "INSERT INTO partitions (number, heard_at)"
        " SELECT number, at FROM generate_series(0, 63) AS number, heartbeats"
        " WHERE process = 'ingest'"
    )
    op.execute("DELETE FROM heartbeats WHERE process = 'ingest'")


def downgrade() -> None:
    op.execute(
        "INSERT INTO heartbeats (process, at)"
        " SELECT 'ingest', max(heard_at) FROM partitions HAVING count(*) > 0"
        " ON CONFLICT (process) DO UPDATE SET at = excluded.at"
    )
    op.drop_table("partitions")
