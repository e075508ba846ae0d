"""SQL of accounts."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from anju_platform.auth.model import ApiToken, HomeScope, Invitation, LoginSession, PlaceScope, User
from anju_platform.auth.repository import is_over
from anju_platform.people.model import Household
from anju_platform.registry.model import Place

_inviter = aliased(User)


def roster(session: Session, community_id: int) -> list[tuple[User, datetime | None]]:
    """Give everybody of a community, by name, and when a log-in of theirs was used last."""
    used = (
        select(LoginSession.user_id, func.max(LoginSession.last_used_at).label("at"))
        .group_by(LoginSession.user_id)
        .subquery()
    )
    query = (
        select(User, used.c.at)
        .outerjoin(used, used.c.user_id == User.id)
        .where(or_(User.community_id == community_id, User.community_id.is_(None)))
        .order_by(User.disabled, User.name, User.id)
    )
    return [(user, at) for user, at in session.execute(query)]


def homes_of(session: Session, community_id: int) -> dict[int, list[tuple[str, str]]]:
    """Give (home's slug, relation) by user."""
    query = (
        select(HomeScope.user_id, Household.slug, HomeScope.relation)
        .join(Household, Household.id == HomeScope.household_id)
        .where(Household.community_id == community_id)
        .order_by(Household.slug)
    )
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for user_id, slug, relation in session.execute(query):
        found[user_id].append((slug, relation))
    return found


def places_of(session: Session, community_id: int) -> dict[int, list[str]]:
    """Give places' slugs by user."""
    query = (
        select(PlaceScope.user_id, Place.slug)
        .join(Place, Place.id == PlaceScope.place_id)
        .where(Place.community_id == community_id)
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


def pending(session: Session, community_id: int, at: datetime) -> list[tuple[Invitation, str, str]]:
    """Give what nobody has taken up yet, with who invited and whom (a user name, or nothing)."""
    query = (
        select(Invitation, _inviter.name, func.coalesce(User.username, ""))
        .join(_inviter, _inviter.id == Invitation.invited_by)
        .outerjoin(User, User.id == Invitation.user_id)
        .where(Invitation.community_id == community_id, *_is_good(at))
        .order_by(Invitation.id.desc())
    )
    return [(one, inviter, username) for one, inviter, username in session.execute(query)]


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


def tokens(session: Session, community_id: int, user_id: int | None) -> list[tuple[ApiToken, str]]:
    """Give tokens nobody has revoked, the newest first, and who made them: one user, or all."""
    query = (
        select(ApiToken, User.name)
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.community_id == community_id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
    )
    if user_id is not None:
        query = query.where(ApiToken.user_id == user_id)
    return [(one, name) for one, name in session.execute(query)]


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
