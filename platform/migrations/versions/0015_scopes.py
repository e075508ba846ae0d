"""Whom people are there for: homes and places; who of a family goes, and how long they stay."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_index(
        "ix_audit_care",
        "audit",
        ["community_id", "id"],
        postgresql_where=sa.text("action = 'care.read'"),
    )
    op.execute("SET LOCAL lock_timeout = '10s'")
    # in the order in which a request comes by them: its session, its community, its alerts
    op.execute("LOCK TABLE sessions, communities, alerts IN ACCESS EXCLUSIVE MODE")
    op.add_column("alerts", sa.Column("going_by", sa.BigInteger(), nullable=True))
    op.add_column("alerts", sa.Column("going_at", sa.DateTime(timezone=True), nullable=True))
    # nobody goes yet: there is nothing to look through
    op.create_foreign_key(
        op.f("fk_alerts_going_by_users"),
        "alerts",
        "users",
        ["going_by"],
        ["id"],
        postgresql_not_valid=True,
    )
    phone = sa.Column("desk_phone", sa.String(), server_default="", nullable=False)
    op.add_column("communities", phone)
    idle = sa.Column("idle_hours", sa.SmallInteger(), server_default="2", nullable=False)
    op.add_column("sessions", idle)
    op.create_table(
        "user_homes",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_homes_user_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["household_id"],
            ["households.id"],
            name=op.f("fk_user_homes_household_id_households"),
        ),
        sa.PrimaryKeyConstraint("user_id", "household_id", name=op.f("pk_user_homes")),
    )
    op.create_index(op.f("ix_user_homes_household_id"), "user_homes", ["household_id"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("homes", _JSON, nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("places", _JSON, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("invited_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_invitations_community_id_communities"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_invitations_user_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["users.id"], name=op.f("fk_invitations_invited_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(op.f("ix_invitations_community_id"), "invitations", ["community_id"])
    op.create_table(
        "user_places",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_places_user_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["places.id"], name=op.f("fk_user_places_place_id_places")
        ),
        sa.PrimaryKeyConstraint("user_id", "place_id", name=op.f("pk_user_places")),
    )


def downgrade() -> None:
    # the release before knows three roles; whoever has another can do nothing there
    op.execute("UPDATE users SET disabled = true WHERE role NOT IN ('guard', 'property', 'admin')")
    op.drop_column("sessions", "idle_hours")
    op.drop_column("communities", "desk_phone")
    op.drop_index("ix_audit_care", table_name="audit")
    op.drop_table("invitations")
    op.drop_table("user_places")
    op.drop_table("user_homes")
    op.drop_constraint(op.f("fk_alerts_going_by_users"), "alerts", type_="foreignkey")
    op.drop_column("alerts", "going_at")
    op.drop_column("alerts", "going_by")
