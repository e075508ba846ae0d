"""SQL of consents: what was said, what ends soon, and what stands in a home."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    Select,
    String,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session, aliased

from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.auth.model import User
from anju_platform.baselines.model import Baseline
from anju_platform.commands.model import GatewayCommand
from anju_platform.duty.model import PeopleGroup
from anju_platform.lanes.model import Quarantined
from anju_platform.media.model import Media
from anju_platform.people.model import Household
from anju_platform.registry.model import Device, Gateway, Place
from anju_platform.registry.privacy import sensor_of
from anju_platform.rulebook.model import RuleState
from anju_platform.sharing.model import GROUP, Consent, Purpose
from anju_platform.sharing.repository import stopped
from anju_platform.telemetry.model import DAILY, HOURLY, DeviceEvent, DeviceState
from anju_platform.telemetry.retention.repository import table_of_rollup
from anju_platform.telemetry.storage import is_hypertable

_later = aliased(Consent)
_writer = aliased(User)
_viewer = aliased(User)
KEY = ("household_id", "person", "sensors", "viewer", "purpose")
"""What a newer word replaces an older one of."""

_REPLACED = exists().where(
    *(getattr(_later, name) == getattr(Consent, name) for name in KEY),
    _later.id > Consent.id,
    _later.begins_at <= func.now(),
)
STATE = case(
    (_REPLACED, "replaced"),
    (Consent.ends_at <= func.now(), "ended"),
    (Consent.begins_at > func.now(), "to_come"),
    else_="in_force",
)
"""What has become of a word, by the database's clock."""


def every_word() -> Select[*tuple[Any, ...]]:
    """Build (Consent, state, who wrote it down, the viewer's name), newest first."""
    return (
        select(Consent, STATE, _writer.name, func.coalesce(_viewer.name, PeopleGroup.name))
        .outerjoin(_writer, _writer.id == Consent.recorded_by)
        .outerjoin(_viewer, Consent.viewer == "user:" + cast(_viewer.id, String))
        .outerjoin(PeopleGroup, Consent.viewer == GROUP + cast(PeopleGroup.id, String))
        .order_by(Consent.id.desc())
    )


def words(session: Session, household_id: int) -> list[Row[*tuple[Any, ...]]]:
    """Give (Consent, state, who wrote it down, the viewer's name) of a home, newest first."""
    return list(session.execute(every_word().where(Consent.household_id == household_id)))


def one(session: Session, household_id: int, consent_id: int) -> tuple[Consent, str] | None:
    """Find a word of a home, with what has become of it."""
    query = select(Consent, STATE).where(
        Consent.household_id == household_id, Consent.id == consent_id
    )
    found = session.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


def lock_home(session: Session, community_id: int, slug: str) -> tuple[Household, Place] | None:
    """Find a home and let nobody else write of it meanwhile."""
    query = (
        select(Household, Place)
        .join(Place, Place.id == Household.place_id)
        .where(Household.community_id == community_id, Household.slug == slug)
        .with_for_update(of=Household)
    )
    found = session.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


def home(session: Session, community_id: int, slug: str) -> tuple[Household, Place] | None:
    """Find a home with its place."""
    query = (
        select(Household, Place)
        .join(Place, Place.id == Household.place_id)
        .where(Household.community_id == community_id, Household.slug == slug)
    )
    found = session.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


def sensors(session: Session, household_id: int) -> list[Device]:
    """Give what stands in a home and is not retired."""
    query = select(Device).where(Device.household_id == household_id, Device.state != "retired")
    return list(session.scalars(query.order_by(Device.slug)))


def known_keys(session: Session, household_ids: Iterable[int]) -> set[tuple[Any, ...]]:
    """Give of what something was said already in these homes, whatever has become of it."""
    columns = [getattr(Consent, name) for name in KEY]
    query = select(*columns).where(Consent.household_id.in_(list(household_ids)))
    return {tuple(row) for row in session.execute(query)}


def misheard(session: Session, community_id: int) -> list[tuple[Device, bool]]:
    """Give sensors that are listened to and should not be, or the other way; true: stop it."""
    should_stop = stopped(sensor_of())
    spoken_of = exists().where(
        Consent.household_id == Device.household_id,
        Consent.purpose == Purpose.MEASURING.value,
    )
    query = select(Device, should_stop).where(
        Device.community_id == community_id,
        Device.state != "retired",
        or_(spoken_of, Device.state == "stopped"),
        (Device.state == "stopped") != func.coalesce(should_stop, false()),
    )
    return [(device, bool(stop)) for device, stop in session.execute(query)]


