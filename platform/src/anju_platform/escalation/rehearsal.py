"""Who would be called: a plan's steps at a place and time, with nobody called."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from anju_platform.alerts.policy import DEFAULTS, Policy
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role, User
from anju_platform.auth.repository import families, users
from anju_platform.auth.rights import Right
from anju_platform.database import now
from anju_platform.errors import InvalidRequestError
from anju_platform.escalation import repository
from anju_platform.escalation.callees import About, Callees
from anju_platform.escalation.schemas import CalleeView, CallView, WayView
from anju_platform.notifications.contacts import contact_in, is_contact, plain_phone
from anju_platform.notifications.families import family_of
from anju_platform.notifications.model import Address, Kind
from anju_platform.notifications.outside.listing import outlets
from anju_platform.notifications.outside.routing import ADDRESSED
from anju_platform.people.model import Contact, Household
from anju_platform.people.repository import contacts
from anju_platform.people.service import note_look
from anju_platform.registry.places.service import find_place

LONGEST = timedelta(days=62)
"""A rota is asked about no further ahead."""
_FIRST = ("role:guard",)
"""Whom rules tell first differs; this is whom nearly all of them do."""


def rehearse(
    session: Session, actor: Actor, severity: int, place: str | None, at: datetime | None
) -> tuple[CallView, ...]:
    """Give whom each step would call for an alert raised now, or at a time.

    Call it in a transaction: of a home's contacts it shows names to whoever may read its card,
    and that is a look on record.

    Raises:
        InvalidRequestError: so far from now nobody can say.
        NotFoundError: no such place.
    """
    moment = at or now()
    if abs(moment - now()) > LONGEST:
        raise InvalidRequestError("choose a time within {days} days from now", days=LONGEST.days)
    place_id = find_place(session, actor, place)
    found = repository.policy_for(session, actor.community_id, severity, place_id)
    home = repository.home_at(session, actor.community_id, place_id)
    if home is not None:
        note_look(session, actor, home.id, reason={"rehearsal": severity})
    people = _People(session, actor, home)
    plan = found or DEFAULTS[severity]
    return tuple(_calls(session, actor, plan, severity=severity, people=people, moment=moment))


def _calls(
    session: Session,
    actor: Actor,
    plan: Policy,
    *,
    severity: int,
    people: "_People",
    moment: datetime,
) -> Iterator[CallView]:
    about = About(people.home_id, severity, home_is_told=True, first=lambda: _FIRST)
    for step in plan.steps:
        at = moment + timedelta(seconds=step.after_s)
        called = Callees(session, actor.community_id, at).call(step.to, about)
        yield CallView(
            after_s=step.after_s,
            at=at,
            people=tuple(people.named(called.to)),
            nobody=tuple(called.nobody),
            holes=tuple(called.holes),
            overlaps=tuple(called.overlaps),
            by_hand=tuple(called.by_hand),
            missing=tuple(called.missing),
            instead=called.instead,
        )


class _People:
    """Everybody who could be called, and by what they are reached."""

    def __init__(self, session: Session, actor: Actor, home: Household | None) -> None:
        there = users(session, actor.community_id)
        self.home_id = home.id if home is not None else None
        self._users: Mapping[int, User] = {user.id: user for user in there}
        self._homes = families(session, actor.community_id)
        self._contacts: Sequence[Contact] = contacts(session, home.id) if home else ()
        self._phones = repository.home_phones(session, home.id) if home else {}
        self._shows_names = actor.may(Right.SEE_HOMES)
        self._spoken = [
            (one.kind, ADDRESSED[one.kind])
            for one in outlets(session, actor.community_id)
            if one.kind in ADDRESSED
        ]
        self._addresses: dict[int, list[Address]] = {}
        for one in repository.addresses(session, self._users):
            self._addresses.setdefault(one.user_id or 0, []).append(one)

    def named(self, recipients: Sequence[str]) -> Iterator[CalleeView]:
        """Give the people behind recipients, each once."""
        seen: set[int] = set()
        for recipient in recipients:
            if is_contact(recipient):
                yield self._contact(recipient)
                continue
            for user in self._meant(recipient):
                if user.id not in seen:
                    seen.add(user.id)
                    yield CalleeView(
                        recipient=f"user:{user.id}",
                        name=user.name if self._may_name(user) else "",
                        role=user.role,
                        ways=tuple(self._ways(self._addresses.get(user.id, ()))),
                    )

    def _may_name(self, user: User) -> bool:
        return self._shows_names or user.role != Role.FAMILY

    def _meant(self, recipient: str) -> list[User]:
        kind, _, name = recipient.partition(":")
        if kind == "role":
            return [user for user in self._users.values() if user.role == name]
        if kind == "user":
            return [self._users[int(name)]]
        return [
            self._users[user_id]
            for user_id, homes in self._homes.items()
            if any(family_of(home) == recipient for home in homes)
        ]

    def _contact(self, recipient: str) -> CalleeView:
        contact = self._contacts[contact_in(recipient)[1] - 1]
        known = self._phones.get(plain_phone(contact.phone) or "")
        kinds = [kind for kind, spoken in self._spoken if spoken == "phone"]
        state = _state(known) if known is not None else "untried"
        return CalleeView(
            recipient=recipient,
            name=contact.name if self._shows_names else "",
            role="contact",
            ways=tuple(WayView(kind=kind, state=state) for kind in kinds),
        )

    def _ways(self, addresses: Sequence[Address]) -> Iterator[WayView]:
        for kind, spoken in self._spoken:
            for one in addresses:
                if one.kind == spoken:
                    yield WayView(kind=Kind(kind), state=_state(one))


def _state(one: Address) -> str:
    if one.gone_at is not None:
        return "gone"
    if one.error is not None:
        return "failed"
    return "proven" if one.proven_at is not None else "untried"
