"""What is shown of a canary."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class CanaryView(BaseModel):
    """A gateway's last walk and those of the last day, in seconds since its agent sent it off.

    ``stored_s`` is when the rules had heard it and it stood in the database, ``told_s`` when the
    worker had taken it up, ``shown_s`` when an open screen's stream carried it (null: none was
    open). ``p50_s`` and ``p95_s`` are of ``told_s`` in the last day's ``walks``. By the gateway's
    clock: one that is wrong by a second counts as it says. ``missed``: the gateway is there, and
    three walks in a row did not arrive.
    """

    model_config = ConfigDict(frozen=True)

    said_at: datetime
    stored_s: float | None
    told_s: float | None
    shown_s: float | None
    walks: int
    p50_s: float | None
    p95_s: float | None
    missed: bool
