"""A home as its family sees it: one state that tells the truth, and what it rests on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.orm import Session

from anju_platform.alerts.acting import found
from anju_platform.alerts.listing import home_alerts, receives_nothing
from anju_platform.alerts.model import Condition, Handling, Mode
from anju_platform.alerts.schemas import AlertView
from anju_platform.alerts.windows.repository import muted_devices
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.care import repository
from anju_platform.care.model import WEEK
from anju_platform.care.schemas import (
    Activity,
    FamilyAlert,
    HomeName,
    HomeState,
    HomeView,
    Look,
    WeeklyView,
)
from anju_platform.database import from_millis, now, to_millis
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.notifications.listing import last_letter
from anju_platform.people.model import AWAY, Household
from anju_platform.people.repository import residents
from anju_platform.people.service import note_look
from anju_platform.registry.listing import home_devices
from anju_platform.registry.model import Community, Place
from anju_platform.registry.schemas import DeviceRow, DeviceStatus
from anju_rules.home import MODELS, PRESENT, are_away
from anju_rules.home import HomeState as Known
from anju_rules.home import home as presence

URGENT = 2
LEAST = 3
"""What is less than this is about a device, not about somebody."""
LONGEST_AWAY = timedelta(days=90)
_USUAL_DAYS = 14
_ENOUGH_DAYS = 3
"""So many days make a usual day; before, none is shown."""
_LATELY = timedelta(days=7)
MOST_LOOKS = 100
ONE_LOOK = timedelta(minutes=15)
"""What one reads of a home within so long is one look: a page that is open asks again."""
_NEWS = timedelta(hours=24)
"""Older than that is no news: it does not say that today is as usual."""
_HEARD = (DeviceStatus.OK, DeviceStatus.FLAT)


_Row: TypeAlias = tuple[Household, Place, str]
"""A home, its place, and what the actor is to whoever lives there."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a home's state rests on."""

    alerts: Sequence[FamilyAlert]
    lately: Sequence[FamilyAlert]
    devices: Sequence[DeviceRow]
    worked_on: frozenset[str]
    known: Known | None
    hidden: bool
    away: bool
    deaf: bool
    at: datetime

    @classmethod
    def read(cls, session: Session, actor: Actor, home: Household, at: datetime) -> "Seen":
        """Read what is shared with the actor, as of a moment."""
        alerts, lately = home_alerts(session, home.id, closed_since=at - _LATELY)
        return cls(
            alerts=[_shown(one) for one in alerts],
            lately=[_shown(one) for one in lately],
            devices=home_devices(session, home.id, at),
            worked_on=muted_devices(session, home.community_id, home.id, at),
            known=_known(session, actor, home),
            hidden=repository.is_hidden(session, actor, home, MODELS),
            away=are_away(home.attributes, to_millis(at)),
            deaf=receives_nothing(session, home.community_id),
            at=at,
        )

    @property
    def last_sign_at(self) -> datetime | None:
        """Give when somebody stirred there last, if ever."""
        return from_millis(self.known.last_sign) if self.known and self.known.last_sign else None

    @property
    def unheard(self) -> tuple[DeviceRow, ...]:
        """Give what a life may hang on and does not report."""
        return tuple(one for one in self.devices if one.life_safety and one.status not in _HEARD)

    @property
    def muted(self) -> tuple[DeviceRow, ...]:
        """Give the devices that work is done on: not every alarm of theirs would be heard."""
        return tuple(one for one in self.devices if one.slug in self.worked_on)

    @property
    def has_news(self) -> bool:
        """Tell whether something that sees movement reports, and saw some within a day."""
        sees = any(one.model in MODELS and one.status in _HEARD for one in self.devices)
        return sees and self.last_sign_at is not None and self.at - self.last_sign_at < _NEWS


def _shown(alert: AlertView) -> FamilyAlert:
    return FamilyAlert(
        **{name: getattr(alert, name) for name in _SAME},
        muted=bool(alert.overlays),
        over=alert.condition is Condition.CLEAR and not alert.latched,
        has_it=alert.owner or alert.acked_by,
    )


_SAME = FamilyAlert.model_fields.keys() & AlertView.model_fields.keys()


