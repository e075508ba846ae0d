"""Photos that people add to an alert stand beside the snapshots of cameras."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("LOCK TABLE media IN ACCESS EXCLUSIVE MODE")
    op.alter_column("media", "gateway_id", existing_type=sa.BigInteger(), nullable=True)
    op.add_column("media", sa.Column("alert_id", sa.Uuid(), nullable=True))
    op.add_column("media", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_media_user_id_users"), "media", "users", ["user_id"], ["id"])
    op.create_index(op.f("ix_media_alert_id"), "media", ["alert_id"])


def downgrade() -> None:
    op.execute("DELETE FROM media WHERE gateway_id IS NULL")
    op.drop_index(op.f("ix_media_alert_id"), table_name="media")
    op.drop_constraint(op.f("fk_media_user_id_users"), "media", type_="foreignkey")
    op.drop_column("media", "user_id")
    op.drop_column("media", "alert_id")
    op.alter_column("media", "gateway_id", existing_type=sa.BigInteger(), nullable=False)
