"""Where a person is reached, and by which channels: set, tried and removed, with or without JS."""

from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import REFUSED, do_or_say, refusal_text
from anju_dashboards.rendering import STATIC
from anju_platform.accounts import linking, programs, roster
from anju_platform.auth import second_factor
from anju_platform.auth.dependencies import PublicUrl, require
from anju_platform.auth.oidc.provider import Provider
from anju_platform.auth.rights import Right, roles_with
from anju_platform.database import transaction
from anju_platform.errors import (
    InvalidRequestError,
    NotFoundError,
    TooManyAttemptsError,
)
from anju_platform.notifications import addresses, channels, listing, proving, trying
from anju_platform.notifications.endpoints import Carrying
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.keys import public_key
from anju_platform.notifications.outside.routing import ADDRESSED
from anju_platform.notifications.schemas import AddressBody, ChannelBody, ChannelMade, Tried

router = APIRouter(include_in_schema=False)
_KEEP_CHANNELS = [require(Right.KEEP_CHANNELS)]

Slug = Annotated[str, Path(max_length=32)]


@router.get("/sw.js")
def service_worker() -> Response:
    """Give the service worker, which shows pushes while no page of ours is open."""
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(STATIC / "js" / "sw.js", media_type="text/javascript", headers=headers)


@router.get("/me")
def me(page: CurrentPage, carrying: Carrying) -> Response:
    """Show where a person is reached."""
    return _me(page, carrying)


def _me(
    page: Page, carrying: Carrying, *, fault: str | None = None, tried: Tried | None = None
) -> Response:
    with transaction(page.engine) as session:
        known = addresses.addresses(session, page.actor)
        listing.provide_push(session, page.community.id)
        found = listing.channels(session, page.community.id)
        logins = roster.logins(session, page.actor)
        factor = second_factor.view(session, page.actor.user_id, required=False)
        tokens = programs.own(session, page.actor)
        spoken = {ADDRESSED.get(Kind(one.kind)) for one in found if one.enabled}
        provider: Provider | None = page.request.app.state.provider
        link = linking.own(session, page.actor, provider.issuer) if provider else None
    status = 422 if fault else 200
    return page.html(
        "reach/me.html",
        status=status,
        section="/me",
        known=known,
        spoken=spoken,
        logins=logins,
        factor=factor,
        tokens=tokens,
        provider=provider,
        link=link,
        fault=fault,
        tried=tried,
        push_key=public_key(carrying.vapid()),
    )


@router.post("/me/addresses")
def add_address(
    page: CurrentPage,
    carrying: Carrying,
    url: PublicUrl,
    *,
    kind: Annotated[Literal["email", "phone"], Form()],
    target: Annotated[str, Form(max_length=254)],
) -> Response:
    """Add a mailbox or a telephone, and send a code there to prove that it is the person's."""
    try:
        with transaction(page.engine) as session:
            made = addresses.add(session, page.actor, AddressBody(kind=kind, target=target))
    except InvalidRequestError as error:
        return _me(page, carrying, fault=refusal_text(page.language, error))
    if not made.proven:
        with suppress(NotFoundError, TooManyAttemptsError):  # the page says what is missing
            proving.send_code(page.engine, carrying, page.actor, made.id, url)
    return see_other("/me")


@router.post("/me/addresses/{address_id}/code")
def send_code(page: CurrentPage, carrying: Carrying, url: PublicUrl, address_id: int) -> Response:
    """Send a code to an address once more."""
    try:
        proving.send_code(page.engine, carrying, page.actor, address_id, url)
    except REFUSED as error:
        return _me(page, carrying, fault=refusal_text(page.language, error))
    return see_other("/me")


@router.post("/me/addresses/{address_id}/proof")
def prove_address(
    page: CurrentPage,
    carrying: Carrying,
    address_id: int,
    code: Annotated[str, Form(max_length=32)],
) -> Response:
    """Take the code that was sent to an address."""
    try:
        proving.prove(page.engine, page.actor, address_id, code)
    except (InvalidRequestError, NotFoundError) as error:
        return _me(page, carrying, fault=refusal_text(page.language, error))
    return see_other("/me")


@router.post("/me/addresses/{address_id}/remove")
def remove_address(page: CurrentPage, address_id: int) -> Response:
    """Remove an address."""
    with transaction(page.engine) as session:
        addresses.remove(session, page.actor, address_id)
    return see_other("/me")


