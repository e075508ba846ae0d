"""Who is told of an alert's transition: outbox rows in the transaction that made it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.database import Json, now
from anju_platform.notifications import repository
from anju_platform.notifications.model import DeliveryState

IN_APP = "in_app"
"""The channel of the screens people are logged in to."""

_EXPIRY = {
    1: timedelta(minutes=10),
    2: timedelta(minutes=30),
    3: timedelta(hours=4),
    4: timedelta(hours=24),
}
"""How long a message of each severity is worth delivering."""


def plan(
    session: Session,
    *,
    community_id: int,
    alert_id: UUID,
    transition: int,
    severity: int,
    roles: Sequence[str],
    payload: Json,
) -> int:
    """Write one outbox row per role; gives how many are new.

    ``transition`` is the alert's ``version`` told of. Planning the same transition again
    changes nothing.
    """
    at = now()
    return repository.add(
        session,
        [
            {
                "community_id": community_id,
                "alert_id": alert_id,
                "transition": transition,
                "recipient": f"role:{role}",
                "channel": IN_APP,
                "state": DeliveryState.QUEUED,
                "payload": payload,
                "attempts": 0,
                "created_at": at,
                "next_attempt_at": at,
                "expires_at": at + _EXPIRY[severity],
            }
            for role in dict.fromkeys(roles)
        ],
    )
