"""HTTP of alerts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from anju_platform.alerts import emergency, service
from anju_platform.alerts.load.repository import load_view
from anju_platform.alerts.load.schemas import LoadView
from anju_platform.alerts.schemas import (
    AckRequest,
    AlertCounts,
    AlertDetail,
    AlertPage,
    AlertView,
    CardRequest,
    CloseRequest,
    CommentRequest,
    DispatchRequest,
    EmergencyCard,
    HistoryFilter,
    ShelveRequest,
)
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import now, reading, transaction
from anju_platform.export import CsvResponse, csv_response
from anju_platform.media.endpoints import whole_body
from anju_platform.pictures import MAX_BYTES

router = APIRouter(prefix="/alerts", tags=["alerts"])

_MOST_EXPORTED = 10_000


_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_PHOTO = {
    "requestBody": {
        "required": True,
        "content": {f"image/{kind}": _PICTURE for kind in ("jpeg", "png", "webp")},
    }
}


class PhotoQuery(BaseModel):
    """What is said beside a photo."""

    text: str = Field(default="", max_length=2000)
    screen: str = Field(default="api", max_length=64)


class HistoryQuery(HistoryFilter):
    """A filter and which page of it: by its number, or after an alert (``next``)."""

    after: UUID | None = None

    page: int = Field(default=1, ge=1, le=100_000)
    size: int = Field(default=50, ge=1, le=200)


@router.get("")
def list_open(
    database: Database, actor: Annotated[Actor, require(Right.SEE_ALERTS)]
) -> list[AlertView]:
    """Give the open alerts, P1 first, newest first."""
    with reading(database) as session:
        return service.open_alerts(session, actor)


@router.get("/load")
def load(database: Database, actor: Annotated[Actor, require(Right.WATCH)]) -> LoadView:
    """Give how many alerts come to each person on duty, what lasts, and what rings most."""
    with reading(database) as session:
        return load_view(session, actor.community_id, now())


@router.get("/counts")
def count(database: Database, actor: Annotated[Actor, require(Right.WATCH)]) -> AlertCounts:
    """Give the numbers at the top of the wall."""
    with reading(database) as session:
        return service.counts(session, actor.community_id)


@router.get("/history")
def history(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_ALERTS)],
    query: Annotated[HistoryQuery, Query()],
) -> AlertPage:
    """Give one page of all alerts that match, newest first."""
    with reading(database) as session:
        return service.history(
            session, actor, query, page=query.page, size=query.size, after=query.after
        )


@router.get("/history.csv", response_class=CsvResponse)
def export(
    database: Database,
    actor: Annotated[Actor, require(Right.EXPORT)],
    query: Annotated[HistoryFilter, Query()],
) -> CsvResponse:
    """Give the newest 10,000 alerts that match, as CSV."""
    with transaction(database) as session:
        found = service.history(session, actor, query, size=_MOST_EXPORTED)
        record(session, actor, "alerts.exported", "alerts", {"rows": len(found.rows)})
    return csv_response(
        "alerts.csv", list(AlertView.model_fields), (row.model_dump() for row in found.rows)
    )


@router.get("/{alert_id}")
def detail(
    database: Database, actor: Annotated[Actor, require(Right.SEE_ALERTS)], alert_id: UUID
) -> AlertDetail:
    """Give all about one alert; reading a home's contacts is audited."""
    with transaction(database) as session:
        return service.alert_detail(session, actor, alert_id)


@router.post("/{alert_id}/ack")
def acknowledge(
    database: Database,
    actor: Annotated[Actor, require(Right.TAKE_ON)],
    alert_id: UUID,
    request: AckRequest,
) -> AlertView:
    """Take an alert on; the first wins, the second gets 409 with the present state."""
    with transaction(database) as session:
        return service.acknowledge(
            session, actor, alert_id, version=request.version, screen=request.screen
        )


