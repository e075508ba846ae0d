"""HTTP of devices that speak and are not known yet."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading
from anju_platform.lanes import repository
from anju_platform.lanes.intake import fitting
from anju_platform.lanes.schemas import WaitingDevice, WaitingPage
from anju_platform.paging import Number

router = APIRouter(tags=["registry"])


class WaitingQuery(BaseModel):
    """After which ``next`` of the page before."""

    after: Number | None = None
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/waiting-devices")
def waiting_devices(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_DEVICES)],
    query: Annotated[WaitingQuery, Query()],
) -> WaitingPage:
    """Give the devices that speak and wait to be approved, who was heard first last."""
    with reading(database) as session:
        found, onward = repository.strangers(
            session, actor.community_id, after=query.after, limit=query.limit
        )
    items = tuple(
        WaitingDevice(
            slug=one.slug,
            gateway=one.gateway,
            gateway_name=one.gateway_name,
            gateway_name_en=one.gateway_name_en,
            batches=one.batches,
            first_at=one.first_at,
            newest_at=one.newest_at,
            fits=tuple(model.name for model in fitting(one.payload)),
            retired=one.is_retired,
        )
        for one in found
    )
    return WaitingPage(items=items, next=onward)
