"""Log-in by another provider: who somebody is there, and journeys that have ended."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # a foreign key takes a lock that a log-in holds: rather fail and be tried again than wait
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.create_table(
        "outside_identities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("linked_at", _AT, nullable=False),
        sa.Column("last_used_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_outside_identities_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outside_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_outside_identities_issuer_subject")),
        sa.UniqueConstraint("user_id", "issuer", name=op.f("uq_outside_identities_user_id_issuer")),
    )
    op.create_table(
        "used_states",
        sa.Column("state_hash", sa.String(), nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_used_states")),
    )
    op.add_column("half_log_ins", sa.Column("by", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("half_log_ins", "by")
    op.drop_table("used_states")
    op.drop_table("outside_identities")
