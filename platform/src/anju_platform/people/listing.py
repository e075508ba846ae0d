"""SQL of homes as the office reads them: one row a home, without names."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from anju_platform.paging import By, Column, Order
from anju_platform.people.model import Contact, Household, Resident
from anju_platform.people.schemas import HomeFilter, HomePage, HomeRow, HomeSort
from anju_platform.registry.model import Device, Place


def _counted(query: Select[int]) -> ColumnElement[int]:
    return query.scalar_subquery()


_residents = _counted(
    select(func.count()).select_from(Resident).where(Resident.household_id == Household.id)
)
_elders = _counted(
    select(func.count())
    .select_from(Resident)
    .where(Resident.household_id == Household.id, Resident.elder)
)
_contacts = _counted(
    select(func.count()).select_from(Contact).where(Contact.household_id == Household.id)
)
_devices = _counted(
    select(func.count())
    .select_from(Device)
    .where(Device.household_id == Household.id, Device.state == "approved")
)
_NOBODY_TO_CALL = and_(_contacts == 0, or_(_elders > 0, _devices > 0))


_CARE = case((_NOBODY_TO_CALL, 0), else_=1)


def homes(
    session: Session,
    community_id: int,
    wanted: HomeFilter,
    *,
    sort: HomeSort = HomeSort.CARE,
    descending: bool = False,
    page: int = 1,
    size: int = 50,
    after: str | None = None,
) -> HomePage:
    """Give one page of the homes that match; by default those first where nobody can be called.

    ``after`` a page's ``next`` come those that follow it; then ``page`` is 1.

    Raises:
        InvalidRequestError: ``after`` is no position in this order.
    """
    asked = _conditions(community_id, wanted)
    joined = select(Household.id).join(Place, Place.id == Household.place_id).where(*asked)
    total = session.scalar(select(func.count()).select_from(joined.subquery())) or 0
    query = _rows(asked).offset((page - 1) * size if after is None else 0)
    order = _order(sort, descending=descending)
    found = order.part(session, query, after=after, limit=size)
    rows = tuple(_row(each) for each in found.rows)
    return HomePage(rows=rows, next=found.next, total=total, page=page, size=size)


def _conditions(community_id: int, wanted: HomeFilter) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = [Household.community_id == community_id]
    if wanted.text:
        texts = (Household.slug, Place.label, Place.label_en)
        asked.append(or_(*(each.icontains(wanted.text, autoescape=True) for each in texts)))
    if wanted.nobody_to_call:
        asked.append(_NOBODY_TO_CALL)
    return asked


def _rows(asked: list[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Household.slug,
            Place.label,
            Place.label_en,
            _residents,
            _elders,
            _contacts,
            _devices,
            _NOBODY_TO_CALL,
        )
        .join(Place, Place.id == Household.place_id)
        .where(*asked)
    )


def _row(found: Sequence[Any]) -> HomeRow:
    return HomeRow(**dict(zip(HomeRow.model_fields, found, strict=True)))


def _order(sort: HomeSort, *, descending: bool) -> Order:
    keys: dict[HomeSort, tuple[Column, ...]] = {
        HomeSort.CARE: (_CARE, func.lower(Place.label)),
        HomeSort.SLUG: (),
        HomeSort.PLACE: (func.lower(Place.label),),
        HomeSort.RESIDENTS: (_residents,),
        HomeSort.CONTACTS: (_contacts,),
        HomeSort.DEVICES: (_devices,),
    }
    columns = (*keys[sort], Household.slug)
    first, *others = columns
    return Order(sort, By(first, descending), *(By(other) for other in others))
