"""SQL of webhooks: planning messages, leasing them, settling, and what is kept of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, OutboxEntry, TimelineEntry
from anju_platform.database import Json
from anju_platform.paging import By, Order, Part
from anju_platform.registry.listing import below
from anju_platform.registry.model import Community, Place
from anju_platform.webhooks.model import MessageState, Webhook, WebhookMessage

# Written out, not bound: the planner must see that the index of what is due serves.
_IS_OPEN: ColumnElement[bool] = literal_column(
    "webhook_messages.state IN ('queued', 'leased', 'retry')"
)
_IS_LEASED: ColumnElement[bool] = literal_column("webhook_messages.state = 'leased'")
_IS_LIVE = and_(Webhook.enabled, Webhook.paused_at.is_(None), Webhook.removed_at.is_(None))
_AT_ONCE = 200
_NEWEST_FIRST = Order("newest", By(WebhookMessage.id, descending=True))


@dataclass(frozen=True, slots=True)
class Happened:
    """A step of an alert's life that other systems are to hear of."""

    entry_id: int
    community_id: int
    community: str
    alert_id: UUID
    kind: str
    at: datetime


def take_steps(session: Session) -> list[Happened]:
    """Take what is to be told out of the outbox, the oldest first."""
    chosen = (
        select(OutboxEntry.entry_id)
        .order_by(OutboxEntry.entry_id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    taken = session.scalars(
        delete(OutboxEntry)
        .where(OutboxEntry.entry_id.in_(chosen))
        .returning(OutboxEntry.entry_id)
        .execution_options(synchronize_session=False)
    ).all()
    if not taken:
        return []
    query = (
        select(
            TimelineEntry.id,
            TimelineEntry.community_id,
            Community.slug,
            TimelineEntry.alert_id,
            TimelineEntry.kind,
            TimelineEntry.at,
        )
        .join(Community, Community.id == TimelineEntry.community_id)
        .where(TimelineEntry.id.in_(taken))
        .order_by(TimelineEntry.id)
    )
    return [Happened(*row) for row in session.execute(query)]


def live(session: Session, community_ids: Collection[int]) -> list[Webhook]:
    """Give the webhooks of communities that are told of alerts."""
    query = select(Webhook).where(Webhook.community_id.in_(community_ids), _IS_LIVE)
    return list(session.scalars(query))


def meant_for(session: Session, webhook: Webhook, alerts: Collection[UUID]) -> set[UUID]:
    """Give those of some alerts that a webhook is for.

    Whoever heard of an alert hears how it goes on, though it is less severe by now.
    """
    heard = exists().where(
        WebhookMessage.alert_id == Alert.id, WebhookMessage.webhook_id == webhook.id
    )
    is_there: ColumnElement[bool] = true()
    if webhook.places:
        tops = select(Place.id).where(
            Place.community_id == webhook.community_id, Place.slug.in_(webhook.places)
        )
        is_there = Alert.place_id.in_(below(tops))
    query = select(Alert.id).where(
        Alert.id.in_(alerts),
        Alert.community_id == webhook.community_id,
        is_there,
        or_(Alert.severity <= webhook.least, heard),
    )
    return set(session.scalars(query))


def add_messages(session: Session, planned: Sequence[Json]) -> None:
    """Insert messages, each once."""
    if planned:
        statement = insert(WebhookMessage).values(list(planned))
        session.execute(statement.on_conflict_do_nothing())


def tidy(session: Session, at: datetime, *, failing_since: datetime) -> None:
    """Let webhooks alone that have taken nothing since then; give up what is too old to wait."""
    session.execute(
        update(Webhook)
        .where(_IS_LIVE, Webhook.failing_since < failing_since)
        .values(paused_at=at)
        .execution_options(synchronize_session=False)
    )
    gone = select(Webhook.id).where(~_IS_LIVE)
    needless = (
        select(WebhookMessage.id)
        .where(
            _IS_OPEN,
            or_(WebhookMessage.expires_at <= at, WebhookMessage.webhook_id.in_(gone)),
            or_(~_IS_LEASED, WebhookMessage.leased_until <= at),
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(WebhookMessage)
        .where(WebhookMessage.id.in_(needless))
        .values(state=MessageState.DEAD, leased_until=None)
        .execution_options(synchronize_session=False)
    )


def _is_due(at: datetime) -> ColumnElement[bool]:
    when = case((_IS_LEASED, WebhookMessage.leased_until), else_=WebhookMessage.next_attempt_at)
    return and_(_IS_OPEN, when <= at)


def due(session: Session, at: datetime) -> list[tuple[int, int]]:
    """Give the webhooks that have something to hear now, and how much."""
    query = (
        select(WebhookMessage.webhook_id, func.count())
        .join(Webhook, Webhook.id == WebhookMessage.webhook_id)
        .where(_is_due(at), _may_be_tried(at))
        .group_by(WebhookMessage.webhook_id)
    )
    return [(webhook, count) for webhook, count in session.execute(query)]


def _may_be_tried(at: datetime) -> ColumnElement[bool]:
    return and_(_IS_LIVE, or_(Webhook.not_before.is_(None), Webhook.not_before <= at))


def lease(
    session: Session, webhook_id: int, at: datetime, duration: timedelta
) -> tuple[Webhook, WebhookMessage] | None:
    """Take the oldest message that is due to a webhook, if it is to be tried now."""
    query = (
        select(WebhookMessage)
        .join(Webhook, Webhook.id == WebhookMessage.webhook_id)
        .where(WebhookMessage.webhook_id == webhook_id, _is_due(at), _may_be_tried(at))
        .order_by(WebhookMessage.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=WebhookMessage)
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        return None
    found.state, found.leased_until = MessageState.LEASED, at + duration
    found.attempts += 1
    session.flush()
    return session.get_one(Webhook, webhook_id), found


def settle(session: Session, one: WebhookMessage, values: Json) -> None:
    """Write how an attempt ended, if the lease is still ours."""
    session.execute(
        update(WebhookMessage)
        .where(
            WebhookMessage.id == one.id,
            WebhookMessage.state == MessageState.LEASED,
            WebhookMessage.attempts == one.attempts,
        )
        .values(leased_until=None, **values)
        .execution_options(synchronize_session=False)
    )


def note_taken(session: Session, webhook_id: int, at: datetime) -> None:
    """Note that a webhook took something."""
    well: Json = {"failures": 0, "failing_since": None, "not_before": None, "error": None}
    _note(session, webhook_id, {"ok_at": at, **well})


def note_failure(
    session: Session, webhook_id: int, at: datetime, error: str, until: datetime
) -> None:
    """Note that a webhook took nothing; it is left alone until then."""
    values: Json = {
        "error": error,
        "failures": Webhook.failures + 1,
        "failing_since": func.coalesce(Webhook.failing_since, at),
        "not_before": func.greatest(Webhook.not_before, until),
    }
    _note(session, webhook_id, values)


def _note(session: Session, webhook_id: int, values: Json) -> None:
    session.execute(
        update(Webhook)
        .where(Webhook.id == webhook_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


# -- as administrators see them --------------------------------------------------------------


def webhooks(session: Session, community_id: int) -> list[Webhook]:
    """Give a community's webhooks, the oldest first."""
    query = (
        select(Webhook)
        .where(Webhook.community_id == community_id, Webhook.removed_at.is_(None))
        .order_by(Webhook.id)
    )
    return list(session.scalars(query))


def webhook(
    session: Session, community_id: int, slug: str, *, for_update: bool = False
) -> Webhook | None:
    """Find a webhook."""
    query = select(Webhook).where(
        Webhook.community_id == community_id,
        Webhook.slug == slug,
        Webhook.removed_at.is_(None),
    )
    if for_update:
        query = query.with_for_update(key_share=True)
    return session.scalars(query).one_or_none()


def add(session: Session, made: Webhook) -> bool:
    """Insert a webhook; gives False if there is one of that name, made this very moment."""
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        return False
    return True


def places(session: Session, community_id: int, slugs: Collection[str]) -> set[str]:
    """Give those of some slugs that are places of a community."""
    query = select(Place.slug).where(Place.community_id == community_id, Place.slug.in_(slugs))
    return set(session.scalars(query))


def counts(session: Session, webhook_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Give how many messages of each webhook wait, and how many were given up."""
    query = (
        select(
            WebhookMessage.webhook_id,
            func.count().filter(_IS_OPEN),
            func.count().filter(WebhookMessage.state == MessageState.DEAD),
        )
        .where(WebhookMessage.webhook_id.in_(webhook_ids))
        .group_by(WebhookMessage.webhook_id)
    )
    return {row[0]: (row[1], row[2]) for row in session.execute(query)}


def messages(
    session: Session, webhook_id: int, *, state: str | None, after: str | None, limit: int
) -> Part:
    """Give messages of a webhook that follow a page's ``next``, the newest first."""
    query: Select[Any] = select(WebhookMessage).where(WebhookMessage.webhook_id == webhook_id)
    if state is not None:
        query = query.where(WebhookMessage.state == state)
    return _NEWEST_FIRST.part(session, query, after=after, limit=limit)


def requeue(
    session: Session,
    webhook_id: int,
    at: datetime,
    until: datetime,
    *,
    message: int | None = None,
) -> int:
    """Send a message again, or all that were given up; gives how many."""
    chosen = WebhookMessage.webhook_id == webhook_id
    if message is None:
        which = and_(chosen, WebhookMessage.state == MessageState.DEAD)
    else:
        which = and_(chosen, WebhookMessage.id == message, ~_IS_LEASED)
    sent = session.execute(
        update(WebhookMessage)
        .where(which)
        .values(
            state=MessageState.QUEUED,
            next_attempt_at=at,
            expires_at=until,
            attempts=0,
            leased_until=None,
            accepted_at=None,
            error=None,
        )
        .returning(WebhookMessage.id)
        .execution_options(synchronize_session=False)
    )
    return len(sent.all())


def paused_s(session: Session, at: datetime) -> dict[int, float]:
    """Give, by community, for how long a webhook has been left alone that took nothing."""
    query = (
        select(Webhook.community_id, func.min(Webhook.paused_at))
        .where(Webhook.paused_at.is_not(None), Webhook.enabled, Webhook.removed_at.is_(None))
        .group_by(Webhook.community_id)
    )
    return {
        community_id: (at - since).total_seconds()
        for community_id, since in session.execute(query)
        if since is not None
    }


def prune(session: Session, before: datetime) -> None:
    """Forget messages made before that time."""
    session.execute(
        delete(WebhookMessage)
        .where(WebhookMessage.created_at < before)
        .execution_options(synchronize_session=False)
    )
