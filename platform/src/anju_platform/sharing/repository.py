"""SQL of sharing: the condition every query of care data carries, by the database's clock."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.orm import Session, aliased

from anju_devices.catalog import MODELS
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.auth.rights import Right
from anju_platform.database import Json
from anju_platform.sharing.model import (
    ALL,
    BY_CONTRACT,
    DEVICE,
    EVERYBODY,
    FAMILY_OF,
    GROUP,
    HEALTH,
    KIND,
    Consent,
    Purpose,
)

# What belongs to the domains above is read by name.
_residents = table("residents", column("household_id"), column("name"), column("elder"))
_alerts = table(
    "alerts",
    column("id", Uuid),
    *(column(name) for name in ("community_id", "household_id", "severity", "latched", "mode")),
    *(column(name) for name in ("owner_id", "acked_by", "going_by", "detected_at")),
)
_members = table("people_group_members", column("group_id"), column("user_id"))
_notifications = table("notifications", column("alert_id", Uuid), column("recipient"))
# Written out, not bound: the planner must see that the index of open alerts serves.
_IS_OPEN: ColumnElement[bool] = literal_column("alerts.handling != 'closed'")

FOR_LIFE = frozenset(name for name, model in MODELS.items() if model.life_safety)
"""Models a life may hang on: only named alone are such sensors stopped."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """Which sensor is meant, and in which home it stands: columns of a query, or values."""

    household: ColumnElement[int | None]
    slug: ColumnElement[str]
    model: ColumnElement[str]

    @classmethod
    def of(cls, household: int, slug: str, model: str) -> Self:
        """Name one by values."""
        return cls(literal(household), literal(slug), literal(model))

    @property
    def alone(self) -> ColumnElement[str]:
        """Name it as a consent names one sensor."""
        return literal(DEVICE).concat(self.slug)

    @property
    def kind(self) -> ColumnElement[str]:
        """Name it as a consent names all of its model."""
        return literal(KIND).concat(self.model)


@dataclass(frozen=True, slots=True)
class Ground:
    """Why somebody may read: for what, and in an emergency which alert it is."""

    purpose: Purpose
    alert: UUID | None = None

    @property
    def reason(self) -> Json:
        """Give it as the audit keeps it."""
        said: Json = {"purpose": self.purpose.value}
        return said if self.alert is None else said | {"alert": str(self.alert)}


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why somebody may read what a sensor says, and what of it is of a body; none: they may not.

    ``in_home`` is false of what stands in nobody's home, which needs no ground.
    """

    in_home: bool
    values: Ground | None = None
    health: Ground | None = None

    @property
    def reason(self) -> Json:
        """Give why something is shown, as the audit keeps it; a null purpose: nothing was."""
        return self.of(health=False)

    def of(self, *, health: bool) -> Json:
        """Give the same of health values, or of all others."""
        ground = self.health if health else self.values
        return {"purpose": None} if ground is None else ground.reason


def readable(actor: Actor, sensor: Sensor, *, health: bool = False) -> ColumnElement[bool]:
    """Say that somebody may read what a sensor says: in a home only on a ground."""
    grounds = _grounds(actor, sensor, health=health)
    return or_(sensor.household.is_(None), *(holds for _, holds in grounds))


def grounds_of(
    session: Session, actor: Actor, household: int | None, slug: str, model: str
) -> Grounds:
    """Tell on what ground somebody reads a sensor at this moment of the database's clock."""
    if household is None:
        return Grounds(in_home=False)
    sensor = Sensor.of(household, slug, model)
    values, health = (
        _ground(session, actor, sensor, health=of_a_body) for of_a_body in (False, True)
    )
    return Grounds(in_home=True, values=values, health=health)


def _ground(session: Session, actor: Actor, sensor: Sensor, *, health: bool) -> Ground | None:
    grounds = _grounds(actor, sensor, health=health)
    alert = _emergency(actor, sensor)
    *hold, alert_id = session.execute(select(*(holds for _, holds in grounds), alert)).one()
    held = [purpose for (purpose, _), holds in zip(grounds, hold, strict=True) if holds]
    if not held:
        return None
    return Ground(held[0], alert_id if held[0] is Purpose.EMERGENCY else None)


def _grounds(
    actor: Actor, sensor: Sensor, *, health: bool
) -> list[tuple[Purpose, ColumnElement[bool]]]:
    """Give for each purpose the actor's rights allow whether it is a ground, the usual first."""
    cares = actor.may(Right.SEE_CARE) or actor.may(Right.OWN_HOMES)
    rights = {
        Purpose.CARE: cares,
        Purpose.SUPPORT: actor.may(Right.KEEP_DEVICES),
        Purpose.EMERGENCY: cares,
    }
    always: list[ColumnElement[bool]] = [~stopped(sensor)]
    if actor.may(Right.OWN_HOMES):
        always.append(sensor.household.in_(actor.homes))
    return [
        (
            purpose,
            and_(
                *always,
                _emergency(actor, sensor).is_not(None) if purpose is Purpose.EMERGENCY else true(),
                _given(sensor, purpose, _means(actor), health=health),
            ),
        )
        for purpose, right in rights.items()
        if right
    ]


