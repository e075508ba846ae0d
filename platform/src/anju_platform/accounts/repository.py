"""SQL of accounts."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from anju_platform.accounts.schemas import PersonFilter, PersonSort
from anju_platform.auth.model import (
    ApiToken,
    HomeScope,
    Invitation,
    LoginSession,
    PlaceScope,
    Role,
    User,
)
from anju_platform.auth.repository import is_over
from anju_platform.database import within
from anju_platform.paging import By, Column, Order, Part
from anju_platform.people.model import Household
from anju_platform.registry.model import Place

_inviter = aliased(User)
_last_used = (
    select(func.max(LoginSession.last_used_at))
    .where(LoginSession.user_id == User.id)
    .correlate(User)
    .scalar_subquery()
)


def roster(
    session: Session,
    community_id: int,
    wanted: PersonFilter,
    *,
    order: Order,
    after: str | None,
    limit: int,
) -> tuple[Part, int]:
    """Give (user, when a log-in of theirs was used last) of a community, and how many match."""
    asked = _wanted(community_id, wanted)
    total = session.scalar(select(func.count()).select_from(User).where(*asked)) or 0
    query = select(User, _last_used).where(*asked)
    return order.part(session, query, after=after, limit=limit), total


def _wanted(community_id: int, wanted: PersonFilter) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = [
        or_(User.community_id == community_id, User.community_id.is_(None))
    ]
    if wanted.role is not None:
        asked.append(User.role == wanted.role)
    if wanted.disabled is not None:
        asked.append(User.disabled.is_(wanted.disabled))
    if wanted.text:
        home = exists().where(
            HomeScope.user_id == User.id,
            HomeScope.household_id == Household.id,
            Household.community_id == community_id,
            Household.slug.icontains(wanted.text, autoescape=True),
        )
        texts = (User.name, User.username)
        said = (each.icontains(wanted.text, autoescape=True) for each in texts)
        asked.append(or_(*said, home))
    return asked


def order_of(sort: PersonSort, *, descending: bool) -> Order:
    """Give an order of people."""
    keys: dict[PersonSort, tuple[Column, ...]] = {
        PersonSort.NAME: (User.disabled, func.lower(User.name)),
        PersonSort.USERNAME: (User.username,),
        PersonSort.ROLE: (User.role, func.lower(User.name)),
        PersonSort.LAST_USED: (_last_used,),
    }
    return Order(sort, *(By(key, descending) for key in keys[sort]), By(User.id))


def homes_of(
    session: Session, community_id: int, users: Collection[int]
) -> dict[int, list[tuple[str, str]]]:
    """Give (home's slug, relation) by user, of some."""
    query = (
        select(HomeScope.user_id, Household.slug, HomeScope.relation)
        .join(Household, Household.id == HomeScope.household_id)
        .where(Household.community_id == community_id, within(HomeScope.user_id, users))
        .order_by(Household.slug)
    )
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for user_id, slug, relation in session.execute(query):
        found[user_id].append((slug, relation))
    return found


def places_of(session: Session, community_id: int, users: Collection[int]) -> dict[int, list[str]]:
    """Give places' slugs by user, of some."""
    query = (
        select(PlaceScope.user_id, Place.slug)
        .join(Place, Place.id == PlaceScope.place_id)
        .where(Place.community_id == community_id, within(PlaceScope.user_id, users))
        .order_by(Place.slug)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for user_id, slug in session.execute(query):
        found[user_id].append(slug)
    return found


def labels(
    session: Session, community_id: int, slugs: Collection[str]
) -> dict[str, tuple[str, str]]:
    """Give what homes and places are called, in Chinese and English, by slug."""
    homes = (
        select(Household.slug, Place.label, Place.label_en)
        .join(Place, Place.id == Household.place_id)
        .where(Household.community_id == community_id, Household.slug.in_(slugs))
    )
    places = select(Place.slug, Place.label, Place.label_en).where(
        Place.community_id == community_id, Place.slug.in_(slugs)
    )
    found = (*session.execute(places), *session.execute(homes))
    return {slug: (label, label_en) for slug, label, label_en in found}


def user(session: Session, community_id: int, user_id: int) -> User | None:
    """Find and lock a user of a community."""
    query = select(User).where(User.id == user_id, User.community_id == community_id)
    return session.scalars(query.with_for_update()).one_or_none()


def pending(
    session: Session,
    community_id: int,
    at: datetime,
    *,
    of_families: bool,
    after: str | None,
    limit: int,
) -> Part:
    """Give what nobody has taken up yet, with who invited and whom (a user name, or nothing).

    ``of_families``: only those that open a family's account.
    """
    query = (
        select(Invitation, _inviter.name, func.coalesce(User.username, ""))
        .join(_inviter, _inviter.id == Invitation.invited_by)
        .outerjoin(User, User.id == Invitation.user_id)
        .where(Invitation.community_id == community_id, *_is_good(at))
    )
    if of_families:
        query = query.where(Invitation.role == Role.FAMILY, Invitation.user_id.is_(None))
    order = Order("newest", By(Invitation.id, descending=True))
    return order.part(session, query, after=after, limit=limit)


def by_token(
    session: Session, token_hash: str, at: datetime, *, for_update: bool = False
) -> Invitation | None:
    """Find an invitation that is still good: whoever invited may still log in, too."""
    query = (
        select(Invitation)
        .join(_inviter, _inviter.id == Invitation.invited_by)
        .where(Invitation.token_hash == token_hash, *_is_good(at))
    )
    if for_update:
        query = query.with_for_update(of=Invitation)
    return session.scalars(query).one_or_none()


def _is_good(at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Say that an invitation can be taken up; joined to whoever invited."""
    return (
        Invitation.used_at.is_(None),
        Invitation.expires_at > at,
        _inviter.disabled.is_(False),
    )


def invitation(
    session: Session, community_id: int, invitation_id: int, at: datetime
) -> Invitation | None:
    """Find and lock an invitation of a community that nobody has taken up yet."""
    query = select(Invitation).where(
        Invitation.community_id == community_id,
        Invitation.id == invitation_id,
        Invitation.used_at.is_(None),
        Invitation.expires_at > at,
    )
    return session.scalars(query.with_for_update()).one_or_none()


def tokens(
    session: Session, community_id: int, user_id: int | None, *, after: str | None, limit: int
) -> Part:
    """Give tokens nobody has revoked, the newest first, and who made them: one user, or all."""
    query = (
        select(ApiToken, User.name)
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.community_id == community_id, ApiToken.revoked_at.is_(None))
    )
    if user_id is not None:
        query = query.where(ApiToken.user_id == user_id)
    order = Order("newest", By(ApiToken.id, descending=True))
    return order.part(session, query, after=after, limit=limit)


def token(session: Session, community_id: int, token_id: int) -> ApiToken | None:
    """Find and lock a token of a community that nobody has revoked."""
    query = select(ApiToken).where(
        ApiToken.community_id == community_id,
        ApiToken.id == token_id,
        ApiToken.revoked_at.is_(None),
    )
    return session.scalars(query.with_for_update()).one_or_none()


def logins(session: Session, user_id: int, at: datetime) -> list[LoginSession]:
    """Give where somebody is logged in, the last used first."""
    query = (
        select(LoginSession)
        .where(LoginSession.user_id == user_id, ~is_over(at))
        .order_by(LoginSession.last_used_at.desc())
    )
    return list(session.scalars(query))
