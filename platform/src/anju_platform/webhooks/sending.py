"""Telling webhooks, in a thread beside the worker's own: no alarm to people waits for them.

At least once: what nobody knows the end of is said again, under the same id. Nothing is in memory
that a crash loses.
"""

import logging
import random
import time
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

from anju_platform.background import Background
from anju_platform.database import UNAVAILABLE, Json, now, transaction
from anju_platform.notifications.outside.carriers.carrier import (
    attempt,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.posting import post
from anju_platform.turns import Turns
from anju_platform.webhooks import repository
from anju_platform.webhooks.model import MessageState, Webhook, WebhookMessage
from anju_platform.webhooks.planning import plan_messages
from anju_platform.webhooks.signing import headers

log = logging.getLogger(__name__)

LOOK_S = 0.25
LEASE = timedelta(seconds=12)
"""Longer than a post takes."""
PAUSED_AFTER = timedelta(days=3)
"""A webhook that has taken nothing for so long is let alone until somebody says otherwise."""
_DELAYS_S = (5, 30, 120, 300, 900, 1800, 3600, 7200, 10800)
"""Of each message; the last again and again, until it is a day old."""
_PROBE_S = (1, 2, 5, 10, 30, 60)
"""So long is left alone whoever takes nothing: however much waits, it is asked with one message."""
_AT_ONCE = 2
_MOST_THREADS = 16


class Sender(Background):
    """Plans and sends what webhooks are to hear, from ``with`` on; several may do so at once."""

    def __init__(self, engine: Engine, hosts: Hosts, public_url: str) -> None:
        super().__init__("webhooks", patience_s=5.0)
        self._engine, self._hosts, self._public_url = engine, hosts, public_url
        self._turns = Turns[int]("webhook", self.send_next, at_once=_AT_ONCE, most=_MOST_THREADS)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.turn()
            except (*UNAVAILABLE, ProgrammingError) as error:
                log.debug("no webhook can be told: %s", error)
            except Exception:
                log.exception("telling webhooks failed; the next turn is in %g s", LOOK_S)

    def _close(self) -> None:
        self._turns.stop(LEASE.total_seconds())

    def turn(self) -> None:
        """Plan what has happened and begin whatever is due, without waiting for it."""
        plan_messages(self._engine, self._public_url)
        with transaction(self._engine) as session:
            at = now()
            repository.tidy(session, at, failing_since=at - PAUSED_AFTER)
            found = repository.due(session, at)
        for webhook_id, count in found:
            self._turns.begin(webhook_id, count)

    def busy(self) -> bool:
        """Tell whether anything begun is not finished."""
        return self._turns.busy()

    def send_next(self, webhook_id: int) -> bool:
        """Send the next message of a webhook; gives whether there was one."""
        with transaction(self._engine) as session:
            leased = repository.lease(session, webhook_id, now(), LEASE)
        if leased is None:
            return False
        webhook, message = leased
        error = tell(self._hosts, webhook, str(message.message_id), message.body)
        with transaction(self._engine) as session:
            at = now()
            if error is None:
                values: Json = {"state": MessageState.ACCEPTED, "accepted_at": at, "error": None}
                repository.note_taken(session, webhook_id, at)
            else:
                values = again(message, at, error)
                probe_s = _PROBE_S[min(webhook.failures, len(_PROBE_S) - 1)]
                until = at + timedelta(seconds=probe_s)
                repository.note_failure(session, webhook_id, at, error, until)
            repository.settle(session, message, values)
        return True


def tell(hosts: Hosts, webhook: Webhook, message_id: str, body: str) -> str | None:
    """Post a message, signed; gives why it was not taken, nothing if it was."""
    signers = [webhook.secret]
    if webhook.former_secret and webhook.former_until and webhook.former_until > now():
        signers.append(webhook.former_secret)
    content = body.encode()
    signed = headers(message_id, round(time.time()), content, signers)
    failure = attempt(
        # whoever gets it twice knows it by its id
        lambda: post(hosts, webhook.url, content, signed, harmless=True),
        f"webhook {webhook.slug}",
    )
    return None if failure is None else str(failure)


def again(one: WebhookMessage, at: datetime, error: str) -> Json:
    """Plan the next try, unless the message is too old then."""
    delay_s = _DELAYS_S[min(one.attempts, len(_DELAYS_S)) - 1]
    due = at + timedelta(seconds=delay_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
    if due >= one.expires_at:
        return {"state": MessageState.DEAD, "error": error}
    return {"state": MessageState.RETRY, "next_attempt_at": due, "error": error}
