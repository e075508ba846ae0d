"""HTTP of alerts as CAP messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts.acting import found, present
from anju_platform.alerts.listing import closed_since, open_alerts
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, PublicUrl, require
from anju_platform.auth.rights import Right
from anju_platform.cap import listing
from anju_platform.cap.writing import Sender, feed, message
from anju_platform.database import now, reading
from anju_platform.registry.listing import community

router = APIRouter(prefix="/alerts", tags=["alerts"])

_STILL_SHOWN = timedelta(hours=1)
"""What was closed so lately is still in the feed: who reads it learns that it is over."""


class CapMessage(Response):
    """A CAP message."""

    media_type = "application/cap+xml"


class AtomFeed(Response):
    """An Atom feed."""

    media_type = "application/atom+xml"


@contextmanager
def _at_one_moment(database: Engine) -> Iterator[Session]:
    """Read alerts and their steps as of one moment: what a message says belongs to its step."""
    with reading(database) as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


@router.get("/cap.atom", response_class=AtomFeed)
def cap_feed(
    database: Database, actor: Annotated[Actor, require(Right.SEE_ALERTS)], url: PublicUrl
) -> AtomFeed:
    """Give the open alerts, and those closed in the last hour, as an Atom feed of CAP messages."""
    at = now()
    with _at_one_moment(database) as session:
        shown = open_alerts(session, actor)
        shown += closed_since(session, actor, at - _STILL_SHOWN)
        latest = listing.latest(session, [alert.id for alert in shown])
        sender = Sender(community(session, actor.community_id), url)
    return AtomFeed(feed(sender, shown, latest, at))


@router.get("/{alert_id}/cap", response_class=CapMessage)
def cap_message(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_ALERTS)],
    url: PublicUrl,
    alert_id: UUID,
) -> CapMessage:
    """Give an alert as it is now as a CAP 1.2 message, which refers to those before."""
    with _at_one_moment(database) as session:
        alert = present(session, found(session, actor, alert_id))
        issues = listing.issues(session, alert_id)
        sender = Sender(community(session, actor.community_id), url)
    return CapMessage(message(sender, alert, issues))
