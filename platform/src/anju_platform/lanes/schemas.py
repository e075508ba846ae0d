"""What the JSON API says of devices that speak and are not known yet."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class WaitingDevice(View):
    """A device that speaks and is not at work here; what it says is kept (``batches``).

    ``fits`` names the models that may say what it says, the closest first. ``retired``: it was
    known once.
    """

    slug: str
    gateway: str
    gateway_name: str
    gateway_name_en: str
    batches: int
    first_at: datetime
    newest_at: datetime
    fits: tuple[str, ...]
    retired: bool


class WaitingPage(View):
    """Waiting devices, who was heard first last; ``next`` is what ``after`` must be to read on."""

    items: tuple[WaitingDevice, ...]
    next: str | None
