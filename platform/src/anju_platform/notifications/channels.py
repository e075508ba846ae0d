"""A community's channels: made, changed, tried and removed by its administrators."""

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.auth.rights import Right
from anju_platform.database import now
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.notifications import listing
from anju_platform.notifications.model import Channel, Kind
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.notifications.schemas import ChannelBody, ChannelMade, ChannelView

_DAY = timedelta(days=1)
MOST = 50


def channels(session: Session, actor: Actor) -> list[ChannelView]:
    """Give the community's channels in the order of trying; call it in a transaction."""
    listing.provide_push(session, actor.community_id)
    told = listing.told_since(session, actor.community_id, now() - _DAY)
    found = listing.channels(session, actor.community_id)
    return [view(each, told.get(each.id, 0)) for each in found]


def add(
    session: Session, actor: Actor, carriers: Carriers, slug: str, body: ChannelBody
) -> ChannelMade:
    """Make a channel, after those that are there unless it says where.

    Raises:
        ConflictError: there is one of that name.
        InvalidRequestError: its URL cannot be used; the text says why.
    """
    actor.demand(Right.KEEP_CHANNELS)
    if listing.channel(session, actor.community_id, slug) is not None:
        raise ConflictError("there is a channel {slug!r} already", slug=slug)
    if body.kind is Kind.PUSH:
        raise InvalidRequestError("every community has its push channel; change that one")
    if len(listing.channels(session, actor.community_id)) >= MOST:
        raise InvalidRequestError("a community has at most {most} channels", most=MOST)
    made = Channel(
        community_id=actor.community_id,
        slug=slug,
        kind=body.kind,
        secret=secrets.token_urlsafe(32) if _is_gateway(body.url.get_secret_value()) else None,
        position=listing.last_position(session, actor.community_id) + 1,
        recent=[],
        failures=0,
    )
    _set(made, carriers, body)
    session.add(made)
    session.flush()
    record(session, actor, "channel.added", f"channel:{slug}", {"kind": body.kind})
    return ChannelMade(channel=view(made, 0), secret=made.secret)


def change(
    session: Session, actor: Actor, carriers: Carriers, slug: str, body: ChannelBody
) -> ChannelView:
    """Change a channel; its kind stays, and its URL unless another is given.

    Raises:
        NotFoundError: no such channel.
        InvalidRequestError: its URL cannot be used, or its kind would change.
    """
    actor.demand(Right.KEEP_CHANNELS)
    found = locked(session, actor, slug)
    if found.kind != body.kind:
        raise InvalidRequestError("it is of the kind {kind}; make another channel", kind=found.kind)
    _set(found, carriers, body)
    session.flush()
    changed = {"enabled": body.enabled, "url": bool(body.url.get_secret_value())}
    record(session, actor, "channel.changed", f"channel:{slug}", changed)
    return view(found, 0)


def remove(session: Session, actor: Actor, slug: str) -> None:
    """Remove a channel with its secrets; what was told by it stays known.

    Raises:
        NotFoundError: no such channel.
        InvalidRequestError: it is the push channel, which can only be switched off.
    """
    actor.demand(Right.KEEP_CHANNELS)
    found = locked(session, actor, slug)
    if found.kind == Kind.PUSH:
        raise InvalidRequestError("the push channel cannot be removed; switch it off")
    found.removed_at, found.url, found.secret = now(), "", None
    session.flush()
    record(session, actor, "channel.removed", f"channel:{slug}", {})


def locked(session: Session, actor: Actor, slug: str) -> Channel:
    """Lock a channel of the actor's community.

    Raises:
        NotFoundError: there is none.
    """
    found = listing.channel(session, actor.community_id, slug, for_update=True)
    if found is None:
        raise NotFoundError("there is no channel {slug!r}", slug=slug)
    return found


def _set(channel: Channel, carriers: Carriers, body: ChannelBody) -> None:
    kind, url = body.kind, body.url.get_secret_value()
    if url or not channel.url:
        fault = carriers.fault(kind, url)
        if fault is not None:
            raise InvalidRequestError("the channel's URL cannot be used: {fault}", fault=fault)
        if channel.url and _is_gateway(channel.url) != _is_gateway(url):
            raise InvalidRequestError("a gateway has a secret of its own; make another channel")
        channel.url = url
        _begin_anew(channel)
    if body.enabled and not channel.enabled:
        _begin_anew(channel)
    channel.name, channel.roles = body.name, sorted(body.roles)
    channel.per_minute, channel.enabled = body.per_minute, body.enabled
    if body.position is not None:
        channel.position = body.position


def _is_gateway(url: str) -> bool:
    """Tell whether it is told by signed posts."""
    return url.startswith(("https:", "http:"))


def _begin_anew(channel: Channel) -> None:
    """Forget how a channel did before it was changed."""
    channel.failures, channel.failing_since, channel.error = 0, None, None
    channel.not_before = None


def view(channel: Channel, accepted_day: int) -> ChannelView:
    """Give a channel as administrators see it: without what its URL holds."""
    return ChannelView(
        slug=channel.slug,
        kind=Kind(channel.kind),
        name=channel.name,
        leads_to=leads_to(channel.url),
        roles=tuple(Role(role) for role in channel.roles),
        position=channel.position,
        per_minute=channel.per_minute,
        enabled=channel.enabled,
        accepted_day=accepted_day,
        ok_at=channel.ok_at,
        failing_since=channel.failing_since,
        error=channel.error,
    )


_HOSTED = ("smtp", "smtps", "https", "http")


def leads_to(url: str) -> str:
    """Say where a URL leads, without what could be a password: its service, and its host."""
    if not url:
        return ""
    scheme, _, _ = url.partition("://")
    host = urlsplit(url).hostname if scheme in _HOSTED else None
    return f"{scheme}://{host}" if host else scheme
