"""Second factors of people who are logged in, and of those who lost theirs."""

from sqlalchemy.orm import Session

from anju_platform.accounts import repository
from anju_platform.auth import second_factor
from anju_platform.auth.actor import Actor
from anju_platform.auth.entering import Door, prove_again
from anju_platform.auth.model import User
from anju_platform.auth.repository import delete_sessions_of
from anju_platform.auth.rights import Right
from anju_platform.auth.schemas import SecondFactorView, SetUp
from anju_platform.auth.service import find_self
from anju_platform.database import reading, transaction
from anju_platform.errors import ConflictError, ForbiddenError, NotFoundError


def view(door: Door, actor: Actor) -> SecondFactorView:
    """Tell how it stands with the actor's second factor."""
    with reading(door.engine) as session:
        return second_factor.view(session, actor.user_id, required=actor.role in door.must)


def begin(door: Door, actor: Actor, password: str) -> SetUp:
    """Make a secret for the actor's telephone; it counts once a code of it was given.

    Raises:
        InvalidRequestError: the password is wrong.
        TooManyAttemptsError: too many failures.
        ConflictError: there is a second factor.
    """
    prove_again(door, actor, password)
    with transaction(door.engine) as session:
        return second_factor.begin(session, _own(session, actor), actor.token_hash)


def pending(door: Door, actor: Actor) -> SetUp | None:
    """Give the secret that this log-in began and that waits for its first code."""
    with transaction(door.engine) as session:
        return second_factor.pending(session, _own(session, actor), actor.token_hash)


def confirm(door: Door, actor: Actor, code: str) -> tuple[str, ...]:
    """Turn the second factor on; ends the actor's other log-ins, and gives recovery codes.

    Raises:
        ConflictError: no secret waits that this log-in began.
        InvalidRequestError: the code is wrong.
    """
    with transaction(door.engine) as session:
        user = _own(session, actor)
        codes = second_factor.confirm(session, actor, user, code, begun_by=actor.token_hash)
        delete_sessions_of(session, actor.user_id, but=actor.token_hash)
    return codes


def renew_codes(door: Door, actor: Actor, password: str, code: str) -> tuple[str, ...]:
    """Give new recovery codes.

    Raises:
        InvalidRequestError: the password or the code is wrong.
        TooManyAttemptsError: too many failures.
        ConflictError: there is no second factor.
    """
    prove_again(door, actor, password, code)
    with transaction(door.engine) as session:
        return second_factor.renew_codes(session, actor, _own(session, actor))


def turn_off(door: Door, actor: Actor, password: str, code: str) -> None:
    """Let the actor's password alone be enough again.

    Raises:
        ForbiddenError: the actor's role must have one.
        InvalidRequestError: the password or the code is wrong.
        TooManyAttemptsError: too many failures.
        ConflictError: there is no second factor.
    """
    if actor.role in door.must:
        raise ForbiddenError("your role needs a second factor; it stays on")
    prove_again(door, actor, password, code)
    with transaction(door.engine) as session:
        second_factor.turn_off(session, actor, _own(session, actor))


def _own(session: Session, actor: Actor) -> User:
    return find_self(session, actor)


def reset(session: Session, actor: Actor, user_id: int) -> None:
    """Forget the second factor of somebody who lost it; end their log-ins, tokens and links.

    Raises:
        ForbiddenError: the actor may not keep people.
        NotFoundError: no such person of this community.
        ConflictError: they have none, or it is one's own.
    """
    actor.demand(Right.KEEP_PEOPLE)
    user = repository.user(session, actor.community_id, user_id)
    if user is None:
        raise NotFoundError("there is no such person")
    if user.id == actor.user_id:
        raise ConflictError("turn your own off with a code; or somebody else resets it")
    second_factor.reset(session, actor, user)
