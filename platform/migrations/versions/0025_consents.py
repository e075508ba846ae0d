"""Consents; homes that are there keep what they lived under, for a year."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("sensors", sa.String(), nullable=False),
        sa.Column("viewer", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_consents_community_id_communities")
        ),
        sa.ForeignKeyConstraint(
            ["household_id"], ["households.id"], name=op.f("fk_consents_household_id_households")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["users.id"], name=op.f("fk_consents_recorded_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_home", "consents", ["household_id", "purpose", "viewer"])
    op.execute(
        "INSERT INTO consents (community_id, household_id, person, sensors, viewer, purpose, given,"
        " begins_at, ends_at, given_by, how, note, recorded_at)"
        " SELECT h.community_id, h.id, coalesce(r.name, ''), kept.sensors, kept.viewer,"
        "  kept.purpose, true, now(), now() + interval '1 year', '', 'taken_over', '', now()"
        " FROM households h"
        " LEFT JOIN residents r ON r.household_id = h.id AND r.elder"
        " CROSS JOIN ("
        # whoever could read what sensors in homes say, before
        "  SELECT 'all' AS sensors, viewer, 'care' AS purpose FROM (VALUES ('role:guard'),"
        "   ('role:property'), ('role:office'), ('role:admin'), ('role:family')) could(viewer)"
        "  UNION ALL SELECT 'health', 'role:admin', 'care'"
        "  UNION ALL SELECT 'all', 'everybody', 'statistics') kept"
    )


def downgrade() -> None:
    op.drop_table("consents")
