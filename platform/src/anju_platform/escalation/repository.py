"""SQL of escalation."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import CTE, and_, delete, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from anju_platform.alerts.model import Alert, Handling
from anju_platform.alerts.policy import Policy, read
from anju_platform.auth.model import HomeScope, Role, User
from anju_platform.escalation.model import EscalationPolicy
from anju_platform.notifications.model import Address
from anju_platform.people.model import Household
from anju_platform.registry.model import Place

_DEEPEST = 32
"""Places lie in each other no deeper; ones that lie in a circle end there."""
_UNIQUE = ("community_id", "severity", "place_id")


def lock_due(session: Session, at: datetime, *, but: Collection[UUID], limit: int) -> list[Alert]:
    """Give and lock alerts that are to be looked at again and that nobody else is looking at.

    The worst first, then those that wait longest.
    """
    query = (
        select(Alert)
        .where(Alert.due_at <= at, Alert.handling != Handling.CLOSED, Alert.id.not_in(but))
        .order_by(Alert.severity, Alert.due_at, Alert.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def overdue_s(session: Session, at: datetime) -> Mapping[int, float]:
    """Give, by community, for how many seconds an alert should have been looked at."""
    waited = func.extract("epoch", at - func.min(Alert.due_at))
    query = (
        select(Alert.community_id, waited)
        .where(Alert.due_at < at, Alert.handling != Handling.CLOSED)
        .group_by(Alert.community_id)
    )
    return {community_id: float(seconds) for community_id, seconds in session.execute(query)}


def policy_for(
    session: Session, community_id: int, severity: int, place_id: int | None
) -> Policy | None:
    """Give the plan for a place: its own, else that of the nearest place around it, else of all."""
    around = _around(place_id)
    query = (
        select(EscalationPolicy.policy)
        .outerjoin(around, around.c.id == EscalationPolicy.place_id)
        .where(
            EscalationPolicy.community_id == community_id,
            EscalationPolicy.severity == severity,
            EscalationPolicy.place_id.is_(None) | around.c.id.is_not(None),
        )
        .order_by(around.c.far.nulls_last())
        .limit(1)
    )
    stored = session.scalar(query)
    return None if stored is None else read(stored)


def _around(place_id: int | None) -> CTE:
    """Build a place and those it lies in, with how far around it they are."""
    around = (
        select(Place.id, Place.parent_id, literal_column("0").label("far"))
        .where(Place.id == place_id)
        .cte("around", recursive=True)
    )
    return around.union_all(
        select(Place.id, Place.parent_id, around.c.far + 1)
        .join(around, Place.id == around.c.parent_id)
        .where(around.c.far < _DEEPEST)
    )


def home_at(session: Session, community_id: int, place_id: int | None) -> Household | None:
    """Give the home in which a place lies."""
    around = _around(place_id)
    query = (
        select(Household)
        .join(around, around.c.id == Household.place_id)
        .where(Household.community_id == community_id)
        .order_by(around.c.far, Household.id)
        .limit(1)
    )
    return session.scalars(query).one_or_none()


def addresses(session: Session, user_ids: Collection[int]) -> list[Address]:
    """Give where people are reached outside, and where they no longer are."""
    query = select(Address).where(Address.user_id.in_(user_ids), Address.removed_at.is_(None))
    return list(session.scalars(query.order_by(Address.user_id, Address.id)))


def home_phones(session: Session, household_id: int) -> dict[str, Address]:
    """Give the telephones of a home's contacts that were called before, by number."""
    query = select(Address).where(
        Address.household_id == household_id, Address.removed_at.is_(None)
    )
    return {one.target: one for one in session.scalars(query)}


def stored(
    session: Session, community_id: int, severity: int, place_id: int | None
) -> EscalationPolicy | None:
    """Find and lock the community's own plan for a severity and exactly that place."""
    query = select(EscalationPolicy).where(
        EscalationPolicy.community_id == community_id,
        EscalationPolicy.severity == severity,
        EscalationPolicy.place_id.is_not_distinct_from(place_id),
    )
    return session.scalars(query.with_for_update()).one_or_none()


def policies(session: Session, community_id: int) -> list[tuple[EscalationPolicy, str | None]]:
    """Give a community's plans with the slugs of their places, by severity."""
    query = (
        select(EscalationPolicy, Place.slug)
        .outerjoin(Place, Place.id == EscalationPolicy.place_id)
        .where(EscalationPolicy.community_id == community_id)
        .order_by(EscalationPolicy.severity, Place.slug.nulls_first())
    )
    return [(policy, slug) for policy, slug in session.execute(query)]


def put(
    session: Session,
    community_id: int,
    severity: int,
    place_id: int | None,
    policy: Policy,
    *,
    at: datetime,
    user_id: int,
) -> None:
    """Write a plan in place of the one there was."""
    changed = {
        "policy": msgspec.to_builtins(policy),
        "changed_at": at,
        "changed_by": user_id,
    }
    key = dict(zip(_UNIQUE, (community_id, severity, place_id), strict=True))
    session.execute(
        insert(EscalationPolicy)
        .values(**key, **changed)
        .on_conflict_do_update(index_elements=_UNIQUE, set_=changed)
    )


def remove(session: Session, community_id: int, severity: int, place_id: int | None) -> bool:
    """Delete a plan; gives whether there was one."""
    gone = session.execute(
        delete(EscalationPolicy)
        .where(
            EscalationPolicy.community_id == community_id,
            EscalationPolicy.severity == severity,
            EscalationPolicy.place_id.is_not_distinct_from(place_id),
        )
        .returning(EscalationPolicy.id)
    )
    return gone.first() is not None


@dataclass(frozen=True, slots=True)
class Relative:
    """Somebody of a home's family who may log in.

    ``proven`` are the kinds of those of their addresses that are known to be theirs;
    ``of_this_home``: they belong to no other.
    """

    user_id: int
    name: str
    phones: tuple[str, ...]
    proven: frozenset[str]
    of_this_home: bool


def relatives(session: Session, household_id: int) -> list[Relative]:
    """Give who of a home's family has an account."""
    other = aliased(HomeScope)
    elsewhere = exists().where(other.user_id == User.id, other.household_id != household_id)
    query = (
        select(User.id, User.name, elsewhere, Address.kind, Address.target, Address.proven_at)
        .join(HomeScope, HomeScope.user_id == User.id)
        .outerjoin(
            Address,
            and_(
                Address.user_id == User.id,
                Address.removed_at.is_(None),
                Address.gone_at.is_(None),
            ),
        )
        .where(
            HomeScope.household_id == household_id,
            User.role == Role.FAMILY,
            User.disabled.is_(False),
        )
        .order_by(User.id, Address.id)
    )
    found: dict[tuple[int, str, bool], list[tuple[str, str, bool]]] = {}
    for user_id, name, is_elsewhere, kind, target, proven_at in session.execute(query):
        known = found.setdefault((user_id, name, is_elsewhere), [])
        if kind is not None:
            known.append((kind, target, proven_at is not None))
    return [
        Relative(
            user_id,
            name,
            phones=tuple(target for kind, target, _ in ways if kind == "phone"),
            proven=frozenset(kind for kind, _, is_proven in ways if is_proven),
            of_this_home=not is_elsewhere,
        )
        for (user_id, name, is_elsewhere), ways in found.items()
    ]
