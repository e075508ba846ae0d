"""HTTP of receipts."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from anju_platform.auth.dependencies import CurrentActor, Database
from anju_platform.database import transaction
from anju_platform.notifications import receipts

router = APIRouter(tags=["notifications"])


class Receipts(BaseModel):
    """Which alerts a screen shows, and whether somebody looked."""

    alerts: list[UUID] = Field(max_length=1000)
    kind: receipts.ReceiptKind
    screen: str = Field(default="api", max_length=64)


class Settled(BaseModel):
    """How many messages that settled."""

    settled: int


@router.post("/receipts")
def take(database: Database, actor: CurrentActor, body: Receipts) -> Settled:
    """Note that this person's screen shows these alerts, or that they were looked at."""
    with transaction(database) as session:
        return Settled(settled=receipts.take(session, actor, body.alerts, body.kind))
