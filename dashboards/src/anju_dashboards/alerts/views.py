"""The page of one alert, and what people do about it."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, UploadFile
from sqlalchemy.orm import Session
from starlette.responses import Response

from anju_dashboards.alerts.incident import (
    PAGE_SCREEN,
    draw_asked,
    draw_incident,
    faster,
    incident_context,
)
from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_platform.alerts import service
from anju_platform.alerts.model import Cause
from anju_platform.alerts.schemas import AlertView
from anju_platform.alerts.service import AlertChangedError
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.auth.service import assignable
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError, NotFoundError

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_ALERTS)])
_TAKE_ON = [require(Right.TAKE_ON)]
_HANDLE = [require(Right.HANDLE)]

Screen = Annotated[str, Form(max_length=64)]
Version = Annotated[int, Form(ge=1)]


@router.get("/alerts/{alert_id}")
def alert_page(page: CurrentPage, alert_id: UUID) -> Response:
    """Show one alert with all that happened, on one address; prints well."""
    context = incident_context(page, alert_id, screen=PAGE_SCREEN)
    return page.html("alerts/alert.html", section="/alerts", **context)


@router.post("/alerts/{alert_id}/ack", dependencies=_TAKE_ON)
def acknowledge(page: CurrentPage, alert_id: UUID, version: Version, screen: Screen) -> Response:
    """Take an alert on."""
    return _act(
        page,
        alert_id,
        screen,
        lambda session: service.acknowledge(
            session, page.actor, alert_id, version=version, screen=screen
        ),
    )


@router.get("/alerts/{alert_id}/dispatch", dependencies=_HANDLE)
def ask_whom(
    page: CurrentPage, alert_id: UUID, screen: Annotated[str, Query(max_length=64)] = PAGE_SCREEN
) -> Response:
    """Ask whom to send."""
    return _ask(page, alert_id, "alerts/ask_dispatch.html", screen)


@router.post("/alerts/{alert_id}/dispatch", dependencies=_HANDLE)
def dispatch(
    page: CurrentPage,
    alert_id: UUID,
    version: Version,
    screen: Screen,
    user_id: Annotated[int, Form()],
) -> Response:
    """Send a person."""
    return _act(
        page,
        alert_id,
        screen,
        lambda session: service.dispatch(
            session, page.actor, alert_id, user_id=user_id, version=version, screen=screen
        ),
    )


@router.get("/alerts/{alert_id}/close", dependencies=_HANDLE)
def ask_cause(
    page: CurrentPage, alert_id: UUID, screen: Annotated[str, Query(max_length=64)] = PAGE_SCREEN
) -> Response:
    """Ask for the cause."""
    return _ask(page, alert_id, "alerts/ask_close.html", screen)


@router.post("/alerts/{alert_id}/close", dependencies=_HANDLE)
def close(
    page: CurrentPage,
    alert_id: UUID,
    *,
    version: Version,
    screen: Screen,
    cause: Annotated[Cause | None, Form()] = None,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Close an alert; without a cause, ask again and say so."""
    try:
        return _act(
            page,
            alert_id,
            screen,
            lambda session: service.close(
                session,
                page.actor,
                alert_id,
                version=version,
                cause=cause,
                note=note.strip(),
                screen=screen,
            ),
        )
    except InvalidRequestError:
        missing = page.text("Choose a cause; it is how the rules learn.")
        given = {"cause": "", "note": note}
        form = "alerts/ask_close.html"
        return _ask(page, alert_id, form, screen, notice=missing, given=given, status=422)


@router.get("/alerts/{alert_id}/shelve", dependencies=_HANDLE)
def ask_how_long(
    page: CurrentPage, alert_id: UUID, screen: Annotated[str, Query(max_length=64)] = PAGE_SCREEN
) -> Response:
    """Ask for how long and why it is put aside."""
    return _ask(page, alert_id, "alerts/ask_shelve.html", screen)


