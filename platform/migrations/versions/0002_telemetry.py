"""What devices say: lanes, quarantine, the time series, events, latest values."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_lanes()
    _create_heartbeats()
    _create_telemetry()
    _create_device_events()
    _create_rule_states()


def downgrade() -> None:
    for table in (
        "rule_states",
        "device_states",
        "device_events",
        "telemetry",
        "quarantine",
        "heartbeats",
        "lanes",
    ):
        op.drop_table(table)


def _create_lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("gateway_id", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_lanes_gateway_id_gateways")
        ),
        sa.PrimaryKeyConstraint("gateway_id", "epoch", "lane", name=op.f("pk_lanes")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=True),
        sa.Column("gateway_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_device", "quarantine", ["gateway_id", "device"], unique=False)
    op.create_index("ix_quarantine_received", "quarantine", ["received_at"], unique=False)


def _create_heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_heartbeats")),
    )


def _create_telemetry() -> None:
    """Make the time series: a hypertable with TimescaleDB, else partitions by day.

    It has no key: the lanes make each row unique. Its one index serves the one question
    asked of it, a field of a device over time; device ids are unique across communities.
    """
    columns = (
        "community_id bigint NOT NULL, device_id bigint NOT NULL, field_id smallint NOT NULL,"
        " observed_at timestamptz NOT NULL, value double precision NOT NULL,"
        " flags smallint NOT NULL"
    )
    index = "CREATE INDEX ix_telemetry_series ON telemetry (device_id, field_id, observed_at)"
    if not _has_timescale():
        op.execute(f"CREATE TABLE telemetry ({columns}) PARTITION BY RANGE (observed_at)")
        op.execute("CREATE TABLE telemetry_default PARTITION OF telemetry DEFAULT")
        op.execute(index)
        return
    op.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    op.execute(f"CREATE TABLE telemetry ({columns})")
    op.execute(
        "SELECT create_hypertable('telemetry', by_range('observed_at', INTERVAL '1 day'),"
        " create_default_indexes => false)"
    )
    op.execute(index)
    op.execute(
        "ALTER TABLE telemetry SET (timescaledb.compress,"
        " timescaledb.compress_segmentby = 'community_id, device_id, field_id',"
        " timescaledb.compress_orderby = 'observed_at')"
    )
    op.execute("SELECT add_compression_policy('telemetry', INTERVAL '7 days')")
    op.execute("SELECT add_retention_policy('telemetry', INTERVAL '730 days')")


def _has_timescale() -> bool:
    query = sa.text("SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'")
    return bool(op.get_bind().scalar(query))


def _create_device_events() -> None:
    op.create_table(
        "device_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("flags", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_events")),
    )
    op.create_index(
        "ix_device_events_device",
        "device_events",
        ["community_id", "device_id", "observed_at"],
        unique=False,
    )
    op.create_index(
        "ix_device_events_observed", "device_events", ["community_id", "observed_at"], unique=False
    )
    op.create_table(
        "device_states",
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_device_states_device_id_devices")
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_states")),
    )


def _create_rule_states() -> None:
    op.create_table(
        "rule_states",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_rule_states_community_id_communities"),
        ),
        sa.PrimaryKeyConstraint("community_id", "rule_id", "entity", name=op.f("pk_rule_states")),
    )
    op.create_index("ix_rule_states_due", "rule_states", ["due_at"], unique=False)
