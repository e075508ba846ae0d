"""Putting an alert aside for a while: it neither sounds nor is told of, and comes back by itself.

What a life may hang on is put aside only if a second person agrees.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.alerts import listing, repository
from anju_platform.alerts.acting import changed, demand, demand_version, locked, note_step, present
from anju_platform.alerts.life import (
    hand_back,
    is_for_life,
    is_shelved,
    renew,
    shelved_until,
    take_off_the_shelf,
    wait,
)
from anju_platform.alerts.model import Alert, Handling, Overlay
from anju_platform.alerts.schemas import AlertView, ShelfView
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import User
from anju_platform.database import Json, from_millis, now, to_millis
from anju_platform.errors import InvalidRequestError

LONGEST = timedelta(hours=2)
LONGEST_FOR_LIFE = timedelta(minutes=15)
AGREE_WITHIN = timedelta(minutes=5)
"""A wish to put aside what a life may hang on is forgotten if nobody agrees in that time."""


def shelve(
    session: Session,
    actor: Actor,
    alert_id: UUID,
    *,
    minutes: int,
    reason: str,
    version: int,
    screen: str,
    agree_to: int | None = None,
) -> AlertView:
    """Shelve an alert for so many minutes; or agree to what somebody else wished.

    Who agrees names the wish by when it was made (``agree_to``, its ``asked_at``): they agree to
    the time and the reason that were given then.

    Raises:
        NotFoundError: no such alert in the actor's community.
        InvalidRequestError: no reason, or too long.
        AlertChangedError: it is closed or shelved already, has changed since ``version``,
            somebody else wishes to shelve it, or the wish to agree to is no longer there.
    """
    alert = locked(session, actor, alert_id)
    demand(session, alert, alert.handling != Handling.CLOSED, "it is closed already")
    if is_shelved(alert) and alert.shelf and alert.shelf["asked_by"] == actor.user_id:
        return present(session, alert)
    demand(session, alert, not is_shelved(alert), "it is shelved already")
    demand_version(session, alert, version)
    at = now()
    wish = _wish(alert, at)
    others = wish if wish is not None and wish["asked_by"] != actor.user_id else None
    asked_at = others["asked_at"] if others else None
    demand(session, alert, asked_at == agree_to, "there is another wish to shelve it, or none")
    if others is not None:
        return _put_aside(session, actor, alert, {**others, "agreed_by": actor.user_id}, screen)
    _check(alert, minutes, reason)
    asked: Json = {
        "minutes": minutes,
        "reason": reason.strip(),
        "asked_by": actor.user_id,
        "asked_at": to_millis(at),
    }
    if not is_for_life(alert):
        return _put_aside(session, actor, alert, asked, screen)
    alert.shelf = asked
    said = {"minutes": minutes, "note": asked["reason"]}
    note_step(session, actor, alert, "shelf_asked", screen=screen, data=said)
    return changed(session, alert)


def unshelve(
    session: Session, actor: Actor, alert_id: UUID, *, version: int, screen: str
) -> AlertView:
    """Take an alert up again before its time, or a wish back; twice is the same as once.

    Raises:
        NotFoundError: no such alert in the actor's community.
        AlertChangedError: it has changed since ``version``.
    """
    alert = locked(session, actor, alert_id)
    if not is_shelved(alert) and _wish(alert, now()) is None:
        return present(session, alert)
    demand_version(session, alert, version)
    if is_shelved(alert):
        come_back(alert, now())
    else:
        alert.shelf = None  # nobody had agreed: nothing stood still meanwhile
    note_step(session, actor, alert, "unshelved", screen=screen, data={})
    return changed(session, alert)


def come_back(alert: Alert, at: datetime) -> None:
    """Take an alert up again: whoever has it has it anew, else who hears of it begins anew."""
    take_off_the_shelf(alert)
    if alert.handling == Handling.ACKED:
        renew(alert, at)
    else:
        hand_back(alert, at)


def shelf_of(session: Session, alert: Alert) -> ShelfView | None:
    """Give how an alert is put aside, or is wished to be."""
    shelf = alert.shelf if is_shelved(alert) else _wish(alert, now())
    if shelf is None:
        return None
    asked, agreed = (
        session.get(User, shelf[key]) if shelf.get(key) else None
        for key in ("asked_by", "agreed_by")
    )
    return ShelfView(
        minutes=shelf["minutes"],
        reason=shelf["reason"],
        until=shelved_until(alert),
        asked_by=asked.name if asked else "",
        asked_by_id=shelf["asked_by"],
        asked_at=shelf["asked_at"],
        agreed_by=agreed.name if agreed else None,
    )


def shelved(session: Session, actor: Actor) -> list[tuple[AlertView, ShelfView]]:
    """Give the alerts that are put aside now, or are wished to be, each with how."""
    found = []
    rows = {row.id: row for row in repository.put_aside(session, actor.community_id)}
    for view in listing.put_aside(session, actor):
        shelf = shelf_of(session, rows[view.id]) if view.id in rows else None
        if shelf is not None:
            found.append((view, shelf))
    return found


def _wish(alert: Alert, at: datetime) -> Json | None:
    """Give the wish to put it aside that somebody else may still agree to."""
    shelf = alert.shelf
    if shelf is None or is_shelved(alert) or at - from_millis(shelf["asked_at"]) > AGREE_WITHIN:
        return None
    return shelf


def _check(alert: Alert, minutes: int, reason: str) -> None:
    if not reason.strip():
        raise InvalidRequestError("say why it is shelved")
    longest = LONGEST_FOR_LIFE if is_for_life(alert) else LONGEST
    if not 1 <= minutes <= longest.total_seconds() / 60:
        most = round(longest.total_seconds() / 60)
        raise InvalidRequestError(
            "it may be shelved for 1 to {most} minutes, not {minutes}", most=most, minutes=minutes
        )


def _put_aside(session: Session, actor: Actor, alert: Alert, shelf: Json, screen: str) -> AlertView:
    until = now() + timedelta(minutes=shelf["minutes"])
    alert.shelf = {**shelf, "until": to_millis(until)}
    alert.overlays = [*alert.overlays, Overlay.SHELVED]
    alert.due_at = until
    wait(alert)
    said = {"minutes": shelf["minutes"], "note": shelf["reason"]}
    note_step(session, actor, alert, "shelved", screen=screen, data=said)
    return changed(session, alert)
