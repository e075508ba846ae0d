"""Where a person is reached outside: set by themselves, tried at once, theirs to remove."""

import re
from datetime import timedelta

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json, now
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.notifications import listing
from anju_platform.notifications.contacts import plain_phone
from anju_platform.notifications.model import Address, AddressCode
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.schemas import AddressBody, AddressView, PushBody

MOST = 20
GOOD_FOR = timedelta(minutes=15)
"""So long can a code be typed in that was sent to an address."""
_EMAIL = re.compile(r"[^@\s,;<>\"'&?%]{1,64}@[^@\s,;<>\"'&?%/]{1,190}\.[^@\s,;<>\"'&?%/.]{2,}")
_BROWSERS = (
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def addresses(session: Session, actor: Actor) -> list[AddressView]:
    """Give where the actor is reached."""
    sent = listing.codes_sent(session, actor.user_id, now() - GOOD_FOR)
    last = {code.address_id: code for code in sent if code.expires_at > code.sent_at}
    return [view(each, last.get(each.id)) for each in listing.addresses(session, actor.user_id)]


def add(session: Session, actor: Actor, body: AddressBody) -> AddressView:
    """Add a mailbox or a telephone of the actor's.

    Raises:
        InvalidRequestError: it is none, or there are too many.
    """
    target = body.target.strip()
    if body.kind == "email":
        if not _EMAIL.fullmatch(target):
            raise InvalidRequestError("{target!r} is not an e-mail address", target=target)
    else:
        number = plain_phone(target)
        if number is None:
            raise InvalidRequestError(
                "a telephone number has 5 to 15 digits, such as 13800000000 or +8613800000000"
            )
        target = number
    return _put(session, actor, body.kind, target, label=target, keys=None)


def add_push(
    session: Session, actor: Actor, body: PushBody, hosts: Hosts, agent: str
) -> AddressView:
    """Let a browser of the actor's take pushes; whoever used it before is told there no more.

    Raises:
        InvalidRequestError: it cannot be spoken to, or there are too many.
    """
    if fault := hosts.fault(body.endpoint):
        raise InvalidRequestError("the push service cannot be used: {fault}", fault=fault)
    listing.provide_push(session, actor.community_id)
    listing.take_from_others(session, actor.user_id, body.endpoint, now())
    keys = body.keys.model_dump()
    return _put(session, actor, "push", body.endpoint, label=browser(agent), keys=keys)


def _put(
    session: Session, actor: Actor, kind: str, target: str, *, label: str, keys: Json | None
) -> AddressView:
    known = listing.addresses(session, actor.user_id)
    if len(known) >= MOST and not any((a.kind, a.target) == (kind, target) for a in known):
        raise InvalidRequestError("you have {most} addresses; remove one you do not use", most=MOST)
    values = {
        "user_id": actor.user_id,
        "kind": kind,
        "target": target,
        "label": label,
        "keys": keys,
        "created_at": now(),
    }
    made = listing.put_address(session, values)
    record(session, actor, "address.added", f"address:{made.id}", {"kind": kind})
    return view(made)


def remove_push(session: Session, actor: Actor, endpoint: str) -> None:
    """Let a browser tell the actor no more; nothing if it does not."""
    for each in listing.addresses(session, actor.user_id):
        if each.kind == "push" and each.target == endpoint:
            remove(session, actor, each.id)


def remove(session: Session, actor: Actor, address_id: int) -> None:
    """Remove an address of the actor's, with what it was; that it was told stays known.

    Raises:
        NotFoundError: the actor has no such address.
    """
    found = own(session, actor, address_id)
    found.removed_at, found.target, found.keys = now(), "", None
    session.flush()
    record(session, actor, "address.removed", f"address:{address_id}", {"kind": found.kind})


def own(session: Session, actor: Actor, address_id: int) -> Address:
    """Find an address of the actor's, and lock it.

    Raises:
        NotFoundError: the actor has no such address.
    """
    found = listing.address(session, actor.user_id, address_id)
    if found is None:
        raise NotFoundError("you have no such address")
    return found


def view(address: Address, code: AddressCode | None = None) -> AddressView:
    """Give an address as its owner sees it, and until when ``code`` can be typed in."""
    return AddressView(
        id=address.id,
        kind=address.kind,
        label=address.label,
        created_at=address.created_at,
        ok_at=address.ok_at,
        proven=address.proven_at is not None,
        code_until=code.expires_at if code and address.proven_at is None else None,
        gone=address.gone_at is not None,
        error=address.error,
    )


def browser(agent: str) -> str:
    """Name a browser as people do: ``Chrome, Android``."""
    names = (
        next((name for mark, name in known if mark in agent), None)
        for known in (_BROWSERS, _SYSTEMS)
    )
    return ", ".join(name for name in names if name) or "?"
