"""Planning work and drills, and ending them; every change is audited."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from anju_platform.alerts.windows import repository
from anju_platform.alerts.windows.model import Kind, Window
from anju_platform.alerts.windows.schemas import (
    DrillBody,
    MaintenanceBody,
    WindowPage,
    WindowView,
)
from anju_platform.alerts.windows.turning import begin, finish
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json, now
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.paging import AT_ONCE
from anju_platform.registry.places.service import find_place
from anju_platform.rulebook import overview

LONGEST = {Kind.MAINTENANCE: timedelta(days=7), Kind.DRILL: timedelta(hours=4)}
LONGEST_FOR_LIFE = timedelta(hours=4)
"""So long what a life may hang on may be muted for work on its device."""
AHEAD = timedelta(days=90)
MOST = 200
"""So many windows of a community may be planned or go on: each is asked of every alert."""
_SHOWN = 20
_JUST_NOW = timedelta(minutes=5)
"""A beginning so long ago is one at once: a form was filled in meanwhile."""


def windows(session: Session, actor: Actor) -> tuple[WindowView, ...]:
    """Give what goes on and is planned, the first to begin first, and the last that are over."""
    return (
        *open_windows(session, actor.community_id),
        *over(session, actor, limit=_SHOWN).items,
    )


def open_windows(
    session: Session, community_id: int, at: datetime | None = None
) -> tuple[WindowView, ...]:
    """Give what goes on and is planned, now or at a moment, the first to begin first."""
    return repository.views(session, community_id, at or now())


def over_rows(
    session: Session, actor: Actor, at: datetime, after: str | None
) -> tuple[tuple[WindowView, ...], str | None]:
    """Give a part of all that was over at a moment, for an export (``whole_table``)."""
    return repository.over(session, actor.community_id, at, after=after, limit=AT_ONCE)


def over(session: Session, actor: Actor, *, after: str | None = None, limit: int) -> WindowPage:
    """Give what is over, the last one first.

    Raises:
        InvalidRequestError: ``after`` is no ``next``.
    """
    found, onward = repository.over(session, actor.community_id, now(), after=after, limit=limit)
    return WindowPage(items=found, next=onward)


def count(session: Session, actor: Actor) -> int:
    """Count all work and drills there ever were."""
    return repository.count(session, actor.community_id)


def going_on(session: Session, community_id: int) -> tuple[WindowView, ...]:
    """Give the work and drills that go on now: what every screen says of them."""
    return tuple(one for one in open_windows(session, community_id) if one.is_on)


def plan_maintenance(session: Session, actor: Actor, body: MaintenanceBody) -> WindowView:
    """Plan work at a place or on a device, or begin it at once.

    Raises:
        InvalidRequestError: no place or device, or both; a time that is past or too long.
        NotFoundError: no such place or device.
        ConflictError: the device is muted for life already, or too much is planned.
    """
    if (body.place is None) == (body.device is None):
        raise InvalidRequestError("name a place or a device, one of them")
    if body.for_life and body.device is None:
        raise InvalidRequestError(
            "what a life may hang on is muted only of one device: name it instead of a place"
        )
    device_id = _device(session, actor, body.device) if body.device is not None else None
    window = _new(Kind.MAINTENANCE, actor, body)
    window.place_id, window.device_id = find_place(session, actor, body.place), device_id
    window.for_life = body.for_life
    if body.for_life and device_id is not None:
        _check_length(window, LONGEST_FOR_LIFE)
        _demand_alone(session, actor, device_id)
    return _keep(session, actor, window)


def plan_drill(session: Session, actor: Actor, body: DrillBody) -> WindowView:
    """Plan a drill, or begin it at once.

    Raises:
        InvalidRequestError: a time that is past or too long.
        NotFoundError: no such place or rule.
        ConflictError: too much is planned.
    """
    window = _new(Kind.DRILL, actor, body)
    window.place_id, window.rules = find_place(session, actor, body.place), list(body.rules)
    _demand_in_force(session, actor, window.rules)
    return _keep(session, actor, window)


def _demand_in_force(session: Session, actor: Actor, rules: Collection[str]) -> None:
    """Refuse rules that find nothing: they would make an exercise of nothing."""
    if not rules:
        return
    in_force = {one.id for one in overview.rows(session, actor.community_id) if one.active}
    for rule_id in rules:
        if rule_id not in in_force:
            raise NotFoundError("there is no rule {rule_id!r} in force", rule_id=rule_id)


def end(session: Session, actor: Actor, window_id: int) -> WindowView:
    """End a window before its time, or take one back that was planned; twice is once.

    Raises:
        NotFoundError: no such window in the actor's community.
    """
    window = repository.locked(session, actor.community_id, window_id)
    if window is None:
        raise NotFoundError("there is no such maintenance or drill")
    at = now()
    if window.due_at is not None and window.ends_at > at:
        had_begun = window.starts_at <= at
        window.ends_at = window.ended_at = at
        window.ended_by = actor.user_id
        finish(session, window, at, had_begun=had_begun)
        repository.tell_ingest(session)
        record(session, actor, f"{window.kind}.ended", f"window:{window.id}", {})
    return _view(session, actor, window)


def _new(kind: Kind, actor: Actor, body: MaintenanceBody | DrillBody) -> Window:
    at = now()
    starts_at = body.starts_at or at
    if not at - _JUST_NOW <= starts_at <= at + AHEAD:
        raise InvalidRequestError(
            "it begins now, or within {days} days: 'starts_at'", days=AHEAD.days
        )
    if not body.reason.strip():
        raise InvalidRequestError("say why: 'reason'")
    window = Window(
        community_id=actor.community_id,
        kind=kind,
        rules=[],
        for_life=False,
        reason=body.reason.strip(),
        starts_at=max(starts_at, at),
        ends_at=body.ends_at,
        created_at=at,
        created_by=actor.user_id,
        due_at=max(starts_at, at),
    )
    _check_length(window, LONGEST[kind])
    return window


def _check_length(window: Window, longest: timedelta) -> None:
    lasts = window.ends_at - window.starts_at
    if not timedelta(minutes=1) <= lasts <= longest:
        hours = round(longest.total_seconds() / 3600)
        raise InvalidRequestError("it lasts from a minute to {hours} h: 'ends_at'", hours=hours)


def _demand_alone(session: Session, actor: Actor, device_id: int) -> None:
    """One after the other would be no end."""
    if repository.is_muted_for_life(session, actor.community_id, device_id):
        raise ConflictError(
            "work that mutes what a life may hang on is planned for this device already: end it"
        )


def _device(session: Session, actor: Actor, slug: str) -> int:
    found = repository.device_named(session, actor.community_id, slug)
    if found is None:
        raise NotFoundError("there is no device {slug!r}", slug=slug)
    return found.id


def _keep(session: Session, actor: Actor, window: Window) -> WindowView:
    if repository.open_count(session, actor.community_id) >= MOST:
        raise ConflictError("{most} are planned or go on: end some of them first", most=MOST)
    repository.add(session, window)
    if window.starts_at <= window.created_at:
        begin(session, window, window.created_at)
    repository.tell_ingest(session)
    record(session, actor, f"{window.kind}.planned", f"window:{window.id}", _said(window))
    return _view(session, actor, window)


def _said(window: Window) -> Json:
    def text(at: datetime) -> str:
        return at.isoformat(timespec="seconds")

    return {
        "place_id": window.place_id,
        "device_id": window.device_id,
        "rules": window.rules,
        "for_life": window.for_life,
        "reason": window.reason,
        "starts_at": text(window.starts_at),
        "ends_at": text(window.ends_at),
    }


def _view(session: Session, actor: Actor, window: Window) -> WindowView:
    session.flush()
    (view,) = repository.views(session, actor.community_id, now(), window_id=window.id)
    return view
