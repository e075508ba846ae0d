"""Who is called: groups, duty rotas with their hand-overs, and telephones of a home's contacts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())


def _fk(table: str, column: str, of: str, **how: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{of}")
    return sa.ForeignKeyConstraint([column], [f"{of}.id"], name=name, **how)


def _key() -> sa.Column:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _column(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _time(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "people_groups",
        _key(),
        _column("community_id"),
        sa.Column("name", sa.String(), nullable=False),
        _fk("people_groups", "community_id", "communities"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_groups")),
        sa.UniqueConstraint(
            "community_id", "name", name=op.f("uq_people_groups_community_id_name")
        ),
    )
    op.create_table(
        "people_group_members",
        _column("group_id"),
        _column("user_id"),
        _fk("people_group_members", "group_id", "people_groups", ondelete="CASCADE"),
        _fk("people_group_members", "user_id", "users"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_people_group_members")),
    )
    op.create_table(
        "rotas",
        _key(),
        _column("community_id"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("fallback", sa.String(), nullable=False),
        sa.Column("handed_over", sa.Boolean(), nullable=False),
        sa.Column("shifts", _JSON, nullable=False),
        _column("version"),
        _time("made_at"),
        _time("changed_at"),
        _column("changed_by", null=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        _fk("rotas", "community_id", "communities"),
        _fk("rotas", "changed_by", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rotas")),
    )
    op.create_index(
        "uq_rotas_name",
        "rotas",
        ["community_id", "name"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "rota_overrides",
        _key(),
        _column("rota_id"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts", sa.String(), nullable=False),
        sa.Column("ends", sa.String(), nullable=False),
        sa.Column("people", _JSON, nullable=False),
        _time("made_at"),
        _column("made_by", null=True),
        _fk("rota_overrides", "rota_id", "rotas"),
        _fk("rota_overrides", "made_by", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_overrides")),
    )
    op.create_index("ix_rota_overrides_rota_id_day", "rota_overrides", ["rota_id", "day"])
    op.create_table(
        "hand_overs",
        _key(),
        _column("rota_id"),
        _time("starts_at"),
        _time("taken_at"),
        _column("taken_by"),
        _column("handed_by", null=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("alerts", _JSON, nullable=False),
        _fk("hand_overs", "rota_id", "rotas"),
        _fk("hand_overs", "taken_by", "users"),
        _fk("hand_overs", "handed_by", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_overs")),
        sa.UniqueConstraint("rota_id", "starts_at", name=op.f("uq_hand_overs_rota_id_starts_at")),
    )
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.alter_column("addresses", "user_id", existing_type=sa.BigInteger(), nullable=True)
    op.add_column("addresses", sa.Column("household_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_addresses_household_id_households"),
        "addresses",
        "households",
        ["household_id"],
        ["id"],
    )
    op.create_index(
        "uq_addresses_home",
        "addresses",
        ["household_id", "target"],
        unique=True,
        postgresql_where=sa.text("household_id IS NOT NULL AND removed_at IS NULL"),
    )


def downgrade() -> None:
    # the release before knows nobody but those who log in, and no such targets of plans
    op.execute(
        "DELETE FROM deliveries USING addresses"
        " WHERE addresses.id = deliveries.address_id AND addresses.user_id IS NULL"
    )
    op.execute("DELETE FROM addresses WHERE user_id IS NULL")
    op.drop_index("uq_addresses_home", table_name="addresses")
    op.drop_constraint(
        op.f("fk_addresses_household_id_households"), "addresses", type_="foreignkey"
    )
    op.drop_column("addresses", "household_id")
    op.alter_column("addresses", "user_id", existing_type=sa.BigInteger(), nullable=False)
    op.drop_table("hand_overs")
    op.drop_table("rota_overrides")
    op.drop_table("rotas")
    op.drop_table("people_group_members")
    op.drop_table("people_groups")
