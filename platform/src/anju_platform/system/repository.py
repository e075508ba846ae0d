"""SQL of the system page and the metrics."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, delete, exists, extract, func, or_, select, text
from sqlalchemy.orm import Session, defer

from anju_devices.catalog import MODELS
from anju_platform.alerts.model import Alert, Handling
from anju_platform.auth.actor import Actor
from anju_platform.database import driver
from anju_platform.lanes.model import LaneState, Quarantined
from anju_platform.notifications.model import Delivery, DeliveryState, Notification
from anju_platform.notifications.outside.repository import IS_OPEN
from anju_platform.paging import By, Order
from anju_platform.registry.model import BlindPeriod, Device, Gateway
from anju_platform.registry.privacy import HEALTH_FIELDS, sensor_of
from anju_platform.sharing.repository import readable
from anju_platform.system.model import ProcessRow
from anju_platform.system.schemas import (
    LagView,
    LaneView,
    OutboxView,
    QuarantineCount,
    QuarantinePage,
    QuarantineView,
)
from anju_platform.telemetry.model import DeviceEvent
from anju_platform.vitals import Figures

_SHOWN_BYTES = 400
_OF_BODIES = sorted(
    name for name, model in MODELS.items() if HEALTH_FIELDS & {field.name for field in model.fields}
)
"""Models that measure health values."""
_NEWEST_FIRST = Order("newest", By(Quarantined.id, descending=True))

_BEAT = """
    INSERT INTO processes (name, kind, host, pid, started_at, at, figures)
    VALUES (%(name)s, %(kind)s, %(host)s, %(pid)s, %(started_at)s, now(), %(figures)s)
    ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, host = excluded.host,
        pid = excluded.pid, started_at = excluded.started_at, at = excluded.at,
        figures = excluded.figures
