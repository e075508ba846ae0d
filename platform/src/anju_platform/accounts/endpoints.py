"""HTTP of accounts."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from anju_platform.accounts import guarding, inviting, programs, roster
from anju_platform.accounts.schemas import (
    AcceptBody,
    InvitationBody,
    InvitationMade,
    InvitationPage,
    LoginView,
    PersonFilter,
    PersonPage,
    PersonSort,
    ShutOut,
    TokenBody,
    TokenMade,
    TokenPage,
    TokenView,
)
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import (
    CurrentActor,
    Database,
    PublicUrl,
    TheDoor,
    client_address,
    require,
)
from anju_platform.auth.rights import Right
from anju_platform.auth.schemas import (
    CodeBody,
    PasswordAndCode,
    PasswordBody,
    RecoveryCodes,
    SecondFactorView,
    SetUp,
)
from anju_platform.auth.throttle import Throttle
from anju_platform.auth.tokens import hash_token
from anju_platform.database import reading, transaction
from anju_platform.errors import ConflictError
from anju_platform.paging import Number, Position

router = APIRouter(tags=["accounts"])
doorstep = APIRouter(tags=["accounts"])
"""What is open to whoever has a link."""

Inviter = Annotated[Actor, require(Right.INVITE)]
Keeper = Annotated[Actor, require(Right.KEEP_PEOPLE)]
Maker = Annotated[Actor, require(Right.KEEP_TOKENS)]
Token = Annotated[str, Path(max_length=64)]


class PersonQuery(PersonFilter):
    """A filter, an order, and after which ``next`` of the page before."""

    after: Position | None = None
    sort: PersonSort = PersonSort.NAME
    descending: bool = False
    limit: int = Field(default=100, ge=1, le=500)


class NewestQuery(BaseModel):
    """After which ``next`` of the page before, the newest first."""

    after: Number | None = None
    limit: int = Field(default=100, ge=1, le=500)


Newest = Annotated[NewestQuery, Query()]


@router.get("/people")
def people(
    database: Database, actor: Inviter, query: Annotated[PersonQuery, Query()]
) -> PersonPage:
    """Give who may log in; to whoever only invites families, the families."""
    with reading(database) as session:
        return roster.people(
            session,
            actor,
            query,
            sort=query.sort,
            descending=query.descending,
            after=query.after,
            limit=query.limit,
        )


@router.put("/people/{user_id}/disabled", status_code=204)
def set_disabled(database: Database, actor: Inviter, user_id: int, body: ShutOut) -> None:
    """Shut somebody out, or let them in again."""
    with transaction(database) as session:
        roster.set_disabled(session, actor, user_id, disabled=body.disabled)


@router.post("/people/{user_id}/password-link", status_code=201)
def password_link(
    database: Database, actor: Keeper, url: PublicUrl, user_id: int
) -> InvitationMade:
    """Make a link with which somebody chooses a new password."""
    with transaction(database) as session:
        return inviting.give_new_password(session, actor, user_id, url)


@router.delete("/people/{user_id}/second-factor", status_code=204)
def reset_second_factor(database: Database, actor: Keeper, user_id: int) -> None:
    """Forget the second factor of somebody who lost it; ends their log-ins and tokens."""
    with transaction(database) as session:
        guarding.reset(session, actor, user_id)


@router.get("/invitations")
def pending(database: Database, actor: Inviter, query: Newest) -> InvitationPage:
    """Give the invitations nobody has taken up yet, newest first."""
    with reading(database) as session:
        return inviting.pending(session, actor, after=query.after, limit=query.limit)


@router.post("/invitations", status_code=201)
def invite(
    database: Database, actor: Inviter, url: PublicUrl, body: InvitationBody
) -> InvitationMade:
    """Invite somebody; the link is shown this once."""
    with transaction(database) as session:
        return inviting.invite(session, actor, body, url)


@router.delete("/invitations/{invitation_id}", status_code=204)
def withdraw(database: Database, actor: Inviter, invitation_id: int) -> None:
    """Let an invitation be good no more."""
    with transaction(database) as session:
        inviting.withdraw(session, actor, invitation_id)


@doorstep.post("/invitations/{token}/accept", status_code=204)
def accept(request: Request, token: Token, body: AcceptBody) -> None:
    """Open the account a link invites to; then log in."""
    open_account(request, token, body)


def open_account(request: Request, token: str, body: AcceptBody) -> None:
    """Take a link up for whoever asks; guessing which user names there are becomes slow.

    Raises:
        NotFoundError: the link is not good.
        InvalidRequestError: a bad user name or a weak password.
        ConflictError: the user name is taken.
        TooManyAttemptsError: too many taken names were tried with this link.
    """
    throttle: Throttle = request.app.state.throttle
    address = client_address(request) or ""
    guesses = f"invited:{hash_token(token)}"
    throttle.check(guesses, "")
    try:
        with transaction(request.app.state.engine) as session:
            username = inviting.accept(session, token, body, address)
    except ConflictError:
        throttle.failed(guesses, "")
        raise
    throttle.succeeded(username, address)


@router.get("/me/logins")
def logins(database: Database, actor: CurrentActor) -> tuple[LoginView, ...]:
    """Give where one is logged in."""
    with reading(database) as session:
        return roster.logins(session, actor)


@router.delete("/me/logins/{login_id}", status_code=204)
def end_login(database: Database, actor: CurrentActor, login_id: str) -> None:
    """End one of one's own log-ins."""
    with transaction(database) as session:
        roster.end_login(session, actor, login_id)


