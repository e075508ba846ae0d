"""SQL of homes as their families see them."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from sqlalchemy import (
    ColumnElement,
    Date,
    Float,
    Integer,
    Uuid,
    and_,
    case,
    cast,
    delete,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from anju_platform.alerts.listing import SILENT
from anju_platform.alerts.model import Alert
from anju_platform.audit.model import AuditEntry
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import HomeScope, Role, User
from anju_platform.care.model import WeeklyLetter
from anju_platform.database import Json
from anju_platform.people.model import Household
from anju_platform.registry.model import Device, DeviceField, Place
from anju_platform.registry.privacy import sensor_of
from anju_platform.rulebook.homes import HOME_STATE
from anju_platform.rulebook.model import RuleState
from anju_platform.sharing.repository import readable
from anju_platform.telemetry.model import HOURLY, TelemetryPoint

# Written out, not bound: the planner must see that the index of looks serves.
_IS_A_LOOK: ColumnElement[bool] = literal_column("audit.action = 'care.read'")
LETTER = "letter"
"""How the audit names that somebody was told of a home, and did not look."""
_IS_OPEN: ColumnElement[bool] = literal_column("alerts.handling != 'closed'")
_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def own_homes(
    session: Session, community_id: int, user_id: int, homes: Collection[int]
) -> list[tuple[Household, Place, str]]:
    """Give the homes somebody belongs to, with their places and what they are to them."""
    query = (
        select(Household, Place, HomeScope.relation)
        .join(Place, Place.id == Household.place_id)
        .join(HomeScope, HomeScope.household_id == Household.id)
        .where(
            Household.community_id == community_id,
            Household.id.in_(homes),
            HomeScope.user_id == user_id,
        )
        .order_by(Household.slug)
    )
    return [(home, place, relation) for home, place, relation in session.execute(query)]


def last_known(
    session: Session, actor: Actor, home: Household, models: Collection[str]
) -> Mapping[str, object] | None:
    """Give what ingest last knew of whether somebody is at home: of all of ``models`` together.

    It is there if each of these sensors is shared with the actor.
    """
    query = select(RuleState.state).where(
        RuleState.community_id == home.community_id,
        RuleState.rule_id == HOME_STATE,
        RuleState.entity == home.slug,
        ~_hidden(actor, home.id, models),
    )
    return session.scalar(query)


def is_hidden(session: Session, actor: Actor, home: Household, models: Collection[str]) -> bool:
    """Tell whether a sensor of these models in a home is not shared with the actor."""
    return bool(session.scalar(select(_hidden(actor, home.id, models))))


def _hidden(actor: Actor, household_id: int, models: Collection[str]) -> ColumnElement[bool]:
    """Say that a sensor is not shared; one that is stopped or retired said something before."""
    return exists().where(
        Device.household_id == household_id,
        Device.model.in_(models),
        ~readable(actor, sensor_of()),
    )


def movement_fields(
    session: Session, actor: Actor, household_id: int, fields: Mapping[str, str]
) -> list[tuple[int, int]]:
    """Give (device, field) of whatever sees movement in a home and is shared with the actor.

    ``fields`` is by device model.
    """
    query = (
        select(Device.id, Device.model, DeviceField.id, DeviceField.name)
        .join(DeviceField, DeviceField.model == Device.model)
        .where(
            Device.household_id == household_id,
            Device.state == "approved",
            Device.model.in_(fields),
            readable(actor, sensor_of()),
        )
    )
    return [
        (device, field)
        for device, model, field, name in session.execute(query)
        if fields[model] == name
    ]


def movements(
    session: Session,
    sensors: Collection[tuple[int, int]],
    timezone: str,
    *,
    start: datetime,
    end: datetime,
) -> dict[int, int]:
    """Count by local hour how often movement was seen in ``[start, end)``, a day at most."""
    hour = cast(
        func.date_part("hour", func.timezone(timezone, TelemetryPoint.observed_at)), Integer
    )
    query = (
        select(hour, func.count())
        .where(
            TelemetryPoint.device_id.in_([device for device, _ in sensors]),
            TelemetryPoint.field_id.in_([field for _, field in sensors]),
            TelemetryPoint.observed_at >= start,
            TelemetryPoint.observed_at < end,
            TelemetryPoint.value > 0,
        )
        .group_by(hour)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def usual_movements(
    session: Session,
    sensors: Collection[tuple[int, int]],
    timezone: str,
    *,
    start: datetime,
    end: datetime,
) -> tuple[dict[int, float], int]:
    """Sum by local hour what the roll-ups saw in ``[start, end)``, and count its days."""
    local = func.timezone(timezone, HOURLY.c.bucket)
    hour = cast(func.date_part("hour", local), Integer)
    of_them = (
        HOURLY.c.device_id.in_([device for device, _ in sensors]),
        HOURLY.c.field_id.in_([field for _, field in sensors]),
        HOURLY.c.bucket >= start,
        HOURLY.c.bucket < end,
    )
    query = select(hour, cast(func.sum(HOURLY.c.total), Float)).where(*of_them).group_by(hour)
    days = select(func.count(func.distinct(func.date_trunc("day", local)))).where(*of_them)
    sums = {row[0]: row[1] for row in session.execute(query)}
    return sums, session.scalar(days) or 0


def looks(
    session: Session, home: Household, limit: int, *, before: datetime | None = None
) -> list[tuple[AuditEntry, str | None]]:
    """Give who looked at a home or at devices that stood there then, newest first, with roles.

    ``before`` pages on by time. Nothing tells that a silent cry for help was heard: looks
    because of one are left out, and while one is open all of the desk since it came.
    """
    at = AuditEntry.at < before if before is not None else true()
    query = (
        select(AuditEntry, User.role)
        .outerjoin(User, User.id == AuditEntry.user_id)
        .where(
            AuditEntry.community_id == home.community_id,
            _IS_A_LOOK,
            at,
            or_(
                AuditEntry.subject == f"household:{home.slug}",
                AuditEntry.data["household"].as_integer() == home.id,
            ),
            ~_tells_of_a_cry(home),
        )
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    return [(entry, role) for entry, role in session.execute(query)]


def _tells_of_a_cry(home: Household) -> ColumnElement[bool]:
    """Say that a look would tell somebody in the home that a silent cry for help was heard."""
    said = AuditEntry.data["alert"].as_string()
    number = case((said.regexp_match(_UUID), cast(said, Uuid)))
    because_of_it = exists().where(Alert.id == number, Alert.rule_id.in_(SILENT))
    since = (
        select(func.min(Alert.detected_at))
        .where(
            Alert.community_id == home.community_id,
            Alert.household_id == home.id,
            Alert.rule_id.in_(SILENT),
            _IS_OPEN,
        )
        .scalar_subquery()
    )
    by_family = func.coalesce(User.role == Role.FAMILY, false())
    while_open = and_(~by_family, AuditEntry.at >= since)
    return or_(because_of_it, func.coalesce(while_open, false()))


def has_looked(
    session: Session, community_id: int, user_id: int, slug: str, since: datetime
) -> bool:
    """Tell whether it is on record that somebody looked at a home since then."""
    query = select(AuditEntry.id).where(
        AuditEntry.community_id == community_id,
        _IS_A_LOOK,
        AuditEntry.at >= since,
        AuditEntry.user_id == user_id,
        AuditEntry.subject == f"household:{slug}",
        AuditEntry.data["as"].as_string().is_distinct_from(LETTER),
    )
    return session.scalars(query.limit(1)).first() is not None


def days_with_movement(
    session: Session,
    sensors: Collection[tuple[int, int]],
    timezone: str,
    *,
    start: datetime,
    end: datetime,
) -> set[date]:
    """Give on which local days in ``[start, end)`` the roll-ups saw movement."""
    day = cast(func.timezone(timezone, HOURLY.c.bucket), Date)
    query = (
        select(day)
        .where(
            HOURLY.c.device_id.in_([device for device, _ in sensors]),
            HOURLY.c.field_id.in_([field for _, field in sensors]),
            HOURLY.c.bucket >= start,
            HOURLY.c.bucket < end,
            HOURLY.c.total > 0,
        )
        .distinct()
    )
    return set(session.scalars(query))


def gateways_of(session: Session, household_id: int) -> list[int]:
    """Give the gateways behind which a home's devices are."""
    query = select(Device.gateway_id).where(
        Device.household_id == household_id, Device.state == "approved"
    )
    return list(session.scalars(query.distinct()))


