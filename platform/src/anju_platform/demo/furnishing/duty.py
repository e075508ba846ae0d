"""Who is on duty in the demo, who hands over to whom, and whom escalation calls."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.database import now, transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.duty import groups, handing_over, rotas
from anju_platform.duty.schemas import (
    GroupBody,
    OverrideBody,
    RotaBody,
    RotaView,
    ShiftBody,
    TakeOverBody,
)
from anju_platform.escalation import service as escalation
from anju_platform.escalation.schemas import PolicyText, StepView

_DAY, _NIGHT = ("07:00", "19:00"), ("19:00", "07:00")
_WEEKDAYS, _WEEKEND = (0, 1, 2, 3, 4), (5, 6)
_EARLY_H, _LATE_H = 7, 19
_SOON, _QUARTER = timedelta(minutes=3), timedelta(minutes=15)
_GUARDS = ("guard", "guard2", "guard3")
_NOTE = (
    "钥匙两串、对讲机一部已交接。南门消防通道今晚有搬家车，已登记车牌，22:00 前离场；"
    "4 栋 1 单元电梯检修中，已贴告示。"
)


def arrange(engine: Engine, slug: str, zone: ZoneInfo) -> None:
    """Make groups, rotas, an exception that is taken over early, and plans that call them."""
    with transaction(engine) as session:
        office = act(session, slug, "property")
        if rotas.rotas(session, office):
            return
        people = {one: act(session, slug, one) for one in (*_GUARDS, "property", "office")}
        ids = {name: one.user_id for name, one in people.items()}
        moment = now().astimezone(zone)
        groups.add(
            session, office, GroupBody(name="物业经理", members=_of(ids, "property", "office"))
        )
        support = groups.add(
            session, office, GroupBody(name="应急支援组", members=_of(ids, "guard3", "property"))
        )
        desk = rotas.add(session, office, _desk(ids, moment))
        on_call = rotas.add(session, office, _on_call(ids))
        patrol = rotas.add(session, office, _patrol(ids))
        _except(session, office, desk, ids, moment)
        _change_over(session, office, patrol, ids["guard"], moment)
        _hand_over(session, [people[one] for one in _GUARDS], desk, ids["guard"])
        target = next(one.target for one in support if one.name == "应急支援组")
        _plan(session, act(session, slug, "admin"), desk.target, on_call.target, target)


def _of(ids: Mapping[str, int], *names: str) -> tuple[int, ...]:
    return tuple(ids[name] for name in names)


def _is_day(moment: datetime) -> bool:
    return _EARLY_H <= moment.hour < _LATE_H


def _desk(ids: Mapping[str, int], moment: datetime) -> RotaBody:
    """Give the desk's rota, by which the demo's guard is there now."""
    began_on = (moment - timedelta(hours=_EARLY_H)).weekday()
    like_today, other_days = sorted((_WEEKDAYS, _WEEKEND), key=lambda days: began_on not in days)
    theirs, others = (_DAY, _NIGHT) if _is_day(moment) else (_NIGHT, _DAY)
    return RotaBody(
        name="门岗值班",
        shifts=(
            _shift(like_today, theirs, ids["guard"]),
            _shift(other_days, theirs, ids["guard3"]),
            _shift((*_WEEKDAYS, *_WEEKEND), others, ids["guard2"]),
        ),
    )


def _patrol(ids: Mapping[str, int]) -> RotaBody:
    every_day = (*_WEEKDAYS, *_WEEKEND)
    return RotaBody(name="巡逻", shifts=(_shift(every_day, ("00:00", "00:00"), ids["guard2"]),))


def _change_over(
    session: Session, office: Actor, patrol: RotaView, comes: int, moment: datetime
) -> None:
    """Let somebody come on soon who has not taken over yet."""
    begins = _next_quarter(moment)
    ends = begins + timedelta(hours=4)
    body = OverrideBody(
        day=begins.date(), starts=f"{begins:%H:%M}", ends=f"{ends:%H:%M}", people=(comes,)
    )
    rotas.add_override(session, office, patrol.id, body)


def _on_call(ids: Mapping[str, int]) -> RotaBody:
    return RotaBody(
        name="物业值班电话",
        handed_over=False,
        shifts=(
            _shift(_WEEKDAYS, ("08:00", "18:00"), ids["office"]),
            _shift(_WEEKDAYS, ("18:00", "08:00"), ids["property"]),
            _shift(_WEEKEND, ("08:00", "08:00"), ids["property"]),
        ),
    )


def _shift(days: tuple[int, ...], times: tuple[str, str], *people: int) -> ShiftBody:
    return ShiftBody(days=days, starts=times[0], ends=times[1], people=people)


def _except(
    session: Session, office: Actor, desk: RotaView, ids: Mapping[str, int], moment: datetime
) -> None:
    """Let somebody stand in for the rest of this shift, and for a whole one in three days."""
    begins = _next_quarter(moment)
    ends = "19:00" if _is_day(moment) else "07:00"
    if _is_day(begins) is _is_day(moment):
        today = OverrideBody(
            day=begins.date(), starts=f"{begins:%H:%M}", ends=ends, people=(ids["guard3"],)
        )
        rotas.add_override(session, office, desk.id, today)
    later = OverrideBody(
        day=moment.date() + timedelta(days=3),
        starts="19:00",
        ends="07:00",
        people=_of(ids, "guard2", "guard3"),
    )
    rotas.add_override(session, office, desk.id, later)


def _next_quarter(moment: datetime) -> datetime:
    soon = moment + _SOON + _QUARTER
    return soon.replace(minute=soon.minute // 15 * 15, second=0, microsecond=0)


def _hand_over(session: Session, guards: Iterable[Actor], desk: RotaView, leaves: int) -> None:
    """Let whoever comes on next take over early, with a note."""
    for guard in guards:
        view = rotas.rota(session, guard, desk.id)
        if view.may_take_over and view.coming is not None:
            body = TakeOverBody(starts_at=view.coming.at, handed_by=leaves, note=_NOTE)
            handing_over.take_over(session, guard, desk.id, body)
            return


def _plan(session: Session, admin: Actor, desk: str, on_call: str, support: str) -> None:
    """Call the desk by its rota, then the office, then everybody who can come."""
    life = PolicyText(
        steps=(
            StepView(after_s=30, to=("first", desk)),
            StepView(after_s=60, to=("first", on_call, "contacts:1")),
            StepView(after_s=120, to=(desk, on_call, support, "role:admin")),
        ),
        repeat_s=60,
    )
    urgent = PolicyText(
        steps=(
            StepView(after_s=120, to=("first", desk)),
            StepView(after_s=300, to=(desk, on_call)),
            StepView(after_s=900, to=(on_call, support)),
        ),
        repeat_s=600,
    )
    escalation.put(session, admin, 1, None, life)
    escalation.put(session, admin, 2, None, urgent)
    escalation.put(
        session, admin, 2, "south-gate", PolicyText(steps=urgent.steps[:2], repeat_s=300)
    )
