"""SQL of alerts: reading them, their timeline, and telling screens what to redraw."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import (
    ColumnElement,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from anju_platform.alerts.inhibition import Inhibition, Where
from anju_platform.alerts.model import (
    Alert,
    Condition,
    FeedEntry,
    Handling,
    Mode,
    Overlay,
    TimelineEntry,
)
from anju_platform.database import Json, as_json, driver, is_among, now, within
from anju_platform.errors import NotFoundError
from anju_platform.notifications import repository as notifications
from anju_platform.registry.listing import below
from anju_platform.registry.model import Device, Place

LASTING = (Condition.ACTIVE, Condition.RECOVERING)
"""An alert in such a condition explains others: one of which nobody can tell does not."""
# Written out, not bound: the planner must see that the index of open alerts serves.
_IS_OPEN: ColumnElement[bool] = Alert.handling != literal_column("'closed'")

FEED_CHANNEL = "anju_feed"
"""NOTIFY channel of the feed; the payload is ``<community_id>:<seq>``."""


_ANNOUNCE = """
    WITH bumped AS (
        UPDATE communities SET feed_seq = feed_seq + cardinality(%(refs)s::text[])
        WHERE id = %(community)s
        RETURNING id, feed_seq
    ), entries AS (
        INSERT INTO feed (community_id, seq, kind, ref, at)
        SELECT id, feed_seq - cardinality(%(refs)s::text[]) + new.i, new.kind, new.ref, %(at)s
        FROM bumped, unnest(%(kinds)s::text[], %(refs)s::text[])
             WITH ORDINALITY AS new (kind, ref, i)
    )
    SELECT feed_seq, pg_notify(%(channel)s, id::text || ':' || feed_seq) FROM bumped
"""

# Other systems hear of what they asked for, from the same transaction. Which those are is a row
# of webhooks: alerts know nothing more of them.
_ADD_ENTRIES = """
    WITH added AS (
        INSERT INTO alert_timeline (alert_id, community_id, at, kind, user_id, screen, data)
        SELECT alert_id, community_id, at, kind, user_id, screen, data
        FROM json_to_recordset(%s)
             AS new (alert_id uuid, community_id bigint, at timestamptz, kind text,
                     user_id bigint, screen text, data jsonb)
        RETURNING id, community_id, kind
    )
    INSERT INTO alert_outbox (entry_id)
    SELECT id FROM added
    WHERE EXISTS (
        SELECT FROM webhooks
        WHERE webhooks.community_id = added.community_id AND enabled
              AND paused_at IS NULL AND removed_at IS NULL AND jsonb_exists(steps, added.kind)
    )
"""


# An alarm waits for these two, and nearly always there is no alert of its key: the driver's own
# statements take a quarter of the time that the object mapper takes.
_LATEST_OF_KEY = """
    SELECT id FROM alerts WHERE community_id = %s AND dedupe_key = %s
    ORDER BY closed_at DESC NULLS FIRST LIMIT 1
    FOR UPDATE
"""

_COLUMNS = tuple(column.key for column in Alert.__table__.columns)
_NAMES = ", ".join(_COLUMNS)  # each by its name: a later release's table may have more
_ADD = (
    f"INSERT INTO alerts ({_NAMES})"  # noqa: S608 - our own columns
    f" SELECT {_NAMES} FROM json_populate_record(NULL::alerts, %s)"
)


class Entry(msgspec.Struct, frozen=True):
    """A step of an alert's life; ``user_id`` and ``screen`` are there if a person made it."""

    alert_id: UUID
    community_id: int
    at: datetime
    kind: str
    data: Json
    user_id: int | None = None
    screen: str | None = None


def announce(session: Session, community_id: int, kind: str, ref: str) -> int:
    """Tell every screen of the community to redraw one thing, once this transaction commits.

    ``kind`` is ``alert``, ``gateway`` or ``device``, ``ref`` the alert's id or the slug.
    Gives the entry's number. The community's row stays locked until the commit, so numbers
    become visible in order and without gaps.
    """
    session.flush()
    row = _announce(session, community_id, [(kind, ref)]).fetchone()
    if row is None:
        raise NotFoundError("no community {community_id}", community_id=community_id)
    return int(row[0])


def announce_all(session: Session, community_id: int, changes: Sequence[tuple[str, str]]) -> None:
    """Announce several (kind, ref) at once, without waiting for the answer.

    Whoever changes several alerts in a transaction announces after the last of them: alerts
    are locked before the community, by everybody, so that nobody waits in a circle.
    """
    _announce(session, community_id, changes)


