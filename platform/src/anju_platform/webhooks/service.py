"""A community's webhooks: made, changed, tried and removed by its administrators."""

import logging
import uuid
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import Json, now, transaction
from anju_platform.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    Phrase,
    TooManyAttemptsError,
)
from anju_platform.notifications.channels import leads_to
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.schemas import Tried
from anju_platform.webhooks import repository
from anju_platform.webhooks.model import MessageState, Webhook
from anju_platform.webhooks.planning import GOOD_FOR, written
from anju_platform.webhooks.schemas import (
    MessagePage,
    MessageView,
    Step,
    WebhookBody,
    WebhookMade,
    WebhookSecret,
    WebhookView,
)
from anju_platform.webhooks.sending import tell
from anju_platform.webhooks.signing import new_secret

log = logging.getLogger(__name__)

MOST = 20
FORMER_GOOD_FOR = timedelta(days=1)
"""So long both secrets sign: time for the receiver to take the new one over."""
AGAIN_AFTER = timedelta(seconds=5)


def webhooks(session: Session, actor: Actor) -> list[WebhookView]:
    """Give the community's webhooks."""
    actor.demand(Right.KEEP_CHANNELS)
    found = repository.webhooks(session, actor.community_id)
    counts = repository.counts(session, [each.id for each in found])
    return [_view(each, *counts.get(each.id, (0, 0))) for each in found]


def add(session: Session, actor: Actor, hosts: Hosts, slug: str, body: WebhookBody) -> WebhookMade:
    """Make a webhook; its secret is given this once.

    Raises:
        ConflictError: there is one of that name.
        InvalidRequestError: its URL or a place cannot be used, or there are too many.
    """
    actor.demand(Right.KEEP_CHANNELS)
    if len(repository.webhooks(session, actor.community_id)) >= MOST:
        raise InvalidRequestError("a community has at most {most} webhooks", most=MOST)
    made = Webhook(
        community_id=actor.community_id,
        slug=slug,
        url="",
        secret=new_secret(),
        created_at=now(),
        failures=0,
    )
    _set(session, made, hosts, body)
    if not repository.add(session, made):
        raise ConflictError("there is a webhook {slug!r} already", slug=slug)
    record(session, actor, "webhook.added", f"webhook:{slug}", _said(body))
    return WebhookMade(webhook=_view(made), secret=made.secret)


def change(
    session: Session, actor: Actor, hosts: Hosts, slug: str, body: WebhookBody
) -> WebhookView:
    """Change a webhook; its URL stays unless another is given. One that was paused begins anew.

    Raises:
        NotFoundError: no such webhook.
        InvalidRequestError: its URL or a place cannot be used.
    """
    found = _locked(session, actor, slug)
    _set(session, found, hosts, body)
    session.flush()
    record(session, actor, "webhook.changed", f"webhook:{slug}", _said(body))
    return _with_counts(session, found)


def remove(session: Session, actor: Actor, slug: str) -> None:
    """Remove a webhook with its secrets; what was told stays known.

    Raises:
        NotFoundError: no such webhook.
    """
    found = _locked(session, actor, slug)
    found.removed_at, found.url, found.secret, found.former_secret = now(), "", "", None
    session.flush()
    record(session, actor, "webhook.removed", f"webhook:{slug}", {})


def resume(session: Session, actor: Actor, slug: str) -> WebhookView:
    """Tell a webhook again that was let alone.

    Raises:
        NotFoundError: no such webhook.
    """
    found = _locked(session, actor, slug)
    _begin_anew(found)
    session.flush()
    record(session, actor, "webhook.resumed", f"webhook:{slug}", {})
    return _with_counts(session, found)


def renew_secret(session: Session, actor: Actor, slug: str) -> WebhookSecret:
    """Give a webhook a new secret; the one before signs too for a day.

    Raises:
        NotFoundError: no such webhook.
        ConflictError: it was given one less than a day ago: who presses twice must not lose the
            one that the receiver has.
    """
    found = _locked(session, actor, slug)
    at = now()
    if found.former_until is not None and found.former_until > at:
        raise ConflictError("its secret was replaced less than a day ago; that must be over first")
    until = at + FORMER_GOOD_FOR
    found.secret, found.former_secret, found.former_until = new_secret(), found.secret, until
    session.flush()
    record(session, actor, "webhook.secret_renewed", f"webhook:{slug}", {})
    return WebhookSecret(secret=found.secret, former_until=until)


def messages(
    session: Session,
    actor: Actor,
    slug: str,
    *,
    state: MessageState | None = None,
    after: str | None = None,
    limit: int = 50,
) -> MessagePage:
    """Give what a webhook was told, newest first.

    Raises:
        NotFoundError: no such webhook.
    """
    found = _found(session, actor, slug)
    part = repository.messages(session, found.id, state=state, after=after, limit=limit)
    items = tuple(MessageView.model_validate(row, from_attributes=True) for (row,) in part.rows)
    return MessagePage(items=items, next=part.next)


