"""What screens and the JSON API see of the time series: frozen views."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class Series(View):
    """One field of one device over a span, thinned so that no extreme is lost.

    ``times`` (epoch milliseconds, ascending) and ``values`` run in parallel. A boolean is
    0 or 1, a choice the index into ``options``; both hold until the next point, so the
    first may lie before ``start``. ``bucket_s`` is the width each pair of extremes stands
    for, null when every stored point is there. ``shared`` is false where whoever lives there
    does not share it with the reader: then nothing is there.
    """

    device: str
    field: str
    title: str
    title_en: str
    unit: str
    kind: str
    options: tuple[str, ...]
    start: datetime
    end: datetime
    bucket_s: float | None
    times: tuple[int, ...]
    values: tuple[float, ...]
    shared: bool = True


class EventView(View):
    """Something a device said has happened. ``late``: it reached us long after the fact."""

    at: datetime
    received_at: datetime
    event: str
    title: str
    title_en: str
    data: dict[str, Any]
    late: bool
