"""What screens and the JSON API see of windows."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from anju_platform.alerts.windows.model import Kind


class WindowView(BaseModel):
    """Work or a drill: where, when, why, by whom.

    ``place`` is the place it is about, or that of the ``device`` it is about; none: the whole
    community. ``ended_at``: somebody ended it (or took it back) before its time.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    kind: Kind
    place: str | None
    place_label: str | None
    place_label_en: str | None
    device: str | None
    device_name: str | None
    device_name_en: str | None
    rules: tuple[str, ...]
    for_life: bool
    reason: str
    starts_at: datetime
    ends_at: datetime
    is_on: bool
    is_over: bool
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    ended_by: str | None


class WindowPage(BaseModel):
    """Work and drills that are over, the last one first; ``next`` as of all lists."""

    model_config = ConfigDict(frozen=True)

    items: tuple[WindowView, ...]
    next: str | None


class _Planned(BaseModel):
    place: Annotated[str | None, Field(max_length=64)] = None
    reason: str = Field(min_length=1, max_length=500)
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime


class MaintenanceBody(_Planned):
    """Work at a place and all that lies in it, or on one device; it begins at once if not said.

    ``for_life`` mutes what a life may hang on, too: of one device, for 4 h at most.
    """

    device: Annotated[str | None, Field(max_length=64)] = None
    for_life: bool = False


class DrillBody(_Planned):
    """A drill at a place and all that lies in it (none: everywhere), of these rules (none: all)."""

    rules: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=100)] = ()
