"""SQL of homes as the office reads them: one row a home, without names."""

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from anju_platform.people.model import Contact, Household, Resident
from anju_platform.people.schemas import HomePage, HomeRow
from anju_platform.registry.model import Device, Place

_PAGE = 50


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


def homes(session: Session, community_id: int, *, text: str = "", page: int = 1) -> HomePage:
    """Give one page of homes whose place or id has ``text`` in it.

    Those where nobody can be called come first.
    """
    asked: list[ColumnElement[bool]] = [Household.community_id == community_id]
    if text:
        asked.append(
            or_(
                *(
                    each.icontains(text, autoescape=True)
                    for each in (Household.slug, Place.label, Place.label_en)
                )
            )
        )
    base = select(Household).join(Place, Place.id == Household.place_id).where(*asked)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    query = (
        base.with_only_columns(
            Household.slug,
            Place.label.label("place"),
            Place.label_en.label("place_en"),
            _residents.label("residents"),
            _elders.label("elders"),
            _contacts.label("contacts"),
            _devices.label("devices"),
            _NOBODY_TO_CALL.label("nobody_to_call"),
        )
        .order_by(_NOBODY_TO_CALL.desc(), Place.label, Household.slug)
        .limit(_PAGE)
        .offset((page - 1) * _PAGE)
    )
    rows = tuple(HomeRow(**row) for row in session.execute(query).mappings())
    return HomePage(rows=rows, total=total, page=page, size=_PAGE)
