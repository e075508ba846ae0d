"""What a sensor of a home has said is deleted for good, wherever it left a trace."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from consented_home import PIR, keep_secrets, set_state
from outer_site import JPEG, Site
from own_home import HOME, moved
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.alerts.repository import add_entry
from anju_platform.auth.model import Role
from anju_platform.consent.erasing import erase
from anju_platform.database import now, transaction
from anju_platform.media.model import Media
from anju_platform.rulebook.model import RuleState
from anju_platform.telemetry.model import DeviceEvent

SOS = "b1-501-sos"
VALUES = {"lux": 4711.25}


def take(site: Site, media_id: str, **by: object) -> None:
    """Let there be a picture."""
    moment = now()
    of_it = {"community_id": site.community_id, "content_type": "image/jpeg", "sha256": "0"}
    times = {"stored_at": moment, "expires_at": moment + timedelta(days=1)}
    with transaction(site.engine) as session:
        session.add(Media(id=media_id, content=JPEG, **of_it, **times, **by))


def remember(site: Site, *entities: str) -> None:
    """Let a rule remember something of these."""
    with transaction(site.engine) as session:
        for entity in entities:
            of_it = {"community_id": site.community_id, "rule_id": "some", "due_at": None}
            session.add(RuleState(entity=entity, state={"device": PIR}, **of_it))


def step(site: Site, alert_id: UUID, device: str) -> None:
    data = {"values": VALUES, "because": [{"device": device}], "device": device, "severity": 3}
    with transaction(site.engine) as session:
        add_entry(session, session.get_one(Alert, alert_id), "reactivated", now(), data=data)


def erase_pir(site: Site) -> None:
    set_state(site, PIR, "retired")
    with transaction(site.engine) as session:
        erase(session, site.actor(Role.ADMIN), HOME, PIR)


def test_pictures_of_it_are_gone_and_those_of_people_and_others_stay(site: Site) -> None:
    alert_id = keep_secrets(site)
    gateway, device = site.device(PIR).gateway_id, site.device(PIR)
    for media_id in ("replaced", "heard-last", "others"):
        take(site, media_id, gateway_id=gateway)
    take(site, "photo", alert_id=alert_id, user_id=site.actor().user_id)
    site.alert(SOS, media_id="heard-last", evidence={"device": PIR})
    site.alert(SOS, media_id="others")
    moment = now()
    with transaction(site.engine) as session:
        of_it = {"community_id": site.community_id, "device_id": device.id, "flags": 0}
        times = {"observed_at": moment, "received_at": moment}
        said = {"event": "seen", "data": {"snapshot": "replaced"}}
        session.add(DeviceEvent(**of_it, **times, **said))
    erase_pir(site)
    with Session(site.engine) as session:
        assert set(session.scalars(select(Media.id))) == {"photo", "others"}


def test_what_rules_remember_of_it_and_of_its_home_is_gone(site: Site) -> None:
    moved(site, now())
    remember(site, PIR, f"{PIR}#1", HOME, f"{HOME}#bath", SOS, "far-pir")
    erase_pir(site)
    with Session(site.engine) as session:
        assert set(session.scalars(select(RuleState.entity))) == {SOS, "far-pir"}


@pytest.mark.parametrize(("last", "kept"), [(PIR, False), (SOS, True)])
def test_its_values_are_gone_from_alerts_that_another_raised(
    site: Site, last: str, kept: bool
) -> None:
    alert_id = site.alert(SOS, evidence={"values": VALUES, "data": {"a": 1}, "device": last})
    for device in (SOS, PIR, SOS):
        step(site, alert_id, device)
    erase_pir(site)
    with Session(site.engine) as session:
        evidence = session.get_one(Alert, alert_id).evidence
        query = select(TimelineEntry.data).where(TimelineEntry.kind == "reactivated")
        steps = list(session.scalars(query.order_by(TimelineEntry.id)))
    assert ("values" in evidence, "data" in evidence) == (kept, kept)
    assert ["values" in data for data in steps] == [kept, False, kept]
    assert ["because" in data for data in steps] == [kept, False, kept]
    assert {data["severity"] for data in steps} == {3}
