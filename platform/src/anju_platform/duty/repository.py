"""SQL of groups, rotas and hand-overs."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import (
    BigInteger,
    SmallInteger,
    column,
    delete,
    exists,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session, aliased

from anju_platform.auth.model import User
from anju_platform.auth.repository import users
from anju_platform.auth.rights import Right, roles_with
from anju_platform.database import Json
from anju_platform.duty.model import GroupMember, HandOver, PeopleGroup, Rota, RotaOverride
from anju_platform.duty.shifts import Override, Pattern, Shift
from anju_platform.registry.model import Community, Device, Place
from anju_platform.sharing.model import GROUP, Consent

log = logging.getLogger(__name__)

_DAY = timedelta(days=1)

# Plans stand above this domain, so their table is read by name.
_plans = table(
    "escalation_policies",
    column("community_id", BigInteger),
    column("severity", SmallInteger),
    column("place_id", BigInteger),
    column("policy", JSONB),
)


def able(session: Session, community_id: int) -> dict[int, User]:
    """Give who can be called of any alert, by id: they may log in, and do something about it."""
    may = roles_with(Right.HANDLE)
    return {user.id: user for user in users(session, community_id) if user.role in may}


# -- groups ----------------------------------------------------------------------------------


def groups(session: Session, community_id: int) -> list[PeopleGroup]:
    """Give a community's groups by name."""
    query = select(PeopleGroup).where(PeopleGroup.community_id == community_id)
    return list(session.scalars(query.order_by(PeopleGroup.name)))


def group(session: Session, community_id: int, group_id: int) -> PeopleGroup | None:
    """Find and lock a group of a community."""
    query = select(PeopleGroup).where(
        PeopleGroup.id == group_id, PeopleGroup.community_id == community_id
    )
    return session.scalars(query.with_for_update()).one_or_none()


def members(session: Session, community_id: int) -> dict[int, list[User]]:
    """Give who is in each group of a community, shut out or not, by name."""
    query = (
        select(GroupMember.group_id, User)
        .join(PeopleGroup, PeopleGroup.id == GroupMember.group_id)
        .join(User, User.id == GroupMember.user_id)
        .where(PeopleGroup.community_id == community_id)
        .order_by(User.name, User.id)
    )
    found: dict[int, list[User]] = {}
    for group_id, user in session.execute(query):
        found.setdefault(group_id, []).append(user)
    return found


def set_members(session: Session, group_id: int, people: Iterable[int]) -> None:
    """Let exactly these people be in a group."""
    session.execute(delete(GroupMember).where(GroupMember.group_id == group_id))
    session.add_all(GroupMember(group_id=group_id, user_id=user) for user in sorted(set(people)))
    session.flush()


def seen_homes(session: Session, community_id: int) -> dict[int, int]:
    """Give of how many homes each group sees something: a yes to it counts now, or will."""
    newer = aliased(Consent)
    same = ("household_id", "person", "sensors", "viewer", "purpose")
    is_replaced = exists().where(
        *(getattr(newer, name) == getattr(Consent, name) for name in same),
        newer.id > Consent.id,
        newer.begins_at <= func.now(),
    )
    query = (
        select(Consent.viewer, func.count(Consent.household_id.distinct()))
        .where(
            Consent.community_id == community_id,
            Consent.viewer.startswith(GROUP),
            Consent.given,
            or_(Consent.ends_at.is_(None), Consent.ends_at > func.now()),
            ~is_replaced,
        )
        .group_by(Consent.viewer)
    )
    return {int(viewer.removeprefix(GROUP)): homes for viewer, homes in session.execute(query)}


def seen_sensors(session: Session, group_id: int) -> list[str]:
    """Give what stands in homes of which something was said of a group."""
    homes = select(Consent.household_id).where(Consent.viewer == f"{GROUP}{group_id}")
    query = select(Device.slug).where(Device.household_id.in_(homes), Device.state != "retired")
    return list(session.scalars(query.order_by(Device.slug)))


def remove_group(session: Session, group_id: int) -> None:
    """Delete a group with its members."""
    session.execute(delete(PeopleGroup).where(PeopleGroup.id == group_id))


# -- rotas -----------------------------------------------------------------------------------


def rotas(session: Session, community_id: int) -> list[Rota]:
    """Give a community's rotas by name."""
    query = select(Rota).where(Rota.community_id == community_id, Rota.removed_at.is_(None))
    return list(session.scalars(query.order_by(Rota.name)))


def every_rota(session: Session) -> list[Rota]:
    """Give the rotas of all communities."""
    query = select(Rota).where(Rota.removed_at.is_(None))
    return list(session.scalars(query.order_by(Rota.community_id, Rota.id)))


