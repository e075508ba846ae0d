"""Readings by the hour and by the day, and which hours must be summed up (again)."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_GRAINS = ("telemetry_hourly", "telemetry_daily")


def upgrade() -> None:
    op.create_table(
        "stale_hours",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("community_id", "hour", name=op.f("pk_stale_hours")),
        # room on each page: a mark is set again many times an hour
        postgresql_with={"fillfactor": 50},
    )
    if _is_hypertable():
        _create_aggregates()
    else:
        _create_tables()
    _mark_what_is_there()


def downgrade() -> None:
    kind = "MATERIALIZED VIEW" if _is_hypertable() else "TABLE"
    for grain in reversed(_GRAINS):
        op.execute(f"DROP {kind} {grain}")
    op.drop_table("stale_hours")


def _is_hypertable() -> bool:
    kind = op.get_bind().scalar(
        sa.text("SELECT relkind FROM pg_class WHERE oid = 'telemetry'::regclass")
    )
    return bool(kind == "r")


def _create_tables() -> None:
    """Make tables that the worker fills: what each field of each device did in an hour or day."""
    for grain in _GRAINS:
        op.execute(
            f"CREATE TABLE {grain} (community_id bigint NOT NULL, device_id bigint NOT NULL,"
            " field_id smallint NOT NULL, bucket timestamptz NOT NULL, count bigint NOT NULL,"
            " low double precision NOT NULL, low_at timestamptz NOT NULL,"
            " high double precision NOT NULL, high_at timestamptz NOT NULL,"
            " total double precision NOT NULL,"
            " last double precision NOT NULL, last_at timestamptz NOT NULL,"
            f" CONSTRAINT pk_{grain} PRIMARY KEY (device_id, field_id, bucket))"
        )


def _create_aggregates() -> None:
    """Make continuous aggregates of the same names and columns.

    The worker refreshes what has changed, as it does on plain PostgreSQL; the policies are for
    a site whose worker stands still. They look back less far than readings are kept, or a
    refresh would sum up hours whose readings are gone.
    """
    op.execute(
        "CREATE MATERIALIZED VIEW telemetry_hourly WITH (timescaledb.continuous,"
        " timescaledb.materialized_only = true, timescaledb.create_group_indexes = false) AS"
        " SELECT community_id, device_id, field_id,"
        " time_bucket(INTERVAL '1 hour', observed_at) AS bucket, count(*) AS count,"
        " min(value) AS low, first(observed_at, value) AS low_at,"
        " max(value) AS high, last(observed_at, value) AS high_at, sum(value) AS total,"
        " last(value, observed_at) AS last, max(observed_at) AS last_at"
        " FROM telemetry GROUP BY 1, 2, 3, 4 WITH NO DATA"
    )
    op.execute(
        "CREATE MATERIALIZED VIEW telemetry_daily WITH (timescaledb.continuous,"
        " timescaledb.materialized_only = true, timescaledb.create_group_indexes = false) AS"
        " SELECT community_id, device_id, field_id,"
        " time_bucket(INTERVAL '1 day', bucket) AS bucket, sum(count)::bigint AS count,"
        " min(low) AS low, first(low_at, low) AS low_at,"
        " max(high) AS high, last(high_at, high) AS high_at, sum(total) AS total,"
        " last(last, last_at) AS last, max(last_at) AS last_at"
        " FROM telemetry_hourly GROUP BY 1, 2, 3, 4 WITH NO DATA"
    )
    for grain, end in zip(_GRAINS, ("1 hour", "1 day"), strict=True):
        op.execute(f"CREATE INDEX ON {grain} (device_id, field_id, bucket)")
        op.execute(
            f"SELECT add_continuous_aggregate_policy('{grain}', start_offset => INTERVAL '30 days',"
            f" end_offset => INTERVAL '{end}', schedule_interval => INTERVAL '1 hour')"
        )


def _mark_what_is_there() -> None:
    """Mark every hour of every day that is stored, without reading what is in it."""
    if _is_hypertable():
        days = (
            "SELECT range_start AS day FROM timescaledb_information.chunks"
            " WHERE hypertable_name = 'telemetry'"
        )
    else:
        days = (
            "SELECT (substr(relname, 11) || ' 00:00+00')::timestamptz AS day"
            " FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
            " WHERE inhparent = 'telemetry'::regclass AND c.relname <> 'telemetry_default'"
        )
        op.execute(
            "INSERT INTO stale_hours SELECT DISTINCT community_id,"
            " date_trunc('hour', observed_at, 'UTC'), now() FROM telemetry_default"
        )
    op.execute(
        "INSERT INTO stale_hours SELECT c.id, d.day + h * INTERVAL '1 hour', now()"  # noqa: S608 - text of our own
        f" FROM communities c, ({days}) d, generate_series(0, 23) h"
        " WHERE d.day + h * INTERVAL '1 hour' <= now() ON CONFLICT DO NOTHING"
    )
