"""Run the migrations on the connection that ``anju_platform.migrate`` opened."""

from alembic import context

from anju_platform.migrate import include_object
from anju_platform.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    include_object=include_object,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