@router.post("/alerts/{alert_id}/shelve", dependencies=_HANDLE)
def shelve(
    page: CurrentPage,
    alert_id: UUID,
    *,
    version: Version,
    screen: Screen,
    minutes: Annotated[int, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
    agree_to: Annotated[int | None, Form()] = None,
) -> Response:
    """Put an alert aside, or agree to that; without a reason, ask again and say so."""
    try:
        return _act(
            page,
            alert_id,
            screen,
            lambda session: service.shelve(
                session,
                page.actor,
                alert_id,
                minutes=minutes,
                reason=reason,
                agree_to=agree_to,
                version=version,
                screen=screen,
            ),
        )
    except InvalidRequestError:
        missing = page.text("Say why, and choose one of the times.")
        given = {"minutes": minutes, "reason": reason}
        form = "alerts/ask_shelve.html"
        return _ask(page, alert_id, form, screen, notice=missing, given=given, status=422)


@router.post("/alerts/{alert_id}/unshelve", dependencies=_HANDLE)
def unshelve(page: CurrentPage, alert_id: UUID, version: Version, screen: Screen) -> Response:
    """Take an alert up again before its time."""
    return _act(
        page,
        alert_id,
        screen,
        lambda session: service.unshelve(
            session, page.actor, alert_id, version=version, screen=screen
        ),
    )


@router.post("/alerts/{alert_id}/comment", dependencies=_TAKE_ON)
def comment(
    page: CurrentPage,
    alert_id: UUID,
    screen: Screen,
    text: Annotated[str, Form(max_length=2000)] = "",
    photo: UploadFile | None = None,
) -> Response:
    """Add a note, a photo or both to the timeline; what is no picture is said on the page."""
    content = photo.file.read() if photo is not None else b""
    try:
        return _act(
            page,
            alert_id,
            screen,
            lambda session: service.comment(
                session,
                page.actor,
                alert_id,
                text=text,
                photo=service.Photo(content, page.settings.media_keep_days) if content else None,
                screen=screen,
            ),
        )
    except InvalidRequestError:
        said = (
            page.text(
                "This is no picture that can be kept. Send a JPEG, PNG or WebP of 12 MB at most."
            )
            if content
            else page.text("Write something, or choose a photo.")
        )
        return _shown(page, alert_id, screen, notice=said, status=422)


def _act(
    page: Page, alert_id: UUID, screen: str, action: Callable[[Session], AlertView]
) -> Response:
    """Do it, and show the alert as it then stands; on a conflict, as it stands anyway."""
    notice, status = None, 200
    try:
        with transaction(page.engine) as session:
            action(session)
    except AlertChangedError as changed:
        notice, status = faster(page, changed.alert), 409
    if notice is None and not page.partial:
        return see_other(f"/alerts/{alert_id}")
    return _shown(page, alert_id, screen, notice=notice, status=status)


def _shown(page: Page, alert_id: UUID, screen: str, *, notice: str | None, status: int) -> Response:
    if page.partial:
        return draw_incident(page, alert_id, screen=screen, notice=notice, status=status)
    context = incident_context(page, alert_id, screen=PAGE_SCREEN)
    return page.html(
        "alerts/alert.html", status=status, notice=notice, section="/alerts", **context
    )


def _ask(
    page: Page, alert_id: UUID, form: str, screen: str, *, status: int = 200, **context: Any
) -> Response:
    with reading(page.engine) as session:
        alert = service.one_alert(session, page.community.id, alert_id)
        people = assignable(session, page.community.id)
    if alert is None:
        raise NotFoundError("there is no such alert")
    for_life = service.is_for_life(alert)
    known = {
        "alert": alert,
        "people": people,
        "screen": screen,
        "given": {"cause": "", "note": "", "minutes": 0, "reason": ""},
        "for_life": for_life,
        "choices": (5, 10, 15) if for_life else (15, 30, 60, 120),
    }
    return draw_asked(page, form, status=status, **(known | context))