def is_family(session: Session, user_id: int, household_id: int) -> bool:
    """Tell whether somebody, who has an account still, belongs to a home."""
    query = (
        select(User.id)
        .join(HomeScope, HomeScope.user_id == User.id)
        .where(User.id == user_id, HomeScope.household_id == household_id, User.disabled.is_(False))
    )
    return session.scalar(query) is not None


def weekly(session: Session, user_id: int, household_id: int) -> WeeklyLetter | None:
    """Give whether and when somebody wishes to hear of a home's week."""
    query = select(WeeklyLetter).where(
        WeeklyLetter.user_id == user_id, WeeklyLetter.household_id == household_id
    )
    return session.scalars(query).one_or_none()


def put_weekly(session: Session, values: Json) -> None:
    """Note when somebody wishes to hear of a home's week."""
    session.execute(
        insert(WeeklyLetter)
        .values(values)
        .on_conflict_do_update(
            index_elements=["user_id", "household_id"],
            set_={name: values[name] for name in ("weekday", "hour", "due_at")},
        )
    )


def drop_weekly(session: Session, user_id: int, household_id: int) -> bool:
    """Note that somebody wishes it no more; gives whether they did."""
    gone = (
        delete(WeeklyLetter)
        .where(WeeklyLetter.user_id == user_id, WeeklyLetter.household_id == household_id)
        .returning(WeeklyLetter.id)
    )
    return session.scalar(gone) is not None


def due_weekly(session: Session, at: datetime, *, besides: Collection[int]) -> WeeklyLetter | None:
    """Lock the letter that is due for longest and that nobody else is writing."""
    query = (
        select(WeeklyLetter)
        .where(WeeklyLetter.due_at <= at, WeeklyLetter.id.not_in(besides))
        .order_by(WeeklyLetter.due_at, WeeklyLetter.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).one_or_none()
