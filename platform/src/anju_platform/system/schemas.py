"""What the system page shows."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from anju_platform.registry.schemas import DeviceCounts, GatewayView


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class LaneView(View):
    """How far one lane of a gateway's present epoch is stored."""

    lane: str
    committed: int
    updated_at: datetime


class GatewayHealth(View):
    """A gateway, its lanes, and since when it cannot be heard (null: it can)."""

    gateway: GatewayView
    lanes: tuple[LaneView, ...]
    blind_since: datetime | None


class LagView(View):
    """From a device's clock to ours, in seconds, over the events of the last 10 minutes.

    Null while there were none. A device whose clock is wrong counts as it says.
    """

    events: int
    p50_s: float | None
    p95_s: float | None
    worst_s: float | None


class OutboxView(View):
    """Messages not yet taken by a channel, and the age of the oldest, in seconds."""

    waiting: int
    oldest_s: float | None
    dead: int


class QuarantineCount(View):
    """What could not be taken in, by reason, and what of it still waits."""

    reason: str
    waiting: int
    last_day: int
    newest_at: datetime


class QuarantineView(View):
    """One thing in quarantine; ``payload`` is its beginning, as text."""

    id: int
    gateway: str | None
    received_at: datetime
    topic: str
    seq: int | None
    reason: str
    detail: str
    device: str | None
    payload: str
    released_at: datetime | None


class QuarantinePage(View):
    """One page of quarantine, newest first; ``page`` counts from 1."""

    rows: tuple[QuarantineView, ...]
    total: int
    page: int
    size: int


class SystemView(View):
    """Everything on the system page.

    ``points_per_s`` is null until two looks at least 5 s apart can be compared.
    ``events_per_min`` is over the last 5 minutes. ``live_screens`` counts this process's
    streams. ``stored_at`` is when a lane last moved.
    """

    at: datetime
    gateways: tuple[GatewayHealth, ...]
    devices: DeviceCounts
    lag: LagView
    stored_at: datetime | None
    points_per_s: float | None
    points_total: int
    events_per_min: float
    outbox: OutboxView
    quarantine: tuple[QuarantineCount, ...]
    database_bytes: int
    live_screens: int


class AuditView(View):
    """Who did or saw what."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    address: str | None
    data: dict[str, object]
