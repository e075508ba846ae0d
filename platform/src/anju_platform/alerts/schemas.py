"""What screens and the JSON API see of alerts: frozen views, shared by templates and endpoints.

Times are UTC; ``*_en`` fields hold the English words of the Chinese field beside them.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from anju_platform.alerts.model import Cause, Condition, Handling, Mode
from anju_platform.people.schemas import ContactView


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class AlertView(View):
    """One alert, as a row of a list.

    ``place`` is the whole place in words; ``x``/``y`` are metres on the site plan, taken
    from the nearest placed ancestor. ``late_s`` says how long after the fact it was
    detected; ``flapping`` that it comes and goes. ``owner`` is whom it was dispatched to, else
    who acknowledged it; ``going`` is who of the family goes there. ``step`` is how far calling
    others has come.
    """

    id: UUID
    version: int
    rule_id: str
    severity: int
    title: str
    title_en: str
    icon: str
    condition: Condition
    handling: Handling
    overlays: tuple[str, ...] = ()
    mode: Mode
    latched: bool
    step: int = 0
    place: str | None = None
    place_en: str | None = None
    place_slug: str | None = None
    x: float | None = None
    y: float | None = None
    device: str | None = None
    device_name: str | None = None
    device_name_en: str | None = None
    household: bool = False
    observed_at: datetime
    detected_at: datetime
    activated_at: datetime
    cleared_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str | None = None
    owner_id: int | None = None
    owner: str | None = None
    going: str | None = None
    going_by: int | None = None
    going_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    cause: Cause | None = None
    note: str | None = None
    occurrences: int
    flapping: bool = False
    late_s: float = 0.0
    previous_id: UUID | None = None
    media_id: str | None = None


class TimelineView(View):
    """One step of an alert's life. ``user`` is the name of who did it, if a person did."""

    at: datetime
    kind: str
    user: str | None
    screen: str | None
    data: dict[str, Any]


class DeliveryView(View):
    """How far one message about this alert has come. ``recipient`` is a role or a person.

    ``channel`` is the kind of channel, ``name`` what the community calls it. The same message
    told of so many ``others``: lesser alerts of one place and minute go together.
    """

    transition: int
    recipient: str
    channel: str
    name: str = ""
    state: str
    created_at: datetime
    accepted_at: datetime | None
    delivered_at: datetime | None
    seen_at: datetime | None
    error: str | None
    others: int = 0


class AccessView(View):
    """One passage or refusal at a door near the alert."""

    at: datetime
    device: str
    device_name: str
    device_name_en: str
    event: str
    data: dict[str, Any]


class ChartView(View):
    """Which series tells this alert's story: ask for each of ``fields`` in this span."""

    device: str
    fields: tuple[str, ...]
    start: datetime
    end: datetime


class NextStep(View):
    """Who is told next if nobody takes the alert on, and when.

    A target is ``first`` (whoever was told when it was raised), ``role:<role>``, ``rota:<id>``,
    ``group:<id>``, ``user:<id>`` or ``contacts:<n>``.
    """

    at: datetime
    to: tuple[str, ...]


class ShelfView(View):
    """How an alert is shelved (``until`` a time), or is wished to be: then nobody has agreed.

    ``asked_at`` (epoch milliseconds) names the wish for who agrees to it.
    """

    minutes: int
    reason: str
    until: datetime | None
    asked_by: str
    asked_by_id: int
    asked_at: int
    agreed_by: str | None


class AlertDetail(View):
    """Everything the right-hand panel shows of one alert.

    ``contacts`` are those of the household concerned, empty when none is, or when the alert
    is closed and a guard looks. ``media_ready`` says that the snapshot can be fetched now,
    ``photos`` which photos can.
    ``values`` are the readings that raised it (health values only for those who may see
    them), with ``data`` and ``chart`` only what is shared with the reader: ``shared`` is false
    where whoever lives there does not share it. ``next_step`` is there while nobody has it and
    people are called; ``ack_until`` is when whoever has it is asked again. ``unowned_s`` is for
    how many seconds nobody had it before somebody answered, or it was over.
    """

    alert: AlertView
    next_step: NextStep | None
    ack_until: datetime | None
    shelf: ShelfView | None
    unowned_s: float
    timeline: tuple[TimelineView, ...]
    contacts: tuple[ContactView, ...]
    deliveries: tuple[DeliveryView, ...]
    access_log: tuple[AccessView, ...]
    chart: ChartView | None
    values: dict[str, Any]
    data: dict[str, Any]
    shared: bool = True
    media_ready: bool
    photos: tuple[str, ...]


class AlertCounts(View):
    """The numbers at the top of the wall.

    ``by_severity`` counts open alerts (keys 1 to 4, always all four). ``load`` is alerts
    per 10 minutes per person on duty, over the last hour; in a ``flood`` those of the last 10
    minutes, which are more than a person can take in.
    """

    by_severity: dict[int, int]
    open: int
    unacked: int
    oldest_unacked_at: datetime | None
    load: float
    flood: bool = False


class HistorySort(StrEnum):
    """What the history may be ordered by; of one severity the newest (or the oldest) first."""

    DETECTED = "detected"
    SEVERITY = "severity"


class AlertPage(View):
    """One page of the history, newest first; ``page`` counts from 1.

    ``next`` is what ``after`` must be to read on, null at the end: whoever reads all of it goes
    on by that, for new alerts would move the pages.
    """

    rows: tuple[AlertView, ...]
    next: UUID | None = None
    total: int
    page: int
    size: int


class HistoryFilter(View):
    """What to look for in the history; everything left out does not filter.

    ``text`` is looked for in title, place and device. ``start``/``end`` bound the time of
    detection.
    """

    severity: tuple[Annotated[int, Field(ge=1, le=4)], ...] = ()
    handling: tuple[Handling, ...] = ()
    cause: tuple[Cause, ...] = ()
    rule_id: str | None = None
    device: str | None = None
    place: str | None = None
    mode: Mode | None = None
    text: Annotated[str, Field(max_length=100)] | None = None
    start: datetime | None = None
    end: datetime | None = None


class AckRequest(BaseModel):
    """Take an alert on: ``version`` is the one that was seen."""

    version: int = Field(ge=1)
    screen: str = Field(default="api", max_length=64)


class DispatchRequest(AckRequest):
    """Send a person."""

    user_id: int


class ShelveRequest(AckRequest):
    """Shelve it for so many minutes, for a reason; or agree to a wish (its ``asked_at``)."""

    minutes: int = Field(ge=1, le=120)
    reason: str = Field(min_length=1, max_length=500)
    agree_to: int | None = None


class CloseRequest(AckRequest):
    """Close with a cause; it is the only source of a rule's precision."""

    cause: Cause | None = None
    note: str = Field(default="", max_length=2000)


class CardResident(View):
    """Somebody who lives there, as an ambulance asks; ``born_on`` if known.

    ``shared`` is false where their health is not for the reader.
    """

    name: str
    born_on: date | None
    health: str
    shared: bool


class EmergencyCard(View):
    """What to say on the telephone: where, what, who, how to get in, and where to call back."""

    alert: AlertView
    address: str
    desk_phone: str
    entry: str
    residents: tuple[CardResident, ...]
    opened_at: datetime


class CommentRequest(BaseModel):
    """Add words to the timeline."""

    text: str = Field(min_length=1, max_length=2000)
    screen: str = Field(default="api", max_length=64)


class CardRequest(BaseModel):
    """Open the emergency card."""

    screen: str = Field(default="api", max_length=64)
