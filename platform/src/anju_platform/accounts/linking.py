"""Who somebody is at another provider: linked by themselves alone, and unlinked."""

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from anju_platform.accounts.schemas import LinkView
from anju_platform.audit.service import record
from anju_platform.auth import repository
from anju_platform.auth.actor import Actor
from anju_platform.auth.entering import BY_PROVIDER, Vouched, use_once
from anju_platform.auth.model import OutsideIdentity
from anju_platform.auth.service import find_self
from anju_platform.database import now, transaction
from anju_platform.errors import ConflictError, NotAuthenticatedError, PlatformError


def link(engine: Engine, actor: Actor, vouched: Vouched) -> None:
    """Let another provider's word be the actor's log-in; they gave password and code before.

    The word counts once, also if nobody is linked by it.

    Raises:
        NotAuthenticatedError: it counted before, or the actor's log-in has ended meanwhile.
        ConflictError: the actor is linked to somebody there, or that somebody to another here.
    """
    with transaction(engine) as session:
        fault = _link(session, actor, vouched)
        if fault is None:
            said = {"issuer": vouched.issuer}
            record(session, actor, "auth.linked", f"user:{actor.username}", said)
        else:
            said = {"by": BY_PROVIDER, "owed": "link"}
            record(session, actor, "auth.refused", f"user:{actor.username}", said)
    if fault is not None:
        raise fault


def _link(session: Session, actor: Actor, vouched: Vouched) -> PlatformError | None:
    """Link, or give the error to raise once that is committed."""
    if not use_once(session, vouched):
        return NotAuthenticatedError("this was used already; begin again")
    try:
        user = find_self(session, actor)
        made = OutsideIdentity(
            user_id=user.id, issuer=vouched.issuer, subject=vouched.subject, linked_at=now()
        )
        with session.begin_nested():
            session.add(made)
    except NotAuthenticatedError as error:
        return error
    except IntegrityError:
        return ConflictError("you, or that account there, are linked already")
    return None


def own(session: Session, actor: Actor, issuer: str) -> LinkView | None:
    """Give how the actor is linked to a provider, or else to one before it, if they are."""
    known = repository.outside_identities(session, actor.user_id)
    found = min(known, key=lambda one: one.issuer != issuer, default=None)
    if found is None:
        return None
    return LinkView(
        linked_at=found.linked_at,
        last_used_at=found.last_used_at,
        former=found.issuer != issuer,
    )


def unlink(session: Session, actor: Actor) -> None:
    """Let no provider's word be the actor's log-in any more, should it be set again."""
    find_self(session, actor)
    for found in repository.outside_identities(session, actor.user_id):
        session.delete(found)
        said = {"issuer": found.issuer}
        record(session, actor, "auth.unlinked", f"user:{actor.username}", said)
