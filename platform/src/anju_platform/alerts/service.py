"""What people do about alerts (each action as :mod:`.acting` says), and what they read of them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_platform.alerts import listing, repository
from anju_platform.alerts.acting import (
    AlertChangedError,
    changed,
    demand,
    demand_version,
    found,
    locked,
    note_step,
    present,
    take_on,
)
from anju_platform.alerts.going import go, stay
from anju_platform.alerts.life import end, is_for_life, nobodys_until, people_are_called, renew
from anju_platform.alerts.listing import counts, history, one_alert, open_alerts
from anju_platform.alerts.model import Alert, Cause, Condition, Handling
from anju_platform.alerts.muting import ended
from anju_platform.alerts.photos import Photo, comment, shows
from anju_platform.alerts.policy import begun
from anju_platform.alerts.schemas import (
    AccessView,
    AlertDetail,
    AlertView,
    ChartView,
    NextStep,
    TimelineView,
)
from anju_platform.alerts.shelving import shelf_of, shelve, unshelve
from anju_platform.alerts.telling import tell
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.auth.service import assignable
from anju_platform.database import Json, now
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.notifications import repository as notifications
from anju_platform.people import service as people
from anju_platform.people.schemas import ContactView
from anju_platform.registry.listing import feed_position
from anju_platform.registry.model import Device
from anju_platform.registry.privacy import UPKEEP_FIELDS, may_read
from anju_platform.sharing.repository import Grounds, grounds_of
from anju_platform.telemetry import series

__all__ = [
    "AlertChangedError",
    "Photo",
    "acknowledge",
    "alert_detail",
    "close",
    "comment",
    "counts",
    "dispatch",
    "feed_position",
    "go",
    "history",
    "is_for_life",
    "one_alert",
    "open_alerts",
    "shelve",
    "shows",
    "snapshot_arrived",
    "stay",
    "unshelve",
]

_DAY = timedelta(days=1)
_SHORTEST_CHART = timedelta(minutes=30)
_CHART_INTERVALS = 40
_CHART_FIELDS = 3
_ACCESS_EVENTS = ("access_granted", "access_denied")
_ACCESS_ENTRIES = 20


def acknowledge(
    session: Session, actor: Actor, alert_id: UUID, *, version: int, screen: str
) -> AlertView:
    """Take an alert on. Doing so twice is the same as once.

    One that is over already, and does not latch, is closed by it: nobody need come back.

    Raises:
        NotFoundError: no such alert in the actor's community.
        AlertChangedError: somebody else has it, it is closed, or it has changed since
            ``version``.
    """
    alert = locked(session, actor, alert_id)
    if alert.handling != Handling.UNACKED and alert.acked_by == actor.user_id:
        return present(session, alert)
    demand(session, alert, alert.handling == Handling.UNACKED, "somebody has taken it on already")
    demand_version(session, alert, version)
    take_on(session, actor, alert, screen)
    if alert.condition == Condition.CLEAR and not alert.latched:
        at = now()
        end(alert, at)
        repository.add_entry(session, alert, "closed", at)
    return changed(session, alert)


def dispatch(
    session: Session, actor: Actor, alert_id: UUID, *, user_id: int, version: int, screen: str
) -> AlertView:
    """Send a person, who is told; that also takes the alert on, if nobody has yet.

    Raises:
        NotFoundError: no such alert or person in the actor's community.
        AlertChangedError: it is closed or has changed since ``version``.
    """
    alert = locked(session, actor, alert_id)
    person = next((u for u in assignable(session, actor.community_id) if u.id == user_id), None)
    if person is None:
        raise NotFoundError("there is no such person to send")
    if alert.owner_id == user_id and alert.handling == Handling.ACKED:
        return present(session, alert)
    demand(session, alert, alert.handling != Handling.CLOSED, "it is closed already")
    demand_version(session, alert, version)
    if alert.handling == Handling.UNACKED:
        take_on(session, actor, alert, screen)
    alert.owner_id = user_id
    renew(alert, now())
    said = {"user_id": user_id, "name": person.name}
    note_step(session, actor, alert, "dispatched", screen=screen, data=said)
    view = changed(session, alert)
    notifications.add(session, tell(alert, "dispatched", (f"user:{user_id}",)))
    return view


def close(
    session: Session,
    actor: Actor,
    alert_id: UUID,
    *,
    version: int,
    cause: Cause | None,
    note: str = "",
    screen: str,
) -> AlertView:
    """Close an alert with a cause; what the machine says of the world stays recorded.

    Raises:
        NotFoundError: no such alert in the actor's community.
        InvalidRequestError: no cause was given.
        AlertChangedError: it is closed or has changed since ``version``.
    """
    if cause is None:
        raise InvalidRequestError(
            "say why it is closed: the cause is one of {causes}", causes=", ".join(Cause)
        )
    alert = locked(session, actor, alert_id)
    closed = alert.handling == Handling.CLOSED
    if closed and alert.closed_by == actor.user_id and alert.cause == cause:
        return present(session, alert)
    demand(session, alert, not closed, "it is closed already")
    demand_version(session, alert, version)
    moment = now()
    if alert.acked_at is None:
        alert.acked_at, alert.acked_by = moment, actor.user_id
    end(alert, moment)
    alert.closed_by = actor.user_id
    alert.cause, alert.note = cause, note or None
    said = {"cause": cause, "note": note, "condition": alert.condition}
    note_step(session, actor, alert, "closed", screen=screen, data=said)
    session.flush()
    ended(session, alert, moment)
    return changed(session, alert)


def alert_detail(session: Session, actor: Actor, alert_id: UUID) -> AlertDetail:
    """Give all about one alert. A look at a home's alert is audited: call in a transaction.

    Raises:
        NotFoundError: no such alert in the actor's community.
    """
    alert = found(session, actor, alert_id)
    device = session.get(Device, alert.device_id) if alert.device_id is not None else None
    first = device.slug if device is not None else ""
    spoke_last = alert.evidence.get("device") or first
    grounds = _grounds(session, actor, alert, spoke_last)
    of_first = _grounds(session, actor, alert, first)
    both_shared = grounds.values is not None and of_first.values is not None
    return AlertDetail(
        alert=present(session, alert),
        next_step=_next_step(alert),
        shelf=shelf_of(session, alert),
        ack_until=alert.due_at if alert.handling == Handling.ACKED and not alert.overlays else None,
        unowned_s=_unowned_s(session, alert),
        timeline=_timeline(session, actor, alert, (first, spoke_last)),
        contacts=_contacts(session, actor, alert, grounds),
        deliveries=listing.deliveries(session, alert.id),
        access_log=_access_log(session, actor, alert) if actor.may(Right.HANDLE) else (),
        chart=_chart(actor, alert, device, of_first) if device is not None else None,
        values=_for(actor, grounds, alert.evidence.get("values")),
        data=_for(actor, grounds, alert.evidence.get("data")),
        shared=not grounds.in_home or grounds.values is not None or not actor.may(Right.SEE_CARE),
        media_ready=_looks(actor, alert)
        and alert.media_id is not None
        and (not grounds.in_home or both_shared)
        and listing.media_ready(session, alert.community_id, alert.media_id),
        photos=_photos(session, actor, alert, is_shared=not grounds.in_home or both_shared),
    )


def _looks(actor: Actor, alert: Alert) -> bool:
    """Tell whether pictures of an alert in reach are for the actor (:func:`shows` decides)."""
    return actor.may(Right.WATCH) or alert.handling != Handling.CLOSED


def _photos(session: Session, actor: Actor, alert: Alert, *, is_shared: bool) -> tuple[str, ...]:
    """Give the photos for the actor: of an open alert in reach; of a closed one, what is shared."""
    if not _looks(actor, alert) or (alert.handling == Handling.CLOSED and not is_shared):
        return ()
    return listing.photos_here(session, alert.id)


def _unowned_s(session: Session, alert: Alert) -> float:
    """Give for how long nobody had it, as reports count it."""
    answered = listing.answered_at(session, alert.id)
    until = nobodys_until(answered, alert.closed_at, alert.cleared_at, now())
    return max(0.0, (until - alert.detected_at).total_seconds())


def _next_step(alert: Alert) -> NextStep | None:
    course = begun(alert.policy)
    if course is None or alert.handling != Handling.UNACKED or not people_are_called(alert):
        return None
    return NextStep(at=alert.due_at, to=course.step(alert.step).to)


def _grounds(session: Session, actor: Actor, alert: Alert, slug: str) -> Grounds:
    """Tell on what ground somebody reads what a sensor said of an alert."""
    model = repository.model_of(session, alert.community_id, slug)
    return grounds_of(session, actor, alert.household_id, slug, model)


def _for(actor: Actor, grounds: Grounds, said: Json | None) -> Json:
    """Give what was said, without what is not shared with the actor."""
    return {k: v for k, v in (said or {}).items() if may_read(actor, k, grounds)}


def _timeline(
    session: Session, actor: Actor, alert: Alert, known: Collection[str]
) -> tuple[TimelineView, ...]:
    """Give the steps, each with the values of a sensor that is shared.

    Of an older step it is not kept which sensor that was: then all ``known`` must be shared, and
    all that are named.
    """
    grounds = cache(lambda slug: _grounds(session, actor, alert, slug))
    steps: list[TimelineView] = []
    for step in listing.timeline(session, alert.id):
        data = step.data
        named = {str(one.get("device") or "") for one in data.get("because", ())}
        for slug in {data["device"]} if data.get("device") else {*known, *named}:
            if "values" in data:
                data = data | {"values": _for(actor, grounds(slug), data["values"])}
        steps.append(step.model_copy(update={"data": data}))
    return tuple(steps)


def _contacts(
    session: Session, actor: Actor, alert: Alert, grounds: Grounds
) -> tuple[ContactView, ...]:
    """Give whom to call: while it is open to whoever may see to it. The look is audited anyway."""
    if alert.household_id is None:
        return ()
    why = grounds.reason if grounds.values else {}
    reason: Json = {**why, "alert": str(alert.id)}
    may_call = actor.may(Right.TAKE_ON) and alert.handling != Handling.CLOSED
    if not may_call and not actor.may(Right.SEE_HOMES):
        people.note_look(session, actor, alert.household_id, reason=reason)
        return ()
    return people.contacts(session, actor, alert.household_id, reason=reason)


def _access_log(session: Session, actor: Actor, alert: Alert) -> tuple[AccessView, ...]:
    if alert.place_id is None:
        return ()
    doors = {d.id: d for d in listing.doors_near(session, alert.community_id, alert.place_id)}
    end = alert.closed_at or now()
    events = series.events_of(
        session,
        actor,
        doors,
        names=_ACCESS_EVENTS,
        start=max(alert.detected_at, end - _DAY) - _DAY,
        end=end,
        limit=_ACCESS_ENTRIES,
    )
    return tuple(
        AccessView(
            at=event.observed_at,
            device=doors[event.device_id].slug,
            device_name=doors[event.device_id].name,
            device_name_en=doors[event.device_id].name_en,
            event=event.event,
            data=event.data,
        )
        for event in events
    )


def _chart(actor: Actor, alert: Alert, device: Device, grounds: Grounds) -> ChartView | None:
    """Choose the series that tell the story: what raised it, else what the device measures."""
    model = MODELS.get(device.model)
    if model is None or not actor.may(Right.SEE_DEVICES):
        return None
    raised_by = alert.evidence.get("values") or {}
    shown = [
        f.name
        for f in model.fields
        if f.name not in UPKEEP_FIELDS and may_read(actor, f.name, grounds)
    ]
    names = [name for name in shown if name in raised_by] or shown
    if not names:
        return None
    spoken = timedelta(seconds=_CHART_INTERVALS * (device.interval_s or model.interval_s))
    before = min(max(spoken, _SHORTEST_CHART), _DAY)
    start = alert.observed_at - before
    end = min(alert.closed_at or now(), alert.detected_at + _DAY)
    return ChartView(
        device=device.slug,
        fields=tuple(names[:_CHART_FIELDS]),
        start=start,
        end=max(end, _after(alert.observed_at)),
    )


def _after(at: datetime) -> datetime:
    return at + timedelta(minutes=1)


def snapshot_arrived(session: Session, community_id: int, media_id: str) -> None:
    """Let screens that show an alert waiting for this snapshot draw it again."""
    for alert_id in listing.alerts_of_snapshot(session, community_id, media_id):
        repository.announce(session, community_id, "alert", str(alert_id))
