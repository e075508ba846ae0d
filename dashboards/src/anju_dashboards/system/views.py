"""How the platform itself is doing."""

from fastapi import APIRouter
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage
from anju_platform.auth.model import Role
from anju_platform.database import reading
from anju_platform.system.service import system_view

router = APIRouter(include_in_schema=False)


@router.get("/system")
def system(page: CurrentPage) -> Response:
    """Show gateways, lag, rates, outbox, quarantine and storage, to staff."""
    page.actor.demand(Role.PROPERTY, Role.ADMIN)
    state = page.request.app.state
    with reading(page.engine) as session:
        view = system_view(
            session,
            page.community.id,
            live_screens=state.feed.live_screens(page.community.id),
            rate=state.points_rate,
            unclaimed=page.actor.everywhere,
        )
    return page.html("system/system.html", section="/system", system=view)
