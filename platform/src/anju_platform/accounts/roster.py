"""Who may log in, and where somebody is logged in."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from anju_platform.accounts import repository
from anju_platform.accounts.schemas import (
    LoginView,
    PersonFilter,
    PersonPage,
    PersonSort,
    PersonView,
)
from anju_platform.audit.service import record
from anju_platform.auth import service
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import LoginSession, Role, User
from anju_platform.auth.repository import (
    delete_session,
    delete_sessions_of,
    have_second_factor,
)
from anju_platform.auth.rights import Right
from anju_platform.database import now
from anju_platform.errors import ConflictError, NotFoundError

_ID_CHARS = 16


def people(
    session: Session,
    actor: Actor,
    wanted: PersonFilter | None = None,
    *,
    sort: PersonSort = PersonSort.NAME,
    descending: bool = False,
    after: str | None = None,
    limit: int = 100,
) -> PersonPage:
    """Give some of those who may log in; to whoever only invites families, of the families.

    Raises:
        ForbiddenError: the actor does neither.
        InvalidRequestError: ``after`` is no position in this order.
    """
    actor.demand(Right.INVITE)
    wanted = wanted or PersonFilter()
    if not actor.may(Right.KEEP_PEOPLE):
        if wanted.role not in {None, Role.FAMILY}:
            return PersonPage(items=(), next=None, total=0)
        wanted = wanted.model_copy(update={"role": Role.FAMILY})
    found, total = repository.roster(
        session,
        actor.community_id,
        wanted,
        order=repository.order_of(sort, descending=descending),
        after=after,
        limit=limit,
    )
    return PersonPage(items=_views(session, actor, found.rows), next=found.next, total=total)


def people_rows(
    session: Session, actor: Actor, wanted: PersonFilter, *, after: str | None, limit: int
) -> tuple[tuple[PersonView, ...], str | None]:
    """Give a part of all who match, by user name, for an export (``whole_table``)."""
    found = people(session, actor, wanted, sort=PersonSort.USERNAME, after=after, limit=limit)
    return found.items, found.next


def _views(
    session: Session, actor: Actor, found: Sequence[tuple[User, datetime | None]]
) -> tuple[PersonView, ...]:
    numbers = {user.id for user, _ in found}
    homes = repository.homes_of(session, actor.community_id, numbers)
    places = repository.places_of(session, actor.community_id, numbers)
    guarded = have_second_factor(session, numbers)
    return tuple(
        PersonView(
            id=user.id,
            username=user.username,
            name=user.name,
            role=Role(user.role),
            homes=tuple(slug for slug, _ in homes.get(user.id, ())),
            places=tuple(places.get(user.id, ())),
            relation=next((relation for _, relation in homes.get(user.id, ())), ""),
            disabled=user.disabled,
            everywhere=user.community_id is None,
            second_factor=user.id in guarded,
            last_used_at=at,
        )
        for user, at in found
    )


def set_disabled(session: Session, actor: Actor, user_id: int, *, disabled: bool) -> None:
    """Shut somebody out (ending their log-ins) or let them in again.

    Raises:
        ForbiddenError: the actor may not keep people of that role.
        NotFoundError: no such person of this community.
        ConflictError: oneself.
    """
    actor.demand(Right.INVITE)
    user = repository.user(session, actor.community_id, user_id)
    if user is None:
        raise NotFoundError("there is no such person")
    if user.role != Role.FAMILY or not disabled:  # whom an administrator shut out stays out
        actor.demand(Right.KEEP_PEOPLE)
    if user.id == actor.user_id:
        raise ConflictError("nobody shuts themselves out; somebody else can do it")
    service.set_disabled(session, user.username, disabled=disabled)
    action = "user.disabled" if disabled else "user.enabled"
    record(session, actor, action, f"user:{user.username}")


def logins(session: Session, actor: Actor) -> tuple[LoginView, ...]:
    """Give where the actor is logged in, the last used first."""
    return tuple(
        LoginView(
            id=_id(one),
            created_at=one.created_at,
            last_used_at=one.last_used_at,
            address=one.address,
            agent=one.agent,
            here=one.token_hash == actor.token_hash,
        )
        for one in repository.logins(session, actor.user_id, now())
    )


def _id(one: LoginSession) -> str:
    """Name a log-in by what opens nothing."""
    return hashlib.sha256(one.token_hash.encode()).hexdigest()[:_ID_CHARS]


def end_login(session: Session, actor: Actor, login_id: str) -> None:
    """End one of the actor's log-ins.

    Raises:
        NotFoundError: there is none.
    """
    found = [
        one for one in repository.logins(session, actor.user_id, now()) if _id(one) == login_id
    ]
    if not found:
        raise NotFoundError("there is no such log-in")
    delete_session(session, found[0].token_hash)
    record(session, actor, "auth.ended", f"user:{actor.username}", {"address": found[0].address})


def end_other_logins(session: Session, actor: Actor) -> None:
    """End all of the actor's log-ins but this one."""
    delete_sessions_of(session, actor.user_id, but=actor.token_hash)
    record(session, actor, "auth.ended", f"user:{actor.username}", {"all": True})
