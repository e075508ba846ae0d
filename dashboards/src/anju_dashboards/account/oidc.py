"""Linking one's account to that at another provider, on a page that needs no script."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import of_kind, refusal_text
from anju_dashboards.words import N_
from anju_platform.accounts import guarding, linking
from anju_platform.auth.dependencies import TheDoor
from anju_platform.auth.entering import Door, prove_again
from anju_platform.auth.oidc import journey as journeys
from anju_platform.auth.oidc.journey import TheProvider
from anju_platform.auth.oidc.provider import DoubtError, Provider, SilentError
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError, TooManyAttemptsError

router = APIRouter(include_in_schema=False)

LINKS = "/me/oidc"


class Fault(StrEnum):
    """Why nobody was linked."""

    WRONG = "wrong"
    LOCKED = "locked"
    SILENT = "silent"
    DOUBTFUL = "doubtful"
    REFUSED = "refused"
    STALE = "stale"
    OVER = "over"
    TAKEN = "taken"


_WORDS = {
    Fault.WRONG: N_("The password or the code is wrong."),
    Fault.LOCKED: N_("%(name)s was asked too often from here. Try again in some minutes."),
    Fault.SILENT: N_("%(name)s does not answer now. Try again later."),
    Fault.DOUBTFUL: N_("What %(name)s answers cannot be relied on. Nothing was linked."),
    Fault.REFUSED: N_("%(name)s did not let you in. Nothing was linked."),
    Fault.STALE: N_(
        "%(name)s did not prove that it asked for your password just now. Log out there and try"
        " again. Nothing was linked."
    ),
    Fault.OVER: N_("That took too long, or was done elsewhere. Begin again."),
    Fault.TAKEN: N_(
        "That account at %(name)s is linked to somebody else here, or you to another."
        " Nothing was linked."
    ),
}
_OF_BEGINNING: dict[type[Exception], Fault] = {
    InvalidRequestError: Fault.WRONG,
    SilentError: Fault.SILENT,
    DoubtError: Fault.DOUBTFUL,
}


@router.get(LINKS)
def links(page: CurrentPage, door: TheDoor, provider: TheProvider, fault: str = "") -> Response:
    """Show whether the other provider's word is this person's log-in."""
    said = _say(page, provider, Fault(fault)) if fault in set(Fault) else None
    return _draw(page, door, provider, fault=said)


def _say(page: Page, provider: Provider, fault: Fault) -> str:
    return page.text(_WORDS[fault], name=provider.name)


@router.post(LINKS)
async def begin(
    page: CurrentPage,
    door: TheDoor,
    provider: TheProvider,
    *,
    password: Annotated[str, Form(max_length=256)],
    code: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Take password and code once more, and show the way to the provider."""
    try:
        url, begun = await provider.begin()  # first: a code is used up by being proven
        await run_in_threadpool(prove_again, door, page.actor, password, code)
    except TooManyAttemptsError as error:
        fault = refusal_text(page.language, error)
        return await run_in_threadpool(_draw, page, door, provider, fault=fault)
    except tuple(_OF_BEGINNING) as error:
        fault = _say(page, provider, of_kind(_OF_BEGINNING, error))
        return await run_in_threadpool(_draw, page, door, provider, fault=fault)
    answer = await run_in_threadpool(_draw, page, door, provider, way=url)
    own = page.actor.token_hash
    await run_in_threadpool(journeys.set_out, page.request, answer, begun, LINKS, link=own)
    return answer


@router.post(f"{LINKS}/unlink")
def unlink(page: CurrentPage, provider: TheProvider) -> Response:  # noqa: ARG001 - there is one
    """Let the provider's word be this person's log-in no more."""
    with transaction(page.engine) as session:
        linking.unlink(session, page.actor)
    return see_other(LINKS)


def _draw(
    page: Page,
    door: Door,
    provider: Provider,
    *,
    fault: str | None = None,
    way: str | None = None,
) -> Response:
    with reading(page.engine) as session:
        link = linking.own(session, page.actor, provider.issuer)
    return page.html(
        "account/oidc.html",
        status=422 if fault else 200,
        section="/me",
        provider=provider.name,
        link=link,
        with_code=guarding.view(door, page.actor).on,
        way=way,
        fault=fault,
    )
