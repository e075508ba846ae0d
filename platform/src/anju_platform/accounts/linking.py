"""Who somebody is at another provider: linked by themselves alone, and unlinked."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from anju_platform.accounts.schemas import LinkView
from anju_platform.audit.service import record
from anju_platform.auth import repository
from anju_platform.auth.actor import Actor
from anju_platform.auth.entering import Vouched, use_once
from anju_platform.auth.model import OutsideIdentity
from anju_platform.auth.service import find_self
from anju_platform.database import now
from anju_platform.errors import ConflictError, NotAuthenticatedError, NotFoundError


def link(session: Session, actor: Actor, vouched: Vouched) -> None:
    """Let another provider's word be the actor's log-in; they gave password and code before.

    Raises:
        NotAuthenticatedError: it counted before, or the actor's log-in has ended meanwhile.
        ConflictError: the actor is linked to somebody there, or that somebody to another here.
    """
    if not use_once(session, vouched):
        raise NotAuthenticatedError("this was used already; begin again")
    user = find_self(session, actor)
    made = OutsideIdentity(
        user_id=user.id, issuer=vouched.issuer, subject=vouched.subject, linked_at=now()
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError as error:
        raise ConflictError("you, or that account there, are linked already") from error
    record(session, actor, "auth.linked", f"user:{user.username}", {"issuer": vouched.issuer})


def own(session: Session, actor: Actor, issuer: str) -> LinkView | None:
    """Give how the actor is linked to a provider, if they are."""
    found = repository.outside_identity(session, actor.user_id, issuer)
    if found is None:
        return None
    return LinkView(linked_at=found.linked_at, last_used_at=found.last_used_at)


def unlink(session: Session, actor: Actor, issuer: str) -> None:
    """Let the provider's word be the actor's log-in no more.

    Raises:
        NotFoundError: it is not.
    """
    find_self(session, actor)
    found = repository.outside_identity(session, actor.user_id, issuer)
    if found is None:
        raise NotFoundError("nothing is linked")
    session.delete(found)
    record(session, actor, "auth.unlinked", f"user:{actor.username}", {"issuer": issuer})
