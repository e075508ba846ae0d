"""SQL of the canaries."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import (
    Engine,
    and_,
    delete,
    extract,
    func,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.selectable import LateralFromClause

from anju_platform.canary.model import Canary
from anju_platform.canary.schemas import CanaryView
from anju_platform.database import as_json, driver, transaction
from anju_platform.notifications.repository import OUTBOX_CHANNEL
from anju_platform.registry.model import Gateway

MISSED_AFTER = timedelta(minutes=15)
"""Three walks of which none arrived (an agent sends one off every five minutes)."""
SHOWN = """
    UPDATE canaries SET shown_at = clock_timestamp()
    WHERE (gateway_id, said_at) IN (
        SELECT gateway_id, said_at FROM canaries JOIN gateways ON gateways.id = gateway_id
        WHERE gateways.community_id = %s AND slug = ANY(%s)
            AND shown_at IS NULL AND stored_at > clock_timestamp() - interval '1 minute'
        FOR UPDATE OF canaries SKIP LOCKED
    )
"""
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
    """Take up, as the worker takes up messages, what nobody has.

    Whoever else is at a canary just now is not waited for: there is the next turn.
    """
    untold = (
        select(Canary.gateway_id, Canary.said_at)
        .where(Canary.told_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    key = tuple_(Canary.gateway_id, Canary.said_at)
    with transaction(engine) as session:
        session.execute(
            update(Canary)
            .where(key.in_(untold))
            .values(told_at=func.clock_timestamp())
            .execution_options(synchronize_session=False)
        )


def _last() -> LateralFromClause:
    """Build the last walk of each gateway."""
    newest = select(Canary).where(Canary.gateway_id == Gateway.id)
    return newest.order_by(Canary.stored_at.desc()).limit(1).lateral("last")


def missed_s(session: Session, at: datetime) -> dict[int, float]:
    """Give, by community, for how long a canary has been missed, of a gateway that is there.

    Of several gateways the one since the latest counts: it is news. Only of gateways whose agents
    ever sent one; who came back is missed at first, and has sent one before anybody says so.
    """
    last = _last()
    query = (
        select(Gateway.community_id, func.max(last.c.stored_at))
        .select_from(Gateway)
        .join(last, true())
        .where(Gateway.online, last.c.stored_at < at - MISSED_AFTER)
        .group_by(Gateway.community_id)
    )
    return {one: (at - stood).total_seconds() for one, stood in session.execute(query)}


def walks(session: Session, community_id: int, at: datetime) -> dict[str, CanaryView]:
    """Give each gateway's last walk, by its slug, and how long those of the last day took."""
    last, seconds = _last(), extract("epoch", Canary.told_at - Canary.said_at)
    of_day = (
        select(
            func.count().label("walks"),
            func.percentile_cont(0.5).within_group(seconds).label("p50"),
            func.percentile_cont(0.95).within_group(seconds).label("p95"),
        )
        .where(Canary.gateway_id == Gateway.id, Canary.stored_at >= at - _WALKS_OF)
        .lateral("of_day")
    )
    walk = aliased(Canary, last)
    query = (
        select(Gateway, walk, of_day.c.walks, of_day.c.p50, of_day.c.p95)
        .select_from(Gateway)
        .join(last, true())
        .join(of_day, true())
        .where(Gateway.community_id == community_id)
    )
    return {
        gateway.slug: CanaryView(
            said_at=last.said_at,
            stored_s=_after(last, last.stored_at),
            told_s=_after(last, last.told_at),
            shown_s=_after(last, last.shown_at),
            walks=count,
            p50_s=_seconds(p50),
            p95_s=_seconds(p95),
            missed=gateway.online and at - last.stored_at > MISSED_AFTER,
        )
        for gateway, last, count, p50, p95 in session.execute(query)
    }


def _after(walk: Canary, at: datetime | None) -> float | None:
    return None if at is None else _seconds((at - walk.said_at).total_seconds())


def _seconds(span: float | None) -> float | None:
    """Round; a clock that is a little ahead has sent nothing from the future."""
    return None if span is None else max(0.0, round(float(span), 3))


def prune(session: Session, before: datetime) -> None:
    """Forget old walks, but never a gateway's last: by it is known that it is missed."""
    newer = aliased(Canary)
    is_newer = and_(newer.gateway_id == Canary.gateway_id, newer.stored_at > Canary.stored_at)
    session.execute(
        delete(Canary).where(Canary.stored_at < before, select(newer).where(is_newer).exists())
    )
