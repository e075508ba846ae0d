"""Rules a community made for itself: every version as written, and what was put in force when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("rule_versions", "rule_activations")


def upgrade() -> None:
    _create_versions()
    _create_activations()
    _forbid_changes()
    _tell_of_activations()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION anju_rules_changed()")
    op.execute("DROP FUNCTION anju_only_added()")


def _create_versions() -> None:
    op.create_table(
        "rule_versions",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_rule_versions_community_id_communities"),
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["users.id"], name=op.f("fk_rule_versions_made_by_users")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "rule_id", "version", name=op.f("pk_rule_versions")
        ),
    )


def _create_activations() -> None:
    op.create_table(
        "rule_activations",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("of_library", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_rule_activations_community_id_communities"),
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["users.id"], name=op.f("fk_rule_activations_made_by_users")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "rule_id", "number", name=op.f("pk_rule_activations")
        ),
    )


def _forbid_changes() -> None:
    """Let rows only ever be added, whoever asks: an alert names the version that raised it."""
    op.execute(
        "CREATE FUNCTION anju_only_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME"
        " USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION anju_only_added()"
        )


def _tell_of_activations() -> None:
    """NOTIFY ``anju_rules`` when other rules are in force: ingest takes them over at once."""
    op.execute(
        "CREATE FUNCTION anju_rules_changed() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_notify('anju_rules', TG_TABLE_NAME); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER tell_rules_changed AFTER INSERT ON rule_activations"
        " FOR EACH STATEMENT EXECUTE FUNCTION anju_rules_changed()"
    )
