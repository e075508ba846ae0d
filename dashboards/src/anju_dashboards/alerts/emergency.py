"""The card for whoever dials 120, 119 or 110: what to say, in the order in which it is asked."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from anju_dashboards.alerts.incident import draw_asked, draw_incident, faster
from anju_dashboards.pages import CurrentPage, see_other
from anju_dashboards.words import N_
from anju_platform.alerts import emergency
from anju_platform.alerts.service import AlertChangedError
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import transaction

router = APIRouter(include_in_schema=False, dependencies=[require(Right.TAKE_ON)])

NUMBERS = {
    "120": N_("Ambulance"),
    "119": N_("Fire brigade"),
    "110": N_("Police"),
}
_FIRST = {
    "119": {"flame", "alarm-smoke", "elevator"},
    "110": {"door"},
}
"""By an alert's icon whom to call first; else an ambulance."""


@router.post("/alerts/{alert_id}/card")
def open_card(
    page: CurrentPage, alert_id: UUID, screen: Annotated[str, Form(max_length=64)]
) -> Response:
    """Open the card; the look is on record."""
    try:
        with transaction(page.engine) as session:
            card = emergency.open_card(session, page.actor, alert_id, screen=screen)
    except AlertChangedError as changed:
        if not page.partial:
            return see_other(f"/alerts/{alert_id}")
        notice = faster(page, changed.alert)
        return draw_incident(page, alert_id, screen=screen, notice=notice, status=409)
    first = next((n for n, icons in _FIRST.items() if card.alert.icon in icons), "120")
    numbers = sorted(NUMBERS, key=lambda number: number != first)
    ages = [_age(one.born_on, page.clock.local(page.clock.now)) for one in card.residents]
    return draw_asked(
        page,
        "alerts/emergency_card.html",
        card=card,
        alert=card.alert,
        numbers=[(number, NUMBERS[number]) for number in numbers],
        ages=ages,
    )


def _age(born_on: date | None, today: date) -> int | None:
    if born_on is None:
        return None
    had_birthday = (today.month, today.day) >= (born_on.month, born_on.day)
    return today.year - born_on.year - (not had_birthday)
