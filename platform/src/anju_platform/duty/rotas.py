"""Duty rotas: made, changed and looked at; every change is audited."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import User
from anju_platform.auth.rights import Right, roles_with
from anju_platform.database import Json, now
from anju_platform.duty import repository
from anju_platform.duty.groups import demand_able, demand_unused, member
from anju_platform.duty.model import HandOver, Rota, RotaOverride
from anju_platform.duty.on_duty import OnDuty, on_duty
from anju_platform.duty.schemas import (
    ChangeView,
    DutyView,
    HandOverView,
    MemberView,
    OverrideBody,
    OverrideView,
    RotaBody,
    RotaView,
    ShiftBody,
)
from anju_platform.duty.shifts import (
    Change,
    Duty,
    Shift,
    check,
    check_people,
    check_times,
    duties,
    holes,
    span,
)
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError, Phrase
from anju_platform.registry.model import Community

MOST = 20
AHEAD = timedelta(days=14)
"""So far ahead a rota's holes are shown."""
LONGEST_LOOK = timedelta(days=62)
_YEAR = timedelta(days=366)
_MOST_OVERRIDES = 200


def rotas(session: Session, actor: Actor, at: datetime | None = None) -> tuple[RotaView, ...]:
    """Give the community's rotas as they stand now, or at a moment."""
    moment = at or now()
    able = repository.able(session, actor.community_id)
    found = repository.rotas(session, actor.community_id)
    stand = on_duty(session, found, moment, able)
    ahead = repository.patterns(session, found, moment, moment + AHEAD)
    return tuple(
        _view(
            session, actor, stand[one.id], able, duties(ahead[one.id], moment, moment + AHEAD, able)
        )
        for one in found
    )


def rota(session: Session, actor: Actor, rota_id: int) -> RotaView:
    """Give one rota as it stands now.

    Raises:
        NotFoundError: no such rota.
    """
    for one in rotas(session, actor):
        if one.id == rota_id:
            return one
    raise NotFoundError("there is no such rota")


def look(
    session: Session, actor: Actor, rota_id: int, start: datetime, end: datetime | None = None
) -> tuple[DutyView, ...]:
    """Give who is on duty by a rota from ``start`` until before ``end``, or for a week.

    Raises:
        NotFoundError: no such rota.
        InvalidRequestError: it is no time, or too long a one.
    """
    if abs(start - now()) > 2 * _YEAR:
        raise InvalidRequestError("the start must be within two years from now")
    end = end or start + timedelta(days=7)
    if not timedelta(0) < end - start <= LONGEST_LOOK:
        raise InvalidRequestError(
            "the end must be later than the start, by {days} days at most", days=LONGEST_LOOK.days
        )
    found = locked(session, actor, rota_id, lock=False)
    able = repository.able(session, actor.community_id)
    pattern = repository.patterns(session, [found], start, end)[found.id]
    return tuple(_duty(one, able) for one in duties(pattern, start, end, able))


def add(session: Session, actor: Actor, body: RotaBody) -> RotaView:
    """Make a rota.

    Raises:
        ConflictError: there is one of that name.
        InvalidRequestError: its shifts will not do; the text says why.
    """
    actor.demand(Right.KEEP_ROTA)
    known = repository.rotas(session, actor.community_id)
    if len(known) >= MOST:
        raise InvalidRequestError("a community has at most {most} rotas", most=MOST)
    _demand_free(known, body.name)
    made = Rota(community_id=actor.community_id, version=1, made_at=now())
    _set(session, actor, made, body)
    session.add(made)
    session.flush()
    record(session, actor, "rota.added", f"rota:{made.id}", body.model_dump(mode="json"))
    return rota(session, actor, made.id)