def _announce(
    session: Session, community_id: int, changes: Sequence[tuple[str, str]]
) -> psycopg.Cursor[Any]:
    return driver(session).execute(
        _ANNOUNCE,
        {
            "community": community_id,
            "kinds": [kind for kind, _ in changes],
            "refs": [ref for _, ref in changes],
            "at": now(),
            "channel": FEED_CHANNEL,
        },
    )


def add_entries(session: Session, entries: Sequence[Entry]) -> None:
    """Add steps to timelines, without waiting for the answer."""
    if entries:
        driver(session).execute(_ADD_ENTRIES, [as_json(entries)])


def model_of(session: Session, community_id: int, slug: str) -> str:
    """Give the model of a community's device; empty if there is none of that slug."""
    query = select(Device.model).where(Device.community_id == community_id, Device.slug == slug)
    return session.scalar(query) or ""


def add_entry(
    session: Session,
    alert: Alert,
    kind: str,
    at: datetime,
    *,
    user_id: int | None = None,
    screen: str | None = None,
    data: Json | None = None,
) -> None:
    """Add one step to an alert's timeline; ``kind`` as listed at :class:`TimelineEntry`."""
    entry = Entry(alert.id, alert.community_id, at, kind, data or {}, user_id, screen)
    # not past SQLAlchemy: what a person typed may be what PostgreSQL cannot hold
    session.connection().exec_driver_sql(_ADD_ENTRIES, (as_json([entry]),))


def get(
    session: Session, community_id: int, alert_id: UUID, *, for_update: bool = False
) -> Alert | None:
    """Find an alert of a community; ``for_update`` locks its row and reads it anew."""
    query = select(Alert).where(Alert.community_id == community_id, Alert.id == alert_id)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def latest_of_key(session: Session, community_id: int, key: str) -> Alert | None:
    """Find and lock the open alert of a dedupe key, else the one closed last."""
    row = driver(session).execute(_LATEST_OF_KEY, (community_id, key)).fetchone()
    return None if row is None else session.get_one(Alert, row[0], populate_existing=True)


def add(session: Session, alert: Alert) -> None:
    """Insert a new alert; the session does not know it yet."""
    values = {name: getattr(alert, name) for name in _COLUMNS}
    driver(session).execute(_ADD, [as_json(values)])


