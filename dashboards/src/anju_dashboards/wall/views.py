"""The wall and its parts."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from starlette.responses import Response

from anju_dashboards.alerts.incident import draw_incident
from anju_dashboards.devices.device import draw_panel
from anju_dashboards.pages import CurrentPage, see_other, start_of
from anju_platform.alerts import service
from anju_platform.alerts.schemas import AlertView
from anju_platform.alerts.windows.service import going_on
from anju_platform.auth.dependencies import CurrentActor, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading
from anju_platform.duty.handing_over import open_now
from anju_platform.registry.listing import device_counts

router = APIRouter(include_in_schema=False)


@router.get("/")
def root(actor: CurrentActor) -> Response:
    """Start where this person's work is."""
    return see_other(start_of(actor))


@router.get("/wall")
def wall(page: CurrentPage, post: Annotated[int, Query(ge=1, le=99)] = 1) -> Response:
    """Show the open alerts, the plan, and room for the selected one; ``post`` is which desk.

    A guard's wall says that it is alive; others look on, and nobody relies on them. Who has no
    wall is sent where they begin.
    """
    if not page.actor.may(Right.WATCH):
        return see_other(start_of(page.actor))
    with reading(page.engine) as session:
        alerts = service.open_alerts(session, page.actor)
        counts = service.counts(session, page.community.id)
        devices = device_counts(session, page.community.id)
        windows = going_on(session, page.community.id)
        changes = open_now(session, page.community.id, page.clock.now)
    return page.html(
        "wall/wall.html",
        alerts=sorted(alerts, key=_order),
        counts=counts,
        devices=devices,
        going_on=windows,
        hand_overs=[one for one in changes if page.actor.user_id in one.concerns],
        actor_id=page.actor.user_id,
        post=page.text("Duty desk %(n)s", n=post),
        screen=f"wall-{post}",
        desk=uuid4() if page.actor.may(Right.SIT) else None,
    )


def _order(alert: AlertView) -> tuple[int, float]:
    """Give the order of rows, the same as the browser keeps: what came again is new again."""
    return alert.severity, -alert.activated_at.timestamp()


@router.get("/wall/alerts/{alert_id}", dependencies=[require(Right.SEE_ALERTS)])
def selected(
    page: CurrentPage,
    alert_id: UUID,
    *,
    whole: bool = False,
    screen: Annotated[str, Query(max_length=64)] = "wall-1",
) -> Response:
    """Draw one alert for the wall's panel, or (``whole``) for its own page."""
    return draw_incident(page, alert_id, screen="alert" if whole else screen)


@router.get("/wall/devices/{slug}", dependencies=[require(Right.SEE_DEVICES)])
def picked(page: CurrentPage, slug: str) -> Response:
    """Draw the device picked on the plan."""
    return draw_panel(page, slug)
