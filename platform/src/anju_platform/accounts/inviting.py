"""Invitations: a link that lets somebody choose a user name and a password, once.

Nobody learns anybody's password by handing it over, and an administrator never types one.
"""

from datetime import timedelta

from sqlalchemy.orm import Session

from anju_platform.accounts import repository
from anju_platform.accounts.schemas import (
    AcceptBody,
    InvitationBody,
    InvitationMade,
    InvitationPage,
    InvitationView,
)
from anju_platform.accounts.scopes import find_scopes, give_scopes
from anju_platform.audit.service import record
from anju_platform.auth import service
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Invitation, Role, User
from anju_platform.auth.repository import void_password_links
from anju_platform.auth.rights import Right
from anju_platform.auth.tokens import hash_token, new_token
from anju_platform.database import now
from anju_platform.errors import NotFoundError

GOOD_FOR = timedelta(days=7)
_GONE = "this link is used up, withdrawn or too old; ask for a new one"


def invite(session: Session, actor: Actor, body: InvitationBody, public_url: str) -> InvitationMade:
    """Invite somebody: administrators anybody, property and office families.

    Raises:
        ForbiddenError: the actor may not invite for that role.
        InvalidRequestError: a family without a home, a grid worker without a place, or others
            with one.
        NotFoundError: no such home or place.
    """
    actor.demand(Right.INVITE if body.role is Role.FAMILY else Right.KEEP_PEOPLE)
    find_scopes(session, actor.community_id, body.role, body.homes, body.places)
    made = Invitation(
        community_id=actor.community_id,
        role=body.role,
        name=body.name.strip(),
        homes=list(body.homes),
        relation=body.relation.strip(),
        places=list(body.places),
    )
    return _hand_out(session, actor, made, public_url, username=None)


def give_new_password(
    session: Session, actor: Actor, user_id: int, public_url: str
) -> InvitationMade:
    """Make a link with which somebody chooses a new password; until then the old one is good.

    Links made before for them are good no more.

    Raises:
        ForbiddenError: the actor may not keep people.
        NotFoundError: no such person of this community.
    """
    actor.demand(Right.KEEP_PEOPLE)
    user = repository.user(session, actor.community_id, user_id)
    if user is None:
        raise NotFoundError("there is no such person")
    void_password_links(session, user.id, now())
    made = Invitation(
        community_id=actor.community_id,
        role=user.role,
        name=user.name,
        user_id=user.id,
        homes=[],
        relation="",
        places=[],
    )
    return _hand_out(session, actor, made, public_url, username=user.username)


def _hand_out(
    session: Session, actor: Actor, made: Invitation, public_url: str, *, username: str | None
) -> InvitationMade:
    token = new_token()
    made.token_hash = hash_token(token)
    made.invited_by, made.created_at = actor.user_id, now()
    made.expires_at = made.created_at + GOOD_FOR
    session.add(made)
    session.flush()
    said = {"role": made.role, "name": made.name, "user": username}
    record(session, actor, "user.invited", f"invitation:{made.id}", said)
    return InvitationMade(
        invitation=_view(made, actor.name, username),
        url=f"{public_url.rstrip('/')}/invited/{token}",
    )


def _view(one: Invitation, invited_by: str, username: str | None) -> InvitationView:
    return InvitationView(
        id=one.id,
        role=Role(one.role),
        name=one.name,
        username=username or None,
        homes=tuple(one.homes),
        places=tuple(one.places),
        invited_by=invited_by,
        created_at=one.created_at,
        expires_at=one.expires_at,
    )


def pending(
    session: Session, actor: Actor, *, after: str | None = None, limit: int = 100
) -> InvitationPage:
    """Give invitations nobody has taken up yet, newest first; of families alone, as people.

    Raises:
        ForbiddenError: the actor invites nobody.
        InvalidRequestError: ``after`` is no ``next``.
    """
    actor.demand(Right.INVITE)
    found = repository.pending(
        session,
        actor.community_id,
        now(),
        of_families=not actor.may(Right.KEEP_PEOPLE),
        after=after,
        limit=limit,
    )
    return InvitationPage(items=tuple(_view(*each) for each in found.rows), next=found.next)


def _is_of_a_family(one: Invitation) -> bool:
    return one.role == Role.FAMILY and one.user_id is None


def withdraw(session: Session, actor: Actor, invitation_id: int) -> None:
    """Let an invitation be good no more.

    Raises:
        ForbiddenError: the actor may not invite for that role.
        NotFoundError: there is none.
    """
    actor.demand(Right.INVITE)
    at = now()
    one = repository.invitation(session, actor.community_id, invitation_id, at)
    if one is None:
        raise NotFoundError("there is no such invitation, or somebody has taken it up")
    if not _is_of_a_family(one):
        actor.demand(Right.KEEP_PEOPLE)
    one.expires_at = at
    record(session, actor, "user.uninvited", f"invitation:{one.id}")


def invited(session: Session, token: str) -> InvitationView:
    """Give whom a link invites.

    Raises:
        NotFoundError: it is used up, withdrawn or too old, or never was one.
    """
    one = repository.by_token(session, hash_token(token), now())
    if one is None:
        raise NotFoundError(_GONE)
    known = session.get(User, one.user_id) if one.user_id is not None else None
    return _view(one, "", known.username if known else None)


def accept(session: Session, token: str, body: AcceptBody, address: str | None) -> str:
    """Open the account, or set its new password, and give the user name; the link is used up.

    Raises:
        NotFoundError: the link is not good.
        InvalidRequestError: a bad user name or a weak password.
        ConflictError: the user name is taken.
    """
    one = repository.by_token(session, hash_token(token), now(), for_update=True)
    if one is None:
        raise NotFoundError(_GONE)
    one.used_at = now()
    session.flush()
    if one.user_id is not None:
        user = service.set_password(
            session, session.get_one(User, one.user_id).username, body.password
        )
    else:
        user = service.add_user(
            session,
            username=body.username.strip().lower(),
            name=one.name,
            role=Role(one.role),
            community_id=one.community_id,
            password=body.password,
        )
        give_scopes(session, user, one.homes, relation=one.relation, places=one.places)
    one.user_id = user.id
    who = service.Somebody(user.name, user.id, user.community_id, address)
    record(session, who, "user.accepted", f"user:{user.username}", {"invitation": one.id})
    return user.username
