from __future__ import annotations

import copy
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from wire_sender import COMMUNITY, GATEWAY, community_file

from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.people.model import Contact, Resident
from anju_platform.provision import import_community
from anju_platform.registry import snapshot
from anju_platform.registry.credentials import secret_matches
from anju_platform.registry.model import Device, Gateway, Place


def bring_in(engine: Engine, document: dict[str, Any]) -> dict[str, str]:
    with transaction(engine) as session:
        return import_community(session, document)


def test_a_community_comes_in_whole(engine: Engine) -> None:
    secrets = bring_in(engine, community_file())
    with reading(engine) as session:
        registry = snapshot.load(session)
        gateway = session.scalars(select(Gateway)).one()
        assert secret_matches(secrets[GATEWAY], gateway.secret_hash)
        assert not secret_matches("guess", gateway.secret_hash)
        assert session.scalar(select(func.count()).select_from(Contact)) == 1
    known = registry.gateway(COMMUNITY, GATEWAY)
    assert known is not None
    sos = known.devices["sos"]
    assert sos.entities == {
        "gate": "b1-101",
        "person": "b1-101",
        "device": "sos",
        "place": "b1-101",
        "household": "b1-101",
        "gateway": GATEWAY,
    }
    assert sos.person["lives_alone"] is True
    assert sos.attributes["life_safety"] is True


def test_a_gateway_is_a_device_too(engine: Engine) -> None:
    bring_in(engine, community_file())
    with reading(engine) as session:
        registry = snapshot.load(session)
    known = registry.gateway(COMMUNITY, GATEWAY)
    assert known is not None
    assert known.devices[GATEWAY].model.name == "gateway"


def test_importing_again_updates_and_keeps_secrets(engine: Engine) -> None:
    bring_in(engine, community_file())
    changed = copy.deepcopy(community_file())
    changed["places"][1]["label"] = "1 栋 1 单元 101"
    changed["households"][0]["contacts"] = []
    assert bring_in(engine, changed) == {}
    with reading(engine) as session:
        assert session.scalars(select(Place.label).where(Place.slug == "b1-101")).one() == (
            "1 栋 1 单元 101"
        )
        assert session.scalar(select(func.count()).select_from(Contact)) == 0
        assert session.scalar(select(func.count()).select_from(Resident)) == 1
        devices = session.scalar(select(func.count()).select_from(Device))
    assert devices == len(changed["devices"]) + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["devices"][0].update(model="teapot"), "no model 'teapot'"),
        (lambda d: d["devices"][0].update(place="nowhere"), "'nowhere' is not in the file"),
        (lambda d: d["devices"][0].update(slug="SOS"), "not a community file"),
        (lambda d: d["devices"][0].update(colour="red"), "colour"),
        (lambda d: d["devices"].append(d["devices"][0]), "'sos' is there twice"),
        (lambda d: d["community"].update(timezone="Mars/Base"), "Mars/Base"),
        (lambda d: d["places"][1].update(parent="b9"), "'b9' is not in the file"),
    ],
)
def test_a_faulty_file_is_refused_whole_and_the_fault_named(
    engine: Engine, change: Any, said: str
) -> None:
    document = community_file()
    change(document)
    with pytest.raises(InvalidRequestError, match=said):
        bring_in(engine, document)
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Place)) == 0