@router.delete("/me/logins", status_code=204)
def end_other_logins(database: Database, actor: CurrentActor) -> None:
    """End all of one's own log-ins but this one."""
    with transaction(database) as session:
        roster.end_other_logins(session, actor)


@router.get("/me/second-factor")
def second_factor(door: TheDoor, actor: CurrentActor) -> SecondFactorView:
    """Tell how it stands with one's second factor."""
    return guarding.view(door, actor)


@router.post("/me/second-factor", status_code=201)
def begin_second_factor(door: TheDoor, actor: CurrentActor, body: PasswordBody) -> SetUp:
    """Make a secret for one's telephone; it counts once a code of it was given."""
    return guarding.begin(door, actor, body.password)


@router.post("/me/second-factor/confirm")
def confirm_second_factor(door: TheDoor, actor: CurrentActor, body: CodeBody) -> RecoveryCodes:
    """Turn the second factor on; ends one's other log-ins."""
    return RecoveryCodes(recovery_codes=guarding.confirm(door, actor, body.code))


@router.post("/me/second-factor/codes")
def renew_codes(door: TheDoor, actor: CurrentActor, body: PasswordAndCode) -> RecoveryCodes:
    """Give new recovery codes; those before are good no more."""
    codes = guarding.renew_codes(door, actor, body.password, body.code)
    return RecoveryCodes(recovery_codes=codes)


@router.post("/me/second-factor/off", status_code=204)
def turn_second_factor_off(door: TheDoor, actor: CurrentActor, body: PasswordAndCode) -> None:
    """Let the password alone be enough again."""
    guarding.turn_off(door, actor, body.password, body.code)


@router.get("/me/tokens")
def own_tokens(database: Database, actor: Maker) -> tuple[TokenView, ...]:
    """Give the tokens of one's own programs."""
    with reading(database) as session:
        return programs.own(session, actor)


@router.post("/me/tokens", status_code=201)
def make_token(door: TheDoor, actor: Maker, body: TokenBody) -> TokenMade:
    """Make a token for a program; it is shown this once.

    Of who has a second factor a ``code`` is asked, too.
    """
    return programs.make(door, actor, body)


@router.delete("/me/tokens/{token_id}", status_code=204)
def revoke_own_token(database: Database, actor: Maker, token_id: int) -> None:
    """Let a token of one's own be good no more."""
    with transaction(database) as session:
        programs.revoke(session, actor, token_id)


@router.get("/tokens")
def tokens(database: Database, actor: Keeper, query: Newest) -> TokenPage:
    """Give the tokens of everybody's programs, newest first."""
    with reading(database) as session:
        return programs.everybodys(session, actor, after=query.after, limit=query.limit)


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(database: Database, actor: Keeper, token_id: int) -> None:
    """Let anybody's token be good no more."""
    with transaction(database) as session:
        programs.revoke(session, actor, token_id, anybodys=True)
