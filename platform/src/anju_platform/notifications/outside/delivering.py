"""Delivering outside: each channel in threads of its own, so that a slow one delays no other.

At least once, and seldom twice: an attempt of which nobody knows how it ended (the service did
not answer, the worker was killed) is repeated once. Nothing is in memory that a crash loses.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.database import Json, now, transaction
from anju_platform.notifications.model import Delivery, DeliveryState, Kind
from anju_platform.notifications.outside import repository
from anju_platform.notifications.outside.carriers.carrier import (
    GoneError,
    NoAnswerError,
    NotTakenError,
    Target,
    attempt,
)
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.notifications.outside.leasing import repository as leasing
from anju_platform.notifications.outside.repository import Errand
from anju_platform.notifications.outside.wording import message, message_of_many
from anju_platform.turns import Turns

LEASE = timedelta(seconds=12)
"""Longer than an attempt takes (8 s); a P1 whose worker was killed is with somebody in 15 s."""
MOST_UNSURE = 2
"""So often is something said of which nobody knows whether it arrived: one duplicate at most."""
MOST_THREADS = 64
"""Together; past that channels take turns, whoever has the most urgent to say first."""
_AT_ONCE = 2
"""Threads of one lane."""
_DELAYS_S = (0, 1, 2, 4, 8, 15, 30)
_UNSURE_S = 5.0
"""What may have arrived is said again only after so long: whatever broke may be whole by then."""
_UNSURE = "the service did not say whether it took it, twice; it may have arrived"

Count = Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an attempt ended, and what it says of channel and address.

    ``state`` is ``RETRY`` for what is tried again if it is worth it then, each by its own end;
    all of a message at the same moment, which ``jitter`` moves.
    """

    state: DeliveryState
    error: str | None = None
    gone: bool = False
    of_the_service: bool = True
    after_s: float = 0.0
    unsure: bool = False
    jitter: float = 1.0


_NEEDLESS = _Outcome(DeliveryState.CANCELLED)
_WORN = _Outcome(DeliveryState.DEAD, _UNSURE, of_the_service=False)


