"""Taking notifications up: they count as told on screens, and the ways outside are planned.

All of it in one transaction: a crash takes them up again, and finds each planned at most once.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.auth.repository import families
from anju_platform.database import Json, now, transaction
from anju_platform.notifications import repository
from anju_platform.notifications.contacts import contact_in, is_contact, plain_phone
from anju_platform.notifications.families import families_of, is_family
from anju_platform.notifications.model import DeliveryState, Notification
from anju_platform.notifications.outside import listing as reach
from anju_platform.notifications.outside import repository as outside
from anju_platform.notifications.outside.leasing.repository import let_go
from anju_platform.notifications.outside.routing import LEAST, Outlet, Reachable, ways
from anju_platform.people.repository import contacts

AT_ONCE = 100
NOT_AGAIN = timedelta(seconds=20)
"""Nobody is called twice within so long because a step follows at once."""
_UNSETTLED = (DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.RETRY)

NO_FAMILY = "nobody of the family has an account"
NO_CONTACT = "the home has no such contact any more, or no number of theirs"


@dataclass(frozen=True, slots=True)
class _Known:
    """Whom a community's messages can reach, and by what; ``families`` as recipients."""

    outlets: list[Outlet]
    people: list[Reachable]
    families: frozenset[str]

    @classmethod
    def read(cls, session: Session, community_id: int) -> "_Known":
        return cls(
            reach.outlets(session, community_id),
            reach.reachable(session, community_id),
            families_of(families(session, community_id).values()),
        )

    def knows(self, session: Session, recipient: str) -> bool:
        """Learn how a home's contact is reached; False where that cannot be."""
        if any(one.contact == recipient for one in self.people):
            return True
        household_id, number = contact_in(recipient)
        of_home = contacts(session, household_id)[number - 1 : number]
        phone = plain_phone(of_home[0].phone) if of_home else None
        if phone is None:
            return False
        address = reach.home_phone(session, household_id, phone)
        if address.gone_at is not None:
            return False
        self.people.append(Reachable(None, "", (("phone", address.id, ""),), contact=recipient))
        return True


def take_up(engine: Engine, note: Callable[[Session, Sequence[Notification]], None]) -> int:
    """Take up what nobody has; gives how many.

    The screens read the alert itself from the database, so telling them is writing it down;
    their receipts say delivered and seen. ``note`` hears of what was told, in the transaction
    that says so.
    """
    with transaction(engine) as session:
        at = now()
        found = repository.unrouted(session, at, AT_ONCE)
        told: list[Notification] = []
        known: dict[int, _Known] = {}
        planned: list[Json] = []
        for one in found:
            one.routed_at = at
            if one.expires_at <= at:
                one.state = DeliveryState.EXPIRED if one.state in _UNSETTLED else one.state
                continue
            if one.community_id not in known:
                known[one.community_id] = _Known.read(session, one.community_id)
            of_it = known[one.community_id]
            if is_family(one.recipient) and one.recipient not in of_it.families:
                one.state, one.error = DeliveryState.CANCELLED, NO_FAMILY
                continue
            if is_contact(one.recipient) and not of_it.knows(session, one.recipient):
                one.state, one.error = DeliveryState.CANCELLED, NO_CONTACT
                continue
            if one.attempts == 0 or one.state in _UNSETTLED:
                told.append(one)  # else a worker of the release before has noted it
            one.attempts += 1
            if one.state in _UNSETTLED:
                one.state, one.accepted_at, one.leased_until = DeliveryState.ACCEPTED, at, None
            new = _deliveries(one, of_it.outlets, of_it.people)
            # who is named by name is told as themselves, whoever of their role has it
            planned = new + planned if one.recipient.startswith("user:") else planned + new
        session.flush()
        outside.add(session, planned, at - NOT_AGAIN)
        if worse := {one.alert_id for one in found if _is_rise(one)}:
            let_go(session, worse, at)
        if told:
            note(session, told)
    return len(found)


def _is_rise(one: Notification) -> bool:
    """Tell whether the alert may have been of less weight when it was told before."""
    return one.transition > 1 and _severity(one) < LEAST


def _severity(one: Notification) -> int:
    return int(one.payload.get("severity", 1))


def _deliveries(
    one: Notification, outlets: Sequence[Outlet], people: Sequence[Reachable]
) -> list[Json]:
    severity = _severity(one)
    return [
        {
            "community_id": one.community_id,
            "notification_id": one.id,
            "alert_id": one.alert_id,
            "transition": one.transition,
            "step": one.step,
            "severity": severity,
            "user_id": way.user_id,
            "channel_id": way.channel_id,
            "address_id": way.address_id,
            "lane": way.lane,
            "receipt": secrets.token_urlsafe(16),
            "created_at": one.created_at,
            "next_attempt_at": one.created_at + way.after,
            "expires_at": one.expires_at,
        }
        for way in ways(one.recipient, severity, outlets, people)
    ]
