"""Taking a duty over at a change of shift: who comes on says so, and has what others had."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from anju_platform.alerts.passing import held, pass_on
from anju_platform.alerts.schemas import AlertView
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import now
from anju_platform.duty import repository
from anju_platform.duty.model import Rota
from anju_platform.duty.on_duty import on_duty
from anju_platform.duty.rotas import hand_over_view, locked, takes_over
from anju_platform.duty.schemas import HandOverView, TakeOverBody
from anju_platform.duty.shifts import BACK, Change
from anju_platform.errors import ConflictError, InvalidRequestError

SCREEN = "rota"
_NOT_YOURS = "this change of shift is not yours to take over now; look again"


@dataclass(frozen=True, slots=True)
class OpenHandOver:
    """A change of shift that nobody has taken over: who comes on (ids and names), who leaves.

    It is open from half an hour before the shift begins (``at``).
    """

    rota: str
    at: datetime
    coming: Mapping[int, str]
    leaving: frozenset[int]

    @property
    def concerns(self) -> frozenset[int]:
        """Give whom it concerns."""
        return self.leaving | self.coming.keys()


def open_now(session: Session, community_id: int, at: datetime) -> tuple[OpenHandOver, ...]:
    """Give the changes of shift of a community that wait to be taken over, the first ones first."""
    able = repository.able(session, community_id)
    stands = on_duty(session, repository.rotas(session, community_id), at, able)
    found = []
    for one in stands.values():
        early = one.coming if one.taken_early is None else None
        change, people = one.open_change, one.people
        if change is None and early is not None:
            change, people = early, early.coming
        if change is not None:
            names = {user: able[user].name for user in sorted(people) if user in able}
            found.append(OpenHandOver(one.rota.name, change.at, names, change.leaving))
    return tuple(sorted(found, key=lambda one: one.at))


def passes(session: Session, actor: Actor, rota_id: int) -> tuple[AlertView, ...]:
    """Give the open alerts that those have who leave at the change of shift.

    Raises:
        NotFoundError: no such rota.
    """
    found = locked(session, actor, rota_id, lock=False)
    change = _change(session, actor, found)
    return () if change is None else held(session, actor, change.leaving)


def history(session: Session, actor: Actor, rota_id: int) -> tuple[HandOverView, ...]:
    """Give how a rota was handed over lately, the latest first.

    Raises:
        NotFoundError: no such rota.
    """
    locked(session, actor, rota_id, lock=False)
    return tuple(
        hand_over_view(session, one) for one in repository.hand_overs(session, rota_id, limit=20)
    )


def take_over(session: Session, actor: Actor, rota_id: int, body: TakeOverBody) -> HandOverView:
    """Take a duty over; doing so twice is the same as once.

    Raises:
        NotFoundError: no such rota.
        ConflictError: somebody else has, or it is not for the actor to take over now.
        InvalidRequestError: nobody of that number leaves.
    """
    actor.demand(Right.HANDLE)
    # who takes it over is locked out by who changes it, and by who takes it over, too
    found = locked(session, actor, rota_id)
    if abs(body.starts_at - now()) > BACK:
        raise ConflictError(_NOT_YOURS)
    starts_at = body.starts_at.astimezone(UTC)
    had = repository.taken_since(session, [rota_id], starts_at).get((rota_id, starts_at))
    if had is not None:
        view = hand_over_view(session, had)
        if had.taken_by != actor.user_id:
            raise ConflictError("{name} has taken it over already", name=view.taken_by)
        return view
    stands = on_duty(session, [found], now(), repository.able(session, actor.community_id))
    change = takes_over(stands[rota_id], actor.user_id)
    if change is None or change.at != starts_at:
        raise ConflictError(_NOT_YOURS)
    if body.handed_by is not None and body.handed_by not in change.leaving:
        raise InvalidRequestError("whoever hands over must be one of those who leave")
    passed = pass_on(session, actor, change.leaving, screen=SCREEN) if body.alerts else []
    values = {
        "rota_id": rota_id,
        "starts_at": change.at,
        "taken_at": now(),
        "taken_by": actor.user_id,
        "handed_by": body.handed_by,
        "note": body.note.strip(),
        "alerts": [str(one) for one in passed],
    }
    made, _ = repository.take(session, values)
    record(
        session,
        actor,
        "rota.taken_over",
        f"rota:{rota_id}",
        {
            "starts_at": change.at.isoformat(),
            "handed_by": body.handed_by,
            "note": made.note,
            "alerts": made.alerts,
        },
    )
    return hand_over_view(session, made)


def _change(session: Session, actor: Actor, found: Rota) -> Change | None:
    stands = on_duty(session, [found], now(), repository.able(session, actor.community_id))
    return stands[found.id].open_change or stands[found.id].coming
