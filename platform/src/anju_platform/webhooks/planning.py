"""What webhooks are told: one message for each step of an alert's life that they are for.

The step was put into the outbox by whoever changed the alert, in that transaction; here messages
are made of it and it is taken away, in one transaction: neither is there without the other.
"""

import json
from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts.listing import alerts_by_id
from anju_platform.alerts.schemas import AlertView
from anju_platform.database import Json, now, transaction
from anju_platform.webhooks import repository
from anju_platform.webhooks.model import MessageState
from anju_platform.webhooks.repository import Happened
from anju_platform.webhooks.schemas import AlertNews, AlertSaid, WebhookPost

GOOD_FOR = timedelta(days=1)
"""After so long without being taken a message is given up, and can be sent by hand."""


def plan_messages(engine: Engine, public_url: str) -> int:
    """Plan messages of what has happened; gives of how many steps."""
    with transaction(engine) as session:
        taken = repository.take_steps(session)
        repository.add_messages(session, _messages(session, taken, public_url, now()))
    return len(taken)


def _messages(session: Session, taken: list[Happened], public_url: str, at: datetime) -> list[Json]:
    steps: dict[int, list[Happened]] = defaultdict(list)
    for each in taken:
        steps[each.community_id].append(each)
    found = {alert.id: alert for alert in alerts_by_id(session, {one.alert_id for one in taken})}
    planned = []
    for webhook in repository.live(session, steps):
        of_it = [one for one in steps[webhook.community_id] if one.kind in webhook.steps]
        meant = repository.meant_for(session, webhook, {one.alert_id for one in of_it})
        planned += [
            _message(webhook.id, one, found[one.alert_id], public_url, at)
            for one in of_it
            if one.alert_id in meant
        ]
    return planned


def _message(
    webhook_id: int, one: Happened, alert: AlertView, public_url: str, at: datetime
) -> Json:
    return {
        "webhook_id": webhook_id,
        "message_id": uuid5(one.alert_id, str(one.entry_id)),
        "alert_id": one.alert_id,
        "kind": one.kind,
        "body": written(f"alert.{one.kind}", one.at, news(one.community, alert, public_url)),
        "state": MessageState.QUEUED,
        "attempts": 0,
        "created_at": at,
        "next_attempt_at": at,
        "expires_at": at + GOOD_FOR,
    }


def written(kind: str, at: datetime, data: AlertNews | None) -> str:
    """Write what is posted."""
    said = WebhookPost(type=kind, timestamp=at, data=data).model_dump(mode="json")
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def news(community: str, alert: AlertView, public_url: str) -> AlertNews:
    """Give what is told of an alert: of a home, its place and what kind of alert it is."""
    of_home = {"device", "device_name", "device_name_en", "cause"} if alert.household else set()
    said = alert.model_dump(include=set(AlertSaid.model_fields) - of_home)
    return AlertNews(
        community=community,
        alert=AlertSaid(
            **dict.fromkeys(of_home),
            **said,
            in_home=alert.household,
            url=address(public_url, alert.id),
        ),
    )


def address(public_url: str, alert_id: UUID) -> str:
    """Give the page of an alert."""
    return f"{public_url.rstrip('/')}/alerts/{alert_id}"
