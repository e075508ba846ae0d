"""Reading about people: every look at a home is audited."""

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import Json
from anju_platform.errors import NotFoundError
from anju_platform.people import repository
from anju_platform.people.model import Household
from anju_platform.people.schemas import ContactView, HouseholdView, ResidentView
from anju_platform.registry.model import Place


def household(session: Session, actor: Actor, slug: str) -> HouseholdView:
    """Give a home's card; call it in a transaction, for the look is audited.

    Whoever is not shown it sees on an open alert whom to call.

    Raises:
        ForbiddenError: the actor may not read the cards of homes.
        NotFoundError: no such home in the actor's community.
    """
    actor.demand(Right.SEE_HOMES)
    home = repository.household(session, actor.community_id, slug)
    if home is None:
        raise NotFoundError("there is no household {slug!r}", slug=slug)
    place = session.get_one(Place, home.place_id)
    _note(session, actor, home, {})
    return HouseholdView(
        slug=home.slug,
        place=place.label,
        place_en=place.label_en,
        attributes=home.attributes,
        residents=tuple(
            ResidentView(name=r.name, born_on=r.born_on, elder=r.elder)
            for r in repository.residents(session, home.id)
        ),
        contacts=_contacts(session, home),
    )


def contacts(
    session: Session, actor: Actor, household_id: int, *, reason: Json
) -> tuple[ContactView, ...]:
    """Give whom to call for a home; ``reason`` (which alert) goes into the audit."""
    note_look(session, actor, household_id, reason=reason)
    return _contacts(session, session.get_one(Household, household_id))


def note_look(session: Session, actor: Actor, household_id: int, *, reason: Json) -> None:
    """Audit a look at what concerns a home, for :func:`contacts` or where none are shown."""
    _note(session, actor, session.get_one(Household, household_id), reason)


def _contacts(session: Session, home: Household) -> tuple[ContactView, ...]:
    return tuple(
        ContactView(
            position=c.position,
            name=c.name,
            relation=c.relation,
            phone=c.phone,
            has_key=c.has_key,
        )
        for c in repository.contacts(session, home.id)
    )


def _note(session: Session, actor: Actor, home: Household, data: Json) -> None:
    record(session, actor, "care.read", f"household:{home.slug}", data)
