"""SQL of baselines: what they are learned from, and the learned."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session, aliased

from anju_platform.baselines.model import Baseline, BaselineRun
from anju_platform.database import Json
from anju_platform.telemetry.model import Flag

LEARNED_CHANNEL = "anju_baselines"
"""NOTIFY channel; its payload is the id of the community whose baselines are new."""
VERSIONS_KEPT = 14
"""Older versions of a baseline are deleted: two weeks to see how it came about."""

Key = tuple[str, str, str]
"""(kind, entity, quantity)."""

_UNTIMED = int(Flag.FUTURE | Flag.BEHIND | Flag.RETAINED)
"""Readings whose time of day cannot be trusted, or that repeat what was."""

_SIGNS = text(
    "SELECT device_id, observed_at, field_id, value, NULL AS event FROM telemetry"
    " WHERE device_id = ANY(:devices) AND field_id = ANY(:fields)"
    "  AND observed_at >= :since AND observed_at < :until AND flags & :untimed = 0"
    "  AND (value <> 0 OR field_id = ANY(:lasting))"
    " UNION ALL"
    " SELECT device_id, observed_at, NULL, NULL, event FROM device_events"
    " WHERE community_id = :community AND device_id = ANY(:devices)"
    "  AND observed_at >= :since AND observed_at < :until AND flags & :untimed = 0"
    " ORDER BY observed_at, device_id, event NULLS FIRST, field_id"
)

_HOURLY = text(
    "SELECT date_bin('1 hour', observed_at, 'epoch') AS hour, avg(value) FROM telemetry"
    " WHERE device_id = :device AND field_id = :field"
    "  AND observed_at >= :since AND observed_at < :until AND flags & :untimed = 0"
    " GROUP BY hour ORDER BY hour"
)


class Sign(msgspec.Struct, frozen=True):
    """What a device of a home said: the value of a field, or an event."""

    device_id: int
    at: datetime
    field_id: int | None
    value: float | None
    event: str | None


class Source(msgspec.Struct, frozen=True):
    """Which devices and fields may tell of life in a home.

    Of ``lasting`` fields (a bed, a meter) every value counts; of the others only what is true.
    """

    community_id: int
    devices: Sequence[int]
    fields: Sequence[int]
    lasting: Sequence[int]


def signs(session: Session, source: Source, since: datetime, until: datetime) -> Iterator[Sign]:
    """Give what the devices of a home said, in the order of time."""
    given = {
        "community": source.community_id,
        "devices": list(source.devices),
        "fields": list(source.fields),
        "lasting": list(source.lasting),
        "since": since,
        "until": until,
        "untimed": _UNTIMED,
    }
    for device_id, at, field_id, value, event in session.execute(_SIGNS, given):
        yield Sign(device_id, at, field_id, value, event)


def hourly_means(
    session: Session, device_id: int, field_id: int, since: datetime, until: datetime
) -> list[tuple[datetime, float]]:
    """Give the mean of each hour in which a field had values."""
    given = {"device": device_id, "field": field_id, "since": since, "until": until}
    rows = session.execute(_HOURLY, {**given, "untimed": _UNTIMED})
    return [(hour, value) for hour, value in rows]


def learned_until(session: Session, community_id: int) -> datetime | None:
    """Give up to when everything of a community was learned last."""
    query = select(BaselineRun.until).where(BaselineRun.community_id == community_id)
    return session.scalars(query).one_or_none()


def learned_keys(session: Session, community_id: int, until: datetime) -> set[Key]:
    """Give what was learned up to that time already."""
    query = select(Baseline.kind, Baseline.entity, Baseline.quantity).where(
        Baseline.community_id == community_id, Baseline.until == until
    )
    return {(kind, entity, quantity) for kind, entity, quantity in session.execute(query)}


def add(
    session: Session,
    community_id: int,
    key: Key,
    *,
    learned_at: datetime,
    until: datetime,
    profile: Json,
) -> None:
    """Add a version of a baseline, unless another did so for the same time."""
    kind, entity, quantity = key
    newest = (
        select(func.coalesce(func.max(Baseline.version), 0) + 1)
        .where(
            Baseline.community_id == community_id,
            Baseline.kind == kind,
            Baseline.entity == entity,
            Baseline.quantity == quantity,
        )
        .scalar_subquery()
    )
    statement = insert(Baseline).values(
        community_id=community_id,
        kind=kind,
        entity=entity,
        quantity=quantity,
        version=newest,
        learned_at=learned_at,
        until=until,
        profile=profile,
    )
    session.execute(statement.on_conflict_do_nothing())


def finish(session: Session, community_id: int, until: datetime) -> None:
    """Note that everything of a community is learned, and tell who reads it."""
    row = insert(BaselineRun).values(community_id=community_id, until=until)
    session.execute(
        row.on_conflict_do_update(
            index_elements=["community_id"],
            set_={"until": row.excluded.until},
        )
    )
    session.execute(select(func.pg_notify(LEARNED_CHANNEL, str(community_id))))


def forget(
    session: Session, community_id: int, devices: Collection[str], homes: Collection[str]
) -> None:
    """Delete what was learned of these devices and homes (slugs): nobody agrees to it any more."""
    of_them = (("device", devices), ("household", homes))
    for kind, slugs in of_them:
        if slugs:
            session.execute(
                delete(Baseline).where(
                    Baseline.community_id == community_id,
                    Baseline.kind == kind,
                    Baseline.entity.in_(slugs),
                )
            )


def prune(session: Session, community_id: int, forgotten_before: datetime) -> None:
    """Delete old versions, and what was not learned again for so long: it is gone."""
    newer = aliased(Baseline)
    newest = (
        select(func.max(newer.version))
        .where(
            newer.community_id == Baseline.community_id,
            newer.kind == Baseline.kind,
            newer.entity == Baseline.entity,
            newer.quantity == Baseline.quantity,
        )
        .scalar_subquery()
    )
    session.execute(
        delete(Baseline)
        .where(
            Baseline.community_id == community_id,
            (Baseline.version <= newest - VERSIONS_KEPT) | (Baseline.until < forgotten_before),
        )
        .execution_options(synchronize_session=False)
    )


def current(
    session: Session, communities: Iterable[int] | None = None
) -> Iterator[tuple[int, Key, Json]]:
    """Give (community id, key, profile) of the newest versions; of all communities, or some."""
    query = (
        select(
            Baseline.community_id,
            Baseline.kind,
            Baseline.entity,
            Baseline.quantity,
            Baseline.profile,
        )
        .ext(distinct_on(Baseline.community_id, Baseline.kind, Baseline.entity, Baseline.quantity))
        .order_by(
            Baseline.community_id,
            Baseline.kind,
            Baseline.entity,
            Baseline.quantity,
            Baseline.version.desc(),
        )
    )
    if communities is not None:
        query = query.where(Baseline.community_id.in_(sorted(communities)))
    for community_id, kind, entity, quantity, profile in session.execute(query):
        yield community_id, (kind, entity, quantity), profile
