"""How the platform itself is doing."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, see_other
from anju_platform.alerts.load.repository import load_view
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.screens import service as screens
from anju_platform.system.service import system_view

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_SYSTEM)])


@router.get("/system")
def system(page: CurrentPage) -> Response:
    """Show gateways, lag, rates, outbox, quarantine and storage."""
    state = page.request.app.state
    with reading(page.engine) as session:
        view = system_view(
            session,
            page.community.id,
            live_screens=state.feed.live_screens(page.community.id),
            rate=state.points_rate,
            unclaimed=page.actor.everywhere,
        )
        posts = screens.posts(session, page.community.id)
        load = load_view(session, page.community.id, page.clock.now)
    return page.html("system/system.html", section="/system", system=view, posts=posts, load=load)


@router.post("/system/posts/{post}/retire")
def retire(page: CurrentPage, post: Annotated[str, Path(max_length=64)]) -> Response:
    """Forget a duty desk that is no longer there."""
    page.actor.demand(Right.KEEP_POSTS)
    with transaction(page.engine) as session:
        screens.retire(session, page.actor, post)
    return see_other("/system")
