"""Trying a channel or an address out: a message that says it is a test, at once."""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError, NotFoundError, Phrase, TooManyAttemptsError
from anju_platform.notifications import addresses, channels, listing
from anju_platform.notifications.model import Address, Channel, Kind
from anju_platform.notifications.outside import repository
from anju_platform.notifications.outside.carriers.carrier import (
    GoneError,
    Message,
    Target,
    attempt,
)
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.notifications.outside.limits import wait_for_turn
from anju_platform.notifications.outside.routing import ADDRESSED
from anju_platform.notifications.schemas import Tried

AGAIN_AFTER = timedelta(seconds=15)
"""An address is not tried more often: each try may be a call that somebody pays for."""
MOST_SENDS = 10
"""So many codes, and tests of what is not proven, may a person have sent in a day: each may be a
call that somebody pays for, and the number may be a stranger's."""
_DAY = timedelta(days=1)
_TEXT = {
    "zh": ("【测试】安居 · {name}", "能看到这条消息，说明告警可以由此送达。"),
    "en": ("TEST Anju · {name}", "If you can read this, alerts reach you this way."),
}
_NO_ADDRESS = {
    "push": Phrase("let this browser take pushes first: at 'How I am reached'"),
    "email": Phrase("add your own e-mail address first: at 'How I am reached'"),
    "phone": Phrase("add your own telephone first: at 'How I am reached'"),
}


def try_channel(engine: Engine, carriers: Carriers, actor: Actor, slug: str, url: str) -> Tried:
    """Send a test by a channel: to a robot's group, else to the actor's own address.

    Raises:
        NotFoundError: no such channel.
        InvalidRequestError: the actor has no address that it speaks to.
        TooManyAttemptsError: it was tried just now, its provider takes no more this minute, or
            too much was sent today to what is not proven.
    """
    actor.demand(Right.KEEP_CHANNELS)
    with transaction(engine) as session:
        channel = channels.locked(session, actor, slug)
        wanted = ADDRESSED.get(Kind(channel.kind))
        own = listing.addresses(session, actor.user_id)
        address = next((each for each in own if each.kind == wanted), None)
        if wanted is not None and address is None:
            raise InvalidRequestError(_NO_ADDRESS[wanted])
        _count(session, actor, address)
        take_turn(session, channel, address)
        record(session, actor, "channel.tried", f"channel:{slug}", {})
    return _try(engine, carriers, actor, channel=channel, address=address, url=url)


def try_address(
    engine: Engine, carriers: Carriers, actor: Actor, address_id: int, url: str
) -> Tried:
    """Send a test to an address of the actor's, by the first channel that speaks to it.

    Raises:
        NotFoundError: the actor has no such address, or no channel speaks to it.
        TooManyAttemptsError: it was tried just now, the provider takes no more this minute, or
            too much was sent today to what is not proven.
    """
    with transaction(engine) as session:
        channel, address = speaking(session, actor, address_id)
        _count(session, actor, address)
        take_turn(session, channel, address)
        record(session, actor, "address.tried", f"address:{address_id}", {})
    return _try(engine, carriers, actor, channel=channel, address=address, url=url)


def speaking(
    session: Session, actor: Actor, address_id: int, *, unless: Kind | None = None
) -> tuple[Channel, Address]:
    """Lock an address of the actor's and the first channel that speaks to it.

    One of the kind ``unless`` only if there is no other.

    Raises:
        NotFoundError: the actor has no such address, or no channel speaks to it.
    """
    kinds = {each.id: each.kind for each in listing.addresses(session, actor.user_id)}
    found = listing.channels(session, actor.community_id)
    able = [c for c in found if c.enabled and ADDRESSED.get(Kind(c.kind)) == kinds.get(address_id)]
    channel = min(able, key=lambda one: one.kind == unless, default=None)
    if channel is not None and address_id in kinds:  # locked before the address, as workers do
        channel = channels.locked(session, actor, channel.slug)
    address = addresses.own(session, actor, address_id)
    if channel is None:
        raise NotFoundError("no channel of this community speaks to it; ask an administrator")
    return channel, address


def demand_room(session: Session, actor: Actor) -> None:
    """Let one more message go today to what is not known to be the actor's.

    Raises:
        TooManyAttemptsError: so many did, also to what the actor has removed since.
    """
    if len(listing.codes_sent(session, actor.user_id, now() - _DAY)) >= MOST_SENDS:
        raise TooManyAttemptsError(
            "{most} codes and tests were sent today; try again tomorrow",
            most=MOST_SENDS,
        )


def _count(session: Session, actor: Actor, address: Address | None) -> None:
    """Count a test of a mailbox or telephone that is not proven, as a code is."""
    if address is None or address.kind == listing.PUSH or address.proven_at is not None:
        return
    demand_room(session, actor)
    word = word_hash(secrets.token_urlsafe(16))
    listing.add_code(session, actor.user_id, address.id, word, timedelta())


def word_hash(word: str) -> str:
    """Hash a secret word that a browser is sent."""
    return hashlib.sha256(word.encode()).hexdigest()


def take_turn(session: Session, channel: Channel, address: Address | None) -> None:
    """Let it be said now.

    Raises:
        TooManyAttemptsError: it was tried just now, or the provider takes no more this minute.
    """
    at = now()
    if address is not None:
        if address.tried_at is not None and at - address.tried_at < AGAIN_AFTER:
            raise TooManyAttemptsError("it was tried just now; wait a quarter of a minute")
        address.tried_at = at
    if (wait := wait_for_turn(channel, at, for_life=False)) is not None:
        raise TooManyAttemptsError(
            "the provider takes no more now; try again in {seconds:.0f} s",
            seconds=wait.total_seconds(),
        )
    session.flush()


def _try(
    engine: Engine,
    carriers: Carriers,
    actor: Actor,
    *,
    channel: Channel,
    address: Address | None,
    url: str,
) -> Tried:
    """Say it; a browser that says it arrived has proven itself."""
    title, body = _TEXT[actor.locale if actor.locale in _TEXT else "zh"]
    word = f"test-{secrets.token_urlsafe(16)}"
    if address is not None and address.kind == listing.PUSH:
        with transaction(engine) as session:
            listing.add_code(
                session, actor.user_id, address.id, word_hash(word), addresses.GOOD_FOR
            )
    message = Message(
        title=title.format(name=channel.name),
        body=body,
        language=actor.locale,
        severity=3,
        tag="test",
        url=url,
        receipt_url=f"{url.rstrip('/')}/api/v1/receipts/{word}",
        good_for_s=300,
    )
    return say(engine, carriers, message, channel=channel, address=address)


def say(
    engine: Engine,
    carriers: Carriers,
    message: Message,
    *,
    channel: Channel,
    address: Address | None,
) -> Tried:
    """Say something at once, outside of a transaction, and note what came of it.

    That it failed says nothing of a channel that a person can make fail.
    """
    target = Target(
        kind=channel.kind,
        url=channel.url,
        secret=channel.secret,
        to=address.target if address is not None else "",
        keys=address.keys if address is not None else None,
    )

    def carry() -> None:
        carriers.of(Kind(channel.kind), channel.url).carry(message, target)

    failure = attempt(carry, f"channel {channel.slug}")
    error = None if failure is None else str(failure)
    with transaction(engine) as session:
        if error is None:
            repository.note_taken(session, channel.id, now())
        if address is not None:
            repository.note_address(
                session, address.id, now(), error, gone=isinstance(failure, GoneError)
            )
    return Tried(ok=error is None, error=error)
