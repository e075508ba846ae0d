"""The card for whoever calls an ambulance, the fire brigade or the police.

People dial; the platform never does. What it shows of health and the way in, it shows only
while something a life may hang on is open, and each look is on record.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.alerts import repository
from anju_platform.alerts.acting import demand, locked, note_step, present
from anju_platform.alerts.model import Alert, Handling, Mode
from anju_platform.alerts.schemas import CardResident, EmergencyCard
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import now
from anju_platform.people import repository as people
from anju_platform.people import service
from anju_platform.people.model import Household
from anju_platform.registry.model import Community
from anju_platform.sharing.model import Purpose
from anju_platform.sharing.repository import heard_of_in_emergency

LIFE = 1
"""The severity at which a life may hang on it."""


def open_card(session: Session, actor: Actor, alert_id: UUID, *, screen: str) -> EmergencyCard:
    """Give what to say on the telephone; the look is in the timeline and the audit.

    It changes nothing that people judge: no version, so that nobody's acknowledgement is refused.

    Raises:
        ForbiddenError: the actor may not take alerts on.
        NotFoundError: no such alert in the actor's reach.
        AlertChangedError: it is closed, or no life hangs on it (any more).
    """
    actor.demand(Right.TAKE_ON)
    alert = locked(session, actor, alert_id)
    demand(session, alert, alert.handling != Handling.CLOSED, "it is closed already")
    demand(session, alert, alert.severity == LIFE, "the card is for what a life hangs on (P1)")
    community = session.get_one(Community, actor.community_id)
    note_step(session, actor, alert, "card_opened", screen=screen, data={})
    repository.announce(session, alert.community_id, "alert", str(alert.id))
    home = _home(session, actor, alert)
    return EmergencyCard(
        alert=present(session, alert),
        address=community.address,
        desk_phone=community.desk_phone,
        entry=home.entry,
        residents=home.residents,
        opened_at=now(),
    )


@dataclass(frozen=True, slots=True)
class _Home:
    """What is said of a home: how to get in, and who lives there."""

    entry: str = ""
    residents: tuple[CardResident, ...] = ()


def _home(session: Session, actor: Actor, alert: Alert) -> _Home:
    if alert.household_id is None:
        return _Home()
    may_hear = heard_of_in_emergency(session, actor, alert.household_id)
    reason = {"alert": str(alert.id), "card": True}
    reason["purpose"] = Purpose.EMERGENCY if may_hear else None
    service.note_look(session, actor, alert.household_id, reason=reason)
    home = session.get_one(Household, alert.household_id)
    living = people.residents(session, home.id)
    return _Home(
        home.entry if alert.mode == Mode.ACTUAL else "",  # an exercise opens nothing
        tuple(
            CardResident(
                name=one.name,
                born_on=one.born_on,
                health=one.health if one.name in may_hear else "",
                shared=one.name in may_hear,
            )
            for one in living
        ),
    )
