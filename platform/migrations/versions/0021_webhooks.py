"""Webhooks: other systems that hear of alerts, and what each is told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    _create_webhooks()
    _create_messages()
    op.create_table(
        "alert_outbox",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["alert_timeline.id"],
            name=op.f("fk_alert_outbox_entry_id_alert_timeline"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_alert_outbox")),
    )


def downgrade() -> None:
    for name in ("alert_outbox", "webhook_messages", "webhooks"):
        op.drop_table(name)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        _key(),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("former_secret", sa.String(), nullable=True),
        _time("former_until"),
        sa.Column("steps", _JSON, nullable=False),
        sa.Column("least", sa.SmallInteger(), nullable=False),
        sa.Column("places", _JSON, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        _time("created_at", nullable=False),
        _time("tried_at"),
        _time("not_before"),
        _time("ok_at"),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        _time("failing_since"),
        sa.Column("error", sa.String(), nullable=True),
        _time("paused_at"),
        _time("removed_at"),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_webhooks_community_id_communities")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(
        "uq_webhooks_slug",
        "webhooks",
        ["community_id", "slug"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )


def _create_messages() -> None:
    op.create_table(
        "webhook_messages",
        _key(),
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        _time("created_at", nullable=False),
        _time("next_attempt_at", nullable=False),
        _time("expires_at", nullable=False),
        _time("leased_until"),
        _time("accepted_at"),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_messages_webhook_id_webhooks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
        sa.UniqueConstraint(
            "webhook_id", "message_id", name=op.f("uq_webhook_messages_webhook_id_message_id")
        ),
    )
    op.create_index("ix_webhook_messages_alert", "webhook_messages", ["alert_id", "webhook_id"])
    op.create_index("ix_webhook_messages_created", "webhook_messages", ["created_at"])
    op.create_index(
        "ix_webhook_messages_due",
        "webhook_messages",
        ["webhook_id", "next_attempt_at"],
        postgresql_where=sa.text("state IN ('queued', 'leased', 'retry')"),
    )