def change(session: Session, actor: Actor, rota_id: int, body: RotaBody) -> RotaView:
    """Change a rota; whoever escalation calls next is called by it.

    Raises:
        NotFoundError: no such rota.
        ConflictError: it has changed since ``version``, or another has that name.
        InvalidRequestError: its shifts will not do; the text says why.
    """
    actor.demand(Right.KEEP_ROTA)
    found = locked(session, actor, rota_id)
    if body.version is not None and body.version != found.version:
        raise ConflictError("somebody has changed this rota since you looked; look again")
    others = [one for one in repository.rotas(session, actor.community_id) if one.id != rota_id]
    _demand_free(others, body.name)
    before = {"name": found.name, "fallback": found.fallback, "shifts": found.shifts}
    _set(session, actor, found, body)
    found.version += 1
    session.flush()
    said: Json = {**body.model_dump(mode="json"), "before": before}
    record(session, actor, "rota.changed", f"rota:{rota_id}", said)
    return rota(session, actor, rota_id)


def remove(session: Session, actor: Actor, rota_id: int) -> None:
    """Remove a rota that no plan names; how it was handed over stays known.

    Raises:
        NotFoundError: no such rota.
        ConflictError: a plan names it.
    """
    actor.demand(Right.KEEP_ROTA)
    found = locked(session, actor, rota_id)
    demand_unused(session, actor, f"rota:{rota_id}", found.name)
    found.removed_at = now()
    session.flush()
    record(session, actor, "rota.removed", f"rota:{rota_id}", {"name": found.name})


def add_override(session: Session, actor: Actor, rota_id: int, body: OverrideBody) -> RotaView:
    """Let other people be on duty at a time of one day.

    Raises:
        NotFoundError: no such rota.
        ConflictError: another is about that time already.
        InvalidRequestError: its time or people will not do; the text says why.
    """
    actor.demand(Right.KEEP_ROTA)
    locked(session, actor, rota_id)
    it = Phrase("it")
    check_times(it, body.starts, body.ends)
    check_people(it, body.people)
    demand_able(session, actor, body.people, Phrase("people"))
    zone = ZoneInfo(session.get_one(Community, actor.community_id).timezone)
    today = now().astimezone(zone).date()
    if not today - timedelta(days=1) <= body.day <= today + _YEAR:
        raise InvalidRequestError(
            "the day must be from today on, within a year, not {day}", day=body.day
        )
    _demand_apart(session, zone, rota_id, body)
    made = RotaOverride(
        rota_id=rota_id,
        day=body.day,
        starts=body.starts,
        ends=body.ends,
        people=sorted(set(body.people)),
        made_at=now(),
        made_by=actor.user_id,
    )
    session.add(made)
    session.flush()
    said = body.model_dump(mode="json")
    record(session, actor, "rota.override_added", f"rota:{rota_id}", said)
    return rota(session, actor, rota_id)


def remove_override(session: Session, actor: Actor, rota_id: int, override_id: int) -> RotaView:
    """Go back to the pattern at that time.

    Raises:
        NotFoundError: there is no such thing.
    """
    actor.demand(Right.KEEP_ROTA)
    locked(session, actor, rota_id)
    gone = repository.remove_override(session, rota_id, override_id)
    if gone is None:
        raise NotFoundError("there is no such exception")
    said: Json = {"day": gone.day.isoformat(), "starts": gone.starts, "people": gone.people}
    record(session, actor, "rota.override_removed", f"rota:{rota_id}", said)
    return rota(session, actor, rota_id)


def locked(session: Session, actor: Actor, rota_id: int, *, lock: bool = True) -> Rota:
    """Find a rota of the actor's community, and lock it.

    Raises:
        NotFoundError: there is none.
    """
    found = repository.rota(session, actor.community_id, rota_id, lock=lock)
    if found is None:
        raise NotFoundError("there is no such rota")
    return found


def hand_over_view(session: Session, one: HandOver) -> HandOverView:
    """Give how a duty was taken over."""
    people = {one.taken_by, one.handed_by} - {None}
    names = repository.names(session, [user for user in people if user is not None])
    return HandOverView(
        starts_at=one.starts_at,
        taken_at=one.taken_at,
        taken_by=names.get(one.taken_by, ""),
        handed_by=None if one.handed_by is None else names.get(one.handed_by, ""),
        note=one.note,
        alerts=tuple(one.alerts),
    )


def _demand_free(others: Iterable[Rota], name: str) -> None:
    if any(one.name == name for one in others):
        raise ConflictError("there is a rota {name!r} already", name=name)