@router.post("/me/addresses/{address_id}/test")
def try_address(page: CurrentPage, carrying: Carrying, url: PublicUrl, address_id: int) -> Response:
    """Send a test to an address, and say what became of it."""
    try:
        tried = trying.try_address(page.engine, carrying, page.actor, address_id, url)
    except (NotFoundError, TooManyAttemptsError) as error:
        return _me(page, carrying, fault=refusal_text(page.language, error))
    return _me(page, carrying, tried=tried)


@router.post("/me/logins/end-others")
def end_other_logins(page: CurrentPage) -> Response:
    """End all of this person's log-ins but this one."""
    with transaction(page.engine) as session:
        roster.end_other_logins(session, page.actor)
    return see_other("/me")


@router.post("/me/logins/{login_id}/end")
def end_login(page: CurrentPage, login_id: Annotated[str, Path(max_length=32)]) -> Response:
    """End one of this person's log-ins."""
    with transaction(page.engine) as session:
        roster.end_login(session, page.actor, login_id)
    return see_other("/me")


@router.get("/channels", dependencies=_KEEP_CHANNELS)
def list_channels(page: CurrentPage) -> Response:
    """Show the community's channels, to administrators."""
    return _channels(page)


def _channels(
    page: Page,
    *,
    fault: str | None = None,
    tried: Tried | None = None,
    made: ChannelMade | None = None,
    given: "_Wanted | None" = None,
    changing: str | None = None,
) -> Response:
    """Show the page; ``given`` was typed in, of the channel ``changing`` or of a new one."""
    with transaction(page.engine) as session:
        known = channels.channels(session, page.actor)
        unreached = listing.on_screens_only(session, page.community.id)
        unproven = listing.unproven(session, page.community.id)
    return page.html(
        "reach/channels.html",
        status=422 if fault else 200,
        section="/channels",
        known=known,
        fault=fault,
        tried=tried,
        made=made,
        given=given,
        changing=changing,
        roles=[role.value for role in roles_with(Right.SEE_ALERTS)],
        unreached=unreached,
        unproven=unproven,
    )


class _Wanted(BaseModel):
    """A channel as it was typed in; a box that is not ticked says nothing."""

    kind: Kind
    name: str = Field(max_length=64)
    slug: str = Field(default="", max_length=32)
    url: str = Field(default="", max_length=1000)
    roles: list[str] = []
    per_minute: str = Field(default="", max_length=6)
    position: str = Field(default="", max_length=4)
    enabled: bool = False

    def body(self) -> ChannelBody:
        """Read it.

        Raises:
            ValidationError: something typed in is not what it should be.
        """
        return ChannelBody.model_validate(
            {
                "kind": self.kind,
                "name": self.name.strip(),
                "url": self.url,
                "roles": self.roles if self.kind is Kind.ROBOT else (),
                "per_minute": self.per_minute.strip() or None,
                "position": self.position.strip() or None,
                "enabled": self.enabled,
            }
        )


Wanted = Annotated[_Wanted, Form()]


@router.post("/channels", dependencies=_KEEP_CHANNELS)
def add_channel(page: CurrentPage, carrying: Carrying, wanted: Wanted) -> Response:
    """Make a channel; a voice gateway's secret is shown this once."""
    slug = wanted.slug.strip()

    def add() -> Response:
        with transaction(page.engine) as session:
            made = channels.add(session, page.actor, carrying, slug, wanted.body())
        return _channels(page, made=made) if made.secret else see_other("/channels")

    return do_or_say(page, add, lambda fault: _channels(page, fault=fault, given=wanted))


@router.post("/channels/{slug}", dependencies=_KEEP_CHANNELS)
def change_channel(page: CurrentPage, carrying: Carrying, slug: Slug, wanted: Wanted) -> Response:
    """Change a channel."""

    def change() -> Response:
        with transaction(page.engine) as session:
            channels.change(session, page.actor, carrying, slug, wanted.body())
        return see_other("/channels")

    return do_or_say(
        page, change, lambda fault: _channels(page, fault=fault, given=wanted, changing=slug)
    )


@router.post("/channels/{slug}/remove", dependencies=_KEEP_CHANNELS)
def remove_channel(page: CurrentPage, slug: Slug) -> Response:
    """Remove a channel."""
    with transaction(page.engine) as session:
        channels.remove(session, page.actor, slug)
    return see_other("/channels")


@router.post("/channels/{slug}/test", dependencies=_KEEP_CHANNELS)
def try_channel(page: CurrentPage, carrying: Carrying, url: PublicUrl, slug: Slug) -> Response:
    """Send a test by a channel, and say what became of it."""

    def attempt() -> Response:
        tried = trying.try_channel(page.engine, carrying, page.actor, slug, url)
        return _channels(page, tried=tried)

    return do_or_say(page, attempt, lambda fault: _channels(page, fault=fault))
