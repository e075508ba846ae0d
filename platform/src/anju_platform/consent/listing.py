"""SQL of how homes stand with their consents: one row a home."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Interval,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from anju_platform.consent.repository import STATE, every_word
from anju_platform.database import within
from anju_platform.paging import By, Order, Part
from anju_platform.people.model import Household, Resident
from anju_platform.registry.model import Device, Place
from anju_platform.sharing.model import Consent, Purpose

_other = aliased(Resident)
_HAS_ELDERS = exists().where(_other.household_id == Household.id, _other.elder).correlate(Household)
_HAS_SPOKEN = (
    exists()
    .where(
        Consent.household_id == Household.id,
        Consent.person == Resident.name,
        Consent.purpose == Purpose.CARE.value,
        STATE == "in_force",
    )
    .correlate(Household, Resident)
)
_LACKS_A_WORD = (
    exists()
    .where(
        Resident.household_id == Household.id,
        or_(Resident.elder, ~_HAS_ELDERS),
        ~_HAS_SPOKEN,
    )
    .correlate(Household)
)
_stopped = (
    select(func.count())
    .where(Device.household_id == Household.id, Device.state == "stopped")
    .correlate(Household)
    .scalar_subquery()
)
_HAS_SENSORS = (
    exists()
    .where(Device.household_id == Household.id, Device.state != "retired")
    .correlate(Household)
)


def homes(
    session: Session,
    community_id: int,
    *,
    text: str,
    remind: timedelta,
    after: str | None,
    limit: int,
) -> tuple[Part, int]:
    """Give (home, place, how much is stopped) where something stands, and how many match.

    Those first of which somebody asked for their word has said none, or one ends within a time.
    ``text`` is looked for in place, id, and the names of whoever lives there.
    """
    asked = _conditions(community_id, text)
    joined = select(Household.id).join(Place, Place.id == Household.place_id).where(*asked)
    total = session.scalar(select(func.count()).select_from(joined.subquery())) or 0
    query: Select[Any] = (
        select(Household, Place, _stopped).join(Place, Place.id == Household.place_id).where(*asked)
    )
    soon = exists().where(Consent.household_id == Household.id, *_ends(remind)).correlate(Household)
    needs_care = case((or_(_LACKS_A_WORD, soon), 0), else_=1)
    order = Order("care", By(needs_care), By(Household.slug))
    return order.part(session, query, after=after, limit=limit), total


def _conditions(community_id: int, text: str) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = [Household.community_id == community_id, _HAS_SENSORS]
    if text:
        lives_there = (
            exists()
            .where(
                Resident.household_id == Household.id,
                Resident.name.icontains(text, autoescape=True),
            )
            .correlate(Household)
        )
        texts = (Household.slug, Place.label, Place.label_en)
        asked.append(or_(*(each.icontains(text, autoescape=True) for each in texts), lives_there))
    return asked


def _ends(within_time: timedelta) -> tuple[ColumnElement[bool], ...]:
    soon = func.now() + literal(within_time, Interval)
    return (and_(Consent.ends_at <= soon, Consent.given), STATE == "in_force")


def ending(session: Session, homes: Collection[int], remind: timedelta) -> list[Row[Any]]:
    """Give what is in force in homes and ends within a time, as ``repository.words`` does."""
    query = every_word().where(within(Consent.household_id, homes), *_ends(remind))
    return list(session.execute(query))


def residents(session: Session, homes: Collection[int]) -> list[tuple[int, str, bool]]:
    """Give (home, name, whether an elder) of everybody who lives in some homes."""
    query = (
        select(Resident.household_id, Resident.name, Resident.elder)
        .where(within(Resident.household_id, homes))
        .order_by(Resident.id)
    )
    return [(home_id, name, elder) for home_id, name, elder in session.execute(query)]


def have_spoken(session: Session, homes: Collection[int]) -> set[tuple[int, str]]:
    """Give (home, person) of whoever's yes or no to care is in force, of some homes."""
    query = select(Consent.household_id, Consent.person).where(
        within(Consent.household_id, homes),
        Consent.purpose == Purpose.CARE.value,
        STATE == "in_force",
    )
    return {(home_id, person) for home_id, person in session.execute(query)}
