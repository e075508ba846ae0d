"""What screens say of the messages shown on them: delivered, then seen."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.database import now
from anju_platform.notifications import repository
from anju_platform.notifications.families import families_of
from anju_platform.notifications.model import DeliveryState, Notification
from anju_platform.notifications.planning import IN_APP

_UNDELIVERED = (
    DeliveryState.QUEUED,
    DeliveryState.LEASED,
    DeliveryState.ACCEPTED,
    DeliveryState.RETRY,
)


class ReceiptKind(StrEnum):
    """How far a message has come on a screen."""

    DELIVERED = "delivered"
    SEEN = "seen"


def take(session: Session, actor: Actor, alerts: Sequence[UUID], kind: ReceiptKind) -> int:
    """Note that a person's screen shows these alerts; gives how many messages that settles.

    A receipt counts for messages to the person and to their role. It may
    come before the worker took the message up, and may be repeated.
    """
    moment = now()
    before = _UNDELIVERED if kind is ReceiptKind.DELIVERED else (*_UNDELIVERED, "delivered")
    values = {
        "state": DeliveryState(kind.value),
        "leased_until": None,
        "accepted_at": func.coalesce(Notification.accepted_at, moment),
        "delivered_at": func.coalesce(Notification.delivered_at, moment),
    }
    if kind is ReceiptKind.SEEN:
        values["seen_at"] = func.coalesce(Notification.seen_at, moment)
    return repository.settle_shown(
        session,
        actor.community_id,
        alerts,
        channel=IN_APP,
        recipients=recipients(actor),
        before=before,
        values=values,
    )


def recipients(actor: Actor) -> list[str]:
    """Give whose messages reach this person: their own, their role's, their home's."""
    return [
        f"user:{actor.user_id}",
        f"role:{actor.role}",
        *sorted(families_of([actor.homes])),
    ]
