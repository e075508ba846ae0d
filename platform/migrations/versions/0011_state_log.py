"""What devices said since their rows of device_states were written."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# What an earlier release reads must be whole without the log. Of what a field was said to be,
# the latest counts, and of the same time what was said last.
_TAKE_OVER = """
    WITH said AS (
        SELECT number, place, (one ->> 0)::bigint AS device_id, (one ->> 1)::bigint AS community_id,
            (one ->> 2)::bigint AS received_at, (one ->> 3)::bigint AS at, one -> 4 AS told
        FROM device_state_log,
            jsonb_array_elements(convert_from(said, 'UTF8')::jsonb)
                WITH ORDINALITY AS row (one, place)
        WHERE EXISTS (SELECT FROM devices WHERE id = (one ->> 0)::bigint)
    ), fields AS (
        SELECT DISTINCT ON (device_id, field) device_id, field, jsonb_build_array(value, at) AS pair
        FROM said, jsonb_each(told) AS t (field, value)
        ORDER BY device_id, field, at DESC, number DESC, place DESC
    ), newer AS (
        SELECT device_id, jsonb_object_agg(field, pair) AS latest
        FROM fields LEFT JOIN device_states USING (device_id)
        WHERE latest -> field IS NULL OR (pair ->> 1)::bigint >= (latest -> field ->> 1)::bigint
        GROUP BY device_id
    ), seen AS (
        SELECT device_id, min(community_id) AS community_id, max(received_at) AS at
        FROM said GROUP BY device_id
    )
    INSERT INTO device_states AS known (device_id, community_id, last_seen_at, latest)
    SELECT device_id, community_id, to_timestamp(at / 1000.0), coalesce(latest, '{}')
    FROM seen LEFT JOIN newer USING (device_id)
    ON CONFLICT (device_id) DO UPDATE SET
        last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
        latest = known.latest || excluded.latest
"""


def upgrade() -> None:
    op.create_table(
        "device_state_log",
        sa.Column("partition", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("said", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("partition", "number", name=op.f("pk_device_state_log")),
    )
    # it lives for seconds: to compress it costs more than to write it
    op.execute("ALTER TABLE device_state_log ALTER COLUMN said SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute(_TAKE_OVER)
    op.drop_table("device_state_log")
