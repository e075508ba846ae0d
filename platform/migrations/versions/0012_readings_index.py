"""The readings' index finds all fields of a device's reading at once (ADR 23)."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # the old one first: whoever reads the table for long (a backup) stops us before the work
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("DROP INDEX ix_telemetry_series")
    op.execute("CREATE INDEX ix_telemetry_device ON telemetry (device_id, observed_at)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("DROP INDEX ix_telemetry_device")
    op.execute("CREATE INDEX ix_telemetry_series ON telemetry (device_id, field_id, observed_at)")
