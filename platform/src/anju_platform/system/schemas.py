"""What the system page shows."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from anju_platform.canary.schemas import CanaryView
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
    """A gateway, its lanes, and since when it cannot be heard (null: it can).

    ``canary`` is how long its self-test takes; null while its agent never sent one.
    """

    gateway: GatewayView
    lanes: tuple[LaneView, ...]
    blind_since: datetime | None
    canary: CanaryView | None = None


class LagView(View):
    """From a device's clock to ours, in seconds, over the events of the last 10 minutes.

    Null while there were none. A device whose clock is wrong counts as it says.
    """

    events: int
    p50_s: float | None
    p95_s: float | None
    worst_s: float | None


class OutboxView(View):
    """Messages that are due and not yet taken by a channel, and since how many seconds.

    ``dead``: those of the last day that could not be delivered.
    """

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
    """One thing in quarantine; ``payload`` is its beginning, as text, for who may read it.

    ``detail`` says what was wrong with it, to who may not read it without what was said.
    """

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

    def without_payload(self) -> "QuarantineView":
        """Give it without what was said, of which the detail quotes the part that is wrong."""
        where, _, _ = self.detail.partition(":")
        return self.model_copy(update={"payload": "", "detail": where})


class QuarantinePage(View):
    """One page of quarantine, newest first; ``page`` counts from 1.

    ``next`` is what ``after`` must be to read on, null at the end.
    """

    rows: tuple[QuarantineView, ...]
    next: str | None = None
    total: int
    page: int
    size: int

    def without_payloads(self) -> "QuarantinePage":
        """Give the page without what was said."""
        rows = tuple(row.without_payload() for row in self.rows)
        return self.model_copy(update={"rows": rows})


class ProcessView(View):
    """One process of the platform and its latest word.

    ``state``: ``silent`` has given no sign of life for 15 s, ``still`` has a thread that does
    not move (for ``still_s``), ``standby`` is an ingest that takes nobody in because others do,
    ``deaf`` one that can hear nobody (for ``unheard_s``; null: it never could). Of an ingest:
    how many ``communities`` it takes in, how many messages wait and how long the first has,
    and, over the last minute, points per second, how long a commit takes and how long after
    the fact an event or a reading is stored (95 %).
    """

    name: str
    kind: str
    host: str
    started_at: datetime
    at: datetime
    age_s: float
    state: Literal["ok", "silent", "still", "standby", "deaf"]
    still_s: float
    memory_bytes: int | None
    communities: int | None = None
    unheard_s: float | None = None
    waiting: int | None = None
    waiting_s: float | None = None
    points_per_s: float | None = None
    commit_p95_s: float | None = None
    events_delay_s: float | None = None
    telemetry_delay_s: float | None = None


class Readiness(View):
    """Whether a web process can serve; ``error`` is a word for programs, null when it can.

    ``checks`` are ``ok`` or what is wrong: ``database``, ``schema`` and ``feed`` are what it
    needs itself; ``ingest``, ``worker`` and ``outbox`` are the other processes' work.
    """

    status: Literal["ready", "not ready"]
    error: str | None = None
    detail: str | None = None
    checks: dict[str, str]


class SystemView(View):
    """Everything on the system page.

    ``points_per_s`` is null until two looks at least 5 s apart can be compared.
    ``events_per_min`` is over the last 5 minutes. ``live_screens`` counts this process's
    streams. ``stored_at`` is when a lane last moved.
    """

    at: datetime
    processes: tuple[ProcessView, ...]
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


class AuditPage(View):
    """Entries, newest first; ``next`` is what ``after`` must be to read on, null at the end."""

    items: tuple[AuditView, ...]
    next: str | None