"""


def lanes(session: Session, community_id: int) -> dict[str, tuple[LaneView, ...]]:
    """Give, by gateway, the lanes of the epoch that moved last."""
    query = (
        select(Gateway.slug, LaneState)
        .join(LaneState, LaneState.gateway_id == Gateway.id)
        .where(Gateway.community_id == community_id)
        .order_by(Gateway.slug, LaneState.updated_at.desc())
    )
    epochs: dict[str, str] = {}
    found: dict[str, tuple[LaneView, ...]] = {}
    for slug, lane in session.execute(query):
        if epochs.setdefault(slug, lane.epoch) != lane.epoch:
            continue
        view = LaneView(lane=lane.lane, committed=lane.committed, updated_at=lane.updated_at)
        found[slug] = (*found.get(slug, ()), view)
    return found


def blind_since(session: Session, community_id: int) -> dict[str, datetime]:
    """Give, by gateway, since when it cannot be heard."""
    query = (
        select(Gateway.slug, func.min(BlindPeriod.started_at))
        .join(BlindPeriod, BlindPeriod.gateway_id == Gateway.id)
        .where(Gateway.community_id == community_id, BlindPeriod.ended_at.is_(None))
        .group_by(Gateway.slug)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def lag(session: Session, community_id: int, at: datetime) -> LagView:
    """Give how long events of the last ten minutes took to reach us."""
    seconds = extract("epoch", DeviceEvent.received_at - DeviceEvent.observed_at)
    query = select(
        func.count(),
        func.percentile_cont(0.5).within_group(seconds),
        func.percentile_cont(0.95).within_group(seconds),
        func.max(seconds),
    ).where(
        DeviceEvent.community_id == community_id,
        DeviceEvent.observed_at >= at - timedelta(minutes=10),
    )
    count, p50, p95, worst = session.execute(query).one()
    return LagView(events=count, p50_s=_float(p50), p95_s=_float(p95), worst_s=_float(worst))


def _float(value: Any) -> float | None:
    return None if value is None else round(float(value), 3)


def events_since(session: Session, community_id: int, since: datetime) -> int:
    """Count events since then."""
    query = select(func.count()).where(
        DeviceEvent.community_id == community_id, DeviceEvent.observed_at >= since
    )
    return session.scalar(query) or 0


def outbox(session: Session, community_id: int | None, at: datetime) -> OutboxView:
    """Give how many messages wait and since when, of one community or of all."""
    inside = select(func.count(), func.min(Notification.created_at)).where(
        Notification.routed_at.is_(None)
    )
    outside = select(func.count(), func.min(Delivery.next_attempt_at)).where(
        IS_OPEN, Delivery.next_attempt_at <= at
    )
    in_vain = select(func.count()).where(
        Delivery.created_at > at - timedelta(days=1), Delivery.state == DeliveryState.DEAD
    )
    if community_id is not None:
        inside = inside.where(Notification.community_id == community_id)
        outside = outside.where(Delivery.community_id == community_id)
        in_vain = in_vain.where(Delivery.community_id == community_id)
    unrouted, first = session.execute(inside).one()
    unsent, second = session.execute(outside).one()
    since = min((at for at in (first, second) if at is not None), default=None)
    age = (at - since).total_seconds() if since is not None else None
    dead = session.scalar(in_vain) or 0
    return OutboxView(waiting=unrouted + unsent, oldest_s=age, dead=dead)


def quarantine_counts(
    session: Session, community_id: int, at: datetime, *, unclaimed: bool
) -> tuple[QuarantineCount, ...]:
    """Count quarantine by reason, the most recent first; ``unclaimed`` as in the page."""
    newest = func.max(Quarantined.received_at)
    query = (
        select(
            Quarantined.reason,
            func.count().filter(Quarantined.released_at.is_(None)),
            func.count().filter(Quarantined.received_at >= at - timedelta(days=1)),
            newest,
        )
        .where(_visible(community_id, unclaimed=unclaimed))
        .group_by(Quarantined.reason)
        .order_by(newest.desc())
    )
    return tuple(
        QuarantineCount(reason=reason, waiting=waiting, last_day=day, newest_at=at)
        for reason, waiting, day, at in session.execute(query)
    )


def _visible(community_id: int, *, unclaimed: bool) -> ColumnElement[bool]:
    own = Quarantined.community_id == community_id
    return or_(own, Quarantined.community_id.is_(None)) if unclaimed else own


def quarantine_page(
    session: Session,
    actor: Actor,
    *,
    waiting: bool,
    reason: str | None,
    page: int = 1,
    size: int,
    after: str | None = None,
    unclaimed: bool = False,
) -> QuarantinePage:
    """Give one page of quarantine, newest first; ``waiting`` leaves out what was replayed.

    ``after`` a page's ``next`` comes what is older, whatever has come since; then ``page`` is 1.
    What sensors in homes said is left out where it is not shared with the actor.
    ``unclaimed`` adds what named no known community. It may be of any of them, so only who
    answers for all may see it.
    """
    total = quarantine_count(session, actor, waiting=waiting, reason=reason, unclaimed=unclaimed)
    query = (
        select(Quarantined, Gateway.slug, _is_hidden(actor))
        .outerjoin(Gateway, Gateway.id == Quarantined.gateway_id)
        .where(*_wanted(actor, waiting=waiting, reason=reason, unclaimed=unclaimed))
        .offset((page - 1) * size if after is None else 0)
    )
    found = _NEWEST_FIRST.part(session, query, after=after, limit=size)
    rows = tuple(
        _quarantined(kept, slug, "" if is_hidden else _beginning(kept.payload))
        for kept, slug, is_hidden in found.rows
    )
    return QuarantinePage(
        rows=rows, next=found.next, total=total, page=page if after is None else 1, size=size
    )


def _beginning(payload: bytes) -> str:
    return payload[:_SHOWN_BYTES].decode("utf-8", errors="replace")


def quarantine_count(
    session: Session, actor: Actor, *, waiting: bool, reason: str | None, unclaimed: bool
) -> int:
    """Count what of quarantine is asked for."""
    conditions = _wanted(actor, waiting=waiting, reason=reason, unclaimed=unclaimed)
    query = select(func.count()).select_from(Quarantined).where(*conditions)
    return session.scalar(query) or 0


def quarantine_rows(
    session: Session,
    actor: Actor,
    *,
    waiting: bool,
    reason: str | None,
    after: str | None,
    size: int,
    unclaimed: bool,
) -> tuple[list[QuarantineView], str | None]:
    """Give some of quarantine without what was said, for an export, and where to read on."""
    query = (
        select(Quarantined, Gateway.slug)
        .options(defer(Quarantined.payload, raiseload=True))
        .outerjoin(Gateway, Gateway.id == Quarantined.gateway_id)
        .where(*_wanted(actor, waiting=waiting, reason=reason, unclaimed=unclaimed))
    )
    found = _NEWEST_FIRST.part(session, query, after=after, limit=size)
    return [_quarantined(kept, slug) for kept, slug in found.rows], found.next


def _wanted(
    actor: Actor, *, waiting: bool, reason: str | None, unclaimed: bool
) -> list[ColumnElement[bool]]:
    conditions = [_visible(actor.community_id, unclaimed=unclaimed)]
    if waiting:
        conditions.append(Quarantined.released_at.is_(None))
    if reason is not None:
        conditions.append(Quarantined.reason == reason)
    return conditions


def _is_hidden(actor: Actor) -> ColumnElement[bool]:
    """Say that a message may hold what a home behind its gateway does not share."""
    sensor = sensor_of()
    shared = and_(
        readable(actor, sensor),
        or_(Device.model.not_in(_OF_BODIES), readable(actor, sensor, health=True)),
    )
    return exists().where(
        Device.gateway_id == Quarantined.gateway_id,
        or_(Quarantined.device.is_(None), Quarantined.device == Device.slug),
        ~shared,
    )


def _quarantined(kept: Quarantined, gateway: str | None, payload: str = "") -> QuarantineView:
    """Show one thing; without its payload the detail quotes nothing of it either."""
    view = QuarantineView(
        id=kept.id,
        gateway=gateway,
        received_at=kept.received_at,
        topic=kept.topic,
        seq=kept.seq,
        reason=kept.reason,
        detail=kept.detail,
        device=kept.device,
        payload=payload,
        released_at=kept.released_at,
    )
    return view if payload else view.without_payload()


def points_stored(session: Session) -> int:
    """Give how many points this server has ever stored, from its own statistics: no scan."""
    query = text(
        "SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_user_tables"
        " WHERE relname LIKE 'telemetry%' OR relname LIKE '\\_hyper\\_%'"
    )
    return int(session.scalar(query) or 0)


def database_bytes(session: Session) -> int:
    """Give the size of the database."""
    return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def open_alerts(session: Session) -> dict[tuple[int, str], int]:
    """Count open alerts of all communities by (severity, handling)."""
    query = (
        select(Alert.severity, Alert.handling, func.count())
        .where(Alert.handling != Handling.CLOSED)
        .group_by(Alert.severity, Alert.handling)
    )
    return {(severity, handling): n for severity, handling, n in session.execute(query)}


def gateways_online(session: Session) -> tuple[int, int]:
    """Count the gateways of all communities that are online, and all of them."""
    query = select(func.count().filter(Gateway.online), func.count()).select_from(Gateway)
    counted = session.execute(query).one()
    return counted[0], counted[1]


def last_stored(session: Session) -> datetime | None:
    """Tell when any lane last moved."""
    return session.scalar(select(func.max(LaneState.updated_at)))


def quarantine_waiting(session: Session) -> int:
    """Count what waits in quarantine, over all communities."""
    query = select(func.count()).where(Quarantined.released_at.is_(None))
    return session.scalar(query) or 0


def heard_through(session: Session, community_id: int, device: str) -> str | None:
    """Give the gateway through which a quarantined device was heard last."""
    query = (
        select(Gateway.slug)
        .join(Quarantined, Quarantined.gateway_id == Gateway.id)
        .where(
            Quarantined.community_id == community_id,
            Quarantined.device == device,
            Quarantined.released_at.is_(None),
        )
        .order_by(Quarantined.id.desc())
        .limit(1)
    )
    return session.scalar(query)


def beat(
    session: Session,
    *,
    name: str,
    kind: str,
    host: str,
    pid: int,
    started_at: datetime,
    figures: Figures,
) -> None:
    """Write a process's sign of life, with its figures."""
    values = {"name": name, "kind": kind, "host": host, "pid": pid, "started_at": started_at}
    driver(session).execute(_BEAT, values | {"figures": msgspec.json.encode(figures).decode()})


def remove_process(session: Session, name: str, host: str, pid: int) -> None:
    """Take a process's row away, unless somebody else has that name by now."""
    session.execute(
        delete(ProcessRow).where(
            ProcessRow.name == name, ProcessRow.host == host, ProcessRow.pid == pid
        )
    )


def prune_processes(session: Session, before: datetime) -> None:
    """Forget processes that have given no sign of life since then."""
    session.execute(delete(ProcessRow).where(ProcessRow.at < before))
