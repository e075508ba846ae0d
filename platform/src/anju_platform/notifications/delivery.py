"""Delivering the outbox: lease, try, settle; at least once, and never twice at the same time."""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.database import Json, now, transaction
from anju_platform.notifications import repository
from anju_platform.notifications.model import DeliveryState, Notification

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
AT_ONCE = 100
_DELAYS_S = (0, 1, 2, 4, 8, 15, 30)


class UndeliverableError(Exception):
    """This recipient can never be reached on this channel; do not try again."""


class Channel(Protocol):
    """A way to reach somebody."""

    def deliver(self, notification: Notification) -> None:
        """Hand a message over; return once the channel has accepted it.

        Raises:
            UndeliverableError: it can never be accepted.
            Exception: it was not accepted this time.
        """


class InApp:
    """The screens people are logged in to: they read the alert itself from the database.

    Accepted as soon as it is written; the screens' receipts tell of delivered and seen.
    """

    def deliver(self, notification: Notification) -> None:
        """Accept it."""


def deliver_due(
    engine: Engine,
    channels: Mapping[str, Channel],
    note: Callable[[Session, Sequence[Notification]], None],
    count: Callable[[str, str], object] = lambda _channel, _outcome: None,
) -> int:
    """Try everything that is due once; gives how many were tried.

    ``note`` is told of what was accepted, in the transaction that says so; ``count`` of each
    attempt, its channel and its outcome, once that is committed.
    """
    at = now()
    with transaction(engine) as session:
        repository.expire(session, at)
        leased = repository.lease(session, at, LEASE, AT_ONCE)
    accepted: list[Notification] = []
    outcomes = [(one, _attempt(one, channels)) for one in leased]
    if outcomes:
        with transaction(engine) as session:
            for one, values in sorted(outcomes, key=lambda pair: pair[0].id):
                is_ours = repository.settle(session, one, values)
                if is_ours and values["state"] == DeliveryState.ACCEPTED:
                    accepted.append(one)
            if accepted:
                note(session, accepted)
    for one, values in outcomes:
        count(one.channel, str(values["state"]))
    return len(outcomes)


def _attempt(one: Notification, channels: Mapping[str, Channel]) -> Json:
    """Try one message; gives what is to be written of it."""
    channel = channels.get(one.channel)
    if channel is None:
        return {"state": DeliveryState.DEAD, "error": f"no channel {one.channel!r}"}
    try:
        channel.deliver(one)
    except UndeliverableError as error:
        return {"state": DeliveryState.DEAD, "error": str(error)}
    except Exception as error:
        log.warning("notification %d was not accepted: %s", one.id, error, exc_info=True)
        return _again(one, now(), str(error))
    return {"state": DeliveryState.ACCEPTED, "accepted_at": now(), "error": None}


def _again(one: Notification, at: datetime, error: str) -> Json:
    """Plan the next try, unless the message is then no longer worth it."""
    delay_s = _DELAYS_S[min(one.attempts, len(_DELAYS_S)) - 1]
    due = at + timedelta(seconds=delay_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
    if due >= one.expires_at:
        return {"state": DeliveryState.EXPIRED, "error": error}
    return {"state": DeliveryState.RETRY, "next_attempt_at": due, "error": error}
