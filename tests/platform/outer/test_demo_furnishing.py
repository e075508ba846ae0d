"""What the demo shows is there after its start, once, and stays as it was at the next one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from anju_devices.sim.describe import describe
from anju_platform.accounts import programs
from anju_platform.alerts.model import Alert
from anju_platform.alerts.repository import add_entry
from anju_platform.audit.model import AuditEntry
from anju_platform.backtest.jobs import service as backtests
from anju_platform.backtest.jobs.model import JobState
from anju_platform.config import Settings
from anju_platform.consent import service as consent
from anju_platform.consent.overview import overview
from anju_platform.consent.schemas import State
from anju_platform.database import connect, now, transaction
from anju_platform.demo.furnishing import (
    duty,
    ground_plan,
    homes,
    newcomers,
    outside,
    own_rule,
    work,
)
from anju_platform.demo.furnishing.actors import act
from anju_platform.demo.furnishing.first_hour import FirstHour
from anju_platform.demo.furnishing.town import HOST, Town
from anju_platform.demo.provisioning import own_home, provision
from anju_platform.demo.site import MORE_PEOPLE, PEOPLE, Site
from anju_platform.duty import handing_over, rotas
from anju_platform.media.model import Media
from anju_platform.notifications import addresses
from anju_platform.notifications.model import Address
from anju_platform.registry.model import Device
from anju_platform.rulebook.overview import known_rule, row_of
from anju_platform.webhooks import service as webhooks

CAST = (*PEOPLE, *MORE_PEOPLE)
SLUG = "yangguang"


@pytest.fixture
def place(tmp_path: Path) -> Site:
    """A demo's folder with its community, as the simulation describes it."""
    site = Site(tmp_path)
    site.prepare()
    site.community_file.write_text(json.dumps(describe(1)), encoding="utf-8")
    return site


@pytest.fixture
def engine(database: str, place: Site) -> Iterator[Engine]:
    engine = connect(database, pool_size=4)
    provision(engine, place, [place.community], CAST)
    yield engine
    engine.dispose()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path / "town-port")
    yield town
    town.stop()


def twice(engine: Engine, do: Callable[[], None]) -> None:
    """Do it as at the first start and as at the next one, which leaves everything alone."""
    do()
    with transaction(engine) as session:
        before = session.scalar(select(func.count()).select_from(AuditEntry))
    do()
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == before


def test_a_guard_is_on_duty_and_somebody_has_taken_over_early(engine: Engine, place: Site) -> None:
    zone = ZoneInfo(place.community["community"]["timezone"])
    twice(engine, lambda: duty.arrange(engine, SLUG, zone))
    with transaction(engine) as session:
        guard = act(session, SLUG, "guard")
        found = {one.name: one for one in rotas.rotas(session, guard)}
        desk = found["门岗值班"]
        assert [one.name for one in desk.on_duty] == ["李强"]
        assert desk.overrides
        assert not [hole for one in found.values() for hole in one.holes]
        (taken,) = handing_over.history(session, guard, desk.id)
        assert (taken.handed_by, bool(taken.note)) == ("李强", True)
        assert found["巡逻"].may_take_over


def test_homes_say_different_things(engine: Engine, place: Site) -> None:
    document, own = place.community, own_home(place)
    twice(engine, lambda: homes.speak(engine, SLUG, document, own))
    twice(engine, lambda: homes.ask_all(engine, SLUG, document))
    with transaction(engine) as session:
        office = act(session, SLUG, "office")
        all_homes = overview(session, office, limit=len(document["households"])).items
        states = {
            word.state
            for one in all_homes
            for word in consent.home_consents(session, office, one.slug).words
        }
        assert states == set(State) - {State.ENDED}
        assert [one for one in all_homes if one.ending]
        assert [one for one in all_homes if one.stopped]
        assert 0 < len([one for one in all_homes if one.missing]) < 10
        assert len(act(session, SLUG, "family2").homes) == 3


def test_the_plan_has_a_picture_as_large_as_it_is(place: Site, engine: Engine) -> None:
    twice(engine, lambda: ground_plan.lay(engine, SLUG, place.community))
    outline = place.community["community"]["plan"]
    picture = Image.open(BytesIO(ground_plan.drawn(outline)))
    assert picture.width / picture.height == pytest.approx(outline["width"] / outline["height"])
    assert len(picture.convert("RGB").getcolors(1_000_000) or []) > 10


def test_work_goes_on_and_is_planned_and_a_rule_is_in_force(
    engine: Engine, place: Site, database: str
) -> None:
    zone = ZoneInfo(place.community["community"]["timezone"])
    twice(engine, lambda: work.plan(engine, SLUG, zone))
    twice(engine, lambda: own_rule.write(engine, SLUG))
    with transaction(engine) as session:
        admin = act(session, SLUG, "admin")
        rule = row_of(known_rule(session, admin.community_id, own_rule.RULE))
        assert (rule.version, rule.latest_version) == (1, 2)
    twice(engine, lambda: own_rule.test_again(engine, database, SLUG))
    # it is a process of its own, which must not outlive its database
    for _ in range(300):
        with transaction(engine) as session:
            (job,) = backtests.newest(session, act(session, SLUG, "admin"), own_rule.RULE)
        if job.state != JobState.RUNNING:
            break
        time.sleep(0.2)
    assert (job.version, job.state) == (2, JobState.DONE)


