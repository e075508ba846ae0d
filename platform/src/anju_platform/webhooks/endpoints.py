"""HTTP of webhooks, and the description of what they are told."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import transaction
from anju_platform.notifications.endpoints import Carrying
from anju_platform.notifications.schemas import Slug, Tried
from anju_platform.paging import Number
from anju_platform.webhooks import service
from anju_platform.webhooks.model import MessageState
from anju_platform.webhooks.schemas import (
    MessagePage,
    Requeued,
    WebhookBody,
    WebhookMade,
    WebhookPost,
    WebhookSecret,
    WebhookView,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
told = APIRouter(tags=["webhooks"])
"""What is posted to other systems: described, not served."""

_NOT_TAKEN: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "It was not taken, and comes again.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "try again later"}},
    }
}

Keeper = Annotated[Actor, require(Right.KEEP_CHANNELS)]


@told.post("alert", status_code=204, responses=_NOT_TAKEN, operation_id="webhooks_alert")
def alert(body: WebhookPost) -> None:
    """Tell another system of a step of an alert's life.

    The headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` are those of
    Standard Webhooks. Any answer below 300 within 7 s takes it; else it comes again.
    """


@router.get("")
def list_webhooks(database: Database, actor: Keeper) -> list[WebhookView]:
    """Give the community's webhooks, the oldest first."""
    with transaction(database) as session:
        return service.webhooks(session, actor)


@router.post("/{slug}", status_code=201)
def add_webhook(
    database: Database, actor: Keeper, carrying: Carrying, slug: Slug, body: WebhookBody
) -> WebhookMade:
    """Make a webhook; its secret is given this once."""
    with transaction(database) as session:
        return service.add(session, actor, carrying.hosts, slug, body)


@router.put("/{slug}")
def change_webhook(
    database: Database, actor: Keeper, carrying: Carrying, slug: Slug, body: WebhookBody
) -> WebhookView:
    """Change a webhook."""
    with transaction(database) as session:
        return service.change(session, actor, carrying.hosts, slug, body)


@router.delete("/{slug}", status_code=204)
def remove_webhook(database: Database, actor: Keeper, slug: Slug) -> None:
    """Remove a webhook, with its secrets."""
    with transaction(database) as session:
        service.remove(session, actor, slug)


@router.post("/{slug}/test")
def try_webhook(database: Database, actor: Keeper, carrying: Carrying, slug: Slug) -> Tried:
    """Post a test at once, and say what became of it."""
    return service.try_webhook(database, carrying.hosts, actor, slug)


@router.post("/{slug}/secret")
def renew_secret(database: Database, actor: Keeper, slug: Slug) -> WebhookSecret:
    """Give a webhook a new secret; the one before signs too for a day."""
    with transaction(database) as session:
        return service.renew_secret(session, actor, slug)


@router.post("/{slug}/resume")
def resume(database: Database, actor: Keeper, slug: Slug) -> WebhookView:
    """Tell a webhook again that was let alone, since it had taken nothing for days."""
    with transaction(database) as session:
        return service.resume(session, actor, slug)


class MessageQuery(BaseModel):
    """Which messages: in what state, and after which ``next`` of the page before."""

    state: MessageState | None = None
    after: Number | None = None
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/{slug}/messages")
def list_messages(
    database: Database, actor: Keeper, slug: Slug, query: Annotated[MessageQuery, Query()]
) -> MessagePage:
    """Give what a webhook was told, newest first."""
    with transaction(database) as session:
        return service.messages(
            session, actor, slug, state=query.state, after=query.after, limit=query.limit
        )


@router.post("/{slug}/messages/redeliver")
def redeliver_all(database: Database, actor: Keeper, slug: Slug) -> Requeued:
    """Send all messages again that were given up."""
    with transaction(database) as session:
        return Requeued(requeued=service.send_again(session, actor, slug))


@router.post("/{slug}/messages/{message}/redeliver")
def redeliver(database: Database, actor: Keeper, slug: Slug, message: int) -> Requeued:
    """Send a message again, under its id."""
    with transaction(database) as session:
        return Requeued(requeued=service.send_again(session, actor, slug, message))
