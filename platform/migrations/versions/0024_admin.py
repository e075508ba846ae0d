"""What installers change on screens: where devices stand, the plan's picture, back-tests."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())
_TOLD_OF = {
    "places": ("slug, attributes", "slug, attributes, kind, parent_id, x, y"),
    "devices": (
        "slug, gateway_id, place_id, household_id, model, attributes, interval_s, state",
        "slug, gateway_id, place_id, household_id, model, attributes, interval_s, state, x, y",
    ),
}


def upgrade() -> None:
    op.create_index("ix_audit_newest", "audit", ["community_id", "id"])
    op.create_index(
        "ix_quarantine_strangers",
        "quarantine",
        ["community_id", "gateway_id", "device", "received_at", "id"],
        postgresql_where=sa.text("reason = 'unknown_device' AND released_at IS NULL"),
    )
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("LOCK TABLE places, devices IN ACCESS EXCLUSIVE MODE")
    op.add_column("places", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("devices", sa.Column("x", sa.Double(), nullable=True))
    op.add_column("devices", sa.Column("y", sa.Double(), nullable=True))
    op.add_column("devices", sa.Column("replaces_id", sa.BigInteger(), nullable=True))
    # nothing replaces anything yet: there is nothing to look through
    op.create_foreign_key(
        op.f("fk_devices_replaces_id_devices"),
        "devices",
        "devices",
        ["replaces_id"],
        ["id"],
        postgresql_not_valid=True,
    )
    op.create_index(op.f("ix_devices_replaces_id"), "devices", ["replaces_id"])
    _tell_of(1)
    _create_plan_pictures()
    _create_backtests()


def _create_plan_pictures() -> None:
    op.create_table(
        "plan_pictures",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("bright", sa.Boolean(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("width", sa.Double(), nullable=False),
        sa.Column("height", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_plan_pictures_community_id_communities"),
        ),
        sa.PrimaryKeyConstraint("community_id", name=op.f("pk_plan_pictures")),
    )


def _create_backtests() -> None:
    op.create_table(
        "backtests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("started_by", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", _JSON, nullable=True),
        sa.Column("fault", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_backtests_community_id_communities"),
        ),
        sa.ForeignKeyConstraint(
            ["started_by"], ["users.id"], name=op.f("fk_backtests_started_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtests")),
    )
    op.create_index("ix_backtests_rule", "backtests", ["community_id", "rule_id", "id"])
    op.create_index(
        "uq_backtests_one_at_a_time",
        "backtests",
        ["community_id"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )


def _tell_of(which: int) -> None:
    """Let ingest hear of what moves, too: it knows where things stand."""
    for table, columns in _TOLD_OF.items():
        op.execute(f"DROP TRIGGER tell_registry_changed ON {table}")
        op.execute(
            f"CREATE TRIGGER tell_registry_changed AFTER INSERT OR DELETE OR UPDATE OF"
            f" {columns[which]} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION anju_registry_changed()"
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("LOCK TABLE places, devices IN ACCESS EXCLUSIVE MODE")
    op.drop_table("backtests")
    op.drop_table("plan_pictures")
    _tell_of(0)
    op.drop_index(op.f("ix_devices_replaces_id"), table_name="devices")
    op.drop_constraint(op.f("fk_devices_replaces_id_devices"), "devices", type_="foreignkey")
    op.drop_column("devices", "replaces_id")
    op.drop_column("devices", "y")
    op.drop_column("devices", "x")
    op.drop_column("places", "retired_at")
    op.drop_index("ix_quarantine_strangers", table_name="quarantine")
    op.drop_index("ix_audit_newest", table_name="audit")
