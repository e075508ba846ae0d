"""SQL of people and homes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.database import Json
from anju_platform.people.model import Contact, Household, Resident
from anju_platform.people.schemas import Person


def household(session: Session, community_id: int, slug: str) -> Household | None:
    """Find a household of a community."""
    query = select(Household).where(Household.community_id == community_id, Household.slug == slug)
    return session.scalars(query).one_or_none()


def households(session: Session, community_id: int, *, for_update: bool = False) -> list[Household]:
    """Give the homes of a community."""
    query = select(Household).where(Household.community_id == community_id)
    query = query.order_by(Household.slug)
    return list(session.scalars(query.with_for_update() if for_update else query))


def first_slugs(session: Session, community_id: int, *, limit: int) -> list[str]:
    """Give the ids of a community's homes, the first ones."""
    query = select(Household.slug).where(Household.community_id == community_id)
    return list(session.scalars(query.order_by(Household.slug).limit(limit)))


def contacts(session: Session, household_id: int) -> list[Contact]:
    """Give whom to call, first one first."""
    query = select(Contact).where(Contact.household_id == household_id).order_by(Contact.position)
    return list(session.scalars(query))


def residents(session: Session, household_id: int) -> list[Resident]:
    """Give who lives there, eldest first."""
    query = (
        select(Resident)
        .where(Resident.household_id == household_id)
        .order_by(Resident.born_on.nulls_last(), Resident.id)
    )
    return list(session.scalars(query))


def write(session: Session, community_id: int, household_id: int, people: Sequence[Person]) -> None:
    """Let a home have exactly these people, contacts in this order; who stays keeps their row."""
    of_home = {"community_id": community_id, "household_id": household_id}
    residents = [p for p in people if p.kind == "resident"]
    _write(session, Resident, of_home, [(p.name, p.values) for p in residents])
    contacts = [p for p in people if p.kind == "contact"]
    in_order = [(p.name, p.values | {"position": n}) for n, p in enumerate(contacts, start=1)]
    _write(session, Contact, of_home, in_order)


def _write(
    session: Session, entity: Any, of_home: Json, people: Sequence[tuple[str, Json]]
) -> None:
    query = select(entity).where(entity.household_id == of_home["household_id"])
    there: dict[str, list[Any]] = defaultdict(list)  # two may have one name
    for row in session.scalars(query.order_by(entity.id.desc())):
        there[row.name].append(row)
    for name, values in people:
        if not there[name]:
            session.add(entity(**of_home, name=name, **values))
            continue
        row = there[name].pop()
        for column, value in values.items():
            setattr(row, column, value)
    for gone in (row for rows in there.values() for row in rows):
        session.delete(gone)
    session.flush()