def state_of(seen: Seen) -> HomeState:
    """Give the state: what nobody has comes first, then what somebody has, then all else.

    An exercise is shown, but says nothing of the home; what has passed, or was put aside by the
    desk, is not urgent.
    """
    real = [one for one in seen.alerts if one.mode is Mode.ACTUAL]
    waiting = [one for one in real if one.handling is Handling.UNACKED]
    had = [one for one in real if one.handling is Handling.ACKED]
    is_open = seen.deaf or bool(seen.unheard or seen.muted)
    steps = (
        (HomeState.ALARM, any(_is_urgent(one) for one in waiting)),
        (HomeState.ATTENTION, any(one.severity <= URGENT for one in waiting)),
        (HomeState.UNPROTECTED, is_open and bool(waiting)),
        (HomeState.ATTENTION, bool(waiting)),
        (HomeState.HANDLED, any(one.severity <= URGENT for one in had)),
        (HomeState.UNPROTECTED, is_open),
        (HomeState.HANDLED, bool(had)),
        (HomeState.AWAY, seen.away),
        (HomeState.UNSHARED, seen.hidden),
        (HomeState.ORDINARY, seen.has_news),
    )
    return next((state for state, holds in steps if holds), HomeState.UNKNOWN)


def _is_urgent(alert: FamilyAlert) -> bool:
    return alert.severity <= URGENT and not (alert.over or alert.muted)


def own_homes(session: Session, actor: Actor) -> tuple[HomeName, ...]:
    """Give the homes the actor belongs to, and how they are; the worst first."""
    at = now()
    rows = _own_homes(session, actor)
    return _worst_first(
        _name(session, *each, Seen.read(session, actor, each[0], at)) for each in rows
    )


def _worst_first(homes: Iterable[HomeName]) -> tuple[HomeName, ...]:
    worst = list(HomeState)
    return tuple(sorted(homes, key=lambda one: worst.index(one.state)))


def own_home(session: Session, actor: Actor, slug: str) -> HomeName:
    """Give a home of the actor's, and how it is.

    Raises:
        NotFoundError: it is no home of the actor's.
    """
    home, place, relation = _own(session, actor, slug)
    return _name(session, home, place, relation, Seen.read(session, actor, home, now()))


def _name(session: Session, home: Household, place: Place, relation: str, seen: Seen) -> HomeName:
    return HomeName(
        slug=home.slug,
        place=place.label,
        place_en=place.label_en,
        relation=relation,
        residents=tuple(one.name for one in residents(session, home.id)),
        state=state_of(seen),
    )


def _own_homes(session: Session, actor: Actor) -> list[_Row]:
    actor.demand(Right.OWN_HOMES)
    return repository.own_homes(session, actor.community_id, actor.user_id, actor.homes)


def _own(session: Session, actor: Actor, slug: str) -> _Row:
    return _of(_own_homes(session, actor), slug)


def household(session: Session, actor: Actor, slug: str) -> Household:
    """Give a home of the actor's.

    Raises:
        NotFoundError: it is none.
    """
    home, _, _ = _own(session, actor, slug)
    return home


def _of(rows: Sequence[_Row], slug: str) -> _Row:
    own = next((each for each in rows if each[0].slug == slug), None)
    if own is None:
        raise NotFoundError("this is no home of yours")
    return own


def home_of_alert(session: Session, actor: Actor, alert_id: UUID) -> str:
    """Give which of the actor's homes an alert is about.

    Raises:
        NotFoundError: none.
    """
    actor.demand(Right.OWN_HOMES)
    home = session.get(Household, found(session, actor, alert_id).household_id)
    if home is None:
        raise NotFoundError("this is no home of yours")
    return home.slug


def home_view(session: Session, actor: Actor, slug: str, *, at: datetime | None = None) -> HomeView:
    """Give a home as it is now. The look is audited, as one with what follows within minutes.

    Raises:
        ForbiddenError: the actor is nobody's family here.
        NotFoundError: it is no home of the actor's.
    """
    moment = at or now()
    row = _own(session, actor, slug)
    return _view(session, actor, row, Seen.read(session, actor, row[0], moment))


def family_view(
    session: Session, actor: Actor, slug: str | None, at: datetime
) -> tuple[tuple[HomeName, ...], HomeView]:
    """Give the actor's homes, the worst first, and one of them whole: by default the worst.

    All are as of one moment. The look is audited, as :func:`home_view` says.

    Raises:
        ForbiddenError: the actor is nobody's family here.
        NotFoundError: it is no home of the actor's, or they have none.
    """
    rows = _own_homes(session, actor)
    seen = {row[0].slug: Seen.read(session, actor, row[0], at) for row in rows}
    names = _worst_first(_name(session, *row, seen[row[0].slug]) for row in rows)
    if slug is None and names:
        slug = names[0].slug
    chosen = _of(rows, slug or "")
    return names, _view(session, actor, chosen, seen[chosen[0].slug])


