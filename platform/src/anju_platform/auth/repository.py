"""SQL of users and sessions."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from anju_platform.auth.model import (
    ApiToken,
    HalfLogIn,
    HomeScope,
    Invitation,
    LoginSession,
    OutsideIdentity,
    PlaceScope,
    PlatformKey,
    Role,
    SecondFactor,
    UsedState,
    User,
)
from anju_platform.database import within

_HOUR = timedelta(hours=1)


def user_by_name(session: Session, username: str, *, for_update: bool = False) -> User | None:
    """Find a user; ``for_update`` locks the row, so that failures are counted one by one."""
    query = select(User).where(User.username == username)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def users(session: Session, community_id: int) -> list[User]:
    """Give everybody who may act in a community and is not disabled, by name."""
    query = (
        select(User)
        .where(
            or_(User.community_id == community_id, User.community_id.is_(None)),
            User.disabled.is_(False),
        )
        .order_by(User.name, User.id)
    )
    return list(session.scalars(query))


def scopes(session: Session, user_id: int, role: str) -> tuple[frozenset[int], frozenset[int]]:
    """Give the homes and the places somebody is there for: of those who look after some only."""
    homes = select(HomeScope.household_id).where(HomeScope.user_id == user_id)
    places = select(PlaceScope.place_id).where(PlaceScope.user_id == user_id)
    return (
        frozenset(session.scalars(homes)) if role == Role.FAMILY else frozenset(),
        frozenset(session.scalars(places)) if role == Role.GRID else frozenset(),
    )


def families(session: Session, community_id: int) -> dict[int, frozenset[int]]:
    """Give the homes of each person of a family who may log in, by user."""
    query = (
        select(HomeScope.user_id, HomeScope.household_id)
        .join(User, User.id == HomeScope.user_id)
        .where(
            User.community_id == community_id,
            User.role == Role.FAMILY,
            User.disabled.is_(False),
        )
    )
    found: dict[int, frozenset[int]] = {}
    for user_id, household_id in session.execute(query):
        found[user_id] = found.get(user_id, frozenset()) | {household_id}
    return found


def login_session(session: Session, token_hash: str) -> tuple[LoginSession, User] | None:
    """Find a log-in and whose it is."""
    query = (
        select(LoginSession, User)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.token_hash == token_hash)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def touch(session: Session, token_hash: str, at: datetime) -> None:
    """Note that a log-in was used."""
    session.execute(
        update(LoginSession).where(LoginSession.token_hash == token_hash).values(last_used_at=at)
    )


def delete_session(session: Session, token_hash: str) -> None:
    """End one log-in."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash))


def delete_sessions_of(session: Session, user_id: int, *, but: str | None = None) -> None:
    """End every log-in of a user, also those half way, but the one with that token's hash."""
    session.execute(delete(HalfLogIn).where(HalfLogIn.user_id == user_id))
    query = delete(LoginSession).where(LoginSession.user_id == user_id)
    session.execute(query if but is None else query.where(LoginSession.token_hash != but))


def is_over(at: datetime) -> ColumnElement[bool]:
    """Say that a log-in has ended, by its time or unused for too long."""
    idle = LoginSession.idle_hours * literal(_HOUR)
    return or_(LoginSession.expires_at < at, LoginSession.last_used_at + idle < at)


def void_password_links(session: Session, user_id: int, at: datetime) -> None:
    """Let no link for a new password of somebody be good any more."""
    session.execute(
        update(Invitation)
        .where(
            Invitation.user_id == user_id,
            Invitation.used_at.is_(None),
            Invitation.expires_at > at,
        )
        .values(expires_at=at)
        .execution_options(synchronize_session=False)
    )


def delete_expired(session: Session, at: datetime) -> None:
    """Forget log-ins that are over, also those half way."""
    session.execute(delete(LoginSession).where(is_over(at)))
    session.execute(delete(HalfLogIn).where(HalfLogIn.expires_at <= at))
    session.execute(delete(UsedState).where(UsedState.expires_at <= at))