def heard_of_in_emergency(session: Session, actor: Actor, household: int) -> frozenset[str]:
    """Give the names of those of a home whose health the actor may hear of in its emergency.

    Each speaks for themselves: nobody hides another's allergy.
    """
    if not actor.may(Right.SEE_CARE):
        return frozenset()
    home = Sensor.of(household, "", "")
    own = and_(Consent.sensors == HEALTH, Consent.person == _residents.c.name)
    word = _word(home, Purpose.EMERGENCY, _means(actor), own)
    query = select(_residents.c.name).where(
        _residents.c.household_id == household,
        func.coalesce(word, literal(Purpose.EMERGENCY in BY_CONTRACT)),
        _emergency(actor, home).is_not(None),
    )
    return frozenset(session.scalars(query))


def _means(actor: Actor) -> ColumnElement[bool]:
    """Say that a consent means somebody: by name, in a group they are in now, or by their role."""
    groups = select(literal(GROUP).concat(cast(_members.c.group_id, Text))).where(
        _members.c.user_id == actor.user_id
    )
    named = (f"user:{actor.user_id}", f"role:{actor.role}")
    return or_(Consent.viewer.in_(named), Consent.viewer.in_(groups))


_MEANS_EVERYBODY: ColumnElement[bool] = Consent.viewer == EVERYBODY


def stopped(sensor: Sensor) -> ColumnElement[bool]:
    """Say that a sensor is to pass nothing on: somebody of the home wants it so."""
    alone = sensor.model.in_(FOR_LIFE)
    named = or_(
        Consent.sensors == sensor.alone,
        and_(~alone, Consent.sensors.in_([sensor.kind, literal(ALL)])),
    )
    return ~_agreed(sensor, Purpose.MEASURING, _MEANS_EVERYBODY, named)


def learnable(sensor: Sensor) -> ColumnElement[bool]:
    """Say that what is usual in the home may be learned from a sensor."""
    allowed = _given(sensor, Purpose.STATISTICS, _MEANS_EVERYBODY, health=False)
    return or_(sensor.household.is_(None), and_(allowed, ~stopped(sensor)))


def _given(
    sensor: Sensor, purpose: Purpose, means: ColumnElement[bool], *, health: bool
) -> ColumnElement[bool]:
    names = [literal(HEALTH)] if health else [sensor.alone, sensor.kind, literal(ALL)]
    return _agreed(sensor, purpose, means, Consent.sensors.in_(names))


def _agreed(
    sensor: Sensor, purpose: Purpose, means: ColumnElement[bool], named: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Say that everybody whose home it is agrees: each elder, or where there is none anybody.

    Who lives there no more has no say, unless nobody is known to live there.
    """
    living_there = _residents.c.household_id == sensor.household
    elders = and_(living_there, _residents.c.elder)
    default = literal(purpose in BY_CONTRACT)

    def word(*of: ColumnElement[bool]) -> ColumnElement[bool]:
        return func.coalesce(_word(sensor, purpose, means, and_(named, *of)), default)

    refuses = exists().where(elders, ~word(Consent.person == _residents.c.name))
    of_them = exists().where(living_there, Consent.person == _residents.c.name)
    anybodys = word(or_(of_them, ~exists().where(living_there)))
    return case((exists().where(elders), ~refuses), else_=anybodys)


def _word(
    sensor: Sensor, purpose: Purpose, means: ColumnElement[bool], named: ColumnElement[bool]
) -> ScalarSelect[bool]:
    """Give what was said last of what is named most closely: a person, a group, then a sensor.

    Of two groups of theirs that are named as closely, the one that may not see it counts.
    """
    later = aliased(Consent)
    same = (
        getattr(later, name) == getattr(Consent, name)
        for name in ("household_id", "person", "sensors", "viewer", "purpose")
    )
    replaced = exists().where(*same, later.id > Consent.id, later.begins_at <= func.now())
    by_closeness = (
        case(
            (Consent.viewer.startswith("user:"), 0),
            (Consent.viewer.startswith(GROUP), 1),
            else_=2,
        ),
        case(
            (Consent.sensors.startswith(DEVICE), 0),
            (Consent.sensors.startswith(KIND), 1),
            else_=2,
        ),
        and_(Consent.viewer.startswith(GROUP), Consent.given),
    )
    return (
        select(Consent.given)
        .where(
            Consent.household_id == sensor.household,
            Consent.purpose == purpose.value,
            means,
            named,
            Consent.begins_at <= func.now(),
            or_(Consent.ends_at.is_(None), Consent.ends_at > func.now()),
            ~replaced,
        )
        .order_by(*by_closeness, Consent.id.desc())
        .limit(1)
        .correlate_except(Consent, later, _members)
        .scalar_subquery()
    )


def _emergency(actor: Actor, sensor: Sensor) -> ScalarSelect[UUID | None]:
    """Give the first open alert of a home that a life may hang on and that somebody was told of.

    Whoever has it, or goes there, was told; an exercise opens nothing.
    """
    of = _alerts.c
    told = [f"user:{actor.user_id}", f"role:{actor.role}"]
    family = literal(FAMILY_OF).concat(cast(of.household_id, Text))
    recipient = _notifications.c.recipient
    mine = recipient == family if actor.role == Role.FAMILY else recipient.in_(told)
    return (
        select(of.id)
        .where(
            of.community_id == actor.community_id,
            of.household_id == sensor.household,
            _IS_OPEN,
            of.mode == "actual",
            or_(of.severity == 1, of.latched),
            or_(
                of.owner_id == actor.user_id,
                of.acked_by == actor.user_id,
                of.going_by == actor.user_id,
                exists().where(_notifications.c.alert_id == of.id, mine),
            ),
        )
        .order_by(of.detected_at)
        .limit(1)
        .correlate_except(_alerts, _notifications)
        .scalar_subquery()
    )