class Deliverer:
    """Says what is due on the channels outside; several may work side by side.

    ``count`` is told of each attempt: its kind of channel and its outcome.
    """

    def __init__(
        self,
        engine: Engine,
        carriers: Carriers | None,
        public_url: str,
        count: Count = lambda _kind, _outcome: None,
    ) -> None:
        self._engine, self._carriers = engine, carriers
        self._public_url, self._count = public_url, count
        self._turns = Turns[tuple[int, str]](
            "channel", lambda lane: self._deliver_next(*lane), at_once=_AT_ONCE, most=MOST_THREADS
        )

    def turn(self) -> None:
        """Begin whatever is due, without waiting for it."""
        with transaction(self._engine) as session:
            at = now()
            repository.tidy(session, at)
            leasing.let_go_of_the_rest(session, at)
            found = leasing.due(session, at)
        for channel_id, lane, count in found if self._carriers is not None else ():
            self._turns.begin((channel_id, lane), count)

    def busy(self) -> bool:
        """Tell whether anything begun is not finished."""
        return self._turns.busy()

    def stop(self, patience_s: float = LEASE.total_seconds()) -> None:
        """Begin nothing more, and wait for what was begun."""
        self._turns.stop(patience_s)

    def _deliver_next(self, channel_id: int, lane: str) -> bool:
        """Deliver the next message of a lane; gives whether there may be another."""
        with transaction(self._engine) as session:
            said = leasing.lease(session, channel_id, lane, LEASE)
            errands = repository.errands(session, said, now()) if said else []
            needed = self._needed(errands, session)
        if needed:
            outcome = self._attempt(needed)
            with transaction(self._engine) as session:
                self._write(needed, outcome, session)
        return said is not None

    def _needed(self, errands: Sequence[Errand], session: Session) -> list[Errand]:
        """Give what of a leased message is said; the rest is given up and is no part of it.

        That is written before anything is sent: receipts may come before the service's answer.
        """
        needless = [one for one in errands if one.needless]
        rest = [one for one in errands if not one.needless]
        worn = [one for one in rest if one.delivery.unsure >= MOST_UNSURE]
        needed = [one for one in rest if one.delivery.unsure < MOST_UNSURE]
        for given_up, outcome in ((needless, _NEEDLESS), (worn, _WORN)):
            if given_up:
                self._write(given_up, outcome, session)
        if needed and (word := needed[0].delivery.together) is not None:
            repository.leave_out(session, word)
        return needed

    def _write(self, errands: Sequence[Errand], outcome: _Outcome, session: Session) -> None:
        """Write how an attempt ended, and what it says of its channel and address."""
        at = now()
        in_order = sorted(errands, key=lambda each: each.delivery.id)  # as receipts lock them
        written = [(each.delivery, _written(each.delivery, outcome, at)) for each in in_order]
        ours = [one for one in written if repository.settle(session, *one)]
        for one, values in ours:  # when all are locked: the next ways of some come before others
            if values["state"] in (DeliveryState.DEAD, DeliveryState.EXPIRED):
                repository.bring_forward(session, one, at)
        one, channel = errands[0].delivery, errands[0].channel
        if outcome.state == DeliveryState.ACCEPTED:
            repository.note_taken(session, one.channel_id, at)
        elif outcome.error and outcome.of_the_service and channel.kind != Kind.PUSH:
            # push is many services, some of anybody's own: what one says is not the channel's
            repository.note_failure(
                session, one.channel_id, at, outcome.error, after_s=outcome.after_s
            )
        if one.address_id is not None and outcome.state != DeliveryState.CANCELLED:
            repository.note_address(session, one.address_id, at, outcome.error, gone=outcome.gone)
        self._count(channel.kind, str(written[0][1]["state"]))

    def _attempt(self, needed: Sequence[Errand]) -> _Outcome:
        """Say it once; gives what came of it."""
        failure = attempt(lambda: self._say(needed), f"channel {needed[0].channel.slug}")
        if failure is None:
            return _Outcome(DeliveryState.ACCEPTED)
        reason, after_s, of_the_service = str(failure), 0.0, True
        match failure:
            case GoneError():
                return _Outcome(DeliveryState.DEAD, reason, gone=True, of_the_service=False)
            case NotTakenError():
                after_s, of_the_service = failure.after_s, failure.of_the_service
        return _Outcome(
            DeliveryState.RETRY,
            reason,
            of_the_service=of_the_service,
            after_s=after_s,
            unsure=isinstance(failure, NoAnswerError),
            jitter=random.uniform(0.8, 1.2),  # noqa: S311 - so that not all try in one moment
        )

    def _say(self, needed: Sequence[Errand]) -> None:
        """Hand it to whoever carries on its channel."""
        channel, address = needed[0].channel, needed[0].address
        target = Target(
            kind=channel.kind,
            url=channel.url,
            secret=channel.secret,
            to=address.target if address is not None else "",
            keys=address.keys if address is not None else None,
        )
        if self._carriers is None:
            raise NotTakenError("nobody carries anything here")
        carrier = self._carriers.of(Kind(channel.kind), channel.url)
        at = now()
        # what was told of an alert and is told of it again is one thing to say, the newest
        alerts = list({one.delivery.alert_id: one for one in needed}.values())
        if len(alerts) == 1:
            words = message(alerts[0], self._public_url, at)
        else:
            words = message_of_many(alerts, self._public_url, at)
        carrier.carry(words, target)


def _written(one: Delivery, outcome: _Outcome, at: datetime) -> Json:
    """Give what is written of one alert after an attempt to tell of it."""
    match outcome.state:
        case DeliveryState.ACCEPTED:
            return {"state": outcome.state, "accepted_at": at, "error": None}
        case DeliveryState.RETRY:
            return _again(one, outcome, at)
        case DeliveryState.DEAD:
            return {"state": outcome.state, "error": outcome.error}
        case _:
            return {"state": outcome.state}


def _again(one: Delivery, outcome: _Outcome, at: datetime) -> Json:
    """Plan the next try, unless the message is then no longer worth it."""
    unsure = one.unsure + outcome.unsure
    if unsure >= MOST_UNSURE:
        return {"state": DeliveryState.DEAD, "unsure": unsure, "error": _UNSURE}
    delay_s = _DELAYS_S[min(one.attempts, len(_DELAYS_S)) - 1] * outcome.jitter
    if outcome.unsure:
        delay_s = max(delay_s, _UNSURE_S)
    due = at + timedelta(seconds=max(delay_s, outcome.after_s))
    if due >= one.expires_at:
        return {"state": DeliveryState.EXPIRED, "error": outcome.error}
    return {
        "state": DeliveryState.RETRY,
        "next_attempt_at": due,
        "unsure": unsure,
        "error": outcome.error,
    }
