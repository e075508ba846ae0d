"""Who is told of an alert's transition: one message per recipient and channel."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from anju_platform.database import Json, now
from anju_platform.notifications.repository import Planned

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
    *,
    community_id: int,
    alert_id: UUID,
    transition: int,
    severity: int,
    recipients: Sequence[str],
    payload: Json,
    step: int = 0,
) -> list[Planned]:
    """Give one message per recipient.

    A recipient is ``role:<role>``, ``user:<id>``, ``family:h<household id>`` or
    ``contact:h<household id>:<number>``. They go to
    :func:`anju_platform.notifications.repository.add`. ``transition`` is the alert's
    ``version`` told of, ``step`` how manieth time it is said that nobody has taken it on.
    Adding the same again changes nothing.
    """
    at = now()
    return [
        Planned(
            community_id=community_id,
            alert_id=alert_id,
            transition=transition,
            step=step,
            recipient=recipient,
            channel=IN_APP,
            payload=payload,
            created_at=at,
            expires_at=at + _EXPIRY[severity],
        )
        for recipient in dict.fromkeys(recipients)
    ]
