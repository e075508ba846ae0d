"""How people are reached who do not look at a screen: channels, addresses, deliveries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE")
    # What the release before took up is done with; what it takes up from now on, this one routes.
    # By a default that is taken away again no row is written but the few that still wait.
    routed = sa.Column(
        "routed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True
    )
    op.add_column("notifications", routed)
    op.alter_column("notifications", "routed_at", server_default=None)
    op.execute(
        "UPDATE notifications SET routed_at = NULL WHERE state IN ('queued', 'leased', 'retry')"
    )
    op.create_index(
        "ix_notifications_unrouted",
        "notifications",
        ["id"],
        postgresql_where=sa.text("routed_at IS NULL"),
    )
    _create_channels()
    _create_addresses()
    _create_deliveries()
    op.create_table(
        "platform_keys",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        _time("created_at", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_platform_keys")),
    )


def downgrade() -> None:
    for name in ("platform_keys", "deliveries", "addresses", "channels"):
        op.drop_table(name)
    op.drop_index("ix_notifications_unrouted", table_name="notifications")
    op.drop_column("notifications", "routed_at")


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _create_channels() -> None:
    op.create_table(
        "channels",
        _key(),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=True),
        sa.Column("roles", _JSON, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("per_minute", sa.BigInteger(), nullable=True),
        sa.Column("recent", _JSON, nullable=False),
        _time("not_before"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        _time("ok_at"),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        _time("failing_since"),
        _time("failed_at"),
        sa.Column("error", sa.String(), nullable=True),
        _time("removed_at"),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_channels_community_id_communities")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
    )
    op.create_index(
        "uq_channels_slug",
        "channels",
        ["community_id", "slug"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )


def _create_addresses() -> None:
    op.create_table(
        "addresses",
        _key(),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("keys", _JSON, nullable=True),
        sa.Column("label", sa.String(), nullable=False),
        _time("created_at", nullable=False),
        _time("ok_at"),
        _time("tried_at"),
        _time("gone_at"),
        _time("removed_at"),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_addresses_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
    )
    op.create_index("ix_addresses_user", "addresses", ["user_id"])
    op.create_index(
        "uq_addresses_target",
        "addresses",
        ["user_id", "kind", "target"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "uq_addresses_push",
        "addresses",
        ["target"],
        unique=True,
        postgresql_where=sa.text("kind = 'push' AND removed_at IS NULL"),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        _key(),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("transition", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=True),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("unsure", sa.SmallInteger(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        _time("created_at", nullable=False),
        _time("next_attempt_at", nullable=False),
        _time("expires_at", nullable=False),
        _time("leased_until"),
        _time("accepted_at"),
        _time("delivered_at"),
        _time("seen_at"),
        sa.Column("error", sa.String(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [name], [f"{there}.id"], name=op.f(f"fk_deliveries_{name}_{there}"), ondelete=then
            )
            for name, there, then in (
                ("community_id", "communities", None),
                ("notification_id", "notifications", "CASCADE"),
                ("user_id", "users", None),
                ("channel_id", "channels", None),
                ("address_id", "addresses", None),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("receipt", name=op.f("uq_deliveries_receipt")),
        sa.UniqueConstraint(
            "alert_id",
            "transition",
            "step",
            "user_id",
            "channel_id",
            "address_id",
            name=op.f("uq_deliveries_event"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_deliveries_created", "deliveries", ["created_at"])
    op.create_index(op.f("ix_deliveries_notification_id"), "deliveries", ["notification_id"])
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_at"],
        postgresql_where=sa.text("state IN ('queued', 'leased', 'retry')"),
    )