@router.post("/{alert_id}/dispatch")
def dispatch(
    database: Database,
    actor: Annotated[Actor, require(Right.HANDLE)],
    alert_id: UUID,
    request: DispatchRequest,
) -> AlertView:
    """Send a person."""
    with transaction(database) as session:
        return service.dispatch(
            session,
            actor,
            alert_id,
            user_id=request.user_id,
            version=request.version,
            screen=request.screen,
        )


@router.post("/{alert_id}/close")
def close(
    database: Database,
    actor: Annotated[Actor, require(Right.HANDLE)],
    alert_id: UUID,
    request: CloseRequest,
) -> AlertView:
    """Close with a cause."""
    with transaction(database) as session:
        return service.close(
            session,
            actor,
            alert_id,
            version=request.version,
            cause=request.cause,
            note=request.note,
            screen=request.screen,
        )


@router.post("/{alert_id}/shelve")
def shelve(
    database: Database,
    actor: Annotated[Actor, require(Right.HANDLE)],
    alert_id: UUID,
    request: ShelveRequest,
) -> AlertView:
    """Put aside; what a life may hang on (P1, latching) only when a second person does so too."""
    with transaction(database) as session:
        return service.shelve(
            session,
            actor,
            alert_id,
            minutes=request.minutes,
            reason=request.reason,
            agree_to=request.agree_to,
            version=request.version,
            screen=request.screen,
        )


@router.post("/{alert_id}/unshelve")
def unshelve(
    database: Database,
    actor: Annotated[Actor, require(Right.HANDLE)],
    alert_id: UUID,
    request: AckRequest,
) -> AlertView:
    """Take it up again before its time."""
    with transaction(database) as session:
        return service.unshelve(
            session, actor, alert_id, version=request.version, screen=request.screen
        )


@router.post("/{alert_id}/comments")
def comment(
    database: Database,
    actor: Annotated[Actor, require(Right.TAKE_ON)],
    alert_id: UUID,
    request: CommentRequest,
) -> AlertView:
    """Add words to the timeline."""
    with transaction(database) as session:
        return service.comment(session, actor, alert_id, text=request.text, screen=request.screen)


@router.post("/{alert_id}/photos", openapi_extra=_PHOTO)
async def add_photo(
    request: Request,
    database: Database,
    actor: Annotated[Actor, require(Right.TAKE_ON)],
    alert_id: UUID,
    query: Annotated[PhotoQuery, Query()],
) -> AlertView:
    """Add a photo to the timeline: a JPEG, PNG or WebP, which is drawn anew and kept for a time."""
    content = await whole_body(request, MAX_BYTES)
    photo = service.Photo(content, request.app.state.settings.media_keep_days)

    def add() -> AlertView:
        with transaction(database) as session:
            return service.comment(
                session, actor, alert_id, text=query.text, photo=photo, screen=query.screen
            )

    return await run_in_threadpool(add)


@router.post("/{alert_id}/emergency-card")
def open_card(
    database: Database,
    actor: Annotated[Actor, require(Right.TAKE_ON)],
    alert_id: UUID,
    request: CardRequest,
) -> EmergencyCard:
    """Open what to say to 120, 119 or 110: of an open P1 only; the look is audited."""
    with transaction(database) as session:
        return emergency.open_card(session, actor, alert_id, screen=request.screen)


@router.put("/{alert_id}/going")
def go(
    database: Database, actor: Annotated[Actor, require(Right.OWN_HOMES)], alert_id: UUID
) -> AlertView:
    """Say that one of the family goes there; 409 with who goes already."""
    with transaction(database) as session:
        return service.go(session, actor, alert_id, screen="family")


@router.delete("/{alert_id}/going")
def stay(
    database: Database, actor: Annotated[Actor, require(Right.OWN_HOMES)], alert_id: UUID
) -> AlertView:
    """Say that one does not go after all."""
    with transaction(database) as session:
        return service.stay(session, actor, alert_id, screen="family")
