"""Addresses are proven; letters that are about no alert; the weekly one to families."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("LOCK TABLE addresses, deliveries IN ACCESS EXCLUSIVE MODE")
    op.add_column("addresses", _time("proven_at"))
    # a browser that said "delivered" has proven itself; of mailboxes and telephones nobody knows
    op.execute(
        "UPDATE addresses SET proven_at = proof.at"
        " FROM (SELECT address_id, min(delivered_at) AS at FROM deliveries"
        " WHERE delivered_at IS NOT NULL GROUP BY address_id) AS proof"
        " WHERE proof.address_id = addresses.id AND addresses.kind = 'push'"
    )
    op.create_table(
        "address_codes",
        _key(),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        _time("sent_at", nullable=False),
        _time("expires_at", nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        _references("address_codes", "user_id", "users"),
        _references("address_codes", "address_id", "addresses"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_codes")),
    )
    op.create_index(op.f("ix_address_codes_address_id"), "address_codes", ["address_id"])
    op.create_index("ix_address_codes_user", "address_codes", ["user_id", "sent_at"])
    op.create_index(op.f("ix_address_codes_code_hash"), "address_codes", ["code_hash"])
    _create_letters()
    op.add_column("deliveries", sa.Column("letter_id", sa.Uuid(), nullable=True))
    op.add_column("deliveries", _time("held_at"))
    op.create_foreign_key(
        op.f("fk_deliveries_letter_id_letters"),
        "deliveries",
        "letters",
        ["letter_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index(op.f("ix_deliveries_letter_id"), "deliveries", ["letter_id"])
    op.create_index(
        "ix_deliveries_held",
        "deliveries",
        ["held_at"],
        postgresql_where=sa.text("held_at IS NOT NULL"),
    )
    op.alter_column("deliveries", "notification_id", nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE letter_id IS NOT NULL")
    op.alter_column("deliveries", "notification_id", nullable=False)
    op.drop_index("ix_deliveries_held", table_name="deliveries")
    op.drop_column("deliveries", "held_at")
    op.drop_column("deliveries", "letter_id")
    for name in ("weekly_letters", "letters", "address_codes"):
        op.drop_table(name)
    op.drop_column("addresses", "proven_at")


def _create_letters() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        _time("created_at", nullable=False),
        _references("letters", "community_id", "communities"),
        _references("letters", "user_id", "users"),
        _references("letters", "household_id", "households"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
    )
    op.create_index("ix_letters_user", "letters", ["user_id", "created_at"])
    op.create_table(
        "weekly_letters",
        _key(),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        _time("due_at", nullable=False),
        _references("weekly_letters", "community_id", "communities"),
        _references("weekly_letters", "user_id", "users"),
        _references("weekly_letters", "household_id", "households"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weekly_letters")),
        sa.UniqueConstraint(
            "user_id", "household_id", name=op.f("uq_weekly_letters_user_id_household_id")
        ),
    )
    op.create_index(op.f("ix_weekly_letters_due_at"), "weekly_letters", ["due_at"])


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _references(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)
