"""Programs that use the API in somebody's name: tokens, made, listed and revoked."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from anju_platform.accounts import repository
from anju_platform.accounts.schemas import TokenBody, TokenMade, TokenPage, TokenView
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.entering import Door, prove_again
from anju_platform.auth.model import ApiToken
from anju_platform.auth.rights import FOR_PROGRAMS, Right
from anju_platform.auth.service import find_self
from anju_platform.auth.tokens import PROGRAM, hash_token, new_program_token
from anju_platform.database import now, transaction
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError

MOST = 20
"""So many tokens somebody may have at once."""
_HINT = len(PROGRAM) + 4


def make(door: Door, actor: Actor, body: TokenBody) -> TokenMade:
    """Make a token for a program of the actor's; it is shown this once.

    Raises:
        ForbiddenError: the actor may not make any.
        InvalidRequestError: the password or the code is wrong, or the rights are not the actor's
            to give.
        TooManyAttemptsError: too many failures.
        ConflictError: the actor has as many as anybody may have.
        NotAuthenticatedError: the actor's log-in has ended meanwhile.
    """
    actor.demand(Right.KEEP_TOKENS)
    rights = sorted(set(body.rights))
    if refused := [each for each in rights if not (each in FOR_PROGRAMS and actor.may(each))]:
        raise InvalidRequestError("you cannot give a program: {rights}", rights=", ".join(refused))
    prove_again(door, actor, body.password, body.code)
    secret, moment = new_program_token(), now()
    with transaction(door.engine) as session:
        find_self(session, actor)
        if len(own(session, actor)) >= MOST:
            raise ConflictError("nobody has more than {most} tokens; revoke one first", most=MOST)
        made = ApiToken(
            community_id=actor.community_id,
            user_id=actor.user_id,
            token_hash=hash_token(secret),
            name=body.name.strip() or body.name,
            hint=secret[:_HINT],
            rights=[str(each) for each in rights],
            created_at=moment,
            expires_at=moment + timedelta(days=body.days),
        )
        session.add(made)
        session.flush()
        said = {"name": made.name, "rights": made.rights, "days": body.days}
        record(session, actor, "token.made", f"token:{made.id}", said)
    return TokenMade(token=_view(made, actor.name, moment), secret=secret)


def own(session: Session, actor: Actor) -> tuple[TokenView, ...]:
    """Give the tokens of the actor's programs, the newest first."""
    return _page(session, actor, actor.user_id, after=None, limit=MOST).items


def everybodys(
    session: Session, actor: Actor, *, after: str | None = None, limit: int = 100
) -> TokenPage:
    """Give tokens of everybody's programs, the newest first.

    Raises:
        ForbiddenError: the actor may not keep people.
        InvalidRequestError: ``after`` is no ``next``.
    """
    actor.demand(Right.KEEP_PEOPLE)
    return _page(session, actor, None, after=after, limit=limit)


def _page(
    session: Session, actor: Actor, user_id: int | None, *, after: str | None, limit: int
) -> TokenPage:
    at = now()
    found = repository.tokens(session, actor.community_id, user_id, after=after, limit=limit)
    return TokenPage(items=tuple(_view(one, by, at) for one, by in found.rows), next=found.next)


def _view(one: ApiToken, by: str, at: datetime) -> TokenView:
    return TokenView(
        id=one.id,
        name=one.name,
        hint=one.hint,
        rights=tuple(one.rights),
        by=by,
        created_at=one.created_at,
        expires_at=one.expires_at,
        expired=one.expires_at <= at,
        last_used_at=one.last_used_at,
    )


def revoke(session: Session, actor: Actor, token_id: int, *, anybodys: bool = False) -> None:
    """Let a token be good no more: one's own, or anybody's.

    Raises:
        ForbiddenError: anybody's, and the actor may not keep people.
        NotFoundError: there is none.
    """
    if anybodys:
        actor.demand(Right.KEEP_PEOPLE)
    found = repository.token(session, actor.community_id, token_id)
    if found is None or not (anybodys or found.user_id == actor.user_id):
        raise NotFoundError("there is no such token")
    found.revoked_at = now()
    record(session, actor, "token.revoked", f"token:{found.id}", {"name": found.name})
