"""SQL of who can be reached outside, and by what."""

from urllib.parse import urlsplit

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from anju_platform.auth.model import User
from anju_platform.auth.repository import families
from anju_platform.database import Json, now
from anju_platform.notifications.model import Address, Channel, Kind
from anju_platform.notifications.outside.routing import ADDRESSED, Outlet, Reachable


def outlets(session: Session, community_id: int) -> list[Outlet]:
    """Give the channels of a community that can be used."""
    query = select(Channel).where(
        Channel.community_id == community_id, Channel.enabled, Channel.removed_at.is_(None)
    )
    return [
        Outlet(each.id, Kind(each.kind), each.position, frozenset(each.roles))
        for each in session.scalars(query)
    ]


def reachable(session: Session, community_id: int) -> list[Reachable]:
    """Give the people of a community who have addresses outside."""
    query = (
        select(User.id, User.role, Address.kind, Address.id, Address.target, Address.proven_at)
        .join(Address, Address.user_id == User.id)
        .where(
            or_(User.community_id == community_id, User.community_id.is_(None)),
            User.disabled.is_(False),
            Address.gone_at.is_(None),
            Address.removed_at.is_(None),
        )
        .order_by(User.id, Address.id)
    )
    found: dict[tuple[int, str], list[tuple[str, int, str]]] = {}
    unproven: set[int] = set()
    for user_id, role, kind, address_id, target, proven_at in session.execute(query):
        lane = urlsplit(target).hostname or "" if kind == "push" else ""
        found.setdefault((user_id, role), []).append((kind, address_id, lane))
        if proven_at is None:
            unproven.add(address_id)
    homes = families(session, community_id)
    return [
        Reachable(
            user,
            role,
            tuple(each),
            homes.get(user, frozenset()),
            unproven=frozenset(unproven.intersection(address_id for _, address_id, _ in each)),
        )
        for (user, role), each in found.items()
    ]


def home_phone(session: Session, household_id: int, number: str) -> Address:
    """Give the telephone of a home's contact as an address, made when it is called first."""
    values: Json = {
        "household_id": household_id,
        "kind": ADDRESSED[Kind.VOICE],
        "target": number,
        "label": number,
        "created_at": now(),
    }
    session.execute(insert(Address).values(values).on_conflict_do_nothing())
    query = select(Address).filter_by(household_id=household_id, target=number, removed_at=None)
    return session.scalars(query).one()
