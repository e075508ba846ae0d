"""How the platform itself is doing."""

from fastapi import APIRouter
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage
from anju_platform.database import reading
from anju_platform.registry import listing

router = APIRouter(include_in_schema=False)


@router.get("/system")
def system(page: CurrentPage) -> Response:
    """Show gateways, devices and what the platform says of itself."""
    with reading(page.engine) as session:
        gateways = listing.gateways(session, page.community.id)
        devices = listing.device_counts(session, page.community.id)
    screens = page.request.app.state.feed.live_screens(page.community.id)
    return page.html(
        "system/system.html", section="/system", gateways=gateways, devices=devices, screens=screens
    )
