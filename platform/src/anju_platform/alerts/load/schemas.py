"""What screens and the JSON API see of the load."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Source(BaseModel):
    """A rule at a device (or none), and how often it rang within a day."""

    model_config = ConfigDict(frozen=True)

    rule_id: str
    title: str
    title_en: str
    device: str | None
    device_name: str | None
    device_name_en: str | None
    alerts: int
    times: int


class LoadView(BaseModel):
    """Alerts for each person on duty, as EEMUA 191 counts them.

    ``now`` came in the last ten minutes, ``usual`` in ten minutes of the last hour, each for one
    of ``people``. ``flood``: more than a person can take in. ``stale`` are open and have gone on
    for more than a day; ``stale_since`` is when the oldest of them began. ``sources`` are those
    that rang most often within a day.
    """

    model_config = ConfigDict(frozen=True)

    people: int
    now: float
    usual: float
    flood: bool
    stale: int
    stale_since: datetime | None
    sources: tuple[Source, ...]
