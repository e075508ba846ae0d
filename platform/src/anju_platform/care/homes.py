"""A home as its family sees it: one state that tells the truth, and what it rests on."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.orm import Session

from anju_platform.alerts.listing import home_alerts
from anju_platform.alerts.model import Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.care import repository
from anju_platform.care.schemas import Activity, HomeName, HomeState, HomeView, Look
from anju_platform.database import from_millis, now
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.people.model import Household
from anju_platform.people.repository import residents
from anju_platform.people.service import note_look
from anju_platform.registry.listing import home_devices
from anju_platform.registry.model import Community, Place
from anju_platform.registry.schemas import DeviceRow, DeviceStatus
from anju_rules.home import PRESENT, is_away
from anju_rules.home import HomeState as Known
from anju_rules.home import home as presence

URGENT = 2
LONGEST_AWAY = timedelta(days=90)
_USUAL_DAYS = 14
_ENOUGH_DAYS = 3
"""So many days make a usual day; before, none is shown."""
_LATELY = timedelta(days=7)
_MOST_LOOKS = 100
_NEWS = timedelta(hours=24)
"""Older than that is no news: it does not say that today is as usual."""
_HEARD = (DeviceStatus.OK, DeviceStatus.FLAT)


def own_homes(session: Session, actor: Actor) -> tuple[HomeName, ...]:
    """Give the homes the actor belongs to."""
    actor.demand(Right.OWN_HOMES)
    found = repository.own_homes(session, actor.community_id, actor.user_id, actor.homes)
    return tuple(_name(session, *each) for each in found)


def _name(session: Session, home: Household, place: Place, relation: str) -> HomeName:
    return HomeName(
        slug=home.slug,
        place=place.label,
        place_en=place.label_en,
        relation=relation,
        residents=tuple(one.name for one in residents(session, home.id)),
    )


def _own(session: Session, actor: Actor, slug: str) -> tuple[Household, Place, str]:
    actor.demand(Right.OWN_HOMES)
    found = repository.own_homes(session, actor.community_id, actor.user_id, actor.homes)
    own = next((each for each in found if each[0].slug == slug), None)
    if own is None:
        raise NotFoundError("this is no home of yours")
    return own


def home_view(
    session: Session, actor: Actor, slug: str, *, goes_on: bool = False, at: datetime | None = None
) -> HomeView:
    """Give a home as it is now. The look is audited, unless one ``goes_on`` that was.

    Raises:
        ForbiddenError: the actor is nobody's family here.
        NotFoundError: it is no home of the actor's.
    """
    moment = at or now()
    home, place, relation = _own(session, actor, slug)
    if not goes_on:
        note_look(session, actor, home.id, reason={"as": "family"})
    community = session.get_one(Community, home.community_id)
    devices = home_devices(session, home.id, moment)
    alerts, lately = home_alerts(session, home.id, closed_since=moment - _LATELY)
    known = _known(session, home)
    away = away_until(home, moment)
    sign = from_millis(known.last_sign) if known and known.last_sign else None
    unheard = tuple(one for one in devices if one.life_safety and one.status not in _HEARD)
    return HomeView(
        home=_name(session, home, place, relation),
        at=moment,
        state=state_of(
            alerts,
            unheard,
            away=away is not None,
            is_known=sign is not None and moment - sign < _NEWS,
        ),
        last_sign_at=sign,
        presence=presence(known, round(moment.timestamp() * 1000), home.attributes),
        away_until=away,
        activity=_activity(session, home, ZoneInfo(community.timezone), moment),
        alerts=tuple(alerts),
        lately=tuple(lately),
        devices=devices,
        reporting=sum(one.status in _HEARD for one in devices),
        unheard=unheard,
        desk_phone=community.desk_phone,
    )


def state_of(
    alerts: Sequence[AlertView], unheard: Sequence[DeviceRow], *, away: bool, is_known: bool
) -> HomeState:
    """Give the state: the worst alert says it, then whether anybody would hear of one."""
    worst = min(
        alerts, key=lambda one: (one.severity, one.handling == Handling.ACKED), default=None
    )
    if worst is not None and worst.handling == Handling.ACKED:
        return HomeState.HANDLED
    if worst is not None:
        return HomeState.ALARM if worst.severity <= URGENT else HomeState.ATTENTION
    if unheard:
        return HomeState.UNPROTECTED
    if away:
        return HomeState.AWAY
    return HomeState.ORDINARY if is_known else HomeState.UNKNOWN


def _known(session: Session, home: Household) -> Known | None:
    stored = repository.last_known(session, home.community_id, home.slug)
    return None if stored is None else msgspec.convert(stored, Known)


def _activity(
    session: Session, home: Household, zone: ZoneInfo, moment: datetime
) -> Activity | None:
    """Count today's movements by hour, beside those of a usual day; none where none are seen."""
    sensors = repository.movement_fields(session, home.id, PRESENT)
    if not sensors:
        return None
    midnight = datetime.combine(moment.astimezone(zone).date(), time(), zone)
    today = repository.movements(
        session, sensors, zone.key, start=midnight, end=midnight + timedelta(days=1)
    )
    start = midnight - timedelta(days=_USUAL_DAYS)
    sums, days = repository.usual_movements(session, sensors, zone.key, start=start, end=midnight)
    usual = tuple(sums.get(hour, 0.0) / days for hour in range(24)) if days else None
    return Activity(
        today=tuple(today.get(hour, 0) for hour in range(24)),
        usual=usual if days >= _ENOUGH_DAYS else None,
    )


def away_until(home: Household, moment: datetime) -> datetime | None:
    """Give until when a home is declared away, if it is."""
    declared = home.attributes.get("away")
    if not isinstance(declared, str) or not is_away(declared, round(moment.timestamp() * 1000)):
        return None
    return datetime.fromisoformat(declared)


def declare_away(session: Session, actor: Actor, slug: str, until: datetime) -> None:
    """Say that nobody is at home until then: silence is no alarm, everything else still is.

    Raises:
        NotFoundError: it is no home of the actor's.
        InvalidRequestError: a time that is past, or too far away.
    """
    home, _, _ = _own(session, actor, slug)
    moment = now()
    if not moment < until <= moment + LONGEST_AWAY:
        raise InvalidRequestError(
            f"say until when: a time to come, in {LONGEST_AWAY.days} days at most"
        )
    home.attributes = home.attributes | {"away": until.isoformat()}
    record(session, actor, "home.away", f"household:{slug}", {"until": until.isoformat()})


def declare_back(session: Session, actor: Actor, slug: str) -> None:
    """Say that somebody is at home again.

    Raises:
        NotFoundError: it is no home of the actor's.
    """
    home, _, _ = _own(session, actor, slug)
    if "away" in home.attributes:
        home.attributes = {k: v for k, v in home.attributes.items() if k != "away"}
        record(session, actor, "home.back", f"household:{slug}")


def looks(session: Session, actor: Actor, slug: str) -> tuple[Look, ...]:
    """Give who looked at what concerns a home, newest first.

    Raises:
        NotFoundError: it is no home of the actor's.
    """
    home, _, _ = _own(session, actor, slug)
    return tuple(
        Look(at=entry.at, name=entry.actor, role=role, subject=entry.subject)
        for entry, role in repository.looks(session, actor.community_id, home, _MOST_LOOKS)
    )
