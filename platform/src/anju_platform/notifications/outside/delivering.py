"""Delivering outside: each channel in threads of its own, so that a slow one delays no other.

At least once, and seldom twice: an attempt of which nobody knows how it ended (the service did
not answer, the worker was killed) is repeated once. Nothing is in memory that a crash loses.
"""

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import Engine

from anju_platform.database import UNAVAILABLE, Json, now, transaction
from anju_platform.notifications.model import Delivery, DeliveryState, Kind
from anju_platform.notifications.outside import repository
from anju_platform.notifications.outside.carriers.carrier import (
    Carrier,
    GoneError,
    NoAnswerError,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.repository import Errand
from anju_platform.notifications.outside.wording import message

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
"""Longer than an attempt takes; a P1 whose worker was killed is with somebody in 15 s."""
MOST_UNSURE = 2
"""So often is something said of which nobody knows whether it arrived: one duplicate at most."""
_THREADS = 8
_AT_ONCE = 2
_DELAYS_S = (0, 1, 2, 4, 8, 15, 30)

Count = Callable[[str, str], object]


class Deliverer:
    """Says what is due on the channels outside; several may work side by side.

    ``count`` is told of each attempt: its kind of channel and its outcome.
    """

    def __init__(
        self,
        engine: Engine,
        carriers: Mapping[Kind, Carrier],
        public_url: str,
        count: Count = lambda _kind, _outcome: None,
    ) -> None:
        self._engine, self._carriers = engine, carriers
        self._public_url, self._count = public_url, count
        self._pools = {
            kind: ThreadPoolExecutor(_THREADS, thread_name_prefix=f"channel-{kind}")
            for kind in carriers
        }
        self._lock = threading.Lock()
        self._running: Counter[int] = Counter()
        self._stopping = False

    def turn(self) -> None:
        """Begin whatever is due, without waiting for it."""
        with transaction(self._engine) as session:
            at = now()
            repository.tidy(session, at)
            found = repository.due(session, at)
        for channel_id, kind, count in found:
            pool = self._pools.get(kind)
            if pool is None:
                continue
            with self._lock:
                more = min(count, _AT_ONCE - self._running[channel_id])
                self._running[channel_id] += max(more, 0)
            for _ in range(more):
                pool.submit(self._drain, channel_id)

    def busy(self) -> bool:
        """Tell whether anything begun is not finished."""
        with self._lock:
            return any(self._running.values())

    def stop(self) -> None:
        """Finish the present attempts and end."""
        self._stopping = True
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)

    def _drain(self, channel_id: int) -> None:
        try:
            while not self._stopping and self._deliver_next(channel_id):
                pass
        except UNAVAILABLE as error:
            log.warning("the database is away: %s", str(error).partition("\n")[0])
        except Exception:
            log.exception("delivering on channel %d failed; the next turn tries again", channel_id)
        finally:
            with self._lock:
                self._running[channel_id] -= 1

    def _deliver_next(self, channel_id: int) -> bool:
        """Deliver the next message of a channel; gives whether there was one."""
        with transaction(self._engine) as session:
            one = repository.lease(session, channel_id, now(), LEASE)
            if one is None:
                return False
            errand = repository.errand(session, one.id)
        values, error, gone = self._attempt(errand)
        at = now()
        with transaction(self._engine) as session:
            if repository.settle(session, one, values):
                if values["state"] in (DeliveryState.DEAD, DeliveryState.EXPIRED):
                    repository.bring_forward(session, one, at)
                if not gone:
                    repository.note_health(session, channel_id, at, error)
                if one.address_id is not None:
                    repository.note_address(session, one.address_id, at, error, gone=gone)
        self._count(errand.channel.kind, str(values["state"]))
        return True

    def _attempt(self, errand: Errand) -> tuple[Json, str | None, bool]:
        """Say it once; gives what to write, what went wrong, and whether the address is gone."""
        one, channel = errand.delivery, errand.channel
        if one.unsure >= MOST_UNSURE:
            return {"state": DeliveryState.DEAD, "error": _UNSURE}, _UNSURE, False
        target = Target(
            kind=channel.kind,
            url=channel.url,
            secret=channel.secret,
            to=errand.address.target if errand.address is not None else "",
            keys=errand.address.keys if errand.address is not None else None,
        )
        try:
            carrier = self._carriers[Kind(channel.kind)]
            carrier.carry(message(errand, self._public_url, now()), target)
        except GoneError as error:
            return {"state": DeliveryState.DEAD, "error": str(error)}, str(error), True
        except NoAnswerError as error:
            return _again(one, now(), str(error), unsure=one.unsure + 1), str(error), False
        except NotTakenError as error:
            return _again(one, now(), str(error), after_s=error.after_s), str(error), False
        except Exception as error:
            log.exception("channel %s failed", channel.slug)
            reason = f"it failed ({type(error).__name__})"
            return _again(one, now(), reason, unsure=one.unsure + 1), reason, False
        return {"state": DeliveryState.ACCEPTED, "accepted_at": now(), "error": None}, None, False


_UNSURE = "the service did not say whether it took it, twice; it may have arrived"


def _again(
    one: Delivery, at: datetime, error: str, *, after_s: float = 0.0, unsure: int = 0
) -> Json:
    """Plan the next try, unless the message is then no longer worth it."""
    delay_s = _DELAYS_S[min(one.attempts, len(_DELAYS_S)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
    due = at + timedelta(seconds=max(delay_s, after_s))
    unsure = max(unsure, one.unsure)
    if unsure >= MOST_UNSURE:
        return {"state": DeliveryState.DEAD, "unsure": unsure, "error": _UNSURE}
    if due >= one.expires_at:
        return {"state": DeliveryState.EXPIRED, "error": error}
    return {
        "state": DeliveryState.RETRY,
        "next_attempt_at": due,
        "unsure": unsure,
        "error": error,
    }
