"""What screens and the JSON API see of the registry: frozen views."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class DeviceStatus(StrEnum):
    """What can be said of a device now.

    ``silent``: not heard for more than two of its own intervals. ``flat``: battery under
    20 %. ``unknown``: never heard, or its gateway is offline or was until lately, so nothing
    can be said.
    ``stopped``: whoever lives there wants it to pass nothing on.
    """

    SILENT = "silent"
    FLAT = "flat"
    UNKNOWN = "unknown"
    OK = "ok"
    STOPPED = "stopped"
    RETIRED = "retired"


class CommunityView(View):
    """The community a screen is about; ``desk_phone`` is that of its duty desk, if known."""

    id: int
    slug: str
    name: str
    name_en: str
    timezone: str
    desk_phone: str = ""


class PlaceView(View):
    """A node of the place tree; ``x``/``y`` in metres, of the nearest placed ancestor."""

    slug: str
    parent: str | None
    kind: str
    label: str
    label_en: str
    x: float | None
    y: float | None


class DeviceRow(View):
    """One device, as a row of the table. ``battery`` in %, ``rssi`` in dBm."""

    slug: str
    model: str
    model_title: str
    model_title_en: str
    icon: str
    life_safety: bool
    name: str
    name_en: str
    place: str
    place_en: str
    place_slug: str
    gateway: str
    household: bool
    status: DeviceStatus
    last_seen_at: datetime | None
    interval_s: int
    battery: float | None
    rssi: float | None


class DevicePage(View):
    """One page of devices; ``page`` counts from 1, ``counts`` is over all that match.

    ``next`` is what ``after`` must be to read on, null at the end.
    """

    rows: tuple[DeviceRow, ...]
    next: str | None = None
    total: int
    page: int
    size: int
    counts: dict[DeviceStatus, int]


class DeviceCounts(View):
    """Devices of a community by status (retired ones left out); ``online`` = ok + flat."""

    total: int
    online: int
    silent: int
    flat: int
    unknown: int


class FieldView(View):
    """One field of a device with what it last said (``value`` null: nothing yet).

    ``kind`` is number, boolean or choice; ``options`` are a choice's words, whose index is
    what a series holds.
    """

    name: str
    title: str
    title_en: str
    unit: str
    kind: str
    options: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    value: bool | int | float | str | None
    at: datetime | None


class DeviceDetail(View):
    """Everything about one device, but for its series and events (see telemetry).

    ``not_shared`` names fields that whoever lives there does not share with the reader.
    """

    device: DeviceRow
    fields: tuple[FieldView, ...]
    not_shared: tuple[str, ...] = ()
    attributes: dict[str, Any]
    gateway_name: str
    gateway_name_en: str
    gateway_online: bool
    created_at: datetime
    replaces: str | None = None
    replaced_by: str | None = None


class GatewayView(View):
    """A gateway and whether it is there."""

    slug: str
    name: str
    name_en: str
    place: str | None
    place_en: str | None
    online: bool
    status_at: datetime | None
    version: str | None
    devices: int


class PlanDevice(View):
    """A marker on the plan, in metres; devices on one spot are spread apart."""

    slug: str
    model: str
    icon: str
    name: str
    name_en: str
    place: str
    place_en: str
    x: float
    y: float
    status: DeviceStatus


class PlanPictureView(View):
    """The picture under the plan, in metres; its bytes are at ``/api/v1/plan/picture``.

    ``bright``: a screen read in the dark shows its negative.
    """

    version: int
    sha256: str
    bright: bool
    x: float
    y: float
    width: float
    height: float


class Plan(View):
    """The site plan with every device on it; ``shapes`` as the community file gives them."""

    width: float
    height: float
    shapes: tuple[dict[str, Any], ...]
    devices: tuple[PlanDevice, ...]
    picture: PlanPictureView | None = None


class DeviceSort(StrEnum):
    """What a list of devices may be ordered by; ``status`` puts what needs care first.

    ``slug`` never changes: by it, all are read once each, whatever happens meanwhile.
    """

    STATUS = "status"
    SLUG = "slug"
    NAME = "name"
    PLACE = "place"
    MODEL = "model"
    LAST_SEEN = "last_seen"
    BATTERY = "battery"
    RSSI = "rssi"


class DeviceFilter(View):
    """Which devices to list; everything left out does not filter.

    ``place`` includes all that lies in it; ``text`` is looked for in name, slug and place.
    Retired devices are listed only when ``status`` asks for them.
    """

    status: tuple[DeviceStatus, ...] = ()
    model: tuple[str, ...] = ()
    gateway: str | None = None
    place: str | None = None
    text: Annotated[str, Field(max_length=100)] | None = None


class DeviceState(StrEnum):
    """Whether a device's readings are taken in."""

    APPROVED = "approved"
    RETIRED = "retired"


Id = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""An id on the wire."""


class DeviceStateBody(BaseModel):
    """Whether a device is to be heard."""

    state: DeviceState


class NewDevice(View):
    """A device an installer approves; ``interval_s`` null takes the model's."""

    slug: Id
    model: str = Field(max_length=64)
    gateway: Id
    place: Id
    household: Id | None = None
    name: str = Field(min_length=1, max_length=100)
    name_en: str = Field(min_length=1, max_length=100)
    interval_s: int | None = Field(default=None, ge=1, le=86400 * 7)
    attributes: dict[str, Any] = Field(default_factory=dict)


class Replacement(View):
    """A device that takes the place of a broken one; what is left out is as the old one's."""

    slug: Id
    model: str | None = Field(default=None, max_length=64)
    gateway: Id | None = None
    reason: str = Field(default="", max_length=500)
