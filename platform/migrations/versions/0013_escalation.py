"""Who hears of an alert that nobody takes on: when each is due, by which plan, how far it came.

And which walls are live: where there is none nobody is waited for.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_UNIQUE = ["alert_id", "transition", "recipient", "channel"]
_NAME = "uq_notifications_alert_id_transition_recipient_channel"
_NEW_NAME = "uq_notifications_alert_id_transition_step_recipient_channel"


def upgrade() -> None:
    # Ingest, worker and web lock rows of these in an order of their own: whoever cannot have all
    # of them within ten seconds has changed nothing, and tries again.
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("LOCK TABLE alerts, notifications, communities IN ACCESS EXCLUSIVE MODE")
    _widen_alerts()
    op.add_column("notifications", _step())
    op.drop_constraint(op.f(_NAME), "notifications", type_="unique")
    op.create_unique_constraint(
        op.f(_NEW_NAME), "notifications", ["alert_id", "transition", "step", "recipient", "channel"]
    )
    _create_policies()
    _create_screens()


def _widen_alerts() -> None:
    jsonb = postgresql.JSONB(astext_type=sa.Text())
    # The default is for an ingest of the release before, which names the columns it knows; what
    # is open and nobody has begins now.
    due = sa.Column(
        "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )
    op.add_column("alerts", due)
    op.add_column("alerts", sa.Column("policy", jsonb, nullable=True))
    op.add_column("alerts", sa.Column("shelf", jsonb, nullable=True))
    op.add_column("alerts", _step())
    # Whoever has one has it from now on for as long as an acknowledgement is good for.
    op.execute(
        "UPDATE alerts SET due_at = now() + CASE severity WHEN 1 THEN interval '5 min'"
        " WHEN 2 THEN interval '30 min' WHEN 3 THEN interval '4 h' ELSE interval '24 h' END"
        " WHERE handling = 'acked'"
    )
    op.create_index(
        "ix_alerts_due", "alerts", ["due_at"], postgresql_where=sa.text("handling <> 'closed'")
    )


def downgrade() -> None:
    # nobody would ever take them off the shelf again
    op.execute("UPDATE alerts SET overlays = overlays - 'shelved' WHERE overlays ? 'shelved'")
    op.execute("DELETE FROM notifications WHERE step > 0")
    op.drop_constraint(op.f(_NEW_NAME), "notifications", type_="unique")
    op.drop_column("notifications", "step")
    op.create_unique_constraint(op.f(_NAME), "notifications", _UNIQUE)
    op.drop_index("ix_alerts_due", table_name="alerts")
    for column in ("step", "shelf", "policy", "due_at"):
        op.drop_column("alerts", column)
    op.drop_table("screens")
    op.drop_table("escalation_policies")


def _step() -> sa.Column[int]:
    return sa.Column("step", sa.SmallInteger(), server_default=sa.text("0"), nullable=False)


def _create_screens() -> None:
    op.create_table(
        "screens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("post", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alive_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sounds", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_screens_community_id_communities")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_screens_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screens")),
    )
    op.create_index("ix_screens_community_alive", "screens", ["community_id", "alive_at"])


def _create_policies() -> None:
    op.create_table(
        "escalation_policies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["users.id"], name=op.f("fk_escalation_policies_changed_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_escalation_policies_community_id_communities"),
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["places.id"], name=op.f("fk_escalation_policies_place_id_places")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation_policies")),
        sa.UniqueConstraint(
            "community_id",
            "severity",
            "place_id",
            name=op.f("uq_escalation_policies_community_id_severity_place_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