def send_again(session: Session, actor: Actor, slug: str, message: int | None = None) -> int:
    """Send a message again, or all that were given up; gives how many.

    Raises:
        NotFoundError: no such webhook, or no such message that is not just being sent.
        ConflictError: the webhook is paused or switched off.
    """
    found = _locked(session, actor, slug)
    if found.paused_at is not None or not found.enabled:
        raise ConflictError("the webhook is paused or switched off; let it be told again first")
    at = now()
    sent = repository.requeue(session, found.id, at, at + GOOD_FOR, message=message)
    if message is not None and not sent:
        raise NotFoundError("there is no such message, or it is just being sent")
    said: Json = {"messages": sent} if message is None else {"message": message}
    record(session, actor, "webhook.sent_again", f"webhook:{slug}", said)
    return sent


def try_webhook(engine: Engine, hosts: Hosts, actor: Actor, slug: str) -> Tried:
    """Post a test at once; what becomes of it says nothing of the webhook.

    Raises:
        NotFoundError: no such webhook.
        TooManyAttemptsError: it was tried just now.
    """
    with transaction(engine) as session:
        found = _locked(session, actor, slug)
        at = now()
        if found.tried_at is not None and at - found.tried_at < AGAIN_AFTER:
            raise TooManyAttemptsError("it was tried just now; wait a few seconds")
        found.tried_at = at
        session.flush()
        record(session, actor, "webhook.tried", f"webhook:{slug}", {})
    error = tell(hosts, found, str(uuid.uuid4()), written("test", at, None))
    return Tried(ok=error is None, error=error)


def _locked(session: Session, actor: Actor, slug: str) -> Webhook:
    """Lock a webhook of the actor's community.

    Raises:
        NotFoundError: there is none.
    """
    return _found(session, actor, slug, for_update=True)


def _found(session: Session, actor: Actor, slug: str, *, for_update: bool = False) -> Webhook:
    actor.demand(Right.KEEP_CHANNELS)
    found = repository.webhook(session, actor.community_id, slug, for_update=for_update)
    if found is None:
        raise NotFoundError("there is no webhook {slug!r}", slug=slug)
    return found


def _set(session: Session, webhook: Webhook, hosts: Hosts, body: WebhookBody) -> None:
    url = body.url.get_secret_value()
    if url or not webhook.url:
        fault = hosts.fault(url) if url else Phrase("it is missing")
        if fault is not None:
            raise InvalidRequestError("the webhook's URL cannot be used: {fault}", fault=fault)
        webhook.url = url
        _begin_anew(webhook)
    strangers = body.places - repository.places(session, webhook.community_id, body.places)
    if strangers:
        raise InvalidRequestError("there is no place {places}", places=", ".join(sorted(strangers)))
    if body.enabled and not webhook.enabled:
        _begin_anew(webhook)
    webhook.name, webhook.enabled, webhook.least = body.name, body.enabled, body.least
    webhook.steps = [step for step in Step if step in body.steps]
    webhook.places = sorted(body.places)


def _begin_anew(webhook: Webhook) -> None:
    """Forget how a webhook did before."""
    webhook.failures, webhook.failing_since, webhook.error = 0, None, None
    webhook.not_before = webhook.paused_at = None


def _said(body: WebhookBody) -> Json:
    """Give what the audit keeps of it: never the URL."""
    return {
        "enabled": body.enabled,
        "url": bool(body.url.get_secret_value()),
        "steps": sorted(body.steps),
        "least": body.least,
        "places": sorted(body.places),
    }


def _with_counts(session: Session, webhook: Webhook) -> WebhookView:
    counts = repository.counts(session, [webhook.id])
    return _view(webhook, *counts.get(webhook.id, (0, 0)))


def _view(webhook: Webhook, waiting: int = 0, dead: int = 0) -> WebhookView:
    """Give a webhook as administrators see it: without what its URL holds."""
    is_two = webhook.former_until is not None and webhook.former_until > now()
    return WebhookView(
        slug=webhook.slug,
        name=webhook.name,
        leads_to=leads_to(webhook.url),
        steps=tuple(Step(step) for step in webhook.steps),
        least=webhook.least,
        places=tuple(webhook.places),
        enabled=webhook.enabled,
        waiting=waiting,
        dead=dead,
        ok_at=webhook.ok_at,
        failing_since=webhook.failing_since,
        error=webhook.error,
        paused_at=webhook.paused_at,
        former_until=webhook.former_until if is_two else None,
    )