def half_log_in(session: Session, token_hash: str, at: datetime) -> tuple[User, str | None] | None:
    """Find who still owes a code, and who vouched for them, if not a password; locks both rows."""
    query = (
        select(User, HalfLogIn.by)
        .join(HalfLogIn, HalfLogIn.user_id == User.id)
        .where(
            HalfLogIn.token_hash == token_hash,
            HalfLogIn.expires_at > at,
            User.disabled.is_(False),
        )
        .with_for_update()  # both rows: a reset that was waited for has deleted the second
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def delete_half(session: Session, token_hash: str) -> None:
    """End a log-in that is half way."""
    session.execute(delete(HalfLogIn).where(HalfLogIn.token_hash == token_hash))


def user_by_identity(
    session: Session, issuer: str, subject: str
) -> tuple[User, OutsideIdentity] | None:
    """Find who somebody of another provider is here; locks both rows: one may be deleted now."""
    query = (
        select(User, OutsideIdentity)
        .join(OutsideIdentity, OutsideIdentity.user_id == User.id)
        .where(OutsideIdentity.issuer == issuer, OutsideIdentity.subject == subject)
        .with_for_update()
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def outside_identities(session: Session, user_id: int) -> list[OutsideIdentity]:
    """Give who a user is at other providers, also at those that were set before."""
    query = select(OutsideIdentity).where(OutsideIdentity.user_id == user_id)
    return list(session.scalars(query.order_by(OutsideIdentity.issuer)))


def use_state(session: Session, state_hash: str, expires_at: datetime) -> bool:
    """End a journey to another provider; gives whether it had not ended before."""
    query = insert(UsedState).values(state_hash=state_hash, expires_at=expires_at)
    ended = query.on_conflict_do_nothing().returning(UsedState.state_hash)
    return session.scalar(ended) is not None


def second_factor(
    session: Session, user_id: int, *, for_update: bool = False
) -> SecondFactor | None:
    """Find somebody's second factor, confirmed or not; ``for_update`` locks it."""
    query = select(SecondFactor).where(SecondFactor.user_id == user_id)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def have_second_factor(session: Session, user_ids: Collection[int]) -> frozenset[int]:
    """Give which of these people have one that counts."""
    query = select(SecondFactor.user_id).where(
        within(SecondFactor.user_id, user_ids), SecondFactor.confirmed_at.is_not(None)
    )
    return frozenset(session.scalars(query))


def api_token(session: Session, token_hash: str, at: datetime) -> tuple[ApiToken, User] | None:
    """Find a program's token that is good, and whose it is."""
    query = (
        select(ApiToken, User)
        .join(User, User.id == ApiToken.user_id)
        .where(
            ApiToken.token_hash == token_hash,
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > at,
            User.disabled.is_(False),
            or_(User.community_id.is_(None), User.community_id == ApiToken.community_id),
        )
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def touch_api_token(session: Session, token_id: int, at: datetime) -> None:
    """Note that a program used its token."""
    session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=at))


def close_other_ways(session: Session, user_id: int, at: datetime) -> None:
    """Let no token of somebody's programs be good any more, nor another provider's word."""
    session.execute(delete(OutsideIdentity).where(OutsideIdentity.user_id == user_id))
    session.execute(
        update(ApiToken)
        .where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )


def platform_key(session: Session, name: str) -> str | None:
    """Find a key the platform made."""
    return session.scalar(select(PlatformKey.value).where(PlatformKey.name == name))


def keep_key(session: Session, name: str, made: str, at: datetime) -> str:
    """Keep a key unless somebody was faster; give the one that is kept."""
    session.execute(
        insert(PlatformKey).values(name=name, value=made, created_at=at).on_conflict_do_nothing()
    )
    return session.scalars(select(PlatformKey.value).where(PlatformKey.name == name)).one()


def people_on_duty(session: Session, community_id: int, since: datetime) -> int:
    """Count guards and property staff who used a screen since then."""
    query = (
        select(func.count(func.distinct(User.id)))
        .select_from(User)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(
            User.community_id == community_id,
            User.role.in_((Role.GUARD, Role.PROPERTY)),
            LoginSession.last_used_at >= since,
        )
    )
    return session.scalar(query) or 0


def community_for(session: Session, slug: str | None) -> int | None:
    """Choose the community somebody of all communities looks at: the named, else the first.

    The registry stands above this module, so its table is read by name.
    """
    query = text(
        "SELECT id FROM communities ORDER BY slug IS DISTINCT FROM CAST(:slug AS text), id LIMIT 1"
    )
    found: int | None = session.scalar(query, {"slug": slug})
    return found
