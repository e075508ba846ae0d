"""SQL of the canaries."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Engine, and_, delete, extract, func, select, update
from sqlalchemy.orm import Session, aliased

from anju_platform.canary.model import Canary
from anju_platform.canary.schemas import CanaryView
from anju_platform.database import as_json, driver, transaction
from anju_platform.notifications.repository import OUTBOX_CHANNEL
from anju_platform.registry.model import Gateway

MISSED_AFTER = timedelta(minutes=15)
"""Three walks of which none arrived (an agent sends one off every five minutes)."""
SHOWN = (
    "UPDATE canaries SET shown_at = clock_timestamp() FROM gateways"
    " WHERE gateways.id = gateway_id AND gateways.community_id = %s AND slug = ANY(%s)"
    " AND shown_at IS NULL AND stored_at > clock_timestamp() - interval '1 minute'"
)
"""What the feed says once a screen's stream carries it; older ones found no screen open."""
_ADD = """
    WITH added AS (
        INSERT INTO canaries (gateway_id, said_at, community_id, stored_at)
        SELECT gateway_id, said_at, community_id, clock_timestamp()
        FROM json_to_recordset(%s) AS new (gateway_id bigint, said_at timestamptz,
            community_id bigint)
        ON CONFLICT DO NOTHING
        RETURNING gateway_id
    )
    SELECT pg_notify(%s, '') WHERE EXISTS (SELECT FROM added)
"""
_WALKS_OF = timedelta(days=1)
"""Quantiles are those of so long."""


class Heard(msgspec.Struct, frozen=True):
    """A canary that a rule has heard."""

    gateway_id: int
    said_at: datetime
    community_id: int


def add(session: Session, heard: Sequence[Heard]) -> None:
    """Write down what rules heard and wake the worker, without waiting for the answer."""
    if heard:
        driver(session).execute(_ADD, [as_json(heard), OUTBOX_CHANNEL])


def tell(engine: Engine) -> None:
    """Take up, as the worker takes up messages, what nobody has."""
    with transaction(engine) as session:
        untold = update(Canary).where(Canary.told_at.is_(None))
        session.execute(untold.values(told_at=func.clock_timestamp()))


def missed_s(session: Session, at: datetime) -> dict[int, float]:
    """Give, by community, for how long the canary of a gateway that is there has been missed.

    Only of gateways whose agents ever sent one. A gateway that came back is given time anew.
    """
    last = (
        select(Canary.gateway_id, func.max(Canary.stored_at).label("stored_at"))
        .group_by(Canary.gateway_id)
        .subquery()
    )
    since = func.greatest(last.c.stored_at, Gateway.status_at)
    query = (
        select(Gateway.community_id, func.min(since))
        .join(last, last.c.gateway_id == Gateway.id)
        .where(Gateway.online, since < at - MISSED_AFTER)
        .group_by(Gateway.community_id)
    )
    return {one: (at - stood).total_seconds() for one, stood in session.execute(query)}


def walks(session: Session, community_id: int, at: datetime) -> dict[str, CanaryView]:
    """Give each gateway's last walk, by its slug, and how long those of the last day took."""
    of_day = Canary.stored_at >= at - _WALKS_OF
    seconds = extract("epoch", Canary.told_at - Canary.said_at)
    figures = (
        select(
            Canary.gateway_id,
            func.max(Canary.said_at).label("said_at"),
            func.count().filter(of_day).label("walks"),
            func.percentile_cont(0.5).within_group(seconds).filter(of_day).label("p50"),
            func.percentile_cont(0.95).within_group(seconds).filter(of_day).label("p95"),
        )
        .where(Canary.community_id == community_id)
        .group_by(Canary.gateway_id)
        .subquery()
    )
    query = (
        select(Gateway, Canary, figures.c.walks, figures.c.p50, figures.c.p95)
        .join(figures, figures.c.gateway_id == Gateway.id)
        .join(
            Canary,
            and_(Canary.gateway_id == Gateway.id, Canary.said_at == figures.c.said_at),
        )
    )
    return {
        gateway.slug: CanaryView(
            said_at=last.said_at,
            stored_s=_after(last, last.stored_at),
            told_s=_after(last, last.told_at),
            shown_s=_after(last, last.shown_at),
            walks=count,
            p50_s=_rounded(p50),
            p95_s=_rounded(p95),
            missed=gateway.online and at - last.stored_at > MISSED_AFTER,
        )
        for gateway, last, count, p50, p95 in session.execute(query)
    }


def _after(walk: Canary, at: datetime | None) -> float | None:
    return None if at is None else _rounded((at - walk.said_at).total_seconds())


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(float(seconds), 3)


def prune(session: Session, before: datetime) -> None:
    """Forget old walks, but never a gateway's last: by it is known that it is missed."""
    newer = aliased(Canary)
    is_newer = and_(newer.gateway_id == Canary.gateway_id, newer.said_at > Canary.said_at)
    session.execute(
        delete(Canary).where(Canary.stored_at < before, select(newer).where(is_newer).exists())
    )