def stopped_behind(session: Session, community_id: int) -> dict[int, list[str]]:
    """Give the slugs of what is stopped in a community, by gateway."""
    query = (
        select(Device.gateway_id, Device.slug)
        .where(Device.community_id == community_id, Device.state == "stopped")
        .order_by(Device.slug)
    )
    found: dict[int, list[str]] = {}
    for gateway_id, slug in session.execute(query):
        found.setdefault(gateway_id, []).append(slug)
    return found


def last_asked(
    session: Session, community_id: int, name: str
) -> dict[int, tuple[GatewayCommand, bool]]:
    """Give the newest command of a name to each gateway, and whether the gateway is there."""
    query = (
        select(GatewayCommand, Gateway.online)
        .join(Gateway, Gateway.id == GatewayCommand.gateway_id)
        .where(GatewayCommand.community_id == community_id, GatewayCommand.name == name)
        .order_by(GatewayCommand.id)
    )
    return {command.gateway_id: (command, online) for command, online in session.execute(query)}


def device_of(session: Session, household_id: int, slug: str) -> Device | None:
    """Find a sensor of a home, whatever its state."""
    query = select(Device).where(Device.household_id == household_id, Device.slug == slug)
    return session.scalars(query).one_or_none()


def erase_readings(session: Session, device: Device) -> int:
    """Delete every reading of a device and what was summed up of them; gives how many readings."""
    session.execute(text("SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0"))
    of_it = {"device": device.id}
    gone: Any = session.execute(text("DELETE FROM telemetry WHERE device_id = :device"), of_it)
    is_kept_by_timescale = is_hypertable(session.connection().engine)
    for name in (HOURLY.name, DAILY.name):
        kept_in = table_of_rollup(session, name, is_hypertable=is_kept_by_timescale)
        session.execute(
            text(f"DELETE FROM {kept_in} WHERE device_id = :device"),  # noqa: S608 - a name of ours
            of_it,
        )
    return int(gone.rowcount)


def _alerts_of(device: Device) -> Select[UUID]:
    """Build the alerts of a device: a home's is raised by one and may have heard another last."""
    heard = or_(Alert.device_id == device.id, Alert.evidence["device"].as_string() == device.slug)
    return select(Alert.id).where(Alert.community_id == device.community_id, heard)


def erase_pictures(session: Session, device: Device) -> None:
    """Delete the snapshots of a device: those its alerts show, and those its events tell of.

    Do so before its events are gone. What people photographed stays.
    """
    shown = select(Alert.media_id).where(Alert.id.in_(_alerts_of(device)))
    told = select(DeviceEvent.data["snapshot"].as_string()).where(
        DeviceEvent.community_id == device.community_id, DeviceEvent.device_id == device.id
    )
    session.execute(
        delete(Media).where(
            Media.community_id == device.community_id,
            Media.gateway_id.is_not(None),
            or_(Media.id.in_(shown), Media.id.in_(told)),
        )
    )


def erase_events(session: Session, device: Device) -> int:
    """Delete every event of a device; gives how many."""
    gone: Any = session.execute(
        delete(DeviceEvent).where(
            DeviceEvent.community_id == device.community_id, DeviceEvent.device_id == device.id
        )
    )
    return int(gone.rowcount)


def erase_traces(session: Session, device: Device, home: Household) -> None:
    """Delete what else is known by a device: its state, what was learned, values in alerts.

    What rules remember of the home goes with it: it is not kept which sensor told them so.
    """
    session.execute(delete(DeviceState).where(DeviceState.device_id == device.id))
    session.execute(
        delete(RuleState).where(
            RuleState.community_id == device.community_id,
            func.split_part(RuleState.entity, "#", 1).in_((device.slug, home.slug)),
        )
    )
    session.execute(
        delete(Quarantined).where(
            Quarantined.gateway_id == device.gateway_id, Quarantined.device == device.slug
        )
    )
    session.execute(
        delete(Baseline).where(
            Baseline.community_id == device.community_id,
            or_(
                and_(Baseline.kind == "device", Baseline.entity == device.slug),
                and_(Baseline.kind == "household", Baseline.entity == home.slug),
            ),
        )
    )
    values, data, because = (literal(name, Text) for name in ("values", "data", "because"))
    of_home = select(Alert.id).where(Alert.household_id == home.id)
    said_by_it = and_(
        TimelineEntry.data["device"].as_string() == device.slug, TimelineEntry.alert_id.in_(of_home)
    )
    session.execute(
        update(TimelineEntry)
        .where(or_(TimelineEntry.alert_id.in_(_alerts_of(device)), said_by_it))
        .values(data=TimelineEntry.data.op("-")(values).op("-")(because))
    )
    session.execute(
        update(Alert)
        .where(Alert.id.in_(_alerts_of(device)))
        .values(evidence=Alert.evidence.op("-")(values).op("-")(data))
    )
