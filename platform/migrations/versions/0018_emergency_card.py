"""What an ambulance asks: health and the way in; the community's address."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NEW = (("communities", "address"), ("households", "entry"), ("residents", "health"))


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("LOCK TABLE communities, households, residents IN ACCESS EXCLUSIVE MODE")
    for table, name in _NEW:
        op.add_column(table, sa.Column(name, sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    for table, name in _NEW:
        op.drop_column(table, name)
