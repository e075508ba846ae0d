"""SQL of alerts: reading them, their timeline, and telling screens what to redraw."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, FeedEntry, TimelineEntry
from anju_platform.database import Json, now

FEED_CHANNEL = "anju_feed"
"""NOTIFY channel of the feed; the payload is ``<community_id>:<seq>``."""


_ANNOUNCE = text(
    """
    WITH bumped AS (
        UPDATE communities SET feed_seq = feed_seq + :count WHERE id = :community
        RETURNING feed_seq
    ), entries AS (
        INSERT INTO feed (community_id, seq, kind, ref, at)
        SELECT :community, bumped.feed_seq - :count + new.i, new.kind, new.ref, :at
        FROM bumped,
             unnest(CAST(:kinds AS text[]), CAST(:refs AS text[]))
             WITH ORDINALITY AS new (kind, ref, i)
    )
    SELECT feed_seq, pg_notify(:channel, CAST(:community AS text) || ':' || feed_seq) FROM bumped
    """
)


def announce(session: Session, community_id: int, kind: str, ref: str) -> int:
    """Tell every screen of the community to redraw one thing, once this transaction commits.

    ``kind`` is ``alert``, ``gateway`` or ``device``, ``ref`` the alert's id or the slug.
    Gives the entry's number. The community's row stays locked until the commit, so numbers
    become visible in order and without gaps.
    """
    return announce_all(session, community_id, [(kind, ref)])


def announce_all(session: Session, community_id: int, changes: Sequence[tuple[str, str]]) -> int:
    """Announce several (kind, ref) at once; gives the number of the last entry.

    Whoever changes several alerts in a transaction announces after the last of them: alerts
    are locked before the community, by everybody, so that nobody waits in a circle.
    """
    row = session.execute(
        _ANNOUNCE,
        {
            "community": community_id,
            "count": len(changes),
            "kinds": [kind for kind, _ in changes],
            "refs": [ref for _, ref in changes],
            "at": now(),
            "channel": FEED_CHANNEL,
        },
    ).one()
    return int(row.feed_seq)


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
    session.execute(
        insert(TimelineEntry).values(
            alert_id=alert.id,
            community_id=alert.community_id,
            at=at,
            kind=kind,
            user_id=user_id,
            screen=screen,
            data=data or {},
        )
    )


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
    query = (
        select(Alert)
        .where(Alert.community_id == community_id, Alert.dedupe_key == key)
        .order_by(Alert.closed_at.desc().nulls_first())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).one_or_none()


def add_told(session: Session, told: Sequence[Json]) -> None:
    """Note in timelines who was told: rows of ``alert_id, community_id, at, data``."""
    if told:
        session.execute(insert(TimelineEntry), [{"kind": "told", **row} for row in told])


def prune_feed(session: Session, before: datetime) -> int:
    """Forget what screens had to redraw before that time; gives how many entries."""
    pruned = session.execute(delete(FeedEntry).where(FeedEntry.at < before).returning(FeedEntry.id))
    return len(pruned.all())