def _demand_apart(session: Session, zone: ZoneInfo, rota_id: int, body: OverrideBody) -> None:
    """Check that no other exception is about the same time: nobody could say which holds."""
    begin, over = span(zone, body.day, body.starts, body.ends)
    day = timedelta(days=1)
    for other in repository.overrides(session, [rota_id], body.day - day, body.day + day):
        first, last = span(zone, other.day, other.starts, other.ends)
        if first < over and begin < last:
            raise ConflictError(
                "there is an exception on {day}, {starts} to {ends}, already; remove that first",
                day=other.day,
                starts=other.starts,
                ends=other.ends,
            )
    if len(repository.overrides(session, [rota_id], date.min, date.max)) >= _MOST_OVERRIDES:
        raise InvalidRequestError("a rota has at most {most} exceptions", most=_MOST_OVERRIDES)


def _set(session: Session, actor: Actor, found: Rota, body: RotaBody) -> None:
    may = roles_with(Right.HANDLE)
    if body.fallback not in may:
        raise InvalidRequestError(
            "who is told when nobody is on duty must be one of {roles}, not {role!r}",
            roles=", ".join(may),
            role=body.fallback,
        )
    shifts = [msgspec.convert(one.model_dump(), Shift) for one in body.shifts]
    check(shifts)
    demand_able(session, actor, {user for one in shifts for user in one.people}, Phrase("shifts"))
    found.name, found.fallback, found.handed_over = body.name, body.fallback, body.handed_over
    found.shifts = [msgspec.to_builtins(one) for one in shifts]
    found.changed_at, found.changed_by = now(), actor.user_id


def _view(
    session: Session,
    actor: Actor,
    stands: OnDuty,
    able: Mapping[int, User],
    ahead: tuple[Duty, ...],
) -> RotaView:
    one = stands.rota
    today = now().date() - timedelta(days=2)
    differs = repository.overrides(session, [one.id], today, date.max)
    named = {user for each in differs for user in each.people}
    names = repository.names(session, named - able.keys())
    return RotaView(
        id=one.id,
        target=f"rota:{one.id}",
        name=one.name,
        fallback=one.fallback,
        handed_over=one.handed_over,
        shifts=tuple(ShiftBody(**msgspec.to_builtins(each)) for each in repository.shifts_of(one)),
        overrides=tuple(
            OverrideView(
                id=each.id,
                day=each.day,
                starts=each.starts,
                ends=each.ends,
                people=_people(each.people, able, names),
            )
            for each in differs
        ),
        version=one.version,
        used_by=tuple(repository.plans_with(session, actor.community_id, f"rota:{one.id}")),
        on_duty=_people(stands.people, able),
        told=_people(stands.told, able),
        open_change=_change(stands.open_change, able),
        coming=_change(stands.coming, able),
        taken=hand_over_view(session, stands.taken) if stands.taken else None,
        may_take_over=takes_over(stands, actor.user_id) is not None,
        holes=tuple(_duty(each, able) for each in holes(ahead)),
    )


def takes_over(stands: OnDuty, user_id: int) -> Change | None:
    """Give the change of shift that somebody who comes on may take over now."""
    if stands.open_change is not None and user_id in stands.people:
        return stands.open_change
    coming = stands.coming
    if coming is not None and stands.taken_early is None and user_id in coming.coming:
        return coming
    return None


def _people(
    ids: Collection[int], able: Mapping[int, User], names: Mapping[int, str] | None = None
) -> tuple[MemberView, ...]:
    known = [member(able[user], able) for user in ids if user in able]
    gone = [
        MemberView(id=user, name=(names or {}).get(user, ""), role="", able=False)
        for user in ids
        if user not in able
    ]
    return (*sorted(known, key=lambda one: (one.name, one.id)), *gone)


def _duty(one: Duty, able: Mapping[int, User]) -> DutyView:
    return DutyView(start=one.start, end=one.end, people=_people(one.people, able))


def _change(one: Change | None, able: Mapping[int, User]) -> ChangeView | None:
    if one is None:
        return None
    return ChangeView(
        at=one.at, leaving=_people(one.leaving, able), coming=_people(one.coming, able)
    )
