"""Work and drills: what goes on, what is planned, and ending it; with or without scripts."""

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, plain_text, see_other
from anju_dashboards.words import WINDOW
from anju_platform.alerts.windows import service
from anju_platform.alerts.windows.schemas import DrillBody, MaintenanceBody, WindowView
from anju_platform.audit.service import record
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.export import csv_response, whole_table
from anju_platform.registry.places import repository
from anju_platform.rulebook import overview

router = APIRouter(include_in_schema=False)

Slug = Annotated[str, Form(max_length=64)]
Reason = Annotated[str, Form(max_length=500)]
Begins = Annotated[str, Form(max_length=40)]
"""Day and time on the site; nothing: now."""
Rules = Annotated[list[str], Form(max_length=100)]
"""Ids of rules; none: all."""
Minutes = Annotated[int, Form(ge=1, le=100_000)]

_SHOWN = 20
"""So much of what is over is shown at once."""
_CSV = (
    "id",
    "kind",
    "place",
    "device",
    "reason",
    "begins",
    "ends",
    "by",
    "ended_early_by",
    "for_life",
    "rules",
)
LASTS_MIN = (30, 60, 120, 240, 480, 1_440, 4_320, 10_080)
DRILL_LASTS_MIN = (30, 60, 120, 240)


@router.get("/maintenance", dependencies=[require(Right.SEE_DEVICES)])
def maintenance(page: CurrentPage, device: Annotated[str, Query(max_length=64)] = "") -> Response:
    """Show what goes on and is planned; ``device`` is filled in for whoever comes from it."""
    return _draw(page, given={"device": device})


@router.get("/maintenance.csv", dependencies=[require(Right.SEE_DEVICES), require(Right.EXPORT)])
def maintenance_csv(page: CurrentPage) -> Response:
    """Give all work and drills there ever were as a table for a spreadsheet; on record."""
    at = page.clock.now  # one for both: what ends meanwhile stands in one of them
    with transaction(page.engine) as session:
        still = service.open_windows(session, page.actor.community_id, at)
        total = service.count(session, page.actor)
        record(session, page.actor, "windows.exported", "windows", {"rows": total})
    former = whole_table(
        page.engine, lambda session, after: service.over_rows(session, page.actor, at, after)
    )
    return csv_response("maintenance.csv", _CSV, (_line(page, one) for one in (*still, *former)))


def _line(page: Page, one: WindowView) -> dict[str, object]:
    pick = page.language.pick
    return {
        "id": one.id,
        "kind": page.text(WINDOW[one.kind]),
        "place": pick(one.place_label or "", one.place_label_en or ""),
        "device": one.device,
        "reason": one.reason,
        "begins": page.clock.full(one.starts_at),
        "ends": page.clock.full(one.ends_at),
        "by": one.created_by,
        "ended_early_by": one.ended_by,
        "for_life": page.text("yes") if one.for_life else None,
        "rules": " ".join(one.rules),
    }


@router.post("/maintenance/work", dependencies=[require(Right.PLAN_WORK)])
def plan_work(
    page: CurrentPage,
    *,
    place: Slug = "",
    device: Slug = "",
    begins: Begins = "",
    minutes: Minutes,
    reason: Reason = "",
    for_life: Annotated[bool, Form()] = False,
) -> Response:
    """Plan work, or begin it."""
    given = {"place": place, "device": device, "begins": begins, "minutes": minutes}

    def plan(session: Session) -> None:
        body = MaintenanceBody(
            place=plain_text(place.strip()),
            device=plain_text(device.strip()),
            for_life=for_life,
            reason=reason,
            **_times(page, begins, minutes),
        )
        service.plan_maintenance(session, page.actor, body)

    return _planned(page, plan, given | {"reason": reason, "for_life": for_life})


@router.post("/maintenance/drill", dependencies=[require(Right.RUN_DRILLS)])
def plan_drill(
    page: CurrentPage,
    *,
    place: Slug = "",
    begins: Begins = "",
    minutes: Minutes,
    reason: Reason = "",
    rules: Rules = [],  # noqa: B006 - only read
) -> Response:
    """Plan a drill, or begin it: of all rules, or of some."""

    def plan(session: Session) -> None:
        body = DrillBody(
            place=plain_text(place.strip()),
            reason=reason,
            rules=tuple(rules),
            **_times(page, begins, minutes),
        )
        service.plan_drill(session, page.actor, body)

    given = {"drill_place": place, "drill_begins": begins, "drill_minutes": minutes}
    return _planned(page, plan, given | {"drill_reason": reason, "drill_rules": rules})


@router.post("/maintenance/{window_id}/end", dependencies=[require(Right.END_WINDOWS)])
def end(page: CurrentPage, window_id: int) -> Response:
    """End work or a drill before its time."""
    with transaction(page.engine) as session:
        service.end(session, page.actor, window_id)
    return see_other("/maintenance")


def _times(page: Page, begins: str, minutes: int) -> dict[str, Any]:
    at = page.clock.moment(begins) if begins else None
    return {"starts_at": at, "ends_at": (at or page.clock.now) + timedelta(minutes=minutes)}


def _planned(page: Page, plan: Callable[[Session], None], given: dict[str, Any]) -> Response:
    """Plan it, or show the page with what was wrong and what was typed in."""
    try:
        with transaction(page.engine) as session:
            plan(session)
    except NotFoundError:
        fault = page.text("There is no such place, device or rule: give its id, such as b1-door.")
    except ConflictError:
        fault = page.text("There is such work already, or too much is planned: end it first.")
    except (InvalidRequestError, ValidationError, ValueError, OverflowError):
        fault = page.text(
            "Name a place or a device, say why, and choose a time to come. Life-safety alarms are"
            " muted of one device only, for 4 hours at most; a drill lasts 4 hours at most."
        )
    else:
        return see_other("/maintenance")
    return _draw(page, fault=fault, given=given)


def _draw(page: Page, *, fault: str | None = None, given: dict[str, Any]) -> Response:
    query = page.request.query_params
    after = query.get("over") or None
    with reading(page.engine) as session:
        windows = service.open_windows(session, page.actor.community_id)
        over = service.over(session, page.actor, after=after, limit=_SHOWN)
        places = repository.slugs(session, page.community.id)
        rules = overview.rows(session, page.community.id)
    return page.html(
        "maintenance/maintenance.html",
        status=422 if fault else 200,
        section="/maintenance",
        windows=windows,
        over=over,
        query=dict(query),
        places=places,
        rules=sorted(
            (one for one in rules if one.active), key=lambda one: (one.severity or 9, one.id)
        ),
        titles={one.id: page.language.pick(one.title, one.title_en) for one in rules},
        fault=fault,
        given=defaultdict(str, given),
        lasts=LASTS_MIN,
        drill_lasts=DRILL_LASTS_MIN,
    )
