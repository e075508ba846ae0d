"""SQL of homes as files name them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, delete, select, text
from sqlalchemy.orm import Session

from anju_platform.importing.model import HomesImport
from anju_platform.importing.plan import Home
from anju_platform.people import repository as people
from anju_platform.people.model import Contact, Household, Resident
from anju_platform.people.schemas import Person
from anju_platform.registry.model import Place


def get(
    session: Session, community_id: int, import_id: UUID, *, for_update: bool = False
) -> HomesImport | None:
    """Find a file that was read."""
    query = select(HomesImport).where(
        HomesImport.community_id == community_id, HomesImport.id == import_id
    )
    return session.scalars(query.with_for_update() if for_update else query).one_or_none()


def delete_older(session: Session, before: datetime) -> int:
    """Delete the files read before that time; gives how many."""
    result: Any = session.execute(delete(HomesImport).where(HomesImport.at < before))
    return result.rowcount if isinstance(result, CursorResult) else 0


def places(session: Session, community_id: int) -> dict[str, tuple[str, ...]]:
    """Give each place's slug under what it may be called: its slug and its labels."""
    query = select(Place.slug, Place.label, Place.label_en).where(
        Place.community_id == community_id
    )
    called: dict[str, dict[str, None]] = defaultdict(dict)
    for slug, *labels in session.execute(query):
        for name in (slug, *labels):
            called[name][slug] = None
    return {name: tuple(slugs) for name, slugs in called.items()}


def labels(session: Session, community_id: int) -> dict[str, tuple[str, str]]:
    """Give what each place is called, in Chinese and English, by slug."""
    query = select(Place.slug, Place.label, Place.label_en)
    rows = session.execute(query.where(Place.community_id == community_id))
    return {row.slug: (row.label, row.label_en) for row in rows}


def homes(session: Session, community_id: int) -> dict[str, Home]:
    """Give every home with its people in their order, by slug, sorted."""
    living: dict[int, list[Person]] = defaultdict(list)
    for one in _of(session, Resident, community_id):
        values = {"born_on": one.born_on, "elder": one.elder, "health": one.health}
        living[one.household_id].append(Person("resident", one.name, values))
    for each in _of(session, Contact, community_id):
        said = {"relation": each.relation, "phone": each.phone, "has_key": each.has_key}
        living[each.household_id].append(Person("contact", each.name, said))
    query = (
        select(Household, Place.slug)
        .join(Place, Place.id == Household.place_id)
        .where(Household.community_id == community_id)
        .order_by(Household.slug)
    )
    return {
        home.slug: Home(home.slug, place, home.attributes, tuple(living[home.id]), home.entry)
        for home, place in session.execute(query)
    }


def _of(session: Session, entity: Any, community_id: int) -> Iterable[Any]:
    order = Contact.position if entity is Contact else Resident.id
    return session.scalars(
        select(entity).where(entity.community_id == community_id).order_by(order, entity.id)
    )


def lock(session: Session) -> None:
    """Keep everybody else from changing homes until the transaction ends; all may read."""
    session.execute(text("LOCK TABLE households IN SHARE ROW EXCLUSIVE MODE"))


def write(session: Session, community_id: int, home: Home, place_ids: dict[str, int]) -> int:
    """Bring a home to what it shall be; gives its id."""
    row = people.household(session, community_id, home.slug)
    if row is None:
        row = Household(community_id=community_id, slug=home.slug, place_id=place_ids[home.place])
        session.add(row)
    row.attributes, row.entry = home.attributes, home.entry
    session.flush()
    people.write(session, community_id, row.id, home.people)
    return row.id


def place_ids(session: Session, community_id: int) -> dict[str, int]:
    """Give each place's id by its slug."""
    query = select(Place.slug, Place.id).where(Place.community_id == community_id)
    return {row.slug: row.id for row in session.execute(query)}
