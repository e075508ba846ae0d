"""SQL of people and homes."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.people.model import Contact, Household, Resident


def household(session: Session, community_id: int, slug: str) -> Household | None:
    """Find a household of a community."""
    query = select(Household).where(Household.community_id == community_id, Household.slug == slug)
    return session.scalars(query).one_or_none()


def households(session: Session, community_id: int, *, for_update: bool = False) -> list[Household]:
    """Give the homes of a community."""
    query = select(Household).where(Household.community_id == community_id)
    query = query.order_by(Household.slug)
    return list(session.scalars(query.with_for_update() if for_update else query))


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