def judged(
    session: Session,
    rules: Sequence[tuple[int, str]],
    keys: Sequence[tuple[int, str]],
) -> list[Alert]:
    """Find and lock the open alerts of which the machine still says that they go on.

    Of rules, each (community, rule id), and of single (community, dedupe key).
    """
    named = [
        *([is_among((Alert.community_id, Alert.rule_id), rules)] if rules else []),
        *([is_among((Alert.community_id, Alert.dedupe_key), keys)] if keys else []),
    ]
    if not named:
        return []
    query = (
        select(Alert)
        .where(
            Alert.handling != Handling.CLOSED,
            Alert.condition.not_in((Condition.CLEAR, Condition.UNKNOWN)),
            or_(*named),
        )
        .order_by(Alert.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def put_aside(session: Session, community_id: int) -> list[Alert]:
    """Give the open alerts of a community that are shelved, or wished to be."""
    query = select(Alert).where(
        Alert.community_id == community_id,
        Alert.handling != Handling.CLOSED,
        Alert.shelf.is_not(None),
    )
    return list(session.scalars(query))


def communities_with(
    session: Session, rules: Collection[str], only: Collection[int] | None
) -> set[int]:
    """Give the communities in which an alert of one of these rules is open."""
    query = select(Alert.community_id).where(
        _IS_OPEN,
        Alert.rule_id.in_(rules),
        within(Alert.community_id, only),
    )
    return set(session.scalars(query.distinct()))


def inhibitor_of(session: Session, alert: Alert, inhibition: Inhibition) -> Alert | None:
    """Find an active alert that makes this one superfluous."""
    query = select(Alert).where(
        *_beside(alert, inhibition.where),
        Alert.rule_id.in_(inhibition.by),
        Alert.condition.in_(LASTING),
    )
    if not inhibition.though_muted:
        query = query.where(func.jsonb_array_length(Alert.overlays) == 0)
    return session.scalars(query.order_by(Alert.detected_at).limit(1)).first()


def to_inhibit(
    session: Session, alert: Alert, inhibition: Inhibition, *, limit: int
) -> list[Alert]:
    """Find and lock what an alert makes superfluous, but for what others are at just now."""
    query = (
        select(Alert)
        .where(
            *_beside(alert, inhibition.where),
            Alert.rule_id.in_(inhibition.what),
            Alert.severity > 1,
            ~Alert.latched,
            ~Alert.overlays.contains([Overlay.INHIBITED]),
        )
        .order_by(Alert.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def _beside(alert: Alert, where: Where) -> tuple[ColumnElement[bool], ...]:
    """Say which other alerts are open, of the same mode, and lie to this one as ``where`` says."""
    here = (
        Alert.community_id == alert.community_id,
        _IS_OPEN,
        Alert.id != alert.id,
        Alert.mode == alert.mode,
    )
    if where is Where.GATEWAY:
        own = select(Device.gateway_id).where(Device.id == alert.device_id).scalar_subquery()
        behind = select(Device.id).where(Device.gateway_id == own)
        return (*here, Alert.device_id.in_(behind))
    up = select(Place.id, Place.parent_id).where(Place.id == alert.place_id)
    above = up.cte("above", recursive=True)
    above = above.union(
        select(Place.id, Place.parent_id).join(above, Place.id == above.c.parent_id)
    )
    inside = below(select(Place.id).where(Place.id == alert.place_id))
    return (*here, or_(Alert.place_id.in_(select(above.c.id)), Alert.place_id.in_(inside)))


def open_unmuted(
    session: Session,
    community_id: int,
    overlay: Overlay,
    *,
    device_id: int | None,
    place_id: int | None,
) -> list[Alert]:
    """Find and lock the open alerts of a device, or of a place and all below, not muted so."""
    where = (
        Alert.device_id == device_id
        if device_id is not None
        else Alert.place_id.in_(below(select(Place.id).where(Place.id == place_id)))
    )
    return _open(session, community_id, where, ~Alert.overlays.contains([overlay]))


def open_of_mode(session: Session, community_id: int, mode: Mode) -> tuple[list[Alert], bool]:
    """Find and lock the open alerts of a mode; gives whether these are all of them, too."""
    found = _open(session, community_id, Alert.mode == mode)
    every = select(func.count()).where(
        Alert.community_id == community_id, _IS_OPEN, Alert.mode == mode
    )
    return found, session.scalar(every) == len(found)


def _open(session: Session, community_id: int, *conditions: ColumnElement[bool]) -> list[Alert]:
    """Find and lock open alerts, but for those others are at now: they are looked at soon."""
    query = (
        select(Alert)
        .where(Alert.community_id == community_id, _IS_OPEN, *conditions)
        .order_by(Alert.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def look_again(session: Session, community_id: int, overlay: Overlay, at: datetime) -> bool:
    """Let the alerts that are muted so be looked at at once, but for those others are at now.

    Those are looked at soon in any case. Gives whether there were none.
    """
    muted = select(Alert.id).where(
        Alert.community_id == community_id,
        _IS_OPEN,
        Alert.overlays.contains([overlay]),
        Alert.due_at > at,
    )
    free = muted.with_for_update(skip_locked=True)
    query = update(Alert).where(Alert.id.in_(free)).values(due_at=at)
    session.execute(query, execution_options={"synchronize_session": False})
    return session.scalars(muted.limit(1)).first() is None


def prune_closed(session: Session, community_id: int, before: datetime, *, limit: int) -> int:
    """Delete alerts closed before that time, with their timelines and messages, oldest first.

    Gives how many; ``limit`` at most.
    """
    query = (
        select(Alert.id)
        .where(
            Alert.community_id == community_id,
            Alert.handling == Handling.CLOSED,
            Alert.closed_at < before,
        )
        .order_by(Alert.closed_at)
        .limit(limit)
    )
    gone = session.scalars(query).all()
    if gone:
        notifications.forget_alerts(session, gone)
        session.execute(delete(TimelineEntry).where(TimelineEntry.alert_id.in_(gone)))
        session.execute(delete(Alert).where(Alert.id.in_(gone)))
    return len(gone)


def prune_feed(session: Session, before: datetime) -> int:
    """Forget what screens had to redraw before that time; gives how many entries."""
    pruned = session.execute(delete(FeedEntry).where(FeedEntry.at < before).returning(FeedEntry.id))
    return len(pruned.all())
