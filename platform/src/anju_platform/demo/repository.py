"""SQL of the demo: what stands in a database it was given, and whether it has acted there."""

from collections.abc import Collection, Sequence

from sqlalchemy import Engine, inspect, or_, select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import TimelineEntry
from anju_platform.auth.model import User
from anju_platform.registry.model import Community, Gateway


def is_bare(engine: Engine) -> bool:
    """Tell whether a database holds none of the platform's tables."""
    return not inspect(engine).has_table(Community.__tablename__)


def gateways(session: Session) -> Sequence[tuple[str, str | None, str | None]]:
    """Give (slug of its community, its slug, hash of its secret) of every gateway.

    A community without any is one row without a gateway. Only columns that every release has.
    """
    query = (
        select(Community.slug, Gateway.slug, Gateway.secret_hash)
        .outerjoin(Gateway, Gateway.community_id == Community.id)
        .order_by(Community.id)
    )
    return [(community, gateway, kept) for community, gateway, kept in session.execute(query)]


def usernames(session: Session) -> Sequence[str]:
    """Give the name of everybody who has an account."""
    return session.scalars(select(User.username).order_by(User.id)).all()


def elsewhere(session: Session, names: Collection[str], slug: str) -> Sequence[str]:
    """Give who of these names has an account that does not belong to a community."""
    query = (
        select(User.username)
        .outerjoin(Community, Community.id == User.community_id)
        .where(User.username.in_(names), or_(Community.id.is_(None), Community.slug != slug))
        .order_by(User.id)
    )
    return session.scalars(query).all()


def has_acted(session: Session, community_id: int, screen: str) -> bool:
    """Tell whether somebody has done something about an alert from a screen."""
    query = (
        select(TimelineEntry.id)
        .where(TimelineEntry.community_id == community_id, TimelineEntry.screen == screen)
        .limit(1)
    )
    return session.scalar(query) is not None
