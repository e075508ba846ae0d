"""Which other systems hear of alerts, and what became of each message; with or without JS."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import do_or_say, refusal_text
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import transaction
from anju_platform.errors import (
    ConflictError,
)
from anju_platform.notifications.endpoints import Carrying
from anju_platform.notifications.schemas import Tried
from anju_platform.webhooks import service
from anju_platform.webhooks.model import MessageState
from anju_platform.webhooks.schemas import Step, WebhookBody

router = APIRouter(
    prefix="/webhooks", include_in_schema=False, dependencies=[require(Right.KEEP_CHANNELS)]
)

Slug = Annotated[str, Path(max_length=32)]


class _Wanted(BaseModel):
    """A webhook as it was typed in; a box that is not ticked says nothing."""

    name: str = Field(max_length=64)
    slug: str = Field(default="", max_length=32)
    url: str = Field(default="", max_length=1000)
    least: int = 3
    steps: list[str] = []
    places: str = Field(default="", max_length=2000)
    enabled: bool = False

    def body(self) -> WebhookBody:
        """Read it.

        Raises:
            ValidationError: something typed in is not what it should be.
        """
        places = self.places.replace("，", ",").split(",")
        return WebhookBody.model_validate(
            {
                "name": self.name.strip(),
                "url": self.url,
                "least": self.least,
                "steps": self.steps,
                "places": [place.strip() for place in places if place.strip()],
                "enabled": self.enabled,
            }
        )


Wanted = Annotated[_Wanted, Form()]


@router.get("")
def list_webhooks(page: CurrentPage) -> Response:
    """Show the community's webhooks, to administrators."""
    return _webhooks(page)


def _webhooks(
    page: Page,
    *,
    fault: str | None = None,
    tried: Tried | None = None,
    secret: tuple[str, str] | None = None,
    given: _Wanted | None = None,
    changing: str | None = None,
) -> Response:
    """Show the page; ``secret`` is (whose, what), shown this once.

    ``given`` was typed in, of the webhook ``changing`` or of a new one.
    """
    with transaction(page.engine) as session:
        known = service.webhooks(session, page.actor)
    return page.html(
        "webhooks/webhooks.html",
        status=422 if fault else 200,
        section="/channels",
        known=known,
        fault=fault,
        tried=tried,
        secret=secret,
        given=given,
        changing=changing,
        steps=[step.value for step in Step],
    )


@router.post("")
def add_webhook(page: CurrentPage, carrying: Carrying, wanted: Wanted) -> Response:
    """Make a webhook; its secret is shown this once."""
    slug = wanted.slug.strip()

    def add() -> Response:
        with transaction(page.engine) as session:
            made = service.add(session, page.actor, carrying.hosts, slug, wanted.body())
        return _webhooks(page, secret=(made.webhook.name, made.secret))

    return do_or_say(page, add, lambda fault: _webhooks(page, fault=fault, given=wanted))


@router.post("/{slug}")
def change_webhook(page: CurrentPage, carrying: Carrying, slug: Slug, wanted: Wanted) -> Response:
    """Change a webhook."""

    def change() -> Response:
        with transaction(page.engine) as session:
            service.change(session, page.actor, carrying.hosts, slug, wanted.body())
        return see_other("/webhooks")

    return do_or_say(
        page, change, lambda fault: _webhooks(page, fault=fault, given=wanted, changing=slug)
    )


@router.post("/{slug}/remove")
def remove_webhook(page: CurrentPage, slug: Slug) -> Response:
    """Remove a webhook."""
    with transaction(page.engine) as session:
        service.remove(session, page.actor, slug)
    return see_other("/webhooks")


@router.post("/{slug}/test")
def try_webhook(page: CurrentPage, carrying: Carrying, slug: Slug) -> Response:
    """Post a test, and say what became of it."""

    def attempt() -> Response:
        return _webhooks(
            page, tried=service.try_webhook(page.engine, carrying.hosts, page.actor, slug)
        )

    return do_or_say(page, attempt, lambda fault: _webhooks(page, fault=fault))


@router.post("/{slug}/secret")
def renew_secret(page: CurrentPage, slug: Slug) -> Response:
    """Give a webhook a new secret, shown this once."""

    def renew() -> Response:
        with transaction(page.engine) as session:
            made = service.renew_secret(session, page.actor, slug)
        return _webhooks(page, secret=(slug, made.secret))

    return do_or_say(page, renew, lambda fault: _webhooks(page, fault=fault))


@router.post("/{slug}/resume")
def resume(page: CurrentPage, slug: Slug) -> Response:
    """Tell a webhook again that was let alone."""
    with transaction(page.engine) as session:
        service.resume(session, page.actor, slug)
    return see_other("/webhooks")


@router.get("/{slug}")
def messages(
    page: CurrentPage,
    slug: Slug,
    *,
    after: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = "",
    state: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """Show what a webhook was told, newest first."""
    known = {str(one): one for one in MessageState}
    return _messages(page, slug, after or None, known.get(state))


def _messages(
    page: Page,
    slug: str,
    after: str | None = None,
    state: MessageState | None = None,
    *,
    fault: str | None = None,
) -> Response:
    with transaction(page.engine) as session:
        found = service.messages(session, page.actor, slug, state=state, after=after)
        webhook = next(each for each in service.webhooks(session, page.actor) if each.slug == slug)
    return page.html(
        "webhooks/messages.html",
        status=422 if fault else 200,
        section="/channels",
        webhook=webhook,
        page=found,
        query={"after": after or "", "state": state or ""},
        states=[one.value for one in MessageState],
        fault=fault,
    )


@router.post("/{slug}/messages/redeliver")
def redeliver_all(page: CurrentPage, slug: Slug) -> Response:
    """Send all messages again that were given up."""
    return _send_again(page, slug)


@router.post("/{slug}/messages/{message}/redeliver")
def redeliver(page: CurrentPage, slug: Slug, message: int) -> Response:
    """Send a message again."""
    return _send_again(page, slug, message)


def _send_again(page: Page, slug: str, message: int | None = None) -> Response:
    try:
        with transaction(page.engine) as session:
            service.send_again(session, page.actor, slug, message)
    except ConflictError as error:
        return _messages(page, slug, fault=refusal_text(page.language, error))
    return see_other(f"/webhooks/{slug}")