def _view(session: Session, actor: Actor, row: _Row, seen: Seen) -> HomeView:
    home, place, relation = row
    since = now() - ONE_LOOK
    if not repository.has_looked(session, actor.community_id, actor.user_id, home.slug, since):
        note_look(session, actor, home.id, reason={"as": "family"})
    community = session.get_one(Community, home.community_id)
    return HomeView(
        home=_name(session, home, place, relation, seen),
        at=seen.at,
        last_sign_at=seen.last_sign_at,
        presence=presence(seen.known, to_millis(seen.at), home.attributes),
        away=seen.away,
        away_until=_until(home) if seen.away else None,
        activity=_activity(session, actor, home, ZoneInfo(community.timezone), seen.at),
        shared=not seen.hidden,
        alerts=tuple(seen.alerts),
        lately=tuple(seen.lately),
        devices=tuple(seen.devices),
        reporting=sum(one.status in _HEARD for one in seen.devices),
        unheard=seen.unheard,
        muted=seen.muted,
        deaf=seen.deaf,
        desk_phone=community.desk_phone,
        weekly=_weekly(session, actor, home, hidden=seen.hidden),
    )


def _weekly(session: Session, actor: Actor, home: Household, *, hidden: bool) -> WeeklyView | None:
    """Give what is wished, and the last letter unless what it tells of is not shared any more."""
    wished = repository.weekly(session, actor.user_id, home.id)
    if wished is None:
        return None
    letter = None if hidden else last_letter(session, actor.user_id, WEEK, home.id)
    return WeeklyView(
        weekday=wished.weekday,
        hour=wished.hour,
        next_at=wished.due_at,
        title=letter.title if letter else None,
        body=letter.body if letter else None,
        written_at=letter.created_at if letter else None,
    )


def _known(session: Session, actor: Actor, home: Household) -> Known | None:
    stored = repository.last_known(session, actor, home, MODELS)
    return None if stored is None else msgspec.convert(stored, Known)


def _activity(
    session: Session, actor: Actor, home: Household, zone: ZoneInfo, moment: datetime
) -> Activity | None:
    """Count today's movements by hour, beside those of a usual day; none where none are seen."""
    sensors = repository.movement_fields(session, actor, home.id, PRESENT)
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


def _until(home: Household) -> datetime | None:
    """Give until when a home is declared away, if an end was said."""
    declared = home.attributes["away"]
    if isinstance(declared, str):
        return datetime.fromisoformat(declared)
    return None if isinstance(declared, bool) else from_millis(declared)


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
            "say until when: a time to come, in {days} days at most", days=LONGEST_AWAY.days
        )
    home.attributes = home.attributes | {
        "away": until.isoformat(),
        "away_since": moment.isoformat(),
    }
    record(session, actor, "home.away", f"household:{slug}", {"until": until.isoformat()})


def declare_back(session: Session, actor: Actor, slug: str) -> None:
    """Say that somebody is at home again.

    Raises:
        NotFoundError: it is no home of the actor's.
    """
    home, _, _ = _own(session, actor, slug)
    if "away" in home.attributes:
        home.attributes = {k: v for k, v in home.attributes.items() if k not in AWAY}
        record(session, actor, "home.back", f"household:{slug}")


def looks(
    session: Session, actor: Actor, slug: str, *, before: datetime | None = None
) -> tuple[Look, ...]:
    """Give who looked at what concerns a home, and what for, newest first.

    ``before`` pages on by time. Nothing tells that a silent cry for help was heard: whoever
    forces somebody may read this, too.

    Raises:
        NotFoundError: it is no home of the actor's.
    """
    home, _, _ = _own(session, actor, slug)
    return tuple(
        Look(
            at=entry.at,
            name=entry.actor,
            role=role,
            subject=entry.subject,
            purpose=entry.data.get("purpose"),
            alert=entry.data.get("alert"),
            nothing=entry.data.get("purpose", "") is None,
        )
        for entry, role in repository.looks(session, home, MOST_LOOKS, before=before)
    )
