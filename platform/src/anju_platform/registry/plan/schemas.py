"""What is said about where devices stand, and about the plan's picture."""

from pydantic import BaseModel, ConfigDict, Field

from anju_platform.registry.places.schemas import MOST_M, Metres
from anju_platform.registry.schemas import Id


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class Standing(View):
    """A device and where it stands: ``x``/``y`` are its own metres, null: where its place is.

    ``place_x``/``place_y`` are those of its place, if that is on the plan.
    """

    slug: str
    name: str
    name_en: str
    place: str
    place_en: str
    icon: str
    x: float | None
    y: float | None
    place_x: float | None
    place_y: float | None


class StandingPage(View):
    """One page of devices; ``page`` counts from 1."""

    rows: tuple[Standing, ...]
    total: int
    page: int
    size: int


class Move(View):
    """Where a device is to stand, and where it stood when it was looked at."""

    slug: Id
    x: Metres | None
    y: Metres | None
    was_x: Metres | None
    was_y: Metres | None


class Moves(BaseModel):
    """Several devices at once; each is moved unless somebody else has moved it meanwhile."""

    moves: tuple[Move, ...] = Field(max_length=500)


class Moved(View):
    """What came of it: ``kept`` stand elsewhere by now, as somebody else put them."""

    moved: int
    kept: tuple[Standing, ...]


class PicturePlace(View):
    """Where a picture lies: its upper left corner, and its width, in metres."""

    x: Metres = 0.0
    y: Metres = 0.0
    width: float = Field(gt=0, le=MOST_M, allow_inf_nan=False)
