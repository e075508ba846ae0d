"""HTTP of groups, rotas and hand-overs."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from anju_platform.alerts.schemas import AlertView
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import now, reading, transaction
from anju_platform.duty import groups as group_service
from anju_platform.duty import handing_over
from anju_platform.duty import rotas as rota_service
from anju_platform.duty.schemas import (
    DutyView,
    GroupBody,
    GroupView,
    HandOverView,
    OverrideBody,
    RotaBody,
    RotaView,
    TakeOverBody,
)

router = APIRouter(tags=["duty"])

Watcher = Annotated[Actor, require(Right.WATCH)]
Planner = Annotated[Actor, require(Right.SEE_PLANS)]
Keeper = Annotated[Actor, require(Right.KEEP_ROTA)]
Handler = Annotated[Actor, require(Right.HANDLE)]
Id = Annotated[int, Path(ge=1, le=2**62)]


@router.get("/groups")
def groups(database: Database, actor: Planner) -> tuple[GroupView, ...]:
    """Give the groups of people that plans may call."""
    with reading(database) as session:
        return group_service.groups(session, actor)


@router.post("/groups", status_code=201)
def add_group(database: Database, actor: Keeper, body: GroupBody) -> tuple[GroupView, ...]:
    """Make a group; gives all of them."""
    with transaction(database) as session:
        return group_service.add(session, actor, body)


@router.put("/groups/{group_id}")
def change_group(
    database: Database, actor: Keeper, group_id: Id, body: GroupBody
) -> tuple[GroupView, ...]:
    """Change a group's name and members; gives all groups."""
    with transaction(database) as session:
        return group_service.change(session, actor, group_id, body)


@router.delete("/groups/{group_id}", status_code=204)
def remove_group(database: Database, actor: Keeper, group_id: Id) -> None:
    """Remove a group that no plan calls."""
    with transaction(database) as session:
        group_service.remove(session, actor, group_id)


@router.get("/rotas")
def rotas(database: Database, actor: Watcher) -> tuple[RotaView, ...]:
    """Give the duty rotas: who is on duty now, and when nobody will be."""
    with reading(database) as session:
        return rota_service.rotas(session, actor)


@router.post("/rotas", status_code=201)
def add_rota(database: Database, actor: Keeper, body: RotaBody) -> RotaView:
    """Make a rota."""
    with transaction(database) as session:
        return rota_service.add(session, actor, body)


@router.put("/rotas/{rota_id}")
def change_rota(database: Database, actor: Keeper, rota_id: Id, body: RotaBody) -> RotaView:
    """Change a rota; ``version`` is the one that was seen."""
    with transaction(database) as session:
        return rota_service.change(session, actor, rota_id, body)


@router.delete("/rotas/{rota_id}", status_code=204)
def remove_rota(database: Database, actor: Keeper, rota_id: Id) -> None:
    """Remove a rota that no plan calls."""
    with transaction(database) as session:
        rota_service.remove(session, actor, rota_id)


@router.get("/rotas/{rota_id}/duties")
def duties(
    database: Database,
    actor: Watcher,
    rota_id: Id,
    start: Annotated[AwareDatetime | None, Query()] = None,
    end: Annotated[AwareDatetime | None, Query()] = None,
) -> tuple[DutyView, ...]:
    """Give who is on duty, without a gap, from ``start`` (none: now) for a week or to ``end``."""
    with reading(database) as session:
        return rota_service.look(session, actor, rota_id, start or now(), end)


@router.post("/rotas/{rota_id}/overrides", status_code=201)
def add_override(database: Database, actor: Keeper, rota_id: Id, body: OverrideBody) -> RotaView:
    """Let other people be on duty at a time of one day."""
    with transaction(database) as session:
        return rota_service.add_override(session, actor, rota_id, body)


@router.delete("/rotas/{rota_id}/overrides/{override_id}")
def remove_override(database: Database, actor: Keeper, rota_id: Id, override_id: Id) -> RotaView:
    """Go back to the pattern at that time."""
    with transaction(database) as session:
        return rota_service.remove_override(session, actor, rota_id, override_id)


@router.get("/rotas/{rota_id}/hand-overs")
def hand_overs(database: Database, actor: Watcher, rota_id: Id) -> tuple[HandOverView, ...]:
    """Give how a rota was handed over lately, the latest first."""
    with reading(database) as session:
        return handing_over.history(session, actor, rota_id)


@router.get("/rotas/{rota_id}/hand-overs/open")
def passes(database: Database, actor: Handler, rota_id: Id) -> tuple[AlertView, ...]:
    """Give the open alerts that pass from those who leave to whoever takes over."""
    with reading(database) as session:
        return handing_over.passes(session, actor, rota_id)


@router.post("/rotas/{rota_id}/hand-overs", status_code=201)
def take_over(database: Database, actor: Handler, rota_id: Id, body: TakeOverBody) -> HandOverView:
    """Take the duty over at a change of shift; only one of those who come on, and only once."""
    with transaction(database) as session:
        return handing_over.take_over(session, actor, rota_id, body)
