"""The demo touches no database that is somebody's: it is refused before anything is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from anju_devices.sim.describe import describe
from anju_platform.auth.model import Role, User
from anju_platform.auth.service import add_user
from anju_platform.database import connect, transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.demo.ownership import demand_own
from anju_platform.demo.postgres import create_database
from anju_platform.demo.provisioning import provision
from anju_platform.demo.site import PEOPLE, Site
from anju_platform.demo.stage import Options, Stage
from anju_platform.errors import ConfigError, NotFoundError
from anju_platform.provision import import_community
from anju_platform.registry.repository import community

OTHER = {
    "community": {"slug": "lianhua", "name": "莲花里", "name_en": "Lianhua Court"},
    "places": [],
    "gateways": [{"slug": "gw-1", "name": "网关", "name_en": "Gateway"}],
    "devices": [],
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "demo")
    site.prepare()
    site.community_file.write_text(json.dumps(describe(1)), encoding="utf-8")
    return site


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = connect(database, pool_size=2)
    yield engine
    engine.dispose()


def test_an_empty_database_and_one_of_its_own_are_taken(
    engine: Engine, database: str, site: Site
) -> None:
    demand_own(database, site, PEOPLE)
    provision(engine, site, [site.community, OTHER], PEOPLE)  # with a recording's home, say
    demand_own(database, site, PEOPLE)
    provision(engine, site, [site.community], PEOPLE)
    demand_own(database, site, PEOPLE)


def test_one_without_tables_is_taken(postgres_url: str, site: Site) -> None:
    demand_own(create_database(postgres_url, "anju_bare"), site, PEOPLE)


def test_a_community_of_somebodys_is_refused_and_nothing_is_made(
    engine: Engine, database: str, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        import_community(session, OTHER)
        known = community(session, "lianhua")
        assert known is not None
        add_user(
            session,
            username="admin",
            name="真管理员",
            role=Role.ADMIN,
            community_id=known.id,
            password="a real one 4711",
        )
        before = session.scalars(select(User.password_hash)).one()
    stage = Stage(Options(tmp_path / "new", database_url=database, furnished=True), print)
    with pytest.raises(ConfigError, match=r"communities .*lianhua.*empty database"):
        stage.build()
    stage.stop()
    assert not (tmp_path / "new").exists()
    with transaction(engine) as session:
        assert session.scalars(select(User.password_hash)).one() == before
        assert community(session, "yangguang") is None


def test_a_community_of_the_demos_own_name_is_refused_to_another_folder(
    engine: Engine, database: str, site: Site, tmp_path: Path
) -> None:
    provision(engine, site, [site.community], PEOPLE)
    other = Site(tmp_path / "other")
    other.prepare()
    other.community_file.write_text(json.dumps(describe(1)), encoding="utf-8")
    with pytest.raises(ConfigError, match="yangguang"):
        demand_own(database, other, PEOPLE)
    other.secrets_file.write_text(json.dumps(dict.fromkeys(site.gateway_secrets, "guessed")))
    with pytest.raises(ConfigError, match="yangguang"):
        demand_own(database, other, PEOPLE)


@pytest.mark.parametrize("first", [True, False])
def test_an_account_of_every_community_is_refused(
    engine: Engine, database: str, site: Site, first: bool
) -> None:
    if not first:
        provision(engine, site, [site.community], [one for one in PEOPLE if one.role != "admin"])
    with transaction(engine) as session:
        add_user(
            session,
            username="admin",
            name="真管理员",
            role=Role.ADMIN,
            community_id=None,
            password="a real one 4711",
        )
    with pytest.raises(ConfigError, match=r"accounts .*admin"):
        demand_own(database, site, PEOPLE)


def test_nobody_acts_in_a_community_that_is_not_the_demos(engine: Engine, site: Site) -> None:
    provision(engine, site, [OTHER, site.community], PEOPLE)
    with transaction(engine) as session:
        assert act(session, site.slug, "guard").name == "李强"
        for slug in ("lianhua", "nowhere"):
            with pytest.raises(NotFoundError, match="guard"):
                act(session, slug, "guard")