def rota(session: Session, community_id: int, rota_id: int, *, lock: bool = False) -> Rota | None:
    """Find a rota of a community."""
    query = select(Rota).where(
        Rota.id == rota_id, Rota.community_id == community_id, Rota.removed_at.is_(None)
    )
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def overrides(
    session: Session, rota_ids: Collection[int], first: date, last: date
) -> list[RotaOverride]:
    """Give what differs from the patterns of rotas on days from ``first`` to ``last``."""
    query = (
        select(RotaOverride)
        .where(
            RotaOverride.rota_id.in_(rota_ids),
            RotaOverride.day >= first,
            RotaOverride.day <= last,
        )
        .order_by(RotaOverride.day, RotaOverride.starts, RotaOverride.id)
    )
    return list(session.scalars(query))


def remove_override(session: Session, rota_id: int, override_id: int) -> RotaOverride | None:
    """Delete what differs on a day; gives what it was, if it was there."""
    query = (
        delete(RotaOverride)
        .where(RotaOverride.id == override_id, RotaOverride.rota_id == rota_id)
        .returning(RotaOverride)
    )
    return session.scalars(query).one_or_none()


def patterns(
    session: Session, found: Sequence[Rota], start: datetime, end: datetime
) -> Mapping[int, Pattern]:
    """Give what decides who is on duty by these rotas, of one community, in a time."""
    if not found:
        return {}
    community = session.get_one(Community, found[0].community_id)
    first, last = start.date() - 2 * _DAY, end.date() + 2 * _DAY
    differs: dict[int, list[Override]] = {}
    for one in overrides(session, [each.id for each in found], first, last):
        override = Override(one.day, one.starts, one.ends, tuple(one.people))
        differs.setdefault(one.rota_id, []).append(override)
    return {
        each.id: Pattern(
            shifts_of(each),
            tuple(differs.get(each.id, ())),
            ZoneInfo(community.timezone),
            frozenset(community.holidays),
        )
        for each in found
    }


def shifts_of(rota: Rota) -> tuple[Shift, ...]:
    """Read a rota's shifts; none, which is a hole, where another release wrote them otherwise."""
    try:
        return msgspec.convert(rota.shifts, tuple[Shift, ...])
    except msgspec.ValidationError:
        log.exception("rota %d cannot be read; its fallback is called", rota.id)
        return ()


# -- hand-overs ------------------------------------------------------------------------------


def taken_since(
    session: Session, rota_ids: Collection[int], since: datetime
) -> dict[tuple[int, datetime], HandOver]:
    """Give who has taken which duty over that began since then, by rota and its beginning."""
    query = select(HandOver).where(HandOver.rota_id.in_(rota_ids), HandOver.starts_at >= since)
    return {(one.rota_id, one.starts_at): one for one in session.scalars(query)}


def hand_overs(session: Session, rota_id: int, limit: int) -> list[HandOver]:
    """Give how a rota was handed over, the latest first."""
    query = (
        select(HandOver)
        .where(HandOver.rota_id == rota_id)
        .order_by(HandOver.starts_at.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def take(session: Session, values: Json) -> tuple[HandOver, bool]:
    """Write down who takes a duty over, unless somebody has; gives who has, and whether anew."""
    added = session.scalar(
        insert(HandOver).values(values).on_conflict_do_nothing().returning(HandOver.id)
    )
    query = select(HandOver).filter_by(rota_id=values["rota_id"], starts_at=values["starts_at"])
    return session.scalars(query).one(), added is not None


def names(session: Session, user_ids: Collection[int]) -> dict[int, str]:
    """Give people's names."""
    query = select(User).where(User.id.in_(user_ids))
    return {user.id: user.name for user in session.scalars(query)}


def target_names(session: Session, community_id: int) -> dict[str, str]:
    """Give the names of a community's groups and rotas, by the target that means them.

    Removed rotas, too: alerts that began with a plan of then still name them.
    """
    of_rotas = select(Rota.id, Rota.name).where(Rota.community_id == community_id)
    return {f"group:{one.id}": one.name for one in groups(session, community_id)} | {
        f"rota:{rota_id}": name for rota_id, name in session.execute(of_rotas)
    }


def plans_with(session: Session, community_id: int, target: str) -> list[str]:
    """Name the plans that tell a target: ``P1``, ``P2 b3`` ..."""
    query = (
        select(_plans.c.severity, Place.slug)
        .outerjoin(Place, Place.id == _plans.c.place_id)
        .where(
            _plans.c.community_id == community_id,
            _plans.c.policy.contains({"steps": [{"to": [target]}]}),
        )
        .order_by(_plans.c.severity, Place.slug.nulls_first())
    )
    return [f"P{severity} {slug or ''}".strip() for severity, slug in session.execute(query)]