def test_telephones_are_proven_by_codes_and_ways_out_lead_to_the_town(
    engine: Engine, place: Site, town: Town, database: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=database, inside_hosts=(HOST,))
    outside.connect_out(engine, place, town, settings)
    with transaction(engine) as session:
        for one in CAST:
            (address,) = addresses.addresses(session, act(session, SLUG, one.username))
            assert address.proven, one.username
    town.stop()
    again = Town(tmp_path / "elsewhere")
    try:
        outside.connect_out(engine, place, again, settings)
        with transaction(engine) as session:
            found = webhooks.webhooks(session, act(session, SLUG, "admin"))
            assert {one.slug for one in found} == {"street", "fire"}
            (token,) = programs.own(session, act(session, SLUG, "admin"))
            assert token.name == "街道大屏"
    finally:
        again.stop()


def test_a_telephone_whose_code_did_not_come_is_proven_at_the_next_start(
    engine: Engine, place: Site, database: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=database, inside_hosts=(HOST,))

    def unproven() -> list[str]:
        with transaction(engine) as session:
            people = {one.username: act(session, SLUG, one.username) for one in CAST}
            return [
                name
                for name, actor in people.items()
                if not all(one.proven for one in addresses.addresses(session, actor))
            ]

    asleep = Town(tmp_path / "town-port")
    asleep.stop()
    outside.connect_out(engine, place, asleep, settings)
    assert unproven() == [one.username for one in CAST]
    with transaction(engine) as session:  # a while later, but for the first of them
        first = act(session, SLUG, CAST[0].username).user_id
        session.execute(update(Address).where(Address.user_id != first).values(tried_at=None))
    awake = Town(tmp_path / "town-port")
    try:
        outside.connect_out(engine, place, awake, settings)
        assert unproven() == [CAST[0].username]
        with transaction(engine) as session:
            session.execute(update(Address).values(tried_at=None))
        outside.connect_out(engine, place, awake, settings)
        assert not unproven()
    finally:
        awake.stop()


def test_newcomers_are_added_once(engine: Engine) -> None:
    twice(engine, lambda: newcomers.put_up(engine, SLUG))
    with transaction(engine) as session:
        found = session.scalars(select(Device.slug).where(Device.slug.like("shed-2-bay-%"))).all()
        assert len(found) == 3


def _raise(session: Session, rule: str, device: str, severity: int) -> None:
    owner = session.scalars(select(Device).where(Device.slug == device)).one()
    at = now()
    alert = Alert(
        id=uuid4(),
        community_id=owner.community_id,
        dedupe_key=f"{rule}|{device}",
        rule_id=rule,
        rule_version=1,
        entity=device,
        device_id=owner.id,
        place_id=owner.place_id,
        household_id=owner.household_id,
        title=rule,
        title_en=rule,
        icon="bell",
        severity=severity,
        condition="active",
        latched=False,
        observed_at=at,
        detected_at=at,
        activated_at=at,
    )
    session.add(alert)
    session.flush()
    add_entry(session, alert, "raised", at, data={"severity": severity})


def test_the_first_alerts_are_seen_to_and_whatever_somebody_did_is_left_alone(
    engine: Engine, place: Site
) -> None:
    document = place.community
    button = next(one["slug"] for one in document["devices"] if one["model"] == "sos_button")
    with transaction(engine) as session:
        _raise(session, "door-held-open", "b5-basement-door", 3)
        _raise(session, "camera-blocked", "cam-gate-south", 3)
        _raise(session, "door-forced", "pump-room-door", 2)
        _raise(session, "lift-ebike", "b6-2-lift-car", 3)
        _raise(session, "fire-lane", "cam-fire-lane-south", 2)
        _raise(session, "sos-pressed", button, 1)
    twice(engine, lambda: FirstHour(engine, SLUG).look())
    with transaction(engine) as session:
        how = {one.rule_id: one.handling for one in session.scalars(select(Alert))}
        assert how.pop("camera-blocked") == "unacked"
        assert how.pop("lift-ebike") == "closed"
        assert set(how.values()) == {"acked"}
        assert session.scalar(select(func.count()).select_from(Media)) == 1
        (home,) = act(session, SLUG, "family2").homes
    other = [one["slug"] for one in document["devices"] if one["model"] == "sos_button"][-1]
    with transaction(engine) as session:
        session.execute(update(Alert).values(handling="closed", closed_at=now()))
        _raise(session, "sos-pressed", other, 1)  # as by somebody who tries the demo
    FirstHour(engine, SLUG).look()
    with transaction(engine) as session:
        pressed = session.scalars(select(Alert).where(Alert.entity == other)).one()
        assert pressed.handling == "unacked"
        assert act(session, SLUG, "family2").homes == {home}
